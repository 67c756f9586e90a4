"""Sums and other reductions along axes: NumPy takes several times as long for short rows, and its sums lose precision.

A sum is a product with ones, which BLAS computes. Of a float32 array of a million rows NumPy adds one after the other,
until what is added is lost in the rounding of the total; here no total is of more than `_LONGEST` numbers, and these
totals are added up likewise.

Source: Higham, "The accuracy of floating point summation" (1993), for sums of sums.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Axes: TypeAlias = tuple[int, ...] | None  # NumPy's form of it: None for all, no negative ones

_LONGEST = 128  # numbers that are added one after the other
_LONG_ROW = 4096  # of longer ones, NumPy adds up parts, too, and in as little time
SHORT_ROW = 32  # NumPy takes long from one row to the next, so shorter ones are turned into columns
FEW = 5000  # elements; for fewer, NumPy's one call takes less time than to look at the shape


def reduce(ufunc: Any, array: Array, axes: Axes, keepdims: bool = False, dtype: np.dtype[Any] | None = None) -> Array:
    """``ufunc.reduce``, contiguous; sums by BLAS.

    For (4096, 100) a sum takes 0.2 of NumPy's time along either axis, for (1000000, 3) along the last 0.1, along the
    first 0.03. The largest elements of (100000, 3) take 0.05 and 0.06.

    Args:
        ufunc: of two operands, which may be applied in any order, as `np.add` and `np.maximum`.
        array: of any shape, layout and dtype.
        axes: none of them negative; None for all.
        keepdims: leave them in the result, with size 1.
        dtype: in which to compute; for None that of the array. Single and double precision stay what they are.

    Example:
        >>> many = np.full((1_000_000, 2), 0.1, np.float32)
        >>> reduce(np.add, many, (0,)).round(), many.sum(0).round()
        (array([100000., 100000.], dtype=float32), array([100958., 100958.], dtype=float32))
    """
    if array.size >= FEW and axes:
        return _Reduction(ufunc, dtype).along(array, axes, keepdims)
    reduced: Array = ufunc.reduce(array, axes, dtype, keepdims=keepdims)
    # So that it can be viewed otherwise: NumPy's has the layout of the array.
    return reduced.copy() if reduced.ndim > 1 and not reduced.flags.c_contiguous else reduced


def summed(array: Any, axes: Axes) -> Any:
    """The sum of an array or a tensor, with its axes left in, of size 1: as rules of gradients use it."""
    if array.__class__ is np.ndarray:
        return reduce(np.add, array, axes, keepdims=True)
    return array.sum(axis=axes, keepdims=True)


class _Reduction(NamedTuple):
    """A reduction of many elements: NumPy's function, and the dtype in which to compute."""

    ufunc: Any
    dtype: np.dtype[Any] | None

    def along(self, array: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
        """`reduce`, by how the elements lie in memory."""
        if array.flags.c_contiguous:
            return self._of_contiguous(array, axes, keepdims)
        if array.flags.f_contiguous:
            return self._of_contiguous(array.T, [array.ndim - 1 - axis for axis in axes], keepdims).T.copy()
        return np.asarray(self._of_scattered(array, axes, keepdims), order="C")

    def _of_contiguous(self, array: Array, axes: Sequence[int], keepdims: bool) -> Array:
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
                total = self._along_middle(total.reshape(-1, size, inner))
        if total is array:  # there is nothing to reduce, but a result may have another dtype
            total = self.ufunc.reduce(array, tuple(axes), self.dtype)
        sizes = enumerate(array.shape)
        return total.reshape([1 if axis in axes else size for axis, size in sizes if keepdims or axis not in axes])

    def _along_middle(self, array: Array) -> Array:
        """Along the second of three axes."""
        _, size, inner = array.shape
        if inner == 1:
            return self._along_rows(array[:, :, 0])
        if size < 2 * _LONGEST:
            return self._along_columns(array)
        rest = size % _LONGEST
        # Elements that are far from each other come first, for so they stand in long rows.
        parts = self._along_columns(array[:, : size - rest].reshape(len(array), _LONGEST, -1))
        total = self._along_middle(parts.reshape(len(array), -1, inner))
        if rest:
            total = self.ufunc(total, self._along_columns(array[:, size - rest :]))
        return total

    def _along_columns(self, array: Array) -> Array:
        if self._is_for_blas(array):
            reduced: Array = np.matmul(ones(array.shape[1], array.dtype), array)
        else:
            reduced = self.ufunc.reduce(array, 1, self.dtype)
        return reduced

    def _along_rows(self, rows: Array) -> Array:
        size = rows.shape[1]
        if size <= _LONG_ROW and self._is_for_blas(rows):
            reduced: Array = np.matmul(rows, ones(size, rows.dtype))
        elif size <= SHORT_ROW:
            reduced = self.ufunc.reduce(rows.T.copy(), 0, self.dtype)
        else:
            reduced = self.ufunc.reduce(rows, 1, self.dtype)
        return reduced

    def _of_scattered(self, array: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
        """What is not contiguous: for a sum along a long axis, first of `_LONGEST` elements that are far apart."""
        axis = max(axes, key=array.shape.__getitem__)
        size, steps = array.shape[axis], [abs(step) for step in array.strides if step]
        # Along the axis where elements lie next to each other NumPy adds up parts, too.
        lie_together = bool(steps) and abs(array.strides[axis]) == min(steps)
        if self.ufunc is not np.add or size < 2 * _LONGEST or lie_together:
            reduced: Array = self.ufunc.reduce(array, axes, self.dtype, keepdims=keepdims)
            return reduced
        moved = np.moveaxis(array, axis, 0)
        whole = size - size % _LONGEST
        strips = moved[:whole].reshape(_LONGEST, whole // _LONGEST, *moved.shape[1:])
        parts = np.concatenate([np.add.reduce(strips, 0, self.dtype), moved[whole:]])
        return reduce(np.add, np.moveaxis(parts, 0, axis), axes, keepdims, self.dtype)

    def _is_for_blas(self, array: Array) -> bool:
        return self.ufunc is np.add and array.dtype.char in "fd"


@functools.lru_cache(maxsize=32)
def ones(size: int, dtype: np.dtype[Any]) -> Array:
    """A vector of ones: its product with a matrix is a sum."""
    vector = np.ones(size, dtype)
    vector.flags.writeable = False  # all share it
    return vector
