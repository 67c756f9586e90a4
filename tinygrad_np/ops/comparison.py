"""Comparisons, tests and logic: elementwise ops without gradient, most of whose results are bool."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_np.ops import primitive as _primitive
from tinygrad_np.ops.errors import argument_error, explain
from tinygrad_np.ops.primitive import primitive, wrap
from tinygrad_np.ops.table import Array

if TYPE_CHECKING:
    from tinygrad_np.tensor import Tensor

# ---- comparisons ---------------------------------------------------------------------------------------------------


@primitive(promote="common", differentiable=False)
def eq(input: Array, other: Array) -> Array:
    """``input == other``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.eq(tg.tensor([1, 2, 3]), 2)
        tensor([False,  True, False])
    """
    return np.equal(input, other)


@primitive(promote="common", differentiable=False)
def ne(input: Array, other: Array) -> Array:
    """``input != other``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.ne(tg.tensor([1, 2, 3]), 2)
        tensor([ True, False,  True])
    """
    return np.not_equal(input, other)


@primitive(promote="common", differentiable=False)
def lt(input: Array, other: Array) -> Array:
    """``input < other``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.lt(tg.tensor([1, 2, 3]), 2)
        tensor([ True, False, False])
    """
    return np.less(input, other)


@primitive(promote="common", differentiable=False)
def le(input: Array, other: Array) -> Array:
    """``input <= other``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.le(tg.tensor([1, 2, 3]), 2)
        tensor([ True,  True, False])
    """
    return np.less_equal(input, other)


@primitive(promote="common", differentiable=False)
def gt(input: Array, other: Array) -> Array:
    """``input > other``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.gt(tg.tensor([1, 2, 3]), 2)
        tensor([False, False,  True])
    """
    return np.greater(input, other)


@primitive(promote="common", differentiable=False)
def ge(input: Array, other: Array) -> Array:
    """``input >= other``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.ge(tg.tensor([1, 2, 3]), 2)
        tensor([False,  True,  True])
    """
    return np.greater_equal(input, other)


def operator(compare: Callable[[Any, Any], Tensor]) -> Callable[[Tensor, Any], Any]:
    """A comparison as an operator: what is no tensor or number (None, a string) is left to Python."""

    def method(input: Tensor, other: Any) -> Any:
        comparable = isinstance(other, _primitive.Tensor | np.ndarray | np.generic | int | float)
        return compare(input, other) if comparable else NotImplemented

    return method


# ---- whole tensors -------------------------------------------------------------------------------------------------


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and the same elements; a nan equals nothing.

    Raises:
        TypeError: an argument is no tensor.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.equal(tg.tensor([1, 2]), tg.tensor([1, 2])), tg.equal(tg.tensor([1, 2]), tg.tensor([1]))
        (True, False)
    """
    return np.array_equal(*_values("equal", input, other))


def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Where ``|input - other| <= atol + rtol * |other|``.

    Args:
        input: a tensor.
        other: a tensor of the same dtype, whose shape broadcasts with that of ``input``.
        rtol: the relative tolerance.
        atol: the absolute tolerance.
        equal_nan: whether two nan are close.

    Returns:
        A bool tensor. Infinities are close to themselves only.

    Raises:
        RuntimeError: the dtypes differ, the shapes do not broadcast, or a tolerance is negative.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.isclose(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 2.1]))
        tensor([ True, False])
    """
    a, b = _values("isclose", input, other)
    if a.dtype != b.dtype:
        raise RuntimeError(f"isclose: the dtypes of input and other must be the same, but are {a.dtype} and {b.dtype}")
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if tolerance < 0:
            raise RuntimeError(f"isclose: {name} must be greater than or equal to zero, but got {tolerance}")
    try:
        return wrap(np.asarray(np.isclose(a, b, rtol, atol, equal_nan)))
    except ValueError as error:
        raise explain("isclose", error, (a, b)) from None


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether ``|input - other| <= atol + rtol * |other|`` everywhere; see `isclose`.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.allclose(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 2.0 + 1e-6]))
        True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan)._array.all())


def _values(op: str, input: Any, other: Any) -> tuple[Array, Array]:
    for name, value in (("input", input), ("other", other)):
        if not isinstance(value, _primitive.Tensor):
            raise argument_error(op, name, value)
    return input._array, other._array


# ---- tests ---------------------------------------------------------------------------------------------------------


@primitive(differentiable=False)
def isnan(input: Array) -> Array:
    """Where an element is not a number.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.isnan(tg.tensor([1.0, float("nan")]))
        tensor([False,  True])
    """
    return np.isnan(input)


@primitive(differentiable=False)
def isinf(input: Array) -> Array:
    """Where an element is infinite.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.isinf(tg.tensor([1.0, -float("inf")]))
        tensor([False,  True])
    """
    return np.isinf(input)


@primitive(differentiable=False)
def isfinite(input: Array) -> Array:
    """Where an element is neither infinite nor nan.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.isfinite(tg.tensor([1.0, float("nan"), float("inf")]))
        tensor([ True, False, False])
    """
    return np.isfinite(input)


# ---- logic ---------------------------------------------------------------------------------------------------------


@primitive(promote="common", differentiable=False)
def logical_and(input: Array, other: Array) -> Array:
    """Where both are nonzero.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.logical_and(tg.tensor([0, 1, 2]), tg.tensor([1, 0, 1]))
        tensor([False, False,  True])
    """
    return np.logical_and(input, other)


@primitive(promote="common", differentiable=False)
def logical_or(input: Array, other: Array) -> Array:
    """Where at least one is nonzero.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.logical_or(tg.tensor([0, 1, 2]), tg.tensor([0, 0, 1]))
        tensor([False,  True,  True])
    """
    return np.logical_or(input, other)


@primitive(promote="common", differentiable=False)
def logical_xor(input: Array, other: Array) -> Array:
    """Where just one is nonzero.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.logical_xor(tg.tensor([0, 1, 2]), tg.tensor([1, 0, 1]))
        tensor([ True,  True, False])
    """
    return np.logical_xor(input, other)


@primitive(differentiable=False)
def logical_not(input: Array) -> Array:
    """Where an element is zero.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.logical_not(tg.tensor([0, 1, 2]))
        tensor([ True, False, False])
    """
    return np.logical_not(input)


@primitive(promote="common", differentiable=False)
def bitwise_and(input: Array, other: Array) -> Array:
    """``input & other``: of the bits of integers, or of truth values.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.bitwise_and(tg.tensor([6, 3]), 5)
        tensor([4, 1])
    """
    return np.bitwise_and(input, other)


@primitive(promote="common", differentiable=False)
def bitwise_or(input: Array, other: Array) -> Array:
    """``input | other``: of the bits of integers, or of truth values.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.bitwise_or(tg.tensor([6, 3]), 8)
        tensor([14, 11])
    """
    return np.bitwise_or(input, other)


@primitive(promote="common", differentiable=False)
def bitwise_xor(input: Array, other: Array) -> Array:
    """``input ^ other``: of the bits of integers, or of truth values.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.bitwise_xor(tg.tensor([6, 3]), 1)
        tensor([7, 2])
    """
    return np.bitwise_xor(input, other)


@primitive(differentiable=False)
def bitwise_not(input: Array) -> Array:
    """``~input``: of the bits of integers, or of truth values.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.bitwise_not(tg.tensor([6, 3]))
        tensor([-7, -4])
    """
    return np.bitwise_not(input)
