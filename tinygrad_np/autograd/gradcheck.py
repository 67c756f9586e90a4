"""Gradients held against finite differences.

Both checks compare ``vᵀJu``, for directions ``u`` of the input and cotangents ``v`` of the output, computed twice:
forward, as a difference quotient along ``u``; and backward, from the gradient that ``v`` gives. With the unit vectors
for both that is the whole Jacobian; with one random vector each it is the fast mode.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tinygrad_np import dtypes
from tinygrad_np.backward import grad
from tinygrad_np.ops import primitive
from tinygrad_np.ops.primitive import wrap

if TYPE_CHECKING:
    from tinygrad_np.tensor import Tensor

Floats = npt.NDArray[np.float64]


class GradcheckError(RuntimeError):
    """Raised by `gradcheck` and `gradgradcheck` where a gradient is wrong."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    fast_mode: bool = False,
) -> bool:
    """Check the gradients of a function against central differences ``(f(x + εu) − f(x − εu)) / 2ε``.

    An element of the Jacobian is right if ``|analytical − numerical| ≤ atol + rtol · |numerical|``. The defaults suit
    float64. `tinygrad_np.testing.check_gradient` checks more, and draws the inputs by itself.

    Args:
        func: takes ``inputs`` and returns a tensor or several. It is called with the inputs themselves, changed in
            place by ``eps`` and changed back, so that it may also refer to them by other names, as a module does to its
            parameters.
        inputs: a tensor or several. Checked are those that require grad; they should be float64, and small.
        eps: the step of the differences.
        atol: absolute tolerance.
        rtol: relative tolerance.
        raise_exception: raise where a gradient is wrong, rather than return False.
        nondet_tol: how far two backward passes over the same graph may differ.
        fast_mode: compare the Jacobian in one random direction only, at the cost of three calls instead of two per
            element.

    Returns:
        Whether the gradients are right.

    Raises:
        GradcheckError: a gradient is wrong; the message says which one, and where.
        ValueError: no input requires grad, or one cannot be changed in place, or is not of floating point.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([0.5, 2.0], dtype=tg.float64, requires_grad=True)
        >>> tg.autograd.gradcheck(lambda x: (x * x).sum(), x)
        True
    """
    inputs = _as_tuple("gradcheck", inputs)
    checked = _checked("gradcheck", inputs)
    try:
        _compare(func, inputs, checked, eps, atol, rtol, nondet_tol, fast_mode)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    fast_mode: bool = False,
) -> bool:
    """Check the gradients of a function's gradients: `gradcheck` of ``(inputs, grad_outputs) ↦ grad(func(inputs))``.

    Args:
        func: takes ``inputs`` and returns a tensor or several.
        inputs: a tensor or several. Checked are those that require grad; they should be float64, and small.
        grad_outputs: the cotangent of each output, checked where it requires grad; random and checked if None.
        eps: the step of the differences.
        atol: absolute tolerance.
        rtol: relative tolerance.
        gen_non_contig_grad_outputs: make the random ``grad_outputs`` non-contiguous.
        raise_exception: raise where a gradient is wrong, rather than return False.
        nondet_tol: how far two backward passes over the same graph may differ.
        fast_mode: compare the Jacobian in one random direction only.

    Returns:
        Whether the gradients of the gradients are right.

    Raises:
        GradcheckError: a gradient is wrong; the message says which one, and where.
        ValueError: no input requires grad, or one cannot be changed in place, or is not of floating point.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([0.5, 2.0], dtype=tg.float64, requires_grad=True)
        >>> tg.autograd.gradgradcheck(tg.sin, x)
        True
    """
    inputs = _as_tuple("gradgradcheck", inputs)
    differentiated = _checked("gradgradcheck", inputs)
    if grad_outputs is None:
        outputs = floating_tensors(func(*inputs))
        cotangents = _random_cotangents(outputs, gen_non_contig_grad_outputs)
    else:
        cotangents = _as_tuple("gradgradcheck", grad_outputs)

    def gradients(*values: Any) -> tuple[Tensor, ...]:
        outputs = floating_tensors(func(*values[: len(inputs)]))
        return pull_back(outputs, differentiated, values[len(inputs) :], create_graph=True)

    return gradcheck(
        gradients,
        inputs + cotangents,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        fast_mode=fast_mode,
    )


