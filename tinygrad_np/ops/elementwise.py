"""Elementwise ops: arithmetic, powers, exponentials, activations, rounding, selection, copies.

Shapes broadcast and dtypes promote as in PyTorch; ``other`` may be a number. Comparisons and logic, which have no
gradient, are in comparison.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_np import dtypes
from tinygrad_np.dtypes import DTypeLike, constant
from tinygrad_np.ops.errors import argument_error
from tinygrad_np.ops.primitive import for_rules, primitive, wrap
from tinygrad_np.ops.table import Array

if TYPE_CHECKING:
    from tinygrad_np.tensor import Tensor

# ---- sums and products ---------------------------------------------------------------------------------------------


@primitive(name="add", promote="common")
def plus(input: Array, other: Array) -> Array:
    """``input + other``, as the operator; see `add`."""
    return np.add(input, other)


plus.rule(input=lambda g: g, other=lambda g: g)


@primitive(name="sub", promote="common")
def minus(input: Array, other: Array) -> Array:
    """``input - other``, as the operator; see `sub`."""
    if input.dtype.kind == "b":
        raise _not_for_bool("sub", ": use the `^` or `logical_xor()` operator instead")
    return np.subtract(input, other)


minus.rule(input=lambda g: g, other=lambda g: -g)


@primitive(promote="common")
def mul(input: Array, other: Array) -> Array:
    """``input * other``, element by element.

    Args:
        input: a tensor of any shape, or a number.
        other: a tensor whose shape broadcasts with that of ``input``, or a number.

    Raises:
        RuntimeError: the shapes do not broadcast.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.mul(tg.tensor([1, 2]), 1.5)
        tensor([1.5000, 3.0000])
    """
    return np.multiply(input, other)


mul.rule(input=lambda g, other: g * other, other=lambda g, input: g * input)


@primitive(name="div", promote="floating")
def true_divide(input: Array, other: Array) -> Array:
    """``input / other``. Integers are divided as floats of the default dtype.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.true_divide(tg.tensor([1, 2]), 2)
        tensor([0.5000, 1.0000])
    """
    return np.true_divide(input, other)


true_divide.rule(input=lambda g, other: g / other, other=lambda g, input, other: -g * (input / other) / other)


def _zero(g: Array) -> Array:
    """The gradient of a function that is constant between jumps."""
    return np.zeros_like(g)


@primitive(promote="common")
def floor_divide(input: Array, other: Array) -> Array:
    """``input // other``: the quotient, rounded towards minus infinity. Its gradient is zero.

    Raises:
        RuntimeError: division of an integer by zero.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.floor_divide(tg.tensor([-7, 7]), 2)
        tensor([-4,  3])
    """
    _refuse_zero("floor_divide", other)
    return np.floor_divide(input, other)


floor_divide.rule(input=_zero, other=_zero)


@primitive(promote="common")
def remainder(input: Array, other: Array) -> Array:
    """``input - other * floor(input / other)``, which has the sign of ``other``.

    Raises:
        RuntimeError: division of an integer by zero.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.remainder(tg.tensor([-7.0, 7.0]), 3)
        tensor([2., 1.])
    """
    _refuse_zero("remainder", other)
    return np.remainder(input, other)


remainder.rule(input=lambda g: g, other=lambda g, input, other: -g * (input // other))


def _refuse_zero(op: str, divisor: Array) -> None:
    if divisor.dtype.kind == "b":
        raise _not_for_bool(op)
    if divisor.dtype.kind != "f" and not divisor.all():
        raise RuntimeError(f"{op}: ZeroDivisionError: an integer cannot be divided by zero")


def _not_for_bool(op: str, instead: str = "") -> RuntimeError:
    return RuntimeError(f"{op}: not implemented for bool tensors{instead}")


def add(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """``input + alpha * other``.

    Args:
        input: a tensor of any shape.
        other: a tensor whose shape broadcasts with that of ``input``, or a number.
        alpha: a number; an integer if the result is one.

    Raises:
        RuntimeError: the shapes do not broadcast, or ``alpha`` would have to be rounded.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.add(tg.tensor([1.0, 2.0]), tg.tensor([10.0, 20.0]), alpha=0.5)
        tensor([ 6., 12.])
    """
    return plus(input, _scaled("add", input, other, alpha))


def sub(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """``input - alpha * other``; see `add` for the arguments.

    A bool beside another dtype counts as 0 or 1, where PyTorch refuses it.

    Raises:
        RuntimeError: the shapes do not broadcast, both operands are bool, or ``alpha`` would have to be rounded.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.sub(tg.tensor([5, 6]), 1, alpha=2)
        tensor([3, 4])
    """
    return minus(input, _scaled("sub", input, other, alpha))


def _scaled(op: str, input: Any, other: Any, alpha: Any) -> Any:
    if alpha.__class__ is int and alpha == 1:
        return other
    dtype = dtypes.result_type(input, other)
    if isinstance(alpha, float) and dtype.kind != "f":
        raise RuntimeError(f"{op}: for integral input tensors, argument alpha must not be a floating point number")
    if isinstance(alpha, bool) and dtype.kind != "b":
        raise RuntimeError(f"{op}: boolean alpha is only supported for boolean results, not for {dtype}")
    return other * (bool(alpha) if dtype.kind == "b" else alpha)


def div(input: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """``input / other``, rounded if so wished.

    Args:
        input: a tensor of any shape.
        other: a tensor whose shape broadcasts with that of ``input``, or a number.
        rounding_mode: None for true division, whose result is floating point; ``"floor"`` to round towards minus
            infinity or ``"trunc"`` towards zero, where integers give integers and the gradient is zero.

    Raises:
        RuntimeError: the shapes do not broadcast, an unknown ``rounding_mode``, or a rounded division of an integer by
            zero.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([-7, 7])
        >>> tg.div(x, 2), tg.div(x, 2, rounding_mode="floor"), tg.div(x, 2, rounding_mode="trunc")
        (tensor([-3.5000,  3.5000]), tensor([-4,  3]), tensor([-3,  3]))
    """
    if rounding_mode is None:
        return true_divide(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode != "trunc":
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    if dtypes.is_floating(dtypes.result_type(input, other)):
        return trunc(true_divide(input, other))
    quotient = floor_divide(input, other)
    return plus(quotient, (quotient < 0) & (remainder(input, other) != 0))


def rsub(input: Tensor, other: Any) -> Tensor:
    """``other - input``: the operator when the tensor is on its right."""
    return minus(other, input)


def rdiv(input: Tensor, other: Any) -> Tensor:
    """``other / input``: the operator when the tensor is on its right."""
    return true_divide(other, input)


def rfloor_divide(input: Tensor, other: Any) -> Tensor:
    """``other // input``: the operator when the tensor is on its right."""
    return floor_divide(other, input)


