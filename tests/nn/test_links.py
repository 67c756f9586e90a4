"""Neighbours in a Sequential run as one op, unless something else is to happen between them."""

import copy
import functools
import pickle
import sys
import tracemalloc

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import nn
from tinygrad_np.ops.chain import LONGEST


def network(*middle):
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), *middle, nn.Linear(3, 2))


def nodes(tensor):
    """The names of the nodes from ``tensor`` to its leaves, without these."""
    names, node = [], tensor.grad_fn
    while node is not None and node.name() != "AccumulateGrad":
        names.append(node.name())
        node = next((edge for edge, _ in node.next_functions if edge.name() != "AccumulateGrad"), None)
    return names


def one_by_one(net, x):
    for module in net:
        x = module(x)
    return x


X = tg.from_numpy(np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32))


def runs_one_by_one(net, x=X):
    return nodes(net(x)) == nodes(one_by_one(net, x))


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.Sigmoid(), nn.Tanh()])
def test_layers_and_activations_are_one_node(activation):
    net = network(activation)
    out, expected = net(X), one_by_one(net, X)
    assert nodes(out) == [f"Linear{type(activation).__name__.capitalize()}LinearBackward0"]
    assert np.array_equal(out.detach(), expected.detach())
    out.square().sum().backward()
    gradients = [param.grad for param in net.parameters()]
    net.zero_grad()
    expected.square().sum().backward()
    for gradient, param in zip(gradients, net.parameters(), strict=True):
        assert np.array_equal(gradient, param.grad)


def test_other_modules_stand_between_chains():
    net = nn.Sequential(nn.Flatten(), *network(nn.Tanh(), nn.Dropout(0.0), nn.Sequential(nn.Tanh(), nn.Tanh())))
    assert nodes(net(X)) == ["LinearBackward0", "TanhBackward0", "TanhBackward0", "LinearTanhBackward0"]


def test_a_module_that_does_more_than_its_op_is_called():
    class Noted(nn.Tanh):
        def forward(self, input):
            seen.append("forward")
            return super().forward(input)

    class Called(nn.Tanh):
        def __call__(self, input):
            seen.append("call")
            return super().__call__(input)

    class Wrapped(nn.Tanh):
        @functools.wraps(nn.Tanh.forward)
        def forward(self, input):
            seen.append("wrapped")
            return nn.Tanh.forward(self, input)

    hooked, replaced = nn.Tanh(), nn.Tanh()
    hooked.register_forward_hook(lambda module, args, out: seen.append("hook"))
    replaced.forward = lambda input: seen.append("replaced") or input.tanh()
    notes = {Noted(): "forward", Called(): "call", Wrapped(): "wrapped", hooked: "hook", replaced: "replaced"}
    for module, note in notes.items():
        seen = []
        assert runs_one_by_one(network(module))
        assert seen == [note, note]


def test_a_class_whose_forward_is_replaced(monkeypatch):
    net = network(nn.Tanh())
    monkeypatch.setattr(nn.Tanh, "forward", lambda self, input: input * 2)
    assert nodes(net(X)) == ["LinearBackward0", "MulBackward0", "LinearBackward0"]


def replace_parameter(net):
    net[0].weight = nn.Parameter(tg.ones(3, 4))


def drop_parameter(net):
    net[2].bias = None


def replace_module(net):
    net[1] = nn.Sigmoid()


def remove_module(net):
    del net[2]


def append_module(net):
    net.append(nn.ReLU())


def replace_forward(net):
    net[1].forward = lambda input: input * 2


def borrow_forward(net):
    net[0].forward = nn.Linear(4, 3).forward


def restore_forward(net):
    replace_forward(net)
    net(X)
    del net[1].forward


class Doubled(nn.Tanh):
    def forward(self, input):
        return input * 2


def replace_class(net):
    net[1].__class__ = Doubled


def add_hook(net):
    net[2].register_forward_hook(lambda module, args, out: out * 2)


def take_parameter_out(net):
    weight = net[0].weight
    del net[0].weight
    for factor in (3, 2):
        net[0].weight = weight.detach() * factor
        net(X)


