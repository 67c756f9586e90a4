"""Matrices kept as the product of two thin ones.

The gradient of a layer's weight is a sum over the batch: gradients of outputs, as columns, times inputs, as rows. When
the batch is small and the weight large, these are far fewer numbers than their product. So such a gradient stays what
it is until somebody looks at it, and SGD, which only adds it to the weight, never has it written to memory: a training
step of a network 784-200-10 takes 0.65 of the time with a batch of one.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tinygrad_np import blas

Array: TypeAlias = npt.NDArray[Any]

LEAST = 32 * 1024  # elements; a smaller gradient is as fast to write and to read again
_THIN = 8  # so many times as many elements as its factors has a product that is not computed


class LowRank:
    """The matrix ``left @ right``, which is computed when it is needed.

    Its rank is at most the number of columns of ``left``, which is what it is named for.

    Args:
        left: ``(n, rank)``.
        right: ``(rank, m)``, of the same dtype.

    Example:
        >>> matrix = LowRank(np.array([[1.0], [2.0]]), np.array([[3.0, 4.0]]))
        >>> np.asarray(matrix)
        array([[3., 4.],
               [6., 8.]])
        >>> matrix.add_to(np.ones(4), 10.0, 1.0)
        array([31., 41., 61., 81.])
    """

    __slots__ = ("dtype", "left", "right", "shape")

    def __init__(self, left: Array, right: Array) -> None:
        self.left = left
        self.right = right
        self.shape = (len(left), right.shape[1])
        self.dtype = right.dtype

    def copy(self) -> LowRank:
        """The same with factors of its own, as BLAS likes them: without gaps."""
        return LowRank(self.left.copy("C"), self.right.copy("C"))

    def rows_of(self, where: slice) -> LowRank:
        """The rows that make up these elements of the flattened matrix."""
        width = self.shape[1]
        return LowRank(self.left[where.start // width : where.stop // width], self.right)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        array = np.empty(self.shape, self.dtype)
        self.into(array.reshape(-1))
        return array if dtype is None else array.astype(dtype, copy=False)

    def into(self, out: Array) -> Array:
        """Write the elements into a flat array, and return that."""
        if not blas.gemm(1.0, self.left, self.right, 0.0, out):
            np.matmul(self.left, self.right, out=out.reshape(self.shape))
        return out

    def add_to(self, out: Array, alpha: float, beta: float) -> Array:
        """``out = alpha * self + beta * out``, in place, for a flat array; as `blas.axpby`."""
        if not (alpha and beta and blas.gemm(alpha, self.left, self.right, beta, out)):
            whole = np.asarray(self).reshape(-1)
            blas.axpby(alpha, whole, beta, out, whole)
        return out


def is_thin(n: int, rank: int, m: int) -> bool:
    """Whether to keep factors ``(n, rank)`` and ``(rank, m)`` instead of their product."""
    return n * m >= LEAST and 0 < _THIN * rank * (n + m) <= n * m
