"""Products of matrices and vectors. NumPy hands them to BLAS; here are the shapes, the errors and the gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray

from tinygrad_np.blas import FEW, FEW_RESULTS, LONG, product
from tinygrad_np.low_rank import LEAST, LowRank, is_thin
from tinygrad_np.ops import primitive as _primitive
from tinygrad_np.ops.errors import argument_error
from tinygrad_np.ops.primitive import for_rules, primitive
from tinygrad_np.ops.table import Array
from tinygrad_np.sums import ones

if TYPE_CHECKING:
    from tinygrad_np.tensor import Tensor

# ---- the two primitives --------------------------------------------------------------------------------------------


@primitive
def matmul(input: Array, other: Array) -> Array:
    """The matrix product, of vectors, matrices, or batches of matrices.

    ``out[..., i, j] = sum_k input[..., i, k] * other[..., k, j]``

    A 1-D ``input`` is taken as a row and a 1-D ``other`` as a column, whose dimension the result then lacks. All
    dimensions before the last two are batch dimensions, and are broadcast.

    Args:
        input: ``(..., n, k)`` or ``(k,)``.
        other: ``(..., k, m)`` or ``(k,)``, of the same dtype.

    Returns:
        ``(..., n, m)``; without ``n`` or ``m`` where an operand is 1-D.

    Raises:
        RuntimeError: the shapes do not fit, the dtypes differ, or the dtype is bool.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.matmul(tg.tensor([[1, 2], [3, 4]]), tg.tensor([[1, 0], [1, 1]]))
        tensor([[3, 2],
                [7, 4]])
        >>> tg.matmul(tg.ones(5, 2, 3), tg.ones(3)).shape
        Size([5, 2])
    """
    if not _alike(input, other, other):
        check_operands("matmul", input=input, other=other)
    try:
        if input.ndim > 2 and other.ndim == 2 and input.flags.c_contiguous:
            # One product of a tall matrix instead of one per batch.
            return _times(_rows(input), other).reshape(*input.shape[:-1], other.shape[1])
        return _times(input, other) if input.ndim == other.ndim == 2 else np.matmul(input, other)
    except ValueError:
        raise _mismatch(input.shape, other.shape) from None


def _times(left: Any, right: Any, addend: Any = None) -> Any:
    """The product of two matrices, as `np.matmul` gives it, in the way that is fastest for their size; plus ``addend``.

    Where it is small `np.dot` does it, which saves 0.4 µs of a call; a column times a row, too, for that takes 0.6 of
    the time of `np.matmul`. What is large, or thin with long sums, is computed in parts, where that pays.
    """
    if left.__class__ is not ndarray:  # a tensor, in a rule that is recorded
        return np.matmul(left, right) if addend is None else np.matmul(left, right) + addend
    size = left.size * right.shape[1]
    # The first question is enough for a small network, where the others would take 0.01 of a step.
    if (
        size <= _SMALL
        or (size <= FEW and (len(left) * right.shape[1] <= FEW_RESULTS or left.shape[1] < LONG))
        or left.shape[1] == 1
    ):
        out = left.dot(right)
    else:
        in_parts = product(left, right, addend)
        if in_parts is not None:
            return in_parts
        out = np.matmul(left, right)
    if addend is not None:
        out += addend
    return out


_SMALL = FEW_RESULTS * LONG  # multiplications; a product of no more is too small for parts


def _sum_of_products(left: Any, right: Any) -> Any:
    """The product of two matrices as the gradient of a weight, which may be large though the matrices are thin."""
    if left.__class__ is not ndarray:
        return np.matmul(left, right)
    if len(left) * right.shape[1] < LEAST:  # asked here, and not in two functions more: 0.99 of a small network's step
        return left.dot(right)
    return LowRank(left, right) if is_thin(len(left), len(right), right.shape[1]) else _times(left, right)


def _input_gradient(g: Any, other: Any, input_shape: tuple[int, ...]) -> Any:
    if len(other.shape) == 1:
        return _column(g) * other
    if len(input_shape) == 1:
        return _product(other, _column(g)).reshape(other.shape[:-1])
    return _product(g, other.mT)


def _other_gradient(g: Any, input: Any, other_shape: tuple[int, ...]) -> Any:
    if len(other_shape) == 1:
        return _column(g) * input if len(input.shape) == 1 else _product(_rows(input).T, g.reshape(-1))
    if len(input.shape) == 1:
        input, g = _row(input), _row(g)
    if len(other_shape) > 2:
        return _product(input.mT, g)
    # The same `other` for every batch: one product sums over all of them.
    return _sum_of_products(_rows(input).T, _rows(g))


_product = for_rules(matmul)
matmul.rule(input=_input_gradient, other=_other_gradient)


@primitive
def linear(input: Array, weight: Array, bias: Array = None) -> Array:
    """An affine map of the last dimension: ``input @ weight.T + bias``.

    Args:
        input: ``(..., in_features)``.
        weight: ``(out_features, in_features)``, of the same dtype.
        bias: ``(out_features,)``, of the same dtype, or None.

    Returns:
        ``(..., out_features)``.

    Raises:
        RuntimeError: the shapes do not fit, or the dtypes differ.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.nn.functional.linear(tg.tensor([1.0, 2.0]), tg.tensor([[1.0, 1.0], [0.0, 3.0]]), tg.tensor([10.0, 20.0]))
        tensor([13., 26.])
    """
    if not _alike(input, weight, weight if bias is None else bias):
        check_operands("linear", input=input, weight=weight, **({} if bias is None else {"bias": bias}))
    if weight.ndim != 2 or input.ndim == 0:
        raise RuntimeError(
            "linear: expected input of at least 1 dimension and weight of 2, but they are "
            f"{input.ndim}D and {weight.ndim}D"
        )
    if bias is not None and bias.ndim > 1:
        raise bias_misfit(bias.shape, (*input.shape[:-1], len(weight)))
    rows = input if input.ndim == 2 else _rows(input)
    try:
        out = _times(rows, weight.T, bias)
    except ValueError:
        if rows.shape[1] != weight.shape[1]:
            raise _mismatch(rows.shape, weight.shape[::-1]) from None
        raise bias_misfit(bias.shape, (*input.shape[:-1], len(weight))) from None
    return out if rows is input else out.reshape(*input.shape[:-1], weight.shape[0])


def bias_misfit(bias: Sequence[int], out: Sequence[int]) -> RuntimeError:
    """What to raise where a bias of one shape cannot be added to an output of the other."""
    return RuntimeError(f"linear: a bias of shape {list(bias)} does not fit an output of shape {list(out)}")


def _weight_gradient(g: Any, input: Any) -> Any:
    if g.ndim != 2:
        g, input = _rows(g), _rows(input)
    return _sum_of_products(g.T, input)


def _bias_gradient(g: Any) -> Any:
    if g.ndim != 2:
        return g  # the sweep sums over what was broadcast
    return ones(len(g), g.dtype).dot(g) if g.__class__ is ndarray else g.sum(0)


linear.rule(
    input=lambda g, weight: _times(g, weight) if g.ndim == 2 else _product(g, weight),
    weight=_weight_gradient,
    bias=_bias_gradient,
)


def _rows(array: Any) -> Any:
    """An array of any rank as a matrix of its last dimension."""
    shape = array.shape
    return array if len(shape) == 2 else array.reshape((math.prod(shape[:-1]), shape[-1]))


def _column(vectors: Any) -> Any:
    """Each vector as a matrix of one column."""
    return vectors.reshape((*vectors.shape, 1))


def _row(vectors: Any) -> Any:
    """Each vector as a matrix of one row."""
    return vectors.reshape((*vectors.shape[:-1], 1, vectors.shape[-1]))


def _alike(a: Any, b: Any, c: Any) -> bool:
    """Whether these are arrays of one dtype, and not bool: the common case, which needs no `check_operands`."""
    return (
        a.__class__ is b.__class__ is c.__class__ is ndarray and a.dtype is b.dtype is c.dtype and a.dtype.kind != "b"
    )


def check_operands(op: str, **operands: Any) -> None:
    """Raise unless all are arrays of one dtype that is not bool."""
    dtype = None
    for name, operand in operands.items():
        if not isinstance(operand, np.ndarray):
            raise argument_error(op, name, operand)
        if dtype is None:
            first, dtype = name, operand.dtype
        elif operand.dtype is not dtype and operand.dtype != dtype:
            raise RuntimeError(
                f"{op}: expected {first} and {name} to have the same dtype, but got: {dtype} != {operand.dtype}"
            )
    if dtype == np.bool_:
        raise RuntimeError(f"{op}: not implemented for dtype bool")


def _mismatch(a: tuple[int, ...], b: tuple[int, ...]) -> RuntimeError:
    """Why operands of these shapes have no matrix product."""
    if not a or not b:
        return RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {len(a)}D and {len(b)}D")
    if len(a) == len(b) == 1:
        return RuntimeError(
            f"inconsistent tensor size, expected tensor [{a[0]}] and src [{b[0]}] to have the same number of elements, "
            f"but got {a[0]} and {b[0]} elements respectively"
        )
    if len(b) == 1:
        rows = math.prod(a[:-1])
        return RuntimeError(f"size mismatch, got input ({rows}), mat ({rows}x{a[-1]}), vec ({b[0]})")
    if len(b) == 2:
        return RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({math.prod(a[:-1])}x{a[-1]} and {b[0]}x{b[1]})"
        )
    if a[-1] != b[-2]:
        return RuntimeError(
            f"batched matrices cannot be multiplied: the last size of {list(a)} must be the second last of {list(b)}"
        )
    return RuntimeError(f"the batch dimensions {list(a[:-2])} and {list(b[:-2])} cannot be broadcast together")


# ---- forms of it, each for operands of one rank --------------------------------------------------------------------


def rmatmul(input: Tensor, other: Any) -> Tensor:
    """``other @ input``: what Python calls when ``other`` does not know tensors."""
    return matmul(other, input)


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices, ``(n, k)`` and ``(k, m)``; see `matmul`.

    Raises:
        RuntimeError: an operand is no matrix, the shapes do not fit, or the dtypes differ.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.mm(tg.ones(2, 3), tg.ones(3, 2))
        tensor([[3., 3.],
                [3., 3.]])
    """
    _check_rank("mm", "input", input, 2)
    _check_rank("mm", "mat2", mat2, 2)
    return matmul(input, mat2)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two batches of as many matrices, ``(b, n, k)`` and ``(b, k, m)``; nothing is broadcast.

    Raises:
        RuntimeError: an operand has not 3 dimensions, the shapes do not fit, or the dtypes differ.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.bmm(tg.ones(7, 2, 3), tg.ones(7, 3, 4)).shape
        Size([7, 2, 4])
    """
    _check_rank("bmm", "input", input, 3)
    _check_rank("bmm", "mat2", mat2, 3)
    batch, _, k = input.shape
    if mat2.shape[:2] != (batch, k):
        raise RuntimeError(
            f"bmm: Expected size for first two dimensions of batch2 tensor to be: [{batch}, {k}] but got: "
            f"{list(mat2.shape[:2])}."
        )
    return matmul(input, mat2)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix ``(n, k)`` and a vector ``(k,)``; see `matmul`.

    Raises:
        RuntimeError: the operands are not a matrix and a vector, their shapes do not fit, or the dtypes differ.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.mv(tg.eye(2), tg.tensor([3.0, 4.0]))
        tensor([3., 4.])
    """
    _check_rank("mv", "input", input, 2)
    _check_rank("mv", "vec", vec, 1)
    return matmul(input, vec)


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The inner product of two vectors, ``sum_i input[i] * tensor[i]``.

    Raises:
        RuntimeError: the operands are not vectors of one size and dtype.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.dot(tg.tensor([1, 2]), tg.tensor([3, 4]))
        tensor(11)
    """
    _check_rank("dot", "input", input, 1)
    _check_rank("dot", "tensor", tensor, 1)
    return matmul(input, tensor)


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """The outer product of two vectors, ``out[i, j] = input[i] * vec2[j]``; dtypes are promoted.

    Raises:
        RuntimeError: an operand is not a vector.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.outer(tg.tensor([1, 2]), tg.tensor([3, 4]))
        tensor([[3, 4],
                [6, 8]])
    """
    _check_rank("outer", "input", input, 1)
    _check_rank("outer", "vec2", vec2, 1)
    return input.unsqueeze(1) * vec2


def _check_rank(op: str, name: str, tensor: Any, ndim: int) -> None:
    if not isinstance(tensor, _primitive.Tensor):
        raise argument_error(op, name, tensor)
    if tensor.ndim != ndim:
        raise RuntimeError(f"{op}: expected {name} of {ndim} dimensions, but got {tensor.ndim}D")
