"""Activations: the nonlinearities between layers, as modules."""

from __future__ import annotations

from tinygrad_np.nn import functional as F
from tinygrad_np.nn.links import is_op
from tinygrad_np.nn.module import Module
from tinygrad_np.ops import elementwise
from tinygrad_np.tensor import Tensor


class ReLU(Module):
    """max(x, 0), element by element.

    Args:
        inplace: Change the input instead of a copy.

    Example:
        >>> import tinygrad_np as tg
        >>> ReLU()(tg.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    @is_op(elementwise.relu)  # in a chain nobody can tell if it was in place
    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input, self.inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class LeakyReLU(Module):
    """x where it is positive, negative_slope * x elsewhere.

    Args:
        negative_slope: The slope for negative x.
        inplace: Change the input instead of a copy.

    Example:
        >>> import tinygrad_np as tg
        >>> LeakyReLU(0.5)(tg.tensor([-1.0, 2.0]))
        tensor([-0.5000,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}{', inplace=True' if self.inplace else ''}"


class SiLU(Module):
    """x * sigmoid(x), element by element.

    Args:
        inplace: Change the input instead of a copy.

    Example:
        >>> import tinygrad_np as tg
        >>> SiLU()(tg.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7311])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input, self.inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Softplus(Module):
    """log(1 + exp(beta * x)) / beta, element by element: a smooth `ReLU`.

    Args:
        beta: How sharp the bend is.
        threshold: Where beta * x is above it, the result is x itself.

    Example:
        >>> import tinygrad_np as tg
        >>> Softplus()(tg.zeros(1))
        tensor([0.6931])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Sigmoid(Module):
    """1 / (1 + exp(-x)), element by element.

    Example:
        >>> import tinygrad_np as tg
        >>> Sigmoid()(tg.zeros(1))
        tensor([0.5000])
    """

    @is_op(elementwise.sigmoid)
    def forward(self, input: Tensor) -> Tensor:
        return input.sigmoid()


class LogSigmoid(Module):
    """log(1 / (1 + exp(-x))), element by element: the logarithm of `Sigmoid`, without its underflow.

    Example:
        >>> import tinygrad_np as tg
        >>> LogSigmoid()(tg.zeros(1))
        tensor([-0.6931])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.logsigmoid(input)


class Tanh(Module):
    """tanh(x), element by element.

    Example:
        >>> import tinygrad_np as tg
        >>> Tanh()(tg.zeros(1))
        tensor([0.])
    """

    @is_op(elementwise.tanh)
    def forward(self, input: Tensor) -> Tensor:
        return input.tanh()


class Softmax(Module):
    """exp(x) / sum(exp(x)), the sum over one dimension.

    Args:
        dim: That dimension. (PyTorch still guesses it where it is left out, and warns.)

    Example:
        >>> import tinygrad_np as tg
        >>> Softmax(dim=0)(tg.zeros(4))
        tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """x - log(sum(exp(x))), the sum over one dimension: the logarithm of `Softmax`, without its underflow.

    Args:
        dim: That dimension. (PyTorch still guesses it where it is left out, and warns.)

    Example:
        >>> import tinygrad_np as tg
        >>> LogSoftmax(dim=0)(tg.zeros(2))
        tensor([-0.6931, -0.6931])
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
