"""Every optimizer's trajectory, against the formulas and against PyTorch's numbers."""

import itertools

import numpy as np
import pytest

import tinygrad_np as tg
from tests.optim import formulas
from tests.optim.training import make_params, random_gradients
from tinygrad_np.optim import SGD, Adagrad, Adam, AdamW, RMSprop

FORMULAS = {
    SGD: formulas.sgd,
    Adagrad: formulas.adagrad,
    RMSprop: formulas.rmsprop,
    Adam: formulas.adam,
    AdamW: formulas.adamw,
}

# From 0-d and empty to larger than what is updated at a time; several that are copied together, two that are not.
SHAPES = [(3, 4), (), (0,), (5,), (2, 3, 2), (120, 80), (1,), (300, 250)]


def combinations(**choices):
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


COMMON = {"weight_decay": [0, 0.1], "maximize": [False, True]}
CASES = [
    *((SGD, o) for o in combinations(lr=[0.1], **COMMON)),
    *((SGD, o) for o in combinations(lr=[0.1], momentum=[0.9], dampening=[0, 0.3], **COMMON)),
    *((SGD, o) for o in combinations(lr=[0.1], momentum=[0.9], nesterov=[True], **COMMON)),
    *((Adagrad, o) for o in combinations(lr=[0.1], lr_decay=[0, 0.2], initial_accumulator_value=[0, 0.3], **COMMON)),
    *((RMSprop, o) for o in combinations(lr=[0.01], alpha=[0.9], momentum=[0, 0.8], centered=[False, True], **COMMON)),
    *(
        (kind, o)
        for kind in (Adam, AdamW)
        for o in combinations(lr=[0.01], betas=[(0.9, 0.999), (0.0, 0.5)], amsgrad=[False, True], **COMMON)
    ),
]


def case_name(value):
    if isinstance(value, type):
        return value.__name__
    return ",".join(f"{k}={v}" for k, v in value.items() if v) if isinstance(value, dict) else None


def simulate(kind, params, gradients, options):
    """Where the formulas lead from ``params``, in float64, by one list of gradients (or None) per step."""
    options = dict(options)
    if "initial_accumulator_value" in options:
        options["start"] = options.pop("initial_accumulator_value")
    thetas = [np.array(p.tolist(), np.float64).reshape(p.shape) for p in params]
    memories = [{} for _ in params]
    for step in gradients:
        for i, grad in enumerate(step):
            if grad is not None:
                thetas[i] = FORMULAS[kind](thetas[i], grad.astype(np.float64), memories[i], **options)
    return thetas


@pytest.mark.parametrize(("dtype", "tolerance"), [(tg.float64, 1e-10), (tg.float32, 2e-4)], ids=["float64", "float32"])
@pytest.mark.parametrize(("kind", "options"), CASES, ids=case_name)
def test_follows_the_formula_even_if_gradients_are_missing_now_and_then(kind, options, dtype, tolerance):
    params = make_params(SHAPES, dtype)
    rng = np.random.default_rng(1)
    steps = []
    optimizer = kind(params, **options)
    start = [p.detach().clone() for p in params]
    for _ in range(12):
        random_gradients(params, rng, missing=0.3)
        steps.append([None if p.grad is None else p.grad.numpy().copy() for p in params])
        optimizer.step()
    for param, expected in zip(params, simulate(kind, start, steps, options), strict=True):
        np.testing.assert_allclose(param.detach().numpy(), expected, rtol=tolerance, atol=tolerance)


# What PyTorch 2.13 prints for ten steps on (1 x² + 10 y² + 0.1 z²) + xyz from (1, -1, 2), in float64.
PYTORCH = [
    (SGD, {"lr": 0.05}, [0.430287331744, -0.044839737464, 1.87875270237]),
    (
        SGD,
        {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1},
        [-0.529007349749, 0.701502321973, 1.187935755907],
    ),
    (SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True}, [-0.397512366526, 0.028407322603, 1.273643951607]),
    (SGD, {"lr": 0.01, "maximize": True}, [0.718944012746, -5.697770624478, 1.8179769872]),
    (Adagrad, {"lr": 0.5}, [0.003416752508, -0.003593055098, 1.077128592399]),
    (
        Adagrad,
        {"lr": 0.5, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.2},
        [0.02336053675, -0.022448383414, 1.080314400525],
    ),
    (RMSprop, {"lr": 0.05}, [0.002821537637, -0.003010463309, 1.060014357644]),
    (
        RMSprop,
        {"lr": 0.05, "alpha": 0.8, "momentum": 0.5, "centered": True, "weight_decay": 0.1},
        [-0.016555464513, 0.021847572082, 1.204312959852],
    ),
    (Adam, {"lr": 0.1}, [0.178684511907, -0.083471645507, 2.483082073289]),
    (
        Adam,
        {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1, "amsgrad": True},
        [0.155553445889, -0.11251542462, 1.910449420111],
    ),
    (AdamW, {"lr": 0.1}, [0.169105170038, -0.078757707897, 2.456116009222]),
    (AdamW, {"lr": 0.1, "weight_decay": 0.3, "maximize": True}, [0.034341974338, -1.625973750489, 0.642717826873]),
]


