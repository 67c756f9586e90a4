"""Gradients of gradients: create_graph."""

import numpy as np
import pytest

import tinygrad_np as tg
from tests.autograd.leaves import precise_leaf as leaf
from tinygrad_np import graph
from tinygrad_np.autograd import grad
from tinygrad_np.ops.primitive import fused, primitive
from tinygrad_np.ops.table import Array, registry


def derivatives(f, x, order):
    """f(x) and its derivatives, element by element."""
    y = f(x)
    found = [y]
    for _ in range(order):
        (y,) = grad(y.sum(), x, create_graph=True, materialize_grads=True)
        found.append(y)
    return [d.detach().numpy() for d in found]


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: x**4, lambda x: [x**4, 4 * x**3, 12 * x**2, 24 * x]),
        (lambda x: x * x * x * x, lambda x: [x**4, 4 * x**3, 12 * x**2, 24 * x]),
        (lambda x: x.exp(), lambda x: [np.exp(x)] * 4),
        (lambda x: x.sin(), lambda x: [np.sin(x), np.cos(x), -np.sin(x), -np.cos(x)]),
        (lambda x: 1 / x, lambda x: [1 / x, -1 / x**2, 2 / x**3, -6 / x**4]),
        (lambda x: x.log(), lambda x: [np.log(x), 1 / x, -1 / x**2, 2 / x**3]),
        (lambda x: x.sqrt(), lambda x: [x**0.5, 0.5 * x**-0.5, -0.25 * x**-1.5, 0.375 * x**-2.5]),
    ],
    ids=["power", "products", "exp", "sin", "reciprocal", "log", "sqrt"],
)
def test_derivatives_to_the_third_order(f, expected):
    x = leaf(0.5, 1.0, 2.0)
    for found, right in zip(derivatives(f, x, 3), expected(x.detach().numpy()), strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-12)


def test_derivatives_to_the_sixth_order():
    x = leaf(0.3)
    s, c = np.sin(0.3), np.cos(0.3)
    for found, right in zip(derivatives(tg.sin, x, 6), [s, c, -s, -c, s, c, -s], strict=True):
        np.testing.assert_allclose(found, [right], rtol=1e-12)


def test_a_hessian():
    x = leaf(1.0, 2.0)
    a, b = x
    (slope,) = grad(a**2 * b**3, x, create_graph=True)
    rows = [grad(slope[i], x, retain_graph=True)[0].tolist() for i in range(2)]
    assert rows == [[2 * 8.0, 2 * 1 * 3 * 4.0], [2 * 1 * 3 * 4.0, 6 * 2.0]]


def test_backward_with_create_graph_leaves_gradients_that_can_be_differentiated():
    x = leaf(2.0)
    (x**3).backward(create_graph=True)
    assert x.grad.tolist() == [12.0]
    assert x.grad.requires_grad
    assert grad(x.grad, x, retain_graph=True)[0].tolist() == [12.0]
    (2 * x).backward(create_graph=True)  # added to, with its graph
    assert x.grad.tolist() == [14.0]
    assert grad(x.grad, x)[0].tolist() == [12.0]


def test_a_plain_backward_after_one_with_create_graph_adds_in_place():
    x = leaf(2.0)
    (x**3).backward(create_graph=True)
    first = x.grad
    (x**2).backward()
    assert x.grad is first
    assert first.tolist() == [16.0]
    assert grad(x.grad, x)[0].tolist() == [12.0]  # of x**3, whose graph is there still


def test_plain_backwards_of_a_0d_leaf_after_one_with_create_graph():
    x = tg.tensor(3.0, requires_grad=True)
    (x * x).backward(create_graph=True)
    for expected in (12.0, 18.0):
        (x * x).backward()
        assert x.grad.item() == expected


@pytest.mark.parametrize(
    "function",
    [lambda x, w: x @ w, lambda x, w: x[0] @ w, lambda x, w: x.unsqueeze(1) @ w, lambda x, w: np.dot(x, w)],
    ids=["matrix", "vector", "batch", "np.dot"],
)
@pytest.mark.parametrize("size", [3, 300])  # the gradient of a large weight is kept as its factors
def test_the_gradient_by_a_weight_of_constant_data_can_be_differentiated(function, size):
    data, weight = tg.ones(1, size), tg.full((size, size), 0.1, requires_grad=True)
    (slope,) = grad((function(data, weight) ** 2).sum(), weight, create_graph=True)
    (curvature,) = grad(slope.sum(), weight)
    np.testing.assert_allclose(slope.detach().numpy(), np.full((size, size), 0.2 * size), rtol=1e-4)
    np.testing.assert_allclose(curvature.numpy(), np.full((size, size), 2.0 * size), rtol=1e-4)


