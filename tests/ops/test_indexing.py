"""Indexing where PyTorch's conventions show: what is a view, where dimensions go, repeated indices, errors.

Expected values are PyTorch's (2.13), unless a test says otherwise.
"""

import math

import numpy as np
import pytest

import tinygrad_np as tg
from tests.ops.derivatives import gradient
from tinygrad_np.nn import functional as F
from tinygrad_np.testing import check_gradient

INF, NAN = math.inf, math.nan


def cube():
    return tg.arange(24.0).reshape(2, 3, 4)


# ---- x[index] --------------------------------------------------------------------------------------------------------

BASIC = [
    0,
    -1,
    slice(1, None),
    slice(None, -1),
    slice(None, None, 2),
    slice(5, 9),
    None,
    ...,
    (),
    (1, 2),
    (1, -1, 3),
    (slice(None), 0),
    (..., 0),
    (0, ..., slice(1, 3)),
    (None, 0, ..., None),
    (1, 2, 3, ...),
    np.int64(1),
    (np.int32(0), slice(np.int64(1), None)),
]


@pytest.mark.parametrize("index", BASIC, ids=str)
def test_a_basic_index_gives_a_view(index):
    x = cube()
    picked = x[index]
    assert picked.tolist() == np.arange(24.0).reshape(2, 3, 4)[index].tolist()
    x += 100
    assert picked.tolist() == (np.arange(24.0).reshape(2, 3, 4) + 100)[index].tolist()
    assert picked._version == x._version


def test_one_element_is_a_view_too():
    x = tg.zeros(3)
    first, last = x[0], x[..., -1]
    x += 1
    assert (first.item(), last.item()) == (1, 1)


def test_a_0d_tensor_is_an_integer():
    x = cube()
    row = x[tg.tensor(1), :, tg.tensor(-1)]
    x.zero_()
    assert row.tolist() == [0, 0, 0]  # a view
    assert cube()[tg.tensor(1) : tg.tensor(2)].shape == (1, 3, 4)


ADVANCED = [
    [0, 1],
    [-1],
    [],
    [True, False],
    range(2),
    ([0, 1], [1, 2]),
    ([[0], [1]], [0, 2]),
    (slice(None), [0, 0, 2]),
    (..., [3, 3]),
    ([0, 1], slice(None), [1, 2]),
    ([1, 0], ..., [1, 2]),
    ([1, 0], None, [1, 2]),
    (slice(0, 1), [1, 2]),
    (slice(None), [True, False, True]),
    ([True, False], [0, 1]),
    True,
    False,
    (slice(None), True),
    (True, [0, 1]),
]


@pytest.mark.parametrize("index", ADVANCED, ids=str)
def test_an_advanced_index_gives_a_copy(index):
    x = cube()
    picked = x[index]
    expected = np.arange(24.0).reshape(2, 3, 4)[index]
    assert picked.shape == expected.shape
    assert picked.tolist() == expected.tolist()
    x += 100
    assert picked.tolist() == expected.tolist()


def test_tensors_arrays_and_lists_of_tensors_are_indices():
    x, rows = cube(), [1, 0, 1]
    expected = x[rows].tolist()
    assert x[tg.tensor(rows)].tolist() == expected
    assert x[tg.tensor(rows, dtype=tg.int32)].tolist() == expected
    assert x[np.array(rows)].tolist() == expected
    assert x[[tg.tensor(1), tg.tensor(0), tg.tensor(1)]].tolist() == expected  # a tuple in PyTorch, with a warning
    assert x[tg.tensor([[1, 0], [0, 1]])].shape == (2, 2, 3, 4)


def test_masks_cover_one_or_several_dims():
    x = cube()
    assert x[x > 20].tolist() == [21, 22, 23]
    assert x[x[:, :, 0] > 10].shape == (3, 4)
    assert x[1, x[1, :, 0] > 12].tolist() == [[16, 17, 18, 19], [20, 21, 22, 23]]
    assert x[x[:, :, 0] > 10, 1:3].shape == (3, 2)
    assert x[x < 0].shape == (0,)
    assert tg.tensor(5.0)[tg.tensor(True)].tolist() == [5]


