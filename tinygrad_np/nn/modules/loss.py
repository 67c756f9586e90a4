"""Losses, as modules; the functions of `tinygrad_np.nn.functional` have the formulas.

``reduction`` is ``"mean"``, ``"sum"``, or ``"none"`` for the losses one by one. PyTorch has its deprecated arguments
``size_average`` and ``reduce`` between the others; they are left out, so all but a first ``weight`` are by keyword.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from tinygrad_np.nn import functional as F
from tinygrad_np.nn.module import Module
from tinygrad_np.tensor import Tensor

Reduction: TypeAlias = Literal["mean", "sum", "none"]


class _Loss(Module):
    """A loss that has nothing but a way of reduction."""

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__()
        self.reduction: Reduction = reduction


class _WeightedLoss(_Loss):
    """A loss with weights, which move with it as a buffer."""

    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)


class CrossEntropyLoss(_WeightedLoss):
    """The cross entropy between logits and classes, or class probabilities: see `functional.cross_entropy`.

    Args:
        weight: A factor for each class, of shape (C,).
        ignore_index: The class whose samples are left out.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        label_smoothing: The share, in [0, 1], of the target probability that is spread evenly over all classes.

    Shape:
        Input (C,), (N, C) or (N, C, d1, ...); target the same without C for class indices, or as the input for
        probabilities.

    Example:
        >>> import tinygrad_np as tg
        >>> CrossEntropyLoss()(tg.zeros(1, 4), tg.tensor([2]))
        tensor(1.3863)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction=reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(_WeightedLoss):
    """The negative log-likelihood of classes, given log-probabilities: see `functional.nll_loss`.

    Args:
        weight: A factor for each class, of shape (C,).
        ignore_index: The class whose samples are left out.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Shape:
        Input (C,), (N, C) or (N, C, d1, ...); target the same without C.

    Example:
        >>> import tinygrad_np as tg
        >>> NLLLoss()(tg.tensor([[-0.5, -1.0]]), tg.tensor([1]))
        tensor(1.)
    """

    def __init__(
        self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(weight, reduction=reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class MSELoss(_Loss):
    """The squared difference, (input - target)^2.

    Args:
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Example:
        >>> import tinygrad_np as tg
        >>> MSELoss()(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
        tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """The absolute difference, |input - target|.

    Args:
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Example:
        >>> import tinygrad_np as tg
        >>> L1Loss()(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
        tensor(1.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class BCELoss(_WeightedLoss):
    """The binary cross entropy between probabilities and targets in [0, 1]: see `functional.binary_cross_entropy`.

    Args:
        weight: A factor for each element, of a shape that broadcasts to the input's.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Example:
        >>> import tinygrad_np as tg
        >>> BCELoss()(tg.tensor([0.5]), tg.tensor([1.0]))
        tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """The binary cross entropy of a `Sigmoid`, from its input: see `functional.binary_cross_entropy_with_logits`.

    Args:
        weight: A factor for each element, of a shape that broadcasts to the input's.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        pos_weight: A factor for the positive part, to weigh recall against precision; it broadcasts as well.

    Example:
        >>> import tinygrad_np as tg
        >>> BCEWithLogitsLoss()(tg.zeros(1), tg.ones(1))
        tensor(0.6931)
    """

    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        reduction: Reduction = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(weight, reduction=reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input, target, weight=self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )
