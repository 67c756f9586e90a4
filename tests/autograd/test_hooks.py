"""register_hook and retain_grad."""

import pytest

import tinygrad_np as tg
from tests.autograd.leaves import leaf


def test_a_hook_sees_the_gradient():
    x = leaf(1.0, 2.0)
    y = x * x
    seen = {}
    x.register_hook(lambda grad: seen.update(x=grad.tolist()))
    y.register_hook(lambda grad: seen.update(y=grad.tolist()))
    (3 * y).sum().backward()
    assert seen == {"x": [6.0, 12.0], "y": [3.0, 3.0]}


def test_a_hook_sees_the_whole_sum_once():
    x = leaf(2.0)
    y = x * x
    seen = []
    y.register_hook(lambda grad: seen.append(grad.tolist()))
    x.register_hook(lambda grad: seen.append(grad.tolist()))
    (y + 2 * y + y * x).sum().backward()
    assert seen == [[5.0], [4.0 * 5.0 + 4.0]]


@pytest.mark.parametrize("on", ["leaf", "intermediate"])
def test_what_a_hook_returns_replaces_the_gradient(on):
    x = leaf(1.0, 2.0)
    y = x * 2
    (x if on == "leaf" else y).register_hook(lambda grad: grad + 10)
    y.sum().backward()
    assert x.grad.tolist() == ([12.0, 12.0] if on == "leaf" else [22.0, 22.0])


def test_hooks_run_in_order_each_on_what_the_one_before_made():
    x = leaf(1.0)
    x.register_hook(lambda grad: grad + 1)
    x.register_hook(lambda grad: None)
    x.register_hook(lambda grad: grad * 10)
    (3 * x).backward()
    assert x.grad.tolist() == [40.0]


def test_a_hook_runs_at_every_backward():
    x = leaf(1.0)
    calls = []
    x.register_hook(calls.append)
    for _ in range(3):
        (2 * x).backward()
    assert len(calls) == 3
    assert x.grad.tolist() == [6.0]


def test_a_hook_can_be_removed():
    x = leaf(1.0)
    first = x.register_hook(lambda grad: grad + 1)
    x.register_hook(lambda grad: grad * 10)
    first.remove()
    first.remove()
    (3 * x).backward()
    assert x.grad.tolist() == [30.0]


def test_a_hook_can_last_for_a_with_statement():
    x = leaf(1.0)
    with x.register_hook(lambda grad: grad * 10):
        x.sum().backward()
    x.sum().backward()
    assert x.grad.tolist() == [11.0]


def test_a_hook_may_remove_itself():
    x = leaf(1.0)
    calls = []

    def once(grad):
        calls.append(grad)
        handle.remove()

    handle = x.register_hook(once)
    for _ in range(2):
        x.sum().backward()
    assert len(calls) == 1


def test_hooks_of_other_tensors_over_the_same_values_are_their_own():
    x = leaf(1.0)
    x.register_hook(lambda grad: grad * 10)
    y = x.detach().requires_grad_()
    (x + y).backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([10.0], [1.0])


def test_a_hook_on_one_of_several_outputs():
    x = leaf(1.0, 2.0, 3.0)
    a, b = x.split([1, 2])
    b.register_hook(lambda grad: grad * 10)
    (a.sum() + b.sum()).backward()
    assert x.grad.tolist() == [1.0, 10.0, 10.0]


def test_hooks_run_for_autograd_grad():
    x = leaf(1.0)
    y = 2 * x
    y.register_hook(lambda grad: grad * 10)
    x.register_hook(lambda grad: grad + 1)
    assert tg.autograd.grad(3 * y, [x, y])[0].tolist() == [61.0]


def test_hooks_under_create_graph_are_differentiated():
    x = leaf(3.0)
    x.register_hook(lambda grad: grad * grad)
    (slope,) = tg.autograd.grad(x * x, x, create_graph=True)  # (2x)**2
    assert slope.tolist() == [36.0]
    x2 = leaf(3.0)
    y = x2 * x2
    y.register_hook(lambda grad: grad * x2.detach())
    (slope,) = tg.autograd.grad(y, x2, create_graph=True)  # 2x * the value 3
    assert tg.autograd.grad(slope, x2)[0].tolist() == [6.0]


