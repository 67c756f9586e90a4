"""backward and autograd.grad: what they compute, where they put it, and what they refuse."""

import re

import numpy as np
import pytest

import tinygrad_np as tg
from tests.autograd.leaves import leaf
from tinygrad_np.autograd import backward, grad

# ---- backward ------------------------------------------------------------------------------------------------------


def test_gradients_are_added_to_what_is_there():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]
    (3 * x).sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]
    x.grad = None
    (3 * x).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_the_gradient_has_its_tensors_shape_and_dtype():
    for dtype in (tg.float16, tg.float32, tg.float64):
        x = tg.ones(2, 1, dtype=dtype, requires_grad=True)
        (x + tg.ones(3, 1, 4, dtype="float64")).sum().backward()
        assert (x.grad.shape, x.grad.dtype) == ((2, 1), dtype)
        assert x.grad.tolist() == [[12.0], [12.0]]
        assert x.grad.is_leaf
        assert not x.grad.requires_grad


def test_a_gradient_that_was_read_only_may_be_changed_and_added_to():
    class Triple(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 3 * x

        @staticmethod
        def backward(ctx, g):
            three = np.full(2, 3, "float32")
            three.flags.writeable = False
            return tg.from_numpy(three)

    for times in (1, 2):
        x = leaf(1.0, 2.0)
        for _ in range(times):
            Triple.apply(x).sum().backward()
        x.grad += 1
        assert x.grad.tolist() == [3.0 * times + 1] * 2


def test_a_tensor_used_in_many_ways_gets_the_sum():
    x = leaf(2.0)
    y = x * x  # used at three depths
    z = y * x + y.exp() - x
    z.sum().backward()
    assert x.grad.tolist() == pytest.approx([3 * 2.0**2 + np.exp(4.0) * 2 * 2.0 - 1])


def test_a_diamond_is_swept_once_per_node():
    x = leaf(1.0)
    y = x
    for _ in range(60):  # sweeping each path on its own would take 2**60 steps
        y = y * 0.5 + y * 0.5
    y.sum().backward()
    assert x.grad.tolist() == [1.0]


def test_tensors_that_need_no_gradient_get_none():
    x, c = leaf(1.0), tg.tensor([2.0])
    (x * c).sum().backward()
    assert c.grad is None
    assert not c.requires_grad


def test_several_roots_are_swept_together():
    x = leaf(1.0, 2.0)
    y = x * x
    backward([y.sum(), y], [None, tg.tensor([10.0, 100.0])])
    assert x.grad.tolist() == [2.0 + 20.0, 4.0 + 400.0]


def test_a_root_that_another_depends_on():
    x = leaf(3.0)
    y = x * x
    z = y * y
    backward([z.sum(), y.sum()])
    assert x.grad.tolist() == [4 * 27.0 + 6.0]


def test_the_same_root_twice():
    x = leaf(3.0)
    y = x * x
    backward([y, y], [tg.ones(1), tg.tensor([2.0])])
    assert x.grad.tolist() == [18.0]


def test_no_roots():
    backward([])


def test_a_leaf_may_be_the_root():
    x = leaf(3.0)
    x.backward()
    x.backward(tg.tensor([5.0]))
    assert x.grad.tolist() == [6.0]


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1)])
def test_one_element_needs_no_gradient_of_its_own(shape):
    x = tg.ones(shape, requires_grad=True)
    (3 * x).backward()
    assert x.grad.tolist() == tg.full(shape, 3.0).tolist()


def test_gradients_of_0d_tensors_are_0d_tensors_that_can_be_changed():
    """NumPy's arithmetic makes scalars of 0-d arrays."""
    x, w = tg.tensor(2.0, requires_grad=True), tg.tensor(5.0, requires_grad=True)
    seen = []
    x.register_hook(seen.append)
    (x * w * x).backward()
    for gradient in (x.grad, w.grad, *grad(x * w, [x, w]), *seen):
        assert isinstance(gradient.numpy(), np.ndarray)
        assert gradient.shape == ()
    x.grad.zero_()
    (x * w).backward()
    assert x.grad.tolist() == 5.0