# ---- the two ways to a derivative, also used by tinygrad_np.testing --------------------------------------------------


def directional_differences(
    evaluate: Callable[[], Floats], array: npt.NDArray[Any], directions: Floats, eps: float
) -> Floats:
    """The central difference quotient of a function along each direction.

    Args:
        evaluate: the function, as a flat array of M elements, at the present contents of ``array``.
        array: the N elements to change, which is done in place and undone.
        directions: of shape (K, N).
        eps: how far to go along a direction.

    Returns:
        Of shape (K, M).
    """
    start = array.copy()
    quotients = []
    for direction in directions:
        step = eps * direction.reshape(array.shape)
        try:
            array[...] = start + step
            above = evaluate()
            array[...] = start - step
            below = evaluate()
        finally:
            array[...] = start
        quotients.append((above - below) / (2 * eps))
    return np.array(quotients) if quotients else np.zeros((0, evaluate().size))


def pull_back(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Tensor],
    *,
    create_graph: bool,
    retain_graph: bool | None = None,
) -> tuple[Tensor, ...]:
    """The gradients that the cotangents of ``outputs`` give, zeros where ``inputs`` have no part in them."""
    recorded = [(out, cotangent) for out, cotangent in zip(outputs, cotangents, strict=True) if out.requires_grad]
    if not recorded:
        return tuple(wrap(np.zeros_like(x._array)) for x in inputs)
    outs, given = zip(*recorded, strict=True)
    found = grad(outs, inputs, given, retain_graph, create_graph, materialize_grads=True)
    return tuple(g for g in found if g is not None)


def floating_tensors(result: Any) -> tuple[Tensor, ...]:
    """The tensors of floating point among what a function returned, which may be one tensor or a sequence."""
    outputs = tuple(result) if isinstance(result, list | tuple) else (result,)
    for out in outputs:
        if not isinstance(out, primitive.Tensor):
            raise TypeError(f"the function must return a Tensor or a sequence of them, not {type(out).__name__}")
    return tuple(out for out in outputs if out.is_floating_point())


def flat(tensors: Sequence[Tensor]) -> Floats:
    """All elements of these tensors one after another, in float64."""
    return np.concatenate([t._array.ravel() for t in tensors] or [np.empty(0)]).astype(np.float64)


# ---- comparing them ------------------------------------------------------------------------------------------------


def _compare(
    func: Callable[..., Any],
    inputs: tuple[Any, ...],
    checked: list[Tensor],
    eps: float,
    atol: float,
    rtol: float,
    nondet_tol: float,
    fast_mode: bool,
) -> None:
    rng = np.random.default_rng(0)
    outputs = floating_tensors(func(*inputs))
    cotangents = [_directions(out, fast_mode, rng) for out in outputs]
    directions = [_directions(x, fast_mode, rng) for x in checked]
    analytical = [_analytical(out, checked, v, nondet_tol) for out, v in zip(outputs, cotangents, strict=True)]
    for i, (x, u) in enumerate(zip(checked, directions, strict=True)):
        quotients = directional_differences(lambda: flat(floating_tensors(func(*inputs))), x._array, u, eps)
        ends = np.cumsum([out.numel() for out in outputs])
        parts = np.split(quotients, ends[:-1], axis=1) if outputs else []
        for o, quotient in enumerate(parts):
            subject = f"output {o} with respect to input {i}"
            places = None if fast_mode else (outputs[o].shape, x.shape)
            numerical = cotangents[o] @ quotient.T
            allowed = atol + rtol * np.abs(numerical)
            _require_close(subject, places, analytical[o][i] @ u.T, numerical, allowed)


def _directions(tensor: Tensor, fast_mode: bool, rng: np.random.Generator) -> Floats:
    """Unit vectors, as rows: all of them along the axes, or a random one."""
    size = tensor.numel()
    if not fast_mode or size == 0:
        return np.eye(size)
    direction = rng.standard_normal((1, size))
    return np.asarray(direction / np.linalg.norm(direction))