def rremainder(input: Tensor, other: Any) -> Tensor:
    """``other % input``: the operator when the tensor is on its right."""
    return remainder(other, input)


@primitive
def neg(input: Array) -> Array:
    """``-input``.

    Raises:
        RuntimeError: a bool tensor.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.neg(tg.tensor([1.0, -2.0]))
        tensor([-1.,  2.])
    """
    if input.dtype.kind == "b":
        raise _not_for_bool("neg", ": use the `~` or `logical_not()` operator instead")
    return np.negative(input)


neg.rule(input=lambda g: -g)


def positive(input: Tensor) -> Tensor:
    """``+input``: the tensor itself.

    Raises:
        RuntimeError: a bool tensor.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.positive(tg.tensor([1.0, -2.0]))
        tensor([ 1., -2.])
    """
    if input.dtype.kind == "b":
        raise _not_for_bool("positive")
    return input


# ---- powers --------------------------------------------------------------------------------------------------------


@primitive(name="pow", promote="common")
def power(input: Array, exponent: Array) -> Array:
    """``input ** exponent``, as the operator; see `pow`."""
    if input.dtype.kind != "f":
        return _integer_power(input, exponent)
    shortcut = _POWERS.get(exponent.item()) if exponent.ndim == 0 else None
    return np.power(input, exponent) if shortcut is None else shortcut(input)


# np.power takes 2 to 100 times as long, longest where the base is negative.
_POWERS: dict[float, Callable[[Array], Array]] = {
    -2.0: lambda x: np.reciprocal(x * x),
    -1.0: np.reciprocal,
    -0.5: lambda x: np.reciprocal(np.sqrt(x)),
    0.0: np.ones_like,
    0.5: np.sqrt,
    1.0: np.positive,
    2.0: np.square,
    3.0: lambda x: x * x * x,
    4.0: lambda x: np.square(x * x),
}


def _integer_power(input: Array, exponent: Array) -> Array:
    if input.dtype.kind == "b":
        raise _not_for_bool("pow")
    if (exponent < 0).any():
        raise RuntimeError("pow: Integers to negative integer powers are not allowed.")
    return np.power(input, exponent)


