"""Elementwise ops where PyTorch's conventions show: dtypes, special points, ties, errors.

Expected values are PyTorch's (2.13), unless a test says otherwise. Warnings are errors in this suite, so a
gradient that is checked here is also shown to come without NumPy's warnings.
"""

import math
import operator

import numpy as np
import pytest

import tinygrad_np as tg

INF, NAN = math.inf, math.nan


def gradients(function, *values, g=None):
    """The gradients of ``function`` with respect to each of its arguments, as lists of floats."""
    inputs = [tg.tensor(v, dtype=tg.float64, requires_grad=True) for v in values]
    out = function(*inputs)
    out.backward(tg.ones_like(out) if g is None else tg.full_like(out, g))
    return [x.grad.tolist() for x in inputs]


def assert_equal(actual, expected):
    """Equality of nested lists, in which nan equals nan."""
    np.testing.assert_array_equal(np.array(actual), np.array(expected))


# ---- dtypes ----------------------------------------------------------------------------------------------------------

DTYPES = ("bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64")
ROW = {dtype: tg.tensor([1, 2], dtype=dtype) for dtype in DTYPES}
ZERO_D = {dtype: tg.tensor(1, dtype=dtype) for dtype in DTYPES}


@pytest.mark.parametrize(
    ("input", "other", "expected"),
    [
        # Tensors with dimensions meet as equals: the higher category wins, then the wider dtype.
        (ROW["uint8"], ROW["int8"], "int16"),
        (ROW["int32"], ROW["int64"], "int64"),
        (ROW["bool"], ROW["uint8"], "uint8"),
        (ROW["int64"], ROW["float16"], "float16"),
        (ROW["float16"], ROW["float32"], "float32"),
        (ROW["float32"], ROW["float64"], "float64"),
        # A 0-d tensor or a number widens nothing in its own category ...
        (ROW["float32"], ZERO_D["float64"], "float32"),
        (ROW["int8"], ZERO_D["int64"], "int8"),
        (ROW["uint8"], 300, "uint8"),
        (ROW["float16"], 2, "float16"),
        (ROW["float16"], 1e-3, "float16"),
        (ROW["bool"], True, "bool"),
        # ... and brings its dtype from a higher one: a Python float, the default dtype.
        (ROW["int64"], ZERO_D["float64"], "float64"),
        (ROW["int64"], ZERO_D["float16"], "float16"),
        (ROW["int32"], 1.5, "float32"),
        (ROW["bool"], 2, "int64"),
        (ROW["bool"], 0.5, "float32"),
        # Numbers are weaker than 0-d tensors.
        (ZERO_D["float64"], 1.5, "float64"),
        (ZERO_D["int8"], 5, "int8"),
        (ZERO_D["int8"], 1.5, "float32"),
    ],
)
def test_the_dtype_of_arithmetic(input, other, expected):
    for op in (operator.add, operator.mul):
        assert op(input, other).dtype == expected
        assert op(other, input).dtype == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_true_division_is_floating(dtype):
    expected = dtype if dtype.startswith("float") else "float32"
    assert (ROW[dtype] / ROW[dtype]).dtype == expected
    assert (1 / ROW[dtype]).dtype == expected
    assert (ROW[dtype] / 2).dtype == expected


def test_the_default_dtype_is_that_of_divided_integers_and_of_python_floats():
    tg.set_default_dtype(tg.float64)
    try:
        assert (ROW["int32"] / ROW["int32"]).dtype == tg.float64
        assert (ROW["int32"] * 0.5).dtype == tg.float64
        assert tg.exp(ROW["int32"]).dtype == tg.float64
    finally:
        tg.set_default_dtype(tg.float32)


