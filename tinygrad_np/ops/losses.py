"""Loss functions. Cross entropy of class indices is fused: its gradient uses what the forward knows already."""

from __future__ import annotations

import functools
import math
import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from tinygrad_np import dtypes
from tinygrad_np.graph import modes
from tinygrad_np.ops import elementwise, indexing
from tinygrad_np.ops import primitive as _primitive
from tinygrad_np.ops import reduction as reductions
from tinygrad_np.ops import shape as shapes
from tinygrad_np.ops.errors import argument_error
from tinygrad_np.ops.primitive import for_rules, fused, primitive, wrap
from tinygrad_np.ops.table import Array
from tinygrad_np.sums import ones

if TYPE_CHECKING:
    from tinygrad_np.tensor import Tensor

# ---- classification ------------------------------------------------------------------------------------------------


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The cross entropy between the softmax of logits and target classes.

    For a target distribution ``q`` over the classes, ``loss = -sum_c weight[c] * q[c] * log_softmax(input)[c]``. A
    class index stands for the distribution that is 1 there, and ``label_smoothing`` replaces ``q`` by
    ``(1 - label_smoothing) * q + label_smoothing / classes``.

    Args:
        input: logits, ``(classes,)`` or ``(batch, classes, ...)``, in a floating-point dtype.
        target: class indices, ``()`` or ``(batch, ...)``, int64 or uint8; or class probabilities, in the shape of
            ``input`` and a floating-point dtype.
        weight: of each class, ``(classes,)``, in the dtype of ``input``.
        ignore_index: a class index that adds nothing to the loss and its gradient; for class indices only.
        reduction: ``"none"``, ``"sum"`` or ``"mean"``. The mean over class indices is weighted, with ``weight`` of the
            target; the mean over class probabilities is not.
        label_smoothing: from 0 to 1.

    Returns:
        A loss per target, in the shape of ``target`` without ``classes``; or one of no dimensions. The mean of no
        targets is NaN.

    Raises:
        IndexError: a class index is out of range.
        ValueError: ``reduction`` is none of the three, or the batch sizes differ.
        RuntimeError: another shape, dtype or ``label_smoothing`` is wrong.

    Source:
        Goodfellow, Bengio, Courville, "Deep learning" (2016), section 6.2.2. Label smoothing: Szegedy, Vanhoucke,
        Ioffe, Shlens, Wojna, "Rethinking the Inception architecture for computer vision" (2016), section 7.

    Example:
        >>> import tinygrad_np as tg
        >>> logits = tg.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 0.0]])
        >>> tg.nn.functional.cross_entropy(logits, tg.tensor([0, 1]))
        tensor(0.2513)
        >>> tg.nn.functional.cross_entropy(logits, tg.tensor([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]]), reduction="none")
        tensor([0.9076, 0.0949])
    """
    # Checks are called where there is something to check: 0.99 of the step of a small network.
    if not (input.__class__ is target.__class__ is _primitive.Tensor and input._array.dtype.kind == "f"):
        _check_operands("cross_entropy", input, target)
    if reduction != "mean":
        _check_reduction(reduction)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if weight is not None:
        _check_weight("cross_entropy", weight, input)
    if input._array.shape == target._array.shape:
        return _of_probabilities(input, target, weight, ignore_index, reduction, label_smoothing)
    rows, labels, counted = _rows("cross_entropy", input, target, ignore_index)
    share = spread = count = None
    if weight is not None:
        share, count = _weights_of("cross_entropy", labels, weight)
    if label_smoothing:
        classes = rows._array.shape[1]
        weights = np.ones(classes, rows.dtype) if weight is None else weight._array
        spread = weights * (label_smoothing / classes)
        share = (1 - label_smoothing) * (1.0 if share is None else share)
    loss = cross_entropy_loss(rows, labels, share, spread, count, reduction)
    return _placed(loss, counted, target) if reduction == "none" else loss


@fused
def cross_entropy_loss(input: Array, target: Array, share: Any, spread: Any, count: Any, reduction: str) -> Any:
    """The cross entropy between the softmax of logits and distributions around class indices.

    Args:
        input: logits, ``(batch, classes)``.
        target: class indices, ``(batch,)``, all of them in range.
        share: how much of its distribution a target has on its class: for each, ``(batch,)``, for all alike, or None
            for 1.
        spread: how much is on every class besides, ``(classes,)``, or None for nothing, which also leaves logits of
            minus infinity out; ``share`` is then given.
        count: what the mean divides by, if that is not the number of targets.
        reduction: see `cross_entropy`.
    """
    number, classes = input.shape
    order = _order(classes)
    logits = input.T.copy(order)  # a column for each target
    if logits.size:
        logits -= np.maximum.reduce(logits)
    # Where in memory the targets' logits are: what `ravel("K")` of such an array shows in this order, without a copy.
    if order == "C":
        hits = _multiples(classes, number)[target] + _multiples(number, 1)
    else:
        hits = _multiples(number, classes) + target
    products = logits.ravel("K")[hits]
    if share is not None:
        products *= share
        if spread is not None:
            products += spread @ logits
    exponentials = np.exp(logits, out=logits)
    sums = ones(classes, input.dtype).dot(exponentials)
    losses = np.log(sums)
    if share is not None:
        losses *= _mass(share, spread)
    losses -= products
    kept = exponentials, sums, hits
    if reduction == "none":
        return losses, kept
    total = float(ones(number, input.dtype).dot(losses))
    if reduction == "mean":
        count = number if count is None else count
        total = total / count if count else math.nan
    return np.array(total, input.dtype), kept


def _gradient_of_logits(g: Array, kept: Any, share: Any, spread: Any, count: Any, reduction: str) -> Array:
    """The softmax less the target's distribution, times what each loss adds to the result."""
    exponentials, sums, hits = kept
    rates = g  # for each target, or for all alike
    if reduction == "mean":
        count = len(hits) if count is None else count
        # An array: it is used twice, and NumPy would make one of a number each time.
        rates = np.array(float(g) / count if count else np.nan, exponentials.dtype)
    gradient = exponentials * ((rates if share is None else rates * _mass(share, spread)) / sums)
    gradient.ravel("K")[hits] -= rates if share is None else rates * share
    if spread is not None:
        gradient -= spread[:, np.newaxis] * rates
    return gradient.T


