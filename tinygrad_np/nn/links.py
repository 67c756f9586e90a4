"""Modules that are one op each, of which a `Sequential` runs neighbours as one `chain`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from tinygrad_np.graph import modes
from tinygrad_np.tensor import Tensor

Operands: TypeAlias = "tuple[Tensor | None, ...]"
Forward = TypeVar("Forward", bound=Callable[..., Any])


def is_op(op: Any, operands: Callable[[Any], Operands | None] = lambda module: ()) -> Callable[[Forward], Forward]:
    """Say of a module's ``forward`` that it does no more than to call ``op``.

    Args:
        op: as a function of tensors.
        operands: gives the arguments that follow the module's input, or None if the module is not to be a link.

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


def begins_chain(input: Any, operands: Operands) -> bool:
    """Whether a chain can begin with an op of these arguments: one that is recorded.

    The result of one that is not can be freed as soon as the next has read it.
    """
    # Anomaly mode is to tell the ops apart; and NumPy makes scalars of arrays without dimensions.
    if not (modes.grad and isinstance(input, Tensor) and input._array.ndim) or modes.anomaly:
        return False
    return input._node is not None or any([other is not None and other._node is not None for other in operands])