@pytest.mark.parametrize(
    "name",
    ["exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "rsqrt", "reciprocal", "sin", "cos", "tanh", "sigmoid"],
)
def test_transcendental_functions_make_floats_of_integers_and_keep_floats(name):
    function = getattr(tg, name)
    for dtype in DTYPES:
        assert function(tg.tensor([1, 1], dtype=dtype)).dtype == (dtype if dtype.startswith("float") else "float32")


@pytest.mark.parametrize("name", ["neg", "abs", "sign", "floor", "ceil", "trunc", "round", "relu", "square"])
def test_other_functions_keep_integers(name):
    function = getattr(tg, name)
    for dtype in DTYPES:
        if dtype != "bool":
            assert function(ROW[dtype]).dtype == dtype


def test_rounding_integers_gives_new_memory():
    x = tg.tensor([1, 2])
    for function in (tg.floor, tg.ceil, tg.trunc, tg.round):
        result = function(x)
        result.zero_()
        assert x.tolist() == [1, 2]


def test_integers_wrap_around_in_their_dtype():
    assert (tg.tensor([200], dtype=tg.uint8) + 100).tolist() == [44]
    assert (tg.tensor([44], dtype=tg.uint8) == 300).tolist() == [True]


@pytest.mark.parametrize(
    ("result", "dtype", "values"),
    [
        (lambda: tg.tensor([2, 3]) ** 2, "int64", [4, 9]),
        (lambda: tg.tensor([2, 3]) ** 0.5, "float32", [2**0.5, 3**0.5]),
        (lambda: 2.0 ** tg.tensor([2, 3]), "float32", [4, 8]),
        (lambda: tg.tensor([True, False]) ** 2, "int64", [1, 0]),
        (lambda: tg.square(tg.tensor([True])), "int64", [1]),
        (lambda: tg.tensor([3.0], dtype=tg.float16) ** 2, "float16", [9]),
        (lambda: tg.pow(2, tg.tensor([3])), "int64", [8]),
    ],
)
def test_the_dtype_of_powers(result, dtype, values):
    assert result().dtype == dtype
    np.testing.assert_allclose(result().numpy(), values, rtol=1e-6)


def test_clamp_of_integers_to_floats_is_floating():
    result = tg.clamp(tg.tensor([1, 5]), max=2.5)
    assert (result.tolist(), result.dtype) == ([1.0, 2.5], tg.float32)


def test_numbers_that_are_chosen_must_fit_and_others_wrap_around():
    x = tg.tensor([5, 200], dtype=tg.uint8)
    for choose in (lambda n: x.clamp(max=n), lambda n: tg.where(x > 9, x, n), lambda n: tg.where(x > 9, n, x)):
        with pytest.raises(RuntimeError, match="value cannot be converted to type uint8 without overflow"):
            choose(300)
        assert choose(-1).dtype == tg.uint8
    assert (x + 300).tolist() == [49, 244]
    single, half = tg.ones(2), tg.ones(2, dtype=tg.float16)
    for choose in (
        lambda n: single.clamp(max=n),
        lambda n: single.masked_fill(single > 0, n),
        single.__getitem__(0).fill_,
    ):
        with pytest.raises(RuntimeError, match="value cannot be converted to type float32 without overflow"):
            choose(1e39)
    with pytest.raises(RuntimeError, match="value cannot be converted to type float16 without overflow"):
        half.fill_(65520)
    assert tg.where(half > 0, half, -1e9).dtype == tg.float16
    assert tg.where(half > 1, half, -1e9).tolist() == [-INF, -INF]
    half[0] = 1e9
    assert half.tolist() == [INF, 1]
    assert single.clamp(min=INF).tolist() == [INF, INF]


def test_where_promotes_numbers_as_arithmetic_does():
    condition = tg.tensor([True, False])
    assert tg.where(condition, 1, 2).dtype == tg.int64
    assert tg.where(condition, 1.0, 2).dtype == tg.float32
    assert tg.where(condition, tg.tensor([1, 2]), 2.0).dtype == tg.float32
    assert tg.where(condition, tg.tensor([1.0, 2.0], dtype=tg.float16), tg.tensor(2.0)).dtype == tg.float16


# ---- division and remainders -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["int8", "int64", "float32"])
def test_the_three_roundings_of_a_quotient(dtype):
    a = tg.tensor([-7, -6, -1, 0, 1, 6, 7], dtype=dtype)
    assert tg.div(a, 3, rounding_mode="floor").tolist() == [-3, -2, -1, 0, 0, 2, 2]
    assert tg.div(a, 3, rounding_mode="trunc").tolist() == [-2, -2, 0, 0, 0, 2, 2]
    assert tg.div(a, -3, rounding_mode="floor").tolist() == [2, 2, 0, 0, -1, -2, -3]
    assert tg.div(a, -3, rounding_mode="trunc").tolist() == [2, 2, 0, 0, 0, -2, -2]
    assert tg.div(a, 3, rounding_mode="trunc").dtype == dtype
    assert tg.div(a, 2).tolist() == [-3.5, -3, -0.5, 0, 0.5, 3, 3.5]


def test_a_remainder_has_the_sign_of_the_divisor():
    a = tg.tensor([-7.0, 7.0, -1.0])
    assert (a % 3).tolist() == [2, 1, 2]
    assert (a % -3).tolist() == [-1, -2, -1]
    assert (a % INF).tolist() == [INF, 7, INF]
    assert (7 % tg.tensor([3, -3])).tolist() == [1, -2]
    assert (7 // tg.tensor([3, -3])).tolist() == [2, -3]


@pytest.mark.parametrize(
    ("divide", "op"),
    [
        (lambda a, b: a // b, "floor_divide"),
        (lambda a, b: a % b, "remainder"),
        (lambda a, b: tg.div(a, b, rounding_mode="trunc"), "floor_divide"),
    ],
)
def test_integers_are_not_divided_by_zero(divide, op):
    with pytest.raises(RuntimeError, match=f"{op}: ZeroDivisionError"):
        divide(tg.tensor([1, 2]), tg.tensor([1, 0]))


def test_rounded_quotients_have_zero_gradient():
    for mode in ("floor", "trunc"):
        assert gradients(lambda a, b, mode=mode: tg.div(a, b, rounding_mode=mode), [7.5], [2.0]) == [[0.0], [0.0]]
    assert gradients(operator.floordiv, [7.5], [2.0]) == [[0.0], [0.0]]
    assert gradients(operator.mod, [7.5, -7.5], [2.0, 2.0]) == [[1, 1], [-3, 4]]


def test_an_unknown_rounding_mode_is_refused():
    with pytest.raises(RuntimeError, match="rounding_mode to be one of None, 'trunc', or 'floor' but found 'up'"):
        tg.div(tg.tensor([1.0]), 2, rounding_mode="up")


# ---- alpha -----------------------------------------------------------------------------------------------------------


def test_alpha_scales_the_second_operand():
    assert tg.add(tg.tensor([1.0]), tg.tensor([10.0]), alpha=0.5).tolist() == [6.0]
    assert tg.sub(tg.tensor([1]), 10, alpha=2).tolist() == [-19]
    assert tg.tensor([1]).add(1.5, alpha=1.5).tolist() == [3.25]
    assert tg.add(tg.tensor([True]), tg.tensor([True]), alpha=2).dtype == tg.bool
    assert gradients(lambda a, b: tg.sub(a, b, alpha=3), [1.0], [2.0]) == [[1.0], [-3.0]]
    assert_equal(tg.add(tg.tensor([1.0]), tg.tensor([NAN]), alpha=0).tolist(), [NAN])


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_alpha_of_integers_must_be_one(alpha):
    with pytest.raises(RuntimeError, match="sub: for integral input tensors, argument alpha must not be a floating"):
        tg.sub(tg.tensor([1]), tg.tensor([1]), alpha=alpha)


def test_a_boolean_alpha_is_for_booleans():
    with pytest.raises(RuntimeError, match="add: boolean alpha is only supported for boolean results, not for int64"):
        tg.add(tg.tensor([1]), 1, alpha=True)


# ---- powers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [-2, -1, -0.5, 0, 0.5, 1, 2, 3, 4, 1.5, 5])
def test_powers_with_a_constant_exponent(exponent):
    x = tg.tensor([0.25, 1.0, 3.0], dtype=tg.float64, requires_grad=True)
    y = x**exponent
    y.sum().backward()
    values = x.detach().numpy()
    np.testing.assert_allclose(y.detach().numpy(), values**exponent, rtol=1e-14)
    np.testing.assert_allclose(x.grad.numpy(), exponent * values ** (exponent - 1), rtol=1e-14)


def test_odd_and_even_powers_of_negative_numbers():
    x = tg.tensor([-2.0, -0.5])
    assert (x**2).tolist() == [4.0, 0.25]
    assert (x**3).tolist() == [-8.0, -0.125]
    assert (x**4).tolist() == [16.0, 0.0625]
    assert (x**-1).tolist() == [-0.5, -2.0]
    assert (x**-2).tolist() == [0.25, 4.0]


def test_the_gradients_of_powers_at_zero():
    assert gradients(lambda x: x**0, [0.0, 2.0]) == [[0.0, 0.0]]
    assert gradients(lambda x: x**1, [0.0]) == [[1.0]]
    assert gradients(lambda x: x**2, [0.0]) == [[0.0]]
    assert gradients(lambda e: 0**e, [0.0, 0.5, 2.0]) == [[0.0, 0.0, 0.0]]
    bases, exponents = gradients(operator.pow, [0.0, 0.0, 0.0, 2.0], [0.0, 1.0, 2.0, 0.0])
    assert bases == [0.0, 1.0, 0.0, 0.0]
    assert exponents == [0.0, 0.0, 0.0, math.log(2)]


def test_the_mixed_second_derivative_of_a_power_at_exponent_zero():
    # d/db (e b^(e-1)) and d/de of it: b^(e-1) (1 + e log b) is 1/b at e = 0. (PyTorch gives 0 here.)
    b = tg.tensor(2.0, dtype=tg.float64, requires_grad=True)
    e = tg.tensor(0.0, dtype=tg.float64, requires_grad=True)
    (slope,) = tg.autograd.grad(b**e, b, create_graph=True)
    (mixed,) = tg.autograd.grad(slope, e)
    assert (slope.item(), mixed.item()) == (0.0, 0.5)


def test_integers_have_no_negative_powers():
    two, minus_one = tg.tensor([2]), tg.tensor([-1])
    for base, exponent in ((two, -1), (two, minus_one), (2, minus_one)):
        with pytest.raises(RuntimeError, match="Integers to negative integer powers are not allowed"):
            base**exponent


def test_the_operator_takes_numbers_and_tensors_on_both_sides():
    x = tg.tensor([1.0, 2.0])
    assert (2**x).tolist() == [2.0, 4.0]
    assert (x**x).tolist() == [1.0, 4.0]
    assert x.pow(exponent=2).tolist() == [1.0, 4.0]


# ---- functions at special points -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "points", "values", "slopes"),
    [
        ("abs", [-2.0, 0.0, 3.0, -INF], [2.0, 0.0, 3.0, INF], [-1, 0, 1, -1]),
        ("sign", [-2.0, 0.0, INF], [-1, 0, 1], [0, 0, 0]),
        ("relu", [-1.0, 0.0, 2.0, INF], [0, 0, 2, INF], [0, 0, 1, 1]),
        ("floor", [-1.5, 1.5, INF], [-2, 1, INF], [0, 0, 0]),
        ("ceil", [-1.5, 1.5, -INF], [-1, 2, -INF], [0, 0, 0]),
        ("trunc", [-1.5, 1.5], [-1, 1], [0, 0]),
        ("round", [-0.5, 0.5, 1.5, 2.5], [0, 0, 2, 2], [0, 0, 0, 0]),
        ("sigmoid", [-INF, 0.0, INF], [0, 0.5, 1], [0, 0.25, 0]),
        ("tanh", [-INF, 0.0, INF], [-1, 0, 1], [0, 1, 0]),
        ("exp", [-INF, 0.0], [0, 1], [0, 1]),
        ("expm1", [-INF, 0.0], [-1, 0], [0, 1]),
        ("log1p", [0.0, INF], [0, INF], [1, 0]),
        ("sqrt", [1.0, 4.0, INF], [1, 2, INF], [0.5, 0.25, 0]),
        ("rsqrt", [1.0, 4.0, INF], [1, 0.5, 0], [-0.5, -0.0625, 0]),
        ("reciprocal", [2.0, INF], [0.5, 0], [-0.25, 0]),
        ("square", [-3.0, 0.0], [9, 0], [-6, 0]),
    ],
)
def test_values_and_gradients_at_special_points(name, points, values, slopes):
    function = getattr(tg, name)
    assert_equal(function(tg.tensor(points, dtype=tg.float64)).tolist(), values)
    assert_equal(gradients(function, points), [slopes])


@pytest.mark.parametrize("name", ["relu", "abs", "sign", "floor", "exp", "log", "sqrt", "sigmoid", "tanh", "sin"])
def test_nan_stays_nan(name):
    assert math.isnan(getattr(tg, name)(tg.tensor(NAN)).item())


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_infinite_slopes():
    assert gradients(tg.sqrt, [0.0]) == [[INF]]
    assert gradients(tg.log, [0.0]) == [[INF]]
    assert gradients(tg.reciprocal, [0.0]) == [[-INF]]
    assert gradients(lambda a, b: a / b, [1.0], [0.0]) == [[INF], [-INF]]


def test_sigmoid_is_exact_far_out_and_never_overflows():
    x = tg.tensor([-1000.0, -50.0, 50.0, 1000.0], requires_grad=True)
    y = tg.sigmoid(x)
    y.sum().backward()
    np.testing.assert_allclose(y.detach().numpy(), [0, math.exp(-50), 1, 1], rtol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), [0, math.exp(-50), 0, 0], rtol=1e-6)


def test_a_gradient_that_relu_blocks_may_be_infinite():
    assert gradients(tg.relu, [-1.0, 0.0, 1.0], g=INF) == [[0, 0, INF]]
    assert_equal(gradients(tg.relu, [-1.0, 1.0], g=NAN), [[0, NAN]])


def test_relu_does_not_hide_nan():
    assert_equal(gradients(tg.relu, [NAN, -1.0, 1.0], g=2.0), [[2, 0, 2]])
    assert_equal(gradients(tg.relu, [NAN, -1.0, 1.0], g=NAN), [[NAN, 0, NAN]])


def test_rounding_to_decimals():
    assert tg.round(tg.tensor([0.125, 2.5, 1234.0], dtype=tg.float64), decimals=2).tolist() == [0.12, 2.5, 1234.0]
    assert tg.round(tg.tensor([15.0, 25.0]), decimals=-1).tolist() == [20.0, 20.0]
    with pytest.raises(RuntimeError, match="round: decimals=1 is not implemented for dtype int64"):
        tg.round(tg.tensor([15]), decimals=1)


def test_the_positive_of_a_tensor_is_itself():
    x = tg.tensor([1.0])
    assert +x is x


@pytest.mark.parametrize(
    "function",
    [
        tg.neg,
        tg.positive,
        tg.abs,
        tg.floor,
        tg.ceil,
        tg.trunc,
        tg.round,
        tg.relu,
        lambda mask: mask - mask,
        lambda mask: mask // mask,
        lambda mask: mask % mask,
        lambda mask: mask**mask,
    ],
)
def test_bools_are_no_numbers(function):
    with pytest.raises(RuntimeError, match="not implemented for bool tensors"):
        function(tg.tensor([True, False]))


# ---- maximum, minimum, clamp, where ----------------------------------------------------------------------------------


def test_ties_of_maximum_and_minimum_share_the_gradient():
    a, b = [1.0, 2.0, 3.0, INF], [2.0, 2.0, 1.0, INF]
    assert gradients(tg.maximum, a, b) == [[0, 0.5, 1, 0.5], [1, 0.5, 0, 0.5]]
    assert gradients(tg.minimum, a, b) == [[1, 0.5, 0, 0.5], [0, 0.5, 1, 0.5]]


def test_nan_wins_maximum_and_minimum():
    for function in (tg.maximum, tg.minimum):
        assert_equal(function(tg.tensor([NAN, 1.0]), tg.tensor([1.0, NAN])).tolist(), [NAN, NAN])
        assert gradients(function, [NAN, 1.0], [1.0, NAN]) == [[1, 1], [1, 1]]


def test_clamp_passes_gradient_on_its_bounds_and_inside():
    assert gradients(lambda x: tg.clamp(x, 0, 1), [-1.0, 0.0, 0.5, 1.0, 2.0, NAN]) == [[0, 1, 1, 1, 0, 0]]
    assert gradients(lambda x: tg.clamp(x, min=0), [-1.0, 0.0, 2.0]) == [[0, 1, 1]]
    assert gradients(lambda x: tg.clamp(x, max=0), [-1.0, 0.0, 2.0]) == [[1, 1, 0]]


def test_clamp_gives_the_gradient_outside_to_the_bound():
    low, high = [1.0, 1.0, 1.0, 1.0, 3.0, 3.0], [3.0, 3.0, 3.0, 3.0, 1.0, 1.0]
    x = [0.0, 1.0, 3.0, 4.0, 2.0, 0.0]
    assert gradients(tg.clamp, x, low, high) == [[0, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1]]
    assert gradients(tg.clamp, x, low) == [[0, 1, 1, 1, 0, 0], [1, 0, 0, 0, 1, 1]]
    assert gradients(lambda x, high: tg.clamp(x, max=high), x, high) == [[1, 1, 1, 0, 0, 1], [0, 0, 0, 1, 1, 0]]


def test_values_of_clamp():
    x = tg.tensor([-1.0, 0.5, 2.0, NAN])
    assert_equal(tg.clamp(x, 0, 1).tolist(), [0, 0.5, 1, NAN])
    assert_equal(x.clamp(min=0).tolist(), [0, 0.5, 2, NAN])
    assert_equal(x.clip(max=tg.tensor([0.0, 1.0, 1.0, 1.0])).tolist(), [-1, 0.5, 1, NAN])
    assert_equal(tg.clamp(x, 3, 1).tolist(), [1, 1, 1, NAN])


def test_clamp_needs_a_bound():
    with pytest.raises(RuntimeError, match="clamp: At least one of 'min' or 'max' must not be None"):
        tg.clamp(tg.tensor([1.0]))


def test_where_sends_the_gradient_to_what_was_chosen():
    choose = tg.tensor([True, False])
    assert gradients(lambda a, b: tg.where(choose, a, b), [1.0, 2.0], [3.0, 4.0]) == [[1, 0], [0, 1]]
    assert gradients(lambda a, b: a.where(choose, b), [1.0, 2.0], [[3.0], [4.0]]) == [[2, 0], [[1], [1]]]
    # The blocked branch takes no part, however large its slope.
    assert gradients(lambda a, b: tg.where(choose, a, b), [1.0, 2.0], [3.0, 4.0], g=INF) == [[INF, 0], [0, INF]]


def test_where_of_a_condition_gives_the_indices_where_it_holds():
    rows, columns = tg.where(tg.tensor([[0.0, 2.0], [3.0, 0.0]]))
    assert (rows.tolist(), columns.tolist(), rows.dtype) == ([0, 1], [1, 0], tg.int64)
    assert [index.tolist() for index in tg.where(tg.tensor(True))] == [[0]]


def test_errors_of_where():
    x = tg.tensor([1.0])
    with pytest.raises(RuntimeError, match="where expected condition to be a boolean tensor, .* dtype int64"):
        tg.where(tg.tensor([1]), x, x)
    with pytest.raises(TypeError, match=r"where\(\): argument 'condition' must be Tensor, not bool"):
        tg.where(True, x, x)
    with pytest.raises(TypeError, match="both 'input' and 'other' or neither"):
        tg.where(tg.tensor([True]), x)


# ---- comparisons and logic -------------------------------------------------------------------------------------------


def test_comparisons_with_nan_are_false_but_for_ne():
    x = tg.tensor([NAN, 1.0])
    assert [op(x, x).tolist()[0] for op in (tg.eq, tg.lt, tg.le, tg.gt, tg.ge, tg.ne)] == [False] * 5 + [True]


def test_comparisons_are_outside_the_graph():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    assert not (x > 1).requires_grad
    assert (x > 1).dtype == tg.bool


def test_numbers_are_compared_in_the_dtype_of_the_tensor():
    assert (tg.tensor([0.1]) == 0.1).tolist() == [True]
    assert operator.gt(0.5, tg.tensor([0, 1])).tolist() == [True, False]


@pytest.mark.parametrize("other", [None, "a", [1, 2], object()])
def test_what_is_no_number_is_unequal_by_the_operators_only(other):
    x = tg.tensor([1, 2])
    assert (x == other) is False
    assert (x != other) is True
    assert x in [other, x]
    with pytest.raises(TypeError, match="not supported between instances of 'Tensor' and"):
        x < other  # noqa: B015
    with pytest.raises(TypeError, match=r"eq\(\): argument 'other' must be Tensor or number, not"):
        tg.eq(x, other)


def test_equal_compares_whole_tensors():
    assert tg.equal(tg.tensor([1, 2]), tg.tensor([1.0, 2.0])) is True
    assert tg.equal(tg.tensor([1, 2]), tg.tensor([[1, 2]])) is False
    assert tg.equal(tg.tensor([NAN]), tg.tensor([NAN])) is False
    with pytest.raises(TypeError, match=r"equal\(\): argument 'other' must be Tensor, not int"):
        tg.equal(tg.tensor([1]), 1)


def test_closeness():
    a = tg.tensor([1.0, 1.0, INF, INF, NAN])
    b = tg.tensor([1.0 + 5e-6, 1.1, INF, 1.0, NAN])
    assert tg.isclose(a, b).tolist() == [True, False, True, False, False]
    assert tg.isclose(a, b, equal_nan=True).tolist()[4] is True
    assert tg.isclose(a, b, atol=0.2).tolist()[1] is True
    assert tg.isclose(tg.tensor([1, 5]), tg.tensor([2, 5])).tolist() == [False, True]
    assert tg.allclose(a[:1], b[:1]) is True
    assert tg.allclose(a, b) is False


def test_errors_of_closeness():
    x = tg.tensor([1.0, 2.0])
    with pytest.raises(RuntimeError, match="isclose: the dtypes .* are float32 and float64"):
        tg.allclose(x, x.double())
    with pytest.raises(RuntimeError, match="isclose: rtol must be greater than or equal to zero, but got -1"):
        tg.isclose(x, x, rtol=-1)
    with pytest.raises(RuntimeError, match=r"isclose: The size of tensor a \(2\) must match .* b \(3\)"):
        tg.isclose(x, tg.ones(3))


def test_logic_reads_numbers_as_truth_values():
    a, b = tg.tensor([0.0, 0.5, NAN, 0.0]), tg.tensor([0, 1, 0, 2])
    assert tg.logical_and(a, b).tolist() == [False, True, False, False]
    assert tg.logical_or(a, b).tolist() == [False, True, True, True]
    assert tg.logical_xor(a, b).tolist() == [False, False, True, True]
    assert tg.logical_not(a).tolist() == [True, False, False, True]


def test_bits_and_truth_values_by_operator():
    n, mask = tg.tensor([6, 3]), tg.tensor([True, False])
    assert [(n & 5).tolist(), (n | 8).tolist(), (1 ^ n).tolist(), (~n).tolist()] == [[4, 1], [14, 11], [7, 2], [-7, -4]]
    assert [(mask & True).tolist(), (mask | False).tolist()] == [[True, False], [True, False]]
    assert (~mask).tolist() == [False, True]
    assert (mask ^ True).dtype == tg.bool
    assert (mask & 1).dtype == tg.int64


@pytest.mark.parametrize("operate", [lambda x: x & x, lambda x: x | 1, lambda x: ~x])
def test_floats_have_no_bits(operate):
    with pytest.raises(RuntimeError, match="bitwise_.*: not implemented for dtypes float32"):
        operate(tg.tensor([1.0]))


# ---- copies and casts ------------------------------------------------------------------------------------------------


def test_clone_is_contiguous_memory_of_its_own():
    x = tg.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    copied = x.T.clone()
    assert copied.is_contiguous()
    copied.zero_()
    assert x.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert gradients(lambda x: 2 * x.clone(), [1.0, 2.0]) == [[2, 2]]


def test_casts_between_floats_pass_the_gradient_in_the_dtype_of_the_input():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = x.double()
    assert (y.dtype, y.requires_grad) == (tg.float64, True)
    (y * y).sum().backward()
    assert (x.grad.tolist(), x.grad.dtype) == ([2, 4], tg.float32)


def test_a_cast_to_integers_leaves_the_graph():
    x = tg.tensor([1.7, -1.7], requires_grad=True)
    for dtype in (tg.int64, tg.uint8, tg.bool):
        assert not x[:1].to(dtype).requires_grad
    assert x.long().tolist() == [1, -1]


def test_a_cast_to_the_same_dtype_is_the_tensor_itself():
    x = tg.tensor([1.0])
    assert x.float() is x
    assert x.to(tg.float32, copy=True) is not x


# ---- wrong arguments -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "floor_divide", "remainder", "pow", "maximum", "minimum"])
def test_shapes_that_do_not_broadcast_are_named(name):
    message = rf"{name}: The size of tensor a \(2\) must match .* b \(3\) .* \[4, 2\] and \[3\]"
    with pytest.raises(RuntimeError, match=message):
        getattr(tg, name)(tg.ones(4, 2), tg.ones(3))


@pytest.mark.parametrize("other", [None, "1", [1.0], 1j])
@pytest.mark.parametrize("name", ["add", "mul", "true_divide", "pow", "maximum", "lt", "logical_and"])
def test_operands_must_be_tensors_or_numbers(name, other):
    with pytest.raises(TypeError, match=rf"\(\): argument '\w+' must be Tensor or number, not {type(other).__name__}"):
        getattr(tg, name)(tg.ones(2), other)


@pytest.mark.parametrize("name", ["exp", "neg", "relu", "round", "isnan", "clone"])
def test_functions_of_one_tensor_take_a_tensor(name):
    with pytest.raises(TypeError, match=rf"{name}\(\): argument 'input' must be Tensor, not float"):
        getattr(tg, name)(1.0)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "bool"])
