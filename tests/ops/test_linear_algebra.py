"""Matrix products: every rank, layout and dtype, and what they refuse."""

import contextlib
import itertools
import re

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import blas
from tinygrad_np.ops import linear_algebra
from tinygrad_np.testing import check_gradient

F = tg.nn.functional
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _reseeded():
    """Each test draws the same numbers, whichever ran before it."""
    RNG.bit_generator.state = np.random.default_rng(0).bit_generator.state


def array(*shape):
    return RNG.standard_normal(shape)


def exactly(message):
    return re.escape(message) + "$"


# ---- matmul --------------------------------------------------------------------------------------------------------

VECTORS = [(3,), (4,), (1,), (0,)]
MATRICES = [(2, 3), (3, 4), (4, 3), (1, 3), (3, 1), (0, 3), (3, 0)]
BATCHES = [(2, 3, 4), (2, 4, 3), (1, 3, 4), (5, 1, 3, 4), (5, 2, 4, 3), (0, 3, 4), (2, 0, 3), (2, 3, 0)]
PAIRS = list(itertools.product(VECTORS + MATRICES + BATCHES, repeat=2))


def have_a_product(a, b):
    try:
        np.matmul(np.zeros(a), np.zeros(b))
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(("a", "b"), [pair for pair in PAIRS if have_a_product(*pair)])
def test_matmul_of_every_rank(a, b):
    x, y = array(*a), array(*b)
    product = tg.from_numpy(x) @ tg.from_numpy(y)
    assert product.shape == np.matmul(x, y).shape
    np.testing.assert_allclose(product.numpy(), np.matmul(x, y), rtol=1e-12, atol=1e-12)
    check_gradient(tg.matmul, x, y, order=1)


@pytest.mark.parametrize(("a", "b"), [pair for pair in PAIRS if not have_a_product(*pair)])
def test_matmul_refuses_what_has_no_product(a, b):
    with pytest.raises(RuntimeError):
        tg.ones(a) @ tg.ones(b)


@pytest.mark.parametrize(
    ("a", "b"), [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((4, 2, 3), (3, 2)), ((2, 3), (4, 3, 2))]
)
def test_matmul_to_the_second_order(a, b):
    check_gradient(tg.matmul, array(*a), array(*b))


