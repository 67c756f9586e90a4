"""Flatten and Unflatten."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_np.nn.module import Module
from tinygrad_np.tensor import Tensor


class Flatten(Module):
    """Makes one dimension of several; by default of all but the first, which counts the samples of a batch.

    Args:
        start_dim: The first of them.
        end_dim: The last of them.

    Example:
        >>> import tinygrad_np as tg
        >>> tuple(Flatten()(tg.zeros(32, 1, 28, 28)).shape)
        (32, 784)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        flattened: Tensor = input.flatten(self.start_dim, self.end_dim)
        return flattened

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Makes several dimensions of one.

    Args:
        dim: The dimension to split.
        unflattened_size: The sizes of the new ones; one of them may be -1, for what is left.

    Raises:
        TypeError: ``dim`` is no int, or ``unflattened_size`` no tuple or list of ints.

    Example:
        >>> import tinygrad_np as tg
        >>> tuple(Unflatten(1, (1, 28, 28))(tg.zeros(32, 784)).shape)
        (32, 1, 28, 28)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        if not isinstance(dim, int):
            raise TypeError(f"Unflatten: dim must be an int, not {type(dim).__name__}")
        if not isinstance(unflattened_size, tuple | list):
            raise TypeError(
                f"Unflatten: unflattened_size must be a tuple of ints, not {type(unflattened_size).__name__}"
            )
        for i, size in enumerate(unflattened_size):
            if not isinstance(size, int):
                found = f"element of type {type(size).__name__} at pos {i}"
                raise TypeError(f"unflattened_size must be tuple of ints, but found {found}")
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        unflattened: Tensor = input.unflatten(self.dim, self.unflattened_size)
        return unflattened

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
