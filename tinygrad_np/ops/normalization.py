"""Batch normalization."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tinygrad_np import dtypes
from tinygrad_np.ops import primitive as _primitive
from tinygrad_np.ops.errors import argument_error
from tinygrad_np.ops.primitive import fused, wrap
from tinygrad_np.ops.table import Array
from tinygrad_np.sums import reduce

if TYPE_CHECKING:
    from tinygrad_np.tensor import Tensor

Moments: TypeAlias = tuple[Array, Array]  # mean and variance of each channel


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Batch normalization: ``(input - mean) / sqrt(variance + eps) * weight + bias``, channel by channel.

    In training mean and variance are those of the batch, and the running ones are moved towards them, in place:
    ``running = (1 - momentum) * running + momentum * of_batch``, where the variance is the unbiased one. In evaluation
    they are the running ones.

    Args:
        input: ``(batch, channels, ...)``, in a floating-point dtype.
        running_mean: ``(channels,)``, like the next three in the dtype of ``input``; None in training to keep none.
        running_var: likewise.
        weight: the scale of each channel; None for 1.
        bias: what is added to each channel; None for 0.
        training: whether the batch is normalized by its own mean and variance.
        momentum: how far the running mean and variance move.
        eps: keeps the root from becoming zero.

    Returns:
        The shape of ``input``.

    Raises:
        ValueError: in training there is only one value per channel, or only one of the running tensors; or ``eps`` is
            negative.
        RuntimeError: in evaluation a running tensor is missing; or sizes or dtypes do not fit.

    Source:
        Ioffe, Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift"
        (2015).

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([[1.0, 10.0], [3.0, 30.0]])
        >>> tg.nn.functional.batch_norm(x, None, None, training=True)
        tensor([[-1.0000, -1.0000],
                [ 1.0000,  1.0000]])
    """
    _check(input, {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}, eps)
    if not training:
        for name, tensor in (("running_mean", running_mean), ("running_var", running_var)):
            if tensor is None:
                raise RuntimeError(f"batch_norm: {name} must be defined in evaluation mode")
        return _standardized(input, running_mean, running_var, weight, bias, eps)
    count = input.numel() // max(input.shape[1], 1)
    if count == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {list(input.shape)}")
    if (running_mean is None) != (running_var is None):
        raise ValueError("batch_norm: running_mean and running_var must either both be None or neither be None")
    moments = _moments(_rows(input._array))
    if running_mean is not None and running_var is not None and count:
        mean, variance = moments
        _move(running_mean, mean, momentum)
        _move(running_var, variance * (count / (count - 1)), momentum)
    return batch_normalization(input, weight, bias, eps, moments)


# ---- by the moments of the batch -----------------------------------------------------------------------------------


@fused
def batch_normalization(input: Array, weight: Array, bias: Array, eps: float, moments: Moments | None = None) -> Any:
    """Batch normalization in training; ``moments`` are those of ``input``, where they are known already."""
    rows = _rows(input)
    mean, variance = _moments(rows) if moments is None else moments
    inverse = 1 / np.sqrt(variance + eps)
    normalized = rows - _across(mean, rows)
    normalized *= _across(inverse, rows)
    out = normalized.copy() if weight is None else normalized * _across(weight, rows)
    if bias is not None:
        out += _across(bias, rows)
    return out.reshape(input.shape).astype(input.dtype, copy=False), (normalized, inverse)


def _gradient_of_input(g: Array, kept: Any, weight: Array) -> Array:
    # To shift or scale a whole channel has no effect, so what would do that is taken out of the gradient: its mean, and
    # its component along the normalized values.
    normalized, inverse = kept
    rows = _rows(g)
    count = _count(rows)
    gradient = normalized * _across(_channel_products(rows, normalized) / count, rows)
    gradient += _across(channel_sums(rows) / count, rows)
    np.subtract(rows, gradient, out=gradient)
    gradient *= _across(inverse if weight is None else inverse * weight, rows)
    return gradient.reshape(g.shape)


