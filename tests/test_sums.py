"""Reductions along axes, against NumPy's: sums in double precision, others exactly."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import tinygrad_np as tg
from tinygrad_np import sums

MOST = 100_000  # elements
SIZES = st.sampled_from([1, 2, 3, 0, 7, 64, 100, 127, 128, 257, 1025, 5000, MOST])


@st.composite
def shapes_and_axes(draw):
    shape = []
    for _ in range(draw(st.integers(1, 4))):
        shape.append(draw(SIZES.filter(lambda size: math.prod(shape) * size <= MOST)))
    axes = draw(st.sets(st.integers(0, len(shape) - 1)).map(tuple))
    return tuple(shape), draw(st.sampled_from([axes, axes, axes, None]))


@example(((1, 7), (0,)), False, "float32", "as it is", 1, 0)  # nothing to add
@example(((2, 3, 4), (1,)), False, "float32", "transposed", 1, 0)  # a result that NumPy would lay out likewise
@example(((2, 3, 4), (1,)), False, "float32", "every other", 1, 0)  # and here
@example(((7, 3), (1,)), False, "float16", "as it is", 1, 0)  # summed as columns
@example(((300, 3), (0,)), False, "float16", "as it is", 1, 0)  # summed in strips
@example(((1, 7), (0,)), False, "float16", "as it is", 1, 0)  # the dtype of a sum, where nothing is added
@settings(max_examples=400)  # it takes a second
@given(
    shapes_and_axes(),
    st.booleans(),
    st.sampled_from(["float32", "float64", "float16", "int32"]),
    st.sampled_from(["as it is", "transposed", "every other", "expanded"]),
    st.sampled_from([1, 1, sums.FEW]),  # as if as few elements were not worth a call of BLAS
    st.integers(0, 99),
)
def test_sums_are_those_of_numpy(shape_and_axes, keepdims, dtype, layout, few, seed):
    shape, axes = shape_and_axes
    array = np.random.default_rng(seed).uniform(-9, 9, shape).astype(dtype)
    if layout == "transposed":
        array = np.asfortranarray(array)
    elif layout == "every other" and shape:
        array = np.stack([array.T, array.T], -1)[..., 0].T
    elif layout == "expanded" and shape:
        array = np.broadcast_to(array[:1], shape)
    accumulated = {"float16": np.dtype("float32"), "int32": np.dtype("int64")}.get(dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sums, "FEW", few)
        found = sums.reduce(np.add, array, axes, keepdims, accumulated)
        if array.size:
            for ufunc, operand in ((np.maximum, array), (np.logical_and, array), (np.multiply, array.astype(np.int64))):
                exact = sums.reduce(ufunc, operand, axes, keepdims)
                np.testing.assert_array_equal(exact, ufunc.reduce(operand, axes, keepdims=keepdims))
                assert exact.dtype == ufunc.reduce(operand, axes).dtype
                assert np.ndim(exact) == 0 or exact.flags.c_contiguous
    expected = array.sum(axes, np.float64, keepdims=keepdims)
    assert found.shape == expected.shape
    assert not np.shares_memory(found, array)
    assert np.ndim(found) == 0 or found.flags.c_contiguous
    assert found.dtype == (accumulated or array.dtype)
    scale = np.abs(array).sum(axes, np.float64, keepdims=keepdims)
    rounding = np.finfo(found.dtype).eps / 2 if found.dtype.kind == "f" else 0
    assert (np.abs(found - expected) <= sums._LONGEST * rounding * scale).all()


@pytest.mark.parametrize("special", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("shape", [(3000, 5), (100, 100), (5, 3000), (2, 1500, 3)])
def test_what_is_not_finite_stays_in_its_sum(shape, special):
    array = np.ones(shape, np.float32)
    array[0, 1] = special
    for axis in range(array.ndim):
        expected = array.sum(axis)
        np.testing.assert_array_equal(sums.reduce(np.add, array, (axis,)), expected)


def test_many_small_numbers_are_not_lost_in_the_total():
    many = tg.full((1_000_000, 3), 0.1)
    assert many.sum(0)[0].item() == pytest.approx(100_000, rel=1e-6)
    assert many.mean(0)[0].item() == pytest.approx(0.1, rel=2e-6)
    assert many.var(0)[0].item() < 1e-12
    assert many.softmax(0).sum(0)[0].item() == pytest.approx(1, rel=1e-6)
    assert many.cumsum(0)[-1, 0].item() == pytest.approx(100_000, rel=1e-6)
    weight = tg.full((3,), 0.1, requires_grad=True)
    (many * weight).sum().backward()
    assert weight.grad[0].item() == pytest.approx(100_000, rel=1e-6)


def test_nor_where_they_do_not_lie_together():
    expanded = tg.tensor(0.1).expand(1_000_000, 3)
    for many in (expanded, expanded.clone()[:, :2], expanded.t().clone().t(), expanded.clone().flip(0)[1:, ::2]):
        assert many.mean(0)[0].item() == pytest.approx(0.1, rel=2e-6)
    bias = tg.zeros(3, requires_grad=True)
    (expanded + bias).mean().backward()
    assert bias.grad[0].item() == pytest.approx(1 / 3, rel=1e-6)
