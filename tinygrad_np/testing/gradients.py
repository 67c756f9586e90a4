"""The check of a function's gradient, to any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tinygrad_np.autograd.gradcheck import directional_differences, flat, floating_tensors, pull_back
from tinygrad_np.dtypes import DType, DTypeLike, float32, float64
from tinygrad_np.ops.primitive import wrap
from tinygrad_np.tensor import Tensor
from tinygrad_np.testing.layouts import Layout, contiguous, flipped, read_only, strided, transposed

Array: TypeAlias = npt.NDArray[Any]
TensorFunction: TypeAlias = Callable[[list[Tensor]], Sequence[Tensor]]


class GradientError(AssertionError):
    """Raised by `check_gradient`: names the function, the input, the worst element, and what was expected there."""


def check_gradient(
    fn: Callable[..., Any],
    *inputs: Any,
    order: int = 2,
    eps: float = 2.0**-17,
    rtol: float = 1e-5,
    atol: float = 1e-6,
    dtypes: Sequence[DTypeLike] = (float32,),
    layouts: Sequence[Layout] = (contiguous, transposed, strided, flipped, read_only),
    name: str | None = None,
) -> None:
    """Check that the gradients of ``fn`` are right at ``inputs``, and the gradients of those, up to ``order``.

    For a random cotangent ``v`` the gradient ``vᵀ ∂fn/∂x`` with respect to every element is held against the central
    difference ``vᵀ (fn(x + h) − fn(x − h)) / 2h``, in float64, with ``h = eps · max(1, |x|)``. The next order does the
    same to the function ``(x, v) ↦ vᵀ ∂fn/∂x``. Checked besides:

    - each gradient has the shape and dtype of its input, and shares memory with nothing else;
    - recorded with ``create_graph`` it is the same, and so it is for the same values laid out otherwise in memory;
    - the inputs are left as they were, and the cotangents, which are read-only, are not written to;
    - results and gradients in the lower-precision ``dtypes`` are near those in float64.

    Args:
        fn: takes ``inputs`` and returns a tensor or a sequence of tensors. It must be smooth at the inputs, and give
            the same result for the same inputs.
        *inputs: arrays and tensors, which are checked if of floating point (in float64, and in the memory layout that
            they have); lists of such; and anything else, which is passed on.
        order: how often to differentiate.
        eps: the step of the differences, relative to elements greater than 1.
        rtol: relative tolerance.
        atol: absolute tolerance.
        dtypes: lower-precision dtypes in which to check too, to 256 times their rounding error.
        layouts: in which to lay out the inputs too, from ``testing.layouts``; fewer for a function that rightly refuses
            some, as ``view`` does.
        name: what to call the function in messages; by default its own name.

    Raises:
        GradientError: something of the above does not hold.
        ValueError: no input is of floating point, so that there is nothing to check.

    Example:
        >>> import numpy as np, tinygrad_np as tg
        >>> tg.testing.check_gradient(lambda x: (x * x).sum(), np.array([1.0, -2.0]))
        >>> tg.testing.check_gradient(lambda x: (x * x.detach()).sum(), np.array([1.0, -2.0]))
        Traceback (most recent call last):
        ...
        tinygrad_np.testing.gradients.GradientError: <lambda>: the gradient with respect to input 0 is wrong: worst ...
    """
    __tracebackhide__ = True  # pytest is to point to the caller's line
    call = _Call(fn, inputs)
    if not call.checked:
        raise ValueError("check_gradient expects at least one input to be an array or a tensor of floating point")
    try:
        _check_orders(call, order, eps, _Tolerance(rtol, atol))
        _check_layouts(call, layouts)
        for dtype in dtypes:
            _check_precision(call, np.dtype(dtype))
    except GradientError as error:
        message = f"{name or getattr(fn, '__name__', repr(fn))}: {error}\n{call.description()}"
        raise GradientError(message) from None


@dataclass(frozen=True)
class _Tolerance:
    relative: float
    absolute: float


# Values computed in two ways from the same numbers differ only by rounding.
_ROUNDING = _Tolerance(1e-9, 1e-9)


class _Call:
    """A function and its inputs, as a function of just the tensors of floating point among them."""

    def __init__(self, fn: Callable[..., Any], inputs: Sequence[Any]) -> None:
        self.fn = fn
        self.inputs = inputs
        self.checked: dict[str, Array] = {}
        for i, x in enumerate(inputs):
            elements = {f"input {i}[{j}]": e for j, e in enumerate(x)} if _is_list(x) else {f"input {i}": x}
            self.checked |= {label: _array(e) for label, e in elements.items() if _is_floating(e)}

    def leaves(self, dtype: DType, layout: Layout = np.asarray) -> list[Tensor]:
        """New tensors of the values to differentiate by, in this dtype, and in this layout or that of the inputs."""
        return [wrap(layout(array.astype(dtype, copy=False))).requires_grad_() for array in self.checked.values()]

    def __call__(self, leaves: Sequence[Tensor]) -> tuple[Tensor, ...]:
        remaining = iter(leaves)

        def argument(x: Any) -> Any:
            if _is_list(x):
                return [argument(element) for element in x]
            if _is_floating(x):
                return next(remaining)
            return wrap(x) if isinstance(x, np.ndarray) else x

        return floating_tensors(self.fn(*map(argument, self.inputs)))

    def description(self) -> str:
        """What the inputs are, and how they lie in memory."""
        return "\n".join(f"  input {i}: {_described(x)}" for i, x in enumerate(self.inputs))


# ---- the checks ----------------------------------------------------------------------------------------------------


def _check_orders(call: _Call, order: int, eps: float, tolerance: _Tolerance) -> None:
    """Check each derivative against the differences of the one before it."""
    labels, leaves = list(call.checked), call.leaves(float64)
    # One function in two forms: with a graph, to be differentiated; and without, at NumPy's speed, to be evaluated.
    recorded: TensorFunction = call
    plain: TensorFunction = call
    for k in range(1, order + 1):
        what = "gradient" if k == 1 else f"gradient of order {k}"
        copies = [wrap(np.array(x._array, order="C")).requires_grad_() for x in leaves]
        before = [np.array(x._array) for x in leaves]
        outputs = recorded(leaves)
        _check_value(k, labels, outputs, plain(copies))
        cotangents = [_cotangent(out, seed=k) for out in outputs]
        gradients = pull_back(outputs, leaves, cotangents, create_graph=False)
        _check_manners(what, labels, leaves, cotangents, gradients, before)
        for i, gradient in enumerate(gradients):
            expected = _numeric_gradient(plain, copies, i, cotangents, eps)
            if not np.all(np.isfinite(expected)):
                raise GradientError(
                    f"there is no {what} with respect to {labels[i]}: nearby the function is not finite"
                )
            subject = f"the {what} with respect to {labels[i]} is wrong"
            _require_close(subject, gradient._array, expected, tolerance, "analytic", "numeric")
        recorded, plain = (_gradient_of(recorded, len(leaves), create_graph) for create_graph in (True, False))
        leaves += [v.requires_grad_() for v in cotangents]
        labels += [f"cotangent {i} of order {k}" for i in range(len(cotangents))]


def _check_value(k: int, labels: list[str], outputs: Sequence[Tensor], again: Sequence[Tensor]) -> None:
    """Check that what is to be differentiated to order ``k`` is the same when computed in the other form."""
    for i, (out, other) in enumerate(zip(outputs, again, strict=True)):
        if k == 1:
            subject = f"output {i} is not the same for the same values"
        else:
            subject = f"the gradient of order {k - 1} with respect to {labels[i]} is another with create_graph"
        _require_close(subject, out._array, other._array, _ROUNDING)


def _check_layouts(call: _Call, layouts: Sequence[Layout]) -> None:
    """Check that values and gradients are the same however the inputs lie in memory."""
    expected = _results(call, call.leaves(float64, contiguous))
    for layout in layouts:
        actual = _results(call, call.leaves(float64, layout))
        for subject in expected:
            reason = f"is wrong for inputs that are {layout.__name__}"
            _require_close(f"{subject} {reason}", actual[subject], expected[subject], _ROUNDING)


def _check_precision(call: _Call, dtype: DType) -> None:
    """Check that values and gradients in ``dtype`` are near those in float64."""
    leaves = call.leaves(dtype)
    actual = _results(call, leaves)
    expected = _results(call, [wrap(x._array.astype(float64)).requires_grad_() for x in leaves])
    for subject in expected:
        scale = np.max(np.abs(expected[subject]), initial=1.0)
        tolerance = _Tolerance(0.0, 256 * float(np.finfo(dtype).eps * scale))
        reason = f"in {dtype} is far from that in float64"
        _require_close(f"{subject} {reason}", actual[subject], expected[subject], tolerance)


def _results(call: _Call, leaves: list[Tensor]) -> dict[str, Array]:
    """The outputs and the gradients."""
    outputs = call(leaves)
    gradients = pull_back(outputs, leaves, [_cotangent(out, seed=0) for out in outputs], create_graph=False)
    results = {f"output {i}": out._array for i, out in enumerate(outputs)}
    return results | {
        f"the gradient with respect to {x}": g._array for x, g in zip(call.checked, gradients, strict=True)
    }


def _check_manners(
    what: str,
    labels: list[str],
    leaves: list[Tensor],
    cotangents: list[Tensor],
    gradients: Sequence[Tensor],
    before: list[Array],
) -> None:
    """Check that gradients fit their inputs and own their memory, and that the inputs are as they were before."""
    for label, leaf, gradient in zip(labels, leaves, gradients, strict=True):
        if gradient.shape != leaf.shape or gradient.dtype != leaf.dtype:
            raise GradientError(
                f"the {what} with respect to {label} has shape {list(gradient.shape)} and {gradient.dtype}, but the "
                f"input has shape {list(leaf.shape)} and {leaf.dtype}"
            )
        if any(np.shares_memory(gradient._array, other._array) for other in (*leaves, *cotangents)):
            raise GradientError(f"the {what} with respect to {label} shares memory with an input or a cotangent")
    for (one, a), (other, b) in combinations(zip(labels, gradients, strict=True), 2):
        if np.shares_memory(a._array, b._array):
            raise GradientError(f"the {what}s with respect to {one} and {other} share memory")
    for label, leaf, old in zip(labels, leaves, before, strict=True):
        if not np.array_equal(leaf._array, old, equal_nan=True):
            raise GradientError(f"computing the {what} changed {label} in place")


# ---- their parts ---------------------------------------------------------------------------------------------------


def _gradient_of(function: TensorFunction, count: int, create_graph: bool) -> TensorFunction:
    """The gradient of a function of ``count`` tensors: a function of these and of the cotangents of its outputs."""

    def gradient(tensors: list[Tensor]) -> Sequence[Tensor]:
        leaves, cotangents = tensors[:count], tensors[count:]
        return pull_back(function(leaves), leaves, cotangents, create_graph=create_graph)

    return gradient


def _numeric_gradient(
    function: TensorFunction, inputs: list[Tensor], i: int, cotangents: Sequence[Tensor], eps: float
) -> Array:
    """The gradient by the ``i``-th of the inputs, from the differences of a function's values."""
    array = inputs[i]._array
    scale = np.maximum(1.0, np.abs(array.ravel()))
    quotients = directional_differences(lambda: flat(function(inputs)), array, np.diag(scale), eps)
    return np.asarray((quotients @ flat(cotangents) / scale).reshape(array.shape))


