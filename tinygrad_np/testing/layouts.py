"""Memory layouts: each function gives an array of the same values that lies otherwise in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Layout: TypeAlias = Callable[[Array], Array]


def contiguous(array: Array) -> Array:
    """In the order of the indices."""
    return np.array(array, order="C")


def transposed(array: Array) -> Array:
    """In the opposite order: the first index varies fastest."""
    return np.array(array, order="F")


def strided(array: Array) -> Array:
    """Every second element, in each dimension, of a larger array."""
    spread = np.full([2 * size for size in array.shape], 77, array.dtype)
    every_second = spread[(slice(None, None, 2),) * array.ndim + (...,)]
    every_second[...] = array
    return every_second


def flipped(array: Array) -> Array:
    """Backwards in each dimension: all strides are negative."""
    return np.asarray(np.flip(np.flip(array).copy()))  # NumPy makes a scalar of a 0-d array


def read_only(array: Array) -> Array:
    """In the order of the indices, and not to be written to."""
    copy = contiguous(array)
    copy.flags.writeable = False
    return copy


def expanded(array: Array) -> Array:
    """One slice along every second dimension, stretched to the whole by a stride of 0; the other slices are lost."""
    slices = tuple(slice(0, 1) if axis % 2 == 0 else slice(None) for axis in range(array.ndim))
    return np.broadcast_to(array[(*slices, ...)].copy(), array.shape)


LAYOUTS: tuple[Layout, ...] = (contiguous, transposed, strided, flipped, read_only, expanded)
