"""Modules that are one op each: what a `Sequential` needs to know to run neighbours of them as one `chain`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from tinygrad_np.graph import modes
from tinygrad_np.nn.module import Module
from tinygrad_np.ops.table import Op
from tinygrad_np.tensor import Tensor

Operands: TypeAlias = "tuple[Tensor | None, ...]"
Link: TypeAlias = tuple[Op, Operands]
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


def link_of(module: Module) -> Link | None:
    """The op that a call of ``module`` comes down to and its operands; None if something else happens there, too."""
    # That hangs on the function: who overrides `forward`, in a class or a module, does not inherit it.
    link = getattr(module.forward, "link", None)
    if link is None or module._hooks is not None or module.__class__.__call__ is not _CALL:
        return None
    operands = link[1](module)
    return None if operands is None else (link[0], operands)


_CALL = Module.__call__


def begins_chain(input: Any, operands: Operands) -> bool:
    """Whether a chain can begin with an op of these arguments: one that is recorded.

    The result of one that is not can be freed as soon as the next has read it.
    """
    # Anomaly mode is to tell the ops apart; and NumPy makes scalars of arrays without dimensions.
    if not (modes.grad and isinstance(input, Tensor) and input._array.ndim) or modes.anomaly:
        return False
    if input._node is not None:
        return True
    return any([operand is not None and operand._node is not None for operand in operands])