@pytest.mark.parametrize(
    ("index", "shape"),
    [
        ((0, slice(None), [1, 2]), (3, 2)),  # (2, 3) in NumPy
        ((slice(None), 0, [1, 2]), (2, 2)),
        (([0, 1, 1], slice(None), 0), (3, 3)),
        (([0, 1, 1], 0), (3, 4)),
        ((None, 0, slice(None), [1, 2]), (1, 3, 2)),
        (([0, 1, 1], slice(None), [1, 2, 3]), (3, 3)),
        ((slice(None), [0, 1], None, [1, 2]), (2, 2, 1)),
    ],
)
def test_an_integer_beside_an_advanced_index_is_basic(index, shape):
    assert cube()[index].shape == shape


def test_uint8_is_a_mask_still():
    with pytest.warns(UserWarning, match="uint8 is (now )?deprecated"):
        assert cube()[tg.tensor([0, 1], dtype=tg.uint8)].shape == (1, 3, 4)


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        (2, IndexError, "index 2 is out of bounds for dimension 0 with size 2"),
        (-3, IndexError, "index -3 is out of bounds for dimension 0 with size 2"),
        ((0, 3), IndexError, "index 3 is out of bounds"),
        ([0, 2], IndexError, "index 2 is out of bounds for dimension 0 with size 2"),
        ((slice(None), [3]), IndexError, "index 3 is out of bounds for dimension [01] with size 3"),
        ((0, 0, 0, 0), IndexError, "too many indices for tensor of dimension 3"),
        (([0], 0, ..., 0, 0), IndexError, "too many indices for tensor of dimension 3"),
        ([True], IndexError, r"shape of the mask \[1\] at index 0 does not match the shape of the indexed tensor"),
        ((0, [True, False]), IndexError, r"shape of the mask \[2\] at index"),
        (([0, 1], [0, 1, 2]), IndexError, "shape mismatch: indexing"),
        (slice(None, None, -1), ValueError, "step must be greater than zero"),
        (1.0, IndexError, "only integers, slices"),
        ((0, {}), IndexError, "only integers, slices"),
        (np.array([0.5]), IndexError, "indices"),
    ],
    ids=str,
)
def test_indices_that_there_are_not(index, error, message):
    with pytest.raises(error, match=message):
        _ = cube()[index]
    with pytest.raises(error, match=message):
        cube()[index] = 0


def test_a_0d_tensor_has_nothing_to_index():
    for index in (0, slice(None), [0], tg.tensor([0])):
        with pytest.raises(IndexError):
            _ = tg.tensor(1.0)[index]
    assert tg.tensor(1.0)[...].shape == tg.tensor(1.0)[()].shape == ()
    assert tg.tensor(1.0)[None].shape == (1,)


# ---- its gradient ----------------------------------------------------------------------------------------------------


def test_the_gradient_of_a_view_is_zero_elsewhere():
    assert gradient(lambda x: 3 * x[1:, 0], [[1.0, 2], [3, 4]]) == [[0, 0], [3, 0]]
    assert gradient(lambda x: x[::2] * tg.tensor([1.0, 2]), [1.0, 2, 3]) == [1, 0, 2]
    assert gradient(lambda x: x[0] * x[-1], [2.0, 0, 3]) == [3, 0, 2]


def test_repeated_indices_add_up():
    weights = tg.tensor([1.0, 10, 100])
    assert gradient(lambda x: x[[0, 0, -3]] * weights, [1.0, 2, 3]) == [111, 0, 0]
    assert gradient(lambda x: x[[1, 0, 1]] * weights[:, None], [[1.0, 2], [3, 4]]) == [[10, 10], [101, 101]]
    assert gradient(lambda x: x[:, [1, 1]], [[1.0, 2], [3, 4]]) == [[0, 2], [0, 2]]
    assert gradient(lambda x: x[[0, 0, 1], [1, 1, 0]] * weights, [[1.0, 2], [3, 4]]) == [[0, 11], [100, 0]]
    assert gradient(lambda x: x[tg.tensor([[0, 0], [0, 1]])], [1.0, 2]) == [3, 1]


