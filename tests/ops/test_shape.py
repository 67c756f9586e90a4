"""Ops of shape where PyTorch's conventions show: what shares memory, sizes and dims as arguments, joining, errors.

Expected values are PyTorch's (2.13), unless a test says otherwise.
"""

import numpy as np
import pytest

import tinygrad_np as tg
from tests.ops.derivatives import gradient

# ---- views -----------------------------------------------------------------------------------------------------------

VIEWS = {
    "reshape": lambda x: x.reshape(6, 4),
    "view": lambda x: x.view(-1),
    "flatten": lambda x: x.flatten(1),
    "ravel": lambda x: x.ravel(),
    "unflatten": lambda x: x.unflatten(2, (2, 2)),
    "permute": lambda x: x.permute(2, 0, 1),
    "transpose": lambda x: x.transpose(0, -1),
    "mT": lambda x: x.mT,
    "movedim": lambda x: x.movedim(0, 2),
    "squeeze": lambda x: x[:1].squeeze(),
    "unsqueeze": lambda x: x.unsqueeze(0),
    "expand": lambda x: x.expand(5, 2, 3, 4),
    "broadcast_to": lambda x: tg.broadcast_to(x, (5, 2, 3, 4)),
    "split": lambda x: x.split(1)[0],
    "chunk": lambda x: x.chunk(2, dim=2)[0],
    "unbind": lambda x: x.unbind(1)[0],
    "an element": lambda x: x.unbind()[0].unbind()[0].unbind()[0],
    "a view of a view": lambda x: x.transpose(1, 2)[0].unsqueeze(1),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_share_memory_and_changes(name):
    x = tg.zeros(2, 3, 4)
    view = VIEWS[name](x)
    x.fill_(7)
    assert view.min().item() == 7
    assert view._version == x._version == 1


COPIES = {
    "reshape of what has no such view": lambda x: x.transpose(0, 1).reshape(-1),
    "repeat": lambda x: x.repeat(1, 1, 1),
    "tile": lambda x: x.tile(1),
    "flip": lambda x: x.flip(0),
    "roll": lambda x: x.roll(0, 0),
    "cat": lambda x: tg.cat([x]),
    "stack": lambda x: tg.stack([x]),
    "tril": lambda x: tg.tril(x, 9),
    "triu": lambda x: tg.triu(x, -9),
}


@pytest.mark.parametrize("name", COPIES)
def test_copies_do_not(name):
    x = tg.zeros(2, 3, 4)
    copy = COPIES[name](x)
    x.fill_(7)
    assert copy.max().item() == 0
    assert copy._version == 0


def test_view_never_copies():
    x = tg.arange(6).reshape(2, 3)
    for strided in (x.T, x.expand(2, 2, 3), x[:, :2]):
        with pytest.raises(RuntimeError, match=r"not compatible with .* stride.*Use \.reshape"):
            strided.view(-1)
        assert strided.reshape(-1).tolist() == np.array(strided.tolist()).reshape(-1).tolist()
    assert x[:, :1].view(2).tolist() == [0, 3]  # gaps alone do no harm


# ---- sizes -----------------------------------------------------------------------------------------------------------


def test_the_ways_to_give_sizes():
    x = tg.arange(6)
    for reshaped in (
        x.reshape(2, 3),
        x.reshape((2, 3)),
        x.reshape([2, -1]),
        x.view(tg.zeros(2, 3).shape),
        x.view(-1, 3),
    ):
        assert reshaped.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert x.reshape(tg.tensor(3), -1).shape == (3, 2)
    assert tg.reshape(x, (3, 2)).shape == x.view_as(tg.zeros(3, 2)).shape == x.reshape_as(tg.zeros(3, 2)).shape
    assert tg.tensor([7]).reshape(()).shape == tg.tensor([7]).view(()).shape == ()
    assert tg.tensor(7).reshape(1, 1).shape == (1, 1)
    assert tg.zeros(0, 3).reshape(3, -1).shape == (3, 0)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((2, 3), r"shape '\[2, 3\]' is invalid for input of size 5"),
        ((3, -1), r"shape '\[3, -1\]' is invalid for input of size 5"),
        ((0, -1), r"shape '\[0, -1\]' is invalid for input of size 5"),
        ((), r"shape '\[\]' is invalid for input of size 5"),
        ((-1, -1), "only one dimension can be inferred"),
        ((-5, 1), "invalid shape dimension -5"),
    ],
)
def test_sizes_that_do_not_fit(sizes, message):
    for method in ("reshape", "view"):
        with pytest.raises(RuntimeError, match=message):
            getattr(tg.zeros(5), method)(sizes)


