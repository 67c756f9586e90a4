"""Tensors made from data, filled, or in a pattern: values, dtypes, memory, and what is refused."""

import math
import re

import numpy as np
import pytest

import tinygrad_np as tg

NAN, INF = math.nan, math.inf


@pytest.fixture
def float64_by_default():
    tg.set_default_dtype(tg.float64)
    yield
    tg.set_default_dtype(tg.float32)


# ---- tensor --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype", "values"),
    [
        (True, tg.bool, True),
        (2, tg.int64, 2),
        (2.5, tg.float32, 2.5),
        ([1, 2], tg.int64, [1, 2]),
        ((1, 2.5), tg.float32, [1, 2.5]),
        ([True, 2], tg.int64, [1, 2]),
        ([True, 2.5], tg.float32, [1, 2.5]),
        ([[1, 2], [3, 4]], tg.int64, [[1, 2], [3, 4]]),
        ([range(2), (2, 3)], tg.int64, [[0, 1], [2, 3]]),
        ([], tg.float32, []),
        ([[], []], tg.float32, [[], []]),
        (-(2**63), tg.int64, -(2**63)),
        ([1.0, 2**70], tg.float32, [1, 2.0**70]),
        ([1e300], tg.float32, [INF]),
        (np.float64(1.5), tg.float64, 1.5),
        ([np.float64(1.5)], tg.float64, [1.5]),
        ([1, np.float32(2)], tg.float32, [1, 2]),
        ([np.int8(3), True], tg.int8, [3, 1]),
        ([np.int8(3), 3], tg.int64, [3, 3]),
        (np.array([1, 2], np.int16), tg.int16, [1, 2]),
        (np.array(3.0), tg.float64, 3),
        ([np.arange(2), [2, 3]], tg.int64, [[0, 1], [2, 3]]),
        ([tg.tensor(1.0, dtype=tg.float64), 2.0], tg.float64, [1, 2]),
        ([tg.ones(1), tg.ones(1, 1)], tg.float32, [1, 1]),  # tensors in a list are numbers
        ([tg.tensor(1.0, requires_grad=True)], tg.float32, [1]),
    ],
)
def test_tensor_infers_the_dtype(data, dtype, values):
    made = tg.tensor(data)
    assert made.dtype == dtype
    assert made.tolist() == values
    assert made.is_leaf
    assert not made.requires_grad


@pytest.mark.usefixtures("float64_by_default")
def test_python_floats_have_the_default_dtype():
    assert tg.tensor([1, 2.5]).dtype == tg.float64
    assert tg.tensor([]).dtype == tg.float64
    assert tg.zeros(2).dtype == tg.float64
    assert tg.arange(1.5).dtype == tg.float64
    assert tg.full((1,), 2.0).dtype == tg.float64


@pytest.mark.parametrize(
    ("data", "dtype", "values"),
    [
        ([1, 2], tg.float64, [1, 2]),
        ([1.7, -1.7], tg.int64, [1, -1]),
        ([0, 2, 0.5], tg.bool, [False, True, True]),
        ([300], tg.int16, [300]),
        (-1, tg.uint8, 255),  # wraps around, as in PyTorch
        ([1e6], tg.float16, [INF]),
        (np.array([300]), tg.uint8, [44]),
        ([1, 2], "float64", [1, 2]),
    ],
)
def test_tensor_of_a_given_dtype(data, dtype, values):
    made = tg.tensor(data, dtype=dtype)
    assert made.dtype == dtype
    assert made.tolist() == values