def test_the_gradient_of_masks_and_mixtures():
    assert gradient(lambda x: 2 * x[x > 1.5], [1.0, 2, 3]) == [0, 2, 2]
    assert gradient(lambda x: 2 * x[x[:, 0] > 2], [[1.0, 2], [3, 4]]) == [[0, 0], [2, 2]]
    assert gradient(lambda x: x[1:, [0, 0], None], [[1.0, 2], [3, 4]]) == [[0, 0], [2, 0]]
    assert gradient(lambda x: x[[True, False, True], [1, 1]], [[1.0, 2], [3, 4], [5, 6]]) == [[0, 1], [0, 0], [0, 1]]


def test_half_precision_gradients_stay_half():
    x = tg.ones(3, dtype=tg.float16, requires_grad=True)
    x[[0, 0]].sum().backward()
    assert x.grad.dtype == tg.float16
    assert x.grad.tolist() == [2, 0, 0]


@pytest.mark.parametrize("where", ["alone", "in a tuple"])
def test_an_index_that_is_changed_later(where):  # an error in PyTorch
    x, index = tg.ones(3, requires_grad=True), tg.tensor([0, 0])
    picked = x[index] if where == "alone" else x[None][0, index]
    index += 2
    picked.sum().backward()
    assert x.grad.tolist() == [2, 0, 0]


def test_second_derivatives_through_indices():
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (slope,) = tg.autograd.grad((x[[0, 0, 2]] ** 3 * x[1:2]).sum(), x, create_graph=True)
    (curvature,) = tg.autograd.grad(slope.sum(), x)
    assert slope.tolist() == [12, 29, 54]
    assert curvature.tolist() == [24 + 6, 6 + 27, 36 + 27]


# ---- x[index] = value ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "value", "expected"),
    [
        (0, 7.0, [[7, 7, 7], [3, 4, 5]]),
        ((slice(None), 1), tg.tensor([8.0, 9.0]), [[0, 8, 2], [3, 9, 5]]),
        (..., tg.tensor([[1.0], [2.0]]), [[1, 1, 1], [2, 2, 2]]),
        ((1, 2), tg.tensor(7.0), [[0, 1, 2], [3, 4, 7]]),
        (0, tg.ones(1, 1, 3), [[1, 1, 1], [3, 4, 5]]),
        ([1, 0], tg.tensor([[1.0], [2.0]]), [[2, 2, 2], [1, 1, 1]]),
        (([0, 1], [2, 0]), tg.tensor([8.0, 9.0]), [[0, 1, 8], [9, 4, 5]]),
        ((1, [0, 2]), 7, [[0, 1, 2], [7, 4, 7]]),
        ([False, True], tg.tensor([7.0, 8.0, 9.0]), [[0, 1, 2], [7, 8, 9]]),
        (tg.arange(6.0).reshape(2, 3) > 3, tg.tensor([8.0, 9.0]), [[0, 1, 2], [3, 8, 9]]),
        (tg.arange(6.0).reshape(2, 3) > 3, 0, [[0, 1, 2], [3, 0, 0]]),
        (tg.arange(6.0).reshape(2, 3) > 3, tg.tensor([[[8.0, 9.0]]]), [[0, 1, 2], [3, 8, 9]]),
        (slice(0, 0), 7.0, [[0, 1, 2], [3, 4, 5]]),
    ],
    ids=str,
)
def test_assignment(index, value, expected):
    x = tg.arange(6.0).reshape(2, 3)
    x[index] = value
    assert x.tolist() == expected