def test_an_ambiguous_size():
    with pytest.raises(RuntimeError, match="cannot reshape tensor of 0 elements.*ambiguous"):
        tg.zeros(0, 3).reshape(0, -1)


def test_flatten():
    x = tg.zeros(2, 3, 4)
    assert x.flatten().shape == (24,)
    assert x.flatten(1).shape == (2, 12)
    assert x.flatten(0, -2).shape == (6, 4)
    assert x.flatten(1, 1).shape == (2, 3, 4)
    assert tg.tensor(3.0).flatten().shape == (1,)
    assert tg.zeros(0, 3).flatten().shape == (0,)
    with pytest.raises(RuntimeError, match="start_dim cannot come after end_dim"):
        x.flatten(2, 1)
    with pytest.raises(IndexError, match="Dimension out of range"):
        x.flatten(3)


def test_unflatten():
    assert tg.zeros(5, 12).unflatten(-1, (2, -1, 3)).shape == (5, 2, 2, 3)
    assert tg.zeros(0, 2).unflatten(0, (0, 4)).shape == (0, 4, 2)
    for sizes in ((5, 2), (5, -1), (-1, -1), (0, -1), ()):
        with pytest.raises(RuntimeError, match="unflatten"):
            tg.zeros(5, 12).unflatten(1, sizes)


def test_squeeze_takes_only_what_has_size_1():
    x = tg.zeros(1, 3, 1)
    assert x.squeeze().shape == (3,)
    assert x.squeeze(-1).shape == (1, 3)
    assert x.squeeze(1).shape == (1, 3, 1)
    assert x.squeeze((0, 1)).shape == (3, 1)
    assert tg.tensor(1.0).squeeze(0).shape == ()
    with pytest.raises(RuntimeError, match="dim 0 appears multiple times"):
        x.squeeze((0, -3))


def test_unsqueeze_counts_the_new_dimension():
    x = tg.zeros(2, 3)
    assert [tuple(x.unsqueeze(d).shape) for d in (0, 2, -1, -3)] == [(1, 2, 3), (2, 3, 1), (2, 3, 1), (1, 2, 3)]
    with pytest.raises(IndexError, match=r"expected to be in range of \[-3, 2\], but got 3"):
        x.unsqueeze(3)


# ---- orders of the dimensions ----------------------------------------------------------------------------------------


def test_permutations_and_their_gradients():
    x = np.arange(24.0).reshape(2, 3, 4)
    weights = tg.tensor(np.arange(24.0).reshape(4, 2, 3) ** 2)
    assert tg.tensor(x).permute(2, 0, -2).tolist() == x.transpose(2, 0, 1).tolist()
    assert tg.tensor(x).permute((2, 0, 1)).tolist() == x.transpose(2, 0, 1).tolist()
    expected = np.array(weights.tolist()).transpose(1, 2, 0).tolist()
    assert gradient(lambda t: t.permute(2, 0, -2) * weights, x) == expected
    assert gradient(lambda t: t.movedim(-1, 0) * weights, x) == expected


def test_what_is_no_permutation():
    x = tg.zeros(2, 3)
    for dims in ((0,), (0, 1, 2), (0, 0), (1, -1)):
        with pytest.raises((RuntimeError, IndexError), match="permute"):
            x.permute(dims)
    with pytest.raises(IndexError, match="Dimension out of range"):
        x.permute(0, 2)


def test_transposes():
    x = tg.zeros(2, 3, 4)
    assert x.transpose(0, -1).shape == x.swapaxes(0, 2).shape == (4, 3, 2)
    assert x.mT.shape == (2, 4, 3)
    assert x[0].t().shape == x[0].T.shape == (4, 3)
    assert x[0, 0].t().shape == x[0, 0].T.shape == (4,)
    assert tg.tensor(1.0).transpose(0, -1).shape == ()
    with pytest.raises(RuntimeError, match=r"t\(\) expects a tensor with <= 2 dimensions, but self is 3D"):
        x.t()
    with pytest.raises(RuntimeError, match="Got 1-D tensor"):
        _ = tg.zeros(3).mT
    with pytest.raises(IndexError, match="Dimension out of range"):
        x.transpose(0, 3)
    with pytest.raises(IndexError, match="Dimension out of range"):
        tg.tensor(1.0).transpose(0, 1)


