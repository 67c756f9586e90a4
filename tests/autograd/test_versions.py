"""Version counters: a saved tensor that was changed in place is noticed, whichever way it was changed."""

import numpy as np
import pytest

import tinygrad_np as tg
from tests.autograd.leaves import leaf
from tinygrad_np.autograd.graph import increment_version

STALE = "modified by an inplace operation"


# ---- the counter ---------------------------------------------------------------------------------------------------

CHANGES = {
    "add_": lambda t: t.add_(1),
    "sub_": lambda t: t.sub_(1),
    "mul_": lambda t: t.mul_(2),
    "div_": lambda t: t.div_(2),
    "pow_": lambda t: t.pow_(2),
    "neg_": lambda t: t.neg_(),
    "abs_": lambda t: t.abs_(),
    "exp_": lambda t: t.exp_(),
    "log_": lambda t: t.log_(),
    "sqrt_": lambda t: t.sqrt_(),
    "tanh_": lambda t: t.tanh_(),
    "sigmoid_": lambda t: t.sigmoid_(),
    "relu_": lambda t: t.relu_(),
    "clamp_": lambda t: t.clamp_(0, 1),
    "zero_": lambda t: t.zero_(),
    "fill_": lambda t: t.fill_(3),
    "copy_": lambda t: t.copy_(tg.zeros(3)),
    "uniform_": lambda t: t.uniform_(),
    "normal_": lambda t: t.normal_(),
    "bernoulli_": lambda t: t.bernoulli_(),
    "random_": lambda t: t.random_(5),
    "an item": lambda t: t.__setitem__(0, 5.0),
    "a slice": lambda t: t.__setitem__(slice(1, None), tg.zeros(2)),
    "a mask": lambda t: t.__setitem__(t > 1.5, 0.0),
    "+=": lambda t: t.__iadd__(1),
    "-=": lambda t: t.__isub__(1),
    "*=": lambda t: t.__imul__(2),
    "/=": lambda t: t.__itruediv__(2),
    "**=": lambda t: t.__ipow__(2),
    "increment_version": lambda t: increment_version(t),
    "increment_version of several": lambda t: increment_version([tg.ones(1), t]),
}

