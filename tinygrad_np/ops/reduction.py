"""Reductions: sums, extremes, moments, exponential sums and norms over one, several or all dimensions.

``dim`` is a dimension, several, or None for all. The reduced dimensions are left out of the result or, if ``keepdim``,
have size 1 in it. float16 is summed in float32; integers and booleans are summed in int64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tinygrad_np import dtypes
from tinygrad_np.dtypes import DTypeLike
from tinygrad_np.ops import elementwise, indexing, shape
from tinygrad_np.ops import primitive as _primitive
from tinygrad_np.ops.indexing import ValuesAndIndices
from tinygrad_np.ops.primitive import for_rules, numpy_names, primitive
from tinygrad_np.ops.shape import normal_dim, normal_dims
from tinygrad_np.ops.table import Array
from tinygrad_np.sums import FEW, SHORT_ROW, Axes, reduce, summed

if TYPE_CHECKING:
    from tinygrad_np.tensor import Tensor

Dim: TypeAlias = int | Sequence[int] | None

# ---- what reductions share -----------------------------------------------------------------------------------------


def _axes(op: str, dim: Dim, ndim: int) -> Axes:
    """The dimensions to reduce. As in PyTorch, no dimensions means all."""
    if dim is None or _is_empty(dim):
        return None
    dims = normal_dims(op, dim, ndim)
    return dims if ndim else None  # of a 0-d tensor, 0 and -1 are dims too


def _is_empty(dim: Dim) -> bool:
    return isinstance(dim, tuple | list) and not dim


def _count(sizes: Sequence[int], axes: Axes) -> int:
    """How many elements are reduced to one."""
    return math.prod(sizes if axes is None else [sizes[axis] for axis in axes])


def _restored(reduced: Any, sizes: Sequence[int], axes: Axes, keepdim: bool) -> Any:
    """The result of a reduction with its reduced dimensions back, of size 1: so it broadcasts against the input."""
    if keepdim or axes is None:
        return reduced
    return reduced.reshape(tuple([1 if i in axes else size for i, size in enumerate(sizes)]))


def _in_dtype(input: Array, dtype: DTypeLike | None) -> Array:
    return input if dtype is None else input.astype(dtypes.as_dtype(dtype), copy=False)


def _floating(op: str, input: Array) -> Array:
    if input.dtype.kind != "f":
        raise RuntimeError(f"{op}(): the input dtype must be a floating point dtype. Got: {input.dtype}")
    return input


def _wide(dtype: dtypes.DType, wanted: DTypeLike | None = None) -> dtypes.DType:
    """The dtype in which to accumulate elements of ``dtype``: for integers int64, unless another was ``wanted``."""
    if dtype.kind != "f":
        return dtypes.int64 if wanted is None else dtype
    return dtypes.float32 if dtype == dtypes.float16 else dtype


def _narrow(accumulated: Array, dtype: dtypes.DType) -> Array:
    """What was accumulated from elements of ``dtype``, in the dtype of the result."""
    return accumulated.astype(np.float16) if dtype == dtypes.float16 else accumulated


# ---- sums and products ---------------------------------------------------------------------------------------------


@primitive
def sum(input: Array, dim: Dim = None, keepdim: bool = False, dtype: DTypeLike | None = None) -> Array:
    """The sum of the elements.

    Args:
        input: a tensor of any shape and dtype.
        dim: the dimensions to sum over.
        keepdim: keep them, with size 1.
        dtype: cast to this first. Otherwise integers and booleans give int64.

    Returns:
        The sums; of no elements, 0.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> x.sum(), x.sum(dim=0), x.sum(1, keepdim=True).shape
        (tensor(10.), tensor([4., 6.]), Size([2, 1]))
    """
    input = _in_dtype(input, dtype)
    total = reduce(np.add, input, _axes("sum", dim, input.ndim), keepdim, _wide(input.dtype, dtype))
    return _narrow(total, input.dtype)


def _spread(g: Any, input_shape: tuple[int, ...], dim: Dim, keepdim: bool) -> Any:
    axes = _axes("sum", dim, len(input_shape))
    restored = _restored(g, input_shape, axes, keepdim)
    if math.prod(input_shape) > _FEW or isinstance(g, _primitive.Tensor):
        return np.broadcast_to(restored, input_shape)
    gradient = np.empty(input_shape, g.dtype)
    gradient[...] = restored
    return gradient


_FEW = 4096  # elements; to write them takes 0.2 to 1 µs, while `np.broadcast_to` takes 2


sum.rule(input=_spread)


@primitive
def mean(input: Array, dim: Dim = None, keepdim: bool = False, dtype: DTypeLike | None = None) -> Array:
    """The mean of the elements: their sum over their number.

    Args:
        input: a tensor of any shape; of floating point, unless ``dtype`` is.
        dim: the dimensions to average over.
        keepdim: keep them, with size 1.
        dtype: cast to this first.

    Returns:
        The means; of no elements, NaN.

    Raises:
        RuntimeError: the dtype is not floating point.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([[1.0, 2.0], [3.0, 4.0]]).mean(dim=1)
        tensor([1.5000, 3.5000])
    """
    input = _floating("mean", _in_dtype(input, dtype))
    axes = _axes("mean", dim, input.ndim)
    total = reduce(np.add, input, axes, keepdim, _wide(input.dtype))
    return _narrow(total / (_count(input.shape, axes) or np.nan), input.dtype)


def _spread_mean(g: Any, input_shape: tuple[int, ...], dim: Dim, keepdim: bool) -> Any:
    count = _count(input_shape, _axes("mean", dim, len(input_shape)))
    return _spread(g / (count or np.nan), input_shape, dim, keepdim)


mean.rule(input=_spread_mean)


@primitive
def prod(input: Array, dim: Dim = None, keepdim: bool = False, dtype: DTypeLike | None = None) -> Array:
    """The product of the elements; its gradient is right where elements are zero, too.

    Args:
        input: a tensor of any shape and dtype.
        dim: the dimensions to multiply over.
        keepdim: keep them, with size 1.
        dtype: cast to this first. Otherwise integers and booleans give int64.

    Returns:
        The products; of no elements, 1.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([2.0, 0.0, 3.0], requires_grad=True)
        >>> x.prod().backward()
        >>> x.grad
        tensor([0., 6., 0.])
    """
    input = _in_dtype(input, dtype)
    product = reduce(np.multiply, input, _axes("prod", dim, input.ndim), keepdim, _wide(input.dtype, dtype))
    return _narrow(product, input.dtype)


def _spread_prod(g: Any, input: Array, dim: Dim, keepdim: bool) -> Any:
    axes = _axes("prod", dim, input.ndim)
    return _restored(g, input.shape, axes, keepdim) * _products_of_others(input, axes)


prod.rule(input=_spread_prod)


def _products_of_others(input: Array, axes: Axes) -> Array:
    """For each element the product of those multiplied with it: of all before and of all after."""
    sources = tuple(range(input.ndim)) if axes is None else axes
    ends = tuple(range(-len(sources), 0))
    last = np.moveaxis(input, sources, ends)
    rows = _in_rows(last, len(sources))
    before, after = np.ones_like(rows), np.ones_like(rows)
    np.multiply.accumulate(rows[..., :-1], -1, out=before[..., 1:])
    np.multiply.accumulate(rows[..., :0:-1], -1, out=after[..., -2::-1])
    return np.moveaxis((before * after).reshape(last.shape), ends, sources)


def _in_rows(input: Any, merged: int) -> Any:
    """An array or tensor with its last dimensions, so many, merged into one."""
    kept = len(input.shape) - merged
    return input.reshape((*input.shape[:kept], math.prod(input.shape[kept:])))


@prod.decomposition
def _prod_by_halves(input: Tensor, dim: Dim, keepdim: bool, dtype: DTypeLike | None) -> Tensor:
    """The product by multiplying half of the elements by the other half until one is left."""
    axes = _axes("prod", dim, input.ndim)
    sources = tuple(range(input.ndim)) if axes is None else axes
    ends = tuple(range(-len(sources), 0))
    last = shape.movedim(input if dtype is None else elementwise.cast(input, dtype), sources, ends)
    rows = _in_rows(last, len(sources))
    while rows.shape[-1] > 1:
        half = rows.shape[-1] // 2
        rows = shape.cat([rows[..., :half] * rows[..., half : 2 * half], rows[..., 2 * half :]], -1)
    product = sum(rows, -1) if rows.shape[-1] else 1 + sum(rows, -1)
    return _restored(product, input.shape, sources, False) if keepdim else product


@primitive
def cumsum(input: Array, dim: int, dtype: DTypeLike | None = None) -> Array:
    """The running sum of the elements along a dimension: out[i] = input[0] + ... + input[i].

    Args:
        input: a tensor of any shape and dtype.
        dim: the dimension.
        dtype: cast to this first. Otherwise integers and booleans give int64.

    Returns:
        A tensor of the shape of ``input``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([1, 2, 3]).cumsum(0)
        tensor([1, 3, 6])
    """
    dim = normal_dim("cumsum", dim, input.ndim)
    input = _in_dtype(input, dtype)
    contiguous = np.ascontiguousarray(input)  # of a 0-d array, this is a vector
    is_floating = input.dtype.kind == "f"
    # Added one after the other, single precision would lose the last of many.
    running = np.cumsum(contiguous, dim, np.float64 if is_floating else _wide(input.dtype, dtype)).reshape(input.shape)
    return running.astype(input.dtype, copy=False) if is_floating else running


cumsum.rule(input=lambda g, dim: np.flip(for_rules(cumsum)(np.flip(g, dim), dim), dim) if g.ndim else g)

# ---- extremes ------------------------------------------------------------------------------------------------------


@primitive
def amax(input: Array, dim: Dim = None, keepdim: bool = False) -> Array:
    """The largest element; NaN if there is a NaN. Equal ones share the gradient evenly.

    Args:
        input: a tensor of any shape and dtype.
        dim: the dimensions to reduce.
        keepdim: keep them, with size 1.

    Returns:
        The largest elements.

    Raises:
        RuntimeError, IndexError: there are no elements to choose from.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([1.0, 3.0, 3.0], requires_grad=True)
        >>> x.amax().backward()
        >>> x.grad
        tensor([0.0000, 0.5000, 0.5000])
    """
    return reduce(np.maximum, input, _axes_with_elements("amax", input, dim), keepdim)


@primitive
def amin(input: Array, dim: Dim = None, keepdim: bool = False) -> Array:
    """The smallest element; NaN if there is a NaN. Equal ones share the gradient evenly.

    Args:
        input: a tensor of any shape and dtype.
        dim: the dimensions to reduce.
        keepdim: keep them, with size 1.

    Returns:
        The smallest elements.

    Raises:
        RuntimeError, IndexError: there are no elements to choose from.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([[1, 5], [4, 3]]).amin(dim=1)
        tensor([1, 3])
    """
    return reduce(np.minimum, input, _axes_with_elements("amin", input, dim), keepdim)


def _axes_with_elements(op: str, input: Array, dim: Dim) -> Axes:
    """The dimensions to reduce, none of them empty: there would be no extreme."""
    axes = _axes(op, dim, input.ndim)
    if input.size:
        return axes
    if axes is None:
        error = IndexError if op.startswith("arg") else RuntimeError
        raise error(
            f"{op}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
            "the 'dim' argument."
        )
    for axis in axes:
        if input.shape[axis] == 0:
            raise IndexError(f"{op}(): Expected reduction dim {axis} to have non-zero size.")
    return axes


def _share_among_ties(g: Any, input: Any, out: Any, dim: Dim, keepdim: bool) -> Any:
    axes = _axes("amax", dim, input.ndim)
    g, out = _restored(g, input.shape, axes, keepdim), _restored(out, input.shape, axes, keepdim)
    # NaN, which does not equal itself, shares with NaN: as in PyTorch's max; its amax gives all elements NaN.
    both_nan = (input != input) & (out != out)
    ties = ((input == out) | both_nan).astype(g.dtype)
    return g * (ties / summed(ties, axes))


amax.rule(input=_share_among_ties)
amin.rule(input=_share_among_ties)


@primitive(differentiable=False)
def argmax(input: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    """The index of the largest element, the first of equal ones; NaN counts as larger than all numbers.

    Args:
        input: a tensor of any shape and dtype.
        dim: the dimension to search along; None for the whole tensor, taken flat.
        keepdim: keep it, with size 1.

    Returns:
        int64 indices.

    Raises:
        IndexError: there are no elements to choose from.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([[1, 5], [4, 3]])
        >>> x.argmax(), x.argmax(dim=1)
        (tensor(1), tensor([1, 0]))
    """
    return _place_of_extreme("argmax", np.ndarray.argmax, input, dim, keepdim)


@primitive(differentiable=False)
def argmin(input: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    """The index of the smallest element, the first of equal ones; NaN counts as smaller than all numbers.

    Args:
        input: a tensor of any shape and dtype.
        dim: the dimension to search along; None for the whole tensor, taken flat.
        keepdim: keep it, with size 1.

    Returns:
        int64 indices.

    Raises:
        IndexError: there are no elements to choose from.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([[1, 5], [4, 3]]).argmin(dim=0)
        tensor([0, 1])
    """
    return _place_of_extreme("argmin", np.ndarray.argmin, input, dim, keepdim)


def _place_of_extreme(op: str, find: Callable[..., Array], input: Array, dim: int | None, keepdim: bool) -> Array:
    """Where ``find`` finds it: a method of arrays, for NumPy's functions of these names take 0.8 µs longer."""
    axes = _axes_with_elements(op, input, None if dim is None else normal_dim(op, dim, input.ndim))
    return find(input, None if axes is None else axes[0], keepdims=keepdim)


