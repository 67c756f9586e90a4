"""`check_gradient` finds each kind of mistake, and says what is wrong where."""

from __future__ import annotations

import re

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.testing import GradientError, check_gradient, expanded, flipped, strided, transposed
from tinygrad_np.testing import gradients as gradients_module

X = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])


def custom(forward, backward):
    """A function with a backward of its own, both of the input (and the gradient)."""

    class Custom(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx, g):
            return backward(g, *ctx.saved_tensors)

    return Custom.apply


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.sin(),
        lambda x: x.exp().sum(0),
        lambda x: x.T @ x,
        lambda x: (x * 2, x**3),
        lambda x: [x, x > 0],
        lambda x: tg.ones(3),
        lambda x: x[:0],
        lambda x: (x.to(tg.float64) * 2).to(x.dtype),
    ],
)
def test_right_gradients_pass_to_any_order(function):
    check_gradient(function, X, order=3)


@pytest.mark.parametrize("layout", [transposed, flipped, strided, expanded])
def test_layouts(layout):
    check_gradient(lambda x: (x.exp() * x).sum(1), layout(X))


@pytest.mark.parametrize(
    ("mistake", "function"),
    [
        ("sign", custom(lambda x: x.sin(), lambda g, x: -g * x.cos())),
        ("factor", custom(lambda x: x**3, lambda g, x: 2 * g * x**2)),
        ("missing term", custom(lambda x: x * x.exp(), lambda g, x: g * x.exp())),
        ("wrong axis", custom(lambda x: x.sum(1), lambda g, x: g.sum() + 0 * x)),
        ("missing gradient", custom(lambda x: x**2, lambda g, x: 0 * x)),
        ("cut off from the graph", lambda x: x.detach() * 2),
        ("nan", custom(lambda x: x * 2, lambda g, x: g * float("nan"))),
        ("too large by little", custom(lambda x: x * 2, lambda g, x: g * 2.0001)),
        ("constant factor in one element only", lambda x: x * tg.where(x.detach() > 1, x, x.detach())),
    ],
)
def test_wrong_first_order_fails(mistake, function):
    with pytest.raises(GradientError, match="the gradient with respect to input 0 is wrong"):
        check_gradient(function, X, order=1)


@pytest.mark.parametrize("function", [lambda x: x * float("nan"), lambda x: (x - x.detach()).log()])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning", "ignore:divide by zero:RuntimeWarning")
def test_a_function_that_is_not_finite_proves_nothing(function):
    with pytest.raises(GradientError, match="there is no gradient with respect to input 0"):
        check_gradient(function, X)


def test_transposed_gradient_of_a_square_input_fails():
    swapped = custom(lambda x: x * 3, lambda g, x: g.T * 3)
    with pytest.raises(GradientError, match="is wrong"):
        check_gradient(swapped, np.ones((3, 3)))


@pytest.mark.parametrize(
    ("subject", "backward"),
    [
        ("input 0", lambda g, x: 2 * g * x.detach()),
        ("cotangent 0 of order 1", lambda g, x: 2 * g.detach() * x),
    ],
)
def test_wrong_second_order_fails(subject, backward):
    square = custom(lambda x: x * x, backward)
    check_gradient(square, X, order=1)
    with pytest.raises(GradientError, match=f"the gradient of order 2 with respect to {subject} is wrong"):
        check_gradient(square, X, order=2)


def test_wrong_third_order_fails():
    class Slope(tg.autograd.Function):
        """2 g x, the gradient of g x², whose own gradient forgets how it depends on g."""

        @staticmethod
        def forward(ctx, g, x):
            ctx.save_for_backward(g, x)
            return 3 * g * x * x

        @staticmethod
        def backward(ctx, h):
            g, x = ctx.saved_tensors
            return 3 * h * x * x, 6 * h * g * x.detach()

    cube = custom(lambda x: x**3, lambda g, x: Slope.apply(g, x))
    check_gradient(cube, X, order=2)
    with pytest.raises(GradientError, match="the gradient of order 3 with respect to input 0 is wrong"):
        check_gradient(cube, X, order=3)


def test_another_gradient_under_create_graph_fails():
    fickle = custom(lambda x: x * 2, lambda g, x: g * (3 if tg.is_grad_enabled() else 2))
    check_gradient(fickle, X, order=1)
    with pytest.raises(GradientError, match="gradient of order 1 with respect to input 0 is another with create_graph"):
        check_gradient(fickle, X, order=2)


def test_a_value_that_depends_on_the_memory_layout_fails():
    def blind(x):
        return tg.from_numpy(np.ravel(x.detach().numpy(), order="K").reshape(x.shape).copy()) + 0 * x

    with pytest.raises(GradientError, match="output 0 is not the same for the same values"):
        check_gradient(blind, transposed(X), order=1)
    with pytest.raises(GradientError, match="output 0 is wrong for inputs that are transposed"):
        check_gradient(blind, X, order=0)