LAYOUTS = {
    "transposed": lambda x: x.swapaxes(-1, -2).copy().swapaxes(-1, -2),
    "reversed": lambda x: x[..., ::-1, ::-1].copy()[..., ::-1, ::-1],
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "broadcast": lambda x: np.broadcast_to(x[:1], x.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("a", "b"), [((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((6, 5, 2, 3), (5, 3, 4))])
def test_matmul_of_every_layout(layout, a, b):
    x, y = LAYOUTS[layout](array(*a)), LAYOUTS[layout](array(*b))
    np.testing.assert_allclose((tg.from_numpy(x) @ tg.from_numpy(y)).numpy(), x @ y, rtol=1e-12)
    check_gradient(tg.matmul, x, y, order=1)


@pytest.mark.parametrize("dtype", [tg.uint8, tg.int32, tg.int64, tg.float16, tg.float32, tg.float64])
def test_matmul_keeps_the_dtype(dtype):
    x = np.array([[1, 2], [3, 4]], dtype)
    product = tg.from_numpy(x) @ tg.from_numpy(x)
    assert product.dtype == dtype
    assert product.tolist() == [[7, 10], [15, 22]]


@pytest.mark.parametrize("dtype", [tg.float16, tg.float32, tg.float64, tg.int64])
@pytest.mark.parametrize(("rows", "columns"), [(3, 4), (200, 784), (1, 20_000), (20_000, 1)])
def test_a_column_times_a_row_is_their_outer_product(dtype, rows, columns):
    rng = np.random.default_rng(0)
    column, row = (rng.integers(-9, 10, size).astype(dtype) for size in ((rows, 1), (1, columns)))
    if dtype.kind == "f":
        column[0] = np.inf
        row[0, -1] = np.nan
    with np.errstate(invalid="ignore"):  # inf times 0
        product = tg.from_numpy(column) @ tg.from_numpy(row)
        np.testing.assert_array_equal(product.numpy(), column * row, strict=True)


def test_matmul_of_uint8_wraps_around():
    assert (tg.tensor([[200]], dtype=tg.uint8) @ tg.tensor([[2]], dtype=tg.uint8)).tolist() == [[400 % 256]]


def test_matmul_takes_numpy_arrays_on_either_side():
    x = np.arange(4, dtype=np.float32).reshape(2, 2)
    t = tg.from_numpy(x)
    for product in (x @ t, t @ x, np.matmul(x, t)):
        assert isinstance(product, tg.Tensor)
        np.testing.assert_array_equal(product.numpy(), x @ x)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ((3, 4), (5, 6), "mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)"),
        ((200, 1), (2, 784), "mat1 and mat2 shapes cannot be multiplied (200x1 and 2x784)"),
        ((2, 3, 4), (5, 6), "mat1 and mat2 shapes cannot be multiplied (6x4 and 5x6)"),
        ((5,), (3, 4), "mat1 and mat2 shapes cannot be multiplied (1x5 and 3x4)"),
        ((3, 4), (5,), "size mismatch, got input (3), mat (3x4), vec (5)"),
        (
            (3,),
            (4,),
            "inconsistent tensor size, expected tensor [3] and src [4] to have the same number of elements, but got 3 "
            "and 4 elements respectively",
        ),
        ((), (3, 4), "both arguments to matmul need to be at least 1D, but they are 0D and 2D"),
        (
            (2, 3, 4),
            (2, 5, 6),
            "batched matrices cannot be multiplied: the last size of [2, 3, 4] must be the second last of [2, 5, 6]",
        ),
        ((2, 3, 4), (3, 4, 6), "the batch dimensions [2] and [3] cannot be broadcast together"),
    ],
)
def test_matmul_says_which_shapes_do_not_fit(a, b, message):
    with pytest.raises(RuntimeError, match=exactly(message)):
        tg.ones(a) @ tg.ones(b)


def test_matmul_refuses_other_operands():
    with pytest.raises(
        RuntimeError, match="expected input and other to have the same dtype, but got: float32 != float64"
    ):
        tg.ones(2, 2) @ tg.ones(2, 2, dtype=tg.float64)
    with pytest.raises(RuntimeError, match="matmul: not implemented for dtype bool"):
        tg.ones(2, 2, dtype=tg.bool) @ tg.ones(2, 2, dtype=tg.bool)
    with pytest.raises(TypeError, match="argument 'other' must be Tensor, not list"):
        tg.ones(2) @ [1.0, 2.0]
    with pytest.raises(TypeError, match="argument 'input' must be Tensor, not list"):
        [1.0, 2.0] @ tg.ones(2)


# ---- its forms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "a", "b", "truth"),
    [
        (tg.mm, (2, 3), (3, 4), np.matmul),
        (tg.bmm, (5, 2, 3), (5, 3, 4), np.matmul),
        (tg.mv, (2, 3), (3,), np.matmul),
        (tg.dot, (3,), (3,), np.dot),
        (tg.outer, (2,), (3,), np.outer),
    ],
)
def test_forms_of_the_product(op, a, b, truth):
    x, y = array(*a), array(*b)
    np.testing.assert_allclose(op(tg.from_numpy(x), tg.from_numpy(y)).numpy(), truth(x, y), rtol=1e-12)
    method = getattr(tg.from_numpy(x), op.__name__)
    np.testing.assert_allclose(method(tg.from_numpy(y)).numpy(), truth(x, y), rtol=1e-12)
    check_gradient(op, x, y)


@pytest.mark.parametrize(
    ("op", "a", "b"),
    [
        (tg.mm, (2, 3, 4), (4, 5)),
        (tg.mm, (3, 4), (4,)),
        (tg.bmm, (3, 4), (2, 4, 5)),
        (tg.bmm, (2, 3, 4), (1, 4, 5)),  # batches are not broadcast
        (tg.bmm, (2, 3, 4), (2, 5, 4)),
        (tg.mv, (3, 4), (4, 1)),
        (tg.mv, (4,), (4,)),
        (tg.dot, (2, 3), (3,)),
        (tg.dot, (2,), (3,)),
        (tg.outer, (2, 3), (3,)),
    ],
)
def test_forms_refuse_other_ranks(op, a, b):
    with pytest.raises(RuntimeError):
        op(tg.ones(a), tg.ones(b))


def test_forms_refuse_what_is_no_tensor():
    with pytest.raises(TypeError, match=re.escape("mm(): argument 'mat2' must be Tensor, not list")):
        tg.mm(tg.ones(2, 2), [[1.0]])


def test_outer_promotes():
    assert tg.outer(tg.ones(2, dtype=tg.int64), tg.ones(3, dtype=tg.float16)).dtype == tg.float16


# ---- linear --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leading", [(), (5,), (1,), (0,), (2, 3), (1, 1), (2, 0)])
@pytest.mark.parametrize("bias", [None, (4,), (1,), ()])
def test_linear(leading, bias):
    x, weight = array(*leading, 3), array(4, 3)
    operands = [x, weight] if bias is None else [x, weight, array(*bias)]
    expected = x @ weight.T + (0 if bias is None else operands[2])
    np.testing.assert_allclose(F.linear(*map(tg.from_numpy, operands)).numpy(), expected, rtol=1e-12)
    check_gradient(F.linear, *operands)


