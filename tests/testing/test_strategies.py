from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import tinygrad_np as tg
from tinygrad_np.testing import (
    LAYOUTS,
    NONZERO,
    Domain,
    axes,
    broadcastable_shapes,
    broadcastable_tensors,
    contiguous,
    expanded,
    flipped,
    gradient_test,
    read_only,
    shapes,
    strided,
    tensors,
    transposed,
)

# ---- domains -------------------------------------------------------------------------------------------------------


@given(low=st.floats(-100, 100), width=st.floats(0.125, 100), kink=st.floats(-100, 100))
def test_values_of_a_domain_are_inside_and_off_the_kinks(low, width, kink):
    domain = Domain(low, low + width, exclude=(kink,), margin=width / 20)
    values = np.array(domain.values())
    assert len(set(values)) == len(values) > 50
    assert values.min() >= low
    assert values.max() <= low + width
    assert np.abs(values - kink).min() >= width / 20
    assert np.array_equal(values, values.astype(np.float32)), "exact in float32"


def test_values_of_a_domain_are_simplest_first():
    assert Domain(-1, 1).values()[:5] == (0.0, 1.0, -1.0, 0.5, -0.5)


def test_distinct_values_are_a_margin_apart():
    values = sorted(Domain(0, 3, margin=0.2, distinct=True).values())
    assert min(np.diff(values)) >= 0.2
    assert len(values) >= 12


def test_an_empty_domain_says_so():
    with pytest.raises(ValueError, match="leaves no values"):
        Domain(0, 1, exclude=(0.5,), margin=1).values()


# ---- layouts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS if layout is not expanded])
@pytest.mark.parametrize("shape", [(), (0, 2), (1,), (2, 3), (2, 1, 3)])
def test_layouts_keep_the_values(layout, shape):
    array = np.arange(math.prod(shape), dtype=np.float32).reshape(shape)
    laid_out = layout(array)
    assert laid_out.dtype == np.float32
    np.testing.assert_array_equal(laid_out, array)
    assert not np.shares_memory(laid_out, array)


def test_layouts_are_what_they_are_called():
    array = np.arange(6.0).reshape(2, 3)
    assert contiguous(array.T).flags.c_contiguous
    assert transposed(array).strides == (8, 16)
    assert strided(array).strides == (96, 16)
    assert flipped(array).strides == (-24, -8)
    assert not read_only(array).flags.writeable
    assert expanded(array).strides == (0, 8)
    assert expanded(array).tolist() == [[0, 1, 2], [0, 1, 2]]


# ---- shapes and axes -----------------------------------------------------------------------------------------------


@given(shapes(min_ndim=1, max_ndim=4, min_side=0, max_side=5, max_size=20))
def test_shapes_keep_to_their_bounds(shape):
    assert 1 <= len(shape) <= 4
    assert all(0 <= side <= 5 for side in shape)
    assert math.prod(shape) <= 20


@given(shapes(min_side=2, max_ndim=3, max_size=12))
def test_shapes_without_small_sides(shape):
    assert all(side >= 2 for side in shape)
    assert math.prod(shape) <= 12


def drawn_from(strategy):
    """What the tests of an op will meet."""
    drawn = []

    @settings(max_examples=300, phases=[Phase.generate])
    @given(strategy)
    def note(value):
        drawn.append(value)

    note()
    return drawn


def test_shapes_are_of_all_kinds():
    drawn = drawn_from(shapes())
    assert {len(shape) for shape in drawn} == {0, 1, 2, 3}
    assert {side for shape in drawn for side in shape} == {0, 1, 2, 3, 4}
    assert any(len(shape) > 1 and shape[0] < shape[1] for shape in drawn)
    assert any(len(shape) > 1 and shape[0] > shape[1] > 1 for shape in drawn)
    assert 10 < sum(0 in shape for shape in drawn) < 100


@given(broadcastable_shapes(3))
def test_broadcastable_shapes_can_be_broadcast(drawn):
    assert math.prod(np.broadcast_shapes(*drawn)) <= 12


def test_broadcasting_is_of_all_kinds():
    drawn = drawn_from(broadcastable_shapes())
    assert any(a == b and len(a) > 1 for a, b in drawn)
    assert any(0 < len(a) < len(b) for a, b in drawn)
    assert any(len(a) > len(b) > 0 for a, b in drawn)
    same_ndim = [list(zip(a, b, strict=True)) for a, b in drawn if len(a) == len(b)]
    assert any(any(m < n for m, n in sides) and any(m > n for m, n in sides) for sides in same_ndim), "(1, 3), (2, 1)"
    assert any(() in pair and pair != ((), ()) for pair in drawn)


