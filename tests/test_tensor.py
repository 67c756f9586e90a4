"""The Tensor itself: what it is, its gradient, its conversions, copies, casts, and its Python protocols."""

import copy
import math
import pickle

import numpy as np
import pytest

import tinygrad_np as tg

FLOATS = [tg.float16, tg.float32, tg.float64]


# ---- what it is ----------------------------------------------------------------------------------------------------


def test_shape_and_size():
    t = tg.zeros(2, 3, 4)
    assert t.shape == (2, 3, 4)
    assert isinstance(t.shape, tg.Size)
    assert t.shape.numel() == t.numel() == t.nelement() == 24
    assert repr(t.shape) == "Size([2, 3, 4])"
    for shape in (t.shape[1:], t.shape + (5,), (5,) + t.shape):
        assert isinstance(shape, tg.Size)
    assert t.shape[1:].numel() == 12
    assert (1, *t.shape) == (1,) + t.shape == (1, 2, 3, 4)
    assert t.shape[0] == 2
    assert (t.shape + np.array([1, 1, 1])).tolist() == (np.array([1, 1, 1]) + t.shape).tolist() == [3, 4, 5]
    assert t.shape * 2 == np.int64(2) * t.shape == (2, 3, 4, 2, 3, 4)
    with pytest.raises(TypeError):
        [1] + t.shape
    assert t.size() == t.shape
    assert (t.size(0), t.size(-1), t.size(dim=1)) == (2, 4, 3)
    assert t.ndim == t.dim() == 3
    assert (t.itemsize, t.element_size(), t.nbytes) == (4, 4, 96)
    with pytest.raises(IndexError, match=r"\[-3, 2\]"):
        t.size(3)


def test_zero_dimensional_and_empty():
    assert (tg.tensor(1.0).shape, tg.tensor(1.0).numel()) == ((), 1)
    assert (tg.zeros(2, 0).shape, tg.zeros(2, 0).numel()) == ((2, 0), 0)
    assert tg.Size(()).numel() == 1


def test_strides_are_counted_in_elements():
    t = tg.zeros(2, 3, dtype="float64")
    assert (t.stride(), t.T.stride(), t.stride(0), t.stride(-1)) == ((3, 1), (1, 3), 3, 1)
    assert t.expand(4, 2, 3).stride() == (0, 3, 1)
    assert t.is_contiguous()
    assert not t.T.is_contiguous()


def test_contiguous():
    t = tg.zeros(2, 3)
    assert t.contiguous() is t
    c = t.T.contiguous()
    assert c.is_contiguous()
    assert not np.shares_memory(c.numpy(), t.numpy())


def test_data_ptr_tells_who_shares_memory():
    t = tg.zeros(2, 3)
    assert t.data_ptr() == t.view(6).data_ptr() == t.detach().data_ptr()
    assert t[0, 1:].data_ptr() == t.data_ptr() + 4
    assert t.clone().data_ptr() != t.data_ptr()


def test_is_floating_point():
    assert all(tg.zeros(1, dtype=dtype).is_floating_point() for dtype in FLOATS)
    assert not any(tg.zeros(1, dtype=dtype).is_floating_point() for dtype in (tg.int64, tg.uint8, "bool"))


# ---- Python's protocols --------------------------------------------------------------------------------------------


def test_len_and_iteration():
    t = tg.tensor([[1, 2], [3, 4]])
    assert len(t) == 2
    assert [row.tolist() for row in t] == [[1, 2], [3, 4]]
    _, b = t
    assert b.tolist() == [3, 4]
    assert list(tg.zeros(0, 3)) == []
    with pytest.raises(TypeError, match=r"len\(\) of a 0-d tensor"):
        len(tg.tensor(1))
    with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
        iter(tg.tensor(1))


def test_iteration_is_differentiable():
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    sum(k * element for k, element in enumerate(x)).backward()
    assert x.grad.tolist() == [0.0, 1.0, 2.0]


def test_containment():
    t = tg.tensor([[1.0, 2.0], [3.0, math.nan]])
    assert 2 in t
    assert tg.tensor(3.0) in t
    assert 5 not in t
    assert math.nan not in t


def test_hash_is_by_identity():
    a, b = tg.ones(1), tg.ones(1)
    assert hash(a) != hash(b) or a is b
    assert {a: "a", b: "b"}[a] == "a"
    assert len({a, b, a}) == 2


@pytest.mark.parametrize(("value", "truth"), [(0.0, False), (2.5, True), (math.nan, True), (0, False), (True, True)])
@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_truth(value, truth, shape):
    assert bool(tg.full(shape, value)) is truth


