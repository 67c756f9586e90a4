"""Convolution, and what it is made of: unfold, fold and padding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_np import dtypes
from tinygrad_np.ops import primitive as _primitive
from tinygrad_np.ops.errors import argument_error
from tinygrad_np.ops.normalization import channel_sums
from tinygrad_np.ops.primitive import for_rules, fused, primitive, wrap
from tinygrad_np.ops.table import Array
from tinygrad_np.ops.windows import Pair, Windows, by_parts, pair

if TYPE_CHECKING:
    from tinygrad_np.tensor import Tensor

_WORTH_A_THREAD = 512 * 1024  # elements of columns; for as many, two threads take 1.06 of the time, for twice 0.9
_FITS_THE_CACHE = 256 * 1024  # elements of what is added up at a time; with more, images take up to 1.4 times as long
_WORTH_STRIPS = 4  # pixels of a padded image for each window; with 9, strips take 1.5 times as long, with 49 up to 30

# ---- convolution ---------------------------------------------------------------------------------------------------


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """A 2-D convolution over images of several channels, strictly a cross-correlation: the kernel is not flipped.

    ``out[n, o, y, x] = bias[o] + sum_{c, i, j} weight[o, c, i, j] * input[n, c, y * stride + i * dilation,
    x * stride + j * dilation]``, where with ``groups`` the channels ``c`` are those of the group of ``o``.

    Args:
        input: ``(batch, in_channels, height, width)``, or one image, ``(in_channels, height, width)``.
        weight: ``(out_channels, in_channels / groups, kernel_height, kernel_width)``, in the dtype of ``input``.
        bias: ``(out_channels,)``, or None.
        stride: from one window to the next. Like ``padding`` and ``dilation`` a number, or two: vertical, horizontal.
        padding: how many zeros are put before and behind the rows and columns; or ``"valid"`` for none, or ``"same"``
            for so many that the output is as large as the input.
        dilation: from one pixel of a window to the next.
        groups: into how many groups the channels are parted, those of the input and those of the output alike.

    Returns:
        ``(batch, out_channels, out_height, out_width)``, for one image without ``batch``, where
        ``out_height = (height + 2 * padding - dilation * (kernel_height - 1) - 1) // stride + 1``; likewise the width.

    Raises:
        TypeError: an operand is no tensor, or a number no integer.
        RuntimeError: shapes or dtypes do not fit, or an argument is out of range.

    Source:
        Chellapilla, Puri, Simard, "High performance convolutional neural networks for document processing" (2006):
        the convolution as a matrix product.

    Example:
        >>> import tinygrad_np as tg
        >>> image = tg.arange(9.0).reshape(1, 3, 3)
        >>> tg.nn.functional.conv2d(image, tg.tensor([[[[1.0, 0.0], [0.0, -1.0]]]]))
        tensor([[[-4., -4.],
                 [-4., -4.]]])
    """
    _check_operands(input, weight, bias, groups)
    if input.ndim == 3:
        return conv2d(input.unsqueeze(0), weight, bias, stride, padding, dilation, groups).squeeze(0)
    image_size, kernel_size = input.shape[2:], weight.shape[2:]
    after: Pair | None = None
    if isinstance(padding, str):
        padding, after = _named_padding(padding, kernel_size, stride, dilation)
    windows = Windows.over("conv2d", image_size, kernel_size, stride, padding, dilation, after=after)
    return convolution(input, weight, bias, windows, groups)


def _named_padding(name: str, kernel_size: Sequence[int], stride: Any, dilation: Any) -> tuple[Pair, Pair]:
    """The padding that ``"valid"`` or ``"same"`` stands for: above and left, below and right."""
    if name == "valid":
        return (0, 0), (0, 0)
    if name != "same":
        raise RuntimeError(f"conv2d: Invalid padding string: '{name}', should be one of 'same', 'valid'")
    if pair("conv2d", "stride", stride, least=1) != (1, 1):
        raise RuntimeError("conv2d: padding='same' is not supported for strided convolutions")
    down, right = pair("conv2d", "dilation", dilation, least=1)
    height, width = down * (kernel_size[0] - 1), right * (kernel_size[1] - 1)
    return (height // 2, width // 2), (height - height // 2, width - width // 2)


def _check_operands(input: Any, weight: Any, bias: Any, groups: int) -> None:
    for name, operand in (("input", input), ("weight", weight), ("bias", bias)):
        if not isinstance(operand, _primitive.Tensor) and not (name == "bias" and operand is None):
            raise argument_error("conv2d", name, operand)
        if operand is not None and operand.dtype != input.dtype:
            raise RuntimeError(f"conv2d: expected {name} of dtype {input.dtype}, but found {operand.dtype}")
    if input.dtype.kind == "b":
        raise RuntimeError("conv2d: not implemented for dtype bool")
    if input.ndim not in (3, 4):
        raise RuntimeError(
            f"Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: {list(input.shape)}"
        )
    sizes = list(weight.shape)
    if len(sizes) != 4:
        raise RuntimeError(f"conv2d: expected a weight of 4 dimensions, but got weight of size {sizes}")
    if groups < 1:
        raise RuntimeError(f"conv2d: non-positive groups is not supported, but got {groups}")
    if sizes[0] < groups or sizes[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} and divisible by {groups} at dimension 0, "
            f"but got weight of size {sizes}"
        )
    channels = input.shape[-3]
    if channels != sizes[1] * groups:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {sizes}, expected input{list(input.shape)} to have "
            f"{sizes[1] * groups} channels, but got {channels} channels instead"
        )
    if bias is not None and bias.shape != (sizes[0],):
        raise RuntimeError(
            f"Given weight of size {sizes}, expected bias to be 1-dimensional with {sizes[0]} elements, but got bias "
            f"of size {list(bias.shape)} instead"
        )


@fused
def convolution(input: Array, weight: Array, bias: Array, windows: Windows, groups: int) -> Any:
    """`conv2d` of a batch: for each image and group the product of two matrices, the kernels' and the windows'."""
    kernels = _kernels(weight, groups)
    columns = np.empty((len(input), groups, kernels.shape[2], math.prod(windows.count)), input.dtype)
    grouped = np.empty((len(input), groups, kernels.shape[1], math.prod(windows.count)), input.dtype)
    offsets = None if bias is None else bias.reshape(groups, kernels.shape[1], 1)

    def convolve(start: int, stop: int) -> None:
        windows.stack(input[start:stop], out=columns[start:stop])
        out = _products(kernels, columns[start:stop], grouped[start:stop])
        if offsets is not None:
            out += offsets

    by_parts(convolve, columns.shape, _WORTH_A_THREAD)
    return grouped.reshape(len(input), len(weight), *windows.count), columns


def _gradient_of_input(g: Array, weight: Array, input_shape: tuple[int, ...], windows: Windows, groups: int) -> Array:
    gradient = np.empty(input_shape, g.dtype)
    if windows.stride == (1, 1) and math.prod(windows.padded_size) <= _WORTH_STRIPS * math.prod(windows.count):
        _spread_strips(g, weight, gradient, windows, groups)
        return gradient
    grouped, transposed = _grouped(g, groups), _kernels(weight, groups).mT
    shape = len(g), groups, transposed.shape[1], grouped.shape[3]  # of the columns

    def spread(start: int, stop: int) -> None:
        columns = _products(transposed, grouped[start:stop], np.empty((stop - start, *shape[1:]), g.dtype))
        parts = columns.reshape(stop - start, input_shape[1], math.prod(windows.kernel_size), *windows.count)
        windows.add_up(np.moveaxis(parts, 2, 0), gradient[start:stop])

    by_parts(spread, shape, _WORTH_A_THREAD)
    return gradient


def _spread_strips(g: Array, weight: Array, gradient: Array, windows: Windows, groups: int) -> None:
    """The gradient of the input where windows lie side by side: one product for several images.

    What each pixel of a window passes on is added up in long strips (see `Windows.as_strips`): 0.5 to 0.9 of the time
    that it takes image by image, 0.4 for few small ones.
    """
    out_channels, channels, *kernel_size = weight.shape
    pixels = math.prod(kernel_size)
    by_pixel = weight.reshape(groups, out_channels // groups, channels, pixels).transpose(0, 3, 2, 1)
    kernels = by_pixel.reshape(groups, pixels * channels, out_channels // groups)
    shape = len(g), pixels * channels * groups, math.prod(windows.padded_size)  # of all parts that are added up
    at_a_time = 1 + _FITS_THE_CACHE // math.prod(shape[1:])

    def spread(first: int, last: int) -> None:
        for start in range(first, last, at_a_time):
            stop = min(start + at_a_time, last)
            strips = windows.as_strips(g[start:stop]).reshape(groups, out_channels // groups, -1)
            total = windows.add_up_strips(np.matmul(kernels, strips).reshape(groups, pixels, -1))
            padded = total.reshape(channels * groups, stop - start, *windows.padded_size)
            gradient[start:stop] = windows.cropped(padded).swapaxes(0, 1)

    by_parts(spread, shape, _WORTH_A_THREAD)


def _gradient_of_weight(g: Array, kept: Array, weight_shape: tuple[int, ...], groups: int) -> Array:
    grouped = _grouped(g, groups)
    if grouped.shape[3] <= grouped.shape[2]:
        return _product_over_all(grouped, kept).reshape(weight_shape)

    def multiply(start: int, stop: int) -> Array:
        return np.matmul(grouped[start:stop], kept[start:stop].mT).sum(0)

    return np.add.reduce(by_parts(multiply, kept.shape, _WORTH_A_THREAD)).reshape(weight_shape)


def _product_over_all(grouped: Array, kept: Array) -> Array:
    """The sum over the images of ``grouped @ kept.mT``, as one product for each group.

    With as many output channels as pixels or more, a matrix for each image is more to write than what it is made of:
    0.9 of the time with 49 pixels and 32 channels, 0.2 with 4 and 64, 0.01 with one pixel and 128.
    """
    batch, groups, channels, pixels = grouped.shape
    rows = grouped.transpose(1, 2, 0, 3).reshape(groups, channels, batch * pixels)
    return rows @ kept.transpose(1, 0, 3, 2).reshape(groups, batch * pixels, kept.shape[2])


convolution.rule(
    input=_gradient_of_input,
    weight=_gradient_of_weight,
    bias=lambda g: channel_sums(g),
)


@convolution.decomposition
def _by_unfolding(input: Any, weight: Any, bias: Any, windows: Windows, groups: int) -> Any:
    kernels = _kernels(weight, groups)
    columns = im2col(input, windows).reshape(len(input), groups, kernels.shape[2], math.prod(windows.count))
    out = (kernels @ columns).reshape(len(input), len(weight), *windows.count)
    return out if bias is None else out + bias.reshape(-1, 1, 1)


def _products(matrices: Array, images: Array, out: Array) -> Array:
    """``matrices @ images``: of one matrix for each group, and one for each image and group.

    Images of a single column are the rows of one matrix for each group: one product takes 0.5 to 0.7 of the time
    that 64 take, but up to 1.9 of that of 4.
    """
    if images.shape[3] != 1 or len(images) < 16:
        return np.matmul(matrices, images, out=out)
    np.matmul(images[..., 0].swapaxes(0, 1), matrices.mT, out=out[..., 0].swapaxes(0, 1))
    return out


def _kernels(weight: Any, groups: int) -> Any:
    """The kernels of each group, as the rows of a matrix."""
    out_channels, *sizes = weight.shape
    return weight.reshape((groups, out_channels // groups, math.prod(sizes)))


def _grouped(g: Array, groups: int) -> Array:
    """Images with their channels in groups and their pixels in a row."""
    batch, channels, *size = g.shape
    return g.reshape(batch, groups, channels // groups, math.prod(size))


# ---- unfold and fold -----------------------------------------------------------------------------------------------


def unfold(
    input: Tensor,
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Tensor:
    """The windows of a sliding kernel, each as a column: a convolution is a matrix product with them.

    Args:
        input: ``(batch, channels, height, width)``, or ``(channels, height, width)`` for one image.
        kernel_size: of a window. Like the next three a number, or two: vertical, horizontal.
        dilation: from one pixel of a window to the next.
        padding: how many zeros are put before and behind the rows and columns.
        stride: from one window to the next.

    Returns:
        ``(batch, channels * kernel_height * kernel_width, windows)``, for one image without ``batch``.

    Raises:
        TypeError: ``input`` is no tensor, or a number no integer.
        RuntimeError: a shape does not fit, or an argument is out of range.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.nn.functional.unfold(tg.arange(6.0).reshape(1, 2, 3), kernel_size=2)
        tensor([[0., 1.],
                [1., 2.],
                [3., 4.],
                [4., 5.]])
    """
    if not isinstance(input, _primitive.Tensor):
        raise argument_error("unfold", "input", input)
    if input.ndim == 3:
        return unfold(input.unsqueeze(0), kernel_size, dilation, padding, stride).squeeze(0)
    if input.ndim != 4:
        raise RuntimeError(f"unfold: Expected 3D or 4D (batch mode) tensor for input, but got: {list(input.shape)}")
    return im2col(input, Windows.over("unfold", input.shape[2:], kernel_size, stride, padding, dilation))


def fold(
    input: Tensor,
    output_size: int | Sequence[int],
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Tensor:
    """Images that are sums of windows, each of which is given as a column: the adjoint of `unfold`.

    Args:
        input: ``(batch, channels * kernel_height * kernel_width, windows)``, or without ``batch`` for one image.
        output_size: of the images: ``(height, width)``, or one number for both.
        kernel_size: this and the others are those of `unfold`.
        dilation: from one pixel of a window to the next.
        padding: how far the windows begin before the image; what lies outside it is lost.
        stride: from one window to the next.

    Returns:
        ``(batch, channels, height, width)``, for one image without ``batch``.

    Raises:
        TypeError: ``input`` is no tensor, or a number no integer.
        RuntimeError: a shape does not fit, or an argument is out of range.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.nn.functional.fold(tg.ones(4, 2), output_size=(2, 3), kernel_size=2)
        tensor([[[1., 2., 1.],
                 [1., 2., 1.]]])
    """
    if not isinstance(input, _primitive.Tensor):
        raise argument_error("fold", "input", input)
    if input.ndim == 2:
        return fold(input.unsqueeze(0), output_size, kernel_size, dilation, padding, stride).squeeze(0)
    if input.ndim != 3:
        raise RuntimeError(f"fold: Expected 2D or 3D (batch mode) tensor for input, but got: {list(input.shape)}")
    windows = Windows.over(
        "fold", pair("fold", "output_size", output_size, least=1), kernel_size, stride, padding, dilation
    )
    _, rows, columns = input.shape
    if rows % math.prod(windows.kernel_size):
        raise RuntimeError(
            "fold: Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={rows} and kernel_size={windows.kernel_size}."
        )
    if columns != math.prod(windows.count):
        raise RuntimeError(
            "fold: expected size of input's dimension 2 to match the calculated number of sliding blocks "
            f"{windows.count[0]} * {windows.count[1]}, but got input.size(2)={columns}."
        )
    return col2im(input, windows)


@primitive
def im2col(input: Array, windows: Windows) -> Array:
    """The windows of images as columns; see `unfold`."""
    batch, channels = input.shape[:2]
    columns = np.empty((batch, channels * math.prod(windows.kernel_size), math.prod(windows.count)), input.dtype)
    windows.stack(input, out=columns)
    return columns


@primitive
def col2im(input: Array, windows: Windows) -> Array:
    """The images that are sums of columns; see `fold`."""
    batch, rows, _ = input.shape
    pixels = math.prod(windows.kernel_size)
    parts = input.reshape(batch, rows // pixels, pixels, *windows.count)
    return windows.add_up(np.moveaxis(parts, 2, 0), np.empty((*parts.shape[:2], *windows.image_size), input.dtype))


im2col.rule(input=lambda g, windows: for_rules(col2im)(g, windows))
col2im.rule(input=lambda g, windows: for_rules(im2col)(g, windows))

# ---- padding -------------------------------------------------------------------------------------------------------


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | Tensor | None = None) -> Tensor:
    """The tensor with something put before and behind it along its last dimensions.

    Args:
        input: of any shape.
        pad: pairs of numbers, how much before and how much behind, the first pair for the last dimension. A negative
            number cuts off.
        mode: what is put there: ``"constant"``, a value; ``"reflect"``, the elements inwards from the edge, without the
            edge; ``"replicate"``, the edge; ``"circular"``, what is at the other end.
        value: the constant, a number or a 0-d tensor; None for 0.

    Raises:
        TypeError: ``input`` is no tensor, or ``pad`` no sequence of integers.
        RuntimeError: ``pad`` is odd, has more pairs than there are dimensions, cuts off more than there is or asks for
            more than there is to put there, or ``value`` does not fit the dtype.
        ValueError: there is no such mode, or it takes no ``value``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.nn.functional.pad(tg.ones(2, 2), (1, -1, 0, 1), value=7)
        tensor([[7., 1.],
                [7., 1.],
                [7., 7.]])
        >>> tg.nn.functional.pad(tg.tensor([1.0, 2.0, 3.0]), (2, 2), mode="reflect")
        tensor([3., 2., 1., 2., 3., 2., 1.])
    """
    if not isinstance(input, _primitive.Tensor):
        raise argument_error("pad", "input", input)
    if not isinstance(pad, tuple | list) or not all([isinstance(width, int | np.integer) for width in pad]):
        raise argument_error("pad", "pad", pad, "tuple of ints")
    if len(pad) % 2:
        raise RuntimeError(f"pad: Padding length must be divisible by 2, but got {tuple(pad)}")
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(
            "pad: Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(pad)} and input of dimension {input.ndim}"
        )
    if mode == "constant":
        number = value.item() if isinstance(value, _primitive.Tensor) else 0 if value is None else value
        return constant_pad(input, tuple(pad), number)
    if mode not in _PLACES:
        raise ValueError(f"pad: mode must be 'constant', {', '.join(map(repr, _PLACES))}, but got {mode!r}")
    if value is not None:
        raise ValueError(f"pad: mode {mode!r} takes no value, but got {value}")
    for dim, margins in zip(range(-1, -input.ndim - 1, -1), zip(pad[::2], pad[1::2], strict=True), strict=False):
        input = input.index_select(dim, wrap(_padding_from(mode, input.shape[dim], *margins)))
    return input


# Where what is put at each place comes from. Places count from 0, where the elements themselves begin.
_PLACES = {
    "reflect": lambda place, size: (size - 1) - np.abs((size - 1) - np.abs(place)),
    "replicate": lambda place, size: np.clip(place, 0, size - 1),
    "circular": lambda place, size: place % size,
}


def _padding_from(mode: str, size: int, before: int, after: int) -> Array:
    first, rest = 0, size
    if mode == "circular":  # it goes round what is left when something is cut off
        first, rest = max(-before, 0), size + min(before, 0) + min(after, 0)
    most = {"reflect": size - 1, "circular": rest}.get(mode, math.inf)
    if max(before, after) > most or size == 0:
        raise RuntimeError(f"pad: {mode} padding of {(before, after)} is too large for a dimension of size {size}")
    if max(-before, 0) + max(-after, 0) > size:
        raise RuntimeError(f"pad: {(before, after)} cuts off more than there is of a dimension of size {size}")
    return first + _PLACES[mode](np.arange(-before, size + after) - first, rest)


@primitive
def constant_pad(input: Array, pad: tuple[int, ...], value: float) -> Array:
    """See `pad`."""
    pairs = [*zip(pad[::2], pad[1::2], strict=True)]
    margins = [*[(0, 0)] * (input.ndim - len(pairs)), *reversed(pairs)]
    added = [(max(before, 0), max(after, 0)) for before, after in margins]
    cut = [(max(-before, 0), max(-after, 0)) for before, after in margins]
    if any([sum(parts) > size for size, parts in zip(input.shape, cut, strict=True)]):
        raise RuntimeError(f"pad: {pad} cuts off more than there is of a tensor of shape {list(input.shape)}")
    out = np.empty([size + sum(parts) for size, parts in zip(input.shape, margins, strict=True)], input.dtype)
    if value < 0 and input.dtype.kind == "u":
        raise dtypes.overflow(input.dtype)
    out[...] = dtypes.fitted(value, input.dtype)
    out[_within(added, out.shape)] = input[_within(cut, input.shape)]
    return out


def _within(margins: list[Pair], sizes: Sequence[int]) -> tuple[slice, ...]:
    return tuple([slice(before, size - after) for (before, after), size in zip(margins, sizes, strict=True)])


constant_pad.rule(input=lambda g, pad: for_rules(constant_pad)(g, tuple([-width for width in pad]), 0))