@given(st.integers(0, 4), st.data())
def test_axes_are_valid(ndim, data):
    array = np.zeros((2,) * max(ndim, 1))
    assert -array.ndim <= data.draw(axes(ndim)) < array.ndim
    np.sum(array, axis=data.draw(axes(ndim, several=True, optional=True)))


@pytest.mark.parametrize("dim", [None, 0, 2, -1, (0, 2), (2, 0), (-1, 0), (0, 1, 2)])
def test_every_kind_of_axis_is_drawn(dim):
    assert find(axes(3, several=True, optional=True), lambda drawn: drawn == dim) == dim


# ---- tensors -------------------------------------------------------------------------------------------------------


@given(tensors(NONZERO, dtype=tg.float32))
def test_tensors_are_of_their_domain_and_dtype(x):
    assert isinstance(x, tg.Tensor)
    assert x.dtype == tg.float32
    assert set(x.numpy().ravel().tolist()) <= set(NONZERO.values())


@pytest.mark.parametrize(
    "flag",
    [
        lambda a: a.flags.c_contiguous and a.flags.writeable,
        lambda a: not a.flags.writeable,
        lambda a: min(a.strides) < 0,
        lambda a: 0 in a.strides,
        lambda a: a.strides == (8, 16),
        lambda a: a.strides == (96, 16),
    ],
)
def test_every_layout_is_drawn(flag):
    find(tensors(shape=(2, 3)), lambda x: flag(x.numpy()))


@given(tensors(Domain(distinct=True), shape=(12,)))
def test_distinct_elements(x):
    assert np.diff(np.sort(x.numpy())).min() >= 0.125


@given(broadcastable_tensors(NONZERO, Domain(), Domain(1, 2)))
def test_broadcastable_tensors_follow_their_domains(drawn):
    a, b, c = drawn
    np.broadcast_shapes(a.shape, b.shape, c.shape)
    assert a.numel() == 0 or abs(a.numpy()).min() > 0
    assert c.numel() == 0 or c.numpy().min() >= 1


# ---- gradient_test -------------------------------------------------------------------------------------------------

test_right = gradient_test(lambda x, y: tg.tanh(x) * y, tensors(shape=(2, 3)), tensors(shape=(3,)))
test_right_of_a_tuple = gradient_test(tg.mul, broadcastable_tensors(), order=3)
test_right_of_a_list = gradient_test(tg.stack, st.lists(tensors(shape=(2,)), min_size=1, max_size=3))


def test_a_wrong_gradient_is_found():
    def wrong_from_two_on(x):
        return tg.where(x.detach() >= 2, x.detach(), x)

    test = gradient_test(wrong_from_two_on, tensors(), settings=settings(database=None, deadline=None))
    assert test.__name__ == "test_gradient_of_wrong_from_two_on"
    with pytest.raises(
        tg.testing.GradientError, match="wrong_from_two_on: the gradient with respect to input 0 is wrong"
    ):
        test()


def test_options_reach_the_check():
    linear_to_first_order = gradient_test(lambda x: x * x.detach(), tensors(), order=0)
    linear_to_first_order()


# ---- without Hypothesis --------------------------------------------------------------------------------------------


def run_without_hypothesis(code):
    blocked = "import sys; sys.modules['hypothesis'] = None; import tinygrad_np as tg, numpy as np; "
    return subprocess.run([sys.executable, "-c", blocked + code], capture_output=True, text=True, check=False)


def test_check_gradient_needs_no_hypothesis():
    done = run_without_hypothesis("tg.testing.check_gradient(tg.exp, np.ones(2)); print('ok')")
    assert done.stdout == "ok\n", done.stderr


@pytest.mark.parametrize("use", ["tg.testing.gradient_test", "from tinygrad_np.testing import tensors"])
def test_without_hypothesis_the_error_names_the_extra(use):
    error = run_without_hypothesis(use).stderr.strip().splitlines()[-1]
    assert error.startswith("ImportError: tinygrad_np.testing.")
    assert error.endswith("needs Hypothesis: pip install 'tinygrad-np[testing]'")


def test_importing_the_package_does_not_import_hypothesis():
    code = "import sys, tinygrad_np; print('hypothesis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_every_public_name_is_there():
    assert all(hasattr(tg.testing, name) for name in tg.testing.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        tg.testing.nonsense  # noqa: B018