def test_what_is_selected_is_contiguous_whatever_the_layout():
    x = tg.arange(24).reshape(2, 3, 4).permute(2, 0, 1)
    assert all(x.index_select(dim, tg.tensor([0, 1])).is_contiguous() for dim in range(3))
    assert tg.nn.functional.one_hot(x).is_contiguous()


def test_assignment_casts():
    x = tg.tensor([1, 2])
    x[0] = 7.9
    x[1] = tg.tensor(-3.7)
    assert x.tolist() == [7, -3]
    with pytest.raises(RuntimeError, match="cannot be converted to type uint8(_t)? without overflow"):
        tg.zeros(2, dtype=tg.uint8)[0] = 300


def test_assignment_from_the_same_memory():
    x = tg.arange(4)
    x[1:] = x[:-1].clone()
    assert x.tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("index", [0, [0, 1], [True, False], (slice(None), [0, 1])], ids=str)
def test_values_that_do_not_fit(index):
    with pytest.raises(RuntimeError, match="shape mismatch|must match the existing size"):
        tg.zeros(2, 3)[index] = tg.zeros(4)


# ---- along a dimension -----------------------------------------------------------------------------------------------


def test_gather_and_scatter_add():
    x = tg.tensor([[1.0, 2, 3], [4, 5, 6]])
    index = tg.tensor([[2, 0, 2]])
    assert x.gather(1, index).tolist() == [[3, 1, 3]]  # fewer rows
    assert x.gather(-1, index.int()).tolist() == [[3, 1, 3]]
    assert x.gather(0, tg.tensor([[1, 0], [0, 0], [1, 1]])).tolist() == [[4, 2], [1, 2], [4, 5]]
    assert gradient(lambda t: t.gather(1, index) * tg.tensor([1.0, 10, 100]), x.tolist()) == [[10, 0, 101], [0, 0, 0]]
    assert x.scatter_add(1, index, tg.tensor([[1.0, 10, 100]])).tolist() == [[11, 2, 104], [4, 5, 6]]
    assert tg.tensor(2.0).gather(0, tg.tensor(0)).item() == 2


def test_scatter():
    x = tg.zeros(2, 3)
    assert x.scatter(1, tg.tensor([[2], [0]]), 1.5).tolist() == [[0, 0, 1.5], [1.5, 0, 0]]
    src = tg.tensor([[1.0, 2], [3, 4]], requires_grad=True)
    target = tg.ones(2, 3, requires_grad=True)
    out = target.scatter(0, tg.tensor([[1, 0]]), src[:1])
    assert out.tolist() == [[1, 2, 1], [1, 1, 1]]
    (out * tg.tensor([[1.0, 2, 3], [4, 5, 6]])).sum().backward()
    assert target.grad.tolist() == [[1, 0, 3], [0, 5, 6]]
    assert src.grad.tolist() == [[4, 2], [0, 0]]
    assert x.tolist() == [[0, 0, 0], [0, 0, 0]]  # not in place


def test_a_source_larger_than_the_index():
    src = tg.tensor([[1.0, 2, 3], [4, 5, 6]])
    assert tg.zeros(2, 2).scatter_add(0, tg.tensor([[1, 1]]), src).tolist() == [[0, 0], [1, 2]]