@numpy_names
def max(input: Tensor, dim: int | Tensor | None = None, keepdim: bool = False) -> Any:
    """The largest element.

    ``max(input)`` is `amax`, ``max(input, other)`` with another tensor is `maximum`.

    Args:
        input: a tensor of any shape and dtype.
        dim: the dimension to reduce; or the other tensor.
        keepdim: keep the dimension, with size 1.

    Returns:
        With a ``dim``, the largest elements along it and their indices, the first of equal ones, to which the gradient
        goes; otherwise a tensor.

    Raises:
        RuntimeError, IndexError: there are no elements to choose from.

    Example:
        >>> import tinygrad_np as tg
        >>> values, indices = tg.tensor([[1, 5], [4, 3]]).max(dim=1)
        >>> values, indices
        (tensor([5, 4]), tensor([1, 0]))
    """
    return _extreme("max", input, dim, keepdim, amax, argmax, elementwise.maximum)


@numpy_names
def min(input: Tensor, dim: int | Tensor | None = None, keepdim: bool = False) -> Any:
    """The smallest element.

    ``min(input)`` is `amin`, ``min(input, other)`` with another tensor is `minimum`.

    Args:
        input: a tensor of any shape and dtype.
        dim: the dimension to reduce; or the other tensor.
        keepdim: keep the dimension, with size 1.

    Returns:
        With a ``dim``, the smallest elements along it and their indices, the first of equal ones, to which the gradient
        goes; otherwise a tensor.

    Raises:
        RuntimeError, IndexError: there are no elements to choose from.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([[1, 5], [4, 3]]).min(dim=0).values
        tensor([1, 3])
    """
    return _extreme("min", input, dim, keepdim, amin, argmin, elementwise.minimum)