batch_normalization.rule(
    input=_gradient_of_input,
    weight=lambda g, kept: _channel_products(_rows(g), kept[0]),
    bias=lambda g: channel_sums(g),
)


@batch_normalization.decomposition
def _by_mean_and_variance(input: Any, weight: Any, bias: Any, eps: float, moments: Moments | None = None) -> Any:
    dims = (0, *range(2, input.ndim))
    count = _count(_rows(input._array))
    mean = input.sum(dims, keepdim=True) / count
    variance = ((input - mean) ** 2).sum(dims, keepdim=True) / count
    return _standardized(input, mean, variance, weight, bias, eps)


# ---- channel by channel --------------------------------------------------------------------------------------------


def channel_sums(array: Array) -> Array:
    """The sum of each channel of ``(batch, channels, ...)``."""
    return reduce(np.add, np.ascontiguousarray(_rows(array)), (0, 2))


def _channel_products(a: Array, b: Array) -> Array:
    """The sum of ``a * b`` over each channel."""
    if a.shape[2] < len(a):  # 0.09 of the time for (4096, 64), 0.4 for (64, 64, 4, 4); else vecdot is more precise
        return np.einsum("ijk,ijk->j", a, b)
    return np.vecdot(a, b).sum(0)


def _across(numbers: Array, rows: Array) -> Array:
    """A number for each channel, across its values: as ``numbers[:, np.newaxis]``, but written out.

    NumPy begins anew with each number that it broadcasts; so it takes 0.6 of the time, for images of 7x7 to 28x28.
    """
    if rows.shape[2] == 1:
        return numbers[:, np.newaxis]
    return np.repeat(numbers, rows.shape[2]).reshape(rows.shape[1:])


def _moments(rows: Array) -> Moments:
    mean = channel_sums(rows) / _count(rows)
    centred = rows - _across(mean, rows)
    return mean, _channel_products(centred, centred) / _count(rows)


def _count(rows: Array) -> int:
    """By what to divide sums for means: the number of values in a channel, but 1 if there is none."""
    batch, _, values = rows.shape
    return int(batch * values) or 1


def _rows(array: Array) -> Array:
    """As ``(batch, channels, values)``; half precision as float32, for the sums."""
    batch, channels, *sizes = array.shape
    dtype = np.promote_types(array.dtype, np.float32)
    return array.reshape(batch, channels, math.prod(sizes)).astype(dtype, copy=False)


def _standardized(input: Tensor, mean: Any, variance: Any, weight: Any, bias: Any, eps: float) -> Tensor:
    """Batch normalization by any mean and variance, as a composite."""
    column = (-1, *[1] * (input.ndim - 2))
    scale = (variance.reshape(column) + eps).rsqrt()
    if weight is not None:
        scale = scale * weight.reshape(column)
    out: Tensor = (input - mean.reshape(column)) * scale
    return out if bias is None else out + bias.reshape(column)


def _move(running: Tensor, observed: Array, momentum: float) -> None:
    running.copy_(wrap((1 - momentum) * running._array + momentum * observed))


def _check(input: Any, others: dict[str, Any], eps: float) -> None:
    if not isinstance(input, _primitive.Tensor):
        raise argument_error("batch_norm", "input", input)
    if not dtypes.is_floating(input.dtype):
        raise RuntimeError(f"batch_norm: not implemented for dtype {input.dtype}")
    if input.ndim < 2:
        raise RuntimeError(f"batch_norm: expected an input of at least 2 dimensions, but got {input.ndim}D")
    for name, tensor in others.items():
        if tensor is None:
            continue
        if not isinstance(tensor, _primitive.Tensor):
            raise argument_error("batch_norm", name, tensor)
        if tensor.shape != (input.shape[1],):
            raise RuntimeError(
                f"batch_norm: {name} should contain {input.shape[1]} elements, one for each channel, but its shape is "
                f"{list(tensor.shape)}"
            )
        if tensor.dtype != input.dtype:
            raise RuntimeError(f"batch_norm: expected {name} of dtype {input.dtype}, but found {tensor.dtype}")
    if eps < 0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")
