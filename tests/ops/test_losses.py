"""Loss functions, against their definitions written out row by row; their special points; what they refuse."""

import re

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.testing import check_gradient

F = tg.nn.functional
RNG = np.random.default_rng(0)
NAN, INF = float("nan"), float("inf")


@pytest.fixture(autouse=True)
def _reseeded():
    """Each test draws the same numbers, whichever ran before it."""
    RNG.bit_generator.state = np.random.default_rng(0).bit_generator.state


def log_softmax(row):
    shifted = row - row.max()
    return shifted - np.log(np.exp(shifted).sum())


def rows_of(x):
    """The vectors along the class dimension."""
    return np.moveaxis(x, min(1, x.ndim - 1), -1).reshape(-1, x.shape[min(1, x.ndim - 1)])


def cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """The definition, a row at a time."""
    rows = rows_of(x)
    classes = rows.shape[1]
    weight = np.ones(classes) if weight is None else weight
    losses, count = [], 0.0
    for row, label in zip(rows, target.reshape(-1), strict=True):
        if label == ignore_index:
            losses.append(0.0)
            continue
        q = (1 - label_smoothing) * np.eye(classes)[label] + label_smoothing / classes
        losses.append(-np.sum(weight * q * log_softmax(row)))
        count += weight[label]
    if reduction == "none":
        return np.array(losses).reshape(target.shape)
    return np.sum(losses) / (count if reduction == "mean" else 1)


def cross_entropy_of_probabilities(x, target, weight=None, reduction="mean", label_smoothing=0.0):
    classes = rows_of(x).shape[1]
    weight = np.ones(classes) if weight is None else weight
    q = (1 - label_smoothing) * rows_of(target) + label_smoothing / classes
    losses = np.array([-np.sum(weight * p * log_softmax(row)) for row, p in zip(rows_of(x), q, strict=True)])
    if reduction == "none":
        return losses.reshape(x.shape[:1] + x.shape[2:] if x.ndim > 1 else ())
    return losses.sum() if reduction == "sum" else losses.mean()