@pytest.mark.parametrize("op", [tg.scatter, tg.scatter_add])
def test_the_gradient_of_a_source_larger_than_the_index(op):  # which PyTorch does not take
    index, weights = tg.tensor([[1, 1]]), tg.tensor([[1.0, 2], [3, 4]])
    slope = gradient(lambda src: op(tg.zeros(2, 2, dtype=tg.float64), 0, index, src) * weights, [[1.0, 2, 3]] * 2)
    assert slope == [[3, 4, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x.gather(0, tg.tensor([[2]])), "index 2 is out of bounds for dimension 0 with size 2"),
        (lambda x: x.gather(0, tg.tensor([[-1]])), "index -1 is out of bounds for dimension 0 with size 2"),
        (lambda x: x.gather(0, tg.tensor([0])), "same number of dimensions as input tensor"),
        (lambda x: x.gather(0, tg.zeros(1, 4, dtype=tg.int64)), "no larger than self"),
        (lambda x: x.gather(0, tg.zeros(1, 1)), "Expected dtype int32/int64 for index"),
        (lambda x: x.scatter(0, tg.tensor([[2]]), 1.0), "index 2 is out of bounds for dimension 0 with size 2"),
        (lambda x: x.scatter(0, tg.tensor([[0, 0]]), tg.zeros(1, 1)), "no larger.* than src"),
        (
            lambda x: x.scatter(0, tg.tensor([[0]]), tg.zeros(1, 1, dtype=tg.float64)),
            "self.dtype to be equal to src.dtype",
        ),
    ],
)
def test_what_cannot_be_gathered_or_scattered(call, message):
    with pytest.raises(RuntimeError, match=message):
        call(tg.zeros(2, 3))


def test_scatter_add_takes_no_number():
    with pytest.raises(TypeError, match="'src'.* must be Tensor"):
        tg.zeros(3).scatter_add(0, tg.tensor([0]), 1.0)


def test_take_along_dim():
    x = tg.tensor([[10, 30, 20], [60, 40, 50]])
    assert tg.take_along_dim(x, x.argsort(1), 1).tolist() == [[10, 20, 30], [40, 50, 60]]
    assert tg.take_along_dim(x, x.argmax(0, keepdim=True), dim=0).tolist() == [[60, 40, 50]]
    assert tg.take_along_dim(x, tg.tensor([4, 0])).tolist() == [40, 10]
    assert tg.take_along_dim(x, tg.tensor([[-1]]), 1).tolist() == [[20], [50]]  # broadcast, from the end
    with pytest.raises(RuntimeError, match="same number of dimensions"):
        tg.take_along_dim(x, tg.tensor([0]), 1)
    with pytest.raises(RuntimeError, match="broadcast|must match"):
        tg.take_along_dim(x, tg.zeros(3, 1, dtype=tg.int64), 1)


def test_take_along_dim_of_what_is_not_there():  # PyTorch wraps it around
    with pytest.raises(RuntimeError, match="index 3 is out of bounds for dimension 1 with size 3"):
        tg.take_along_dim(tg.zeros(2, 3), tg.tensor([[3]]), 1)


def test_index_select():
    x = tg.tensor([[1.0, 2, 3], [4, 5, 6]])
    assert x.index_select(1, tg.tensor([2, 2])).tolist() == [[3, 3], [6, 6]]
    assert x.T.index_select(-2, tg.tensor([2, 0])).tolist() == [[3, 6], [1, 4]]
    assert x.index_select(0, tg.tensor(1)).tolist() == [[4, 5, 6]]
    assert tg.tensor(3.0).index_select(0, tg.tensor([0])).item() == 3
    assert gradient(lambda t: t.index_select(1, tg.tensor([2, 2, 0])), x.tolist()) == [[1, 0, 2], [1, 0, 2]]
    with pytest.raises(IndexError, match="out of range"):
        x.index_select(0, tg.tensor([2]))
    with pytest.raises(IndexError, match="out of range"):
        x.index_select(0, tg.tensor([-1]))
    with pytest.raises(IndexError, match="Index is supposed to be a vector"):
        x.index_select(0, tg.tensor([[0]]))
    with pytest.raises(RuntimeError, match="Expected dtype int32 or int64"):
        x.index_select(0, tg.tensor([0.0]))


# ---- by mask ---------------------------------------------------------------------------------------------------------