_power = for_rules(power)


def _pow_input(g: Array, input: Array, exponent: Array) -> Array:
    if exponent.ndim == 0 and (isinstance(exponent, np.ndarray) or not exponent.requires_grad):
        return g * (exponent * _power(input, exponent - 1)) if exponent != 0 else np.zeros_like(g)
    # At an exponent of 0 the slope is 0, also at base 0, where 0 * 0**-1 would be nan.
    base = np.where((input == 0) & (exponent == 0), 1, input)
    return g * (exponent * base ** (exponent - 1))


def _pow_exponent(g: Array, input: Array, exponent: Array, out: Array) -> Array:
    # At base 0 the slope is 0, where 0 * log(0) would be nan.
    base = np.where((input == 0) & (exponent >= 0), 1, input)
    return g * (out * np.log(base))


power.rule(input=_pow_input, exponent=_pow_exponent)


def pow(input: Any, exponent: Any) -> Tensor:
    """``input ** exponent``.

    At ``0 ** 0`` both derivatives are 0. Integers have no negative powers, be they numbers or elements of a tensor.

    Args:
        input: a tensor, or a number.
        exponent: a tensor whose shape broadcasts with that of ``input``, or a number; at least one must be a tensor.

    Raises:
        RuntimeError: the shapes do not broadcast, or a negative power of integers.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.pow(tg.tensor([1.0, 2.0, 3.0]), 2), tg.pow(2, tg.tensor([1, 2, 3]))
        (tensor([1., 4., 9.]), tensor([2, 4, 8]))
    """
    return power(input, exponent)


def rpow(input: Tensor, other: Any) -> Tensor:
    """``other ** input``: the operator when the tensor is on its right."""
    return power(other, input)


def square(input: Tensor) -> Tensor:
    """``input ** 2``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.square(tg.tensor([1.0, -2.0]))
        tensor([1., 4.])
    """
    return power(input, 2)


@primitive(promote="floating")
def sqrt(input: Array) -> Array:
    """The square root: nan of a negative number. Its gradient at 0 is infinite.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.sqrt(tg.tensor([4.0, 9.0]))
        tensor([2., 3.])
    """
    return np.sqrt(input)


sqrt.rule(input=lambda g, out: g / (2 * out))


@primitive(promote="floating")
def rsqrt(input: Array) -> Array:
    """``1 / sqrt(input)``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.rsqrt(tg.tensor([4.0, 16.0]))
        tensor([0.5000, 0.2500])
    """
    return np.reciprocal(np.sqrt(input))


rsqrt.rule(input=lambda g, out: g * (-0.5 * out * out * out))


@primitive(promote="floating")
def reciprocal(input: Array) -> Array:
    """``1 / input``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.reciprocal(tg.tensor([2.0, -4.0]))
        tensor([ 0.5000, -0.2500])
    """
    return np.reciprocal(input)


reciprocal.rule(input=lambda g, out: -g * (out * out))


# ---- exponentials and logarithms -----------------------------------------------------------------------------------


@primitive(promote="floating")
def exp(input: Array) -> Array:
    """``e ** input``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.exp(tg.tensor([0.0, 1.0]))
        tensor([1.0000, 2.7183])
    """
    return np.exp(input)


exp.rule(input=lambda g, out: g * out)


@primitive(promote="floating")
def expm1(input: Array) -> Array:
    """``exp(input) - 1``, exact where ``input`` is small.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.expm1(tg.tensor([0.0, 1.0]))
        tensor([0.0000, 1.7183])
    """
    return np.expm1(input)


expm1.rule(input=lambda g, out: g * (out + 1))


@primitive(promote="floating")
def log(input: Array) -> Array:
    """The natural logarithm: -inf of 0, nan of a negative number.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.log(tg.tensor([1.0, 10.0]))
        tensor([0.0000, 2.3026])
    """
    return np.log(input)


log.rule(input=lambda g, input: g / input)


@primitive(promote="floating")
def log1p(input: Array) -> Array:
    """``log(1 + input)``, exact where ``input`` is small.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.log1p(tg.tensor([0.0, 1.0]))
        tensor([0.0000, 0.6931])
    """
    return np.log1p(input)


log1p.rule(input=lambda g, input: g / (input + 1))


@primitive(promote="floating")
def log2(input: Array) -> Array:
    """The logarithm to base 2.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.log2(tg.tensor([1.0, 8.0]))
        tensor([0., 3.])
    """
    return np.log2(input)


log2.rule(input=lambda g, input: g / (input * math.log(2)))