def test_the_second_derivative_through_a_hook():
    x = leaf(3.0)
    y = x * x
    handle = y.register_hook(lambda grad: grad * y)
    (slope,) = tg.autograd.grad(y, x, create_graph=True)  # 2x * x**2
    handle.remove()
    assert slope.tolist() == [54.0]
    assert tg.autograd.grad(slope, x)[0].tolist() == [54.0]


def test_hooks_that_return_what_is_no_gradient():
    x = leaf(1.0, 2.0)
    for returned, error in [
        (1.0, TypeError),
        (tg.ones(1), RuntimeError),
        (tg.ones(2, dtype="float64"), RuntimeError),
    ]:
        with x.register_hook(lambda grad, returned=returned: returned), pytest.raises(error, match="hook"):
            x.sum().backward()
    assert x.grad is None


def test_hooks_of_a_leaf_outlast_its_being_frozen():
    x = tg.ones(2, requires_grad=True)
    handle = x.register_hook(lambda grad: 10 * grad)
    x.requires_grad_(False)
    x.requires_grad_(True)
    x.sum().backward()
    assert x.grad.tolist() == [10, 10]
    x.requires_grad = False
    handle.remove()
    x.requires_grad = True
    x.sum().backward()
    assert x.grad.tolist() == [11, 11]


def test_hooks_of_a_leaf_are_not_those_of_what_it_becomes():
    x = tg.ones(1, requires_grad=True)
    x.register_hook(lambda grad: 10 * grad)
    x.detach_().requires_grad_()
    x.sum().backward()
    assert x.grad.tolist() == [10]
    x.requires_grad_(False)
    x.mul_(tg.ones(1, requires_grad=True))
    x.detach_().requires_grad_()
    x.sum().backward()
    assert x.grad.tolist() == [11]


def test_no_hooks_without_a_gradient():
    with pytest.raises(RuntimeError, match="cannot register a hook on a tensor that doesn't require gradient"):
        tg.ones(1).register_hook(print)


# ---- retain_grad ---------------------------------------------------------------------------------------------------


def test_an_intermediate_keeps_no_gradient_unless_told_to():
    x = leaf(1.0, 2.0)
    y = 2 * x
    z = 3 * y
    y.retain_grad()
    z.sum().backward()
    assert y.grad.tolist() == [3.0, 3.0]
    assert z.grad is None
    assert (x.retains_grad, y.retains_grad, z.retains_grad) == (False, True, False)


def test_the_root_may_retain_its_gradient():
    y = 2 * leaf(1.0)
    y.retain_grad()
    y.backward()
    assert y.grad.tolist() == [1.0]


def test_retained_gradients_add_up():
    x = leaf(1.0)
    y = 2 * x
    y.retain_grad()
    y.retain_grad()  # once is enough
    y.backward(retain_graph=True)
    y.backward()
    assert y.grad.tolist() == [2.0]


def test_a_retained_gradient_is_what_the_hooks_made_of_it():
    x = leaf(1.0)
    y = 2 * x
    y.retain_grad()
    y.register_hook(lambda grad: grad * 10)
    y.backward()
    assert (y.grad.tolist(), x.grad.tolist()) == ([10.0], [20.0])


def test_retain_grad_follows_an_in_place_change():
    """The gradient retained is that of the values the tensor has now."""
    x = leaf(1.0, 2.0)
    y = 2 * x
    y.retain_grad()
    y.add_(1)
    (y * y).sum().backward()
    assert y.grad.tolist() == [6.0, 10.0]
    assert y.retains_grad


def test_hooks_stay_with_the_values_they_were_registered_for():
    x = leaf(1.0)
    y = 2 * x
    seen = []
    y.register_hook(lambda grad: seen.append(grad.tolist()))
    y.mul_(5)
    y.register_hook(lambda grad: seen.append(grad.tolist()))
    y.backward()
    assert seen == [[1.0], [5.0]]


def test_retain_grad_on_a_leaf_changes_nothing():
    x = leaf(1.0)
    x.retain_grad()
    x.sum().backward()
    assert x.grad.tolist() == [1.0]
    with pytest.raises(RuntimeError, match="can't retain_grad on Tensor that has requires_grad=False"):
        tg.ones(1).retain_grad()


def test_a_retained_gradient_under_create_graph_has_a_graph():
    x = leaf(2.0)
    y = x * x
    y.retain_grad()
    (y * y).backward(create_graph=True)
    assert y.grad.tolist() == [8.0]
    assert tg.autograd.grad(y.grad, x)[0].tolist() == [8.0]
