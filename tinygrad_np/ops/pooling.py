"""Pooling: each window of an image is replaced by its maximum or its mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_np import dtypes
from tinygrad_np.dtypes import DType
from tinygrad_np.ops import primitive as _primitive
from tinygrad_np.ops.convolution import im2col
from tinygrad_np.ops.elementwise import keep
from tinygrad_np.ops.errors import argument_error
from tinygrad_np.ops.primitive import fused, primitive, wrap
from tinygrad_np.ops.table import Array
from tinygrad_np.ops.windows import Windows, by_parts
from tinygrad_np.sums import reduce

if TYPE_CHECKING:
    from tinygrad_np.tensor import Tensor

_WORTH_A_THREAD = 256 * 1024  # elements of images; for as many, two threads take 1.3 of the time, for twice 0.8
_WORTH_A_SEARCH = 20  # pixels of an image; for 16, to look through each image takes as long as pixel by pixel

# ---- max -----------------------------------------------------------------------------------------------------------


def max_pool2d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window of a sliding kernel, channel by channel; nan if the window has one.

    The gradient goes to the element that is the maximum, the first of equal ones.

    Args:
        input: ``(batch, channels, height, width)``, or one image, ``(channels, height, width)``; of any dtype but bool.
        kernel_size: of a window. Like the next three a number, or two: vertical, horizontal.
        stride: from one window to the next; None for ``kernel_size``.
        padding: how far the windows reach beyond the image, at most half of ``kernel_size``. There they see -inf.
        dilation: from one pixel of a window to the next.
        ceil_mode: whether windows may reach yet further, below and on the right, as long as they begin in the image or
            before.
        return_indices: whether to say where the maxima are.

    Returns:
        ``(batch, channels, out_height, out_width)``, for one image without ``batch``, where
        ``out_height = (height + 2 * padding - dilation * (kernel_height - 1) - 1) / stride + 1``, rounded down or,
        with ``ceil_mode``, up; likewise the width. With ``return_indices`` a pair of such tensors, the second of int64:
        where in its image, flattened, each maximum is.

    Raises:
        TypeError: ``input`` is no tensor, or a number no integer.
        RuntimeError: shape or dtype does not fit, or an argument is out of range.

    Example:
        >>> import tinygrad_np as tg
        >>> image = tg.tensor([[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]])
        >>> tg.nn.functional.max_pool2d(image, 2)
        tensor([[[4., 8.]]])
        >>> tg.nn.functional.max_pool2d(image, 2, return_indices=True)[1]
        tensor([[[5, 7]]])
    """
    _check_input("max_pool2d", input)
    if input.dtype.kind == "b":
        raise RuntimeError("max_pool2d: not implemented for dtype bool")
    if input.ndim == 3:
        batch = max_pool2d(input.unsqueeze(0), kernel_size, stride, padding, dilation, ceil_mode, return_indices)
        return (batch[0].squeeze(0), batch[1].squeeze(0)) if return_indices else batch.squeeze(0)
    windows = _windows("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)
    if not return_indices:
        return max_pool(input, windows)
    indices = max_pool_indices(input, windows)
    return _picked(input, indices), indices


@fused
def max_pool(input: Array, windows: Windows) -> Any:
    """`max_pool2d` of a batch. It keeps which pixel of its window each maximum is."""
    if windows.whole and math.prod(windows.image_size) >= _WORTH_A_SEARCH:
        out, winner = _maxima(input)
        if not np.isnan(out).any():  # of several nan the last is meant, and argmax finds the first
            return out, winner
    lowest = -math.inf if input.dtype.kind == "f" else np.iinfo(input.dtype).min
    padded = windows.padded(input, lowest)
    first, *others = windows.pixels
    winner = np.empty((*input.shape[:2], *windows.count), np.min_scalar_type(math.prod(windows.kernel_size)))
    winner[...] = _first_pixels(windows) if any(windows.padding) else 0

    out = np.empty(winner.shape, input.dtype)

    def pool(start: int, stop: int) -> None:
        images, highest, place = padded[start:stop], out[start:stop], winner[start:stop]
        highest[...] = windows.view(images, first)
        for number, pixel in enumerate(others, 1):
            seen = windows.view(images, pixel).copy()  # what is read several times had better lie together
            wins = seen > highest
            wins |= np.isnan(seen)
            np.maximum(place, np.multiply(wins.view(np.uint8), number, dtype=place.dtype), out=place)
            np.maximum(highest, seen, out=highest)

    by_parts(pool, input.shape, _WORTH_A_THREAD)
    return out, winner


def _maxima(images: Array) -> tuple[Array, Array]:
    """The maximum of each image, and which pixel it is: 0.01 of the time that images of 28x28 take pixel by pixel."""
    rows = _rows(images)
    winner = rows.argmax(1)
    shape = *images.shape[:2], 1, 1
    return rows[np.arange(len(rows)), winner].reshape(shape), winner.reshape(shape)


def _gradient_of_max(g: Array, kept: Array, input_shape: tuple[int, ...], windows: Windows) -> Array:
    if windows.whole:  # one element of each image: 0.02 of the time for images of 28x28, 0.09 for 7x7
        gradient = np.zeros(input_shape, g.dtype)
        _rows(gradient)[np.arange(g.size), kept.ravel()] = g.ravel()
        return gradient
    gradient = np.empty(input_shape, g.dtype)

    def spread(start: int, stop: int) -> None:
        mine, winner, images = g[start:stop], kept[start:stop], gradient[start:stop]
        if windows.overlap or windows.padded_size != windows.image_size:
            windows.add_up((keep(mine, winner == number) for number, _ in enumerate(windows.pixels)), images)
            return
        images.fill(0)  # no window may reach the last rows and columns
        for number, pixel in enumerate(windows.pixels):  # straight into the image: 0.8 of the time
            keep(mine, winner == number, out=windows.view(images, pixel))

    by_parts(spread, input_shape, _WORTH_A_THREAD)
    return gradient


max_pool.rule(input=_gradient_of_max)


def _first_pixels(windows: Windows) -> Array:
    """For each window the first pixel that lies in the image, not in the padding: the maximum if all are -inf."""
    firsts = []
    for i in range(2):
        begin, gap = windows.begins(i), windows.dilation[i]
        first = -(np.minimum(begin, 0) // gap)
        if np.any(begin + first * gap >= windows.image_size[i]):
            raise RuntimeError("max_pool2d: a window sees nothing but padding")
        firsts.append(first)
    return np.add.outer(firsts[0] * windows.kernel_size[1], firsts[1])


@max_pool.decomposition
def _by_picking(input: Any, windows: Windows) -> Any:
    return _picked(input, max_pool_indices(input, windows))


@primitive(differentiable=False)
def max_pool_indices(input: Array, windows: Windows) -> Array:
    """Where in its image, flattened, the maximum of each window is."""
    _, winner = max_pool.op.forward(input, windows)
    down, right = np.divmod(winner.astype(np.int64), windows.kernel_size[1])
    row = windows.begins(0)[:, np.newaxis] + down * windows.dilation[0]
    column = windows.begins(1) + right * windows.dilation[1]
    return row * windows.image_size[1] + column


def _picked(input: Any, indices: Any) -> Any:
    """The elements at places in the flattened images."""
    return input.flatten(2).gather(2, indices.flatten(2)).reshape(indices.shape)


# ---- mean ----------------------------------------------------------------------------------------------------------


def avg_pool2d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window of a sliding kernel, channel by channel.

    Args:
        input: ``(batch, channels, height, width)``, or one image, ``(channels, height, width)``; floating-point.
        kernel_size: of a window. Like the next two a number, or two: vertical, horizontal.
        stride: from one window to the next; None for ``kernel_size``.
        padding: how many zeros are put before and behind the rows and columns, at most half of ``kernel_size``.
        ceil_mode: whether windows may reach beyond the padding, as for `max_pool2d`.
        count_include_pad: whether the mean is that of image and padding. Otherwise it is that of the image alone.
        divisor_override: what to divide the sum by, instead of the number of pixels.

    Returns:
        ``(batch, channels, out_height, out_width)``, as of `max_pool2d`.

    Raises:
        TypeError: ``input`` is no tensor, or a number no integer.
        RuntimeError: shape or dtype does not fit, or an argument is out of range.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.nn.functional.avg_pool2d(tg.tensor([[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]]), 2)
        tensor([[[2.5000, 6.5000]]])
    """
    _check_input("avg_pool2d", input)
    if not dtypes.is_floating(input.dtype):
        raise RuntimeError(f"avg_pool2d: not implemented for dtype {input.dtype}")
    if divisor_override == 0:
        raise RuntimeError("avg_pool2d: divisor must be not zero")
    if input.ndim == 3:
        options = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
        return avg_pool2d(input.unsqueeze(0), *options).squeeze(0)
    windows = _windows("avg_pool2d", input, kernel_size, stride, padding, 1, ceil_mode)
    return avg_pool(input, windows, count_include_pad, divisor_override)


@primitive
def avg_pool(input: Array, windows: Windows, count_include_pad: bool, divisor_override: int | None) -> Array:
    """`avg_pool2d` of a batch."""
    images = input.astype(np.float32) if input.dtype == dtypes.float16 else input  # sums of half precision overflow
    # Of whole images: 0.04 of the time that those of 28x28 take pixel by pixel, 0.2 for 7x7.
    out = reduce(np.add, images, (2, 3), keepdims=True) if windows.whole else _sums_by_pixel(images, windows)
    out /= _divisors(windows, count_include_pad, divisor_override, out.dtype)
    return out.astype(input.dtype, copy=False)


def _sums_by_pixel(images: Array, windows: Windows) -> Array:
    """The sum of each window."""
    padded = windows.padded(images)
    out = np.zeros((*images.shape[:2], *windows.count), images.dtype)
    for pixel in windows.pixels:
        out += windows.view(padded, pixel)
    return out


def _gradient_of_mean(
    g: Array, input_shape: tuple[int, ...], windows: Windows, count_include_pad: bool, divisor_override: int | None
) -> Array:
    share = g / _divisors(windows, count_include_pad, divisor_override, g.dtype)
    if windows.whole:  # 0.06 of the time for images of 28x28
        return np.broadcast_to(share, input_shape).copy()
    return windows.add_up([share] * math.prod(windows.kernel_size), np.empty(input_shape, g.dtype))


avg_pool.rule(input=_gradient_of_mean)


@avg_pool.decomposition
def _by_unfolding(input: Any, windows: Windows, count_include_pad: bool, divisor_override: int | None) -> Any:
    batch, channels = input.shape[:2]
    columns = im2col(input, windows).reshape(batch, channels, math.prod(windows.kernel_size), *windows.count)
    return columns.sum(2) / wrap(_divisors(windows, count_include_pad, divisor_override, input.dtype))


def _divisors(windows: Windows, count_include_pad: bool, divisor_override: int | None, dtype: DType) -> Array:
    """How many pixels each window has; those beyond the padding do not count."""
    if divisor_override is not None:
        return np.array(divisor_override, dtype)
    counts = []
    for i in range(2):
        size, margin = windows.image_size[i], windows.padding[i]
        begin = windows.begins(i)
        end = np.minimum(begin + windows.kernel_size[i], size + margin)
        counts.append(end - begin if count_include_pad else np.minimum(end, size) - np.maximum(begin, 0))
    return np.multiply.outer(*counts).astype(dtype)


# ---- both ----------------------------------------------------------------------------------------------------------


def _check_input(op: str, input: Any) -> None:
    if not isinstance(input, _primitive.Tensor):
        raise argument_error(op, "input", input)
    if input.ndim not in (3, 4):
        raise RuntimeError(f"{op}: Expected 3D or 4D (batch mode) tensor for input, but got: {list(input.shape)}")


def _rows(images: Array) -> Array:
    """Each channel of each image as a row; a view, if the images are contiguous."""
    batch, channels, height, width = images.shape
    return images.reshape(batch * channels, height * width)


def _windows(
    op: str, input: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Windows:
    windows = Windows.over(
        op,
        input.shape[2:],
        kernel_size,
        kernel_size if stride is None else stride,
        padding,
        dilation,
        ceil_mode=ceil_mode,
    )
    for margin, kernel in zip(windows.padding, windows.kernel_size, strict=True):
        if margin > kernel // 2:
            raise RuntimeError(
                f"{op}: pad should be at most half of kernel size, but got pad={windows.padding} and "
                f"kernel_size={windows.kernel_size}"
            )
    return windows