def _cotangent(output: Tensor, seed: int) -> Tensor:
    """A random gradient of an output, no element of it near 0.

    It is read-only and in the opposite memory order, as a gradient that comes out of another op's rule may be.
    """
    rng = np.random.default_rng(seed)
    values = rng.uniform(0.5, 2.0, output.shape) * rng.choice([-1.0, 1.0], output.shape)
    array = np.array(values.astype(float32), output.dtype, order="F")  # the same number in every dtype
    array.flags.writeable = False
    return wrap(array)


def _require_close(
    subject: str,
    actual: Array,
    expected: Array,
    tolerance: _Tolerance,
    actual_name: str = "actual",
    expected_name: str = "expected",
) -> None:
    """Raise an error that names the worst element, unless all are near, or equal though not finite."""
    if actual.shape != expected.shape:
        raise GradientError(f"{subject}: the shape is {list(actual.shape)}, expected was {list(expected.shape)}")
    error = np.abs(actual - expected)
    fits = error <= tolerance.absolute + tolerance.relative * np.abs(expected)
    fits |= (actual == expected) | (np.isnan(actual) & np.isnan(expected))
    if np.all(fits):
        return
    severity = np.where(fits, -1.0, np.nan_to_num(error, nan=np.inf))
    worst = np.unravel_index(np.argmax(severity), severity.shape)
    raise GradientError(
        f"{subject}: worst at element {[int(i) for i in worst]}, {actual_name} {actual[worst]:.8g}, {expected_name} "
        f"{expected[worst]:.8g} (difference {error[worst]:.3g}, tolerance {tolerance.absolute:g} + "
        f"{tolerance.relative:g} * |{expected_name}|)"
    )


def _is_list(x: Any) -> bool:
    return isinstance(x, list)


def _is_floating(x: Any) -> bool:
    return isinstance(x, np.ndarray | Tensor) and x.dtype.kind == "f"


def _array(x: Any) -> Array:
    return x._array if isinstance(x, Tensor) else x


def _described(x: Any) -> str:
    if _is_list(x):
        return "[" + ", ".join(map(_described, x)) + "]"
    if not isinstance(x, np.ndarray | Tensor):
        return repr(x)
    array = _array(x)
    strides = [stride // array.itemsize for stride in array.strides]
    access = "" if array.flags.writeable else ", read-only"
    values = np.array2string(array, separator=", ", threshold=100, prefix=" " * 11)
    return f"{values} (shape {list(array.shape)}, strides {strides}, {array.dtype}{access})"
