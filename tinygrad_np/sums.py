"""Sums along axes, by BLAS: NumPy's own take several times as long, and along all but the last axis lose precision.

A sum is a product with ones. Of a float32 array of a million rows NumPy adds one after the other, until what is added
is lost in the rounding of the total; here no total is of more than `_LONGEST` numbers, and those are added up likewise.

Source: Higham, "The accuracy of floating point summation" (1993), for sums of sums.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Axes: TypeAlias = tuple[int, ...] | None  # NumPy's form of it: None for all, no negative ones

_LONGEST = 128  # numbers that are added one after the other
_LONG_ROW = 4096  # of longer ones, NumPy adds up parts, too, and in as little time
_FEW = 5000  # elements; for fewer, NumPy's one call takes less time than to look at the shape


def reduce(ufunc: Any, array: Array, axes: Axes, keepdims: bool = False, dtype: np.dtype[Any] | None = None) -> Array:
    """``ufunc.reduce``, contiguous; sums by BLAS.

    For (4096, 100) a sum takes 0.2 of NumPy's time along either axis, for (1000000, 3) along the last 0.1, along the
    first 0.03.

    Args:
        ufunc: a function of NumPy for two operands, as `np.add`.
        array: of any shape, layout and dtype. NumPy sums where BLAS cannot, and where it takes no longer.
        axes: none of them negative; None for all.
        keepdims: leave them in the result, with size 1.
        dtype: in which to add up what is not in single or double precision.

    Example:
        >>> many = np.full((1_000_000, 2), 0.1, np.float32)
        >>> reduce(np.add, many, (0,)).round(), many.sum(0).round()
        (array([100000., 100000.], dtype=float32), array([100958., 100958.], dtype=float32))
    """
    if array.size >= _FEW and ufunc is np.add and axes and array.dtype.char in "fd":
        return _sum(array, axes, keepdims)
    reduced: Array = ufunc.reduce(array, axes, dtype, keepdims=keepdims)
    # So that it can be viewed otherwise: NumPy's has the layout of the array.
    return reduced.copy() if reduced.ndim > 1 and not reduced.flags.c_contiguous else reduced


def summed(array: Any, axes: Axes) -> Any:
    """The sum of an array or a tensor, with its axes left in, of size 1: as rules of gradients use it."""
    if array.__class__ is np.ndarray:
        return reduce(np.add, array, axes, keepdims=True)
    return array.sum(axis=axes, keepdims=True)


def _sum(array: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    if array.flags.c_contiguous:
        return _sum_of_contiguous(array, axes, keepdims)
    if array.flags.f_contiguous:
        return _sum_of_contiguous(array.T, [array.ndim - 1 - axis for axis in axes], keepdims).T.copy()
    return _sum_in_strips(array, axes, keepdims)


def _sum_of_contiguous(array: Array, axes: Sequence[int], keepdims: bool) -> Array:
    total, inner, axis = array, 1, array.ndim
    while axis:  # from the last to the first, for the last lie together in memory
        axis -= 1
        size = array.shape[axis]
        if axis not in axes:
            inner *= size
            continue
        while axis - 1 in axes:  # neighbours are as one
            axis -= 1
            size *= array.shape[axis]
        if size != 1:
            total = _along_middle(total.reshape(-1, size, inner))
    if total is array:  # no axis that is summed has several elements
        total = array.copy()
    sizes = enumerate(array.shape)
    return total.reshape([1 if axis in axes else size for axis, size in sizes if keepdims or axis not in axes])


def _sum_in_strips(array: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    """Where BLAS cannot: by NumPy, but for a long axis first the sums of `_LONGEST` elements that are far apart."""
    axis = max(axes, key=array.shape.__getitem__)
    size, steps = array.shape[axis], [abs(step) for step in array.strides if step]
    # Along the axis where elements lie next to each other NumPy adds up parts, too.
    if size < 2 * _LONGEST or (steps and abs(array.strides[axis]) == min(steps)):
        return np.asarray(array.sum(axes, keepdims=keepdims))
    moved = np.moveaxis(array, axis, 0)
    whole = size - size % _LONGEST
    strips = moved[:whole].reshape(_LONGEST, whole // _LONGEST, *moved.shape[1:])
    parts = np.moveaxis(np.concatenate([np.add.reduce(strips, 0), moved[whole:]]), 0, axis)
    return reduce(np.add, parts, axes, keepdims)


def _along_middle(array: Array) -> Array:
    """The sum along the second of three axes."""
    _, size, inner = array.shape
    if inner == 1:
        rows = array[:, :, 0]
        total: Array = np.matmul(rows, ones(size, array.dtype)) if size <= _LONG_ROW else np.add.reduce(rows, 1)
        return total
    if size < 2 * _LONGEST:
        total = np.matmul(ones(size, array.dtype), array)
        return total
    rest = size % _LONGEST
    # Numbers that are far from each other are added first, for so the products are of long rows.
    parts = array[:, : size - rest].reshape(len(array), _LONGEST, -1)
    total = _along_middle(np.matmul(ones(_LONGEST, array.dtype), parts).reshape(len(array), -1, inner))
    if rest:
        total += np.matmul(ones(rest, array.dtype), array[:, size - rest :])
    return total


@functools.lru_cache(maxsize=32)
def ones(size: int, dtype: np.dtype[Any]) -> Array:
    """A vector of ones: its product with a matrix is a sum."""
    vector = np.ones(size, dtype)
    vector.flags.writeable = False  # all share it
    return vector
