from __future__ import annotations

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.autograd import gradcheck, gradgradcheck
from tinygrad_np.autograd.gradcheck import GradcheckError


class Wrong(tg.autograd.Function):
    """x · y, with a factor too much in the gradient with respect to y."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * y, 2 * g * x


def leaf(*values, dtype=tg.float64):
    return tg.tensor(values, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize(
    "function",
    [
        tg.sin,
        lambda x: x.sum(),
        lambda x: x[:, None] * x,
        lambda x: (x.exp(), x * x),
        lambda x: [x, (x > 1)],
        lambda x: x[:0],
        lambda x: x > 1,
    ],
)
def test_right_gradients_pass(function, fast_mode):
    x = leaf(0.5, 1.5, -2.0)
    assert gradcheck(function, x, fast_mode=fast_mode) is True
    assert gradgradcheck(function, x, fast_mode=fast_mode) is True


@pytest.mark.parametrize("fast_mode", [False, True])
def test_a_wrong_gradient_fails(fast_mode):
    x, y = leaf(0.5, 1.5), leaf(3.0, 4.0)
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input 1"):
        gradcheck(Wrong.apply, (x, y), fast_mode=fast_mode)
    assert gradcheck(Wrong.apply, (x, y), fast_mode=fast_mode, raise_exception=False) is False
    assert gradcheck(Wrong.apply, (x, y.detach()), fast_mode=fast_mode)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_a_gradient_that_does_not_depend_on_what_comes_in_fails(fast_mode):
    class SumOfSquares(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (x * x).sum()

        @staticmethod
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0]

    with pytest.raises(GradcheckError, match="backward not multiplied by grad_output"):
        gradcheck(SumOfSquares.apply, leaf(0.5, 1.5), fast_mode=fast_mode)


def test_the_message_says_where_and_what():
    x, y = leaf(0.5, 1.5), leaf(3.0, 4.0)
    with pytest.raises(
        GradcheckError,
        match=r"worst for element \[1\] of the output and element \[1\] of the input, numerical 1\.5, analytical 3 ",
    ):
        gradcheck(Wrong.apply, (x, y))
    with pytest.raises(GradcheckError, match="in a random direction, numerical"):
        gradcheck(Wrong.apply, (x, y), fast_mode=True)


def test_tolerances_decide():
    x, y = leaf(0.5), leaf(3.0)
    assert gradcheck(Wrong.apply, (x, y), rtol=1.01)
    assert gradcheck(Wrong.apply, (x, y), atol=0.51)
    with pytest.raises(GradcheckError):
        gradcheck(Wrong.apply, (x, y), rtol=0.9)


def test_a_gradient_of_nan_is_wrong():
    with pytest.raises(GradcheckError):
        gradcheck(lambda x: x * np.nan, leaf(1.0))


def test_a_result_cut_off_from_the_graph_is_wrong():
    with pytest.raises(GradcheckError, match="analytical 0"):
        gradcheck(lambda x: x.detach() * 2, leaf(1.0))


def test_a_gradient_right_in_value_but_wrong_in_its_gradient_fails_gradgradcheck():
    class Square(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * g * x.detach()

    x = leaf(0.5, 1.5)
    assert gradcheck(Square.apply, x)
    with pytest.raises(GradcheckError, match="output 0 with respect to input 0"):
        gradgradcheck(Square.apply, x)


def test_gradgradcheck_takes_grad_outputs():
    x = leaf(0.5, 1.5)
    assert gradgradcheck(tg.sin, x, leaf(1.0, -2.0))
    assert gradgradcheck(tg.sin, x, [tg.tensor([1.0, -2.0], dtype=tg.float64)])
    assert gradgradcheck(lambda x: x.reshape(2, 1).expand(2, 3) ** 3, x, gen_non_contig_grad_outputs=True)


def test_functions_may_refer_to_their_inputs_by_other_names():
    layer = tg.nn.Linear(3, 2).double()
    x = tg.tensor([[0.5, -1.0, 2.0]], dtype=tg.float64)
    assert gradcheck(lambda *parameters: layer(x).sin(), tuple(layer.parameters()))


def test_inputs_are_as_they_were_afterwards_even_after_an_error():
    x = leaf(0.1, 0.2)
    gradcheck(tg.exp, x)
    assert x.tolist() == [0.1, 0.2]
    calls = iter(range(2))

    def failing(x):
        next(calls)
        return x * 2

    with pytest.raises(StopIteration):
        gradcheck(failing, x)
    assert x.tolist() == [0.1, 0.2]
    assert x.grad is None


def test_arguments_that_are_no_tensors_are_passed_on():
    assert gradcheck(lambda x, power, mask: (x**power)[mask], (leaf(0.5, 1.5), 3, tg.tensor([True, False])))


def test_nondeterministic_backward():
    noise = iter(np.arange(100) * 1e-7)

    class Noisy(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * (2 + next(noise))

    with pytest.raises(GradcheckError, match="not reentrant"):
        gradcheck(Noisy.apply, leaf(1.0))
    assert gradcheck(Noisy.apply, leaf(1.0), nondet_tol=1e-3)


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_refused_inputs(check):
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        check(tg.sin, tg.ones(2, dtype=tg.float64))
    with pytest.raises(ValueError, match="shares memory among its elements"):
        check(tg.sin, tg.ones(1, dtype=tg.float64).expand(3).requires_grad_())
    with pytest.raises(TypeError, match="inputs must be a Tensor"):
        check(tg.sin, 1.0)
    with pytest.raises(TypeError, match="must return a Tensor"):
        check(lambda x: 1.0, leaf(1.0))
    with pytest.warns(UserWarning, match="not float64"):
        check(lambda x: x * 2, leaf(1.0, dtype=tg.float32), raise_exception=False)
