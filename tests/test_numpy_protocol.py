"""NumPy's functions and operators on tensors: they mean what NumPy means, stay in the graph, and refuse the rest."""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import numpy_protocol

MATRIX = np.array([[0.3, 1.2, -0.7], [2.1, -1.4, 0.9]])
POSITIVE = np.array([[0.3, 1.2, 0.7], [2.1, 1.4, 0.9]])
VECTOR = np.array([1.5, -0.5, 2.0])
MASK = np.array([[True, False, True], [False, False, True]])
INDICES = np.array([[2, 0], [1, 1]])

# Each case calls NumPy with tensors in place of the arrays; the result must be that of NumPy on the arrays themselves.
FUNCTIONS = {
    "add": (lambda x: np.add(x, VECTOR), MATRIX),
    "subtract": (lambda x: np.subtract(VECTOR, x), MATRIX),
    "multiply": (lambda x: np.multiply(x, x), MATRIX),
    "divide": (lambda x: np.divide(VECTOR, x), MATRIX),
    "floor_divide": (lambda x: np.floor_divide(x, 0.5), MATRIX),
    "remainder": (lambda x: np.remainder(x, 0.5), MATRIX),
    "mod": (lambda x: np.mod(x, VECTOR), MATRIX),
    "power": (lambda x: np.power(x, VECTOR), POSITIVE),
    "matmul": (lambda x: np.matmul(x, VECTOR), MATRIX),
    "negative": (np.negative, MATRIX),
    "positive": (np.positive, MATRIX),
    "absolute": (np.absolute, MATRIX),
    "abs": (np.abs, MATRIX),
    "sign": (np.sign, MATRIX),
    "square": (np.square, MATRIX),
    "sqrt": (np.sqrt, POSITIVE),
    "reciprocal": (np.reciprocal, POSITIVE),
    "exp": (np.exp, MATRIX),
    "expm1": (np.expm1, MATRIX),
    "log": (np.log, POSITIVE),
    "log1p": (np.log1p, POSITIVE),
    "log2": (np.log2, POSITIVE),
    "log10": (np.log10, POSITIVE),
    "sin": (np.sin, MATRIX),
    "cos": (np.cos, MATRIX),
    "tanh": (np.tanh, MATRIX),
    "floor": (np.floor, MATRIX),
    "ceil": (np.ceil, MATRIX),
    "trunc": (np.trunc, MATRIX),
    "rint": (np.rint, MATRIX),
    "maximum": (lambda x: np.maximum(x, VECTOR), MATRIX),
    "minimum": (lambda x: np.minimum(VECTOR, x), MATRIX),
    "equal": (lambda x: np.equal(x, 0.3), MATRIX),
    "not_equal": (lambda x: np.not_equal(x, 0.3), MATRIX),
    "less": (lambda x: np.less(x, 0), MATRIX),
    "less_equal": (lambda x: np.less_equal(x, 0.3), MATRIX),
    "greater": (lambda x: np.greater(x, 0), MATRIX),
    "greater_equal": (lambda x: np.greater_equal(x, 0.3), MATRIX),
    "isnan": (np.isnan, np.array([np.nan, 1.0])),
    "isinf": (np.isinf, np.array([np.inf, 1.0])),
    "isfinite": (np.isfinite, np.array([np.inf, 1.0])),
    "logical_and": (lambda x: np.logical_and(x, MASK[0]), MASK),
    "logical_or": (lambda x: np.logical_or(x, MASK[0]), MASK),
    "logical_xor": (lambda x: np.logical_xor(x, MASK[0]), MASK),
    "logical_not": (np.logical_not, MASK),
    "bitwise_and": (lambda x: np.bitwise_and(x, 3), INDICES),
    "bitwise_or": (lambda x: np.bitwise_or(x, 4), INDICES),
    "bitwise_xor": (lambda x: np.bitwise_xor(x, 3), INDICES),
    "invert": (np.invert, INDICES),
    "add.reduce": (np.add.reduce, MATRIX),
    "add.reduce axis": (lambda x: np.add.reduce(x, axis=1, keepdims=True), MATRIX),
    "multiply.reduce": (lambda x: np.multiply.reduce(x, axis=None), MATRIX),
    "maximum.reduce": (lambda x: np.maximum.reduce(x, axis=1), MATRIX),
    "minimum.reduce": (np.minimum.reduce, MATRIX),
    "logical_and.reduce": (np.logical_and.reduce, MASK),
    "logical_or.reduce": (lambda x: np.logical_or.reduce(x, axis=1), MASK),
    "where": (lambda x: np.where(MASK, x, 0), MATRIX),
    "where of other": (lambda x: np.where(MASK, VECTOR, x), MATRIX),
    "sum": (np.sum, MATRIX),
    "sum axes": (lambda x: np.sum(x, axis=(0, 1), keepdims=True), MATRIX),
    "sum positional": (lambda x: np.sum(x, 0, np.float64), MATRIX),
    "mean": (lambda x: np.mean(x, axis=-1), MATRIX),
    "prod": (lambda x: np.prod(x, axis=0), MATRIX),
    "max": (lambda x: np.max(x, axis=0), MATRIX),
    "amax": (np.amax, MATRIX),
    "min": (lambda x: np.min(x, axis=1, keepdims=True), MATRIX),
    "amin": (np.amin, MATRIX),
    "argmax": (lambda x: np.argmax(x, axis=1, keepdims=True), MATRIX),
    "argmin": (np.argmin, MATRIX),
    "var": (np.var, MATRIX),
    "var ddof": (lambda x: np.var(x, axis=1, ddof=1), MATRIX),
    "std": (lambda x: np.std(x, 0), MATRIX),
    "all": (lambda x: np.all(x, axis=0), MASK),
    "any": (lambda x: np.any(x, axis=1, keepdims=True), MASK),
    "cumsum": (np.cumsum, MATRIX),
    "cumsum axis": (lambda x: np.cumsum(x, axis=1), MATRIX),
    "reshape": (lambda x: np.reshape(x, (3, -1)), MATRIX),
    "reshape to a vector": (lambda x: np.reshape(x, -1), MATRIX),
    "ravel": (np.ravel, MATRIX),
    "transpose": (np.transpose, MATRIX),
    "transpose axes": (lambda x: np.transpose(x, (1, 0)), MATRIX),
    "matrix_transpose": (np.matrix_transpose, MATRIX),
    "swapaxes": (lambda x: np.swapaxes(x, 0, -1), MATRIX),
    "moveaxis": (lambda x: np.moveaxis(x, 0, 1), MATRIX),
    "expand_dims": (lambda x: np.expand_dims(x, 1), MATRIX),
    "expand_dims at both ends": (lambda x: np.expand_dims(x, (0, -1)), MATRIX),
    "squeeze": (np.squeeze, MATRIX[:, None]),
    "squeeze axis": (lambda x: np.squeeze(x, axis=1), MATRIX[None, :, None][0]),
    "broadcast_to": (lambda x: np.broadcast_to(x, (2, 3)), VECTOR),
    "broadcast_to a size": (lambda x: np.broadcast_to(x, 3), np.array([2.0])),
    "concatenate": (lambda x: np.concatenate([x, MATRIX, x], axis=1), MATRIX),
    "concatenate flat": (lambda x: np.concatenate((x, VECTOR), axis=None), MATRIX),
    "stack": (lambda x: np.stack([x, MATRIX], axis=-1), MATRIX),
    "split": (lambda x: np.concatenate(np.split(x, 3, axis=1)[::-1]), MATRIX),
    "split at": (lambda x: np.split(x, [1, -1], axis=1)[1], MATRIX),
    "flip": (np.flip, MATRIX),
    "flip axis": (lambda x: np.flip(x, axis=1), MATRIX),
    "roll": (lambda x: np.roll(x, 4), MATRIX),
    "roll axes": (lambda x: np.roll(x, 1, axis=(0, 1)), MATRIX),
    "tril": (lambda x: np.tril(x, -1), MATRIX),
    "triu": (lambda x: np.triu(x, k=1), MATRIX),
    "take_along_axis": (lambda x: np.take_along_axis(x, INDICES, axis=1), MATRIX),
    "clip": (lambda x: np.clip(x, -0.5, 1.0), MATRIX),
    "clip with bounds by name": (lambda x: np.clip(x, a_min=None, a_max=1.0), MATRIX),
    "round": (lambda x: np.round(x, 1), MATRIX),
    "around": (np.around, MATRIX),
    "copy": (np.copy, MATRIX),
    "dot": (lambda x: np.dot(x, VECTOR), VECTOR),
    "dot of matrix and vector": (lambda x: np.dot(x, VECTOR), MATRIX),
    "dot with a number": (lambda x: np.dot(3.0, x), MATRIX),
    "outer": (lambda x: np.outer(x, VECTOR), MATRIX),
    "outer, tensor second": (lambda x: np.outer(VECTOR, x), VECTOR),
    "zeros_like": (np.zeros_like, MATRIX),
    "ones_like": (lambda x: np.ones_like(x, dtype=np.int64), MATRIX),
    "full_like": (lambda x: np.full_like(x, 7), MATRIX),
    "isclose": (lambda x: np.isclose(x, VECTOR, atol=0.5), MATRIX),
}