def test_movedim():
    x = tg.zeros(2, 3, 4, 5)
    assert x.movedim(0, -1).shape == (3, 4, 5, 2)
    assert x.movedim((0, 1), (-1, 0)).shape == (3, 4, 5, 2)
    assert x.movedim((3, 0), (0, 1)).shape == (5, 2, 3, 4)
    with pytest.raises(RuntimeError, match="same number of dims"):
        x.movedim((0, 1), (0,))
    with pytest.raises(RuntimeError, match="multiple times"):
        x.movedim((0, 0), (0, 1))


# ---- repetition ------------------------------------------------------------------------------------------------------


def test_expand():
    x = tg.tensor([[1.0], [2.0]])
    assert x.expand(2, 3).tolist() == x.expand(-1, 3).tolist() == [[1, 1, 1], [2, 2, 2]]
    assert x.expand(4, -1, -1).shape == (4, 2, 1)
    assert x.expand_as(tg.zeros(5, 2, 2)).shape == (5, 2, 2)
    assert x.expand(2, 0).shape == (2, 0)
    assert tg.tensor(1.0).expand(2, 2).tolist() == [[1, 1], [1, 1]]
    assert gradient(lambda t: t.expand(4, 2, 3), [[1.0], [2.0]]) == [[12], [12]]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((3, 1), r"expanded size of the tensor \(3\) must match the existing size \(2\) at non-singleton dimension 0"),
        (
            (5, 3, 1),
            r"expanded size of the tensor \(3\) must match the existing size \(2\) at non-singleton dimension 1",
        ),
        (
            (2,),
            r"number of sizes provided \(1\) must be greater or equal to the number of dimensions in the tensor \(2\)",
        ),
        ((-1, 2, 1), "isn't allowed in a leading, non-existing dimension"),
    ],
)
def test_sizes_that_cannot_be_expanded_to(sizes, message):
    for expand in (lambda x: x.expand(sizes), lambda x: tg.broadcast_to(x, sizes)):
        with pytest.raises(RuntimeError, match=message):
            expand(tg.zeros(2, 1))


def test_broadcast_tensors():
    a, b, c = tg.broadcast_tensors(tg.zeros(3, 1), tg.zeros(4), tg.tensor(1.0))
    assert a.shape == b.shape == c.shape == (3, 4)
    with pytest.raises(RuntimeError, match="[Tt]ensor|broadcast"):
        tg.broadcast_tensors(tg.zeros(2), tg.zeros(3))


def test_repeat_and_tile():
    x = tg.tensor([[1, 2]])
    assert x.repeat(2, 2).tolist() == [[1, 2, 1, 2], [1, 2, 1, 2]]
    assert x.repeat((2, 1, 1)).shape == (2, 1, 2)
    assert x.repeat(0, 1).shape == (0, 2)
    assert x.tile(2).tolist() == [[1, 2, 1, 2]]
    assert tg.tile(x, (2, 1, 1)).shape == (2, 1, 2)
    assert gradient(lambda t: t.repeat(2, 1, 2) * tg.tensor([1.0, 2, 30, 40]), [[1.0, 2.0]]) == [[62, 84]]
    with pytest.raises(RuntimeError, match="can not be smaller than number of dimensions of tensor"):
        x.repeat(2)
    with pytest.raises(RuntimeError, match="negative dimension"):
        x.repeat(2, -1)


# ---- joining ---------------------------------------------------------------------------------------------------------


def test_joining_promotes():
    a, b = tg.tensor([1, 2]), tg.tensor([0.5], dtype=tg.float16)
    assert tg.cat([a, b]).dtype == tg.float16
    assert tg.cat([a, a > 1]).dtype == tg.int64
    assert tg.stack([b, tg.tensor([1.0], dtype=tg.float64)]).dtype == tg.float64
    x = tg.ones(2, dtype=tg.float16, requires_grad=True)
    tg.cat([x, tg.ones(2, dtype=tg.float64)]).sum().backward()
    assert x.grad.dtype == tg.float16


def test_cat_passes_over_tensors_of_shape_0():
    x, nothing = tg.ones(2, 3, requires_grad=True), tg.zeros(0, requires_grad=True)
    joined = tg.cat([nothing, x, nothing], dim=1)
    assert joined.shape == (2, 3)
    (2 * joined).sum().backward()
    assert x.grad.tolist() == [[2, 2, 2], [2, 2, 2]]
    assert nothing.grad.shape == (0,)
    assert tg.cat([tg.zeros(0), tg.zeros(0)]).shape == (0,)


