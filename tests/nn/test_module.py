"""Module: registration, traversal, modes, conversion, how it looks, copies."""

import copy
import pickle

import pytest

import tinygrad_np as tg
from tinygrad_np import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
        self.head = nn.Linear(3, 2)
        self.scale = nn.Parameter(tg.ones(1))
        self.register_buffer("mean", tg.zeros(2))
        self.register_buffer("cache", tg.zeros(2), persistent=False)

    def forward(self, x):
        return self.scale * (self.head(self.body(x)) - self.mean)


class Empty(nn.Module):
    pass


def names(pairs):
    return [name for name, _ in pairs]


# ---- calling -------------------------------------------------------------------------------------------------------


def test_call_passes_all_arguments_to_forward():
    class Collect(nn.Module):
        def forward(self, *args, **kwargs):
            return args, kwargs

    assert Collect()(1, 2, key=3) == ((1, 2), {"key": 3})


def test_missing_forward_is_named():
    with pytest.raises(NotImplementedError, match=r'Module \[Empty\] is missing the required "forward" function'):
        Empty()(1)


def test_forward_may_be_replaced_on_the_instance():
    module = Empty()
    module.forward = lambda x: x + 1
    assert module(1) == 2


def test_unexpected_constructor_argument():
    with pytest.raises(TypeError, match="positional argument"):
        Empty(3)


# ---- registration --------------------------------------------------------------------------------------------------


def test_assignment_registers_in_order():
    net = Net()
    assert names(net.named_parameters()) == ["scale", "body.0.weight", "body.0.bias", "head.weight", "head.bias"]
    assert names(net.named_buffers()) == ["mean", "cache"]
    assert names(net.named_children()) == ["body", "head"]


@pytest.mark.parametrize(
    ("value", "what"), [(lambda: nn.Parameter(tg.ones(1)), "parameters"), (lambda: nn.ReLU(), "module")]
)
def test_assignment_before_init(value, what):
    class Hasty(nn.Module):
        def __init__(self):
            self.early = value()

    with pytest.raises(AttributeError, match=rf"cannot assign {what} before Module.__init__\(\) call"):
        Hasty()


def test_plain_attributes_may_come_before_init():
    class Eager(nn.Module):
        def __init__(self, size):
            self.size = size
            super().__init__()

    assert Eager(3).size == 3


def test_registering_before_init():
    class Hasty(nn.Module):
        def __init__(self):
            self.register_buffer("early", tg.ones(1))

    with pytest.raises(AttributeError, match=r"cannot assign buffer before Module.__init__\(\) call"):
        Hasty()


def test_plain_tensors_and_other_attributes_are_not_registered():
    module = Empty()
    module.tensor = tg.ones(1)
    module.number = 3
    assert list(module.parameters()) == list(module.buffers()) == []


def test_reassigned_parameter_keeps_its_place():
    layer = nn.Linear(2, 2)
    layer.weight = nn.Parameter(tg.zeros(2, 2))
    assert names(layer.named_parameters()) == ["weight", "bias"]
    assert layer(tg.ones(2)).tolist() == layer.bias.tolist()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("scale", lambda: tg.ones(1), r"cannot assign 'Tensor' as parameter 'scale' \(nn.Parameter or None expected\)"),
        ("scale", lambda: nn.ReLU(), r"cannot assign 'ReLU' as parameter 'scale' \(nn.Parameter or None expected\)"),
        ("head", lambda: 3, r"cannot assign 'int' as child module 'head' \(nn.Module or None expected\)"),
        ("head", lambda: tg.ones(1), r"cannot assign 'Tensor' as child module 'head'"),
        ("mean", lambda: 3, r"cannot assign 'int' as buffer 'mean' \(Tensor or None expected\)"),
    ],
)
def test_assigning_the_wrong_kind(name, value, message):
    net = Net()
    before = getattr(net, name)
    with pytest.raises(TypeError, match=message):
        setattr(net, name, value())
    assert getattr(net, name) is before


