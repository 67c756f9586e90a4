"""Parameter: a tensor that a module trains."""

from __future__ import annotations

from typing import Any, Self

from tinygrad_np.ops import creation
from tinygrad_np.tensor import Tensor


class Parameter(Tensor):
    """A tensor that becomes one of a module's parameters when it is assigned as an attribute.

    It shares memory with ``data``, and is a leaf: gradients end here.

    Args:
        data: The values, a floating-point tensor; None for an empty one.
        requires_grad: Whether gradients are wanted; False freezes the parameter.

    Raises:
        TypeError: If ``data`` is not a Tensor.
        RuntimeError: If ``data`` is no floating-point tensor and ``requires_grad`` is True.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.nn.Parameter(tg.zeros(2))
        Parameter containing:
        tensor([0., 0.], requires_grad=True)
    """

    # An `__init__` and no `__new__`: copying and unpickling make an object of any tensor class without arguments.
    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        if data is None:
            data = creation.empty(0)
        if not isinstance(data, Tensor):
            raise TypeError(f"Parameter(): argument 'data' must be Tensor, not {type(data).__name__}")
        self._array = data._array
        self._node = None
        self._counter = data._counter  # of in-place changes: they are seen through either
        self._grad = None
        self.requires_grad_(requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copied = super().__deepcopy__(memo)
        copied.grad = None  # unlike a tensor, as in PyTorch: what is made of a copy begins anew
        return copied

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