def test_empty_tensors():
    x = tg.ones(0, 3, requires_grad=True)
    (x * 2).sum().backward()
    assert x.grad.shape == (0, 3)


def test_chosen_inputs_only():
    x, w = leaf(2.0), leaf(5.0)
    y = x * w
    z = y * y
    z.backward(inputs=[x], retain_graph=True)
    assert (x.grad.tolist(), w.grad) == ([2 * 10.0 * 5.0], None)
    z.backward(inputs=w, retain_graph=True)
    assert w.grad.tolist() == [2 * 10.0 * 2.0]
    z.backward(inputs=[y, y])  # neither a leaf nor once is a must
    assert y.grad.tolist() == [20.0]
    assert x.grad.tolist() == [100.0]


def test_chosen_inputs_that_are_not_reached():
    x, other = leaf(2.0), leaf(5.0)
    x.sum().backward(inputs=[other])
    assert x.grad is None
    assert other.grad is None


def test_a_gradient_is_cast_to_the_dtype_of_its_tensor():
    x = leaf(1.0, 2.0)
    (2 * x).backward(tg.tensor([1.0, 2.0], dtype="float64"))
    (2 * x).backward(tg.tensor([1, 2]))
    x.backward(tg.tensor([10, 10]))
    assert x.grad.dtype == tg.float32
    assert x.grad.tolist() == [14.0, 18.0]
    assert grad(x, x, tg.tensor([1, 2]))[0].dtype == tg.float32


def test_nothing_is_recorded_while_gradients_are_computed():
    x = leaf(1.0)
    y = x.exp()
    modes = []
    y.register_hook(lambda g: modes.append((tg.is_grad_enabled(), g.requires_grad)))
    y.backward(retain_graph=True)
    y.backward(create_graph=True)
    assert modes == [(False, False), (True, False)]
    assert tg.is_grad_enabled()


def test_a_gradient_that_was_replaced_by_hand_is_added_to():
    x = leaf(1.0)
    x.grad = tg.tensor([10.0])
    x.sum().backward()
    assert x.grad.tolist() == [11.0]


def test_a_gradient_that_overlaps_itself_cannot_be_added_to():
    x = tg.ones(3, requires_grad=True)
    x.grad = tg.ones(1).expand(3)
    with pytest.raises(RuntimeError, match="elements cannot be written one by one"):
        x.sum().backward()


def test_x_that_stopped_asking_gets_no_gradient():
    x, w = leaf(1.0), leaf(2.0)
    y = x * w
    x.requires_grad_(False)
    y.backward()
    assert x.grad is None
    assert w.grad.tolist() == [1.0]


def test_nan_goes_where_it_belongs():
    x = leaf(1.0, float("nan"), -1.0)
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, np.nan, -2.0])


# ---- what is refused -----------------------------------------------------------------------------------------------


def test_backward_of_a_constant():
    with pytest.raises(RuntimeError, match="element 0 of tensors does not require grad and does not have a grad_fn"):
        tg.ones(1).backward()
    with pytest.raises(RuntimeError, match="element 1 of tensors does not require grad"):
        backward([leaf(1.0), tg.ones(1)])


@pytest.mark.parametrize("size", [0, 2])
def test_a_missing_gradient(size):
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        tg.ones(size, requires_grad=True).backward()


@pytest.mark.parametrize("shape", [(), (1,), (2,), (1, 3), (3, 1)])
def test_a_gradient_of_the_wrong_shape(shape):
    message = f"grad_output[0] has a shape of {list(shape)} and output[0] has a shape of [3]"
    with pytest.raises(RuntimeError, match=re.escape(message)):
        leaf(1.0, 2.0, 3.0).backward(tg.ones(shape))


