"""Reductions where PyTorch's conventions show: dtypes, dims, no elements, ties, NaN and infinities, errors.

Expected values are PyTorch's (2.13), unless a test says otherwise. Warnings are errors in this suite, so what is
checked here is also shown to come without NumPy's warnings.
"""

import math

import numpy as np
import pytest

import tinygrad_np as tg
from tests.ops.derivatives import gradient

INF, NAN = math.inf, math.nan


def hessian(function, value):
    """The second derivatives of a function of a vector to a number."""
    x = tg.tensor(value, dtype=tg.float64, requires_grad=True)
    (slope,) = tg.autograd.grad(function(x), x, create_graph=True)
    return [tg.autograd.grad(s, x, retain_graph=True)[0].tolist() for s in slope]


def assert_close(actual, expected, rtol=1e-6):
    """Closeness of nested lists, in which nan equals nan."""
    np.testing.assert_allclose(np.array(actual), np.array(expected), rtol=rtol, atol=1e-12)


@pytest.mark.parametrize(
    "name",
    ["sum", "mean", "prod", "amax", "amin", "var", "std", "norm", "logsumexp"]
    + ["softmax", "log_softmax", "cumsum", "all", "any", "argmax"],
)
def test_results_are_contiguous_whatever_the_layout(name):
    x = tg.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1)
    for dim in range(3):
        assert getattr(x, name)(dim=dim).is_contiguous()


# ---- dtypes ----------------------------------------------------------------------------------------------------------

INTEGRAL = ("bool", "uint8", "int8", "int32", "int64")
FLOATING = ("float16", "float32", "float64")


@pytest.mark.parametrize("name", ["sum", "prod", "cumsum"])
@pytest.mark.parametrize("dtype", INTEGRAL + FLOATING)
def test_sums_and_products_of_integers_are_int64(name, dtype):
    x = tg.ones(3).to(getattr(tg, dtype))
    expected = tg.int64 if dtype in INTEGRAL else x.dtype
    assert getattr(x, name)(0).dtype == expected


@pytest.mark.parametrize("dtype", FLOATING)
@pytest.mark.parametrize("name", ["mean", "var", "std", "logsumexp", "softmax", "log_softmax", "norm", "amax"])
def test_floating_point_stays_as_it_is(name, dtype):
    x = tg.ones(2, 3).to(getattr(tg, dtype))
    assert getattr(x, name)(dim=1).dtype == x.dtype


@pytest.mark.parametrize("name", ["mean", "var", "std", "softmax", "log_softmax", "norm"])
@pytest.mark.parametrize("dtype", INTEGRAL)
def test_what_would_not_be_whole_refuses_integers(name, dtype):
    with pytest.raises(RuntimeError, match="floating point"):
        getattr(tg.ones(3).to(getattr(tg, dtype)), name)(dim=0)


def test_logsumexp_makes_integers_floating_point():
    assert tg.tensor([1, 2]).logsumexp(0).dtype == tg.float32


@pytest.mark.parametrize("name", ["sum", "prod", "cumsum"])
def test_an_integer_dtype_that_is_asked_for_is_that_of_the_result(name):
    x = tg.tensor([100, 3], dtype=tg.uint8)
    result = getattr(x, name)(0, dtype=tg.uint8)
    assert result.dtype == tg.uint8
    assert result.reshape(-1)[-1].item() == {"sum": 103, "prod": 300 % 256, "cumsum": 103}[name]


@pytest.mark.parametrize(("name", "expected"), [("sum", True), ("prod", False)])
def test_the_sum_and_the_product_of_bools_as_a_bool(name, expected):
    assert getattr(tg.tensor([0, 2]), name)(dtype=tg.bool).equal(tg.tensor(expected))


@pytest.mark.parametrize("name", ["sum", "mean", "prod"])
def test_dtype_is_cast_to_before_the_reduction(name):
    assert getattr(tg.tensor([1, 2]), name)(dtype=tg.float64).dtype == tg.float64
    assert getattr(tg.tensor([1, 2]), name)(0, dtype=tg.float16).dtype == tg.float16