def test_a_name_can_change_its_kind():
    net = Net()
    net.head = nn.Parameter(tg.ones(2))  # was a module
    net.mean = nn.ReLU()  # was a buffer
    net.plain = 3
    net.plain = nn.Linear(1, 1)  # was a plain attribute
    assert names(net.named_parameters(recurse=False)) == ["scale", "head"]
    assert names(net.named_buffers()) == ["cache"]
    assert names(net.named_children()) == ["body", "mean", "plain"]


def test_none_keeps_the_place():
    net = Net()
    net.scale = None
    net.head = None
    net.mean = None
    assert names(net.named_parameters()) == ["body.0.weight", "body.0.bias"]
    assert names(net.named_children()) == ["body"]
    assert names(net.named_buffers()) == ["cache"]
    with pytest.raises(TypeError):
        net.scale = tg.ones(1)
    net.mean = tg.ones(2)
    assert "mean" in net.state_dict()


def test_deletion():
    net = Net()
    del net.scale, net.head, net.mean
    assert not hasattr(net, "scale")
    assert names(net.named_parameters()) == ["body.0.weight", "body.0.bias"]
    assert names(net.named_buffers()) == ["cache"]
    with pytest.raises(AttributeError):
        del net.scale
    net.scale = 3
    assert net.scale == 3


@pytest.mark.parametrize(
    ("register", "value"),
    [
        ("register_parameter", lambda: nn.Parameter(tg.ones(1))),
        ("register_buffer", lambda: tg.ones(1)),
        ("add_module", lambda: nn.ReLU()),
        ("register_module", lambda: nn.ReLU()),
    ],
)
def test_names_are_checked(register, value):
    module = Net()
    with pytest.raises(KeyError, match=r"name can.*t contain"):
        getattr(module, register)("a.b", value())
    with pytest.raises(KeyError, match=r"name can.*t be empty"):
        getattr(module, register)("", value())
    with pytest.raises(TypeError, match=r"name should be a string\. Got int"):
        getattr(module, register)(3, value())
    for taken in ("forward", "training"):
        with pytest.raises(KeyError, match=f"attribute '{taken}' already exists"):
            getattr(module, register)(taken, value())
    getattr(module, register)("fresh", value())
    getattr(module, register)("fresh", None)  # the same kind may come again
    assert module.fresh is None


@pytest.mark.parametrize(
    ("register", "message"),
    [
        ("register_parameter", r"cannot assign 'Tensor' object to parameter 'x' \(nn.Parameter or None required\)"),
        ("add_module", "Tensor is not a Module subclass"),
    ],
)
def test_registering_the_wrong_type(register, message):
    with pytest.raises(TypeError, match=message):
        getattr(Empty(), register)("x", tg.ones(1))


def test_registering_a_buffer_of_the_wrong_type():
    with pytest.raises(TypeError, match=r"cannot assign 'int' object to buffer 'x' \(Tensor or None required\)"):
        Empty().register_buffer("x", 3)


def test_a_name_of_another_kind_is_taken_for_registering():
    with pytest.raises(KeyError, match="attribute 'scale' already exists"):
        Net().register_buffer("scale", tg.ones(1))


def test_computed_parameter_is_refused():
    parameter = nn.Parameter(tg.ones(1), requires_grad=False)
    parameter.add_(tg.ones(1, requires_grad=True))
    with pytest.raises(ValueError, match="Cannot assign non-leaf Tensor to parameter 'p'"):
        Empty().p = parameter


# ---- traversal -----------------------------------------------------------------------------------------------------


def test_named_modules():
    net = Net()
    assert names(net.named_modules()) == ["", "body", "body.0", "body.1", "head"]
    assert names(net.named_modules(prefix="net")) == ["net", "net.body", "net.body.0", "net.body.1", "net.head"]
    assert list(net.modules()) == [net, net.body, net.body[0], net.body[1], net.head]
    assert list(net.children()) == [net.body, net.head]
    memo = {net.body}
    assert names(net.named_modules(memo)) == ["", "head"]
    assert memo == {net, net.body, net.head}