@primitive(promote="floating")
def log10(input: Array) -> Array:
    """The logarithm to base 10.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.log10(tg.tensor([1.0, 1000.0]))
        tensor([0.0000, 3.0000])
    """
    return np.log10(input)


log10.rule(input=lambda g, input: g / (input * math.log(10)))


# ---- trigonometry --------------------------------------------------------------------------------------------------


@primitive(promote="floating")
def sin(input: Array) -> Array:
    """The sine of an angle in radians.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.sin(tg.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8415])
    """
    return np.sin(input)


sin.rule(input=lambda g, input: g * np.cos(input))


@primitive(promote="floating")
def cos(input: Array) -> Array:
    """The cosine of an angle in radians.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.cos(tg.tensor([0.0, 1.0]))
        tensor([1.0000, 0.5403])
    """
    return np.cos(input)


cos.rule(input=lambda g, input: -g * np.sin(input))


# ---- activations ---------------------------------------------------------------------------------------------------


@primitive(promote="floating")
def tanh(input: Array) -> Array:
    """The hyperbolic tangent.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tanh(tg.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7616])
    """
    return np.tanh(input)


def _tanh_gradient(g: Any, out: Any) -> Any:
    slope = out * out
    if slope.__class__ is not np.ndarray:
        return g * (1 - slope)
    # In one array instead of three: of 10,000 elements, that takes 0.6 of the time.
    np.subtract(constant(1, out.dtype), slope, out=slope)
    slope *= g
    return slope


tanh.rule(input=_tanh_gradient)


@primitive(promote="floating")
def sigmoid(input: Array) -> Array:
    """The logistic function ``1 / (1 + exp(-input))``, to full relative precision; 0 where the exponential overflows.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.sigmoid(tg.tensor([-200.0, 0.0, 200.0], dtype=tg.float64)).tolist()
        [1.3838965267367376e-87, 0.5, 1.0]
    """
    out = np.asarray(-input)
    _exp_to_inf(out, out=out)
    out += constant(1, out.dtype)
    return np.reciprocal(out, out=out)


def _sigmoid_gradient(g: Any, out: Any) -> Any:
    slope = constant(1, out.dtype) - out
    if slope.__class__ is not np.ndarray:
        return g * (out * slope)
    slope *= out  # in one array, as for tanh
    slope *= g
    return slope


sigmoid.rule(input=_sigmoid_gradient)

# Does not warn of an overflow. In a `with` statement, errstate takes twice as long, which is 0.01 of a step of a small
# network with sigmoids.
_exp_to_inf = np.errstate(over="ignore")(np.exp)


@primitive
def relu(input: Array) -> Array:
    """``max(input, 0)``, with gradient 0 at 0.

    Raises:
        RuntimeError: a bool tensor.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.relu(tg.tensor([-1.0, 2.0]))
        tensor([0., 2.])

    Source: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
    """
    if input.dtype.kind == "b":
        raise _not_for_bool("relu")
    return np.maximum(input, constant(0, input.dtype))


relu.rule(input=lambda g, out: keep(g, out != 0))  # also where it is nan: what is wrong must stay so


# ---- sign and rounding ---------------------------------------------------------------------------------------------


@primitive
def abs(input: Array) -> Array:
    """The absolute value, with gradient 0 at 0.

    Raises:
        RuntimeError: a bool tensor.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.abs(tg.tensor([-1.0, 2.0]))
        tensor([1., 2.])
    """
    if input.dtype.kind == "b":
        raise _not_for_bool("abs")
    return np.abs(input)


abs.rule(input=lambda g, input: g * np.sign(input))


@primitive
def sign(input: Array) -> Array:
    """-1, 0 or 1, or nan, as the element is negative, zero, positive or nan. Its gradient is zero.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.sign(tg.tensor([-3.0, 0.0, 2.0]))
        tensor([-1.,  0.,  1.])
    """
    return input.copy() if input.dtype.kind == "b" else np.sign(input)


sign.rule(input=_zero)


@primitive
def floor(input: Array) -> Array:
    """The largest integer that is not above the element, in the same dtype. Its gradient is zero.

    Raises:
        RuntimeError: a bool tensor.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.floor(tg.tensor([-1.5, 1.5]))
        tensor([-2.,  1.])
    """
    return _rounded("floor", np.floor, input)


floor.rule(input=_zero)


@primitive
def ceil(input: Array) -> Array:
    """The smallest integer that is not below the element, in the same dtype. Its gradient is zero.

    Raises:
        RuntimeError: a bool tensor.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.ceil(tg.tensor([-1.5, 1.5]))
        tensor([-1.,  2.])
    """
    return _rounded("ceil", np.ceil, input)