@pytest.mark.parametrize("size", [100, 5000])
def test_choosing_among_many_is_as_among_few(size, dtype):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, 2)).astype(dtype) for _ in range(2))
    if a.dtype.kind == "f":
        a[::7], b[::5] = NAN, -INF
    mask = rng.random((size, 2)) < 0.5
    for other in (b, b[:1], b[0, 0], np.asfortranarray(b)):
        for left, right in [(a, other), (other, a)]:
            expected = np.where(mask, left, right)
            chosen = tg.where(tg.from_numpy(mask), tg.tensor(left), tg.tensor(right)).numpy()
            np.testing.assert_array_equal(chosen, expected, strict=True)
    both_small = tg.where(tg.from_numpy(mask), tg.tensor(a[0]), tg.tensor(b[0, 0])).numpy()
    np.testing.assert_array_equal(both_small, np.where(mask, a[0], b[0, 0]), strict=True)
    narrow = tg.from_numpy(mask[:, :1].copy())
    np.testing.assert_array_equal(tg.where(narrow, tg.tensor(a), tg.tensor(b)).numpy(), np.where(mask[:, :1], a, b))
    np.testing.assert_array_equal(tg.tensor(a).masked_fill(tg.from_numpy(mask), 1).numpy(), np.where(mask, 1, a))