def _extreme(op: str, input: Tensor, dim: Any, keepdim: bool, of_all: Any, place: Any, of_two: Any) -> Any:
    if isinstance(dim, _primitive.Tensor):
        return of_two(input, dim)
    if input.numel() == 0:
        _axes_with_elements(op, input._array, dim)  # so that the error names this op
    if dim is None:
        return of_all(input, None, keepdim)
    dim = normal_dim(op, dim, input.ndim)
    indices = place(input, dim, True)
    values = indexing.gather(input, dim, indices)
    return ValuesAndIndices(*[t if keepdim else shape.squeeze(t, dim) for t in (values, indices)])


# ---- moments -------------------------------------------------------------------------------------------------------


@primitive(name="var")
def _var(input: Array, dim: Dim, correction: float, keepdim: bool) -> Array:
    return _narrow(_variance("var", input, dim, correction, keepdim), input.dtype)


@primitive(name="std")
def _std(input: Array, dim: Dim, correction: float, keepdim: bool) -> Array:
    return _narrow(np.sqrt(_variance("std", input, dim, correction, keepdim)), input.dtype)


def _variance(op: str, input: Array, dim: Dim, correction: float, keepdim: bool) -> Array:
    input = _floating(op, input).astype(_wide(input.dtype), copy=False)
    axes = _axes(op, dim, input.ndim)
    count = _count(input.shape, axes)
    centred = input - reduce(np.add, input, axes, keepdims=True) / (count or np.nan)
    squares = reduce(np.add, centred * centred, axes, keepdim)
    if count > correction:
        return squares / (count - correction)
    return np.where(squares > 0, np.inf, np.nan).astype(input.dtype)