# Tested on their own: NumPy gives no tensor, or no determined values.
ELSEWHERE = {"shape", "ndim", "size", "allclose", "array_equal", "empty_like"}


def test_every_entry_of_the_tables_has_a_case():
    tables = (numpy_protocol.UFUNCS, numpy_protocol.FUNCTIONS)
    names = {function.__name__ for table in tables for function in table}
    names |= {f"{ufunc.__name__}.reduce" for ufunc in numpy_protocol.REDUCTIONS}
    assert names - FUNCTIONS.keys() - ELSEWHERE == set()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_tensors_gives_what_numpy_gives(name):
    function, array = FUNCTIONS[name]
    expected = np.asarray(function(array))
    result = function(tg.tensor(array))
    assert isinstance(result, tg.Tensor)
    assert result.shape == expected.shape
    assert result.dtype == expected.dtype
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-12)


# What is a step function, or no function of the values at all, has no gradient to check.
FLAT = {"floor_divide", "sign", "floor", "ceil", "trunc", "rint", "round", "around"}
OUTSIDE = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isnan", "isinf", "isfinite"}
OUTSIDE |= {"argmax", "argmin", "zeros_like", "ones_like", "full_like", "isclose"}
SMOOTH = [n for n, (_, array) in FUNCTIONS.items() if array.dtype.kind == "f" and n not in FLAT | OUTSIDE]


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_pass_through_a_function(name):
    function, array = FUNCTIONS[name]
    x = tg.tensor(array, requires_grad=True)
    result = function(x)
    weights = np.cos(np.arange(result.numel())).reshape(result.shape)
    result.backward(tg.tensor(weights))
    step = 1e-6
    slopes = [np.sum(weights * (function(array + d) - function(array - d))) / (2 * step) for d in _steps(array, step)]
    np.testing.assert_allclose(x.grad.numpy().ravel(), slopes, rtol=1e-6, atol=1e-8)