def _analytical(output: Tensor, inputs: list[Tensor], cotangents: Floats, nondet_tol: float) -> list[Floats]:
    """For each input the gradients that ``cotangents`` give, one to a row."""
    rows: list[list[Floats]] = [[] for _ in inputs]
    for row in cotangents:
        cotangent = wrap(row.reshape(output.shape).astype(output.dtype))
        once, again = (
            pull_back([output], inputs, [cotangent], create_graph=False, retain_graph=True) for _ in range(2)
        )
        for gradients, first, second in zip(rows, once, again, strict=True):
            difference = np.abs(first._array - second._array)
            if np.any(difference > nondet_tol):
                raise GradcheckError(
                    "Backward is not reentrant: two passes with the same input and grad_output differ by up to "
                    f"{np.max(difference):g}, and nondet_tol is {nondet_tol:g}"
                )
            gradients.append(flat([first]))
    nothing = wrap(np.zeros(output.shape, output.dtype))
    if any(np.any(g._array) for g in pull_back([output], inputs, [nothing], create_graph=False, retain_graph=True)):
        raise GradcheckError("backward not multiplied by grad_output: where that is zero, a gradient is not")
    return [np.array(g).reshape(len(g), x.numel()) for g, x in zip(rows, inputs, strict=True)]


def _require_close(
    subject: str, places: tuple[tuple[int, ...], ...] | None, analytical: Floats, numerical: Floats, allowed: Floats
) -> None:
    """Raise an error if the two differ too much, or are NaN.

    Args:
        subject: which output and input these Jacobians are of.
        places: the shapes of that output and input, if rows and columns stand for their elements.
        analytical: the Jacobian by backward.
        numerical: the Jacobian by differences.
        allowed: how far each element may be off.
    """
    error = np.abs(analytical - numerical)
    right = error <= allowed
    if np.all(right):
        return
    worst = np.unravel_index(np.argmax(np.where(right, -1, np.nan_to_num(error, nan=np.inf))), error.shape)
    where = "in a random direction"
    if places is not None:
        out, x = ([int(i) for i in np.unravel_index(k, shape)] for k, shape in zip(worst, places, strict=True))
        where = f"worst for element {out} of the output and element {x} of the input"
    raise GradcheckError(
        f"Jacobian mismatch for {subject}: {where}, numerical {numerical[worst]:g}, analytical {analytical[worst]:g} "
        f"(a difference of {error[worst]:g}, allowed is {allowed[worst]:g})\n"
        f"numerical:\n{numerical.T}\nanalytical:\n{analytical.T}"
    )


def _random_cotangents(outputs: Sequence[Tensor], non_contiguous: bool) -> tuple[Tensor, ...]:
    rng = np.random.default_rng(0)
    cotangents = []
    for out in outputs:
        values = rng.standard_normal(out.shape).astype(out.dtype)
        if non_contiguous and out.ndim:
            values = np.repeat(values, 2, axis=-1)[..., ::2]
        cotangents.append(wrap(np.asarray(values)).requires_grad_())
    return tuple(cotangents)


# ---- the inputs ----------------------------------------------------------------------------------------------------


def _as_tuple(check: str, tensors: Tensor | Sequence[Any]) -> tuple[Any, ...]:
    if isinstance(tensors, primitive.Tensor):
        return (tensors,)
    if not isinstance(tensors, list | tuple):
        raise TypeError(f"{check}: inputs must be a Tensor or a sequence of them, not {type(tensors).__name__}")
    return tuple(tensors)


def _checked(check: str, inputs: tuple[Any, ...]) -> list[Tensor]:
    """The inputs that require grad, which must be such that a difference quotient can be had."""
    checked = [x for x in inputs if isinstance(x, primitive.Tensor) and x.requires_grad]
    if not checked:
        raise ValueError(
            f"{check} expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )
    for i, x in enumerate(checked):
        array = x._array
        overlapping = any(size > 1 and stride == 0 for size, stride in zip(array.shape, array.strides, strict=True))
        if overlapping or not array.flags.writeable:
            problem = "shares memory among its elements" if overlapping else "is read-only"
            raise ValueError(
                f"{check} changes its inputs in place, but number {i} of those that require grad {problem}: pass its "
                "clone()"
            )
        if x.dtype != dtypes.float64:
            warnings.warn(
                f"{check}: input {i} requires gradient and is {x.dtype}, not float64: the differences will hardly be "
                "precise enough",
                stacklevel=3,
            )
    return checked