@pytest.mark.parametrize(
    ("data", "dtype", "exception", "message"),
    [
        ([[1, 2], [3]], None, ValueError, "expected sequence of length 2 at dim 1 (got 1)"),
        ([[[1], [1]], [[1, 2], [1, 2]]], None, ValueError, "expected sequence of length 1 at dim 2 (got 2)"),
        ([np.arange(2), np.arange(3)], None, ValueError, "expected sequence of length 2 at dim 1 (got 3)"),
        ([[1, 2], 3], None, TypeError, "expected a sequence of length 2 at dim 1, but got 3"),
        ([1, [2]], None, TypeError, "expected a number at dim 1, but got a sequence"),
        ("abc", None, TypeError, "invalid data type 'str'"),
        (["abc"], None, TypeError, "invalid data type 'str'"),
        (1j, None, TypeError, "invalid data type 'complex'"),
        (None, None, RuntimeError, "Could not infer dtype of NoneType"),
        ([1, None], None, RuntimeError, "Could not infer dtype of NoneType"),
        ({1: 2}, None, RuntimeError, "Could not infer dtype of dict"),
        (2**63, None, ValueError, "out of the range of int64"),
        ([-(2**70)], None, ValueError, "out of the range of int64"),
        ([300], tg.uint8, RuntimeError, "value cannot be converted to type uint8 without overflow"),
        ([-256], tg.uint8, RuntimeError, "value cannot be converted to type uint8 without overflow"),
        ([NAN], tg.int64, RuntimeError, "value cannot be converted to type int64 without overflow"),
        ([1e30], tg.int64, RuntimeError, "value cannot be converted to type int64 without overflow"),
        (np.array([1j]), None, TypeError, "can't convert np.ndarray of type complex128"),
        (np.array(["a"]), None, TypeError, "can't convert np.ndarray of type <U1"),
        (np.array([1], ">i8"), None, ValueError, "byte order"),
        ([1], np.complex64, TypeError, "unsupported dtype complex64"),
        ([tg.ones(2)], None, ValueError, "only one element tensors can be converted to Python scalars"),
    ],
)
def test_tensor_refuses(data, dtype, exception, message):
    with pytest.raises(exception, match=re.escape(message)):
        tg.tensor(data, dtype=dtype)


def test_tensor_copies():
    array, other = np.zeros(2), tg.zeros(2, requires_grad=True)
    of_array, of_tensor = tg.tensor(array), tg.tensor(other)
    array[0] = 1
    of_tensor[1] = 1
    assert of_array.tolist() == [0, 0]
    assert other.tolist() == [0, 0]
    assert not of_tensor.requires_grad


def test_tensor_that_requires_grad():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    assert x.grad.tolist() == [2, 4]
    with pytest.raises(RuntimeError, match="only Tensors of floating point dtype can require gradients"):
        tg.tensor([1, 2], requires_grad=True)


# ---- sharing memory with arrays ------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [tg.as_tensor, tg.from_numpy])
def test_memory_is_shared(make):
    array = np.zeros((2, 3))[:, ::-1]
    made = make(array)
    made[0, 0] = 1
    array[1, 2] = 2
    assert array[0, 0] == 1
    assert made[1, 2] == 2
    assert made.dtype == tg.float64


@pytest.mark.parametrize("make", [tg.as_tensor, tg.from_numpy, tg.tensor])
def test_a_subclass_of_array_becomes_a_plain_array(make, tmp_path):
    np.save(tmp_path / "array.npy", np.arange(3.0))
    made = make(np.load(tmp_path / "array.npy", mmap_mode="r"))
    assert type(made.numpy()) is np.ndarray
    assert made.tolist() == [0, 1, 2]


def test_as_tensor_returns_what_is_one_already():
    x = tg.ones(2, requires_grad=True)
    assert tg.as_tensor(x) is x
    assert tg.as_tensor(x, dtype=tg.float32) is x
    cast = tg.as_tensor(x * 2, dtype=tg.float64)
    assert cast.dtype == tg.float64
    assert cast.requires_grad


def test_as_tensor_of_another_dtype_copies():
    array = np.zeros(2)
    tg.as_tensor(array, dtype=tg.float32)[0] = 1
    assert array.tolist() == [0, 0]
    assert tg.as_tensor([1, 2.5]).tolist() == [1, 2.5]
    assert tg.as_tensor(3).dtype == tg.int64


@pytest.mark.parametrize("data", [[1, 2], 3, np.float32(3), tg.ones(1)])
def test_from_numpy_takes_arrays_only(data):
    with pytest.raises(TypeError, match=re.escape(f"expected np.ndarray (got {type(data).__name__})")):
        tg.from_numpy(data)


@pytest.mark.parametrize("make", [tg.as_tensor, tg.from_numpy])
@pytest.mark.parametrize("dtype", ["complex64", "uint64", "U1", "O", "datetime64[s]"])
def test_arrays_of_other_dtypes_are_refused(make, dtype):
    with pytest.raises(TypeError, match="can't convert np.ndarray of type"):
        make(np.zeros(2, dtype))


# ---- filled --------------------------------------------------------------------------------------------------------

FILLED = [(tg.zeros, 0), (tg.ones, 1)]


@pytest.mark.parametrize(("make", "value"), FILLED)
@pytest.mark.parametrize(
    ("sizes", "shape"),
    [((2,), (2,)), ((2, 3), (2, 3)), (((2, 3),), (2, 3)), (([2, 3],), (2, 3)), ((tg.Size([2, 3]),), (2, 3))]
    + [(((),), ()), ((0, 2), (0, 2)), ((np.int64(2),), (2,)), ((tg.tensor(2), 1), (2, 1))],
)
def test_filled_tensors(make, value, sizes, shape):
    made = make(*sizes)
    assert made.shape == shape
    assert made.dtype == tg.float32
    assert (made == value).all()
    assert tg.empty(*sizes).shape == shape


