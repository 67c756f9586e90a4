"""Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""

import operator
from collections import OrderedDict

import pytest

import tinygrad_np as tg
from tinygrad_np import nn


def names(module):
    return [name for name, _ in module.named_children()]


# ---- Sequential ----------------------------------------------------------------------------------------------------


def test_sequential_chains():
    net = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Flatten(0))
    x = tg.ones(4, 3)
    assert net(x).tolist() == net[0](x).relu().flatten().tolist()
    assert nn.Sequential()(x) is x
    only_a_parameter = nn.Sequential()
    only_a_parameter.scale = nn.Parameter(tg.ones(1))
    assert only_a_parameter(x) is x


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_sequential_of_names(kind):
    net = nn.Sequential(kind(first=nn.Linear(3, 2), second=nn.ReLU()))
    assert names(net) == ["first", "second"]
    assert net.first is net[0]
    assert names(net[1:]) == ["second"]
    assert list(net.state_dict()) == ["first.weight", "first.bias"]


def test_sequential_indexing_and_slicing():
    modules = [nn.ReLU(), nn.Tanh(), nn.Sigmoid()]
    net = nn.Sequential(*modules)
    assert len(net) == 3
    assert list(net) == modules
    assert net[-1] is modules[2]
    assert isinstance(net[1:], nn.Sequential)
    assert list(net[::-1]) == modules[::-1]
    assert modules[1] in net
    for index in (3, -4):
        with pytest.raises(IndexError, match=f"index {index} is out of range"):
            net[index]


def test_sequential_setting_and_deleting():
    net = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.Identity())
    net[1] = new = nn.Softmax(0)
    assert net[1] is new
    del net[0]
    assert names(net) == ["0", "1", "2"]
    assert net[0] is new
    del net[-2:]
    assert list(net) == [new]
    with pytest.raises(IndexError):
        del net[5]
    with pytest.raises(IndexError):
        net[5] = nn.ReLU()
    with pytest.raises(TypeError, match="int is not a Module subclass"):
        net[0] = 3


def test_sequential_growing():
    a, b, c, d = nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.Identity()
    net = nn.Sequential(a)
    assert net.append(d) is net
    assert net.insert(1, b) is net
    net.insert(-1, c)
    assert list(net) == [a, b, c, d]
    assert names(net) == ["0", "1", "2", "3"]
    assert list(net.extend(net)) == [a, b, c, d] * 2
    with pytest.raises(IndexError, match="Index out of range: 9"):
        net.insert(9, a)
    assert net.pop(0) is a
    assert len(net) == 7


def test_sequential_sums():
    a, b = nn.ReLU(), nn.Tanh()
    net = nn.Sequential(a) + nn.Sequential(OrderedDict(named=b))
    assert list(net) == [a, b]
    net += nn.Sequential(a)
    assert list(net) == [a, b, a]
    with pytest.raises(ValueError, match="supports only objects of Sequential class"):
        operator.add(net, [a])


def test_sequential_of_something_else():
    with pytest.raises(TypeError, match="int is not a Module subclass"):
        nn.Sequential(nn.ReLU(), 3)


def test_sequential_with_parameters_of_its_own():
    class Scaled(nn.Sequential):
        def __init__(self, *modules):
            super().__init__(*modules)
            self.scale = nn.Parameter(tg.tensor(2.0))

        def forward(self, input):
            return self.scale * super().forward(input)

    net = Scaled(nn.ReLU())
    assert len(net) == 1
    assert net(tg.ones(1)).tolist() == [2]


# ---- ModuleList ----------------------------------------------------------------------------------------------------


def test_module_list():
    a, b, c = nn.ReLU(), nn.Linear(1, 1), nn.Sigmoid()
    modules = nn.ModuleList([a, b])
    modules.append(c).insert(1, a)
    assert list(modules) == [a, a, b, c]
    assert list(modules.state_dict()) == ["2.weight", "2.bias"]
    assert list(modules[2:]) == [b, c]
    assert isinstance(modules[2:], nn.ModuleList)
    assert [name for name, _ in modules[2:].named_parameters()] == ["0.weight", "0.bias"]
    assert list(operator.add(modules, [a])) == [a, a, b, c, a]
    del modules[0]
    modules[0] = c
    modules += [a]
    assert list(modules) == [c, b, c, a]
    assert modules.pop(1) is b
    assert len(modules) == 3


def test_module_list_has_no_forward():
    with pytest.raises(NotImplementedError, match=r'Module \[ModuleList\] is missing the required "forward" function'):
        nn.ModuleList()(1)


def test_module_list_of_what_is_no_iterable():
    with pytest.raises(TypeError, match=r"ModuleList\.extend should be called with an iterable, but got ReLU"):
        nn.ModuleList().extend(nn.ReLU())


def test_module_list_repr_gathers_repetitions():
    assert repr(nn.ModuleList()) == "ModuleList()"
    modules = [nn.Sequential(nn.ReLU()) for _ in range(3)]
    assert (
        repr(nn.ModuleList([nn.Tanh(), *modules]))
        == """\
