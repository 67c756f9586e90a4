"""Neighbours in a Sequential run as one op, unless something else is to happen between them."""

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
    assert nodes(net(X)) == ["LinearBackward0", "TanhTanhBackward0", "LinearTanhBackward0"]


def test_a_module_that_does_more_than_its_op_is_called():
    class Noted(nn.Tanh):
        def forward(self, input):
            seen.append("forward")
            return super().forward(input)

    class Called(nn.Tanh):
        def __call__(self, input):
            seen.append("call")
            return super().__call__(input)

    hooked, replaced = nn.Tanh(), nn.Tanh()
    hooked.register_forward_hook(lambda module, args, out: seen.append("hook"))
    replaced.forward = lambda input: seen.append("replaced") or input.tanh()
    for module, note in [(Noted(), "forward"), (Called(), "call"), (hooked, "hook"), (replaced, "replaced")]:
        seen = []
        assert runs_one_by_one(network(module))
        assert seen == [note, note]


def test_a_class_whose_forward_is_replaced(monkeypatch):
    net = network(nn.Tanh())
    monkeypatch.setattr(nn.Tanh, "forward", lambda self, input: input * 2)
    assert nodes(net(X)) == ["LinearBackward0", "MulBackward0", "LinearBackward0"]


def test_hooks_of_parameters_and_of_the_network_run():
    net, seen = network(nn.Tanh()), []
    net[0].weight.register_hook(lambda grad: seen.append(tuple(grad.shape)))
    net.register_full_backward_hook(lambda module, into, out: seen.append("network"))
    net(X).sum().backward()
    assert seen == ["network", (3, 4)] or seen == [(3, 4), "network"]


def test_relu_in_place_shows():
    net, x = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(4, 2)), X.clone()
    assert runs_one_by_one(net, x)
    assert (x >= 0).all()


def test_what_is_not_recorded_is_not_chained():
    net = network(nn.Tanh())
    with tg.no_grad():
        assert net(X).grad_fn is None
    net[0].requires_grad_(False)
    assert nodes(net(X)) == ["LinearBackward0"]
    assert nodes(net(X.clone().requires_grad_())) == ["LinearTanhLinearBackward0"]
    assert nodes(nn.Sequential(nn.Tanh(), nn.Linear(4, 2, bias=False))(X)) == ["LinearBackward0"]


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
    assert nn.Sequential(nn.Tanh(), nn.Sigmoid())(tg.tensor(0.0, requires_grad=True)).item() == 0.5
    assert nn.Sequential(nn.ReLU(), nn.Tanh())(tg.tensor([0, 0])).tolist() == [0.0, 0.0]
    net = network(nn.Tanh())
    assert np.array_equal(net(X.numpy()).detach(), net(X).detach())
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