@pytest.mark.parametrize("make", [tg.zeros, tg.ones, tg.empty, tg.rand, tg.randn])
def test_sizes_and_options(make):
    made = make(size=(2, 3), dtype=tg.float64, requires_grad=True)
    assert (made.shape, made.dtype) == ((2, 3), tg.float64)
    assert made.requires_grad
    assert made.is_leaf
    for wrong in [(2.0,), ((2.0,),), (True,), (2, (3,)), ("2",)]:
        with pytest.raises(TypeError, match=f"{make.__name__}\\(\\): argument 'size' must be tuple of ints"):
            make(*wrong)
    with pytest.raises(RuntimeError, match=f"{make.__name__}: Dimension size must be non-negative, got \\[2, -1\\]"):
        make(2, -1)
    with pytest.raises(TypeError, match="missing required argument 'size'"):
        make()
    with pytest.raises(TypeError, match="multiple values for argument 'size'"):
        make(2, size=(2,))
    with pytest.raises(TypeError, match="argument 'size' must be tuple of ints, not int"):
        make(size=2)
    with pytest.raises(TypeError, match="unexpected keyword argument 'device'"):
        make(2, device="cpu")


@pytest.mark.parametrize(("make", "value"), FILLED)
def test_integers_cannot_require_grad(make, value):
    assert make(2, dtype=tg.int8).tolist() == [value, value]
    with pytest.raises(RuntimeError, match="only Tensors of floating point dtype can require gradients"):
        make(2, dtype=tg.int64, requires_grad=True)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(3, tg.int64), (3.0, tg.float32), (True, tg.bool), (tg.tensor(3.0), tg.float32), (np.float64(3), tg.float32)],
)
def test_full_infers_the_dtype(value, dtype):
    made = tg.full((2, 1), value)
    assert made.dtype == dtype
    assert made.tolist() == [[value], [value]]


def test_full():
    assert tg.full((2,), 2.7, dtype=tg.int64).tolist() == [2, 2]
    assert tg.full([], INF).item() == INF
    for value, dtype in [(300, tg.uint8), (INF, tg.int64), (1e300, tg.float32), (1e6, tg.float16), (2**63, None)]:
        with pytest.raises(RuntimeError, match="without overflow"):
            tg.full((1,), value, dtype=dtype)
    with pytest.raises(TypeError, match="argument 'size' must be tuple of ints, not int"):
        tg.full(2, 3)
    with pytest.raises(TypeError, match="argument 'fill_value' must be Number, not Tensor"):
        tg.full((2,), tg.ones(1))
    with pytest.raises(TypeError, match="argument 'fill_value' must be Number, not str"):
        tg.full((2,), "3")


@pytest.mark.parametrize(
    ("like", "expected"),
    [
        (tg.zeros_like, [[0, 0]]),
        (tg.ones_like, [[1, 1]]),
        (lambda x, **options: tg.full_like(x, 7, **options), [[7, 7]]),
        (lambda x, **options: tg.empty_like(x, **options).fill_(5), [[5, 5]]),
    ],
)
def test_tensors_like_another(like, expected):
    x = tg.ones(1, 2, dtype=tg.float64, requires_grad=True)
    made = like(x)
    assert (made.tolist(), made.dtype, made.requires_grad) == (expected, tg.float64, False)
    assert like(x, dtype=tg.int64).dtype == tg.int64
    assert like(x.long(), dtype=tg.float32).requires_grad_().requires_grad
    with pytest.raises(TypeError, match="argument 'input' must be Tensor, not list"):
        like([1, 2])


def test_full_like_is_in_the_dtype_of_the_other():
    assert tg.full_like(tg.ones(1, dtype=tg.int64), 2.5).tolist() == [2]
    with pytest.raises(RuntimeError, match="without overflow"):
        tg.full_like(tg.ones(1, dtype=tg.uint8), 300)


