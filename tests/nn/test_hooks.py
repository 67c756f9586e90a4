"""Hooks around the forward, and around the backward."""

import gc
import weakref
from collections import namedtuple

import pytest

import tinygrad_np as tg
from tinygrad_np import nn


class Scale(nn.Module):
    """Multiplies by 3, and by the keyword ``by``."""

    def forward(self, x, by=1.0):
        return 3 * x * by


# ---- forward -------------------------------------------------------------------------------------------------------


def test_forward_hook_sees_and_replaces_the_output():
    seen = []
    scale = Scale()

    def hook(module, args, output):
        seen.append((module, args, output.tolist()))
        return output + 1

    x = tg.ones(1)
    handle = scale.register_forward_hook(hook)
    assert scale(x, by=2.0).tolist() == [7]
    assert seen == [(scale, (x,), [6])]
    handle.remove()
    handle.remove()
    assert scale(x).tolist() == [3]


def test_forward_pre_hook_replaces_the_arguments():
    scale = Scale()
    with scale.register_forward_pre_hook(lambda module, args: args[0] + 1):
        assert scale(tg.ones(1)).tolist() == [6]
    with scale.register_forward_pre_hook(lambda module, args: (args[0] + 1, 2.0)):
        assert scale(tg.ones(1)).tolist() == [12]
    with scale.register_forward_pre_hook(lambda module, args: None):
        assert scale(tg.ones(1)).tolist() == [3]
    assert scale(tg.ones(1)).tolist() == [3]


def test_hooks_with_kwargs():
    scale = Scale()
    seen = []
    scale.register_forward_pre_hook(lambda module, args, kwargs: (args, {"by": 5.0}), with_kwargs=True)
    scale.register_forward_hook(lambda module, args, kwargs, output: seen.append(kwargs), with_kwargs=True)
    assert scale(tg.ones(1), by=2.0).tolist() == [15]
    assert seen == [{"by": 5.0}]


def test_pre_hook_with_kwargs_must_return_both():
    scale = Scale()
    scale.register_forward_pre_hook(lambda module, args, kwargs: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match=r"must return None or a tuple of \(new_args, new_kwargs\)"):
        scale(tg.ones(1))


def test_order_and_prepend():
    scale, calls = Scale(), []
    for register in (scale.register_forward_pre_hook, scale.register_forward_hook):
        name = register.__name__
        register(lambda *_, name=name: calls.append((name, 1)))
        register(lambda *_, name=name: calls.append((name, 2)))
        register(lambda *_, name=name: calls.append((name, 0)), prepend=True)
    scale(tg.ones(1))
    assert [number for _, number in calls] == [0, 1, 2, 0, 1, 2]
    assert [name for name, _ in calls] == ["register_forward_pre_hook"] * 3 + ["register_forward_hook"] * 3


class Failing(nn.Module):
    def forward(self, x):
        raise ValueError("no")


def test_always_called_hook_runs_after_an_error():
    module, outputs = Failing(), []
    module.register_forward_hook(lambda module, args, output: outputs.append("not called"))
    module.register_forward_hook(lambda module, args, output: outputs.append(output), always_call=True)
    with pytest.raises(ValueError, match="no"):
        module(tg.ones(1))
    assert outputs == [None]


def test_always_called_hook_runs_once():
    module, outputs = Scale(), []

    def fail(module, args, output):
        raise ValueError("no")

    module.register_forward_hook(lambda module, args, output: outputs.append(output.tolist()), always_call=True)
    module.register_forward_hook(fail)
    with pytest.raises(ValueError, match="no"):
        module(tg.ones(1))
    assert outputs == [[3]]


def test_error_in_an_always_called_hook_is_a_warning():
    module = Failing()

    def fail(module, args, output):
        raise KeyError("also")

    module.register_forward_hook(fail, always_call=True)
    with pytest.warns(UserWarning, match=r"silenced.*also"), pytest.raises(ValueError, match="no"):
        module(tg.ones(1))


def test_hooks_of_modules_inside():
    net = nn.Sequential(Scale(), Scale())
    with net[1].register_forward_hook(lambda module, args, output: -output):
        assert net(tg.ones(1)).tolist() == [-9]


# ---- backward ------------------------------------------------------------------------------------------------------


def test_full_backward_hook_sees_gradients_of_inputs_and_outputs():
    seen = []
    scale = Scale()
    scale.register_full_backward_hook(lambda module, *grads: seen.append((module, grads)))
    x = tg.ones(2, requires_grad=True)
    (scale(x) * tg.tensor([1.0, 2.0])).sum().backward()
    [(module, ((grad_input,), (grad_output,)))] = seen
    assert module is scale
    assert grad_output.tolist() == [1, 2]
    assert grad_input.tolist() == [3, 6]
    assert x.grad.tolist() == [3, 6]


def test_full_backward_hook_replaces_the_gradient_of_the_input():
    scale = Scale()
    scale.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 10,))
    x = tg.ones(2, requires_grad=True)
    scale(x).sum().backward()
    assert x.grad.tolist() == [30, 30]


def test_backward_pre_hook_replaces_the_gradient_of_the_output():
    seen = []
    scale = Scale()
    scale.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 10,))
    scale.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append(grad_output[0].tolist()))
    x = tg.ones(1, requires_grad=True)
    scale(x).sum().backward()
    assert x.grad.tolist() == [30]
    assert seen == [[10]]


def test_backward_hooks_order_and_removal():
    scale, calls = Scale(), []
    scale.register_full_backward_hook(lambda *_: calls.append(1))
    scale.register_full_backward_hook(lambda *_: calls.append(0), prepend=True)
    removed = scale.register_full_backward_pre_hook(lambda *_: calls.append("removed"))
    removed.remove()
    scale(tg.ones(1, requires_grad=True)).sum().backward()
    assert calls == [0, 1]