def test_dtype_is_cast_to_before_the_functions_along_a_dim():
    assert tg.tensor([1, 2]).softmax(0, dtype=tg.float64).dtype == tg.float64
    assert tg.tensor([1, 2]).log_softmax(0, dtype=tg.float32).dtype == tg.float32
    assert tg.tensor([1.5, 1.5]).cumsum(0, dtype=tg.int64).tolist() == [1, 2]


def test_half_precision_is_accumulated_in_single():
    ones = tg.ones(5000, dtype=tg.float16)  # from 2048 on, float16 cannot count
    assert ones.sum().item() == 5000
    assert ones.cumsum(0)[-1].item() == 5000
    assert (300 * ones).mean().item() == 300  # whose sum float16 cannot hold
    assert (300 * ones[:4]).norm().item() == 600
    assert (200 * ones[:4] * tg.tensor([1, -1, 1, -1], dtype=tg.float16)).std(correction=0).item() == 200


def test_all_and_any_of_uint8_are_uint8():
    x = tg.tensor([0, 2], dtype=tg.uint8)
    assert (x.all().dtype, x.any().dtype) == (tg.uint8, tg.uint8)
    assert (x.all().item(), x.any().item()) == (0, 1)
    assert tg.tensor([0.0, 2.0]).any().dtype == tg.bool


# ---- dims ------------------------------------------------------------------------------------------------------------

OVER_SEVERAL = ["sum", "mean", "amax", "amin", "var", "std", "norm", "all", "any"]


@pytest.mark.parametrize("name", OVER_SEVERAL)
def test_dims_may_be_several_and_negative(name):
    x = tg.arange(24.0).reshape(2, 3, 4)
    assert getattr(x, name)(dim=(0, -1)).shape == (3,)
    assert getattr(x, name)(dim=[0, -1]).shape == (3,)
    assert getattr(x, name)(dim=(0, -1), keepdim=True).shape == (1, 3, 1)
    assert getattr(x, name)(dim=(0, -1)).tolist() == getattr(x, name)(dim=(2, 0)).tolist()


@pytest.mark.parametrize("name", [*OVER_SEVERAL, "logsumexp"])
def test_a_dim_that_is_named_twice_is_an_error(name):
    with pytest.raises(RuntimeError, match="dim 1 appears multiple times"):
        getattr(tg.zeros(2, 3), name)(dim=(1, -1))


@pytest.mark.parametrize(
    "name", [*OVER_SEVERAL, "max", "prod", "argmax", "logsumexp", "cumsum", "softmax", "log_softmax"]
)
def test_a_dim_that_is_not_there_is_an_error(name):
    with pytest.raises(IndexError, match=r"Dimension out of range \(expected to be in range of \[-2, 1\], but got 2\)"):
        getattr(tg.zeros(2, 3), name)(dim=2)
    with pytest.raises(IndexError, match=r"expected to be in range of \[-1, 0\], but got -2"):
        getattr(tg.tensor(1.0), name)(dim=-2)


@pytest.mark.parametrize("name", [*OVER_SEVERAL, "prod", "argmax", "logsumexp", "cumsum", "softmax"])
@pytest.mark.parametrize("dim", [0, -1])
def test_a_0d_tensor_has_the_dims_0_and_minus_1(name, dim):
    if name in ("var", "std"):  # of one element, see below
        assert getattr(tg.tensor(2.0), name)(dim=dim).shape == ()
    else:
        expected = {"argmax": 0, "softmax": 1, "all": True, "any": True}.get(name, 2.0)
        assert getattr(tg.tensor(2.0), name)(dim=dim).tolist() == expected


@pytest.mark.parametrize("name", ["sum", "mean", "amax", "var"])
def test_no_dims_mean_all(name):
    assert getattr(tg.ones(2, 3), name)(dim=()).shape == ()


