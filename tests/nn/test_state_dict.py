"""state_dict and load_state_dict: names, values, and one error that tells everything."""

import re
from collections import OrderedDict

import pytest

import tinygrad_np as tg
from tinygrad_np import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", tg.zeros(2))
        self.register_buffer("cache", tg.zeros(2), persistent=False)
        self.register_buffer("absent", None)
        self.hidden = nn.Linear(3, 2)
        self.scale = nn.Parameter(tg.ones(1))
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(2, 2, bias=False))


NAMES = ["scale", "mean", "hidden.weight", "hidden.bias", "rest.1.weight"]


def ones_like(state):
    return {name: tg.ones_like(tensor) for name, tensor in state.items()}


def test_names_are_pytorchs():
    net = Net()
    assert list(net.state_dict()) == NAMES
    assert list(net.state_dict(prefix="net.")) == [f"net.{name}" for name in NAMES]
    assert list(net.rest.state_dict()) == ["1.weight"]


def test_tensors_are_detached_and_share_memory():
    net = Net()
    for name, tensor in net.state_dict().items():
        assert type(tensor) is tg.Tensor
        assert not tensor.requires_grad
        tensor.fill_(7.0)
        assert (dict([*net.named_parameters(), *net.named_buffers()])[name] == 7).all()


def test_keep_vars_and_destination():
    net = Net()
    destination = OrderedDict(first=1)
    assert net.state_dict(destination=destination, keep_vars=True) is destination
    assert list(destination) == ["first", *NAMES]
    assert destination["scale"] is net.scale


def test_tied_weights_come_under_each_name():
    layer = nn.Linear(2, 2, bias=False)
    assert list(nn.Sequential(layer, layer).state_dict()) == ["0.weight", "1.weight"]


def test_round_trip():
    source, target = Net(), Net()
    parameters = list(target.parameters())
    result = target.load_state_dict(source.state_dict())
    assert repr(result) == str(result) == "<All keys matched successfully>"
    assert result == ([], [])
    for name, tensor in source.state_dict().items():
        assert tg.equal(target.state_dict()[name], tensor)
    assert all(new is old for new, old in zip(target.parameters(), parameters, strict=True))
    assert all(parameter.requires_grad for parameter in parameters)
    with tg.no_grad():
        target.hidden.weight.zero_()
    assert not tg.equal(source.hidden.weight, target.hidden.weight)  # copied, not shared


def test_loading_casts():
    net = Net()
    net.load_state_dict({name: tensor.double() for name, tensor in ones_like(net.state_dict()).items()})
    assert net.scale.dtype == tg.float32
    assert net.scale.tolist() == [1]


def test_loading_makes_older_graphs_stale():
    weight = nn.ParameterList([tg.ones(2)])
    loss = (weight[0] * weight[0]).sum()
    weight.load_state_dict({"0": tg.zeros(2)})
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_every_problem_is_in_one_error_and_nothing_is_loaded():
    net = Net()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    state = {name: tensor + 1 for name, tensor in before.items()}
    del state["scale"], state["hidden.bias"]
    state |= {"hidden.extra": tg.ones(1), "other": tg.ones(1), "cache": tg.ones(2)}
    state |= {"mean": tg.ones(3), "rest.1.weight": tg.ones(2, 5)}
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(state)
    first, *lines = str(error.value).split("\n\t")
    assert first == "Error(s) in loading state_dict for Net:"
    assert lines[0] == 'Missing key(s) in state_dict: "scale", "hidden.bias". '
    assert lines[1] == 'Unexpected key(s) in state_dict: "hidden.extra", "other", "cache". '
    assert re.fullmatch(
        r"size mismatch for mean: copying a param with shape .*\[3\]\)? from checkpoint, the shape in current model is "
        r".*\[2\]\)?\.",
        lines[2],
    )
    assert lines[3].startswith("size mismatch for rest.1.weight")
    assert len(lines) == 4
    for name, tensor in net.state_dict().items():
        assert tg.equal(tensor, before[name])


def test_not_strict():
    net = Net()
    result = net.load_state_dict({"scale": tg.tensor([5.0]), "other": tg.ones(1)}, strict=False)
    assert net.scale.tolist() == [5]
    assert result.missing_keys == ["mean", "hidden.weight", "hidden.bias", "rest.1.weight"]
    assert result.unexpected_keys == ["other"]
    assert repr(result).startswith("_IncompatibleKeys(missing_keys=['mean', ")


def test_shapes_matter_even_when_not_strict():
    net = Net()
    with pytest.raises(RuntimeError, match="size mismatch for scale"):
        net.load_state_dict({"scale": tg.ones(2)}, strict=False)


def test_not_a_tensor():
    net = Net()
    state = net.state_dict() | {"scale": [1.0]}
    with pytest.raises(RuntimeError, match="\"scale\", expected Tensor from checkpoint but received <class 'list'>"):
        net.load_state_dict(state)


def test_not_a_mapping():
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like, got <class 'list'>"):
        Net().load_state_dict([])


def test_assign():
    net = Net()
    net.scale.requires_grad_(False)
    state = {name: tensor.double() for name, tensor in ones_like(net.state_dict()).items()}
    state["hidden.bias"] = given = nn.Parameter(tg.tensor([1.0, 2.0]), requires_grad=False)
    net.load_state_dict(state, assign=True)
    assert net.hidden.bias is given
    assert given.requires_grad
    assert isinstance(net.hidden.weight, nn.Parameter)
    assert net.hidden.weight.dtype == tg.float64
    assert net.hidden.weight.requires_grad
    assert not net.scale.requires_grad
    assert net.mean is state["mean"]
    state["scale"].fill_(9.0)
    assert net.scale.tolist() == [9]
    assert list(net.state_dict()) == NAMES


def test_failed_assign_changes_nothing():
    net = Net()
    before = net.hidden.weight
    state = ones_like(net.state_dict()) | {"rest.1.weight": tg.ones(2, 2, dtype=tg.int64)}
    with pytest.raises(RuntimeError, match="floating point"):
        net.load_state_dict(state, assign=True)
    assert net.hidden.weight is before
