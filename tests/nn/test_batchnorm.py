"""BatchNorm1d and BatchNorm2d: what they keep, and when it moves."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import nn
from tinygrad_np.nn import functional as F


def normal(*shape, seed=0):
    return tg.tensor(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def test_what_a_layer_starts_with():
    layer = nn.BatchNorm2d(3)
    assert {name: value.tolist() for name, value in layer.state_dict().items()} == {
        "weight": [1, 1, 1],
        "bias": [0, 0, 0],
        "running_mean": [0, 0, 0],
        "running_var": [1, 1, 1],
        "num_batches_tracked": 0,
    }
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    assert layer.num_batches_tracked.dtype == tg.int64
    assert nn.BatchNorm1d(2, dtype=tg.float64).running_var.dtype == tg.float64


def test_training_normalizes_by_the_batch_and_moves_the_running_values():
    layer, x = nn.BatchNorm1d(3, momentum=0.5), normal(8, 3)
    out = layer(x)
    assert out.allclose(F.batch_norm(x, None, None, training=True))
    assert layer.running_mean.allclose(0.5 * x.mean(0))
    assert layer.running_var.allclose(0.5 + 0.5 * x.var(0))
    assert layer.num_batches_tracked.item() == 1


def test_evaluation_normalizes_by_the_running_values_and_keeps_them():
    layer, x = nn.BatchNorm2d(2), normal(4, 2, 3, 3)
    layer(x)
    before = {name: value.tolist() for name, value in layer.state_dict().items()}
    layer.eval()
    out = layer(x)
    assert out.allclose(F.batch_norm(x, layer.running_mean, layer.running_var, layer.weight, layer.bias))
    assert layer(x[:1]).allclose(out[:1])
    assert {name: value.tolist() for name, value in layer.state_dict().items()} == before


def test_without_momentum_running_values_are_means_over_the_batches():
    layer = nn.BatchNorm1d(2, momentum=None)
    batches = [normal(5, 2, seed=seed) for seed in range(3)]
    for batch in batches:
        layer(batch)
    assert layer.running_mean.allclose(sum(b.mean(0) for b in batches) / 3, atol=1e-6)
    assert layer.running_var.allclose(sum(b.var(0) for b in batches) / 3)


def test_without_running_values_the_batch_normalizes_always():
    layer, x = nn.BatchNorm1d(2, track_running_stats=False), normal(4, 2)
    assert list(layer.state_dict()) == ["weight", "bias"]
    trained = layer(x)
    assert layer.eval()(x).tolist() == trained.tolist()


def test_running_values_that_are_no_longer_tracked_still_evaluate():
    layer, x = nn.BatchNorm1d(2), normal(4, 2)
    layer.track_running_stats = False
    assert layer(x).allclose(F.batch_norm(x, None, None, training=True))
    assert layer.num_batches_tracked.item() == 0
    assert layer.eval()(x).allclose(x, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "names"),
    [({"affine": False}, []), ({"bias": False}, ["weight"]), ({"affine": False, "bias": True}, [])],
)
def test_without_weight_or_bias(options, names):
    layer, x = nn.BatchNorm1d(2, **options), normal(4, 2)
    assert [name for name, _ in layer.named_parameters()] == names
    assert layer(x).allclose(F.batch_norm(x, None, None, training=True))


def test_reset():
    layer = nn.BatchNorm1d(2)
    layer(normal(4, 2))
    with tg.no_grad():
        layer.weight.fill_(3)
    layer.reset_running_stats()
    assert (layer.running_mean.tolist(), layer.running_var.tolist()) == ([0, 0], [1, 1])
    assert (layer.num_batches_tracked.item(), layer.weight.tolist()) == (0, [3, 3])
    layer.reset_parameters()
    assert layer.weight.tolist() == [1, 1]


def test_state_is_carried_over():
    layer, other, x = nn.BatchNorm1d(2), nn.BatchNorm1d(2), normal(4, 2)
    layer(x)
    other.load_state_dict(layer.state_dict())
    assert other.num_batches_tracked.item() == 1
    assert other.eval()(x).tolist() == layer.eval()(x).tolist()


def test_in_double_the_count_stays_an_integer():
    layer = nn.BatchNorm1d(2).double()
    assert layer(normal(4, 2).double()).dtype == layer.running_mean.dtype == tg.float64
    assert layer.num_batches_tracked.dtype == tg.int64


def test_representation():
    assert repr(nn.BatchNorm1d(4)) == (
        "BatchNorm1d(4, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)"
    )
    assert repr(nn.BatchNorm2d(4, 1e-3, None, False, False)) == (
        "BatchNorm2d(4, eps=0.001, momentum=None, affine=False, bias=False, track_running_stats=False)"
    )


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.BatchNorm1d(2), (3, 2, 2, 2), r"expected 2D or 3D input \(got 4D input\)"),
        (nn.BatchNorm1d(2), (2,), r"expected 2D or 3D input \(got 1D input\)"),
        (nn.BatchNorm2d(2), (3, 2, 2), r"expected 4D input \(got 3D input\)"),
        (nn.BatchNorm1d(2), (1, 2), "Expected more than 1 value per channel when training"),
    ],
)
def test_errors(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer(tg.zeros(shape))
