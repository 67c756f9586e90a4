"""batch_norm as PyTorch has it. Its values and gradients in general: test_registry.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_np as tg
from tinygrad_np.autograd import grad
from tinygrad_np.nn import functional as F
from tinygrad_np.ops import normalization
from tinygrad_np.testing import check_gradient


def normal(*shape, seed=0):
    return tg.tensor(np.random.default_rng(seed).normal(size=shape))


def channel_moments(x):
    dims = (0, *range(2, x.ndim))
    return x.mean(dims), x.var(dims, correction=0)


# ---- training ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 6), (2, 3, 4, 5), (2, 3, 2, 2, 2)])
def test_each_channel_has_mean_0_and_variance_1(shape):
    out = F.batch_norm(10 + 5 * normal(*shape), None, None, training=True, eps=0)
    mean, variance = channel_moments(out)
    np.testing.assert_allclose(mean.numpy(), 0, atol=1e-12)
    np.testing.assert_allclose(variance.numpy(), 1)


def test_weight_and_bias_are_applied_afterwards():
    x, weight, bias = normal(8, 3), tg.tensor([1.0, 2.0, -3.0]).double(), tg.tensor([0.0, 5.0, 7.0]).double()
    plain = F.batch_norm(x, None, None, training=True)
    assert F.batch_norm(x, None, None, weight, bias, True).allclose(plain * weight + bias)
    assert F.batch_norm(x, None, None, weight, None, True).allclose(plain * weight)
    assert F.batch_norm(x, None, None, None, bias, True).allclose(plain + bias)


def test_running_values_move_towards_mean_and_unbiased_variance():
    x = tg.tensor([[1.0, 10.0], [3.0, 30.0]])
    mean, variance = tg.tensor([0.0, 100.0]), tg.tensor([1.0, 0.0])
    F.batch_norm(x, mean, variance, training=True, momentum=0.25)
    assert mean.tolist() == [0.5, 80]
    assert variance.tolist() == [1.25, 50]


def test_running_values_do_not_hang_in_the_graph():
    mean, variance = tg.zeros(2), tg.ones(2)
    x = tg.randn(4, 2, generator=tg.Generator().manual_seed(0)).requires_grad_()
    F.batch_norm(x, mean, variance, training=True).sum().backward()
    assert not mean.requires_grad
    assert not variance.requires_grad


def test_no_batch_changes_nothing():
    mean, variance = tg.full((2,), 3.0), tg.full((2,), 4.0)
    x = tg.zeros(0, 2, 3, requires_grad=True)
    out = F.batch_norm(x, mean, variance, training=True)
    out.sum().backward()
    assert out.shape == x.grad.shape == (0, 2, 3)
    assert (mean.tolist(), variance.tolist()) == ([3, 3], [4, 4])


def test_result_may_be_changed_without_spoiling_the_gradient():
    """Even where there is no weight and no bias, what is kept for the gradient is not the result itself."""
    x, cotangent = normal(4, 2).requires_grad_(), normal(4, 2, seed=1)
    expected = grad(F.batch_norm(x, None, None, training=True), x, cotangent)[0]
    out = F.batch_norm(x, None, None, training=True)
    changed = out.mul_(3)
    np.testing.assert_allclose(grad(changed, x, cotangent)[0].numpy(), 3 * expected.numpy())


def test_moments_of_float16_are_taken_in_float32():
    x = tg.full((4096, 1), 3.0, dtype=tg.float16)
    x[0] = 5.0
    mean, variance = tg.zeros(1, dtype=tg.float16), tg.zeros(1, dtype=tg.float16)
    out = F.batch_norm(x, mean, variance, training=True, momentum=1.0)
    assert out.dtype == tg.float16
    assert mean.item() == pytest.approx(3 + 2 / 4096, rel=1e-3)
    assert variance.item() == pytest.approx(4 / 4096, rel=1e-2)


@given(st.integers(0, 6), st.integers(0, 3), st.integers(0, 6), st.sampled_from([tg.float16, tg.float32, tg.float64]))
def test_sums_over_channels_are_those_of_numpy(batch, channels, values, dtype):
    rows, others = [normalization._rows(normal(batch, channels, values, seed=s).to(dtype).numpy()) for s in (0, 1)]
    found = normalization.channel_sums(rows), normalization._channel_products(rows, others)
    for sums, terms in zip(found, (rows, rows * others), strict=True):
        assert sums.shape == (channels,)
        assert sums.dtype == rows.dtype
        np.testing.assert_allclose(sums, terms.sum((0, 2), np.float64), rtol=1e-5, atol=1e-5)


def test_large_mean_does_not_drown_the_variance():
    x = (1000 + normal(1000, 1)).float()
    variance = tg.ones(1)
    F.batch_norm(x, tg.zeros(1), variance, training=True, momentum=1.0)
    assert variance.item() == pytest.approx(x.double().var().item(), rel=1e-3)


# ---- evaluation ----------------------------------------------------------------------------------------------------


def test_evaluation_uses_the_running_values_and_leaves_them():
    x = tg.tensor([[[1.0], [10.0]], [[3.0], [30.0]]])
    mean, variance = tg.tensor([1.0, 20.0]), tg.tensor([4.0, 25.0])
    out = F.batch_norm(x, mean, variance, tg.tensor([1.0, 10.0]), tg.tensor([0.0, 1.0]), eps=0)
    assert out.tolist() == [[[0], [-19]], [[1], [21]]]
    assert (mean.tolist(), variance.tolist()) == ([1, 20], [4, 25])
    assert F.batch_norm(x[:1], mean, variance, eps=0).tolist() == [[[0], [-2]]]


@pytest.mark.parametrize("shape", [(3, 2), (2, 2, 2, 1)])
def test_gradient_in_evaluation(shape):
    mean, variance = normal(2), normal(2) ** 2 + 0.5

    def evaluated(x, weight, bias):
        return F.batch_norm(x, mean.to(x.dtype), variance.to(x.dtype), weight, bias)

    check_gradient(evaluated, normal(*shape, seed=1), normal(2, seed=2), normal(2, seed=3))


def test_running_values_may_move_before_the_backward_of_an_evaluation():
    x, mean, variance = normal(4, 2).requires_grad_(), normal(2), normal(2) ** 2
    weight = normal(2).requires_grad_()
    out = F.batch_norm(x, mean, variance, weight)
    expected = grad(out.sum(), [x, weight], retain_graph=True)
    F.batch_norm(x, mean, variance, training=True)
    for a, b in zip(grad(out.sum(), [x, weight]), expected, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


# ---- errors --------------------------------------------------------------------------------------------------------

X, TWO, THREE = tg.ones(3, 2, 4), tg.ones(2), tg.ones(3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((tg.ones(1, 2), None, None, None, None, True), ValueError, r"more than 1 value per channel.*\[1, 2\]"),
        ((tg.ones(1, 2, 1, 1), TWO, TWO, None, None, True), ValueError, "more than 1 value per channel"),
        ((X, None, None), RuntimeError, "running_mean must be defined in evaluation mode"),
        ((X, TWO, None), RuntimeError, "running_var must be defined in evaluation mode"),
        ((X, TWO, None, None, None, True), ValueError, "must either both be None or neither be None"),
        ((X, THREE, TWO), RuntimeError, r"running_mean should contain 2 elements.*\[3\]"),
        ((X, TWO, THREE), RuntimeError, "running_var should contain 2 elements"),
        ((X, TWO, TWO, THREE), RuntimeError, "weight should contain 2 elements"),
        ((X, TWO, TWO, TWO, tg.ones(2, 1)), RuntimeError, r"bias should contain 2 elements.*\[2, 1\]"),
        ((X.double(), TWO, TWO), RuntimeError, "running_mean of dtype float64, but found float32"),
        ((X.long(), TWO, TWO), RuntimeError, "not implemented for dtype int64"),
        ((tg.ones(2), TWO, TWO), RuntimeError, "at least 2 dimensions, but got 1D"),
        ((X, TWO, TWO, None, None, True, 0.1, -1.0), ValueError, "eps must be non-negative, but got -1"),
        (([1.0], TWO, TWO), TypeError, "'input' must be Tensor, not list"),
        ((X, [0.0, 0.0], TWO), TypeError, "'running_mean' must be Tensor, not list"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        F.batch_norm(*arguments)