def _steps(array, step):
    """Displacements of one element at a time."""
    for unit in np.eye(array.size):
        yield step * unit.reshape(array.shape)


@pytest.mark.parametrize("name", sorted(FLAT))
def test_step_functions_have_zero_gradient(name):
    function, array = FUNCTIONS[name]
    x = tg.tensor(array, requires_grad=True)
    function(x).sum().backward()
    assert x.grad.tolist() == np.zeros_like(array).tolist()


@pytest.mark.parametrize("name", sorted(OUTSIDE))
def test_other_results_are_outside_the_graph(name):
    function, array = FUNCTIONS[name]
    assert not function(tg.tensor(array, requires_grad=True)).requires_grad


def test_empty_like_has_the_shape_and_dtype():
    result = np.empty_like(tg.tensor(MATRIX))
    assert isinstance(result, tg.Tensor)
    assert (result.shape, result.dtype) == ((2, 3), tg.float64)


def test_where_of_a_condition_alone_gives_indices():
    rows, columns = np.where(tg.tensor(MASK))
    assert (rows.tolist(), columns.tolist()) == ([0, 0, 1], [0, 2, 2])


def test_questions_about_tensors_have_python_answers():
    x = tg.tensor(MATRIX, requires_grad=True)
    assert np.shape(x) == (2, 3)
    assert (np.ndim(x), np.size(x), np.size(x, 1)) == (2, 6, 3)
    assert np.allclose(x, MATRIX) is True
    assert np.allclose(MATRIX.astype(np.float32), x, rtol=1e-6) is True
    assert np.allclose(x, MATRIX + 1) is False
    assert np.array_equal(x, MATRIX) is True
    assert np.array_equal(x, VECTOR) is False


