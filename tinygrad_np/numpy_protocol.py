"""NumPy's functions on tensors: ``np.exp(tensor)`` and ``np.float32(2) * tensor`` are handed to the ops.

This is also how the gradient rules, written in plain NumPy, are differentiated themselves. Arguments have NumPy's names
and meaning (``np.var`` divides by N); what has no op, or no gradient to give, raises instead of turning into an array.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from inspect import signature
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_np.dtypes import DTypeLike
from tinygrad_np.ops import comparison, creation, elementwise, indexing, linear_algebra, primitive, reduction
from tinygrad_np.ops import shape as shape_ops

Function: TypeAlias = Callable[..., Any]
Axis: TypeAlias = int | tuple[int, ...] | None
_INTEGERS = (int, np.integer)

# ---- the protocols -------------------------------------------------------------------------------------------------


def array_ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """What NumPy calls for a ufunc, or for a method of one, with a tensor among its arguments."""
    name = f"np.{ufunc.__name__}"
    if method == "__call__":
        op = _found(UFUNCS, ufunc, name)
        _check_keywords(name, kwargs, ())
        return op(*inputs)
    name = f"{name}.{method}"
    implementation = _found(REDUCTIONS if method == "reduce" else {}, ufunc, name)
    _check_keywords(name, kwargs, _parameters(implementation))
    return implementation(*inputs, **{"axis": 0, **kwargs})


def array_function(
    self: Any, func: Function, types: Collection[type], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Any:
    """What NumPy calls for any other of its functions with a tensor among its arguments."""
    if not all(issubclass(t, primitive.Tensor | np.ndarray) for t in types):
        return NotImplemented
    name = f"{func.__module__}.{func.__name__}".replace("numpy", "np", 1)
    implementation = _found(FUNCTIONS, func, name)
    _check_keywords(name, kwargs, _parameters(implementation))
    return implementation(*args, **kwargs)


def _found(table: Mapping[Any, Function], function: Function, name: str) -> Function:
    implementation = table.get(function)
    if implementation is None:
        raise TypeError(
            f"{name} has no op for tensors, so no gradient would pass through it; "
            "use tensor.detach().numpy() to compute with the values"
        )
    return implementation


def _check_keywords(name: str, kwargs: Mapping[str, Any], accepted: Collection[str]) -> None:
    for keyword in kwargs:
        if keyword not in accepted:
            raise TypeError(
                f"{name} of a tensor does not take the argument '{keyword}'; "
                "use tensor.detach().numpy() to compute with the values"
            )


@cache
def _parameters(function: Function) -> Collection[str]:
    return signature(function).parameters.keys()


# ---- ufuncs --------------------------------------------------------------------------------------------------------

UFUNCS: dict[np.ufunc, Function] = {
    np.add: elementwise.plus,
    np.subtract: elementwise.minus,
    np.multiply: elementwise.mul,
    np.true_divide: elementwise.true_divide,
    np.floor_divide: elementwise.floor_divide,
    np.remainder: elementwise.remainder,
    np.power: elementwise.power,
    np.matmul: linear_algebra.matmul,
    np.negative: elementwise.neg,
    np.positive: elementwise.positive,
    np.absolute: elementwise.abs,
    np.sign: elementwise.sign,
    np.square: elementwise.square,
    np.sqrt: elementwise.sqrt,
    np.reciprocal: elementwise.reciprocal,
    np.exp: elementwise.exp,
    np.expm1: elementwise.expm1,
    np.log: elementwise.log,
    np.log1p: elementwise.log1p,
    np.log2: elementwise.log2,
    np.log10: elementwise.log10,
    np.sin: elementwise.sin,
    np.cos: elementwise.cos,
    np.tanh: elementwise.tanh,
    np.floor: elementwise.floor,
    np.ceil: elementwise.ceil,
    np.trunc: elementwise.trunc,
    np.rint: elementwise.round,
    np.maximum: elementwise.maximum,
    np.minimum: elementwise.minimum,
    np.equal: comparison.eq,
    np.not_equal: comparison.ne,
    np.less: comparison.lt,
    np.less_equal: comparison.le,
    np.greater: comparison.gt,
    np.greater_equal: comparison.ge,
    np.isnan: comparison.isnan,
    np.isinf: comparison.isinf,
    np.isfinite: comparison.isfinite,
    np.logical_and: comparison.logical_and,
    np.logical_or: comparison.logical_or,
    np.logical_xor: comparison.logical_xor,
    np.logical_not: comparison.logical_not,
    np.bitwise_and: comparison.bitwise_and,
    np.bitwise_or: comparison.bitwise_or,
    np.bitwise_xor: comparison.bitwise_xor,
    np.invert: comparison.bitwise_not,
}

# ---- functions -----------------------------------------------------------------------------------------------------

FUNCTIONS: dict[Function, Function] = {np.where: elementwise.where}


def _implements(*functions: Function) -> Callable[[Function], Function]:
    """Enter a function into the table, as what these of NumPy's do with tensors."""

    def enter(implementation: Function) -> Function:
        FUNCTIONS.update(dict.fromkeys(functions, implementation))
        return implementation

    return enter


