"""Initialisation: filling parameters in place with values to start training from. No graph records it.

The random ones keep the variance of activations, or of gradients, the same from layer to layer, as far as a gain that
belongs to the nonlinearity allows.
"""

from __future__ import annotations

import math
import warnings
from typing import Literal, TypeAlias

import numpy as np

from tinygrad_np.autograd import no_grad
from tinygrad_np.ops import creation
from tinygrad_np.ops.random import Generator
from tinygrad_np.tensor import Tensor

FanMode: TypeAlias = Literal["fan_in", "fan_out"]

__all__ = [
    "calculate_gain",
    "uniform_",
    "normal_",
    "constant_",
    "zeros_",
    "ones_",
    "eye_",
    "xavier_uniform_",
    "xavier_normal_",
    "kaiming_uniform_",
    "kaiming_normal_",
    "orthogonal_",
]


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which the standard deviation of weights before a nonlinearity should grow.

    1 for ``linear``, ``sigmoid`` and the convolutions (``conv2d``, ...), 5/3 for ``tanh``, sqrt(2) for ``relu``,
    sqrt(2 / (1 + param^2)) for ``leaky_relu`` of negative slope ``param`` (0.01 if None), 3/4 for ``selu``.

    Raises:
        ValueError: The nonlinearity is not one of these, or the slope is no number.

    Example:
        >>> round(calculate_gain("relu"), 4)
        1.4142
    """
    if nonlinearity in _UNIT_GAIN:
        return 1.0
    if nonlinearity == "tanh":
        return 5 / 3
    if nonlinearity == "relu":
        return math.sqrt(2)
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, int | float):
            raise ValueError(f"negative_slope {slope} not a valid number")
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


_CONVOLUTIONS = [f"conv{transposed}{rank}d" for transposed in ("", "_transpose") for rank in (1, 2, 3)]
_UNIT_GAIN = frozenset(["linear", "sigmoid", *_CONVOLUTIONS])


# ---- simple fillings -----------------------------------------------------------------------------------------------


@no_grad()
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with values drawn uniformly from [a, b).

    Example:
        >>> import tinygrad_np as tg
        >>> x = uniform_(tg.empty(1000), -1, 1, generator=tg.Generator().manual_seed(0))
        >>> bool(((x >= -1) & (x < 1)).all())
        True
    """
    return tensor.uniform_(a, b, generator=generator)


@no_grad()
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with values drawn from the normal distribution of this mean and standard deviation."""
    return tensor.normal_(mean, std, generator=generator)


@no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one value.

    Example:
        >>> import tinygrad_np as tg
        >>> constant_(tg.empty(2), 0.5)
        tensor([0.5000, 0.5000])
    """
    return tensor.fill_(val)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    return constant_(tensor, 1.0)


@no_grad()
def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity: 1 on the diagonal, 0 elsewhere.

    Raises:
        ValueError: The tensor is no matrix.

    Example:
        >>> import tinygrad_np as tg
        >>> eye_(tg.empty(2, 3))
        tensor([[1., 0., 0.],
                [0., 1., 0.]])
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return tensor.copy_(creation.eye(*tensor.shape))


# ---- fillings that keep the variance -------------------------------------------------------------------------------


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill uniformly from [-a, a), a = gain * sqrt(6 / (fan_in + fan_out)).

    The variance, gain^2 * 2 / (fan_in + fan_out), is a compromise between keeping that of the activations forward and
    that of the gradients backward.

    Args:
        tensor: Weights of shape (fan_out, fan_in), or (channels out, channels in, *kernel).
        gain: Of the nonlinearity that follows, see `calculate_gain`.
        generator: Where the values are drawn from; None for the default generator.

    Raises:
        ValueError: The tensor has fewer than two dimensions.

    Source:
        X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS
        2010.
    """
    fan_in, fan_out = _fans(tensor)
    if _nothing_to_fill(tensor):
        return tensor
    bound = gain * math.sqrt(6 / (fan_in + fan_out))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill from the normal distribution of mean 0 and standard deviation gain * sqrt(2 / (fan_in + fan_out)).

    Arguments, errors and source are those of `xavier_uniform_`.
    """
    fan_in, fan_out = _fans(tensor)
    if _nothing_to_fill(tensor):
        return tensor
    return normal_(tensor, 0.0, gain * math.sqrt(2 / (fan_in + fan_out)), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: FanMode = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill uniformly from [-b, b), b = gain * sqrt(3 / fan).

    Args:
        tensor: Weights of shape (fan_out, fan_in), or (channels out, channels in, *kernel).
        a: The negative slope of the leaky ReLU that follows; only with ``nonlinearity="leaky_relu"``.
        mode: Which fan: ``"fan_in"`` keeps the variance of the activations forward, ``"fan_out"`` that of the gradients
            backward.
        nonlinearity: What follows, for the gain, see `calculate_gain`.
        generator: Where the values are drawn from; None for the default generator.

    Raises:
        ValueError: The tensor has fewer than two dimensions, or there is no such mode or nonlinearity.

    Example:
        >>> import tinygrad_np as tg
        >>> weight = kaiming_uniform_(tg.empty(50, 600), nonlinearity="relu")
        >>> bool(weight.abs().max() <= 0.1)
        True

    Source:
        K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers: surpassing human-level performance on
        ImageNet classification", ICCV 2015.
    """
    if _nothing_to_fill(tensor):
        return tensor
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: FanMode = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill from the normal distribution of mean 0 and standard deviation gain / sqrt(fan).

    Arguments, errors and source are those of `kaiming_uniform_`.
    """
    if _nothing_to_fill(tensor):
        return tensor
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


@no_grad()
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Fill with ``gain`` times a random orthogonal matrix: its rows (or columns, if there are fewer) are orthonormal.

    Args:
        tensor: Of at least two dimensions; those after the first are taken together as columns.
        gain: The factor.
        generator: Where the values are drawn from; None for the default generator.

    Raises:
        ValueError: The tensor has fewer than two dimensions.

    Example:
        >>> import tinygrad_np as tg
        >>> weight = orthogonal_(tg.empty(2, 3))
        >>> tg.allclose(weight @ weight.T, tg.eye(2), atol=1e-6)
        True

    Source:
        A. Saxe, J. McClelland and S. Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
        neural networks", ICLR 2014. The signs that make it uniform over all such matrices: F. Mezzadri, "How to
        generate random matrices from the classical compact groups", Notices of the AMS 54(5), 2007.
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if _nothing_to_fill(tensor):
        return tensor
    rows, columns = len(tensor), tensor.numel() // len(tensor)
    if not tensor.is_floating_point():
        raise RuntimeError(f"orthogonal_: not implemented for dtype {tensor.dtype}")
    gaussian = normal_(creation.empty(max(rows, columns), min(rows, columns)), generator=generator)
    q, r = np.linalg.qr(gaussian.double().numpy())  # so that float64 is orthogonal to its own precision
    # QR by itself favours some signs. With those of R's diagonal, Q is uniform.
    orthonormal = gain * q * np.sign(np.diagonal(r))
    return tensor.copy_(creation.from_numpy(orthonormal if rows >= columns else orthonormal.T).reshape(tensor.shape))


def _kaiming_std(tensor: Tensor, a: float, mode: FanMode, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    fan_in, fan_out = _fans(tensor)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan_in if mode == "fan_in" else fan_out)


def _fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs each output depends on, and how many outputs each input reaches."""
    if tensor.ndim < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    channels_out, channels_in, *kernel = tensor.shape
    return channels_in * math.prod(kernel), channels_out * math.prod(kernel)


def _nothing_to_fill(tensor: Tensor) -> bool:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return True
    return False