@pytest.mark.parametrize("gradient", [1.0, np.ones(1, "float32"), "one"])
def test_a_gradient_of_the_wrong_type(gradient):
    with pytest.raises((TypeError, RuntimeError)):
        leaf(1.0).backward(gradient)


def test_too_few_gradients():
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="got 2 tensors and 1 gradients"):
        backward([x, x], [None])


def test_roots_that_are_no_tensors():
    with pytest.raises(TypeError, match="float"):
        backward([1.0])
    with pytest.raises(TypeError, match="int"):
        grad(leaf(1.0), 3)


def test_inputs_that_are_empty_or_need_no_gradient():
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match=re.escape("`inputs` argument to `backward()` cannot be empty")):
        x.sum().backward(inputs=[])
    with pytest.raises(RuntimeError, match=re.escape("`inputs` argument to `grad()` cannot be empty")):
        grad(x.sum(), [])
    with pytest.raises(RuntimeError, match="One of the differentiated Tensors does not require grad"):
        grad(x.sum(), [x, tg.ones(1)])
    with pytest.raises(RuntimeError, match="One of the differentiated Tensors does not require grad"):
        x.sum().backward(inputs=[tg.ones(1)])


# ---- twice over the same graph -------------------------------------------------------------------------------------


def test_a_second_backward_is_refused_by_name():
    x = leaf(1.0)
    y = x.exp().sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"backward through the graph a second time.*exp.*retain_graph=True"):
        y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        grad(y, x)


@pytest.mark.parametrize("first", [{"retain_graph": True}, {"create_graph": True}])
def test_a_second_backward_over_a_graph_that_was_retained(first):
    x = leaf(1.0)
    y = x.exp().sum()
    y.backward(**first)
    y.backward()
    assert x.grad.tolist() == pytest.approx([2 * np.e])
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_create_graph_without_retain_graph():
    x = leaf(1.0)
    y = x.exp().sum()
    y.backward(create_graph=True, retain_graph=False)
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_a_graph_that_saved_no_arrays_may_be_swept_again():
    """As in PyTorch: code that takes a transpose or a reshape of its parameters once, up front, relies on it."""
    w = tg.ones(2, 3, requires_grad=True)
    shared = (w.T.reshape(-1) + 1).sum(0)
    for _ in range(2):
        (shared * tg.tensor(2.0)).backward()
    assert w.grad.tolist() == [[4.0] * 3] * 2


def test_gradients_with_respect_to_an_intermediate_leave_its_own_graph_alone():
    x = leaf(2.0)
    y = x.exp()
    y.sum().backward()  # frees what made y
    assert grad((y * y).sum(), y)[0].tolist() == pytest.approx([2 * np.exp(2.0)])
    y = x.exp()
    grad((y * y).sum(), y)
    y.sum().backward()  # grad above had no reason to free what made y


def test_an_error_leaves_the_mode_as_it_was():
    x = leaf(1.0)
    y = x.exp()
    y.register_hook(lambda g: 1 / 0)
    for create_graph in (False, True):
        with pytest.raises(ZeroDivisionError):
            y.backward(create_graph=create_graph, retain_graph=True)
        assert tg.is_grad_enabled()


# ---- autograd.grad -------------------------------------------------------------------------------------------------


def test_grad_returns_gradients_and_leaves_no_trace():
    x, w = leaf(2.0), leaf(5.0)
    y = x * w
    gradients = grad((y * y).sum(), [w, y, x])
    assert [g.tolist() for g in gradients] == [[40.0], [20.0], [100.0]]
    assert x.grad is w.grad is None
    assert not any(g.requires_grad for g in gradients)


def test_grad_takes_one_tensor_or_several():
    x = leaf(2.0)
    assert [g.tolist() for g in grad(x * x, x)] == [[4.0]]
    assert [g.tolist() for g in grad((x * x, x), (x,))] == [[5.0]]
    assert [g.tolist() for g in grad([x * x], [x], tg.tensor([10.0]))] == [[40.0]]
    assert [g.tolist() for g in grad([x * x, 3 * x], x, [tg.tensor([10.0]), None])] == [[43.0]]