def test_no_dims_mean_none_for_all_and_any():
    x = tg.tensor([0, 2])
    assert x.all(dim=()).tolist() == x.any(dim=()).tolist() == [False, True]


def test_numpy_names_are_understood():
    x = tg.arange(6.0).reshape(2, 3)
    assert x.sum(axis=1, keepdims=True).shape == (2, 1)
    assert x.max(axis=1, keepdims=True).values.shape == (2, 1)
    assert x.std(axis=0, keepdims=True).shape == (1, 3)
    assert x.norm(axis=1).shape == (2,)
    with pytest.raises(TypeError, match="both 'dim' and 'axis'"):
        x.max(dim=1, axis=1)


# ---- no elements -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [("sum", 0), ("prod", 1), ("mean", NAN), ("var", NAN), ("std", NAN), ("norm", 0), ("all", True), ("any", False)],
)
def test_reductions_of_nothing(name, expected):
    assert_close(getattr(tg.zeros(0), name)().item(), expected)
    assert getattr(tg.zeros(3, 0), name)(dim=0).shape == (0,)
    assert_close(getattr(tg.zeros(3, 0), name)(dim=1).tolist(), [expected] * 3)


def test_exponential_sums_of_nothing():
    assert tg.zeros(0).logsumexp(0).item() == -INF
    for name in ("softmax", "log_softmax", "cumsum"):
        assert getattr(tg.zeros(0, 3), name)(0).shape == (0, 3)


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin", "argmax", "argmin"])
def test_nothing_has_no_extreme(name):
    with pytest.raises(
        IndexError if "arg" in name else RuntimeError, match=r"m(ax|in)\(\): Expected reduction dim to be"
    ):
        getattr(tg.zeros(0, 3), name)()
    with pytest.raises(IndexError, match=rf"{name}\(\): Expected reduction dim 0 to have non-zero size"):
        getattr(tg.zeros(0, 3), name)(dim=0)
    out = getattr(tg.zeros(0, 3), name)(dim=1)
    assert (out.values if name in ("max", "min") else out).shape == (0,)


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "logsumexp", "cumsum", "softmax"])
def test_the_gradient_of_nothing_is_nothing(name):
    x = tg.zeros(0, 3, requires_grad=True)
    getattr(x, name)(0).sum().backward()
    assert x.grad.shape == (0, 3)


def test_the_second_derivative_of_a_product_of_nothing():
    x = tg.zeros(0, 2, requires_grad=True)
    (slope,) = tg.autograd.grad((x.prod(0) ** 2).sum(), x, create_graph=True)
    assert slope.shape == (0, 2)