def test_the_gradients_of_what_was_joined():
    a, b = tg.ones(2, 1, requires_grad=True), tg.ones(2, 2, requires_grad=True)
    (tg.cat([a, b, a], dim=-1) * tg.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]])).sum().backward()
    assert a.grad.tolist() == [[5], [13]]
    assert b.grad.tolist() == [[2, 3], [6, 7]]
    c, d = tg.ones(2, requires_grad=True), tg.ones(2)
    (tg.stack((c, d, c), dim=1) * tg.tensor([[1.0, 2, 3], [4, 5, 6]])).sum().backward()
    assert c.grad.tolist() == [4, 10]
    assert d.grad is None


def test_what_is_joined_is_contiguous():
    x = tg.ones(2, 3).T
    for joined in (tg.cat([x, x]), tg.cat([x, x], 1), tg.stack([x, x]), tg.stack([x, x], 2)):
        assert joined.is_contiguous()


def test_the_names_of_cat():
    x = tg.zeros(2, 3)
    for cat in (tg.cat, tg.concat, tg.concatenate):
        assert cat((x, x), 1).shape == cat([x, x], axis=-1).shape == (2, 6)


def test_what_cannot_be_joined():
    x = tg.zeros(2, 3)
    with pytest.raises(RuntimeError, match="must match except in dimension 0. Expected size 3 but got size 4"):
        tg.cat([x, tg.zeros(2, 4)])
    with pytest.raises(RuntimeError, match="same number of dimensions: got 2 and 1"):
        tg.cat([x, tg.zeros(3)])
    with pytest.raises(RuntimeError, match=r"zero-dimensional tensor \(at position 0\) cannot be concatenated"):
        tg.cat([tg.tensor(1.0), tg.tensor(2.0)])
    with pytest.raises(IndexError, match="Dimension out of range"):
        tg.cat([x, x], 2)
    with pytest.raises(TypeError, match="tuple of Tensors, not Tensor"):
        tg.cat(x)
    with pytest.raises(RuntimeError, match=r"equal size, but got \[2, 3\] at entry 0 and \[3\] at entry 1"):
        tg.stack([x, x[0]])
    with pytest.raises(IndexError, match=r"expected to be in range of \[-3, 2\]"):
        tg.stack([x, x], 3)


def test_nothing_cannot_be_joined():
    with pytest.raises(ValueError, match="non-empty list of Tensors"):
        tg.cat([])
    with pytest.raises(RuntimeError, match="non-empty TensorList"):
        tg.stack([])


def test_only_tensors_can_be_joined():
    with pytest.raises(TypeError, match="expected Tensor as element 1"):
        tg.cat([tg.zeros(1), 1.0])


# ---- parting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "sizes"),
    [
        (lambda x: x.split(2), [2, 2, 2, 1]),
        (lambda x: x.split(7), [7]),
        (lambda x: x.split(9), [7]),
        (lambda x: x.split([3, 0, 4]), [3, 0, 4]),
        (lambda x: x.split((7,)), [7]),
        (lambda x: x.chunk(3), [3, 3, 1]),
        (lambda x: x.chunk(5), [2, 2, 2, 1]),
        (lambda x: x.chunk(9), [1] * 7),
        (lambda x: x[:0].split(2), [0]),
        (lambda x: x[:0].split(0), [0]),
        (lambda x: x[:0].chunk(3), [0, 0, 0]),
    ],
)
def test_the_sizes_of_parts(part, sizes):
    parts = part(tg.arange(7))
    assert isinstance(parts, tuple)
    assert [len(p) for p in parts] == sizes
    assert [i for p in parts for i in p.tolist()] == list(range(sum(sizes)))


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (lambda x: x.split(0), "can only be 0 if dimension size is 0"),
        (lambda x: x.split(-1), "non-negative"),
        (lambda x: x.split([3, 3]), "sum exactly to 7"),
        (lambda x: x.split([8, -1]), "non-negative"),
        (lambda x: x.chunk(0), "greater than 0, got: 0"),
        (lambda x: x[0].split(1), "at least a 1-dimensional"),
        (lambda x: x[0].chunk(1), "at least a 1-dimensional"),
    ],
)
def test_parts_that_there_are_not(part, message):
    with pytest.raises(RuntimeError, match=message):
        part(tg.arange(7))