ALIASES = {
    "itself": lambda t: t,
    "detach": lambda t: t.detach(),
    "view": lambda t: t.view(3),
    "reshape": lambda t: t.reshape(3),
    "slice": lambda t: t[:3],
    "unsqueeze": lambda t: t.unsqueeze(0).squeeze(0),
    "detached view": lambda t: t.detach().view(3),
    "view of a view": lambda t: t.view(1, 3)[0],
    "transpose": lambda t: t.view(1, 3).T.view(3),
    "split": lambda t: t.split(3)[0],
    "unbind": lambda t: t.view(1, 3).unbind(0)[0],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_in_place_change_counts(change):
    t = tg.tensor([1.0, 2.0, 3.0])
    before = t._version
    change(t)
    assert t._version > before


@pytest.mark.parametrize("alias", ALIASES.values(), ids=ALIASES)
def test_what_shares_memory_shares_the_count(alias):
    t = tg.tensor([1.0, 2.0, 3.0])
    other = alias(t)
    other.add_(1)
    t.add_(1)
    assert t.tolist() == other.tolist() == [3.0, 4.0, 5.0]
    assert t._version == other._version == 2


VIEW_OPS = {
    "reshape": lambda t: t.reshape(3, 2),
    "reshape that copies": lambda t: t.T.reshape(6),
    "view": lambda t: t.view(2, 3),
    "flatten": lambda t: t.flatten(),
    "ravel": lambda t: t.ravel(),
    "unflatten": lambda t: t.unflatten(1, (3, 1)),
    "permute": lambda t: t.permute(1, 0),
    "transpose": lambda t: t.transpose(0, 1),
    "movedim": lambda t: t.movedim(0, 1),
    "T": lambda t: t.T,
    "mT": lambda t: t.mT,
    "t": lambda t: t.t(),
    "squeeze": lambda t: t.squeeze(),
    "unsqueeze": lambda t: t.unsqueeze(1),
    "expand": lambda t: t.expand(4, 2, 3),
    "expand to the same": lambda t: t.expand(2, 3),
    "broadcast_to": lambda t: t.broadcast_to((4, 2, 3)),
    "slice": lambda t: t[:, 1:],
    "a reversed dimension": lambda t: t[:, [2, 1, 0]],
    "an item": lambda t: t[0],
    "all": lambda t: t[...],
    "None": lambda t: t[None],
    "a mask": lambda t: t[t > 0],
    "split": lambda t: t.split(1)[1],
    "chunk": lambda t: t.chunk(2)[0],
    "unbind": lambda t: t.unbind(1)[0],
    "iteration": lambda t: next(iter(t)),
    "to, nothing to do": lambda t: t.to(t.dtype),
    "to": lambda t: t.double(),
    "contiguous": lambda t: t.contiguous(),
    "contiguous that copies": lambda t: t.T.contiguous(),
    "clone": lambda t: t.clone(),
    "detach": lambda t: t.detach(),
    "flip": lambda t: t.flip(0),
    "roll": lambda t: t.roll(1, 0),
    "positive": lambda t: +t,
    "abs": lambda t: t.abs(),
    "clamp": lambda t: t.clamp(-10, 10),
    "maximum": lambda t: t.maximum(t),
    "where": lambda t: tg.where(t == t, t, 0.0),
    "cat of one": lambda t: tg.cat([t]),
    "sum over nothing": lambda t: t.unsqueeze(0).sum(0),
    "amax over a dimension of one": lambda t: t.unsqueeze(0).amax(0),
    "tril": lambda t: tg.tril(t),
    "dropout of nothing": lambda t: tg.nn.functional.dropout(t, 0.0),
    "dropout in evaluation": lambda t: tg.nn.functional.dropout(t, 0.5, training=False),
    "index_select": lambda t: t.index_select(0, tg.tensor([0, 1])),
    "repeat": lambda t: t.repeat(1, 1),
    "pow": lambda t: t**1,
    "round": lambda t: t.round(),
}


@pytest.mark.parametrize("kind", ["whole", "columns", "from bytes"])
@pytest.mark.parametrize("op", VIEW_OPS.values(), ids=VIEW_OPS)
def test_results_share_memory_and_count_or_neither(op, kind):
    """Whatever the memory comes from: all of an array, a part of one, or something that is no array."""
    if kind == "whole":
        t = tg.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    elif kind == "columns":
        t = tg.arange(12.0).reshape(2, 6)[:, ::2]
    else:
        t = tg.from_numpy(np.frombuffer(bytearray(24), "float32").reshape(2, 3))
    result = op(t)
    shared = np.shares_memory(t.numpy(), result.numpy())
    version = result._version
    t.add_(1)
    assert (result._version > version) == shared


def test_data_has_a_count_of_its_own():
    """As documented: changes by way of .data go unnoticed."""
    x = leaf(1.0)
    y = x.exp()
    y.data.add_(1)
    assert y._version == 0
    y.backward()
    assert x.grad.tolist() == y.tolist()


def test_a_copy_has_a_count_of_its_own():
    t = tg.ones(2)
    t.add_(1)
    assert t.clone()._version == 0


# ---- a saved tensor that was changed -------------------------------------------------------------------------------


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("alias", ALIASES.values(), ids=ALIASES)
def test_a_saved_output_that_was_changed_is_refused_by_name(alias, change):
    x = leaf(1.0, 2.0, 3.0)
    y = x.exp()
    with tg.no_grad():
        change(alias(y))
    with pytest.raises(RuntimeError, match=rf"{STALE}.*\bexp\b"):
        y.sum().backward()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_saved_constant_that_was_changed_is_refused_by_name(change):
    x, c = leaf(1.0, 2.0, 3.0), tg.tensor([1.0, 2.0, 3.0])
    y = x * c
    change(c)
    with pytest.raises(RuntimeError, match=rf"{STALE}.*\bmul\b"):
        y.sum().backward()


def test_a_saved_leaf_that_was_changed_is_refused():
    """The mistake of stepping the optimizer before the backward pass."""
    x, w = leaf(1.0), leaf(2.0)
    y = x * w
    with tg.no_grad():
        w -= 0.1
    with pytest.raises(RuntimeError, match=STALE):
        y.backward()


def test_a_change_before_it_was_saved_is_fine():
    x, c = leaf(2.0), tg.tensor([1.0])
    c.add_(4)
    (x * c).backward()
    assert x.grad.tolist() == [5.0]


def test_a_change_of_what_was_not_saved_is_fine():
    x, c = leaf(2.0), tg.tensor([1.0])
    y = x + c
    c.add_(4)
    y.backward()
    assert x.grad.tolist() == [1.0]


def test_a_change_after_backward_is_fine():
    x = leaf(2.0)
    (x * x).backward()
    with tg.no_grad():
        x.add_(1)
    (x * x).backward()
    assert x.grad.tolist() == [4.0 + 6.0]


def test_a_saved_input_that_was_changed_between_two_sweeps():
    x, c = leaf(2.0), tg.tensor([1.0])
    y = x * c
    y.backward(retain_graph=True)
    c.add_(1)
    with pytest.raises(RuntimeError, match=STALE):
        y.backward()
    with pytest.raises(RuntimeError, match=STALE):
        y.backward(create_graph=True)


@pytest.mark.parametrize(
    "use",
    [
        lambda x, i: x[i],
        lambda x, i: x[i, i],
        lambda x, i: x.gather(0, i.unsqueeze(1).expand(2, 3)),
        lambda x, i: x.index_select(0, i),
        lambda x, i: x.take_along_dim(i.unsqueeze(1).expand(2, 3), 0),
        lambda x, i: tg.where(i.unsqueeze(1) > 0, x, 0.0),
        lambda x, i: x.masked_fill(i.unsqueeze(1) > 0, 0.0),
        lambda x, i: tg.nn.functional.cross_entropy(x, i),
    ],
    ids=["index", "two indices", "gather", "index_select", "take_along_dim", "where", "masked_fill", "cross_entropy"],
)
def test_an_index_that_was_changed_never_gives_a_wrong_gradient(use):
    """It is either noticed, or the op has kept an index of its own."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 3)).astype("float32")
    expected = tg.tensor(values, requires_grad=True)
    use(expected, tg.tensor([0, 1])).sum().backward()
    x, index = tg.tensor(values, requires_grad=True), tg.tensor([0, 1])
    y = use(x, index).sum()
    index.copy_(tg.tensor([1, 0]))
    try:
        y.backward()
    except RuntimeError as error:
        assert STALE in str(error)  # noqa: PT017
    else:
        assert tg.equal(x.grad, expected.grad)


def test_an_op_of_two_outputs_notices_too():
    x, c = leaf(1.0, 2.0), tg.tensor([3.0, 4.0])
    a, b = (x * c).split(1)
    c.zero_()
    with pytest.raises(RuntimeError, match=STALE):
        (a + b).backward()


def test_a_fused_op_notices_too():
    x, w = tg.ones(2, 2, requires_grad=True), tg.ones(2, 2, requires_grad=True)
    y = tg.nn.functional.linear(x, w).sum()
    with tg.no_grad():
        w.add_(1)
    for create_graph in (False, True):
        with pytest.raises(RuntimeError, match=rf"{STALE}.*\blinear\b"):
            y.backward(create_graph=create_graph)


# ---- what may not be changed in place at all -----------------------------------------------------------------------


@pytest.mark.parametrize("change", list(CHANGES.values())[:-2], ids=list(CHANGES)[:-2])
def test_a_leaf_that_requires_grad_is_refused_and_left_as_it_was(change):
    x = leaf(1.0, 2.0, 3.0)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        change(x)
    assert x.tolist() == [1.0, 2.0, 3.0]
    assert x.is_leaf
    assert x._version == 0


@pytest.mark.parametrize("change", list(CHANGES.values())[:-2], ids=list(CHANGES)[:-2])
def test_a_leaf_may_be_changed_under_no_grad(change):
    x = leaf(1.0, 2.0, 3.0)
    with tg.no_grad():
        change(x)
    assert x.is_leaf
    assert x.requires_grad
    x.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0, 1.0]


def test_a_leaf_that_requires_no_grad_becomes_part_of_the_graph():
    x, y = leaf(2.0), tg.ones(1)
    y.mul_(x)
    assert y.requires_grad
    assert not y.is_leaf
    y.backward()
    assert x.grad.tolist() == [1.0]


@pytest.mark.parametrize("view", [lambda t: t.view(3), lambda t: t[1:], lambda t: t.split(1)[0]])
def test_a_view_of_a_leaf_is_refused(view):
    x = leaf(1.0, 2.0, 3.0)
    with pytest.raises(RuntimeError, match="in-place"):
        view(x).add_(1)
    assert x.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("change", ["of the view", "of what is viewed"])
@pytest.mark.parametrize("recorded", ["the tensor", "the value"])
def test_changes_through_views_that_the_graph_would_have_to_follow_are_refused(change, recorded):
    """Never a wrong gradient: in-place changes where views are involved are recorded nowhere yet."""
    x = leaf(1.0, 2.0, 3.0)
    base = x * 2 if recorded == "the tensor" else tg.zeros(3)
    view = base.view(3)
    value = x * 3 if recorded == "the value" else tg.ones(3)
    with pytest.raises(RuntimeError, match=r"in-place change of a tensor that is or has a view.*clone"):
        (view if change == "of the view" else base).add_(value)


def test_assigning_to_a_part_is_refused_where_it_would_have_to_be_recorded():
    x = leaf(1.0, 2.0)
    y, buffer = x * 2, tg.zeros(2)
    with pytest.raises(RuntimeError, match="assignment to a part of a tensor is not recorded"):
        y[0] = 5.0
    with pytest.raises(RuntimeError, match="assignment to a part of a tensor is not recorded"):
        buffer[0] = x[0]
    assert y.tolist() == [2.0, 4.0]
    with tg.no_grad():
        y[0] = 5.0
        buffer[0] = x[0]
    assert (y.tolist(), buffer.tolist()) == ([5.0, 4.0], [1.0, 0.0])


def test_expanded_tensors_are_refused():
    t = tg.ones(1).expand(3)
    with pytest.raises(RuntimeError, match="clone"):
        t.add_(1)
    with pytest.raises(RuntimeError, match="clone"):
        t[0] = 2.0
    with pytest.raises(RuntimeError, match="clone"):
        t.zero_()