def check(loss, x, target, **options):
    """Check the gradient by the logits."""

    def of_logits(x):
        dtypes = {"weight": x.dtype}
        given = {k: tg.tensor(v, dtype=dtypes.get(k)) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        return loss(x, tg.from_numpy(target), **given)

    check_gradient(of_logits, x)


def tensors(**arguments):
    return {name: tg.from_numpy(a) if isinstance(a, np.ndarray) else a for name, a in arguments.items()}


# ---- cross entropy of class indices ----------------------------------------------------------------------------------

SHAPES = [
    ((3,), ()),
    ((4, 3), (4,)),
    ((1, 3), (1,)),
    ((4, 1), (4,)),
    ((5, 40), (5,)),
    ((2, 3, 5), (2, 5)),
    ((2, 3, 2, 2), (2, 2, 2)),
]
REDUCTIONS = ["none", "sum", "mean"]


def class_indices(shape, target_shape, weighted, ignore_index):
    """Logits, targets of which the first is to be ignored, and the options that go with them."""
    x = RNG.standard_normal(shape)
    classes = shape[min(1, len(shape) - 1)]
    target = np.array(RNG.integers(0, classes, target_shape))
    options = {}
    if target.size > 1 and classes > 1:
        target.reshape(-1)[:2] = ignore_index, classes - 1
        options["ignore_index"] = ignore_index
    if weighted:
        options["weight"] = RNG.uniform(0.5, 2, classes)
    return x, target, options


@pytest.mark.parametrize(("shape", "target_shape"), SHAPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignore_index", [-100, 0])
def test_cross_entropy_of_class_indices(shape, target_shape, reduction, label_smoothing, weighted, ignore_index):
    x, target, options = class_indices(shape, target_shape, weighted, ignore_index)
    options |= {"reduction": reduction, "label_smoothing": label_smoothing}
    loss = F.cross_entropy(tg.from_numpy(x), tg.from_numpy(target), **tensors(**options))
    np.testing.assert_allclose(loss.numpy(), cross_entropy(x, target, **options), rtol=1e-12)


@pytest.mark.parametrize(("shape", "target_shape"), [((4, 3), (4,)), ((2, 3, 2), (2, 2))])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_of_cross_entropy_of_class_indices(shape, target_shape, reduction, label_smoothing, weighted):
    x, target, options = class_indices(shape, target_shape, weighted, -100)
    check(F.cross_entropy, x, target, reduction=reduction, label_smoothing=label_smoothing, **options)


def test_cross_entropy_keeps_float32():
    x, target = RNG.standard_normal((4, 3)).astype(np.float32), np.array([0, 1, 2, 1])
    for options in ({}, {"weight": np.float32([1, 2, 3])}, {"label_smoothing": 0.1}):
        leaf = tg.from_numpy(x).requires_grad_()
        loss = F.cross_entropy(leaf, tg.from_numpy(target), **tensors(**options))
        loss.backward()
        assert (loss.dtype, leaf.grad.dtype) == (tg.float32, tg.float32)
        assert loss.item() == pytest.approx(cross_entropy(x.astype(float), target, **options), rel=1e-6)


def test_cross_entropy_takes_uint8_targets():
    x, target = tg.from_numpy(RNG.standard_normal((4, 3))), tg.tensor([0, 1, 2, 1])
    assert F.cross_entropy(x, target.byte()) == F.cross_entropy(x, target)
    assert F.nll_loss(x, target.byte()) == F.nll_loss(x, target)


def test_cross_entropy_of_any_layout():
    x, target = RNG.standard_normal((4, 3, 5)), RNG.integers(0, 3, (4, 5))
    expected = cross_entropy(x, target)
    laid_out = np.ascontiguousarray(x.transpose(2, 0, 1)).transpose(1, 2, 0)
    targets = np.repeat(target, 2, axis=1)[:, ::2]
    assert F.cross_entropy(tg.from_numpy(laid_out), tg.from_numpy(targets)).item() == pytest.approx(expected)


def test_cross_entropy_leaves_the_logits_as_they_were():
    x = tg.ones(2, 3)
    F.cross_entropy(x, tg.tensor([0, 1]))
    assert x.equal(tg.ones(2, 3))


def test_cross_entropy_can_be_swept_twice():
    x = tg.randn(4, 3, requires_grad=True, generator=tg.Generator())
    loss = F.cross_entropy(x, tg.tensor([0, 1, 2, 1]))
    loss.backward(retain_graph=True)
    once = x.grad.clone()
    loss.backward()
    assert x.grad.equal(2 * once)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weight", [None, tg.ones(3)])
def test_cross_entropy_of_ignored_targets_only(label_smoothing, weight):
    x = tg.randn(2, 3, requires_grad=True, generator=tg.Generator())
    target = tg.tensor([-100, -100])
    options = {"weight": weight, "label_smoothing": label_smoothing}
    assert F.cross_entropy(x, target, reduction="none", **options).tolist() == [0, 0]
    assert F.cross_entropy(x, target, reduction="sum", **options) == 0
    loss = F.cross_entropy(x, target, **options)
    loss.backward()
    assert loss.isnan()
    assert x.grad.equal(tg.zeros(2, 3))


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_cross_entropy_of_targets_without_weight(label_smoothing):
    x = tg.ones(2, 3, requires_grad=True)
    loss = F.cross_entropy(x, tg.tensor([0, -100]), tg.tensor([0.0, 1.0, 1.0]), label_smoothing=label_smoothing)
    loss.backward()
    assert loss.isnan()
    assert x.grad.isnan().tolist() == [[True] * 3, [False] * 3]


@pytest.mark.parametrize("weight", [None, tg.tensor([1.0, 2.0, 1.0])], ids=["plain", "weighted"])
def test_a_class_that_is_ruled_out(weight):
    x = tg.tensor([[0.0, 1.0, -INF]], requires_grad=True)
    loss = F.cross_entropy(x, tg.tensor([0]), weight)
    loss.backward()
    assert loss.item() == pytest.approx(np.log(1 + np.e))
    assert x.grad.tolist() == [pytest.approx([-np.e / (1 + np.e), np.e / (1 + np.e), 0], rel=1e-6)]


@pytest.mark.parametrize("logit", [NAN, INF])
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # of the ignored row itself
def test_ignored_logits_do_not_matter(logit):
    x = tg.tensor([[logit, 1.0], [1.0, 2.0]], requires_grad=True)
    loss = F.cross_entropy(x, tg.tensor([-100, 1]))
    loss.backward()
    assert loss.item() == pytest.approx(np.log(1 + np.exp(-1)))
    assert x.grad[0].tolist() == [0, 0]


def test_cross_entropy_of_no_targets():
    x, target = tg.ones(0, 3, requires_grad=True), tg.ones(0, dtype=tg.int64)
    assert F.cross_entropy(x, target).isnan()
    assert F.cross_entropy(x, target, reduction="sum") == 0
    assert F.cross_entropy(x, target, reduction="none").shape == (0,)
    F.cross_entropy(x, target).backward()
    assert x.grad.shape == (0, 3)


def test_cross_entropy_of_extreme_logits():
    x = tg.tensor([[1e4, -1e4], [1e4, -1e4], [1.0, -INF]], requires_grad=True)
    losses = F.cross_entropy(x, tg.tensor([0, 1, 0]), reduction="none")
    losses.sum().backward()
    assert losses.tolist() == [0, 2e4, 0]
    assert x.grad.tolist() == [[0, 0], [1, -1], [0, 0]]


def test_cross_entropy_has_a_name_in_the_graph():
    loss = F.cross_entropy(tg.ones(1, 2, requires_grad=True), tg.tensor([0]))
    assert loss.grad_fn.name() == "CrossEntropyLossBackward0"


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
def test_targets_may_be_changed_before_the_gradient_is_computed(loss):
    x, target = tg.zeros(2, 3, requires_grad=True), tg.tensor([0, 1])
    total = loss(x, target, reduction="sum")
    target.copy_(tg.tensor([2, 2]))
    total.backward()
    assert x.grad.argmin(1).tolist() == [0, 1]


@pytest.mark.parametrize("classes", [3, 40])  # few are kept as columns in memory, many as rows
@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
def test_a_class_out_of_range_is_named(loss, classes):
    for label in (classes, classes + 1, 2 * classes - 1, 2 * classes, 10**15, -1, -classes, -2 * classes, -100):
        message = f"{loss.__name__}: Target {label} is out of bounds: the classes are 0 to {classes - 1}"
        for target in ([0, label], [label, 0]):
            with pytest.raises(IndexError, match=message):
                loss(tg.ones(2, classes), tg.tensor(target), ignore_index=-7)


@pytest.mark.parametrize("classes", [3, 40])
@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
def test_a_label_that_is_ignored_may_be_any_number(loss, classes):
    x = tg.from_numpy(RNG.standard_normal((3, classes)))
    expected = loss(x[::2], tg.tensor([1, 1]))
    for label in (0, classes - 1, classes, 2 * classes, 10**15, -1, -classes, -2 * classes - 1):
        assert tg.allclose(loss(x, tg.tensor([1, label, 1]), ignore_index=label), expected)


MISTAKES = [
    (ValueError, (4, 3), tg.tensor([0, 1, 2]), {}, "Expected input batch_size (4) to match target batch_size (3)."),
    (RuntimeError, (4, 3), tg.tensor([[0], [1], [2], [0]]), {}, "0D or 1D target tensor expected"),
    (RuntimeError, (2, 3, 4), tg.zeros(2, 5, dtype=tg.int64), {}, "Expected target size [2, 4], got [2, 5]"),
    (
        RuntimeError,
        (2, 3),
        tg.tensor([0, 1], dtype=tg.int32),
        {},
        "expected target dtype to be int64 or uint8, but got int32",
    ),
    (RuntimeError, (2, 3), tg.tensor([0.0, 1.0]), {}, "expected target dtype to be int64 or uint8, but got float32"),
    (TypeError, (2, 3), [0, 1], {}, "argument 'target' must be Tensor, not list"),
    (ValueError, (2, 3), tg.tensor([0, 1]), {"reduction": "avg"}, "avg is not a valid value for reduction"),
    (
        RuntimeError,
        (2, 3),
        tg.tensor([0, 1]),
        {"weight": tg.ones(2)},
        "either for all 3 classes or no classes but got weight tensor of shape: [2]",
    ),
    (
        RuntimeError,
        (2, 3),
        tg.tensor([0, 1]),
        {"weight": tg.ones(3, dtype=tg.float64)},
        "expected weight of dtype float32 but found float64",
    ),
    (TypeError, (2, 3), tg.tensor([0, 1]), {"weight": [1, 1, 1]}, "argument 'weight' must be Tensor, not list"),
]


@pytest.mark.parametrize(("exception", "shape", "target", "options", "message"), MISTAKES)
@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
def test_mistakes_of_class_indices(loss, exception, shape, target, options, message):
    with pytest.raises(exception, match=re.escape(message)):
        loss(tg.ones(shape), target, **options)


def test_more_mistakes():
    x, target = tg.ones(2, 3), tg.tensor([0, 1])
    for smoothing in (-0.1, 1.1):
        with pytest.raises(RuntimeError, match="label_smoothing must be between 0.0 and 1.0"):
            F.cross_entropy(x, target, label_smoothing=smoothing)
    with pytest.raises(RuntimeError, match="not implemented for input of dtype int64"):
        F.cross_entropy(x.long(), target)
    with pytest.raises(RuntimeError, match="ignore_index is not supported for floating point target"):
        F.cross_entropy(x, x, ignore_index=1)
    with pytest.raises(RuntimeError, match="Expected floating point type for target with class probabilities"):
        F.cross_entropy(x, x.long())
    with pytest.raises(RuntimeError, match="not differentiable with respect to 'weight'"):
        F.cross_entropy(x, target, weight=tg.ones(3, requires_grad=True))
    with pytest.raises(ValueError, match="Expected 1 or more dimensions"):
        F.nll_loss(tg.tensor(1.0), tg.tensor(0))


# ---- cross entropy of class probabilities ----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 3, 2)])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_of_class_probabilities(shape, reduction, label_smoothing, weighted):
    x, target = RNG.standard_normal(shape), RNG.random(shape)
    weight = RNG.uniform(0.5, 2, 3) if weighted else None
    options = {"reduction": reduction, "label_smoothing": label_smoothing}

    def loss(x, target, weight):
        return F.cross_entropy(x, target, weight, **options)

    np.testing.assert_allclose(
        loss(**tensors(x=x, target=target, weight=weight)).numpy(),
        cross_entropy_of_probabilities(x, target, weight, **options),
        rtol=1e-12,
    )
    # The targets have a gradient too: so one network can teach another.
    check_gradient(loss, x, target, weight)


def test_class_probabilities_of_another_dtype_are_promoted():
    assert F.cross_entropy(tg.ones(2, 3), tg.ones(2, 3, dtype=tg.float64)).dtype == tg.float64


# ---- negative log likelihood ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "target_shape"), [*SHAPES, ((3,), (1,))])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_nll_loss_of_log_softmax_is_cross_entropy(shape, target_shape, reduction, weighted):
    x, target, options = class_indices(shape, target_shape, weighted, -100)
    options["reduction"] = reduction
    logs = F.log_softmax(tg.from_numpy(x), min(1, x.ndim - 1))
    loss = F.nll_loss(logs, tg.from_numpy(target), **tensors(**options))
    np.testing.assert_allclose(loss.numpy(), cross_entropy(x, target, **options), rtol=1e-12)
    if x.size < 20:
        check(F.nll_loss, x, target, **options)


# ---- regression ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("loss", "error"), [(F.mse_loss, np.square), (F.l1_loss, np.abs)])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_errors(loss, error, shape):
    x, target = RNG.standard_normal(shape), RNG.standard_normal(shape)
    expected = error(x - target)
    for reduction, value in {"none": expected, "sum": expected.sum(), "mean": expected.mean()}.items():
        np.testing.assert_allclose(loss(tg.from_numpy(x), tg.from_numpy(target), reduction=reduction).numpy(), value)
    check_gradient(lambda x, target: loss(x, target), x, target)


@pytest.mark.parametrize("loss", [F.mse_loss, F.l1_loss])
def test_errors_of_unequal_shapes_give_a_warning(loss):
    with pytest.warns(UserWarning, match=r"target size \(Size\(\[1\]\)\) .* input size \(Size\(\[3\]\)\)") as record:
        assert loss(tg.ones(3), tg.zeros(1)) == 1
    assert record[0].filename == __file__


@pytest.mark.parametrize("loss", [F.mse_loss, F.l1_loss])
def test_errors_refuse_what_they_cannot_do(loss):
    with pytest.raises(ValueError, match="avg is not a valid value for reduction"):
        loss(tg.ones(3), tg.ones(3), reduction="avg")
    with pytest.raises(RuntimeError):
        loss(tg.ones(3, dtype=tg.int64), tg.ones(3, dtype=tg.int64))
    with pytest.raises(TypeError, match="argument 'target' must be Tensor, not float"):
        loss(tg.ones(3), 1.0)


# ---- binary cross entropy --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, (2, 3), (3,), (2, 1)])
def test_binary_cross_entropy(reduction, weight):
    p, target = RNG.uniform(0.1, 0.9, (2, 3)), RNG.uniform(0, 1, (2, 3))
    factor = np.ones(3) if weight is None else RNG.uniform(0.5, 2, weight)
    losses = -factor * (target * np.log(p) + (1 - target) * np.log(1 - p))
    expected = {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[reduction]
    options = {"reduction": reduction, "weight": None if weight is None else tg.from_numpy(factor)}
    np.testing.assert_allclose(
        F.binary_cross_entropy(tg.from_numpy(p), tg.from_numpy(target), **options).numpy(), expected
    )
    logits = np.log(p / (1 - p))
    np.testing.assert_allclose(
        F.binary_cross_entropy_with_logits(tg.from_numpy(logits), tg.from_numpy(target), **options).numpy(), expected
    )
    check_gradient(lambda p, target: F.binary_cross_entropy(p, target, **options), p, target)
    check_gradient(lambda x, target: F.binary_cross_entropy_with_logits(x, target, **options), logits, target)


def test_binary_cross_entropy_at_its_ends():
    p = tg.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    losses = F.binary_cross_entropy(p, tg.tensor([0.0, 1.0, 1.0, 0.0]), reduction="none")
    losses.sum().backward()
    assert losses.tolist() == [0, 0, 100, 100]
    np.testing.assert_allclose(p.grad.numpy(), [0, 0, -1e12, 1e12])


def test_binary_cross_entropy_with_logits_is_stable():
    x = tg.tensor([0.0, 0.0, 1000.0, -1000.0, 1000.0, -1000.0], requires_grad=True)
    losses = F.binary_cross_entropy_with_logits(x, tg.tensor([0.0, 1.0, 1.0, 0.0, 0.0, 1.0]), reduction="none")
    losses.sum().backward()
    np.testing.assert_allclose(losses.detach().numpy(), [np.log(2), np.log(2), 0, 0, 1000, 1000], rtol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), [0.5, -0.5, 0, 0, 1, -1])


@pytest.mark.parametrize("shape", [(2, 3), (3,), (1,), ()])
def test_weight_of_positive_targets(shape):
    x, target, pos_weight = RNG.standard_normal((2, 3)), RNG.random((2, 3)), RNG.uniform(0.5, 3, shape)
    p = 1 / (1 + np.exp(-x))
    expected = -(pos_weight * target * np.log(p) + (1 - target) * np.log(1 - p))

    def loss(x, target, pos_weight):
        return F.binary_cross_entropy_with_logits(x, target, pos_weight=pos_weight, reduction="none")

    np.testing.assert_allclose(loss(*map(tg.from_numpy, (x, target, np.array(pos_weight)))).numpy(), expected)
    check_gradient(loss, x, target, np.array(pos_weight))


BOTH = [F.binary_cross_entropy, F.binary_cross_entropy_with_logits]


@pytest.mark.parametrize("loss", BOTH)
def test_mistakes_of_binary_cross_entropy(loss):
    half = tg.full((3,), 0.5)
    with pytest.raises(
        ValueError, match=r"target size \(Size\(\[1\]\)\) must be the same as input size \(Size\(\[3\]\)\)"
    ):
        loss(half, tg.ones(1))
    with pytest.raises(ValueError, match="avg is not a valid value for reduction"):
        loss(half, half, reduction="avg")
    with pytest.raises(RuntimeError, match="found int64"):
        loss(half, tg.ones(3, dtype=tg.int64))
    with pytest.raises(RuntimeError, match="not implemented for input of dtype int64"):
        loss(half.long(), half)
    with pytest.raises(RuntimeError, match=r"a weight of shape \[2, 3\] cannot be broadcast to the input's \[3\]"):
        loss(half, half, weight=tg.ones(2, 3))


@pytest.mark.parametrize("wrong", [-0.1, 1.1, NAN])
def test_binary_cross_entropy_refuses_what_is_no_probability(wrong):
    half, other = tg.tensor([0.5]), tg.tensor([wrong])
    with pytest.raises(RuntimeError, match="all elements of input should be between 0 and 1"):
        F.binary_cross_entropy(other, half)
    with pytest.raises(RuntimeError, match="all elements of target should be between 0 and 1"):
        F.binary_cross_entropy(half, other)


def test_logsigmoid():
    x = np.array([-1000.0, -5.0, 0.0, 5.0, 1000.0])
    leaf = tg.from_numpy(x).requires_grad_()
    out = F.logsigmoid(leaf)
    out.sum().backward()
    np.testing.assert_allclose(out.detach().numpy(), -np.logaddexp(0, -x), rtol=1e-12)
    np.testing.assert_allclose(leaf.grad.numpy(), [1, 1 / (1 + np.exp(-5)), 0.5, 1 / (1 + np.exp(5)), 0])


# ---- activations that nn.functional composes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "truth"),
    [
        (lambda x: F.leaky_relu(x, 0.1), lambda x: np.where(x > 0, x, 0.1 * x)),
        (F.silu, lambda x: x / (1 + np.exp(-x))),
        (F.softplus, lambda x: np.logaddexp(0, x)),
        (lambda x: F.softplus(x, beta=2.0), lambda x: np.logaddexp(0, 2 * x) / 2),
    ],
)
def test_composed_activations(function, truth):
    x = np.array([-30.0, -1.5, -0.2, 0.3, 2.0, 30.0])
    np.testing.assert_allclose(function(tg.from_numpy(x)).numpy(), truth(x), rtol=1e-8, atol=1e-12)
    check_gradient(function, x)


def test_softplus_of_large_inputs_is_the_input():
    x = tg.tensor([1e30, 1000.0], requires_grad=True)
    F.softplus(x).sum().backward()
    assert F.softplus(x).equal(x)
    assert x.grad.tolist() == [1, 1]


def test_relu_in_place():
    x = tg.tensor([-1.0, 2.0])
    assert F.relu(x, inplace=True) is x
    assert x.tolist() == [0, 2]


def test_normalize():
    x = np.array([[3.0, 4.0], [0.0, 2.0]])
    assert F.normalize(tg.from_numpy(x)).tolist() == [[0.6, 0.8], [0, 1]]
    assert F.normalize(tg.from_numpy(x), p=1.0, dim=0).tolist() == [[1, 4 / 6], [0, 2 / 6]]
    assert F.normalize(tg.zeros(1, 2)).tolist() == [[0, 0]]
    check_gradient(F.normalize, x + 1)