# ---- in a pattern --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "values", "dtype"),
    [
        ((3,), [0, 1, 2], tg.int64),
        ((1, 3), [1, 2], tg.int64),
        ((1, 8, 3), [1, 4, 7], tg.int64),
        ((10, 0, -3), [10, 7, 4, 1], tg.int64),
        ((3, 3), [], tg.int64),
        ((True,), [0], tg.int64),
        ((2**53, 2**53 + 3), [2**53, 2**53 + 1, 2**53 + 2], tg.int64),
        ((tg.tensor(3),), [0, 1, 2], tg.int64),
        ((3.0,), [0, 1, 2], tg.float32),
        ((2.5,), [0, 1, 2], tg.float32),
        ((0, 1, 0.25), [0, 0.25, 0.5, 0.75], tg.float32),
        ((1.0, -1.0, -0.5), [1, 0.5, 0, -0.5], tg.float32),
    ],
)
def test_arange(arguments, values, dtype):
    made = tg.arange(*arguments)
    assert made.tolist() == values
    assert made.dtype == dtype


def test_arange_by_name_and_dtype():
    assert tg.arange(end=3).tolist() == [0, 1, 2]
    assert tg.arange(start=1, end=3).tolist() == [1, 2]
    assert tg.arange(0.5, 5, dtype=tg.int64).tolist() == [0, 1, 2, 3, 4]
    made = tg.arange(3, dtype=tg.float64, requires_grad=True)
    assert made.requires_grad
    assert made.dtype == tg.float64


def test_arange_of_tenths_is_accurate():
    np.testing.assert_array_equal(tg.arange(0, 1000, 0.1).numpy(), (np.arange(10000) * 0.1).astype(np.float32))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 3, 0), "step must be nonzero"),
        ((3, 1), "upper bound and lower bound inconsistent with step sign"),
        ((1, 3, -1), "upper bound and lower bound inconsistent with step sign"),
        ((0, INF), "unsupported range: 0 -> inf"),
        ((NAN,), "unsupported range: 0 -> nan"),
    ],
)
def test_arange_refuses(arguments, message):
    with pytest.raises(RuntimeError, match=message):
        tg.arange(*arguments)


def test_arange_refuses_other_types():
    with pytest.raises(RuntimeError, match="not implemented for dtype bool"):
        tg.arange(2, dtype=tg.bool)
    for arguments in [(), ("3",), (1, 2, "1"), ([3],)]:
        with pytest.raises(TypeError):
            tg.arange(*arguments)


@pytest.mark.parametrize(
    ("arguments", "options", "values"),
    [
        ((0, 1, 5), {}, [0, 0.25, 0.5, 0.75, 1]),
        ((1, 0, 3), {}, [1, 0.5, 0]),
        ((3, 5, 1), {}, [3]),
        ((3, 5, 0), {}, []),
        ((0, 10, 5), {"dtype": tg.int64}, [0, 2, 5, 7, 10]),
        ((0, -10, 5), {"dtype": tg.int64}, [0, -2, -5, -7, -10]),
        ((tg.tensor(0.0), 1, 2), {"dtype": tg.float64}, [0, 1]),
    ],
)
def test_linspace(arguments, options, values):
    made = tg.linspace(*arguments, **options)
    assert made.tolist() == values
    assert made.dtype == options.get("dtype", tg.float32)


@pytest.mark.parametrize("steps", [2, 3, 10, 101])
def test_linspace_meets_both_ends_and_is_symmetric(steps):
    made = tg.linspace(-0.1, 0.1, steps, dtype=tg.float64)
    assert (made[0], made[-1]) == (-0.1, 0.1)
    assert made.equal(-made.flip(0))


def test_linspace_refuses():
    with pytest.raises(RuntimeError, match="number of steps must be non-negative"):
        tg.linspace(0, 1, -1)
    with pytest.raises(TypeError, match="argument 'steps' must be int, not float"):
        tg.linspace(0, 1, 5.0)
    with pytest.raises(TypeError, match="argument 'end' must be Number, not str"):
        tg.linspace(0, "1", 5)


def test_eye():
    assert tg.eye(2).tolist() == [[1, 0], [0, 1]]
    assert tg.eye(2, 3, dtype=tg.int64).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert tg.eye(0).shape == (0, 0)
    assert tg.eye(1, requires_grad=True).requires_grad
    with pytest.raises(RuntimeError, match="must be non-negative"):
        tg.eye(2, -1)
    with pytest.raises(TypeError, match="must be tuple of ints"):
        tg.eye(2.0)


# ---- dtypes --------------------------------------------------------------------------------------------------------


def test_types_of_python_are_dtypes():
    for python_type, dtype in [(float, tg.float64), (int, tg.int64), (bool, tg.bool)]:
        assert tg.zeros(1, dtype=python_type).dtype == tg.ones(1).to(python_type).dtype == dtype


def test_only_floating_point_is_a_default():
    with pytest.raises(TypeError, match="only floating-point types are supported as the default, got int64"):
        tg.set_default_dtype(tg.int64)
    assert tg.get_default_dtype() == tg.float32