def _mass(share: Any, spread: Any) -> Any:
    """The sum of a distribution."""
    return share if spread is None else share + spread.sum()


cross_entropy_loss.rule(input=_gradient_of_logits)


@cross_entropy_loss.decomposition
def _by_log_softmax(input: Any, target: Any, share: Any, spread: Any, count: Any, reduction: str) -> Any:
    logs = reductions.log_softmax(input, 1)
    losses = _negative(logs, target)
    if share is not None:
        losses = losses * share
    if spread is not None:
        losses = losses - (logs * spread).sum(1)
    return _reduced(losses, reduction, count)


def _of_probabilities(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, label_smoothing: float
) -> Tensor:
    if not dtypes.is_floating(target.dtype):
        raise RuntimeError(f"Expected floating point type for target with class probabilities, got {target.dtype}")
    if ignore_index >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    dim = _class_dim(input)
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / input.shape[dim]
    products = reductions.log_softmax(input, dim) * target
    if weight is not None:
        products = products * _along(weight, dim, input.ndim)
    return _reduced(-products.sum(dim), reduction)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """The negative log likelihood of target classes, ``-weight[target] * input[target]``.

    With the result of `log_softmax` as ``input`` it is the `cross_entropy`.

    Args:
        input: log probabilities, ``(classes,)`` or ``(batch, classes, ...)``, in a floating-point dtype.
        target: class indices, ``()`` or ``(batch, ...)``, int64 or uint8.
        weight: of each class, ``(classes,)``, in the dtype of ``input``.
        ignore_index: a class index that adds nothing to the loss and its gradient.
        reduction: ``"none"``, ``"sum"``, or ``"mean"``, which is weighted with ``weight[target]``.

    Returns:
        A loss per target, or one of no dimensions. The mean of no targets is NaN.

    Raises:
        As `cross_entropy` for class indices.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.nn.functional.nll_loss(tg.tensor([[-0.5, -1.0], [-2.0, -0.25]]), tg.tensor([0, 1]))
        tensor(0.3750)
    """
    _check_operands("nll_loss", input, target)
    _check_reduction(reduction)
    if input.ndim == 0:
        raise ValueError("nll_loss: Expected 1 or more dimensions (got 0)")
    if weight is not None:
        _check_weight("nll_loss", weight, input)
    rows, labels, counted = _rows("nll_loss", input, target, ignore_index)
    losses, count = _negative(rows, labels), None
    if weight is not None:
        weights, count = _weights_of("nll_loss", labels, weight)
        losses = losses * weights
    loss = _reduced(losses, reduction, count)
    return _placed(loss, counted, target) if reduction == "none" else loss