def _spread_var(g: Any, input: Any, dim: Dim, correction: float, keepdim: bool) -> Any:
    axes = _axes("var", dim, input.ndim)
    count = _count(input.shape, axes)
    centred = input - summed(input, axes) / (count or np.nan)
    slope = 2 / (count - correction) if count > correction else np.nan
    return slope * _restored(g, input.shape, axes, keepdim) * centred


def _spread_std(g: Any, input: Any, out: Any, dim: Dim, correction: float, keepdim: bool) -> Any:
    # std = sqrt(var), which has no slope at 0, where all elements are equal: 0 is what PyTorch takes.
    constant = out == 0
    g_var = np.where(constant, 0, g / np.where(constant, 1, 2 * out))
    return _spread_var(g_var, input, dim, correction, keepdim)


_var.rule(input=_spread_var)
_std.rule(input=_spread_std)


@numpy_names
def var(
    input: Tensor,
    dim: Dim = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The variance: the sum of (x - mean)² over the number of elements less ``correction``.

    Args:
        input: a floating-point tensor of any shape.
        dim: the dimensions to reduce.
        unbiased: another way to say ``correction``: True is 1, False is 0. It may take the place of ``dim``.
        keepdim: keep them, with size 1.
        correction: 1 by default, which makes the estimate from a sample unbiased (Bessel's correction).

    Returns:
        The variances; NaN where there are no more elements than ``correction``.

    Raises:
        RuntimeError: the dtype is not floating point.
        TypeError: both ``unbiased`` and ``correction`` are given.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([1.0, 3.0])
        >>> x.var(), x.var(correction=0)
        (tensor(2.), tensor(1.))
    """
    dim, correction = _corrected("var", dim, unbiased, correction)
    return _var(input, dim, correction, keepdim)


@numpy_names
def std(
    input: Tensor,
    dim: Dim = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The standard deviation: the root of the variance, see `var`. Where it is 0, its gradient is 0.

    Args:
        input: a floating-point tensor of any shape.
        dim: the dimensions to reduce.
        unbiased: another way to say ``correction``: True is 1, False is 0. It may take the place of ``dim``.
        keepdim: keep them, with size 1.
        correction: 1 by default.

    Returns:
        The standard deviations; NaN where there are no more elements than ``correction``.

    Raises:
        RuntimeError: the dtype is not floating point.
        TypeError: both ``unbiased`` and ``correction`` are given.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([[1.0, 3.0], [2.0, 2.0]]).std(dim=1, correction=0)
        tensor([1., 0.])
    """
    dim, correction = _corrected("std", dim, unbiased, correction)
    return _std(input, dim, correction, keepdim)


def _corrected(op: str, dim: Dim, unbiased: bool | None, correction: float | None) -> tuple[Dim, float]:
    if isinstance(dim, bool):  # var(input, unbiased)
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise TypeError(f"{op}(): 'unbiased' and 'correction' cannot both be given")
    if unbiased is not None:
        return dim, int(unbiased)
    return dim, 1 if correction is None else correction


# ---- exponential sums ----------------------------------------------------------------------------------------------


@primitive(promote="floating")
def logsumexp(input: Array, dim: int | Sequence[int], keepdim: bool = False) -> Array:
    """log(Σ exp(x)), without overflow: the largest element is subtracted before and added after.

    Args:
        input: a tensor of any shape; integers become floating point.
        dim: the dimensions to reduce.
        keepdim: keep them, with size 1.

    Returns:
        The logarithms; of no elements, or of -inf alone, -inf.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([200.0, 0.0]).logsumexp(dim=0)
        tensor(200.)
    """
    axes = _axes("logsumexp", dim, input.ndim)
    wide = input.astype(_wide(input.dtype), copy=False)
    largest = _largest(wide, axes)
    largest = np.where(np.isfinite(largest), largest, 0)
    with np.errstate(over="ignore", divide="ignore"):  # beside inf; of -inf alone
        out = np.add(np.log(reduce(np.add, np.exp(wide - largest), axes, keepdims=True)), largest, order="C")
    return _narrow(out if keepdim else np.squeeze(out, axes), input.dtype)


def _weighted(g: Any, input: Any, out: Any, dim: Dim, keepdim: bool) -> Any:
    axes = _axes("logsumexp", dim, input.ndim)
    with np.errstate(invalid="ignore"):  # of -inf alone: NaN
        weights = np.exp(input - _restored(out, input.shape, axes, keepdim))
    return _restored(g, input.shape, axes, keepdim) * weights


logsumexp.rule(input=_weighted)


@primitive
def softmax(input: Array, dim: int, dtype: DTypeLike | None = None) -> Array:
    """exp(x) / Σ exp(x) along a dimension: positive numbers that sum to 1.

    Args:
        input: a tensor of any shape; of floating point, unless ``dtype`` is.
        dim: the dimension.
        dtype: cast to this first.

    Returns:
        A tensor of the shape of ``input``; NaN where all elements along ``dim`` are -inf.

    Raises:
        RuntimeError: the dtype is not floating point.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([0.0, 0.0, float("-inf")]).softmax(dim=0)
        tensor([0.5000, 0.5000, 0.0000])
    """
    input = _floating("softmax", _in_dtype(input, dtype))
    exponentials, axes = _below_zero("softmax", input, dim)
    np.exp(exponentials, out=exponentials)
    exponentials /= reduce(np.add, exponentials, axes, keepdims=True)
    return _narrow(np.asarray(exponentials, order="C"), input.dtype)


softmax.rule(input=lambda g, out, dim: out * (g - summed(g * out, _only(dim, g))))


@primitive
def log_softmax(input: Array, dim: int, dtype: DTypeLike | None = None) -> Array:
    """The logarithm of `softmax`, x - log(Σ exp(x)), exact where that would be 0.

    Args:
        input: a tensor of any shape; of floating point, unless ``dtype`` is.
        dim: the dimension.
        dtype: cast to this first.

    Returns:
        A tensor of the shape of ``input``; NaN where all elements along ``dim`` are -inf.

    Raises:
        RuntimeError: the dtype is not floating point.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([0.0, -1000.0]).log_softmax(dim=0)
        tensor([    0., -1000.])
    """
    input = _floating("log_softmax", _in_dtype(input, dtype))
    shifted, axes = _below_zero("log_softmax", input, dim)
    with np.errstate(divide="ignore"):  # of no elements
        shifted -= np.log(reduce(np.add, np.exp(shifted), axes, keepdims=True))
    return _narrow(np.asarray(shifted, order="C"), input.dtype)


log_softmax.rule(input=lambda g, out, dim: g - np.exp(out) * summed(g, _only(dim, g)))


def _only(dim: int, array: Any) -> Axes:
    """A dimension that is known to be one, as axes to reduce."""
    return (dim % array.ndim,) if array.ndim else None


def _below_zero(op: str, input: Array, dim: int) -> tuple[Array, Axes]:
    """A copy of ``input`` less its largest elements along ``dim``, so that the exponentials cannot overflow.

    It is contiguous, but that short rows of a matrix become columns in memory: 0.3 of the time for (100000, 3).
    """
    axes = _axes(op, normal_dim(op, dim, input.ndim), input.ndim)
    wide = input.astype(_wide(input.dtype), copy=False)
    with np.errstate(invalid="ignore"):  # of -inf alone: NaN
        if wide.size >= FEW and wide.ndim == 2 and axes == (1,) and wide.shape[1] <= SHORT_ROW:
            columns = wide.T.copy()
            columns -= reduce(np.maximum, columns, (0,))
            return columns.T, axes
        return np.asarray(np.subtract(wide, _largest(wide, axes), order="C")), axes


def _largest(array: Array, axes: Axes) -> Array:
    """The largest element along axes, which stay with size 1; -inf if there is none."""
    if array.size >= FEW:
        return reduce(np.maximum, array, axes, keepdims=True)
    largest: Array = np.maximum.reduce(array, axes, initial=-np.inf, keepdims=True)
    return largest


# ---- logic ---------------------------------------------------------------------------------------------------------


@primitive(differentiable=False)
def all(input: Array, dim: Dim = None, keepdim: bool = False) -> Array:
    """Whether no element is zero.

    Args:
        input: a tensor of any shape and dtype.
        dim: the dimensions to reduce.
        keepdim: keep them, with size 1.

    Returns:
        bool; as in PyTorch, uint8 for uint8.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([[True, False], [True, True]]).all(dim=1)
        tensor([False,  True])
    """
    return _judged("all", np.logical_and, input, dim, keepdim)


@primitive(differentiable=False)
def any(input: Array, dim: Dim = None, keepdim: bool = False) -> Array:
    """Whether an element is not zero.

    Args:
        input: a tensor of any shape and dtype.
        dim: the dimensions to reduce.
        keepdim: keep them, with size 1.

    Returns:
        bool; as in PyTorch, uint8 for uint8.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([[True, False], [False, False]]).any(dim=1)
        tensor([ True, False])
    """
    return _judged("any", np.logical_or, input, dim, keepdim)


def _judged(op: str, ufunc: np.ufunc, input: Array, dim: Dim, keepdim: bool) -> Array:
    axes = () if _is_empty(dim) else _axes(op, dim, input.ndim)  # here no dimensions does mean none
    verdict = reduce(ufunc, input, axes, keepdim)
    return verdict.astype(np.uint8) if input.dtype == np.uint8 else verdict


# ---- norms ---------------------------------------------------------------------------------------------------------


@primitive(name="norm")
def _norm(input: Array, p: float, dim: Dim, keepdim: bool) -> Array:
    axes = _axes("norm", dim, input.ndim)
    wide = input.astype(_wide(input.dtype), copy=False)
    if p == 2 and axes is None and not keepdim:  # 0.25 of the time of what follows
        vector = wide.ravel("K")
        return _narrow(np.sqrt(vector.dot(vector)), input.dtype)
    if p == 2:
        return _narrow(np.sqrt(reduce(np.add, wide * wide, axes, keepdim)), input.dtype)
    with np.errstate(divide="ignore"):  # 0 to a negative power
        return _narrow(reduce(np.add, np.abs(wide) ** p, axes, keepdim) ** (1 / p), input.dtype)


def _spread_norm(g: Any, input: Any, out: Any, p: float, dim: Dim, keepdim: bool) -> Any:
    axes = _axes("norm", dim, input.ndim)
    g, out = _restored(g, input.shape, axes, keepdim), _restored(out, input.shape, axes, keepdim)
    kink = out == 0
    ratio = np.where(kink, 0, input / np.where(kink, 1, out))
    if p == 2:
        return g * ratio
    zero = ratio == 0
    return np.where(zero, 0, g * np.sign(ratio) * np.abs(np.where(zero, 1, ratio)) ** (p - 1))


_norm.rule(input=_spread_norm)


@numpy_names
def norm(
    input: Tensor,
    p: float | str | None = "fro",
    dim: Dim = None,
    keepdim: bool = False,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """The p-norm of the elements as a vector, also of a matrix: (Σ |x|^p)^(1/p). Where it is 0, its gradient is 0.

    Args:
        input: a floating-point tensor of any shape.
        p: the order: 2 (also written ``"fro"`` or None), 1, any other number, ``inf`` (the largest |x|), ``-inf`` (the
            smallest) or 0 (how many are not zero).
        dim: the dimensions to reduce.
        keepdim: keep them, with size 1.
        dtype: cast to this first.

    Returns:
        The norms.

    Raises:
        RuntimeError: the dtype is not floating point; or there are no elements, and ``p`` is infinite or negative.
        ValueError: there is no such ``p`` here (that is, the nuclear norm).

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([3.0, -4.0])
        >>> x.norm(), x.norm(1), x.norm(float("inf"))
        (tensor(5.), tensor(7.), tensor(4.))
    """
    if dtype is not None:
        input = elementwise.cast(input, dtype)
    _floating("norm", input)
    order = 2 if p is None or p == "fro" else p
    if isinstance(order, str):
        raise ValueError(f"norm: p must be a number, inf, -inf or 'fro', got {p!r}")
    if (order < 0 or order == math.inf) and _count(input.shape, _axes("norm", dim, input.ndim)) == 0:
        raise RuntimeError(f"norm: cannot compute the {order} norm of no elements: it has no identity")
    if math.isinf(order):
        extreme = amax if order > 0 else amin
        return extreme(elementwise.abs(input), dim, keepdim)
    if order == 0:
        return sum(elementwise.abs(elementwise.sign(input)), dim, keepdim)
    if order == 1:
        return sum(elementwise.abs(input), dim, keepdim)
    return _norm(input, order, dim, keepdim)
