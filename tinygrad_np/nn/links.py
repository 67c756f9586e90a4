"""Modules that are one op each, of which a `Sequential` runs neighbours as one `chain`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from tinygrad_np.tensor import Tensor

Operands: TypeAlias = "tuple[Tensor | None, ...]"
Forward = TypeVar("Forward", bound=Callable[..., Any])


def is_op(op: Any, operands: Callable[[Any], Operands] = lambda module: ()) -> Callable[[Forward], Forward]:
    """Say of a module's ``forward`` that it does no more than to call ``op``.

    Args:
        op: as a function of tensors.
        operands: gives the arguments of a module that follow its input.

    Example:
        >>> import tinygrad_np as tg
        >>> class Exp(tg.nn.Module):
        ...     @is_op(tg.exp)
        ...     def forward(self, input):
        ...         return tg.exp(input)
        >>> tg.nn.Sequential(tg.nn.Linear(2, 3), Exp())(tg.ones(2)).grad_fn.name()
        'LinearExpBackward0'
    """

    def mark(forward: Forward) -> Forward:
        forward.link = op.op, operands  # type: ignore[attr-defined]
        return forward

    return mark


def are_trained(operands: Operands) -> bool:
    """Whether one of the arguments needs a gradient: then the layer may begin a chain.

    A chain keeps its input. A layer that is not trained, or an activation, does not.
    """
    return any([operand is not None and operand._node is not None for operand in operands])
