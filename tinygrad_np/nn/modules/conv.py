"""Convolution layers."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_np.dtypes import DTypeLike
from tinygrad_np.nn import functional as F
from tinygrad_np.nn.module import Module
from tinygrad_np.nn.modules.linear import draw_parameters
from tinygrad_np.nn.parameter import Parameter
from tinygrad_np.ops import creation
from tinygrad_np.ops.windows import pair
from tinygrad_np.tensor import Tensor


class Conv2d(Module):
    """A 2-D convolution over images of several channels, see `functional.conv2d`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Of a window. Like the next three a number, or two: vertical, horizontal.
        stride: From one window to the next.
        padding: How many zeros are put before and behind the rows and columns; or ``"valid"`` for none, or ``"same"``
            for so many that the output is as large as the input.
        dilation: From one pixel of a window to the next.
        groups: Into how many groups the channels are parted; an output sees the inputs of its group only.
        bias: Whether a number is added to each output channel.
        dtype: Of the parameters; None for the default dtype.

    Shape:
        (batch, in_channels, height, width) to (batch, out_channels, out_height, out_width), or both without batch.

    Attributes:
        weight: Of shape (out_channels, in_channels / groups, kernel_height, kernel_width).
        bias: Of shape (out_channels,), or None.

    Both are drawn uniformly from [-1/sqrt(n), 1/sqrt(n)), with n = in_channels / groups * kernel_height * kernel_width.

    Raises:
        ValueError: The channels cannot be parted into ``groups``, or ``padding`` is an unknown word, or ``"same"``
            though the stride is not 1.

    Example:
        >>> import tinygrad_np as tg
        >>> layer = tg.nn.Conv2d(16, 33, (3, 5), stride=(2, 1), padding=(4, 2))
        >>> layer
        Conv2d(16, 33, kernel_size=(3, 5), stride=(2, 1), padding=(4, 2))
        >>> tuple(layer(tg.zeros(20, 16, 50, 100)).shape)
        (20, 33, 28, 100)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | str = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = pair("Conv2d", "kernel_size", kernel_size, least=1)
        self.stride = pair("Conv2d", "stride", stride, least=1)
        self.padding = padding if isinstance(padding, str) else pair("Conv2d", "padding", padding, least=0)
        self.dilation = pair("Conv2d", "dilation", dilation, least=1)
        self.groups = groups
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string {padding!r}, should be one of 'same', 'valid'")
        if padding == "same" and self.stride != (1, 1):
            raise ValueError("padding='same' is not supported for strided convolutions")
        self.weight = Parameter(creation.empty(out_channels, in_channels // groups, *self.kernel_size, dtype=dtype))
        self.bias: Parameter | None
        if bias:
            self.bias = Parameter(creation.empty(out_channels, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        draw_parameters(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        if self.padding != (0, 0):
            parts.append(f"padding={self.padding}")
        if self.dilation != (1, 1):
            parts.append(f"dilation={self.dilation}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        return ", ".join(parts)
