"""The graph as a user sees it: grad_fn, its names and next_functions, leaves, requires_grad."""

import numpy as np
import pytest

import tinygrad_np as tg
from tests.autograd.leaves import leaf
from tinygrad_np.autograd.graph import Node, increment_version


@pytest.mark.parametrize(
    ("op", "name"),
    [
        (lambda x: x + 1, "AddBackward0"),
        (lambda x: x - 1, "SubBackward0"),
        (lambda x: 2 * x, "MulBackward0"),
        (lambda x: x / 2, "DivBackward0"),
        (lambda x: -x, "NegBackward0"),
        (lambda x: x**2, "PowBackward0"),
        (lambda x: x.exp(), "ExpBackward0"),
        (lambda x: x.log(), "LogBackward0"),
        (lambda x: x.relu(), "ReluBackward0"),
        (lambda x: x.sum(), "SumBackward0"),
        (lambda x: x.mean(), "MeanBackward0"),
        (lambda x: tg.log_softmax(x, 0), "LogSoftmaxBackward0"),
        (lambda x: x.clone(), "CloneBackward0"),
        (lambda x: tg.cat([x, x]), "CatBackward0"),
        (lambda x: x.split(1)[0], "SplitBackward0"),
        (lambda x: x.unsqueeze(0) @ x.unsqueeze(1), "MatmulBackward0"),
    ],
)
def test_names_of_grad_fn(op, name):
    y = op(leaf(1.0, 2.0))
    assert y.grad_fn.name() == name
    assert f"grad_fn=<{name}>" in repr(y)
    assert repr(y.grad_fn).startswith(f"<{name} object at 0x")
    assert isinstance(y.grad_fn, Node)


def test_walking_the_graph():
    x, w = leaf(1.0), leaf(2.0)
    y = (x * w).exp()
    ((mul, index),) = y.grad_fn.next_functions
    assert (mul.name(), index) == ("MulBackward0", 0)
    assert [function.name() for function, _ in mul.next_functions] == ["AccumulateGrad", "AccumulateGrad"]


def test_leaves_and_what_is_computed():
    x, c = leaf(1.0), tg.ones(1)
    y = x * c
    assert (x.is_leaf, c.is_leaf, y.is_leaf) == (True, True, False)
    assert (x.grad_fn, c.grad_fn) == (None, None)
    assert (x.requires_grad, c.requires_grad, y.requires_grad) == (True, False, True)
    assert (c * c).is_leaf


def test_requires_grad_comes_from_any_input():
    x, c = leaf(1.0), tg.ones(1)
    assert (c + x).requires_grad
    assert tg.cat([c, x]).requires_grad
    assert tg.where(tg.tensor([True]), c, x).requires_grad
    assert not (c + c).requires_grad


@pytest.mark.parametrize(
    "op",
    [
        lambda x: x > 1,
        lambda x: x == x,
        lambda x: x.argmax(),
        lambda x: x.isnan(),
        lambda x: x.long(),
        lambda x: x.bool(),
        lambda x: x.max(0).indices,
        lambda x: x.any(),
        lambda x: x.nonzero(),
        lambda x: x.argsort(),
    ],
)
def test_results_that_have_no_gradient(op):
    y = op(leaf(1.0, 2.0))
    assert not y.requires_grad
    assert y.is_leaf


def test_requires_grad_():
    x = tg.ones(2)
    assert x.requires_grad_() is x
    assert x.requires_grad
    assert x.is_leaf
    assert not x.requires_grad_(False).requires_grad
    x.requires_grad = True
    assert x.requires_grad


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
def test_only_floating_point_tensors_can_require_grad(dtype):
    with pytest.raises(RuntimeError, match="floating point"):
        tg.ones(2).to(dtype).requires_grad_()
    with pytest.raises(RuntimeError, match="floating point"):
        tg.ones(2, dtype=dtype, requires_grad=True)
    tg.ones(2).to(dtype).requires_grad_(False)


def test_requires_grad_of_what_is_computed_cannot_be_dropped():
    y = 2 * leaf(1.0)
    assert y.requires_grad_().requires_grad
    with pytest.raises(RuntimeError, match=r"you can only change requires_grad flags of leaf variables.*detach"):
        y.requires_grad_(False)
    with pytest.raises(RuntimeError, match="leaf"):
        y.requires_grad = False


def test_detach():
    x = leaf(1.0, 2.0)
    y = 2 * x
    d = y.detach()
    assert not d.requires_grad
    assert d.is_leaf
    assert np.shares_memory(d.numpy(), y.numpy(force=True))
    assert y.requires_grad
    (y * d).sum().backward()
    assert x.grad.tolist() == [4.0, 8.0]  # d counts as a constant


def test_increment_version_takes_one_tensor_or_several():
    a, b = tg.ones(1), tg.ones(1)
    increment_version(a)
    increment_version([a, b])
    assert (a._version, b._version) == (2, 1)


@pytest.mark.parametrize("value", [1, "False", None])
def test_requires_grad_is_a_bool(value):
    x = tg.ones(1)
    with pytest.raises(RuntimeError, match="requires_grad must be a bool"):
        x.requires_grad = value
    with pytest.raises(TypeError, match="argument 'requires_grad' must be bool, not"):
        x.requires_grad_(value)
    assert not x.requires_grad