def test_a_gradient_that_depends_on_the_memory_layout_fails():
    def backward(g, x):
        gradient = np.array(x.detach().numpy())  # keeps the order in memory
        gradient.reshape(-1)[:] = 2  # so this may be a copy
        return g * tg.from_numpy(gradient)

    function = custom(lambda x: x * 2, backward)
    check_gradient(function, X, order=1, layouts=[flipped])
    with pytest.raises(GradientError, match="gradient with respect to input 0 is wrong for inputs that are transposed"):
        check_gradient(function, X, order=1)


def test_changing_an_input_fails():
    def careless(x):
        x.data[0, 0] = 7.0
        return x * 2

    with pytest.raises(GradientError, match="changed"):
        check_gradient(careless, X.copy())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda leaves, gradients: [leaves[0], gradients[1]], "input 0 shares memory with an input or a cotangent"),
        (lambda leaves, gradients: [gradients[0], gradients[0]], "inputs? 0 and input 1 share memory"),
        (lambda leaves, gradients: [gradients[0][:1], gradients[1]], r"input 0 has shape \[1, 3\] and float64"),
        (lambda leaves, gradients: [gradients[0].float(), gradients[1]], r"input 0 has shape \[2, 3\] and float32"),
    ],
)
def test_gradients_that_an_engine_must_not_give_fail(monkeypatch, spoil, message):
    def pull_back(outputs, leaves, cotangents, create_graph):
        return spoil(leaves, right(outputs, leaves, cotangents, create_graph=create_graph))

    right = gradients_module.pull_back
    monkeypatch.setattr(gradients_module, "pull_back", pull_back)
    with pytest.raises(GradientError, match=message):
        check_gradient(lambda x, y: x * y, X, X + 1)


def test_imprecision_in_float32_fails():
    def coarse(x):
        return x * 2 if x.dtype == tg.float64 else (x.to(tg.float16) * 2.1).to(tg.float32)

    check_gradient(coarse, X, dtypes=())
    with pytest.raises(GradientError, match="output 0 in float32 is far from that in float64"):
        check_gradient(coarse, X)

    def coarse_backward(g, x):
        return g * 2 if g.dtype == tg.float64 else g * 2.001

    with pytest.raises(GradientError, match="the gradient with respect to input 0 in float32 is far from"):
        check_gradient(custom(lambda x: x * 2, coarse_backward), X)


def test_only_what_is_of_floating_point_is_differentiated():
    index, mask = np.array([1, 0]), tg.tensor([True, False])
    check_gradient(lambda x, i, m, n, *rest: x[i][m] ** n, X, index, mask, 2, None, "text")


@pytest.mark.parametrize("inputs", [(), (np.array([1, 2]),), (tg.tensor([True]), 1.5)])
def test_nothing_to_differentiate_is_an_error(inputs):
    with pytest.raises(ValueError, match="expects at least one input to be an array or a tensor of floating point"):
        check_gradient(lambda *x: tg.ones(1), *inputs)


def test_lists_of_arrays():
    check_gradient(lambda xs, y: tg.cat(xs) * y, [X, X[:1] * 2], np.array([1.0, 2.0, 3.0]))
    with pytest.raises(GradientError, match=re.escape("with respect to input 0[1] is wrong")):
        check_gradient(lambda xs: xs[0] * xs[1].detach(), [X, X])


def test_the_message_names_function_element_values_and_inputs():
    def half_right(x):
        return x * tg.where(x.detach() > 1.75, x.detach(), x)

    with pytest.raises(GradientError) as caught:
        check_gradient(half_right, X)
    message = str(caught.value)
    assert message.startswith(
        "half_right: the gradient with respect to input 0 is wrong: worst at element [0, 2], analytic "
    )
    actual, expected = (float(re.search(rf"{word} (-?[\d.]+)", message)[1]) for word in ("analytic", "numeric"))
    assert expected == pytest.approx(2 * actual)
    assert "tolerance 1e-06 + 1e-05 * |numeric|" in message
    assert "input 0: [[ 0.5 , -1.25,  2.  ]" in message
    assert "(shape [2, 3], strides [3, 1], float64)" in message
    with pytest.raises(GradientError, match="^other: "):
        check_gradient(half_right, X, name="other")


def test_looser_tolerances_are_kept():
    off = custom(lambda x: x * 2, lambda g, x: g * 2.002)
    check_gradient(off, X, rtol=1e-2, dtypes=())
    check_gradient(off, X, atol=1e-2, dtypes=())
    with pytest.raises(GradientError):
        check_gradient(off, X, rtol=1e-4, dtypes=())
