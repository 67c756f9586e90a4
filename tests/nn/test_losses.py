"""Losses as modules: each against its formula in NumPy, and its arguments."""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import nn

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(4, 3))
CLASSES = np.array([2, 0, 1, 2])
WEIGHT = np.array([0.5, 2.0, 1.0])
X = RNG.normal(size=(2, 3))
Y = RNG.normal(size=(2, 3))
PROBABILITIES = RNG.uniform(0.05, 0.95, size=(2, 3))
TARGETS = RNG.uniform(0, 1, size=(2, 3))

LOG_PROBABILITIES = LOGITS - np.log(np.exp(LOGITS).sum(1, keepdims=True))
PICKED = LOG_PROBABILITIES[np.arange(4), CLASSES]
BCE = -(TARGETS * np.log(PROBABILITIES) + (1 - TARGETS) * np.log(1 - PROBABILITIES))
SIGMOID = 1 / (1 + np.exp(-X))


def weighted_bce(pos_weight):
    return -(pos_weight * TARGETS * np.log(SIGMOID) + (1 - TARGETS) * np.log(1 - SIGMOID))


# The loss, its input and target, and the losses one by one.
CASES = {
    "CrossEntropyLoss": (nn.CrossEntropyLoss, {}, LOGITS, CLASSES, -PICKED),
    "CrossEntropyLoss, smoothed": (
        nn.CrossEntropyLoss,
        {"label_smoothing": 0.3},
        LOGITS,
        CLASSES,
        -(0.7 * PICKED + 0.3 * LOG_PROBABILITIES.mean(1)),
    ),
    "NLLLoss": (nn.NLLLoss, {}, LOG_PROBABILITIES, CLASSES, -PICKED),
    "MSELoss": (nn.MSELoss, {}, X, Y, (X - Y) ** 2),
    "L1Loss": (nn.L1Loss, {}, X, Y, np.abs(X - Y)),
    "BCELoss": (nn.BCELoss, {}, PROBABILITIES, TARGETS, BCE),
    "BCELoss, weighted": (nn.BCELoss, {"weight": tg.tensor(WEIGHT)}, PROBABILITIES, TARGETS, WEIGHT * BCE),
    "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss, {}, X, TARGETS, weighted_bce(1)),
    "BCEWithLogitsLoss, weighted": (
        nn.BCEWithLogitsLoss,
        {"weight": tg.tensor(WEIGHT), "pos_weight": tg.tensor(2 * WEIGHT)},
        X,
        TARGETS,
        WEIGHT * weighted_bce(2 * WEIGHT),
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("reduction", "reduce"), [("none", np.asarray), ("sum", np.sum), ("mean", np.mean)])
def test_loss(name, reduction, reduce):
    loss, arguments, input, target, expected = CASES[name]
    found = loss(reduction=reduction, **arguments)(tg.tensor(input), tg.tensor(target))
    np.testing.assert_allclose(found.numpy(), reduce(expected), rtol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_mean_is_the_default(name):
    loss, arguments, input, target, expected = CASES[name]
    assert loss(**arguments)(tg.tensor(input), tg.tensor(target)).item() == pytest.approx(expected.mean())


@pytest.mark.parametrize(("loss", "input"), [(nn.CrossEntropyLoss, LOGITS), (nn.NLLLoss, LOG_PROBABILITIES)])
def test_class_weights_and_ignored_classes(loss, input):
    criterion = loss(tg.tensor(WEIGHT), ignore_index=0)
    expected = -(WEIGHT[CLASSES] * PICKED)[CLASSES != 0].sum() / WEIGHT[CLASSES[CLASSES != 0]].sum()
    assert criterion(tg.tensor(input), tg.tensor(CLASSES)).item() == pytest.approx(expected)


def test_weights_are_buffers():
    criterion = nn.CrossEntropyLoss(weight=tg.ones(3))
    assert list(criterion.state_dict()) == ["weight"]
    assert criterion.double().weight.dtype == tg.float64
    assert list(nn.CrossEntropyLoss().state_dict()) == []
    assert list(nn.BCEWithLogitsLoss(pos_weight=tg.ones(3)).state_dict()) == ["pos_weight"]


@pytest.mark.parametrize("loss", [nn.MSELoss, nn.CrossEntropyLoss, nn.BCELoss])
def test_deprecated_positions_are_not_silently_taken(loss):
    with pytest.raises(TypeError, match="positional argument"):
        loss(None, True)


@pytest.mark.parametrize("name", CASES)
def test_unknown_reduction(name):
    loss, arguments, input, target, _ = CASES[name]
    with pytest.raises(ValueError, match="average"):
        loss(reduction="average", **arguments)(tg.tensor(input), tg.tensor(target))
