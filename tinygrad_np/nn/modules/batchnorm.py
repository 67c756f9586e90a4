"""Batch normalization layers."""

from __future__ import annotations

from tinygrad_np.dtypes import DTypeLike
from tinygrad_np.nn import functional as F
from tinygrad_np.nn import init
from tinygrad_np.nn.module import Module
from tinygrad_np.nn.parameter import Parameter
from tinygrad_np.ops import creation
from tinygrad_np.tensor import Tensor


class _BatchNorm(Module):
    """What the layers for inputs of different ranks share."""

    _ranks: tuple[int, ...]  # how many dimensions the input may have

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None
    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        zeros, ones = creation.zeros(num_features, dtype=dtype), creation.ones(num_features, dtype=dtype)
        self.register_parameter("weight", Parameter(ones) if affine else None)
        self.register_parameter("bias", Parameter(zeros) if affine and bias else None)
        self.register_buffer("running_mean", zeros.clone() if track_running_stats else None)
        self.register_buffer("running_var", ones.clone() if track_running_stats else None)
        self.register_buffer("num_batches_tracked", creation.tensor(0) if track_running_stats else None)

    def reset_running_stats(self) -> None:
        """Forget all batches: the running mean is 0 again and the running variance 1."""
        for buffer, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if buffer is not None:
                buffer.fill_(value)

    def reset_parameters(self) -> None:
        """Forget all batches, and set the weight to 1 and the bias to 0."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in self._ranks:
            expected = " or ".join(f"{rank}D" for rank in self._ranks)
            raise ValueError(f"expected {expected} input (got {input.ndim}D input)")
        tracking = self.training and self.track_running_stats
        momentum = self.momentum
        if tracking and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if momentum is None:  # the mean over all batches
                momentum = 1 / self.num_batches_tracked.item()
        by_batch = self.training or (self.running_mean is None and self.running_var is None)
        return F.batch_norm(
            input,
            self.running_mean if tracking or not self.training else None,
            self.running_var if tracking or not self.training else None,
            self.weight,
            self.bias,
            by_batch,
            momentum or 0.0,
            self.eps,
        )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Normalizes each feature over the batch, in training by the batch's own mean and variance.

    y = (x - mean) / sqrt(variance + eps) * weight + bias. In training a running mean and variance follow those of the
    batches; in evaluation they are what normalizes.

    Args:
        num_features: How many features, or channels, there are.
        eps: Keeps the root from becoming zero.
        momentum: How far the running values move towards those of a batch; None for their mean over all batches.
        affine: Whether there are a weight and a bias.
        track_running_stats: Whether there are running values. Without, the batch normalizes in evaluation too.
        bias: Whether there is a bias, where there is a weight.
        dtype: Of parameters and running values; None for the default dtype.

    Shape:
        (batch, num_features) or (batch, num_features, length); the result has the same.

    Attributes:
        weight: Of shape (num_features,), at first 1; or None.
        bias: Of shape (num_features,), at first 0; or None.
        running_mean, running_var: Buffers of shape (num_features,), at first 0 and 1; or None.
        num_batches_tracked: How many batches they have followed; or None.

    Raises:
        ValueError: The input has another number of dimensions, or in training only one value per channel.

    Example:
        >>> import tinygrad_np as tg
        >>> layer = tg.nn.BatchNorm1d(2)
        >>> layer(tg.tensor([[1.0, 10.0], [3.0, 30.0]])).detach()
        tensor([[-1.0000, -1.0000],
                [ 1.0000,  1.0000]])
        >>> layer.running_mean, layer.running_var
        (tensor([0.2000, 2.0000]), tensor([ 1.1000, 20.9000]))

    Source:
        S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
        shift", ICML 2015.
    """

    _ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """`BatchNorm1d` for images: normalizes each channel over the batch and all pixels.

    Args and attributes are those of `BatchNorm1d`.

    Shape:
        (batch, num_features, height, width); the result has the same.

    Raises:
        ValueError: The input has another number of dimensions, or in training only one value per channel.

    Example:
        >>> import tinygrad_np as tg
        >>> tuple(tg.nn.BatchNorm2d(100)(tg.randn(20, 100, 35, 45)).shape)
        (20, 100, 35, 45)
    """

    _ranks = (4,)