@pytest.mark.parametrize("threads", ["one thread", "all threads"])
@pytest.mark.parametrize("shape", [(100, 784, 10), (128, 784, 10), (32, 784, 128), (300, 784, 50), (256, 300, 300)])
def test_linear_of_layers_that_are_large_or_thin(shape, threads, monkeypatch):
    monkeypatch.setattr(blas, "_has_small_kernels", True)
    batch, inputs, outputs = shape
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((batch, inputs)), rng.standard_normal((outputs, inputs))
    with blas.one_thread if threads == "one thread" else contextlib.nullcontext():
        out = F.linear(tg.from_numpy(x), tg.from_numpy(weight), tg.ones(outputs, dtype=tg.float64))
    np.testing.assert_allclose(out.numpy(), np.einsum("bi,oi->bo", x, weight) + 1, rtol=0, atol=1e-11)


@pytest.mark.parametrize("threads", ["one thread", "all threads"])
def test_linear_is_computed_in_parts_whenever_that_pays(threads, monkeypatch):
    monkeypatch.setattr(blas, "_has_small_kernels", True)
    asked = []
    monkeypatch.setattr(linear_algebra, "product", lambda *operands: asked.append(operands))
    for batch, inputs, outputs in itertools.product([1, 10, 32, 100], [100, 255, 256, 784, 2000, 20_000], [1, 10, 30]):
        x, weight = np.zeros((batch, inputs), np.float32), np.zeros((outputs, inputs), np.float32)
        asked.clear()
        with blas.one_thread if threads == "one thread" else contextlib.nullcontext():
            F.linear(tg.from_numpy(x), tg.from_numpy(weight))
            assert asked or blas.product(x, weight.T) is None, (batch, inputs, outputs)


def test_linear_of_one_output_without_its_dimension():
    assert F.linear(tg.ones(2, 3), tg.tensor([1.0, 2.0, 3.0])).tolist() == [6.0, 6.0]


@pytest.mark.parametrize("batch", [1, 5])
def test_gradients_of_linear_lie_in_memory_as_their_tensors_do(batch):
    x, weight = tg.randn(batch, 3, requires_grad=True), tg.randn(4, 3, requires_grad=True)
    F.linear(x, weight).sum().backward()
    assert x.grad.is_contiguous()
    assert weight.grad.is_contiguous()


def test_linear_leaves_its_operands_as_they_were():
    x, weight, bias = tg.ones(2, 3), tg.ones(4, 3), tg.ones(4)
    F.linear(x, weight, bias)
    assert x.sum() == 6
    assert weight.sum() == 12
    assert bias.sum() == 4


@pytest.mark.parametrize(
    ("x", "bias"),
    [((2, 3), (2, 4)), ((2, 3), (1, 4)), ((2, 5, 3), (5, 4)), ((2, 5, 3), (2, 5, 4)), ((2, 5, 3), (1,)), ((2, 3), ())],
)
def test_a_bias_is_broadcast_to_the_output(x, bias):
    operands = [array(*shape) for shape in (x, (4, 3), bias)]
    out = F.linear(*map(tg.from_numpy, operands))
    assert np.allclose(out.numpy(), operands[0] @ operands[1].T + operands[2])
    check_gradient(F.linear, *operands)


def test_the_op_takes_a_bias_of_one_dimension():
    with pytest.raises(RuntimeError, match=r"linear: a bias of shape \[6, 4\] does not fit"):
        linear_algebra.linear(tg.ones(2, 3, 3), tg.ones(4, 3), tg.ones(6, 4))


@pytest.mark.parametrize(
    ("x", "weight", "bias", "message"),
    [
        ((2, 3), (4, 5), None, "mat1 and mat2 shapes cannot be multiplied (2x3 and 5x4)"),
        ((7, 2, 3), (4, 5), None, "mat1 and mat2 shapes cannot be multiplied (14x3 and 5x4)"),
        ((2, 3), (4, 3), (5,), "linear: a bias of shape [5] does not fit an output of shape [2, 4]"),
        ((2, 3), (4, 3), (2, 2, 4), "linear: a bias of shape [2, 2, 4] does not fit an output of shape [2, 4]"),
        ((2, 3, 3), (4, 3), (6, 4), "linear: a bias of shape [6, 4] does not fit an output of shape [2, 3, 4]"),
        (
            (2, 3),
            (1, 4, 3),
            None,
            "linear: expected input of at least 1 dimension and weight of 2, but they are 2D and 3D",
        ),
        ((), (4, 3), None, "linear: expected input of at least 1 dimension and weight of 2, but they are 0D and 2D"),
    ],
)
def test_linear_says_which_shapes_do_not_fit(x, weight, bias, message):
    with pytest.raises(RuntimeError, match=exactly(message)):
        F.linear(tg.ones(x), tg.ones(weight), None if bias is None else tg.ones(bias))


def test_linear_says_which_dtypes_do_not_fit():
    with pytest.raises(RuntimeError, match="expected input and bias to have the same dtype"):
        F.linear(tg.ones(2, 3), tg.ones(4, 3), tg.ones(4, dtype=tg.float64))
    with pytest.raises(RuntimeError, match="expected input and bias to have the same dtype"):
        F.linear(tg.ones(2, 3), tg.ones(4, 3), tg.ones(2, 4, dtype=tg.float64))