def test_var_divides_by_n_as_numpy_does_though_the_method_does_not():
    x = tg.tensor([1.0, 2.0, 4.0, 9.0])
    assert np.var(x).item() == 9.5
    assert x.var().item() == pytest.approx(38 / 3)


# ---- operators with arrays and NumPy's scalars -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "operate",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * b,
        lambda a, b: a / b,
        lambda a, b: a // b,
        lambda a, b: a % b,
        lambda a, b: a**b,
        lambda a, b: a @ b.T,
        lambda a, b: a < b,
        lambda a, b: a == b,
    ],
)
def test_operators_take_an_array_on_either_side(operate):
    other = POSITIVE[::-1].copy()
    expected = operate(POSITIVE, other)
    for result in (operate(tg.tensor(POSITIVE), other), operate(POSITIVE, tg.tensor(other))):
        assert isinstance(result, tg.Tensor)
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(), (2,)])
def test_a_numpy_scalar_is_as_weak_as_a_python_number(shape):
    x = tg.ones(shape, requires_grad=True)
    for result in (np.float64(2) * x, x * np.float64(2), x / np.float64(0.5), tg.where(x > 0, x * 2, np.float64(0))):
        assert isinstance(result, tg.Tensor)
        assert result.dtype == tg.float32
        (gradient,) = tg.autograd.grad(result.sum(), x)
        assert gradient.equal(2 * tg.ones(shape))
    with pytest.raises(RuntimeError, match="value cannot be converted to type uint8"):
        tg.ones(shape, dtype=tg.uint8).clamp(max=np.int64(300))
    integers = tg.ones(shape, dtype=tg.int32)
    assert (integers + np.int64(1)).dtype == tg.int32
    assert (integers / np.float64(2)).dtype == tg.float32
    assert (integers * np.bool_(True)).dtype == tg.int32


def test_gradients_can_be_differentiated_through_numpy_functions():
    x = tg.tensor([0.5, 1.5], dtype=tg.float64, requires_grad=True)
    (slope,) = tg.autograd.grad(np.sum(np.sin(x) * np.exp(x)), x, create_graph=True)
    (curvature,) = tg.autograd.grad(np.sum(slope), x)
    values = x.detach().numpy()
    np.testing.assert_allclose(curvature.numpy(), 2 * np.exp(values) * np.cos(values), rtol=1e-12)


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda x: np.median(x), "np.median"),
        (lambda x: np.linalg.inv(x), "np.linalg.inv"),
        (lambda x: np.arctan2(x, x), "np.arctan2"),
        (lambda x: np.add.outer(x, x), "np.add.outer"),
        (lambda x: np.add.accumulate(x), "np.add.accumulate"),
        (lambda x: np.subtract.reduce(x), "np.subtract.reduce"),
        (lambda x: np.add.at(x, 0, 1.0), "np.add.at"),
    ],
)
def test_a_function_without_an_op_is_refused_by_name_with_the_way_out(call, named):
    with pytest.raises(TypeError, match=rf"^{named} .*use tensor\.detach\(\)\.numpy\(\)"):
        call(tg.tensor(MATRIX))