@pytest.mark.parametrize("change", [lambda x: x.mul_(10), lambda x: x.zero_()], ids=["mul_", "zero_"])
@pytest.mark.parametrize("function", [lambda x: x**3, tg.sin, lambda x: tg.exp(x * x)], ids=["pow", "sin", "exp"])
def test_a_change_in_place_after_the_first_derivative_is_noticed(function, change):
    x = leaf(2.0)
    (slope,) = grad(function(x).sum(), x, create_graph=True)
    with tg.no_grad():
        change(x)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        grad(slope.sum(), x)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, w: x @ w,
        lambda x, w: (x @ w).amax(1),
        lambda x, w: tg.nn.functional.linear(x, w.T),
        lambda x, w: x.prod(1) * w,
    ],
)
def test_a_recorded_backward_leaves_no_views(function):
    x, w = tg.ones(2, 2, requires_grad=True), tg.ones(2, 2, requires_grad=True)
    h = 2 * x
    grad(function(h, w).sum(), w, create_graph=True)
    h.mul_(2)  # refused, if there were one
    assert h.tolist() == [[4, 4], [4, 4]]


def test_a_change_of_a_constant_after_the_first_derivative_is_noticed():
    x, c = leaf(2.0), tg.tensor([3.0], dtype=tg.float64)
    (slope,) = grad((x * c).exp().sum(), x, create_graph=True)
    c.mul_(10)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        grad(slope.sum(), x)


def test_a_gradient_penalty():
    """The gradient of (d/dx sum(tanh(x w)))**2 with respect to w, against central differences."""
    rng = np.random.default_rng(0)
    data, weights = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))

    def penalty(w):
        x = tg.tensor(data, requires_grad=True)
        (slope,) = grad((x @ w).tanh().sum(), x, create_graph=True)
        return (slope**2).sum()

    w = tg.tensor(weights, requires_grad=True)
    (found,) = grad(penalty(w), w)
    step = 1e-6
    for index in np.ndindex(*weights.shape):
        values = []
        for sign in (1, -1):
            moved = weights.copy()
            moved[index] += sign * step
            values.append(penalty(tg.tensor(moved, requires_grad=True)).item())
        assert found[index].item() == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-6)


def test_gradients_with_respect_to_the_cotangent():
    """The map v -> vᵀJ is linear in v, so its derivative is J: how forward mode is made of two reverse sweeps."""
    x = leaf(1.0, 2.0)
    v = leaf(1.0, 1.0)
    (pulled,) = grad(x**2, x, v, create_graph=True)
    assert grad(pulled, v, tg.tensor([10.0, 100.0], dtype="float64"))[0].tolist() == [20.0, 400.0]


def test_only_the_part_of_the_graph_that_matters():
    x, w = leaf(3.0), leaf(2.0)
    (slope,) = grad(x * x * w, x, create_graph=True)  # 2xw
    assert [g.tolist() for g in grad(slope, [x, w])] == [[4.0], [6.0]]


def test_a_gradient_that_does_not_depend_on_the_input():
    x = leaf(3.0)
    (slope,) = grad(3 * x, x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"does not require grad|not have been used"):
        grad(slope, x)


def test_without_create_graph_gradients_have_no_graph():
    x = leaf(3.0)
    (slope,) = grad(x**3, x)
    assert not slope.requires_grad


def test_through_views_splits_and_joins():
    x = leaf(1.0, 2.0, 3.0, 4.0)

    def f(x):
        a, b = x.reshape(2, 2).T.split(1)
        joined = tg.cat([a * b, b * b]).flip(0)
        return (
            (joined[1:] ** 2).sum()
            + tg.stack([a, b]).unsqueeze(0).expand(3, -1, -1, -1).prod(0).sum()
            + x[[0, 0]].prod()
        )

    def scalar(values):
        (slope,) = grad(f(values), values, create_graph=True)
        return (slope * tg.tensor([1.0, -2.0, 3.0, 0.5], dtype="float64")).sum()

    (found,) = grad(scalar(x), x)
    step = 1e-5
    for i in range(4):
        shift = step * np.eye(4)[i]
        up, down = (scalar(tg.tensor(x.detach().numpy() + s * shift, requires_grad=True)).item() for s in (1, -1))
        assert found[i].item() == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-6)


def test_a_split_of_which_one_part_is_used():
    x = leaf(1.0, 2.0, 3.0)
    _, b = x.split([1, 2])
    (slope,) = grad((b**3).sum(), x, create_graph=True)
    assert slope.tolist() == [0.0, 12.0, 27.0]
    assert grad(slope.sum(), x)[0].tolist() == [0.0, 12.0, 18.0]