def test_truth_of_several_values_is_ambiguous():
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value is ambiguous"):
        bool(tg.ones(2))
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with no values is ambiguous"):
        bool(tg.ones(0))


def test_python_numbers():
    t = tg.tensor([[2.75]], requires_grad=True)
    assert (float(t), int(t), t.item()) == (2.75, 2, 2.75)
    assert type(t.item()) is float
    assert type(tg.tensor(3).item()) is int
    assert tg.tensor(True).item() is True
    assert math.isnan(float(tg.tensor(math.nan)))
    assert math.sqrt(tg.tensor(4.0)) == 2.0
    with pytest.raises(ValueError, match="NaN"):
        int(tg.tensor(math.nan))


@pytest.mark.parametrize("size", [0, 2])
def test_several_values_are_no_number(size):
    t = tg.ones(size)
    with pytest.raises(RuntimeError, match=f"a Tensor with {size} elements cannot be converted to Scalar"):
        t.item()
    for convert in (float, int):
        with pytest.raises(ValueError, match="only one element tensors can be converted to Python scalars"):
            convert(t)


def test_integers_can_index():
    assert range(5)[tg.tensor(2)] == 2
    assert [10, 20, 30][tg.tensor([1])] == 20
    assert hex(tg.tensor(255, dtype="uint8")) == "0xff"
    for bad in (tg.tensor(2.0), tg.tensor([1, 2]), tg.tensor([], dtype="int64")):
        with pytest.raises(TypeError, match="only integer tensors of a single element can be converted to an index"):
            range(5)[bad]


def test_formatting():
    t = tg.tensor(1.5, requires_grad=True)
    assert f"{t:.3f}" == "1.500"
    assert f"{t}" == "1.5"  # as in PyTorch; str(t) is "tensor(1.5000, ...)"
    assert f"{tg.tensor(3):03d}" == "003"
    assert f"{tg.ones(2)}" == "tensor([1., 1.])"
    with pytest.raises(TypeError, match="unsupported format string"):
        format(tg.ones(2), ".3f")


# ---- to and from NumPy ---------------------------------------------------------------------------------------------


def test_tolist():
    assert tg.tensor([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]
    assert tg.tensor(1.5).tolist() == 1.5
    assert tg.zeros(2, 0).tolist() == [[], []]
    assert tg.ones(1, requires_grad=True).tolist() == [1.0]


def test_numpy_shares_memory():
    t = tg.zeros(2)
    array = t.numpy()
    array[0] = 5
    assert t.tolist() == [5.0, 0.0]
    t.add_(1)
    assert array.tolist() == [6.0, 1.0]


def test_numpy_of_a_tensor_that_requires_grad():
    x = tg.ones(2, requires_grad=True)
    for convert in (lambda t: t.numpy(), np.array, np.asarray):
        for tensor in (x, 2 * x):
            with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
                convert(tensor)
    assert x.numpy(force=True).tolist() == [1.0, 1.0]
    assert x.detach().numpy().tolist() == [1.0, 1.0]
    with tg.no_grad():
        assert (2 * x).numpy().tolist() == [2.0, 2.0]


def test_arrays_of_tensors():
    t = tg.ones(2)
    assert np.shares_memory(np.asarray(t), t.numpy())
    assert not np.shares_memory(np.array(t), t.numpy())
    assert np.array(t, dtype="float64").dtype == np.float64
    with pytest.raises(ValueError, match="copy"):
        np.array(t, dtype="float64", copy=False)


# ---- grad ----------------------------------------------------------------------------------------------------------


def test_grad_can_be_set():
    x = tg.ones(2, requires_grad=True)
    assert x.grad is None
    x.grad = g = tg.tensor([1.0, 2.0])
    assert x.grad is g
    x.grad = None
    assert x.grad is None
    x.grad = g
    del x.grad
    assert x.grad is None


def test_grad_must_fit():
    x = tg.ones(2, requires_grad=True)
    for bad, error, message in [
        (1.0, TypeError, "Tensor or None but got float"),
        (np.ones(2, "float32"), TypeError, "ndarray"),
        (tg.ones(3), RuntimeError, r"\[3\].*\[2\]"),
        (tg.ones(2, dtype="float64"), RuntimeError, "float64.*float32"),
        (x, RuntimeError, "own grad"),
    ]:
        with pytest.raises(error, match=message):
            x.grad = bad
    assert x.grad is None


# ---- data ----------------------------------------------------------------------------------------------------------


def test_data_is_outside_the_graph():
    x = tg.ones(2, requires_grad=True)
    assert not x.data.requires_grad
    x.data.mul_(3)
    assert x.tolist() == [3.0, 3.0]
    assert x.is_leaf


def test_data_can_be_replaced():
    x = tg.ones(2, requires_grad=True)
    y = 3 * x
    other = tg.tensor([[5.0]])
    x.data = other
    assert x.tolist() == [[5.0]]
    assert x.data_ptr() == other.data_ptr()
    (x * x).backward()
    assert x.grad.tolist() == [[10.0]]
    y.data = tg.zeros(2)
    assert y.requires_grad


def test_data_must_be_a_tensor_that_can_have_a_gradient():
    x = tg.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match="Variable data has to be a tensor, but got int"):
        x.data = 3
    with pytest.raises(RuntimeError, match="floating point"):
        x.data = tg.tensor([1, 2])
    plain = tg.ones(2)
    plain.data = tg.tensor([1, 2])
    assert plain.dtype == tg.int64


