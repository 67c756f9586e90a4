"""Dtypes, the default dtype, and PyTorch's rules of type promotion.

A dtype here *is* NumPy's dtype object: ``tinygrad_np.float32 is np.dtype("float32")``. Arguments called ``dtype``
accept anything ``np.dtype`` does.

What differs from NumPy is promotion. PyTorch sorts dtypes into the categories bool < integer < floating point, and
operands into three ranks: tensors with dimensions, 0-d tensors, and Python numbers. A lower rank widens the result only
when its *category* is higher; then it brings its own dtype (for a Python float: the default dtype).
"""

from __future__ import annotations

import functools
import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

DType: TypeAlias = np.dtype[Any]
DTypeLike: TypeAlias = npt.DTypeLike

float16 = half = np.dtype(np.float16)
float32 = np.dtype(np.float32)
float64 = double = np.dtype(np.float64)
uint8 = np.dtype(np.uint8)
int8 = np.dtype(np.int8)
int16 = short = np.dtype(np.int16)
int32 = np.dtype(np.int32)
int64 = long = np.dtype(np.int64)
bool_ = np.dtype(np.bool_)

ALL: tuple[DType, ...] = (bool_, uint8, int8, int16, int32, int64, float16, float32, float64)
FLOATING: tuple[DType, ...] = (float16, float32, float64)

_default_dtype: DType = float32


@functools.lru_cache(maxsize=64)
def constant(value: float, dtype: DType) -> npt.NDArray[Any]:
    """A constant, as it stands in the code, as an array without dimensions.

    NumPy would make one of a Python number at every use, which takes as long as an operation on a few hundred elements.

    Example:
        >>> constant(1, float32)
        array(1., dtype=float32)
    """
    array = np.array(value, dtype)
    array.flags.writeable = False  # all share it
    return array


def get_default_dtype() -> DType:
    """The floating-point dtype of new tensors made from Python floats; ``float32`` unless set otherwise.

    Example:
        >>> get_default_dtype()
        dtype('float32')
    """
    return _default_dtype


def set_default_dtype(d: DTypeLike) -> None:
    """Set the floating-point dtype of new tensors made from Python floats.

    Args:
        d: a floating-point dtype.

    Raises:
        TypeError: ``d`` is not a floating-point dtype.

    Example:
        >>> set_default_dtype("float64")
        >>> get_default_dtype()
        dtype('float64')
        >>> set_default_dtype("float32")
    """
    global _default_dtype
    dtype = as_dtype(d)
    if dtype not in FLOATING:
        raise TypeError(f"set_default_dtype: only floating-point types are supported as the default, got {dtype}")
    _default_dtype = dtype


def as_dtype(dtype: DTypeLike) -> DType:
    """The dtype meant by ``dtype`` (a dtype, a name, a scalar type).

    Raises:
        TypeError: there is no such dtype here (complex numbers, strings, objects).
    """
    resolved = np.dtype(dtype)
    for known in ALL:
        if resolved == known:
            return known
    raise TypeError(f"unsupported dtype {resolved}; supported are {', '.join(d.name for d in ALL)}")


def is_floating(dtype: DType) -> bool:
    """Whether ``dtype`` is a floating-point type; only those can require grad."""
    return dtype.kind == "f"


def fitted(value: Any, dtype: DType) -> npt.NDArray[Any]:
    """A number as an array of ``dtype`` without dimensions; see `check_fits`.

    Raises:
        RuntimeError: ``dtype`` cannot hold it.

    Example:
        >>> fitted(1.5, int64), fitted(-1, uint8)
        (array(1), array(255, dtype=uint8))
    """
    check_fits(value, dtype)
    return np.array(value, dtype) if dtype.kind == "f" else np.array(value).astype(dtype)


def fitted_by_way_of_single(value: Any, dtype: DType) -> npt.NDArray[Any]:
    """`fitted`, but half precision by way of float32, so that what is too large for it is infinite.

    So PyTorch does in `where`, and where elements are assigned.

    Example:
        >>> fitted_by_way_of_single(1e9, float16)
        array(inf, dtype=float16)
    """
    if dtype != float16:
        return fitted(value, dtype)
    with np.errstate(over="ignore"):
        return fitted(value, float32).astype(float16)


_LARGEST = {dtype: float(np.finfo(dtype).max) for dtype in FLOATING}


def check_fits(value: Any, dtype: DType) -> None:
    """Raise if ``dtype`` cannot hold a number; among integers a negative one may wrap around, as in PyTorch."""
    if dtype.kind == "f":
        if _LARGEST[dtype] < abs(value) < math.inf:
            raise overflow(dtype)
    elif dtype.kind in "iu":
        limits = np.iinfo(dtype)
        low = -limits.max if dtype.kind == "u" else limits.min
        if not low <= value < limits.max + 1:
            raise overflow(dtype)


def overflow(dtype: DType) -> RuntimeError:
    """What to raise where ``dtype`` cannot hold a number."""
    return RuntimeError(f"value cannot be converted to type {dtype} without overflow")


_CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2}


def promote_types(type1: DTypeLike, type2: DTypeLike) -> DType:
    """The dtype that two dtypes of equal rank promote to.

    Unlike NumPy, an integer never widens a float: ``int64`` and ``float16`` give ``float16``.

    Example:
        >>> promote_types(int64, float16), promote_types(uint8, int8)
        (dtype('float16'), dtype('int16'))
    """
    a, b = np.dtype(type1), np.dtype(type2)
    if (a.kind == "f") != (b.kind == "f"):
        return a if a.kind == "f" else b
    return np.promote_types(a, b)


def can_cast(from_: DTypeLike, to: DTypeLike) -> bool:
    """Whether a result of dtype ``from_`` may be written to a tensor of dtype ``to``: not to one of a lower category.

    Example:
        >>> can_cast(float64, float16), can_cast(float16, int64), can_cast(uint8, bool_)
        (True, False, False)
    """
    return _CATEGORY[np.dtype(from_).kind] <= _CATEGORY[np.dtype(to).kind]


def result_type(*operands: Any) -> DType:
    """The dtype of arithmetic on these operands (arrays, tensors or Python numbers), by PyTorch's rules.

    Example:
        >>> import numpy as np
        >>> result_type(np.ones(3, "int64"), 1.5), result_type(np.ones(3, "float32"), np.array(1.0))
        (dtype('float32'), dtype('float32'))
    """
    ranks: list[DType | None] = [None, None, None]  # dimensioned, 0-d, Python number
    for operand in operands:
        rank, dtype = _rank_and_dtype(operand)
        known = ranks[rank]
        ranks[rank] = dtype if known is None else promote_types(known, dtype)
    result: DType | None = None
    for weaker in ranks:
        if result is None or (weaker is not None and _CATEGORY[weaker.kind] > _CATEGORY[result.kind]):
            result = weaker
    if result is None:
        raise ValueError("result_type: at least one operand is needed")
    return result


def _rank_and_dtype(operand: Any) -> tuple[int, DType]:
    if isinstance(operand, np.generic) and operand.dtype.kind in _CATEGORY:
        operand = operand.item()  # NumPy's numbers count as Python's
    if hasattr(operand, "dtype"):
        return (0 if operand.ndim else 1), np.dtype(operand.dtype)
    if isinstance(operand, bool):
        return 2, bool_
    return 2, (int64 if isinstance(operand, int) else _default_dtype)