def test_two_outputs_of_one_op_where_one_gradient_is_a_constant():
    x = leaf(2.0, 3.0)
    a, b = x.split(1)
    (slope,) = grad(a**3 + 2 * b, x, create_graph=True)
    assert grad(slope.sum(), x)[0].tolist() == [12.0, 0.0]


def test_an_op_whose_gradient_is_zero_beside_one_whose_is_not():
    x = leaf(1.5)
    (slope,) = grad(x.floor() * x + x**3, x, create_graph=True)
    assert slope.tolist() == [1.0 + 3 * 1.5**2]
    assert grad(slope, x)[0].tolist() == [9.0]


def test_a_fused_op_differentiated_twice():
    """Where its gradient is differentiated, cross_entropy is its decomposition; where not, its own fast gradient."""
    rng = np.random.default_rng(0)
    logits = tg.tensor(rng.normal(size=(3, 4)), requires_grad=True)
    target = tg.tensor([0, 3, 1])

    def fused(x):
        return tg.nn.functional.cross_entropy(x, target)

    def composed(x):
        return -tg.log_softmax(x, 1)[[0, 1, 2], target].mean()

    weights = tg.tensor(rng.normal(size=(3, 4)))
    results = []
    for f in (fused, composed):
        (slope,) = grad(f(logits), logits, create_graph=True)
        (second,) = grad((slope * weights).sum(), logits, create_graph=True)
        (third,) = grad((second * weights).sum(), logits)
        results.append([slope.detach().numpy(), second.detach().numpy(), third.numpy()])
    for found, right in zip(*results, strict=True):
        np.testing.assert_allclose(found, right, atol=1e-12)
    (plain,) = grad(fused(logits), logits)
    np.testing.assert_allclose(plain.numpy(), results[0][0], atol=1e-12)


@pytest.mark.parametrize("first", [True, False])
def test_a_rule_may_give_a_constant_array(first):
    """Beside the gradient of another op, which under create_graph is a tensor."""

    @primitive
    def constant_slope(input: Array) -> Array:
        return np.round(input)

    constant_slope.rule(input=lambda g, input_shape: np.zeros(input_shape))
    try:
        x = leaf(1.5)
        y = constant_slope(x) + x**3 if first else x**3 + constant_slope(x)
        (slope,) = grad(y, x, create_graph=True)
        assert slope.tolist() == [3 * 1.5**2]
        assert grad(slope, x)[0].tolist() == [9.0]
    finally:
        registry.pop("constant_slope")


@pytest.fixture
def fused_product():
    """A fused op of two inputs: their product, of which it keeps both."""

    @fused
    def fused_product(input: Array, other: Array) -> Array:
        return input * other, (input.copy(), other.copy())

    fused_product.rule(input=lambda g, kept: g * kept[1], other=lambda g, kept: g * kept[0])
    fused_product.decomposition(lambda input, other: input * other)
    yield fused_product
    registry.pop("fused_product")


def test_a_fused_op_whose_inputs_depend_on_each_other(fused_product):
    x = leaf(0.5, 2.0)
    orders = derivatives(lambda x: fused_product(x, fused_product(x, x)), x, 3)
    for found, right in zip(orders, [x**3, 3 * x**2, 6 * x, 0 * x + 6], strict=True):
        np.testing.assert_allclose(found, right.detach().numpy(), rtol=1e-12)


def test_fused_ops_in_a_row_are_swept_in_linear_time(fused_product, monkeypatch):
    """Each looks at its own part of the graph only: 12 times the ops must not take 144 times the steps."""
    visited = 0
    reachable = graph._reachable

    def counting(*args):
        nonlocal visited
        nodes = reachable(*args)
        visited += len(nodes)
        return nodes

    monkeypatch.setattr(graph, "_reachable", counting)
    counts = []
    for depth in (10, 120):
        x, w = leaf(1.0), leaf(1.0)
        y = x
        for _ in range(depth):
            y = fused_product(y, w)
        visited = 0
        grad(y, x, create_graph=True)
        counts.append(visited)
    assert counts[1] < 20 * counts[0]


def test_only_what_leads_to_the_inputs_is_visited(monkeypatch):
    """However long the history of the input is."""
    visited = []
    reachable = graph._reachable
    monkeypatch.setattr(graph, "_reachable", lambda *args: visited.append(reachable(*args)) or visited[-1])
    x = leaf(1.0)
    for _ in range(100):
        x = x * 2
    (slope,) = tg.autograd.grad((x * x).sin(), x)
    assert slope.item() == pytest.approx(2 * 2.0**100 * np.cos(2.0**200))
    assert len(visited[0]) == 3