def freeze(net):
    net[0].requires_grad_(False)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (replace_parameter, ["LinearTanhLinearBackward0"]),
        (drop_parameter, ["LinearTanhLinearBackward0"]),
        (replace_module, ["LinearSigmoidLinearBackward0"]),
        (remove_module, ["LinearTanhBackward0"]),
        (append_module, ["LinearTanhLinearReluBackward0"]),
        (replace_forward, ["LinearBackward0", "MulBackward0", "LinearBackward0"]),
        (replace_class, ["LinearBackward0", "MulBackward0", "LinearBackward0"]),
        (borrow_forward, ["LinearBackward0", "TanhBackward0", "LinearBackward0"]),
        (restore_forward, ["LinearTanhLinearBackward0"]),
        (add_hook, ["MulBackward0", "LinearBackward0", "LinearTanhBackward0"]),
        (take_parameter_out, ["LinearBackward0", "TanhBackward0", "LinearBackward0"]),
        (freeze, ["LinearBackward0"]),
    ],
)
def test_what_is_changed_after_a_first_call(change, expected):
    net = network(nn.Tanh())
    for recorded in (True, False):
        with tg.set_grad_enabled(recorded):
            net(X)
    change(net)
    out = net(X)
    assert nodes(out) == expected
    assert np.array_equal(out.detach(), one_by_one(net, X).detach())
    with tg.no_grad():
        assert np.array_equal(net(X), out.detach())


def test_a_module_that_changes_those_behind_it():
    class Grower(nn.Module):
        def forward(self, input):
            follower.weight = nn.Parameter(follower.weight.detach() * 2)
            return input

    follower = nn.Linear(4, 3)
    net = nn.Sequential(Grower(), follower, nn.Tanh())
    for _ in range(2):
        out = net(X)
        assert np.array_equal(out.detach(), follower(X).tanh().detach())
        assert nodes(out) == ["LinearTanhBackward0"]


@pytest.mark.parametrize("recorded", [True, False])
def test_a_network_that_chooses_its_modules_at_each_call(recorded):
    class Chooser(nn.Sequential):
        left_out = None

        def __iter__(self):
            return iter([module for i, module in enumerate(super().__iter__()) if i != self.left_out])

    net = Chooser(*network(nn.Tanh(), nn.ReLU()))
    with tg.set_grad_enabled(recorded):
        for net.left_out in (1, 2, None):
            assert np.array_equal(net(X).detach(), one_by_one(net, X).detach())


def test_what_is_found_out_is_kept(monkeypatch):
    """While a network is trained, whatever is made and noted beside its structure."""
    net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), *network(nn.Tanh())[1:])
    net(X)
    monkeypatch.setattr("tinygrad_np.nn.modules.container.Steps", None)
    for epoch in range(2):
        net.epoch = epoch
        nn.CrossEntropyLoss()(net(X), tg.zeros(5, dtype=tg.int64)).backward()
        net[0].note = net[0].weight.grad
        net[1].running_mean = net[1].running_mean * 0.5
    net.eval()
    net(X)


def test_what_is_changed_back():
    net = network(nn.Tanh())
    for needed in (False, True, False):
        net[0].requires_grad_(needed)
        assert nodes(net(X)) == ["LinearTanhLinearBackward0" if needed else "LinearBackward0"]


@pytest.mark.parametrize("method", ["forward", "__call__"])
def test_a_class_that_is_changed_after_a_first_call(monkeypatch, method):
    net = network(nn.Tanh())
    net(X)
    monkeypatch.setattr(nn.Tanh, method, lambda self, input: input * 2, raising=False)
    assert nodes(net(X)) == ["LinearBackward0", "MulBackward0", "LinearBackward0"]
    monkeypatch.undo()
    assert nodes(net(X)) == ["LinearTanhLinearBackward0"]


def test_a_rule_that_is_changed_after_a_first_call():
    net, rules = network(nn.Tanh()), dict(tg.tanh.op.rules)
    net(X)
    tg.tanh.rule(input=lambda g: g * 0)
    try:
        net(X).sum().backward()
    finally:
        tg.tanh.rule(**rules)
    assert not net[0].weight.grad.any()


def test_a_weight_that_is_a_property_is_computed_at_each_call():
    class Scaled(nn.Linear):
        @property
        def weight(self):
            return self.whole * self.scale

        @weight.setter
        def weight(self, value):
            self.whole = value

        def reset_parameters(self):
            pass

    layer = Scaled(4, 2)
    layer.whole = nn.Parameter(tg.ones(2, 4))
    net = nn.Sequential(layer, nn.Tanh())
    for scale in (1, 2):
        layer.scale = scale
        assert np.array_equal(net(X).detach(), one_by_one(net, X).detach())


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_is_a_network_of_its_own(duplicate):
    net = network(nn.Tanh())
    net(X)
    twin = duplicate(net)
    twin[2] = nn.Linear(3, 2)
    for either in (net, twin):
        assert np.array_equal(either(X).detach(), one_by_one(either, X).detach())


def test_hooks_of_parameters_and_of_the_network_run():
    net, seen = network(nn.Tanh()), []
    net[0].weight.register_hook(lambda grad: seen.append(tuple(grad.shape)))
    net.register_full_backward_hook(lambda module, into, out: seen.append("network"))
    net(X).sum().backward()
    assert seen == ["network", (3, 4)] or seen == [(3, 4), "network"]