class Mixed(nn.Module):
    """Several inputs and outputs; not all of them tensors, not all needing a gradient."""

    def forward(self, x, number, y, mask):
        return x * number, "label", y * y, mask


def test_only_what_needs_a_gradient_has_one():
    seen = []
    module = Mixed()
    module.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append((grad_input, grad_output)))
    x, y = tg.ones(1, requires_grad=True), tg.tensor([3.0], requires_grad=True)
    mask = tg.ones(1)
    a, label, b, passed = module(x, 2.0, y, mask)
    assert label == "label"
    assert passed is mask
    (a + b).sum().backward()
    [(grad_input, grad_output)] = seen
    assert [g if g is None else g.tolist() for g in grad_input] == [[2], None, [6], None]
    assert [g if g is None else g.tolist() for g in grad_output] == [[1], None, [1], None]


def test_an_output_that_is_not_used_has_no_gradient():
    seen = []
    module = Mixed()
    module.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append((grad_input, grad_output)))
    x, y = tg.ones(1, requires_grad=True), tg.ones(1, requires_grad=True)
    module(x, 2.0, y, None)[0].sum().backward()
    [(grad_input, grad_output)] = seen
    assert grad_output[2] is None
    assert grad_input[0].tolist() == [2]
    assert x.grad.tolist() == [2]


def test_without_gradients_of_inputs_the_hook_still_sees_the_outputs():
    seen = []
    layer = nn.Linear(2, 1)
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append((grad_input, grad_output)))
    layer(tg.ones(2)).sum().backward()
    [(grad_input, (grad_output,))] = seen
    assert grad_input == (None,)
    assert grad_output.tolist() == [1]
    assert layer.bias.grad.tolist() == [1]


def test_such_a_hook_must_not_return_gradients():
    layer = nn.Linear(2, 1)
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: grad_output)
    with pytest.raises(RuntimeError, match="no input requires gradient"):
        layer(tg.ones(2)).sum().backward()


def test_wrong_number_of_gradients():
    scale = Scale()
    handle = scale.register_full_backward_hook(lambda module, grad_input, grad_output: (*grad_input, None))
    with pytest.raises(RuntimeError, match="invalid number of grad_input, got 2, but expected 1"):
        scale(tg.ones(1, requires_grad=True)).sum().backward()
    handle.remove()
    scale.register_full_backward_pre_hook(lambda module, grad_output: (*grad_output, None))
    with pytest.raises(RuntimeError, match="invalid number of grad_output, got 2, but expected 1"):
        scale(tg.ones(1, requires_grad=True)).sum().backward()


def test_gradient_that_goes_around_the_output_is_not_the_hooks_business():
    class Leaky(nn.Module):
        def forward(self, x):
            self.inside = 2 * x
            return 3 * x

    module, calls = Leaky(), []
    module.register_full_backward_hook(lambda *_: calls.append(1))
    x = tg.ones(1, requires_grad=True)
    module(x)
    module.inside.sum().backward()
    assert x.grad.tolist() == [2]
    assert calls == []


def test_named_tuples_stay_what_they_are():
    Pair = namedtuple("Pair", "double triple")

    class Both(nn.Module):
        def forward(self, x):
            return Pair(2 * x, 3 * x)

    seen = []
    module = Both()
    module.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append(len(grad_output)))
    pair = module(tg.ones(1, requires_grad=True))
    assert type(pair) is Pair
    (pair.double + pair.triple).sum().backward()
    assert seen == [2]


def test_nothing_is_tapped_without_recording():
    module, calls = Scale(), []
    module.register_full_backward_hook(lambda *_: calls.append(1))
    x = tg.ones(1, requires_grad=True)
    with tg.no_grad():
        assert not module(x).requires_grad
        identity = nn.Identity()
        identity.register_full_backward_hook(lambda *_: calls.append(1))
        assert identity(x) is x
    assert module(tg.ones(1)).tolist() == [3]
    assert calls == []


def test_hooked_gradients_can_be_differentiated():
    class Square(nn.Module):
        def forward(self, x):
            return x * x

    square = Square()
    square.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 2,))
    x = tg.tensor([3.0], requires_grad=True)
    (first,) = tg.autograd.grad(square(x).sum(), x, create_graph=True)
    assert first.tolist() == [12]
    (second,) = tg.autograd.grad(first.sum(), x)
    assert second.tolist() == [4]


def test_hooks_make_no_reference_cycles():
    net = nn.Sequential(Scale(), Scale())
    for module in net.modules():
        module.register_forward_hook(lambda *_: None)
        module.register_full_backward_pre_hook(lambda *_: None)
        module.register_full_backward_hook(lambda *_: None)
    gc.disable()
    try:
        for sweep in (False, True):
            x = tg.ones(2, requires_grad=True)
            y = net(x)
            node, leaf = weakref.ref(y.grad_fn), weakref.ref(x)
            if sweep:
                y.sum().backward()
            del x, y
            assert node() is None
            assert leaf() is None
    finally:
        gc.enable()


def test_full_backward_hook_may_return_a_list_and_sees_zeros_for_an_unused_input():
    class First(nn.Module):
        def forward(self, x, unused):
            return 2 * x

    module = First()
    module.register_full_backward_hook(lambda module, grad_input, grad_output: [g + 1 for g in grad_input])
    x, unused = tg.ones(2, requires_grad=True), tg.ones(3, requires_grad=True)
    module(x, unused).sum().backward()
    assert (x.grad.tolist(), unused.grad.tolist()) == ([3, 3], [1, 1, 1])