# Parameters stand where NumPy has them; from where it has one that tensors do without, they go by keyword.


def _dims(axis: Axis) -> Axis:
    """NumPy's ``axis`` as the ops' ``dim``."""
    if isinstance(axis, tuple) and not axis:
        raise TypeError("axis=() is not supported for tensors: to an op it would mean all dimensions, not none")
    return axis


@_implements(np.sum)
def _sum(a: Any, axis: Axis = None, dtype: DTypeLike | None = None, *, keepdims: bool = False) -> Any:
    return reduction.sum(a, _dims(axis), keepdims, dtype)


@_implements(np.prod)
def _prod(a: Any, axis: Axis = None, dtype: DTypeLike | None = None, *, keepdims: bool = False) -> Any:
    return reduction.prod(a, _dims(axis), keepdims, dtype)


@_implements(np.mean)
def _mean(a: Any, axis: Axis = None, dtype: DTypeLike | None = None, *, keepdims: bool = False) -> Any:
    return reduction.mean(a, _dims(axis), keepdims, dtype)


@_implements(np.var)
def _var(a: Any, axis: Axis = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    return reduction.var(a, _dims(axis), keepdim=keepdims, correction=ddof)


@_implements(np.std)
def _std(a: Any, axis: Axis = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    return reduction.std(a, _dims(axis), keepdim=keepdims, correction=ddof)


@_implements(np.max, np.amax)
def _max(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    return reduction.amax(a, _dims(axis), keepdims)


@_implements(np.min, np.amin)
def _min(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    return reduction.amin(a, _dims(axis), keepdims)


@_implements(np.all)
def _all(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    return reduction.all(a, _dims(axis), keepdims)


@_implements(np.any)
def _any(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    return reduction.any(a, _dims(axis), keepdims)


@_implements(np.argmax)
def _argmax(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return reduction.argmax(a, axis, keepdims)


@_implements(np.argmin)
def _argmin(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return reduction.argmin(a, axis, keepdims)


@_implements(np.cumsum)
def _cumsum(a: Any, axis: int | None = None, dtype: DTypeLike | None = None) -> Any:
    return reduction.cumsum(shape_ops.ravel(a), 0, dtype) if axis is None else reduction.cumsum(a, axis, dtype)


# What ``reduce`` of a ufunc is.
REDUCTIONS: dict[np.ufunc, Function] = {
    np.add: _sum,
    np.multiply: _prod,
    np.maximum: _max,
    np.minimum: _min,
    np.logical_and: _all,
    np.logical_or: _any,
}


@_implements(np.reshape)
def _reshape(a: Any, shape: Any) -> Any:
    return shape_ops.reshape(a, shape)


@_implements(np.ravel)
def _ravel(a: Any) -> Any:
    return shape_ops.ravel(a)


@_implements(np.transpose)
def _transpose(a: Any, axes: Sequence[int] | None = None) -> Any:
    return shape_ops.reverse_dims(a) if axes is None else shape_ops.permute(a, axes)


@_implements(np.matrix_transpose)
def _matrix_transpose(x: Any) -> Any:
    return shape_ops.matrix_transpose(x)


@_implements(np.swapaxes)
def _swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    return shape_ops.transpose(a, axis1, axis2)


@_implements(np.moveaxis)
def _moveaxis(a: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    return shape_ops.movedim(a, source, destination)


@_implements(np.expand_dims)
def _expand_dims(a: Any, axis: int | Sequence[int]) -> Any:
    for position in sorted(normalize_axis_tuple(axis, a.ndim + np.size(axis))):
        a = shape_ops.unsqueeze(a, position)
    return a


@_implements(np.squeeze)
def _squeeze(a: Any, axis: Axis = None) -> Any:
    for i in () if axis is None else normalize_axis_tuple(axis, a.ndim):
        if a.shape[i] != 1:
            raise ValueError(f"np.squeeze: cannot take out axis {i}, which has size {a.shape[i]}")
    return shape_ops.squeeze(a, axis)


@_implements(np.broadcast_to)
def _broadcast_to(array: Any, shape: int | Sequence[int]) -> Any:
    return shape_ops.broadcast_to(array, (shape,) if isinstance(shape, _INTEGERS) else tuple(shape))


@_implements(np.concatenate)
def _concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Any:
    if axis is None:
        return shape_ops.cat([np.ravel(a) for a in arrays], 0)
    return shape_ops.cat(list(arrays), axis)


@_implements(np.stack)
def _stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    return shape_ops.stack(list(arrays), axis)


@_implements(np.split)
def _split(ary: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> Any:
    length = ary.shape[axis]
    if not isinstance(indices_or_sections, _INTEGERS):
        edges = [min(max(i + length if i < 0 else i, 0), length) for i in indices_or_sections]
        sizes = np.diff(edges, prepend=0, append=length).tolist()
        return list(shape_ops.split(ary, sizes, axis))
    if length % indices_or_sections:
        raise ValueError(f"np.split: {length} elements cannot be divided into {indices_or_sections} equal parts")
    return list(shape_ops.split(ary, [length // indices_or_sections] * indices_or_sections, axis))


@_implements(np.flip)
def _flip(m: Any, axis: Axis = None) -> Any:
    return shape_ops.flip(m, tuple(range(m.ndim)) if axis is None else axis)


@_implements(np.roll)
def _roll(a: Any, shift: int | Sequence[int], axis: Axis = None) -> Any:
    if isinstance(shift, _INTEGERS) and isinstance(axis, tuple):
        shift = (shift,) * len(axis)
    return shape_ops.roll(a, shift, axis)


@_implements(np.tril)
def _tril(m: Any, k: int = 0) -> Any:
    return shape_ops.tril(m, k)


@_implements(np.triu)
def _triu(m: Any, k: int = 0) -> Any:
    return shape_ops.triu(m, k)


@_implements(np.take_along_axis)
def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    return indexing.take_along_dim(arr, indices, axis)


@_implements(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return elementwise.clamp(a, a_min if min is None else min, a_max if max is None else max)


@_implements(np.round, np.around)
def _round(a: Any, decimals: int = 0) -> Any:
    return elementwise.round(a, decimals)


@_implements(np.copy)
def _copy(a: Any) -> Any:
    return elementwise.clone(a)


@_implements(np.dot)
def _dot(a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return elementwise.mul(a, b)
    if np.ndim(a) > 1 and np.ndim(b) > 2:
        raise TypeError("np.dot of tensors takes no second operand of more than two dimensions; see np.matmul")
    return linear_algebra.matmul(a, b)


@_implements(np.outer)
def _outer(a: Any, b: Any) -> Any:
    return np.expand_dims(np.ravel(a), 1) * np.ravel(b)


@_implements(np.zeros_like)
def _zeros_like(a: Any, dtype: DTypeLike | None = None) -> Any:
    return creation.zeros_like(a, dtype=dtype)


@_implements(np.ones_like)
def _ones_like(a: Any, dtype: DTypeLike | None = None) -> Any:
    return creation.ones_like(a, dtype=dtype)


@_implements(np.empty_like)
def _empty_like(prototype: Any, dtype: DTypeLike | None = None) -> Any:
    return creation.empty_like(prototype, dtype=dtype)


@_implements(np.full_like)
def _full_like(a: Any, fill_value: Any, dtype: DTypeLike | None = None) -> Any:
    return creation.full_like(a, fill_value, dtype=dtype)


# ---- questions whose answer needs no gradient ----------------------------------------------------------------------


def _values(a: Any) -> npt.NDArray[Any]:
    return a._array if isinstance(a, primitive.Tensor) else np.asarray(a)


@_implements(np.shape)
def _shape(a: Any) -> Any:
    return a.shape


@_implements(np.ndim)
def _ndim(a: Any) -> Any:
    return a.ndim


@_implements(np.size)
def _size(a: Any, axis: int | None = None) -> int:
    return np.size(_values(a), axis)


@_implements(np.isclose)
def _isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    return primitive.wrap(np.asarray(np.isclose(_values(a), _values(b), rtol, atol, equal_nan)))


@_implements(np.allclose)
def _allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> bool:
    return np.allclose(_values(a), _values(b), rtol, atol, equal_nan)


@_implements(np.array_equal)
def _array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    return np.array_equal(_values(a1), _values(a2), equal_nan)
