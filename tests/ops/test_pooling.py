"""max_pool2d and avg_pool2d as PyTorch has them. Their values and gradients in general: test_registry.py."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_np as tg
from tinygrad_np.autograd import grad
from tinygrad_np.nn import functional as F
from tinygrad_np.ops.windows import Windows


def image(*rows, requires_grad=False):
    return tg.tensor([[rows]], dtype=tg.float64, requires_grad=requires_grad)


def ones(*shape):
    return tg.ones(*shape)


# ---- sizes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
@pytest.mark.parametrize(
    ("size", "options", "expected"),
    [
        ((6, 7), {"kernel_size": 2}, (3, 3)),
        ((6, 7), {"kernel_size": (3, 2), "stride": 1}, (4, 6)),
        ((6, 7), {"kernel_size": 3, "stride": (2, 3), "padding": 1}, (3, 3)),
        ((6, 7), {"kernel_size": 2, "ceil_mode": True}, (3, 4)),
        ((5, 6), {"kernel_size": (6, 7), "ceil_mode": True}, (1, 1)),  # even the only window may reach beyond
        ((4, 4), {"kernel_size": 3, "padding": 1, "ceil_mode": True}, (2, 2)),
        ((3, 3), {"kernel_size": 1, "stride": 3, "ceil_mode": True}, (1, 1)),  # a second would begin behind the image
        ((4, 4), {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True}, (2, 2)),  # as would a third
    ],
)
def test_pooled_size(pool, size, options, expected):
    assert pool(ones(2, 3, *size), **options).shape == (2, 3, *expected)
    assert pool(ones(3, *size), **options).shape == (3, *expected)
    assert pool(ones(0, 3, *size), **options).shape == (0, 3, *expected)


def test_dilated_windows_skip_pixels():
    assert F.max_pool2d(image([1, 9, 2, 8, 3]), (1, 2), stride=1, dilation=2).tolist() == [[[[2, 9, 3]]]]


# ---- which element is the maximum ----------------------------------------------------------------------------------


def test_first_of_equal_maxima_has_the_gradient():
    x = image([3, 5, 5], [5, 5, 5], requires_grad=True)
    F.max_pool2d(x, 2, stride=1).backward(tg.tensor([[[[1.0, 10.0]]]], dtype=tg.float64))
    assert x.grad.tolist() == [[[[0, 11, 0], [0, 0, 0]]]]


@pytest.mark.parametrize("create_graph", [False, True])
def test_nan_is_the_maximum_and_has_the_gradient(create_graph):
    x = image([1, math.nan, 3], [math.nan, 2, 4], requires_grad=True)
    out, indices = F.max_pool2d(x, 2, stride=1, return_indices=True)
    assert np.isnan(out.detach().numpy()).all()
    assert indices.tolist() == [[[[3, 1]]]]  # of several the last, as in PyTorch
    (gradient,) = grad(F.max_pool2d(x, 2, stride=1).sum(), x, create_graph=create_graph)
    assert gradient.tolist() == [[[[0, 1, 0], [1, 0, 0]]]]


@pytest.mark.parametrize("create_graph", [False, True])
def test_padding_is_never_the_maximum(create_graph):
    x = image([-math.inf, -math.inf], [-math.inf, -7], requires_grad=True)
    out, indices = F.max_pool2d(x, 2, padding=1, return_indices=True)
    assert out.tolist() == [[[[-math.inf, -math.inf], [-math.inf, -7]]]]
    assert indices.tolist() == [[[[0, 1], [2, 3]]]]
    (gradient,) = grad(F.max_pool2d(x, 2, padding=1).sum(), x, create_graph=create_graph)
    assert gradient.tolist() == [[[[1, 1], [1, 1]]]]


def test_infinite_gradient_goes_to_the_maximum_alone():
    x = image([1, 2], [3, 4], requires_grad=True)
    F.max_pool2d(x, 2).backward(tg.tensor([[[[math.inf]]]], dtype=tg.float64))
    assert x.grad.tolist() == [[[[0, 0], [0, math.inf]]]]


def test_a_window_of_many_pixels():
    """More of them than a byte can number."""
    x = np.zeros((1, 1, 20, 20))
    x[0, 0, 17, 13] = 1
    out, indices = F.max_pool2d(tg.tensor(x), 20, return_indices=True)
    assert (out.item(), indices.item()) == (1, 17 * 20 + 13)


def test_indices_are_of_the_flattened_image():
    x = tg.tensor(np.random.default_rng(0).permutation(2 * 3 * 5 * 4).reshape(2, 3, 5, 4).astype(float))
    values, indices = F.max_pool2d(x, (2, 3), stride=(2, 1), padding=1, return_indices=True)
    assert indices.dtype == tg.int64
    picked = np.take_along_axis(x.numpy().reshape(2, 3, 20), indices.numpy().reshape(2, 3, -1), 2)
    assert picked.reshape(values.shape).tolist() == values.tolist()
    assert values.tolist() == F.max_pool2d(x, (2, 3), stride=(2, 1), padding=1).tolist()


def test_gradient_passes_to_the_values_beside_the_indices():
    x = image([1, 2], [4, 3], requires_grad=True)
    values, indices = F.max_pool2d(x, 2, return_indices=True)
    assert not indices.requires_grad
    values.sum().backward()
    assert x.grad.tolist() == [[[[0, 0], [1, 0]]]]
    values, indices = F.max_pool2d(x[0], 2, return_indices=True)
    assert (values.shape, indices.shape) == ((1, 1, 1), (1, 1, 1))


@pytest.mark.parametrize("dtype", [tg.uint8, tg.int8, tg.int64])
def test_max_of_integers(dtype):
    out = F.max_pool2d(tg.tensor([[[0, 1], [1, 0]]], dtype=dtype), 2, padding=1)
    assert out.dtype == dtype
    assert out.tolist() == [[[0, 1], [1, 0]]]


# ---- the mean ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [[4, 6, 3], [6, 9, 4.5], [3, 4.5, 2.25]]),
        ({"count_include_pad": False}, [[9, 9, 9], [9, 9, 9], [9, 9, 9]]),
        ({"divisor_override": 2}, [[18, 27, 9], [27, 40.5, 13.5], [9, 13.5, 4.5]]),
    ],
)
def test_what_the_sum_is_divided_by(options, expected):
    # The last windows reach a pixel beyond the padding, which never counts: their divisors are 6 and 4, not 9.
    out = F.avg_pool2d(tg.full((1, 4, 4), 9.0), 3, stride=2, padding=1, ceil_mode=True, **options)
    assert out.tolist() == [expected]


def test_gradient_of_the_mean_is_shared_by_the_window():
    x = image([1, 2, 3], [4, 5, 6], requires_grad=True)
    F.avg_pool2d(x, 2, stride=1).backward(tg.tensor([[[[4.0, 8.0]]]], dtype=tg.float64))
    assert x.grad.tolist() == [[[[1, 3, 2], [1, 3, 2]]]]


# ---- both ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
def test_result_is_contiguous_memory_of_its_own(pool):
    x = tg.randn(4, 6, 3, 2, generator=tg.Generator().manual_seed(0)).permute(3, 2, 0, 1)
    for kernel in (1, 2):
        out = pool(x, kernel)
        assert out.is_contiguous()
        assert not np.shares_memory(out.numpy(), x.numpy())


@pytest.mark.parametrize("window", [2, 6])
def test_mean_of_half_precision_does_not_overflow_in_the_sum(window):
    out = F.avg_pool2d(tg.full((1, 1, 6, 6), 6e4, dtype=tg.float16), window)
    assert out.dtype == tg.float16
    assert (out == 6e4).all()


@st.composite
def pooled_wholly(draw):
    """Images, often with equal pixels, and a cotangent for what a window of their size gives."""
    shape = [draw(st.integers(least, most)) for least, most in ((0, 2), (0, 2), (1, 6), (1, 6))]
    dtype = draw(st.sampled_from([tg.float16, tg.float32, tg.float64]))
    pixels = draw(st.sampled_from([[1.0, 2.0, 3.0], [-math.inf], [math.nan, 1.0, 2.0], [*range(36)]]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    images, g = rng.choice(pixels, shape), rng.choice([-2.0, 1.5, math.inf], (*shape[:2], 1, 1))
    return tg.tensor(images, dtype=dtype), tg.tensor(g, dtype=dtype)


def both_ways(function):
    """What it gives, and what it gives where no window is taken to be the image."""
    fast = function()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Windows, "whole", False)
        return zip(fast, function(), strict=True)


@given(pooled_wholly(), st.sampled_from([{}, {"count_include_pad": False}, {"divisor_override": 3}]))
def test_mean_of_the_whole_image_is_that_of_any_window(drawn, options):
    x, g = drawn
    x.requires_grad_()

    def pooled():
        out = F.avg_pool2d(x, x.shape[2:], **options)
        gradients = [grad(out, x, g, create_graph=create, retain_graph=True)[0] for create in (False, True)]
        return [result.detach().numpy() for result in (out, *gradients)]

    for a, b in both_ways(pooled):
        assert (a.dtype, a.flags.c_contiguous) == (b.dtype, True)
        np.testing.assert_allclose(a, b, rtol=2e-3 if x.dtype == tg.float16 else 1e-6)


@given(pooled_wholly(), st.sampled_from([None, tg.uint8, tg.int64]))
def test_maximum_of_the_whole_image_is_that_of_any_window(drawn, integer):
    x, g = drawn
    x = x.requires_grad_() if integer is None else x.where(x.isfinite(), 0).to(integer)

    def pooled():
        out, (_, indices) = F.max_pool2d(x, x.shape[2:]), F.max_pool2d(x, x.shape[2:], return_indices=True)
        results = [out, indices]
        if integer is None:
            results += [grad(out, x, g, create_graph=create, retain_graph=True)[0] for create in (False, True)]
        return [result.detach().numpy() for result in results]

    for a, b in both_ways(pooled):
        assert (a.dtype, a.flags.c_contiguous) == (b.dtype, True)
        np.testing.assert_array_equal(a, b)


def test_which_window_is_the_image():
    def whole(*arguments, **options):
        return Windows.over("op", *arguments, **options).whole

    assert whole((4, 5), (4, 5), 9, 0)
    assert whole((1, 1), 1, 1, 0, 7)
    assert not whole((4, 5), (4, 4), 4, 0)
    assert not whole((4, 4), 4, 1, 1)
    assert not whole((2, 2), 2, 2, 0, 2, ceil_mode=True)  # the only window reaches beyond


@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((ones(5, 6), 2), RuntimeError, r"Expected 3D or 4D.*\[5, 6\]"),
        ((ones(1, 5, 6), 0), RuntimeError, "kernel_size must be at least 1"),
        ((ones(1, 5, 6), 2, 0), RuntimeError, "stride must be at least 1"),
        ((ones(1, 5, 6), 2, 2, -1), RuntimeError, "padding must be at least 0"),
        ((ones(1, 5, 6), 3, 1, 2), RuntimeError, "pad should be at most half of kernel size"),
        ((ones(1, 5, 6), 7), RuntimeError, r"kernel of size \(7, 7\).*does not fit into an image of size \(5, 6\)"),
        ((ones(1, 0, 6), 1), RuntimeError, r"does not fit into an image of size \(0, 6\)"),
        ((ones(1, 5, 6), 2.0), TypeError, "'kernel_size' must be int"),
        ((ones(1, 5, 6), (2, 2, 2)), RuntimeError, "a tuple of two ints"),
        ((ones(1, 5, 6).bool(), 2), RuntimeError, "not implemented for dtype bool"),
        (([1.0], 2), TypeError, "'input' must be Tensor, not list"),
    ],
)
def test_pooling_errors(pool, arguments, error, message):
    with pytest.raises(error, match=f"{pool.__name__}.*{message}"):
        pool(*arguments)


def test_errors_of_one_pooling():
    with pytest.raises(RuntimeError, match="max_pool2d: dilation must be at least 1"):
        F.max_pool2d(ones(1, 5, 6), 2, dilation=0)
    with pytest.raises(RuntimeError, match="a window sees nothing but padding"):
        F.max_pool2d(ones(1, 2, 2), 2, padding=1, dilation=3)
    with pytest.raises(RuntimeError, match="divisor must be not zero"):
        F.avg_pool2d(ones(1, 5, 6), 2, divisor_override=0)
    with pytest.raises(RuntimeError, match="avg_pool2d: not implemented for dtype int64"):
        F.avg_pool2d(ones(1, 5, 6).long(), 2)