@pytest.mark.parametrize(
    ("call", "named", "argument"),
    [
        (lambda x: np.exp(x, out=np.empty((2, 3))), "np.exp", "out"),
        (lambda x: np.add(MATRIX, 1, out=x), "np.add", "out"),
        (lambda x: np.add(x, x, where=MASK), "np.add", "where"),
        (lambda x: np.multiply(x, x, dtype=np.float32), "np.multiply", "dtype"),
        (lambda x: np.sum(x, where=MASK), "np.sum", "where"),
        (lambda x: np.mean(x, out=np.empty(())), "np.mean", "out"),
        (lambda x: np.add.reduce(x, initial=1.0), "np.add.reduce", "initial"),
        (lambda x: np.reshape(x, (3, 2), order="F"), "np.reshape", "order"),
    ],
)
def test_an_argument_that_no_op_takes_is_refused_by_name(call, named, argument):
    with pytest.raises(TypeError, match=rf"^{named} of a tensor does not take the argument '{argument}'"):
        call(tg.tensor(MATRIX))


def test_an_array_is_not_changed_in_place_by_a_tensor():
    array = np.zeros(3)
    with pytest.raises(TypeError, match=r"np\.add of a tensor does not take the argument 'out'"):
        array += tg.tensor(VECTOR)
    assert array.tolist() == [0, 0, 0]


def test_an_empty_tuple_of_axes_is_refused():
    with pytest.raises(TypeError, match=r"axis=\(\)"):
        np.sum(tg.tensor(MATRIX), axis=())


def test_split_into_unequal_parts_is_refused():
    with pytest.raises(ValueError, match="3 elements cannot be divided into 2 equal parts"):
        np.split(tg.tensor(VECTOR), 2)


def test_dot_with_a_batch_of_matrices_is_refused():
    with pytest.raises(TypeError, match=r"np\.dot of tensors .* see np\.matmul"):
        np.dot(tg.tensor(MATRIX), tg.ones(2, 3, 4))


def test_what_asks_for_an_array_gets_one_unless_gradients_would_be_lost():
    x = tg.tensor(VECTOR)
    assert np.asarray(x).tolist() == VECTOR.tolist()
    with pytest.raises(RuntimeError, match=r"detach\(\)\.numpy\(\)"):
        np.asarray(x.requires_grad_())


class Stranger:
    """An array type of another library."""

    def __array_function__(self, func, types, args, kwargs):
        return "handled by the stranger"


def test_functions_are_left_to_other_array_types_that_know_them():
    assert np.concatenate([tg.tensor(VECTOR), Stranger()]) == "handled by the stranger"


def test_axes_and_sizes_may_be_integers_of_numpy():
    x, one, two = tg.tensor(MATRIX), np.int64(1), np.int32(2)
    for call in (
        lambda a: np.sum(a, axis=one),
        lambda a: np.add.reduce(a, axis=one),
        lambda a: np.expand_dims(a, one),
        lambda a: np.broadcast_to(a[0, :1], two),
        lambda a: np.roll(a, one, axis=(0, 1)),
        lambda a: np.concatenate(np.split(a, two, axis=0)),
    ):
        np.testing.assert_array_equal(call(x).numpy(), call(MATRIX))


def test_splitting_nothing_gives_as_many_parts():
    assert [part.shape for part in np.split(tg.zeros(0, 4), 2)] == [(0, 4), (0, 4)]


def test_axes_that_are_no_such_axes_are_refused():
    x = tg.tensor(MATRIX)
    with pytest.raises(ValueError, match="cannot take out axis 0, which has size 2"):
        np.squeeze(x, axis=0)
    with pytest.raises(ValueError, match="repeated axis"):
        np.expand_dims(x, (0, 0))
