"""Parameter groups, state_dict and the rest that optimizers have in common."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_np as tg
from tests.optim.training import make_params, random_gradients
from tinygrad_np.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop


def param(*shape):
    return tg.ones(*(shape or (2,)), requires_grad=True)


# ---- groups --------------------------------------------------------------------------------------------------------


def test_groups_have_options_of_their_own():
    a, b = param(), param()
    a.grad = b.grad = tg.ones(2)
    optimizer = SGD([{"params": a}, {"params": [b], "lr": 1.0, "name": "head"}], lr=0.5)
    optimizer.step()
    assert (a.tolist(), b.tolist()) == ([0.5, 0.5], [0, 0])
    assert [g["lr"] for g in optimizer.param_groups] == [0.5, 1.0]
    assert optimizer.param_groups[0]["params"][0] is a
    assert optimizer.param_groups[1]["name"] == "head"


def test_a_group_may_be_added_between_steps():
    a, b = param(), param()
    optimizer = Adam([a], lr=1.0)
    a.grad = tg.ones(2)
    optimizer.step()
    optimizer.add_param_group({"params": b, "lr": 0.5})
    b.grad = tg.ones(2)
    optimizer.step()
    np.testing.assert_allclose(b.tolist(), 0.5, rtol=1e-6)
    assert [optimizer.state[p]["step"].item() for p in (a, b)] == [2, 1]


def test_parameters_may_come_from_a_generator_or_with_names():
    a, b = param(), param()
    assert SGD(p for p in (a, b)).param_groups[0]["params"][1] is b
    optimizer = SGD([("weight", a), ("bias", b)])
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    optimizer.add_param_group({"params": [("more", param())]})
    assert [g["param_names"] for g in optimizer.param_groups] == [["weight", "bias"], ["more"]]


SHARED = param()


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (param(), TypeError, "should be an iterable of Tensors or dicts, but got"),
        ([], ValueError, "optimizer got an empty parameter list"),
        ([1], TypeError, "can only optimize Tensors, but one of the params is int"),
        ([{"params": [1]}], TypeError, "can only optimize Tensors, but one of the params is int"),
        ({"params": SHARED}, TypeError, "can only optimize Tensors, but one of the params is str"),
        ({SHARED}, TypeError, "organized in ordered collections"),
        ([{"params": {SHARED}}], TypeError, "organized in ordered collections"),
        ([SHARED * 2], ValueError, "can't optimize a non-leaf Tensor"),
        ([SHARED, SHARED], ValueError, "a parameter group with duplicate parameters"),
        (
            [{"params": SHARED}, {"params": SHARED}],
            ValueError,
            "some parameters appear in more than one parameter group",
        ),
        ([{"params": SHARED}, SHARED], TypeError, "param_group must be a dict, but got"),
        ([("a", SHARED), param()], ValueError, "all optimizer params should be with/without names"),
        ([{}], KeyError, "params"),
    ],
)
def test_refuses_what_are_no_parameters(params, error, message):
    with pytest.raises(error, match=message):
        SGD(params)


def test_refuses_to_mix_groups_with_and_without_names():
    with pytest.raises(ValueError, match="cannot add param group with names"):
        SGD([param()]).add_param_group({"params": [("a", param())]})
    with pytest.raises(ValueError, match="cannot add param group without names"):
        SGD([("a", param())]).add_param_group({"params": [param()]})


def test_accepts_a_computed_tensor_that_retains_its_gradient():
    y = param() * 2
    y.retain_grad()
    assert SGD([y]).param_groups[0]["params"][0] is y


def test_zero_grad():
    a, b = param(), param()
    optimizer = SGD([{"params": a}, {"params": b}])
    grad = a.grad = tg.ones(2)
    optimizer.zero_grad(set_to_none=False)
    assert a.grad is grad
    assert grad.tolist() == [0, 0]
    assert b.grad is None
    optimizer.zero_grad()
    assert a.grad is None


def test_repr_is_pytorchs():
    assert repr(SGD([{"params": param()}, {"params": param(), "lr": 0.5}], lr=0.1, momentum=0.9)) == "\n".join(
        [
            "SGD (",
            "Parameter Group 0",
            "    dampening: 0",
            "    lr: 0.1",
            "    maximize: False",
            "    momentum: 0.9",
            "    nesterov: False",
            "    weight_decay: 0",
            "",
            "Parameter Group 1",
            "    dampening: 0",
            "    lr: 0.5",
            "    maximize: False",
            "    momentum: 0.9",
            "    nesterov: False",
            "    weight_decay: 0",
            ")",
        ]
    )


def test_users_may_write_optimizers_of_their_own():
    class Momentum(Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        @tg.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    state = self.state[p]
                    state["velocity"] = 0.5 * state.get("velocity", tg.zeros_like(p)) + p.grad
                    p -= group["lr"] * state["velocity"]

    x = param()
    x.grad = tg.ones(2)
    optimizer = Momentum([x], lr=1.0)
    optimizer.step()
    optimizer.step()
    assert x.tolist() == [-1.5, -1.5]
    assert optimizer.state_dict()["state"][0]["velocity"].tolist() == [1.5, 1.5]
    with pytest.raises(NotImplementedError, match="Optimizer must define step"):
        Optimizer([x], {}).step()


# ---- state_dict ----------------------------------------------------------------------------------------------------

KINDS = [
    (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}),
    (Adagrad, {"lr_decay": 0.1, "initial_accumulator_value": 0.5}),
    (RMSprop, {"momentum": 0.9, "centered": True}),
    (Adam, {"amsgrad": True}),
    (AdamW, {"weight_decay": 0.1}),
]


def trained(kind, options, steps=3):
    params = make_params([(3, 4), (5,), (100, 100)], tg.float32)
    optimizer = kind([{"params": params[:1]}, {"params": params[1:], "lr": 0.01}], **options)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        random_gradients(params, rng)
        optimizer.step()
    return params, optimizer


def test_state_dict_has_pytorchs_layout():
    params, optimizer = trained(Adam, {})
    saved = optimizer.state_dict()
    assert list(saved) == ["state", "param_groups"]
    assert [g["params"] for g in saved["param_groups"]] == [[0], [1, 2]]
    assert list(saved["param_groups"][1]) == [
        "lr", "betas", "eps", "weight_decay", "amsgrad", "maximize", "decoupled_weight_decay", "params",
    ]  # fmt: skip
    assert saved["param_groups"][1]["lr"] == 0.01
    assert list(saved["state"]) == [0, 1, 2]
    assert list(saved["state"][1]) == ["step", "exp_avg", "exp_avg_sq"]
    assert saved["state"][1]["exp_avg"] is optimizer.state[params[1]]["exp_avg"]


@pytest.mark.parametrize("transfer", ["state_dict", "deepcopy", "pickle"])
@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_training_goes_on_as_without_the_break(kind, options, transfer):
    params, optimizer = trained(kind, options)
    if transfer == "state_dict":
        others = [p.detach().clone().requires_grad_() for p in params]
        other = kind([{"params": others[:1]}, {"params": others[1:]}])
        other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    else:
        other = copy.deepcopy(optimizer) if transfer == "deepcopy" else pickle.loads(pickle.dumps(optimizer))
        others = [p for group in other.param_groups for p in group["params"]]
        assert list(map(id, other.state)) == list(map(id, others))
    rng = np.random.default_rng(9)
    for _ in range(3):
        random_gradients(params, rng)
        for a, b in zip(params, others, strict=True):
            assert a is not b
            b.grad = a.grad
        optimizer.step()
        other.step()
    for a, b in zip(params, others, strict=True):
        assert a.tolist() == b.tolist()
        assert {name: value.tolist() for name, value in optimizer.state[a].items()} == {
            name: value.tolist() for name, value in other.state[b].items()
        }


def test_two_optimizers_that_loaded_one_state_go_their_own_ways():
    _, source = trained(Adam, {})
    saved = source.state_dict()
    before = saved["state"][1]["exp_avg"].tolist()
    for lr in (0.1, 0.2):
        params = make_params([(3, 4), (5,), (100, 100)], tg.float32)
        optimizer = Adam([{"params": params[:1]}, {"params": params[1:]}], lr=lr)
        optimizer.load_state_dict(saved)
        random_gradients(params, np.random.default_rng(1))
        optimizer.step()
        assert optimizer.state[params[1]]["step"].item() == 4
    assert saved["state"][1]["exp_avg"].tolist() == before
    assert saved["state"][1]["step"].item() == 3


def test_loading_casts_to_the_dtype_of_the_parameter_but_for_the_step():
    _, source = trained(Adam, {})
    params = make_params([(3, 4), (5,), (100, 100)], tg.float64)
    optimizer = Adam([{"params": params[:1]}, {"params": params[1:]}])
    optimizer.load_state_dict(source.state_dict())
    assert optimizer.state[params[0]]["exp_avg"].dtype == tg.float64
    assert optimizer.state[params[0]]["step"].dtype == tg.float32
    assert optimizer.param_groups[1]["lr"] == 0.01


def test_loading_keeps_options_that_were_not_saved():
    optimizer = SGD([param()], momentum=0.9)
    saved = optimizer.state_dict()
    del saved["param_groups"][0]["momentum"]
    saved["param_groups"][0]["lr"] = 0.7
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["momentum"] == 0.9
    assert optimizer.param_groups[0]["lr"] == 0.7


def test_adamw_stays_adamw_when_it_loads_what_adam_saved():
    x = param()
    optimizer = AdamW([x])
    optimizer.load_state_dict(Adam([param()]).state_dict())
    assert optimizer.param_groups[0]["decoupled_weight_decay"]


def test_refuses_a_state_dict_of_other_groups():
    saved = Adam([param(), param()]).state_dict()
    with pytest.raises(ValueError, match="a parameter group that doesn't match the size of optimizer's group"):
        Adam([param()]).load_state_dict(saved)
    with pytest.raises(ValueError, match="a different number of parameter groups"):
        Adam([{"params": param()}, {"params": param()}]).load_state_dict(saved)