def test_masked_fill():
    x, mask = tg.tensor([1, 2, 3]), tg.tensor([True, False, True])
    assert x.masked_fill(mask, 7.9).tolist() == [7, 2, 7]  # the dtype stays
    assert x.float().masked_fill(mask, -math.inf).tolist() == [-math.inf, 2, -math.inf]
    assert x.masked_fill(tg.tensor([[True], [False]]), 0).tolist() == [[0, 0, 0], [1, 2, 3]]
    assert x.tolist() == [1, 2, 3]
    with pytest.raises(RuntimeError, match="only supports boolean masks"):
        x.masked_fill(x, 0)
    with pytest.raises(RuntimeError, match="only supports a 0-dimensional value tensor"):
        x.masked_fill(mask, tg.tensor([1]))


@pytest.mark.parametrize(
    "fill",
    [
        lambda x, value: x.masked_fill(tg.tensor([True]), value),
        lambda x, value: x.masked_fill(tg.tensor([True]), tg.tensor(value)),
        lambda x, value: x.scatter(0, tg.tensor([0]), value),
    ],
)
@pytest.mark.parametrize(("dtype", "value"), [("float16", 1e9), ("uint8", 300), ("int64", math.nan)])
def test_what_does_not_fit_is_not_filled_in(fill, dtype, value):
    with pytest.raises(RuntimeError, match=f"cannot be converted to type {dtype} without overflow"):
        fill(tg.zeros(1, dtype=getattr(tg, dtype)), value)


def test_the_gradients_of_masked_fill():
    x, value = tg.ones(3, requires_grad=True), tg.tensor(5.0, requires_grad=True)
    (x.masked_fill(tg.tensor([True, False, True]), value) * tg.tensor([1.0, 10, 100])).sum().backward()
    assert x.grad.tolist() == [0, 10, 0]
    assert value.grad.item() == 101


def test_masked_select():
    x = tg.tensor([[1.0, 2], [3, 4]])
    assert x.masked_select(x > 2).tolist() == [3, 4]
    assert x.masked_select(tg.tensor([True, False])).tolist() == [1, 3]
    assert gradient(lambda t: t.masked_select(tg.tensor([[True], [True]])), [1.0, 2]) == [2, 2]
    with pytest.raises(RuntimeError, match="[Bb]ool"):
        x.masked_select(x)


def test_nonzero():
    x = tg.tensor([[1.0, 0], [0, -2]])
    assert x.nonzero().tolist() == [[0, 0], [1, 1]]
    rows, columns = x.nonzero(as_tuple=True)
    assert (rows.tolist(), columns.tolist(), rows.dtype) == ([0, 1], [0, 1], tg.int64)
    assert tg.zeros(2, 3).nonzero().shape == (0, 2)
    assert tg.tensor(5.0).nonzero().shape == (1, 0)
    assert tg.tensor(0.0).nonzero().shape == (0, 0)
    assert [i.tolist() for i in tg.tensor(5.0).nonzero(as_tuple=True)] == [[0]]


def test_one_hot():
    assert F.one_hot(tg.tensor([[0, 2]])).tolist() == [[[1, 0, 0], [0, 0, 1]]]
    assert F.one_hot(tg.tensor(1), 3).tolist() == [0, 1, 0]
    assert F.one_hot(tg.tensor([0])).dtype == tg.int64
    assert F.one_hot(tg.zeros(0, dtype=tg.int64), 3).shape == (0, 3)


@pytest.mark.parametrize(
    ("classes", "num_classes", "message"),
    [
        ([0, -2], -1, "must be non-negative"),
        ([0, 2], 2, "must be smaller than num_classes"),
        ([0], 0, "must be smaller than num_classes"),
        ([0.0], -1, "only applicable to index tensor"),
        (np.zeros(0, np.int64), -1, "Can not infer total number of classes from empty tensor"),
    ],
)
def test_what_has_no_one_hot_form(classes, num_classes, message):
    with pytest.raises(RuntimeError, match=message):
        F.one_hot(tg.tensor(classes), num_classes)


# ---- by order --------------------------------------------------------------------------------------------------------


def test_sorting_is_stable_both_ways():
    x = tg.tensor([2, 1, 2, 1])
    assert x.argsort(stable=True).tolist() == x.sort(stable=True).indices.tolist() == [1, 3, 0, 2]
    assert x.argsort(descending=True, stable=True).tolist() == [0, 2, 1, 3]


