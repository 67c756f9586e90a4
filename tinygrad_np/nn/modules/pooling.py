"""Pooling layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_np.nn import functional as F
from tinygrad_np.nn.module import Module
from tinygrad_np.tensor import Tensor


class MaxPool2d(Module):
    """The maximum of each window of a sliding kernel, see `functional.max_pool2d`.

    Args:
        kernel_size: Of a window. Like the next three a number, or two: vertical, horizontal.
        stride: From one window to the next; None for ``kernel_size``.
        padding: How far the windows reach beyond the image, at most half of ``kernel_size``.
        dilation: From one pixel of a window to the next.
        return_indices: Whether the result is a pair: the maxima, and where in their images, flattened, they are.
        ceil_mode: Whether the size of the output is rounded up instead of down.

    Shape:
        (batch, channels, height, width) to (batch, channels, out_height, out_width), or both without batch.

    Example:
        >>> import tinygrad_np as tg
        >>> tuple(tg.nn.MaxPool2d(3, stride=2)(tg.zeros(20, 16, 50, 32)).shape)
        (20, 16, 24, 15)
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        return F.max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(Module):
    """The mean of each window of a sliding kernel, see `functional.avg_pool2d`.

    Args:
        kernel_size: Of a window. Like the next two a number, or two: vertical, horizontal.
        stride: From one window to the next; None for ``kernel_size``.
        padding: How many zeros are put before and behind the rows and columns, at most half of ``kernel_size``.
        ceil_mode: Whether the size of the output is rounded up instead of down.
        count_include_pad: Whether the zeros of the padding count.
        divisor_override: What to divide the sums by, instead of the number of pixels.

    Shape:
        (batch, channels, height, width) to (batch, channels, out_height, out_width), or both without batch.

    Example:
        >>> import tinygrad_np as tg
        >>> tuple(tg.nn.AvgPool2d((3, 2), stride=(2, 1))(tg.zeros(20, 16, 50, 32)).shape)
        (20, 16, 24, 31)
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