ceil.rule(input=_zero)


@primitive
def trunc(input: Array) -> Array:
    """The element without its fraction, in the same dtype. Its gradient is zero.

    Raises:
        RuntimeError: a bool tensor.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.trunc(tg.tensor([-1.5, 1.5]))
        tensor([-1.,  1.])
    """
    return _rounded("trunc", np.trunc, input)


trunc.rule(input=_zero)


@primitive
def round(input: Array, decimals: int = 0) -> Array:
    """The nearest number of so many decimals, the even one if two are equally near. Its gradient is zero.

    Args:
        input: a tensor of any shape.
        decimals: how many; negative to round to tens, hundreds and so on.

    Raises:
        RuntimeError: a bool tensor, or an integer tensor with ``decimals``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.round(tg.tensor([0.5, 1.5, 2.5])), tg.round(tg.tensor(1234.0), decimals=-2)
        (tensor([0., 2., 2.]), tensor(1200.))
    """
    if decimals != 0 and input.dtype.kind != "f":
        raise RuntimeError(f"round: decimals={decimals} is not implemented for dtype {input.dtype}")
    return _rounded("round", lambda x: np.round(x, decimals), input)


round.rule(input=_zero)


def _rounded(op: str, to_integer: Any, input: Array) -> Array:
    if input.dtype.kind == "b":
        raise _not_for_bool(op)
    return to_integer(input) if input.dtype.kind == "f" else input.copy()


# ---- selection -----------------------------------------------------------------------------------------------------


_ARRAYS = (np.ndarray, np.generic)
_INTEGER_OF_SAME_SIZE = {dtype: np.dtype(f"i{dtype.itemsize}") for dtype in dtypes.FLOATING}


def keep(g: Array, mask: Array, out: Array = None) -> Array:
    """``g`` where ``mask`` holds, else 0: also for an infinite or nan ``g``, of which ``g * mask`` would make nan.

    np.where branches on each element, ten times slower if the mask is irregular. Multiplying the bits does not. The
    result goes into ``out``, if that is given.

    Example:
        >>> keep(np.array([1.0, np.inf]), np.array([True, False]))
        array([1., 0.])
    """
    if not isinstance(g, _ARRAYS):
        return np.where(mask, g, 0)
    integer = _INTEGER_OF_SAME_SIZE[g.dtype]
    if out is not None:
        out = out.view(integer)
    return np.multiply(g.view(integer), mask, out=out).view(g.dtype)


def choose(mask: Array, a: Array, b: Array) -> Array:
    """``np.where(mask, a, b)``, of arrays of one dtype.

    As for `keep`, by bits where the mask may be irregular: for 100,000 elements that takes 0.1 of the time.

    Example:
        >>> choose(np.array([True, False]), np.array([1.0, 2.0]), np.array(np.inf))
        array([ 1., inf])
    """
    integer = _INTEGER_OF_SAME_SIZE.get(a.dtype)
    if mask.size < _MANY or integer is None or np.broadcast_shapes(a.shape, b.shape) != mask.shape:
        return np.where(mask, a, b)
    chosen = a.view(integer) ^ b.view(integer)
    chosen *= mask
    chosen ^= b.view(integer)
    return chosen.view(a.dtype)


_MANY = 4096  # elements; for fewer, np.where takes no longer


@primitive(promote="common")
def maximum(input: Array, other: Array) -> Array:
    """The larger of two elements; nan if one of them is. Where they tie, each has half of the gradient.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.maximum(tg.tensor([1.0, 5.0]), tg.tensor([3.0, 2.0]))
        tensor([3., 5.])
    """
    return np.maximum(input, other)


maximum.rule(
    input=lambda g, input, other: _share(g, ~(input <= other), input == other),
    other=lambda g, input, other: _share(g, ~(input >= other), input == other),
)


@primitive(promote="common")
def minimum(input: Array, other: Array) -> Array:
    """The smaller of two elements; nan if one of them is. Where they tie, each has half of the gradient.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.minimum(tg.tensor([1.0, 5.0]), tg.tensor([3.0, 2.0]))
        tensor([1., 2.])
    """
    return np.minimum(input, other)


minimum.rule(
    input=lambda g, input, other: _share(g, ~(input >= other), input == other),
    other=lambda g, input, other: _share(g, ~(input <= other), input == other),
)