def test_nan_is_the_largest():
    x = tg.tensor([1.0, NAN, 3.0])
    assert x.argsort().tolist() == [0, 2, 1]
    assert x.argsort(descending=True).tolist() == [1, 2, 0]
    assert x.topk(2).indices.tolist() == [1, 2]
    assert x.topk(2, largest=False).indices.tolist() == [0, 2]


def test_sorting_along_a_dim():
    x = tg.tensor([[3, 1, 2], [0, 5, 4]])
    assert x.sort(dim=0).values.tolist() == [[0, 1, 2], [3, 5, 4]]
    assert x.sort().values.tolist() == [[1, 2, 3], [0, 4, 5]]
    values, indices = x.topk(2)
    assert (values.tolist(), indices.tolist()) == ([[3, 2], [5, 4]], [[0, 2], [1, 2]])
    assert x.topk(1, dim=0, largest=False).values.tolist() == [[0, 1, 2]]
    assert tg.tensor(3.0).sort().indices.item() == 0
    assert tg.tensor(3.0).topk(1).values.item() == 3
    with pytest.raises(RuntimeError, match="selected index k out of range"):
        x.topk(4)
    with pytest.raises(IndexError, match="Dimension out of range"):
        x.sort(2)


def test_the_gradient_goes_where_the_values_came_from():
    weights = tg.tensor([1.0, 10, 100])
    assert gradient(lambda x: x.sort().values * weights, [3.0, 1.0, 2.0]) == [100, 1, 10]
    assert gradient(lambda x: x.topk(2).values * weights[:2], [3.0, 1.0, 2.0]) == [1, 0, 10]
    assert not tg.ones(3, requires_grad=True).argsort().requires_grad


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("dtype", ["float16", "float64", "uint8", "int64", "bool"])
def test_a_few_of_many_are_those_that_sorting_finds(dtype, largest):
    values = np.random.default_rng(0).standard_normal((90, 80)) * 3
    x = tg.tensor(values if "float" in dtype else np.abs(values) if dtype == "uint8" else values // 1).to(
        getattr(tg, dtype)
    )
    if "float" in dtype:
        x[3, 3], x[5, 3], x[:, 7] = NAN, INF, -INF
    for dim in (0, 1):
        for k in (1, 5, 20):
            top, places = x.topk(k, dim, largest)
            expected = x.sort(dim, descending=largest).values[(slice(None),) * dim + (slice(k),)]
            np.testing.assert_array_equal(top.numpy(), expected.numpy(), strict=True)
            np.testing.assert_array_equal(x.gather(dim, places).numpy(), top.numpy())
            assert all(len({*row}) == k for row in places.movedim(dim, -1).reshape(-1, k).tolist())


def test_scatter_add_of_one_along_the_dim():
    x, index, src = tg.zeros(2, 3), tg.tensor([[1], [2]]), tg.tensor([[5.0], [7.0]])
    assert x.scatter_add(1, index, src).tolist() == [[0, 5, 0], [0, 0, 7]]
    assert x.scatter_add(0, tg.tensor([[1, 1, 0]]), tg.tensor([[1.0, 2.0, 3.0]])).tolist() == [[0, 0, 3], [1, 2, 0]]
    assert tg.tensor(1.0).scatter_add(0, tg.tensor([0]), tg.tensor([2.0])).item() == 3


@pytest.mark.parametrize("index", [None, (..., None), (slice(None), None, ...), (slice(0, 3), slice(None, None, 1))])
def test_gradient_of_an_index_that_leaves_nothing_out(index):
    check_gradient(lambda x: x[index] ** 2, np.arange(6.0).reshape(3, 2))
    x = tg.ones(1, 4, requires_grad=True)
    x[0].backward(tg.arange(4.0))
    assert x.grad.tolist() == [[0, 1, 2, 3]]