ModuleList(
  (0): Tanh()
  (1-3): 3 x Sequential(
    (0): ReLU()
  )
)"""
    )


# ---- ModuleDict ----------------------------------------------------------------------------------------------------


def test_module_dict():
    a, b, c = nn.ReLU(), nn.Linear(1, 1), nn.Sigmoid()
    modules = nn.ModuleDict({"a": a, "b": b})
    modules["c"] = c
    assert list(modules) == list(modules.keys()) == ["a", "b", "c"]
    assert list(modules.values()) == [a, b, c]
    assert list(modules.items()) == [("a", a), ("b", b), ("c", c)]
    assert modules["b"] is modules.b is b
    assert "b" in modules
    assert "weight" not in modules
    assert "training" not in modules
    assert list(modules.state_dict()) == ["b.weight", "b.bias"]
    assert modules.pop("a") is a
    del modules["b"]
    assert len(modules) == 1
    modules.update([("d", a), ("c", b)])
    modules.update(nn.ModuleDict({"e": a}))
    assert list(modules.items()) == [("c", b), ("d", a), ("e", a)]
    modules.clear()
    assert len(modules) == 0


def test_module_dict_errors():
    modules = nn.ModuleDict()
    with pytest.raises(KeyError, match="missing"):
        modules["missing"]
    with pytest.raises(KeyError, match="missing"):
        del modules["missing"]
    with pytest.raises(KeyError, match="attribute 'keys' already exists"):
        modules["keys"] = nn.ReLU()
    with pytest.raises(TypeError, match="int is not a Module subclass"):
        modules["x"] = 3
    with pytest.raises(TypeError, match=r"ModuleDict\.update should be called with an iterable of key/value pairs"):
        modules.update(3)


def test_module_dict_repr():
    assert repr(nn.ModuleDict({"x": nn.ReLU()})) == "ModuleDict(\n  (x): ReLU()\n)"


# ---- parameters ----------------------------------------------------------------------------------------------------


def test_parameter_list():
    parameter = nn.Parameter(tg.ones(2))
    parameters = nn.ParameterList([parameter, tg.zeros(3, 1)])
    assert parameters[0] is parameter
    assert isinstance(parameters[1], nn.Parameter)
    parameters.append(tg.zeros(1))
    parameters[1] = tg.ones(1)
    assert [tuple(p.shape) for p in parameters] == [(2,), (1,), (1,)]
    assert [name for name, _ in parameters.named_parameters()] == ["0", "1", "2"]
    assert len(parameters[1:]) == 2
    del parameters[0]
    assert list(parameters.state_dict()) == ["0", "1"]
    with pytest.raises(TypeError, match="'data' must be Tensor, not int"):
        parameters.append(3)


def test_parameter_dict():
    parameters = nn.ParameterDict({"a": tg.ones(2)})
    parameters["b"] = nn.Parameter(tg.zeros(1))
    assert list(parameters.state_dict()) == ["a", "b"]
    assert parameters["a"].requires_grad
    assert list(parameters.keys()) == ["a", "b"]
    assert parameters.pop("a").tolist() == [1, 1]
    with pytest.raises(KeyError, match="attribute 'values' already exists"):
        parameters["values"] = tg.ones(1)


def test_repr_of_parameters():
    named = {"a": tg.ones(2), "b": tg.ones(3, 1, dtype=tg.float64)}
    listed = ["Parameter containing: [float32 of size 2]", "Parameter containing: [float64 of size 3x1]"]
    assert repr(nn.ParameterList(named.values())) == f"ParameterList(\n    (0): {listed[0]}\n    (1): {listed[1]}\n)"
    assert repr(nn.ParameterDict(named)) == f"ParameterDict(\n    (a): {listed[0]}\n    (b): {listed[1]}\n)"


def test_none_holds_the_place_of_a_parameter():
    parameters = nn.ParameterList([None, tg.ones(1)])
    named = nn.ParameterDict({"a": None})
    assert (parameters[0], named["a"]) == (None, None)
    assert (list(parameters.state_dict()), list(named.state_dict())) == (["1"], [])
    assert repr(parameters).splitlines()[1] == "    (0): None"


def test_inserting_at_the_end_leaves_names_as_they_are():
    net = nn.Sequential({"a": nn.Tanh(), "b": nn.ReLU()})
    net.insert(2, nn.Sigmoid())
    assert [name for name, _ in net.named_children()] == ["a", "b", "2"]