def test_prefix_and_recurse():
    net = Net()
    assert names(net.named_parameters(prefix="net", recurse=False)) == ["net.scale"]
    assert list(net.parameters(recurse=False)) == [net.scale]
    assert names(net.body.named_parameters("b")) == ["b.0.weight", "b.0.bias"]
    assert names(nn.Sequential(net).named_buffers(recurse=False)) == []
    assert [tuple(b.shape) for b in nn.Sequential(net).buffers()] == [(2,), (2,)]


def test_shared_things_come_once_unless_asked_for():
    a, b = nn.Linear(2, 2), nn.Linear(2, 2)
    b.weight = a.weight
    net = nn.Sequential(a, b, a)
    assert names(net.named_parameters()) == ["0.weight", "0.bias", "1.bias"]
    assert names(net.named_parameters(remove_duplicate=False)) == [
        "0.weight",
        "0.bias",
        "1.weight",
        "1.bias",
        "2.weight",
        "2.bias",
    ]
    assert names(net.named_modules()) == ["", "0", "1"]
    assert names(net.named_modules(remove_duplicate=False)) == ["", "0", "1", "2"]
    assert list(net.children()) == [a, b]


def test_tied_weights_gather_both_gradients():
    a, b = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    b.weight = a.weight
    a.apply(lambda module: nn.init.eye_(module.weight))
    b(a(tg.tensor([1.0, 2.0]))).sum().backward()
    # y = W W x, summed: the gradient is W^T 1 x^T + 1 (W x)^T, and W is the identity.
    assert a.weight.grad.tolist() == [[2, 4], [2, 4]]


def test_get_submodule():
    net = Net()
    assert net.get_submodule("") is net
    assert net.get_submodule("body.0") is net.body[0]
    with pytest.raises(AttributeError, match="Sequential has no attribute `7`"):
        net.get_submodule("body.7")
    with pytest.raises(AttributeError, match=r"`scale` is not an nn.Module"):
        net.get_submodule("scale")


def test_get_parameter_and_buffer():
    net = Net()
    assert net.get_parameter("body.0.weight") is net.body[0].weight
    assert net.get_buffer("mean") is net.mean
    assert net.get_buffer("cache") is net.cache
    with pytest.raises(AttributeError, match="Linear has no attribute `missing`"):
        net.get_parameter("head.missing")
    with pytest.raises(AttributeError, match=r"`mean` is not an nn.Parameter"):
        net.get_parameter("mean")
    with pytest.raises(AttributeError, match="`scale` is not a buffer"):
        net.get_buffer("scale")
    net.plain = tg.ones(1)
    with pytest.raises(AttributeError, match="`plain` is not a buffer"):
        net.get_buffer("plain")


# ---- modes, gradients, conversion ----------------------------------------------------------------------------------


def test_train_and_eval_reach_all():
    net = Net()
    assert all(module.training for module in net.modules())
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert net.train() is net
    assert all(module.training for module in net.modules())
    with pytest.raises(ValueError, match="training mode is expected to be boolean"):
        net.train(1)


def test_a_child_may_override_train():
    class Frozen(nn.Module):
        def train(self, mode=True):
            return super().train(False)

    net = nn.Sequential(Frozen())
    net.train()
    assert net.training
    assert not net[0].training


def test_requires_grad_():
    net = Net()
    assert net.requires_grad_(False) is net
    assert not any(parameter.requires_grad for parameter in net.parameters())
    assert not net(tg.ones(4)).requires_grad


def test_zero_grad():
    net = Net()
    net(tg.ones(4)).sum().backward()
    grads = [parameter.grad for parameter in net.parameters()]
    assert all(grad is not None for grad in grads)
    net.zero_grad(set_to_none=False)
    for parameter, grad in zip(net.parameters(), grads, strict=True):
        assert parameter.grad is grad
        assert not grad.requires_grad
        assert (grad == 0).all()
    net.zero_grad()
    assert all(parameter.grad is None for parameter in net.parameters())


def test_zero_grad_of_a_recorded_gradient():
    weight = nn.Parameter(tg.ones(2))
    module = nn.ParameterList([weight])
    (weight**3).sum().backward(create_graph=True)
    module.zero_grad(set_to_none=False)
    assert weight.grad.tolist() == [0, 0]
    assert not weight.grad.requires_grad