def test_an_input_that_is_not_used():
    x, other = leaf(2.0), tg.ones(2, dtype="float64", requires_grad=True)
    with pytest.raises(RuntimeError, match="index 1 appears to not have been used in the graph.*allow_unused=True"):
        grad(x.sum(), [x, other])
    assert grad(x.sum(), [x, other], allow_unused=True)[1] is None
    zeros = grad(x.sum(), [x, other], materialize_grads=True)[1]
    assert (zeros.tolist(), zeros.dtype) == ([0.0, 0.0], tg.float64)
    with pytest.raises(ValueError, match="allow_unused"):
        grad(x.sum(), x, materialize_grads=True, allow_unused=False)


def test_an_input_given_twice():
    x = leaf(2.0)
    assert [g.tolist() for g in grad(x * x, [x, x])] == [[4.0], [4.0]]
    assert grad(x.sum(), [other := leaf(1.0), other], allow_unused=True) == (None, None)


def test_an_input_that_is_also_an_output():
    x = leaf(2.0)
    y = x * x
    assert [g.tolist() for g in grad(y, [y, x])] == [[1.0], [4.0]]
    y = x * x
    assert [g.tolist() for g in grad([y * y, y], [y])] == [[9.0]]
    assert [g.tolist() for g in grad(x, x, tg.tensor([7.0]))] == [[7.0]]


def test_an_input_that_another_input_was_made_from():
    x = leaf(2.0)
    y = x * x
    z = y + x
    assert [g.tolist() for g in grad(z * y, [x, y, z])] == [[8.0 * 4 - 4 + 8 - 4 + 12], [6.0 + 4.0], [4.0]]


def test_only_what_leads_to_an_input_is_computed():
    calls = []

    class Spy(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x, name):
            ctx.name = name
            return x * 1

        @staticmethod
        def backward(ctx, g):
            calls.append(ctx.name)
            return g, None

    x, w = leaf(2.0), leaf(5.0)
    y = Spy.apply(x, "x") * Spy.apply(w, "w")
    grad(y, w, retain_graph=True)
    assert calls == ["w"]
    grad(Spy.apply(y, "y"), y)
    assert calls == ["w", "y"]


def test_grad_frees_the_graph_it_went_through():
    x = leaf(2.0)
    y = x.exp()
    grad(y, x, retain_graph=True)
    grad(y, x)
    with pytest.raises(RuntimeError, match="second time"):
        grad(y, x)


# ---- common idioms -------------------------------------------------------------------------------------------------


def test_a_running_total_of_losses():
    x = leaf(1.0, 2.0)
    total = 0
    for k in range(1, 4):
        total += (k * x * x).sum()
    total.backward()
    assert x.grad.tolist() == [12.0, 24.0]


def test_sum_of_a_list_of_tensors():
    x = leaf(1.0, 2.0)
    sum([x[0] * 2, x[1] * 3, x.sum()]).backward()
    assert x.grad.tolist() == [3.0, 4.0]


def test_gradient_accumulation_over_batches_equals_one_batch():
    rng = np.random.default_rng(0)
    data = tg.tensor(rng.normal(size=(6, 3)))
    w = tg.tensor(rng.normal(size=(3, 2)), requires_grad=True)
    (data @ w).tanh().sum().backward()
    whole, w.grad = w.grad, None
    for batch in data.split(2):
        (batch @ w).tanh().sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), whole.numpy(), rtol=1e-12)


def test_gradient_descent_by_hand():
    w = tg.zeros(2, requires_grad=True)
    target = tg.tensor([3.0, -1.0])
    for _ in range(100):
        loss = ((w - target) ** 2).sum()
        loss.backward()
        with tg.no_grad():
            w -= 0.1 * w.grad
            w.grad.zero_()
    np.testing.assert_allclose(w.detach().numpy(), target.numpy(), atol=1e-5)
    assert w.is_leaf
    assert w.requires_grad
