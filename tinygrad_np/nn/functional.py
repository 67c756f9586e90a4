"""The functions behind the modules of `nn`, under PyTorch's names: ``import tinygrad_np.nn.functional as F``."""

from __future__ import annotations

from tinygrad_np.ops import elementwise, linear_algebra
from tinygrad_np.ops.convolution import conv2d, fold, pad, unfold
from tinygrad_np.ops.elementwise import sigmoid, tanh
from tinygrad_np.ops.indexing import one_hot
from tinygrad_np.ops.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    l1_loss,
    logsigmoid,
    mse_loss,
    nll_loss,
)
from tinygrad_np.ops.normalization import batch_norm
from tinygrad_np.ops.pooling import avg_pool2d, max_pool2d
from tinygrad_np.ops.random import dropout
from tinygrad_np.ops.reduction import log_softmax, norm, softmax
from tinygrad_np.tensor import Tensor, in_place

__all__ = [
    # layers
    "linear",
    "conv2d",
    "max_pool2d",
    "avg_pool2d",
    "batch_norm",
    "dropout",
    # images
    "pad",
    "unfold",
    "fold",
    # activations
    "relu",
    "leaky_relu",
    "sigmoid",
    "logsigmoid",
    "tanh",
    "silu",
    "softplus",
    "softmax",
    "log_softmax",
    # losses
    "cross_entropy",
    "nll_loss",
    "mse_loss",
    "l1_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    # vectors
    "normalize",
    "one_hot",
]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """An affine map of the last dimension: ``input @ weight.T + bias``.

    Args:
        input: ``(..., in_features)``.
        weight: ``(out_features, in_features)``, or ``(in_features,)`` for a single output without its dimension.
        bias: ``(out_features,)``, or none; of more dimensions, it is broadcast to the output.

    Returns:
        ``(..., out_features)``.

    Raises:
        RuntimeError: the shapes do not fit, or the dtypes differ.

    Example:
        >>> import tinygrad_np as tg
        >>> linear(tg.tensor([1.0, 2.0]), tg.tensor([[1.0, 1.0], [0.0, 3.0]]), tg.tensor([10.0, 20.0]))
        tensor([13., 26.])
    """
    if bias is None and weight.ndim == 1:
        return linear_algebra.matmul(input, weight)
    if isinstance(bias, Tensor) and bias.ndim > 1:
        out = linear_algebra.linear(input, weight)
        linear_algebra.check_operands("linear", input=out._array, bias=bias._array)
        try:
            return out + bias.expand(out.shape)
        except RuntimeError:
            raise linear_algebra.bias_misfit(bias.shape, out.shape) from None
    return linear_algebra.linear(input, weight, bias)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """The positive part, ``max(input, 0)``; its gradient at 0 is 0.

    Args:
        input: of any shape.
        inplace: leave the result in ``input``.

    Example:
        >>> import tinygrad_np as tg
        >>> relu(tg.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    return input.relu_() if inplace else elementwise.relu(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """``input`` where it is positive, ``negative_slope * input`` elsewhere.

    Args:
        input: of any shape.
        negative_slope: the slope for negative elements.
        inplace: leave the result in ``input``.

    Source:
        Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models" (2013).

    Example:
        >>> import tinygrad_np as tg
        >>> leaky_relu(tg.tensor([-1.0, 2.0]), 0.5)
        tensor([-0.5000,  2.0000])
    """
    if inplace:
        return _leaky_relu_(input, negative_slope)
    return elementwise.where(input > 0, input, input * negative_slope)  # type: ignore[no-any-return]


_leaky_relu_ = in_place(leaky_relu)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * sigmoid(input)``, also known as swish.

    Args:
        input: of any shape.
        inplace: leave the result in ``input``.

    Source:
        Hendrycks, Gimpel, "Gaussian error linear units" (2016).

    Example:
        >>> import tinygrad_np as tg
        >>> silu(tg.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.2689,  0.0000,  0.7311])
    """
    return _silu_(input) if inplace else input * sigmoid(input)


_silu_ = in_place(silu)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """A smooth positive part, ``log(1 + exp(beta * input)) / beta``.

    Args:
        input: floating-point, of any shape.
        beta: how sharp the bend is.
        threshold: where ``beta * input`` is above it, the result is ``input`` itself.

    Source:
        Dugas, Bengio, Bélisle, Nadeau, Garcia, "Incorporating second-order functional knowledge for better option
        pricing" (2000).

    Example:
        >>> import tinygrad_np as tg
        >>> softplus(tg.tensor([-100.0, 0.0, 100.0]))
        tensor([3.7835e-44, 6.9315e-01, 1.0000e+02])
    """
    scaled = input * beta
    return elementwise.where(scaled > threshold, input, -logsigmoid(-scaled) / beta)  # type: ignore[no-any-return]


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """Vectors along ``dim`` divided by their norms, which are taken for ``eps`` where they are less.

    Args:
        input: floating-point, with the vectors along ``dim``.
        p: which norm.
        dim: the dimension of the vectors.
        eps: the least divisor.

    Example:
        >>> import tinygrad_np as tg
        >>> normalize(tg.tensor([[3.0, 4.0]]))
        tensor([[0.6000, 0.8000]])
    """
    return input / norm(input, p, dim, True).clamp(min=eps)