def test_unbind():
    x = tg.tensor([[1, 2, 3], [4, 5, 6]])
    assert [column.tolist() for column in x.unbind(-1)] == [[1, 4], [2, 5], [3, 6]]
    assert [row.tolist() for row in x] == [[1, 2, 3], [4, 5, 6]]
    assert tg.zeros(0, 3).unbind() == ()
    with pytest.raises(IndexError, match="tensor has no dimensions"):
        tg.tensor(1.0).unbind()


def test_parts_of_which_only_some_are_used():
    assert gradient(lambda x: x.split(2)[1] * 3, [1.0, 2, 3, 4, 5]) == [0, 0, 3, 3, 0]
    assert gradient(lambda x: x.unbind(1)[0] * x.unbind(1)[2], [[1.0, 2, 3]]) == [[3, 0, 1]]

    def first_and_last(x):
        first, *_, last = x
        return first * last * last

    assert gradient(first_and_last, [2.0, 9.0, 3.0]) == [9, 0, 12]


def test_all_parts_hang_on_one_node():  # else going back through n parts would take n steps over the whole
    x = tg.ones(3, 2, requires_grad=True)
    for parts in (x.unbind(), x.split(1), x.chunk(3)):
        assert len({id(p.grad_fn.next_functions[0][0]) for p in parts}) == 1


# ---- orders of the elements, triangles -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "keyword", "sizes"),
    [
        ("reshape", "shape", (3, 2)),
        ("view", "size", (3, 2)),
        ("permute", "dims", (1, 0)),
        ("expand", "size", (4, 2, 3)),
        ("repeat", "repeats", (1, 2)),
        ("tile", "dims", (1, 2)),
        ("flip", "dims", (0, 1)),
    ],
)
def test_sizes_and_dims_as_arguments_as_one_sequence_and_by_name(method, keyword, sizes):
    x = tg.arange(6).reshape(2, 3)
    expected = getattr(x, method)(*sizes)
    assert expected.shape != x.shape or not expected.equal(x)
    for same in (getattr(x, method)(sizes), getattr(x, method)(list(sizes)), getattr(x, method)(**{keyword: sizes})):
        assert same.equal(expected)
    with pytest.raises(TypeError, match=rf"{method}\(\) got an unexpected keyword argument 'axes'"):
        getattr(x, method)(axes=sizes)
    with pytest.raises(TypeError, match=rf"{method}\(\) got multiple values for argument '{keyword}'"):
        getattr(x, method)(*sizes, **{keyword: sizes})


def test_flip():
    x = tg.tensor([[1, 2], [3, 4]])
    assert x.flip(0).tolist() == [[3, 4], [1, 2]]
    assert x.flip(0, 1).tolist() == x.flip((0, -1)).tolist() == tg.flip(x, [0, 1]).tolist() == [[4, 3], [2, 1]]
    assert x.flip(()).tolist() == x.tolist()
    with pytest.raises(RuntimeError, match="multiple times"):
        x.flip(0, -2)
    assert gradient(lambda t: t.flip(0) * tg.tensor([1.0, 2, 3]), [0.0, 0, 0]) == [3, 2, 1]


def test_roll():
    x = tg.tensor([[1, 2, 3], [4, 5, 6]])
    assert x.roll(1).tolist() == [[6, 1, 2], [3, 4, 5]]
    assert x.roll(1, 1).tolist() == x.roll(-2, -1).tolist() == [[3, 1, 2], [6, 4, 5]]
    assert x.roll((1, 1), (0, 1)).tolist() == [[6, 4, 5], [3, 1, 2]]
    with pytest.raises(RuntimeError, match="shifts and dimensions must align"):
        x.roll((1, 2), 0)
    assert gradient(lambda t: t.roll((1,), (0,)) * tg.tensor([1.0, 2, 3]), [0.0, 0, 0]) == [2, 3, 1]


def test_triangles():
    x = tg.ones(2, 3)
    assert tg.tril(x).tolist() == [[1, 0, 0], [1, 1, 0]]
    assert x.triu(1).tolist() == [[0, 1, 1], [0, 0, 1]]
    assert x.tril(-1).tolist() == [[0, 0, 0], [1, 0, 0]]
    assert gradient(lambda t: t.tril(), [[1.0, 2], [3, 4]]) == [[1, 0], [1, 1]]
    for op in (tg.tril, tg.triu):
        with pytest.raises(RuntimeError, match="at least 2 dimensions"):
            op(tg.ones(3))