def _share(g: Array, chosen: Array, tie: Array) -> Array:
    return keep(g, chosen) + keep(g / 2, tie)


@primitive(promote="fitting")
def clamp(input: Array, min: Array = None, max: Array = None) -> Array:
    """``input`` limited to the range from ``min`` to ``max``: ``minimum(maximum(input, min), max)``.

    The gradient passes to ``input`` inside the range and on its bounds, outside to the bound that counts.

    Args:
        input: a tensor of any shape.
        min: the lower bound, a number or a tensor whose shape broadcasts with that of ``input``; None for none.
        max: the upper bound, likewise. Where it is below ``min``, it is the result.

    Raises:
        RuntimeError: the shapes do not broadcast, a number does not fit the dtype, or both bounds are None.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.clamp(tg.tensor([-2.0, 0.5, 2.0]), min=-1, max=1)
        tensor([-1.0000,  0.5000,  1.0000])
    """
    if min is None and max is None:
        raise RuntimeError("clamp: At least one of 'min' or 'max' must not be None")
    if max is None:
        return np.maximum(input, min)
    return np.minimum(input, max) if min is None else np.clip(input, min, max)


def _clamp_input(g: Array, input: Array, min: Array, max: Array) -> Array:
    if max is None:
        return keep(g, input >= min)
    if min is None:
        return keep(g, input <= max)
    return keep(g, (input >= min) & (input <= max))


def _clamp_min(g: Array, input: Array, min: Array, max: Array) -> Array:
    below = input < min
    return keep(g, below if max is None else below & (min < max))


def _clamp_max(g: Array, input: Array, min: Array, max: Array) -> Array:
    above = input > max
    return keep(g, above if min is None else above | (max < min))


clamp.rule(input=_clamp_input, min=_clamp_min, max=_clamp_max)


@primitive(name="where", promote="fitting")
def select(condition: Array, input: Array, other: Array) -> Array:
    """``input`` where ``condition`` holds, else ``other``; see `where`."""
    if not isinstance(condition, np.ndarray | np.generic):
        raise argument_error("where", "condition", condition)
    if condition.dtype.kind != "b":
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}"
        )
    return choose(condition, input, other)


select.rule(
    input=lambda g, condition: keep(g, condition),
    other=lambda g, condition: keep(g, ~condition),
)


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """``input`` where ``condition`` holds, else ``other``. With a condition alone: the indices where it holds.

    Args:
        condition: a bool tensor; for the indices, of any dtype.
        input: a tensor whose shape broadcasts with that of ``condition``, or a number.
        other: likewise.

    Returns:
        A tensor of the common shape and dtype of ``input`` and ``other``; or for each dimension of ``condition`` a 1-d
        int64 tensor.

    Raises:
        RuntimeError: the shapes do not broadcast, a number does not fit the dtype, or ``condition`` is not bool.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([-1.0, 2.0])
        >>> tg.where(x > 0, x, 0), tg.where(x > 0)
        (tensor([0., 2.]), (tensor([1]),))
    """
    if input is None and other is None:
        return tuple(wrap(index) for index in np.nonzero(np.atleast_1d(condition._array)))
    if input is None or other is None:
        raise TypeError("where(): takes either both 'input' and 'other' or neither")
    return select(condition, input, other)


def where_method(input: Tensor, condition: Tensor, other: Any) -> Tensor:
    """This tensor where ``condition`` holds, else ``other``; see `where`."""
    return select(condition, input, other)


# ---- copies --------------------------------------------------------------------------------------------------------


@primitive
def clone(input: Array) -> Array:
    """A copy whose elements lie in memory in the order of their indices; the gradient passes through.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.clone(tg.tensor([[1, 2], [3, 4]]).T).is_contiguous()
        True
    """
    return input.copy()


clone.rule(input=lambda g: g)


@primitive(name="to")
def _to(input: Array, dtype: DTypeLike) -> Array:
    return input.astype(dtype)


_to.rule(input=lambda g: g)


def cast(input: Tensor, dtype: DTypeLike) -> Tensor:
    """``input`` in another dtype: the tensor itself if it has that dtype already.

    The gradient passes between floating-point dtypes; what is cast to integers or bools is outside the graph.

    Example:
        >>> import tinygrad_np as tg
        >>> cast(tg.tensor([1.5, -1.5], requires_grad=True), tg.int64)
        tensor([ 1, -1])
    """
    target = dtypes.as_dtype(dtype)
    if target == input.dtype:
        return input
    return _to(input if dtypes.is_floating(target) else input.detach(), target)
