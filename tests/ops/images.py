"""Ops on images for the table of samples: arguments to draw, and the same functions spelled out window by window."""

from __future__ import annotations

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from tests.ops.arguments import DISTINCT
from tinygrad_np.ops.windows import Windows
from tinygrad_np.testing import shapes, tensors

# ---- arguments -----------------------------------------------------------------------------------------------------


@st.composite
def windows(draw, *, pooling=False, dilated=True):
    """Windows over an image that is hardly larger than they are; for pooling, each sees some of the image."""
    kernel = [draw(st.sampled_from([1, 2, 3])) for _ in range(2)]
    stride = [draw(st.sampled_from([1, 2, 3])) for _ in range(2)]
    dilation = [draw(st.sampled_from([1, 2])) if dilated else 1 for _ in range(2)]
    padding = [draw(st.integers(0, k // 2 if pooling else 2)) for k in kernel]
    after = None if pooling else tuple(p + draw(st.integers(0, 1)) for p in padding)
    size = []
    for k, d, p in zip(kernel, dilation, padding, strict=True):
        least = (k - 1) * d + 1 - 2 * p
        size.append(max(1, least) + draw(st.integers(0, 2)))
    ceil_mode = pooling and draw(st.booleans())
    drawn = Windows.over("op", size, kernel, stride, padding, dilation, after=after, ceil_mode=ceil_mode)
    assume(np.prod(size) <= 12 and np.prod(drawn.count) <= 6)
    return drawn


@st.composite
def convolved(draw):
    """The arguments of a convolution."""
    window = draw(windows())
    groups, into, out = draw(st.sampled_from([(1, 1, 1), (1, 1, 2), (1, 2, 1), (2, 1, 1)]))
    batch = draw(st.sampled_from([1, 2, 0]))
    weight = (groups * out, into, *window.kernel_size)
    bias = draw(st.one_of(st.none(), tensors(shape=(groups * out,))))
    input = draw(tensors(shape=(batch, groups * into, *window.image_size)))
    return input, draw(tensors(shape=weight)), bias, window, groups


BATCH_AND_CHANNELS = st.sampled_from([(1, 1), (2, 1), (1, 2), (0, 1)])


@st.composite
def unfolded(draw):
    window = draw(windows())
    return draw(tensors(shape=(*draw(BATCH_AND_CHANNELS), *window.image_size))), window


@st.composite
def folded(draw):
    window = draw(windows())
    batch, channels = draw(BATCH_AND_CHANNELS)
    shape = (batch, channels * int(np.prod(window.kernel_size)), int(np.prod(window.count)))
    return draw(tensors(shape=shape)), window


@st.composite
def pooled(draw):
    """The arguments of a maximum pooling; no two elements are equal."""
    window = draw(windows(pooling=True))
    for i in range(2):
        pixels = window.begins(i)[:, None] + np.arange(window.kernel_size[i]) * window.dilation[i]
        assume(((pixels >= 0) & (pixels < window.image_size[i])).any(1).all())
    return draw(tensors(DISTINCT, shape=(*draw(BATCH_AND_CHANNELS), *window.image_size))), window


@st.composite
def averaged(draw):
    window = draw(windows(pooling=True, dilated=False))
    input = draw(tensors(shape=(*draw(BATCH_AND_CHANNELS), *window.image_size)))
    return input, window, draw(st.booleans()), draw(st.sampled_from([None, None, 3]))


@st.composite
def padded(draw):
    """A tensor, paddings that leave something of it, and a value."""
    x = draw(tensors())
    dims = draw(st.integers(0, x.ndim))
    pad = []
    for size in list(x.shape)[::-1][:dims]:
        before = draw(st.integers(-size, 2))
        pad += [before, draw(st.integers(-size - min(before, 0), 2))]
    return x, tuple(pad), draw(st.sampled_from([0, 1.5]))


@st.composite
def normalized(draw):
    """The arguments of a batch normalization: as large an ``eps`` makes it smooth where all values are equal."""
    shape = draw(shapes(min_ndim=2, min_side=1).filter(lambda shape: shape[0] * np.prod(shape[2:]) > 1))
    vector = st.one_of(st.none(), tensors(shape=shape[1:2]))
    return draw(tensors(shape=shape)), draw(vector), draw(vector), draw(st.sampled_from([0.5, 0.25]))


# ---- what they are, window by window -------------------------------------------------------------------------------


def places(window):
    """For each pixel of each window: its indices, and where in the image it is."""
    for i, j, r, c in np.ndindex(*window.kernel_size, *window.count):
        row = r * window.stride[0] + i * window.dilation[0] - window.padding[0]
        column = c * window.stride[1] + j * window.dilation[1] - window.padding[1]
        yield (..., i, j, r, c), row, column


def patches(x, window, outside=0):
    """What the windows see, ``(batch, channels, *kernel_size, *count)``."""
    seen = np.full((*x.shape[:2], *window.kernel_size, *window.count), outside, x.dtype)
    for pixel, row, column in places(window):
        if 0 <= row < window.image_size[0] and 0 <= column < window.image_size[1]:
            seen[pixel] = x[:, :, row, column]
    return seen


def convolution(x, weight, bias, window, groups):
    seen = patches(x, window)
    seen = seen.reshape(len(x), groups, weight.shape[1], *seen.shape[2:])
    kernels = weight.reshape(groups, -1, *weight.shape[1:])
    out = np.einsum("ngcijrs,gocij->ngors", seen, kernels).reshape(len(x), len(weight), *window.count)
    return out if bias is None else out + bias[:, None, None]


def im2col(x, window):
    batch, channels = x.shape[:2]
    return patches(x, window).reshape(batch, channels * np.prod(window.kernel_size), np.prod(window.count))


def col2im(columns, window):
    pixels = int(np.prod(window.kernel_size))
    shape = (len(columns), columns.shape[1] // pixels)
    parts = columns.reshape(*shape, *window.kernel_size, *window.count)
    image = np.zeros((*shape, *window.image_size))
    for pixel, row, column in places(window):
        if 0 <= row < window.image_size[0] and 0 <= column < window.image_size[1]:
            image[:, :, row, column] += parts[pixel]
    return image


def max_pool(x, window):
    return patches(x, window, -np.inf).max((2, 3))


def max_pool_indices(x, window):
    seen = patches(x, window, -np.inf).reshape(*x.shape[:2], np.prod(window.kernel_size), *window.count)
    numbers = np.broadcast_to(np.arange(np.prod(window.image_size)).reshape(window.image_size), x.shape)
    seen_numbers = patches(numbers, window).reshape(seen.shape)
    return np.take_along_axis(seen_numbers, seen.argmax(2)[:, :, None], 2)[:, :, 0]


def avg_pool(x, window, count_include_pad, divisor_override):
    counts = np.zeros(window.count)
    (top, left), (height, width) = window.padding if count_include_pad else (0, 0), window.image_size
    for pixel, row, column in places(window):
        counts[pixel[3:]] += -top <= row < height + top and -left <= column < width + left
    return patches(x, window).sum((2, 3)) / (divisor_override or counts)


def constant_pad(x, pad, value):
    margins = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    out = np.pad(x, [(max(a, 0), max(b, 0)) for a, b in margins], constant_values=value) if x.ndim else x
    return out[tuple(slice(max(-a, 0), size - max(-b, 0)) for size, (a, b) in zip(out.shape, margins, strict=True))]


def batch_normalization(x, weight, bias, eps):
    dims, column = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    mean = x.mean(dims, keepdims=True)
    out = (x - mean) / np.sqrt(((x - mean) ** 2).mean(dims, keepdims=True) + eps)
    return out * (1 if weight is None else weight.reshape(column)) + (0 if bias is None else bias.reshape(column))
