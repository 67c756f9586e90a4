"""Windows that slide over images: the one idea behind convolution, pooling, unfold and fold.

Take one pixel of a window, and let the window slide: what the pixel sees on its way is a strided view of the image. A
forward reads through the views of all pixels; its gradient is added into the same views of an image of zeros.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias, TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tinygrad_np.ops.errors import argument_error
from tinygrad_np.ops.table import Array
from tinygrad_np.threads import in_parts

Pair: TypeAlias = tuple[int, int]  # vertical, horizontal
T = TypeVar("T")


def pair(op: str, name: str, value: Any, least: int) -> Pair:
    """An argument that is one integer for both directions, or a sequence of two.

    Raises:
        TypeError: it holds something else than integers.
        RuntimeError: it does not have one or two of them, or one is less than ``least``.

    Example:
        >>> pair("conv2d", "stride", 2, least=1), pair("conv2d", "stride", (2, 1), least=1)
        ((2, 2), (2, 1))
    """
    try:
        values = [operator.index(v) for v in (value if isinstance(value, Sequence) else [value])]
    except TypeError:
        raise argument_error(op, name, value, "int or tuple of ints") from None
    if len(values) not in (1, 2):
        raise RuntimeError(f"{op}: {name} must either be a single int, or a tuple of two ints, but got {value}")
    if min(values) < least:
        raise RuntimeError(f"{op}: {name} must be at least {least}, but got {value}")
    return values[0], values[-1]


def by_parts(work: Callable[[int, int], T], images: tuple[int, ...], worth: int) -> list[T]:
    """Call ``work(start, stop)`` for parts of a batch of images, in several threads.

    Args:
        work: what is to be done with a range of images.
        images: the shape of the batch, or of whatever tells how much work it is.
        worth: how many elements are worth a thread of their own.
    """
    return in_parts(work, images[0], least=1 + worth // max(math.prod(images[1:]), 1))


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of a kernel that slides over images. All attributes are pairs: vertical, horizontal.

    The images are arrays of shape ``(batch, channels, height, width)``.

    Attributes:
        image_size: of the images.
        kernel_size: of a window, in pixels.
        stride: from one window to the next.
        padding: how far before the image the first window begins.
        dilation: from one pixel of a window to the next.
        count: how many windows there are. They may reach beyond the image.
    """

    image_size: Pair
    kernel_size: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    count: Pair

    @classmethod
    def over(
        cls,
        op: str,
        image_size: Sequence[int],
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any = 1,
        *,
        after: Pair | None = None,
        ceil_mode: bool = False,
    ) -> Self:
        """As many windows as an image and its padding have room for.

        Args:
            op: whose arguments these are.
            image_size: of the images.
            kernel_size: of a window. This and the next three are numbers or pairs.
            stride: from one window to the next.
            padding: on each side of the image.
            dilation: from one pixel of a window to the next.
            after: the padding below and on the right, if there it is another.
            ceil_mode: whether the last window may reach beyond the padding, if it begins before the image ends.

        Raises:
            TypeError: an argument is not made of integers.
            RuntimeError: an argument is out of range, or there is no room for a window.
        """
        kernel_size = pair(op, "kernel_size", kernel_size, least=1)
        stride = pair(op, "stride", stride, least=1)
        padding = pair(op, "padding", padding, least=0)
        dilation = pair(op, "dilation", dilation, least=1)
        count = []
        for i in range(2):
            ahead = padding[i] + image_size[i]
            room = ahead + (after or padding)[i] - (kernel_size[i] - 1) * dilation[i] - 1
            last, rest = divmod(room, stride[i])
            if ceil_mode and rest and (last + 1) * stride[i] < ahead:
                last += 1
            count.append(last + 1)
        if min(image_size) < 1 or min(count) < 1:
            raise RuntimeError(
                f"{op}: a kernel of size {kernel_size} with dilation {dilation} does not fit into an image of size "
                f"{tuple(image_size)} with padding {padding}: the output would be of size {tuple(count)}"
            )
        return cls((image_size[0], image_size[1]), kernel_size, stride, padding, dilation, (count[0], count[1]))

    @property
    def padded_size(self) -> Pair:
        """The size of an image with everything around it that windows cover."""
        height, width = [
            max((self.count[i] - 1) * self.stride[i] + self._reach(i), self.padding[i] + self.image_size[i])
            for i in range(2)
        ]
        return height, width

    @property
    def pixels(self) -> list[Pair]:
        """The pixels of a window, row by row."""
        height, width = self.kernel_size
        return [(i, j) for i in range(height) for j in range(width)]

    @property
    def whole(self) -> bool:
        """Whether there is one window, and it is the image."""
        return self.kernel_size == self.image_size == self.padded_size

    @property
    def overlap(self) -> bool:
        """Whether windows have pixels in common."""
        return self.stride[0] < self._reach(0) or self.stride[1] < self._reach(1)

    def _reach(self, i: int) -> int:
        """From the first to the last pixel of a window, both included."""
        return (self.kernel_size[i] - 1) * self.dilation[i] + 1

    def begins(self, i: int) -> Array:
        """In which row (``i`` = 0) or column (1) of the image each window begins; negative in the padding before it."""
        return np.arange(self.count[i]) * self.stride[i] - self.padding[i]

    def padded(self, images: Array, value: Any = 0) -> Array:
        """The images with ``value`` wherever windows reach beyond them; if none does, the images themselves."""
        if self.padded_size == self.image_size:
            return images
        padded = np.full((*images.shape[:2], *self.padded_size), value, images.dtype)
        self.cropped(padded)[...] = images
        return padded

    def cropped(self, padded: Array) -> Array:
        """A view of the images in what `padded` made of them."""
        (top, left), (height, width) = self.padding, self.image_size
        return padded[:, :, top : top + height, left : left + width]

    def view(self, padded: Array, pixel: Pair) -> Array:
        """What one pixel of a window sees: a view of shape ``(batch, channels, *count)``."""
        (down, right), (rows, columns) = self.stride, self.count
        top, left = pixel[0] * self.dilation[0], pixel[1] * self.dilation[1]
        return padded[:, :, top : top + (rows - 1) * down + 1 : down, left : left + (columns - 1) * right + 1 : right]

    def stack(self, images: Array, out: Array) -> None:
        """Copy the views of the padded images to ``out``, which has room for ``(batch, channels, pixels, *count)``."""
        padded = self.padded(images)
        image, channel, row, column = padded.strides
        (down, right), (gap_down, gap_right) = self.stride, self.dilation
        views = as_strided(
            padded,
            (*images.shape[:2], *self.kernel_size, *self.count),
            (image, channel, row * gap_down, column * gap_right, row * down, column * right),
        )
        out.reshape(views.shape)[...] = views

    def add_up(self, parts: Iterable[Array], out: Array) -> Array:
        """Make ``out`` images of zeros with something added into the view of each pixel: the adjoint of `stack`.

        Args:
            parts: what to add, for each pixel of a window.
            out: contiguous, ``(batch, channels, *image_size)``.
        """
        fits = self.padded_size == self.image_size
        padded = out if fits else np.empty((*out.shape[:2], *self.padded_size), out.dtype)
        padded.fill(0)
        overlap = self.overlap
        for pixel, part in zip(self.pixels, parts, strict=True):
            view = self.view(padded, pixel)
            if overlap:
                view += part
            else:  # 0.5 of the time
                view[...] = part
        if not fits:
            out[...] = self.cropped(padded)
        return out

    # The rows of a view are short where images are small, and NumPy takes longer to get from row to row than along one.
    # But put all padded images one behind the other, and at a stride of 1 all views of a pixel are one piece of that
    # strip: the whole strip, from the place of the pixel in the first window on. What lies between the views is 0.

    def as_strips(self, values: Array) -> Array:
        """From ``(batch, channels, *count)`` to ``(channels, batch, *padded_size)``, with 0 where no window begins."""
        batch, channels, rows, columns = values.shape
        strips = np.zeros((channels, batch, *self.padded_size), values.dtype)
        strips[:, :, :rows, :columns] = values.swapaxes(0, 1)
        return strips

    def add_up_strips(self, parts: Array) -> Array:
        """What `add_up` does, for strips.

        Args:
            parts: ``(groups, pixels, length)``: for each pixel of a window the strip to be added, from that pixel on.
                They are used up.

        Returns:
            The strips of the padded images, ``(groups, length)``.
        """
        total, length = parts[:, 0], parts.shape[2]
        for number, (row, column) in enumerate(self.pixels[1:], 1):
            place = row * self.dilation[0] * self.padded_size[1] + column * self.dilation[1]
            seen = total[:, place:]
            seen += parts[:, number, : length - place]
        return total