def test_apply_goes_children_first():
    visited = []
    net = Net()
    assert net.apply(lambda module: visited.append(type(module).__name__)) is net
    assert visited == ["Linear", "ReLU", "Sequential", "Linear", "Net"]


@pytest.mark.parametrize(
    ("convert", "dtype"),
    [
        (lambda net: net.double(), tg.float64),
        (lambda net: net.half(), tg.float16),
        (lambda net: net.double().float(), tg.float32),
        (lambda net: net.to(tg.float64), tg.float64),
        (lambda net: net.to(dtype=tg.float64), tg.float64),
        (lambda net: net.to("cpu", tg.float64), tg.float64),
        (lambda net: net.to(tg.ones(1, dtype=tg.float64)), tg.float64),
        (lambda net: net.to("cpu"), tg.float32),
        (lambda net: net.cpu(), tg.float32),
    ],
)
def test_conversion(convert, dtype):
    net = Net()
    net.register_buffer("steps", tg.tensor(3))
    before = list(net.parameters())
    net(tg.ones(4)).sum().backward()
    assert convert(net) is net
    for parameter, old in zip(net.parameters(), before, strict=True):
        assert parameter is old  # so an optimizer that holds it goes on
        assert parameter.dtype == dtype
        assert parameter.grad.dtype == dtype
        assert parameter.requires_grad
    assert net.mean.dtype == dtype
    assert net.steps.dtype == tg.int64
    net.zero_grad()
    net(tg.ones(4, dtype=dtype)).sum().backward()
    assert net.head.weight.grad.dtype == dtype


def test_conversion_to_integers_is_refused():
    net = Net()
    with pytest.raises(TypeError, match=r"nn.Module.to only accepts floating point dtypes, but got .*int64"):
        net.to(tg.int64)
    assert net.scale.dtype == tg.float32


# ---- looks ---------------------------------------------------------------------------------------------------------


def test_repr():
    class Documented(nn.Module):
        def __init__(self, lines):
            super().__init__()
            self.lines = lines

        def extra_repr(self):
            return self.lines

    assert repr(Empty()) == "Empty()"
    assert repr(Documented("one")) == "Documented(one)"
    assert repr(Documented("one\ntwo")) == "Documented(\n  one\n  two\n)"
    nested = Documented("one")
    nested.child = Net()
    nested.absent = nn.ReLU()
    nested.absent = None
    assert (
        repr(nested)
        == """\
Documented(
  one
  (child): Net(
    (body): Sequential(
      (0): Linear(in_features=4, out_features=3, bias=True)
      (1): ReLU()
    )
    (head): Linear(in_features=3, out_features=2, bias=True)
  )
  (absent): None
)"""
    )


def test_dir():
    listed = dir(nn.Sequential(nn.ReLU()))
    assert "forward" in listed
    assert "0" not in listed
    assert {"body", "scale", "mean"} <= set(dir(Net()))


# ---- copies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies_are_equal_and_independent(duplicate):
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3)).eval()
    net[2].weight = net[0].weight
    duplicated = duplicate(net)
    x = tg.tensor([1.0, -2.0, 3.0])
    assert duplicated(x).tolist() == net(x).tolist()
    assert not duplicated.training
    assert duplicated[2].weight is duplicated[0].weight
    assert duplicated[0].weight is not net[0].weight
    before = net(x).tolist()
    with tg.no_grad():
        duplicated[0].weight.zero_()
    assert net(x).tolist() == before


def test_shallow_copy_shares_values_but_not_registrations():
    layer = nn.Linear(2, 2)
    shallow = copy.copy(layer)
    assert shallow.weight is layer.weight
    shallow.extra = nn.Parameter(tg.ones(1))
    assert names(layer.named_parameters()) == ["weight", "bias"]
    assert names(shallow.named_parameters()) == ["weight", "bias", "extra"]


def test_deepcopy_keeps_hooks_of_its_own():
    calls = []
    layer = nn.ReLU()
    handle = layer.register_forward_hook(lambda *_: calls.append(1))
    duplicated = copy.deepcopy(layer)
    handle.remove()
    layer(tg.ones(1))
    assert calls == []
    duplicated(tg.ones(1))
    assert calls == [1]