# ---- copies --------------------------------------------------------------------------------------------------------


def test_clone_is_differentiable():
    x = tg.ones(2, requires_grad=True)
    y = x.clone()
    assert not np.shares_memory(y.numpy(force=True), x.numpy(force=True))
    (3 * y).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_deepcopy():
    x = tg.ones(2, requires_grad=True)
    x.sum().backward()
    c = copy.deepcopy(x)
    assert c.requires_grad
    assert c.is_leaf
    assert c.grad.tolist() == [1.0, 1.0]
    assert not np.shares_memory(c.grad.numpy(), x.grad.numpy())
    assert not np.shares_memory(c.numpy(force=True), x.numpy(force=True))
    (2 * c).sum().backward()
    assert (x.grad.tolist(), c.grad.tolist()) == ([1.0, 1.0], [3.0, 3.0])
    assert not copy.deepcopy(tg.ones(1)).requires_grad


def test_deepcopy_keeps_what_is_the_same_the_same():
    x = tg.ones(2, requires_grad=True)
    a, b = copy.deepcopy([x, x])
    assert a is b


def test_deepcopy_of_what_is_computed():
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(2 * tg.ones(1, requires_grad=True))


def test_copy_shares_memory():
    x = tg.ones(2, requires_grad=True)
    c = copy.copy(x)
    assert c is not x
    assert c.requires_grad
    assert c.is_leaf
    assert c.data_ptr() == x.data_ptr()
    (3 * c).sum().backward()
    assert x.grad is None
    with tg.no_grad():
        c.add_(1)
    assert x._version == c._version == 1


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol):
    for dtype in (*FLOATS, tg.int64, tg.uint8, np.dtype("bool")):
        t = tg.ones(2, 3).to(dtype)
        loaded = pickle.loads(pickle.dumps(t, protocol))
        assert tg.equal(loaded, t)
        assert loaded.dtype == dtype
        assert not loaded.requires_grad


def test_pickle_keeps_requires_grad_and_not_the_graph():
    x = tg.ones(2, requires_grad=True)
    x.sum().backward()
    for tensor in (x, 2 * x):
        loaded = pickle.loads(pickle.dumps(tensor))
        assert loaded.tolist() == tensor.tolist()
        assert loaded.requires_grad
        assert loaded.is_leaf
        assert loaded.grad is None
        loaded.add(1).sum().backward()
        assert loaded.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_copies_of_parameters_are_parameters(duplicate):
    parameter = tg.nn.Parameter(tg.ones(2))
    c = duplicate(parameter)
    assert type(c) is tg.nn.Parameter
    assert c.requires_grad
    assert c.tolist() == [1.0, 1.0]


def test_pickle_of_a_view_is_of_the_view_alone():
    view = tg.zeros(1000)[:2]
    assert len(pickle.dumps(view)) < 1000


# ---- casts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "dtype"),
    [
        ("float", "float32"),
        ("double", "float64"),
        ("half", "float16"),
        ("int", "int32"),
        ("long", "int64"),
        ("short", "int16"),
        ("byte", "uint8"),
        ("char", "int8"),
        ("bool", "bool"),
    ],
)
def test_casting_methods(method, dtype):
    t = tg.tensor([0.0, 1.7])
    cast = getattr(t, method)()
    assert cast.dtype == np.dtype(dtype)
    assert cast.tolist() == t.numpy().astype(dtype).tolist()
    assert getattr(cast, method)() is cast


