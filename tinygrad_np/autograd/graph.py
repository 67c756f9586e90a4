"""The graph, for those who look into it: its nodes, and a way to tell it of changes it cannot see."""

from __future__ import annotations

from collections.abc import Iterable

from tinygrad_np.graph import Node
from tinygrad_np.tensor import Tensor

__all__ = ["Node", "increment_version"]


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Note that a tensor was changed in place by other means than its methods: a graph that saved it is stale.

    Args:
        tensor: the tensor, or several.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.ones(2, requires_grad=True)
        >>> y = x.exp()
        >>> y.detach().numpy()[0] = 0
        >>> increment_version(y)
        >>> y.sum().backward()
        Traceback (most recent call last):
        ...
        RuntimeError: one of the variables needed for gradient computation has been modified by an inplace ...
    """
    for changed in [tensor] if isinstance(tensor, Tensor) else tensor:
        changed._touch()