# ---- what losses of class indices share ----------------------------------------------------------------------------


def _class_dim(input: Any) -> int:
    return 1 if input.ndim > 1 else 0


def _rows(op: str, input: Tensor, target: Tensor, ignore_index: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """What is to be summed: a matrix with a row for each target, and the targets in a row.

    Rows whose target is to be ignored are left out; the third result tells which stayed, if these are not all.
    """
    array, labels = input._array, target._array
    if array.ndim != 2 or labels.dtype is not dtypes.int64 or labels.shape != array.shape[:1]:
        _check_indices(op, array, labels)
        labels = labels.reshape(-1).astype(np.int64, copy=False)
        dim = _class_dim(array)
        # Class by class, as it lies in memory: written as rows, 20 classes take four times as long.
        input = shapes.movedim(input, dim, 0).reshape(array.shape[dim], labels.size).T
        target = wrap(labels)
    classes = input._array.shape[1]
    # Read as unsigned, negative numbers are huge: one comparison tells that all are classes. The largest is looked up
    # where `argmax` finds it: 0.2 µs instead of 0.7.
    unsigned = labels.view(np.uint64)
    if labels.size and unsigned[unsigned.argmax()] < classes and not 0 <= ignore_index < classes:
        return input, target, None
    ignored = _ignored(op, labels, classes, ignore_index)
    if ignored is None:
        return input, target, None
    counted = wrap(np.flatnonzero(~ignored))
    return indexing.index_select(input, 0, counted), wrap(labels[~ignored]), counted


def _ignored(op: str, labels: Array, classes: int, ignore_index: int) -> npt.NDArray[np.bool_] | None:
    """Which labels are to be ignored, or None if no one is; all others must be classes."""
    ignored: npt.NDArray[np.bool_] = labels == ignore_index
    wrong = labels[((labels < 0) | (labels >= classes)) & ~ignored]
    if wrong.size:
        raise IndexError(f"{op}: Target {wrong[0]} is out of bounds: the classes are 0 to {classes - 1}")
    return ignored if ignored.any() else None


def _placed(losses: Tensor, counted: Tensor | None, target: Tensor) -> Tensor:
    """The losses of `_rows` in the shape of ``target``, with zeros for those that were left out."""
    if counted is not None:
        losses = indexing.scatter(wrap(np.zeros(target._array.size, losses.dtype)), 0, counted, losses)
    return losses if target._array.ndim == 1 else losses.reshape(target._array.shape)


def _negative(logs: Tensor, labels: Tensor) -> Tensor:
    """The negative log likelihood of each label."""
    targets = labels._array.copy()  # the graph keeps them; their owner may change them
    return -indexing._index(logs, (_multiples(targets.size, 1), targets))


def _weights_of(op: str, labels: Tensor, weight: Tensor) -> tuple[Array, Any]:
    """The weight of each label, and that of all together, which the mean divides by."""
    if weight.requires_grad and modes.grad:
        raise RuntimeError(f"{op}: not differentiable with respect to 'weight'")
    weights = weight._array[labels._array]
    return weights, weights.sum()


def _order(classes: int) -> Literal["C", "F"]:
    """The order in memory for columns of ``classes`` elements each: side by side if they are short.

    NumPy takes long from one to the next: for 512 columns of 10 the maximum of each takes 59 µs, but 4 µs side by side.
    """
    return "C" if classes < 32 else "F"


@functools.lru_cache(maxsize=32)
def _multiples(count: int, step: int) -> Array:
    """0, step, 2 step, ...: to look them up takes a quarter of the time that NumPy takes to multiply a few numbers."""
    multiples = np.arange(count) * step
    multiples.flags.writeable = False  # all share it
    return multiples


def _along(weight: Tensor, dim: int, ndim: int) -> Tensor:
    """The weights of the classes in a shape that is broadcast along their dimension."""
    return weight.reshape([-1 if i == dim else 1 for i in range(ndim)])


def _check_operands(op: str, input: Any, target: Any) -> None:
    if not isinstance(input, _primitive.Tensor):
        raise argument_error(op, "input", input)
    if not isinstance(target, _primitive.Tensor):
        raise argument_error(op, "target", target)
    if input._array.dtype.kind != "f":
        raise RuntimeError(f"{op}: not implemented for input of dtype {input.dtype}")


def _check_weight(op: str, weight: Any, input: Tensor) -> None:
    if input.ndim == 0:
        return
    if not isinstance(weight, _primitive.Tensor):
        raise argument_error(op, "weight", weight)
    classes = input.shape[_class_dim(input)]
    if weight.shape != (classes,):
        raise RuntimeError(
            f"{op}: weight tensor should be defined either for all {classes} classes or no classes but got weight "
            f"tensor of shape: {list(weight.shape)}"
        )
    if weight.dtype != input.dtype:
        raise RuntimeError(f"{op}: expected weight of dtype {input.dtype} but found {weight.dtype}")


def _check_indices(op: str, input: Any, target: Any) -> None:
    if input.ndim == 0:
        raise IndexError(f"{op}: Dimension out of range: input has no dimension for the classes")
    if input.ndim <= 2:
        if target.ndim > 1:
            raise RuntimeError(f"{op}: 0D or 1D target tensor expected, multi-target not supported")
        batch = input.shape[0] if input.ndim == 2 else 1
        if math.prod(target.shape) != batch or (input.ndim == 2 and target.ndim != 1):
            raise ValueError(
                f"{op}: Expected input batch_size ({batch}) to match target batch_size ({math.prod(target.shape)})."
            )
    elif target.shape != (input.shape[0], *input.shape[2:]):
        raise RuntimeError(f"{op}: Expected target size {[input.shape[0], *input.shape[2:]]}, got {list(target.shape)}")
    if target.dtype not in _INDEX_DTYPES:
        raise RuntimeError(f"{op}: expected target dtype to be int64 or uint8, but got {target.dtype}")


_INDEX_DTYPES = frozenset((dtypes.int64, dtypes.uint8))

# ---- regression ----------------------------------------------------------------------------------------------------


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """The squared error, ``(input - target)**2``.

    Args:
        input: of any shape.
        target: of the same shape; another that can be broadcast gives a warning. Dtypes are promoted.
        reduction: ``"none"``, ``"sum"`` or ``"mean"``.

    Returns:
        An error per element, or one of no dimensions.

    Raises:
        ValueError: ``reduction`` is none of the three.
        RuntimeError: the shapes cannot be broadcast, or both operands hold integers.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.nn.functional.mse_loss(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
        tensor(2.)
    """
    errors = _errors("mse_loss", input, target, reduction)
    if not dtypes.is_floating(errors.dtype):
        raise RuntimeError(f"mse_loss: not implemented for dtype {errors.dtype}")
    return _reduced(errors * errors, reduction)


def l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """The absolute error, ``|input - target|``; arguments as for `mse_loss`.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.nn.functional.l1_loss(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
        tensor(1.)
    """
    return _reduced(elementwise.abs(_errors("l1_loss", input, target, reduction)), reduction)


def _errors(op: str, input: Tensor, target: Tensor, reduction: str) -> Tensor:
    for name, operand in (("input", input), ("target", target)):
        if not isinstance(operand, _primitive.Tensor):
            raise argument_error(op, name, operand)
    _check_reduction(reduction)
    if input.shape != target.shape:
        warnings.warn(
            f"{op}: Using a target size ({target.shape}) that is different to the input size ({input.shape}). This "
            "will likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
            stacklevel=3,
        )
    return input - target


# ---- of probabilities of one event ---------------------------------------------------------------------------------


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """The cross entropy of probabilities: ``-weight * (target * log(input) + (1 - target) * log(1 - input))``.

    The logarithms are not let below -100, so that the loss stays finite. `binary_cross_entropy_with_logits` is more
    accurate.

    Args:
        input: probabilities, of any shape and a floating-point dtype.
        target: of the same shape and dtype, from 0 to 1.
        weight: of each element, broadcast to that shape.
        reduction: ``"none"``, ``"sum"`` or ``"mean"``.

    Returns:
        A loss per element, or one of no dimensions.

    Raises:
        ValueError: the shapes differ, or ``reduction`` is none of the three.
        RuntimeError: an element is not from 0 to 1, the dtypes differ, or ``weight`` does not fit.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.nn.functional.binary_cross_entropy(tg.tensor([0.5, 0.0]), tg.tensor([1.0, 1.0]), reduction="none")
        tensor([  0.6931, 100.0000])
    """
    op = "binary_cross_entropy"
    _check_operands(op, input, target)
    _check_reduction(reduction)
    if input.shape != target.shape:
        raise ValueError(f"{op}: target size ({target.shape}) must be the same as input size ({input.shape})")
    if target.dtype != input.dtype:
        raise RuntimeError(f"{op}: expected target of dtype {input.dtype} but found {target.dtype}")
    for name, operand in (("input", input), ("target", target)):
        if not np.all((operand._array >= 0) & (operand._array <= 1)):
            raise RuntimeError(f"{op}: all elements of {name} should be between 0 and 1")
    losses = _binary_cross_entropy(input, target)
    return _reduced(_weighted(op, losses, weight), reduction)


@primitive(name="binary_cross_entropy")
def _binary_cross_entropy(input: Array, target: Array) -> Array:
    with np.errstate(divide="ignore"):
        return (target - 1) * np.maximum(np.log1p(-input), -100) - target * np.maximum(np.log(input), -100)


_binary_cross_entropy.rule(
    input=lambda g, input, target: g * (input - target) / np.maximum((1 - input) * input, 1e-12),
    target=lambda g, input: g * (np.log1p(-input) - np.log(input)),
)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """The binary cross entropy of the sigmoid of logits, without its loss of precision.

    ``-weight * (pos_weight * target * log(sigmoid(input)) + (1 - target) * log(1 - sigmoid(input)))``

    Args:
        input: logits, of any shape and a floating-point dtype.
        target: of the same shape, in a floating-point dtype, from 0 to 1.
        weight: of each element, broadcast to that shape.
        reduction: ``"none"``, ``"sum"`` or ``"mean"``.
        pos_weight: of positive targets, broadcast to that shape: above 1 it favours recall, below 1 precision.

    Returns:
        A loss per element, or one of no dimensions.

    Raises:
        ValueError: the shapes differ, or ``reduction`` is none of the three.
        RuntimeError: a dtype is no floating-point type, or ``weight`` or ``pos_weight`` does not fit.

    Example:
        >>> import tinygrad_np as tg
        >>> logits, target = tg.tensor([0.0, 200.0]), tg.tensor([1.0, 0.0])
        >>> tg.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        tensor([  0.6931, 200.0000])
    """
    op = "binary_cross_entropy_with_logits"
    _check_operands(op, input, target)
    _check_reduction(reduction)
    if input.shape != target.shape:
        raise ValueError(f"{op}: target size ({target.shape}) must be the same as input size ({input.shape})")
    if not dtypes.is_floating(target.dtype):
        raise RuntimeError(f"{op}: expected target of a floating-point dtype but found {target.dtype}")
    # log(1 - sigmoid(x)) = log(sigmoid(x)) - x
    logs = logsigmoid(input)
    if pos_weight is not None:
        logs = logs * (_weighted(op, target, pos_weight - 1) + 1)
    return _reduced(_weighted(op, (1 - target) * input - logs, weight), reduction)


@primitive(promote="floating")
def logsigmoid(input: Array) -> Array:
    """The logarithm of the sigmoid, ``-log(1 + exp(-input))``, without overflow.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.nn.functional.logsigmoid(tg.tensor([-200.0, 0.0, 20.0]))
        tensor([-2.0000e+02, -6.9315e-01, -2.0612e-09])
    """
    return np.minimum(input, 0) - np.log1p(np.exp(-np.abs(input)))


_sigmoid = for_rules(elementwise.sigmoid)
logsigmoid.rule(input=lambda g, input: g * _sigmoid(-input))


def _weighted(op: str, losses: Tensor, weight: Tensor | None) -> Tensor:
    if weight is None:
        return losses
    weighted = losses * weight
    if weighted.shape != losses.shape:
        raise RuntimeError(
            f"{op}: a weight of shape {list(weight.shape)} cannot be broadcast to the input's {list(losses.shape)}"
        )
    return weighted


# ---- reduction -----------------------------------------------------------------------------------------------------


def _check_reduction(reduction: str) -> None:
    if reduction not in ("none", "sum", "mean"):
        raise ValueError(f"{reduction} is not a valid value for reduction")


def _reduced(losses: Tensor, reduction: str, count: Any = None) -> Tensor:
    """The losses as they are, their sum, or their mean: the sum over ``count``, where that is not their number."""
    if reduction == "none":
        return losses
    if reduction == "mean" and count is None:
        return losses.mean()
    total = losses.sum()
    if reduction == "mean":
        return total / count if count else total * np.nan
    return total
