"""Linear and Identity."""

from __future__ import annotations

import math
from typing import Any

from tinygrad_np.dtypes import DTypeLike
from tinygrad_np.nn import init
from tinygrad_np.nn.links import is_op
from tinygrad_np.nn.module import Module
from tinygrad_np.nn.parameter import Parameter
from tinygrad_np.ops import creation, linear_algebra
from tinygrad_np.tensor import Tensor


class Identity(Module):
    """Returns its input: stands where a layer was taken out. Arguments of any kind are allowed, and of no effect.

    Example:
        >>> import tinygrad_np as tg
        >>> Identity(54)(tg.ones(2))
        tensor([1., 1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Module):
    """An affine map of the last dimension: y = x W^T + b.

    Args:
        in_features: The size of the last dimension of the input.
        out_features: The size of the last dimension of the output.
        bias: Whether b is added.
        dtype: Of the parameters; None for the default dtype.

    Shape:
        (..., in_features) to (..., out_features), with any number of leading dimensions, or none.

    Attributes:
        weight: W, of shape (out_features, in_features).
        bias: b, of shape (out_features,), or None.

    Both are drawn uniformly from [-1/sqrt(in_features), 1/sqrt(in_features)).

    Example:
        >>> import tinygrad_np as tg
        >>> layer = tg.nn.Linear(20, 30)
        >>> tuple(layer(tg.zeros(128, 20)).shape)
        (128, 30)
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, dtype: DTypeLike | None = None
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(creation.empty(out_features, in_features, dtype=dtype))
        self.bias: Parameter | None
        if bias:
            self.bias = Parameter(creation.empty(out_features, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        draw_parameters(self.weight, self.bias)

    @is_op(linear_algebra.linear, "weight", "bias")
    def forward(self, input: Tensor) -> Tensor:
        return linear_algebra.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


def draw_parameters(weight: Parameter, bias: Parameter | None) -> None:
    """Draw the parameters of a layer uniformly from [-1/sqrt(n), 1/sqrt(n)), n being the inputs of each output."""
    # A gain of sqrt(2 / (1 + 5)) = sqrt(1/3) makes the bound of a uniform distribution 1/sqrt(n).
    init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        inputs = math.prod(weight.shape[1:])
        bound = 1 / math.sqrt(inputs) if inputs > 0 else 0.0
        init.uniform_(bias, -bound, bound)