@pytest.mark.parametrize("recorded", [True, False])
def test_relu_in_place_shows_where_it_can_be_seen(recorded):
    net, x = nn.Sequential(nn.ReLU(inplace=True), *network(nn.ReLU(inplace=True))), X.clone()
    with tg.set_grad_enabled(recorded):
        out = net(x)
    assert nodes(out) == ["LinearReluLinearBackward0"] * recorded
    assert np.array_equal(x, X.relu())
    assert np.array_equal(out.detach(), one_by_one(net, X.clone()).detach())


def test_without_a_graph_links_are_one_call():
    net, called = network(nn.Tanh(), nn.LeakyReLU()), []
    forwards = {kind.forward.__code__: kind for kind in (nn.Linear, nn.Tanh, nn.LeakyReLU)}
    expected = one_by_one(net, X).detach()
    with tg.no_grad():
        sys.setprofile(lambda frame, event, _: called.append(forwards.get(frame.f_code)) if event == "call" else None)
        try:
            out = net(X)
        finally:
            sys.setprofile(None)
    assert [kind for kind in called if kind] == [nn.LeakyReLU]
    assert np.array_equal(out, expected)


def test_a_module_that_turns_the_graph_on_or_off():
    class Switch(nn.Module):
        def forward(self, input):
            tg.set_grad_enabled(not tg.is_grad_enabled())
            return input

    net = nn.Sequential(nn.Linear(4, 4), Switch(), *network(nn.Tanh()))
    for recorded, expected in [(True, []), (False, ["LinearTanhLinearBackward0"])]:
        with tg.set_grad_enabled(recorded):
            assert nodes(net(X)) == expected


def test_a_chain_begins_with_a_layer_that_is_trained():
    net = network(nn.Tanh())
    with tg.no_grad():
        assert net(X).grad_fn is None
    assert nodes(nn.Sequential(nn.Tanh(), *net)(X)) == ["LinearTanhLinearBackward0"]
    net[0].requires_grad_(False)
    assert nodes(net(X)) == ["LinearBackward0"]
    assert runs_one_by_one(net, X.clone().requires_grad_())


def test_it_keeps_no_more_than_its_links():
    """What is kept, by its size: the input, and what the activations give; not what the layers give."""
    net = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 1024), nn.Tanh(), nn.Linear(1024, 1))
    x = tg.ones(1000, 256)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        out = net(x)
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert out.requires_grad
    assert kept < 1000 * (512 + 1024 + 1) * 4 * 1.01


def test_without_gradients_no_result_outlives_its_use():
    net = nn.Sequential(*[layer for _ in range(8) for layer in (nn.Linear(64, 64), nn.Tanh())])
    x = tg.ones(1000, 64)
    tracemalloc.start()
    try:
        with tg.no_grad():
            net(x)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * 1000 * 64 * 4


def test_frozen_layers_get_no_gradient():
    net = network(nn.Tanh())
    net[2].weight.requires_grad_(False)
    net(X).sum().backward()
    assert net[2].weight.grad is None
    assert net[2].bias.grad is not None
    assert net[0].weight.grad is not None


def test_anomaly_mode_tells_the_links_apart():
    net = network(nn.Tanh())
    with tg.autograd.detect_anomaly():
        assert nodes(net(X)) == ["LinearBackward0", "TanhBackward0", "LinearBackward0"]


def test_other_inputs():
    net = network(nn.Tanh())
    assert np.array_equal(net(X.numpy()).detach(), net(X).detach())
    assert np.array_equal(net(X[0]).detach(), one_by_one(net, X[0]).detach())
    assert tuple(net(tg.ones(0, 4)).shape) == (0, 2)
    with pytest.raises(RuntimeError, match=r"mat1 and mat2 shapes cannot be multiplied \(5x3 and 4x3\)"):
        net(tg.ones(5, 3))


def test_a_long_network_is_several_chains():
    net = nn.Sequential(*[layer for _ in range(LONGEST) for layer in (nn.Linear(4, 4), nn.Tanh())], nn.Linear(4, 4))
    assert nodes(net(X)) == ["LinearBackward0", *["LinearTanh" * (LONGEST // 2) + "Backward0"] * 2]
    assert np.array_equal(net(X).detach(), one_by_one(net, X).detach())


def test_a_layer_that_is_there_twice_gets_both_gradients():
    layer = nn.Linear(4, 4)
    net = nn.Sequential(layer, nn.Tanh(), layer)
    net(X).sum().backward()
    gradient = layer.weight.grad
    layer.weight.grad = None
    one_by_one(net, X).sum().backward()
    assert np.array_equal(gradient, layer.weight.grad)