# ---- products --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (64, 64), (65, 64)])  # small and large, which are spread otherwise
@pytest.mark.parametrize("dim", [None, 0, -1])
@pytest.mark.parametrize("keepdim", [False, True])
def test_sums_and_means_spread_their_gradient_evenly(shape, dim, keepdim):
    x = tg.ones(shape, requires_grad=True)
    sums = x.sum(dim, keepdim)
    weights = tg.arange(1, sums.numel() + 1, dtype=tg.float32).reshape(sums.shape)
    (sums * weights).sum().backward()
    along = weights if dim is None or keepdim or not shape else weights.unsqueeze(dim)
    assert x.grad.tolist() == along.expand(shape).tolist()
    (gradient,) = tg.autograd.grad((x.mean(dim, keepdim) * weights).sum(), x)
    assert tg.allclose(gradient * (x.numel() // sums.numel()), x.grad)
    assert x.grad.data_ptr() != gradient.data_ptr()


def test_the_gradient_of_a_product_at_zeros():
    assert gradient(lambda x: x.prod(), [2.0, 0.0, 3.0]) == [0, 6, 0]
    assert gradient(lambda x: x.prod(), [2.0, 0.0, 0.0]) == [0, 0, 0]
    assert gradient(lambda x: x.prod(0), [[1.0, 0.0], [0.0, 0.0], [5.0, 7.0]]) == [[0, 0], [5, 0], [0, 0]]
    assert gradient(lambda x: x.prod(1, keepdim=True), [[0.0, 4.0], [2.0, 3.0]]) == [[4, 0], [3, 2]]


def test_the_second_derivative_of_a_product_at_zeros():
    assert hessian(lambda x: x.prod(), [0.0, 2.0, 3.0]) == [[0, 3, 2], [3, 0, 0], [2, 0, 0]]
    assert hessian(lambda x: x.prod(), [0.0, 0.0, 3.0]) == [[0, 3, 0], [3, 0, 0], [0, 0, 0]]
    pairs = [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
    assert hessian(lambda x: x.reshape(2, 2).prod(1, keepdim=True).sum(), [0.0, 2.0, 3.0, 5.0]) == pairs


def test_a_product_over_several_dims_and_its_gradient():  # which PyTorch does not take
    x = np.arange(1.0, 13.0).reshape(2, 3, 2)
    assert tg.tensor(x).prod((0, -1)).tolist() == x.prod((0, 2)).tolist()
    assert_close(gradient(lambda t: t.prod((0, -1)), x), x.prod((0, 2), keepdims=True) / x)


# ---- extremes --------------------------------------------------------------------------------------------------------


def test_equal_elements_share_the_gradient_of_an_extreme():
    assert gradient(lambda x: x.amax(), [3.0, 1.0, 3.0]) == [0.5, 0, 0.5]
    assert gradient(lambda x: x.max(), [3.0, 1.0, 3.0]) == [0.5, 0, 0.5]
    assert gradient(lambda x: x.amin((0, 1)), [[1.0, 2.0], [1.0, 1.0]]) == [[1 / 3, 0], [1 / 3, 1 / 3]]
    assert gradient(lambda x: x.amax(1), [[1.0, 1.0], [1.0, 2.0]]) == [[0.5, 0.5], [0, 1]]


def test_along_a_dim_the_first_of_equal_elements_has_the_gradient():
    assert gradient(lambda x: x.max(0).values, [3.0, 1.0, 3.0]) == [1, 0, 0]
    assert gradient(lambda x: x.min(1).values, [[2.0, 1.0, 1.0]]) == [[0, 1, 0]]


def test_max_along_a_dim_gives_values_and_indices():
    result = tg.tensor([[1.0, 5.0, 5.0], [4.0, 3.0, 0.0]]).max(dim=1)
    assert result.values.tolist() == [5, 4]
    assert result.indices.tolist() == [1, 0]
    assert result.indices.dtype == tg.int64
    values, indices = tg.min(tg.tensor([[1, 5], [4, 3]]), 0, True)
    assert (values.tolist(), indices.tolist()) == ([[1, 3]], [[0, 1]])


def test_max_keeps_all_dims_too():  # which PyTorch does not take
    assert tg.tensor([[1.0, 5.0], [4.0, 3.0]]).max(keepdim=True).tolist() == [[5]]


def test_max_with_a_tensor_is_maximum():
    a, b = tg.tensor([1.0, 4.0]), tg.tensor([3.0, 2.0])
    assert tg.max(a, b).tolist() == [3, 4]
    assert tg.min(a, b).tolist() == [1, 2]


def test_nan_is_the_extreme():
    x = tg.tensor([1.0, NAN, 2.0, NAN])
    for extreme in (x.max(), x.min(), x.amax(), x.amin(), x.max(0).values, x.min(0).values):
        assert math.isnan(extreme.item())
    assert x.argmax().item() == x.argmin().item() == x.max(0).indices.item() == 1
    assert gradient(lambda x: x.max(), [1.0, NAN, 2.0, NAN]) == [0, 0.5, 0, 0.5]


def test_argmax_counts_flat_without_a_dim():
    x = tg.tensor([[1, 5], [7, 7]])
    assert x.argmax().item() == 2
    assert x.argmax(keepdim=True).tolist() == [[2]]
    assert x.argmin(dim=0, keepdim=True).tolist() == [[0, 0]]
    assert not x.float().requires_grad_().argmax(0).requires_grad


# ---- moments ---------------------------------------------------------------------------------------------------------


def test_the_ways_to_ask_for_a_variance():
    x = tg.tensor([[1.0, 3.0], [2.0, 6.0]])
    assert x.var(0).tolist() == x.var(0, True).tolist() == x.var(dim=0, correction=1).tolist() == [0.5, 4.5]
    assert (
        x.var(0, False).tolist() == x.var(0, unbiased=False).tolist() == x.var(0, correction=0).tolist() == [0.25, 2.25]
    )
    assert x.var(False).item() == x.var(unbiased=False).item() == x.var(correction=0).item() == 3.5
    assert x.var(0, False, True).shape == (1, 2)
    assert x.std(1, correction=0).tolist() == [1, 2]
    with pytest.raises(TypeError):
        x.var(0, unbiased=True, correction=1)


@pytest.mark.parametrize("name", ["var", "std"])
def test_the_spread_of_one_element(name):
    assert math.isnan(getattr(tg.tensor([2.0]), name)().item())
    assert_close(gradient(lambda x: getattr(x, name)(), [2.0]), [NAN])
    assert getattr(tg.tensor([2.0]), name)(correction=0).item() == 0
    assert gradient(lambda x: getattr(x, name)(correction=0), [2.0]) == [0]


def test_a_correction_of_the_number_of_elements_or_more():
    assert tg.tensor([1.0, 3.0]).var(correction=2).item() == INF
    assert math.isnan(tg.tensor([3.0, 3.0]).var(correction=2).item())


def test_the_gradient_of_std_where_all_elements_are_equal_is_zero():
    assert gradient(lambda x: x.std(), [4.0, 4.0, 4.0]) == [0, 0, 0]
    assert_close(gradient(lambda x: x.std(1), [[4.0, 4.0], [1.0, 3.0]]), [[0, 0], [-(0.5**0.5), 0.5**0.5]])


# ---- exponential sums ------------------------------------------------------------------------------------------------


def test_large_numbers_do_not_overflow():
    x = tg.tensor([1000.0, 999.0, -1000.0])
    assert_close(x.logsumexp(0).item(), 1000 + math.log(1 + math.exp(-1)))
    assert_close(x.softmax(0).tolist(), [1 / (1 + math.exp(-1)), 1 / (1 + math.e), 0])
    assert_close(x.log_softmax(0).tolist(), [-0.3132616, -1.3132616, -2000.3133])


@pytest.mark.parametrize(
    ("function", "value", "expected", "slope"),
    [
        ("logsumexp", [-INF, 1.0], 1, [0, 1]),
        ("logsumexp", [INF, 1.0], INF, [NAN, 0]),
        ("logsumexp", [-INF, -INF], -INF, [NAN, NAN]),
        ("softmax", [-INF, 1.0], [0, 1], [0, 0]),
        ("softmax", [-INF, -INF], [NAN, NAN], [NAN, NAN]),
        ("softmax", [INF, 1.0], [NAN, NAN], [NAN, NAN]),
        ("log_softmax", [-INF, 1.0], [-INF, 0], [1, -1]),
        ("log_softmax", [-INF, -INF], [NAN, NAN], [NAN, NAN]),
    ],
)
def test_infinities_in_exponential_sums(function, value, expected, slope):
    assert_close(getattr(tg.tensor(value), function)(0).tolist(), expected)
    assert_close(gradient(lambda x: getattr(x, function)(0), value), slope)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "amax"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_many_short_rows_are_reduced_as_each_by_itself(name, dtype):
    x = tg.randn(2000, 3, generator=tg.Generator().manual_seed(0)).to(getattr(tg, dtype))
    x[0], x[1, 1], x[2, 2] = -INF, INF, NAN
    many = getattr(x, name)(1)
    assert many.is_contiguous()
    for row in range(0, 2000, 97):
        assert_close(many[row].tolist(), getattr(x[row], name)(0).tolist(), rtol=1e-3 if dtype == "float16" else 1e-6)
    for row in range(3):
        assert_close(many[row].tolist(), getattr(x[row], name)(0).tolist())


def test_rows_of_minus_infinity_leave_the_other_rows_alone():
    x = tg.tensor([[-INF, -INF], [0.0, 0.0]])
    assert_close(x.softmax(1).tolist(), [[NAN, NAN], [0.5, 0.5]])
    assert_close(x.logsumexp(1).tolist(), [-INF, math.log(2)])


# ---- norms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "expected", "slope"),
    [
        ("fro", 5, [0, 0.6, -0.8]),
        (2, 5, [0, 0.6, -0.8]),
        (1, 7, [0, 1, -1]),
        (INF, 4, [0, 0, -1]),
        (-INF, 0, [0, 0, 0]),
        (0, 2, [0, 0, 0]),
        (3, 4.497941445, [0, 0.444851339, -0.790846824]),
        (1.5, 5.584250376, [0, 0.732956393, -0.846345184]),
        (0.5, 13.92820323, [0, 2.154700538, -1.866025404]),
        (-1, 0, [0, 0, 0]),
    ],
)
def test_norms_and_their_gradients(p, expected, slope):
    assert_close(tg.tensor([0.0, 3.0, -4.0], dtype=tg.float64).norm(p).item(), expected)
    assert_close(gradient(lambda x: x.norm(p), [0.0, 3.0, -4.0]), slope)
    assert gradient(lambda x: x.norm(p), [0.0, 0.0]) == [0, 0]


def test_norms_along_a_dim():
    x = tg.tensor([[3.0, 0.0], [-4.0, 0.0]])
    assert x.norm(dim=0).tolist() == [5, 0]
    assert x.norm(2, 0, True).shape == (1, 2)
    assert x.norm(1, dim=(0, 1)).item() == 7
    assert x.norm(dtype=tg.float64).dtype == tg.float64
    assert gradient(lambda x: x.norm(dim=0), [[3.0, 0.0], [-4.0, 0.0]]) == [[0.6, 0], [-0.8, 0]]


def test_norms_that_there_are_not():
    with pytest.raises(ValueError, match="'nuc'"):  # RuntimeError or a result in PyTorch, which has this one
        tg.ones(2, 2).norm("nuc")
    for p in (INF, -INF, -1):
        with pytest.raises(RuntimeError, match="no(es not| elements)"):
            tg.zeros(0).norm(p)


# ---- what the graph keeps --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sum", "mean", "cumsum"])
def test_what_needs_only_the_shape_keeps_no_values(name):
    x = tg.ones(3, requires_grad=True)
    y = x * 2
    out = getattr(y, name)(0).sum()
    with tg.no_grad():
        y += 1
    out.backward()  # if y had been kept, this would refuse
    assert x.grad.shape == (3,)


@pytest.mark.parametrize("name", ["prod", "amax", "var", "logsumexp", "norm"])
def test_a_change_of_what_was_kept_is_noticed(name):
    x = tg.ones(3, requires_grad=True)
    y = x * 2
    out = getattr(y, name)(dim=0)
    with tg.no_grad():
        y += 1
    with pytest.raises(RuntimeError, match="in-?place"):
        out.backward()


@pytest.mark.parametrize(
    "name", ["sum", "mean", "prod", "amax", "var", "norm", "logsumexp", "all", "argmax", "softmax"]
)
def test_a_dim_may_be_an_integer_of_numpy(name):
    x = tg.arange(6.0).reshape(2, 3)
    for dim in (0, 1, -1):
        expected = getattr(x, name)(dim=dim)
        np.testing.assert_array_equal(getattr(x, name)(dim=np.int64(dim)).numpy(), expected.numpy(), strict=True)