@pytest.mark.parametrize(("kind", "options", "expected"), PYTORCH, ids=case_name)
def test_ends_where_pytorch_ends(kind, options, expected):
    curvature = tg.tensor([1.0, 10.0, 0.1], dtype=tg.float64)
    x = tg.tensor([1.0, -1.0, 2.0], dtype=tg.float64, requires_grad=True)
    optimizer = kind([x], **options)
    for _ in range(10):
        optimizer.zero_grad()
        ((curvature * x * x).sum() + x.prod()).backward()
        optimizer.step()
    np.testing.assert_allclose(x.detach().numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("kind", "options", "names"),
    [
        (SGD, {}, []),
        (SGD, {"momentum": 0.9}, ["momentum_buffer"]),
        (Adagrad, {}, ["step", "sum"]),
        (RMSprop, {}, ["step", "square_avg"]),
        (RMSprop, {"momentum": 0.9, "centered": True}, ["step", "square_avg", "momentum_buffer", "grad_avg"]),
        (Adam, {}, ["step", "exp_avg", "exp_avg_sq"]),
        (AdamW, {"amsgrad": True}, ["step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"]),
    ],
    ids=case_name,
)
def test_state_has_pytorchs_names_shapes_and_dtypes(kind, options, names):
    params = make_params([(2, 3), (4,)], tg.float64)
    optimizer = kind(params, **options)
    for _ in range(3):
        random_gradients(params, np.random.default_rng(2))
        optimizer.step()
    assert len(optimizer.state) == (2 if names else 0)
    for param, state in optimizer.state.items():
        assert sorted(state) == sorted(names)
        for name, value in state.items():
            assert value.shape == (() if name == "step" else param.shape)
            assert value.dtype == (tg.float32 if name == "step" else tg.float64)
        assert "step" not in state or state["step"].item() == 3


def test_state_of_adam_after_two_steps():
    x = tg.zeros(2, requires_grad=True)
    optimizer = Adam([x], betas=(0.5, 0.75))
    for grad in ([4.0, -2.0], [8.0, 2.0]):
        x.grad = tg.tensor(grad)
        optimizer.step()
    assert optimizer.state[x]["exp_avg"].tolist() == [5.0, 0.5]
    assert optimizer.state[x]["exp_avg_sq"].tolist() == [19.0, 1.75]


def test_adagrad_has_its_sums_before_the_first_step():
    x, y = tg.zeros(2, requires_grad=True), tg.zeros(1, requires_grad=True)
    optimizer = Adagrad([x], initial_accumulator_value=0.5)
    optimizer.add_param_group({"params": y, "initial_accumulator_value": 0.25})
    assert optimizer.state[x]["sum"].tolist() == [0.5, 0.5]
    assert optimizer.state[y]["sum"].tolist() == [0.25]
    assert optimizer.state[y]["step"].item() == 0


def test_centered_rmsprop_stays_finite_where_gradients_do_not_vary():
    x = tg.zeros(200, requires_grad=True)
    x.grad = tg.linspace(-3, 3, 200)
    optimizer = RMSprop([x], lr=1e-6, alpha=0.5, centered=True, eps=1.0)
    for _ in range(100):
        optimizer.step()
    assert tg.isfinite(x).all()


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (SGD, {"lr": -1}, "Invalid learning rate: -1"),
        (SGD, {"momentum": -1}, "Invalid momentum value: -1"),
        (SGD, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
        (SGD, {"nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
        (SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "Nesterov momentum requires"),
        (SGD, {"lr": tg.ones(2)}, "a tensor as learning rate must have one element, but it has 2"),
        (Adam, {"lr": -1}, "Invalid learning rate: -1"),
        (Adam, {"eps": -1}, "Invalid epsilon value: -1"),
        (Adam, {"betas": (1.0, 0.9)}, "Invalid beta parameter at index 0: 1.0"),
        (Adam, {"betas": (0.9, -1)}, "Invalid beta parameter at index 1: -1"),
        (AdamW, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
        (RMSprop, {"lr": -1}, "Invalid learning rate: -1"),
        (RMSprop, {"eps": -1}, "Invalid epsilon value: -1"),
        (RMSprop, {"alpha": -1}, "Invalid alpha value: -1"),
        (RMSprop, {"momentum": -1}, "Invalid momentum value: -1"),
        (RMSprop, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
        (Adagrad, {"lr": -1}, "Invalid learning rate: -1"),
        (Adagrad, {"lr_decay": -1}, "Invalid lr_decay value: -1"),
        (Adagrad, {"initial_accumulator_value": -1}, "Invalid initial_accumulator_value value: -1"),
        (Adagrad, {"eps": -1}, "Invalid epsilon value: -1"),
        (Adagrad, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    ],
)
def test_refuses_options_out_of_range(kind, options, message):
    with pytest.raises(ValueError, match=message):
        kind([tg.zeros(1, requires_grad=True)], **options)


def test_defaults_are_pytorchs():
    x = [tg.zeros(1, requires_grad=True)]
    assert SGD(x).defaults == {
        "lr": 1e-3, "momentum": 0, "dampening": 0, "weight_decay": 0, "nesterov": False, "maximize": False,
    }  # fmt: skip
    adam = {
        "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "amsgrad": False, "maximize": False,
        "decoupled_weight_decay": False,
    }  # fmt: skip
    assert Adam(x).defaults == adam
    assert AdamW(x).defaults == adam | {"weight_decay": 1e-2, "decoupled_weight_decay": True}
    assert RMSprop(x).defaults == {
        "lr": 1e-2, "momentum": 0, "alpha": 0.99, "eps": 1e-8, "centered": False, "weight_decay": 0, "maximize": False,
    }  # fmt: skip
    assert Adagrad(x).defaults == {
        "lr": 1e-2, "lr_decay": 0, "eps": 1e-10, "weight_decay": 0, "initial_accumulator_value": 0, "maximize": False,
    }  # fmt: skip