def test_to():
    t = tg.ones(2)
    assert t.to(tg.float32) is t
    assert t.to("cpu") is t
    assert t.to(t) is t
    assert t.cpu() is t
    for cast in (
        t.to(tg.float64),
        t.to("float64"),
        t.to(dtype=tg.float64),
        t.to("cpu", tg.float64),
        t.to(tg.zeros(1, dtype="float64")),
        t.type_as(tg.zeros(1, dtype="float64")),
        t.astype("float64"),
    ):
        assert cast.dtype == tg.float64
    c = t.to(tg.float32, copy=True)
    assert c is not t
    assert not np.shares_memory(c.numpy(), t.numpy())


@pytest.mark.parametrize("target", ["cuda", "meta", "complex64", "nonsense"])
def test_to_what_there_is_not(target):
    with pytest.raises((RuntimeError, TypeError), match=target):
        tg.ones(1).to(target)


def test_casts_are_differentiable():
    x = tg.ones(2, requires_grad=True)
    (x.double() * 3).half().sum().backward()
    assert x.grad.dtype == tg.float32
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_cast_to_integers_leaves_the_graph():
    x = tg.ones(2, requires_grad=True)
    for cast in (x.long(), x.bool(), x.to("uint8")):
        assert not cast.requires_grad


# ---- assignment ----------------------------------------------------------------------------------------------------


def test_setitem():
    t = tg.zeros(2, 3)
    t[0] = 1
    t[1, 1:] = tg.tensor([2.0, 3.0])
    t[..., 0] = 9
    assert t.tolist() == [[9.0, 1.0, 1.0], [9.0, 2.0, 3.0]]
    t[t > 5] = 0
    t[[0, 1], [1, 2]] = -1
    t[tg.tensor([1])] = t[tg.tensor([0])]
    assert t.tolist() == [[0.0, -1.0, 1.0], [0.0, -1.0, 1.0]]


def test_setitem_casts_and_broadcasts():
    t = tg.zeros(2, 3, dtype="int64")
    t[:] = tg.tensor([[1.7], [-1.7]])
    assert t.tolist() == [[1] * 3, [-1] * 3]
    b = tg.zeros(2, dtype="bool")
    b[0] = 5
    assert b.tolist() == [True, False]


@pytest.mark.parametrize(
    ("dtype", "value", "kept"),
    [("uint8", -2, 254), ("uint8", 1.7, 1), ("uint8", 300, None), ("int32", 2**40, None), ("int64", math.nan, None)],
)
def test_a_number_must_fit_an_integer_dtype(dtype, value, kept):
    x = tg.ones(2, dtype=dtype)
    mask = x == 1
    ways = [lambda: x.clone().fill_(value), lambda: x.masked_fill(mask, value), lambda: assigned(x.clone(), value)]
    for way in ways:
        if kept is None:
            with pytest.raises(RuntimeError, match="value cannot be converted to type"):
                way()
        else:
            assert way().tolist() == [kept, kept]


def assigned(x, value):
    x[:] = value
    return x


def test_setitem_through_overlapping_memory():
    t = tg.arange(5)
    t[1:] = t[:-1]
    assert t.tolist() == [0, 0, 1, 2, 3]


def test_setitem_out_of_range_or_of_the_wrong_shape():
    t = tg.zeros(3)
    with pytest.raises(IndexError, match="index 5 is out of bounds for dimension 0 with size 3"):
        t[5] = 1.0
    with pytest.raises(RuntimeError, match="shape"):
        t[:2] = tg.ones(3)
    with pytest.raises(IndexError):
        t[0, 0] = 1.0
    assert t.tolist() == [0.0, 0.0, 0.0]


def test_read_only_arrays_stay_as_they_are():
    array = np.zeros(2, "float32")
    array.flags.writeable = False
    t = tg.as_tensor(array)
    if np.shares_memory(t.numpy(), array):
        with pytest.raises(RuntimeError, match="clone"):
            t[0] = 1.0
    else:
        t[0] = 1.0
    assert array.tolist() == [0.0, 0.0]


# ---- NaN -----------------------------------------------------------------------------------------------------------


def test_nan():
    t = tg.tensor([1.0, math.nan])
    assert (t == t).tolist() == [True, False]
    assert (t != t).tolist() == [False, True]
    assert t.isnan().tolist() == [False, True]
    assert math.isnan(t.sum().item())
    assert math.isnan(t.max().item())
    assert repr(t) == "tensor([1., nan])"
