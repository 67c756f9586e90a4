"""Schedules of the learning rate: closed forms, and the numbers that PyTorch 2.13 prints."""

import copy
import math

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.optim import SGD, Adagrad, Adam
from tinygrad_np.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)


def optimizer(*lrs, kind=SGD, **options):
    return kind([{"params": tg.zeros(1, requires_grad=True), "lr": lr} for lr in lrs or (0.1,)], **options)


def option_over(scheduler, steps, option="lr", group=0):
    """The values of a group's option: at the beginning, and after each step."""
    options = scheduler.optimizer.param_groups[group]
    values = [options[option]]
    for _ in range(steps):
        scheduler.step()
        values.append(options[option])
    return values


CLOSED_FORMS = [
    pytest.param(lambda o: LambdaLR(o, lambda t: 1 / (1 + t)), lambda lr, t: lr / (1 + t), id="LambdaLR"),
    pytest.param(lambda o: ExponentialLR(o, 0.9), lambda lr, t: lr * 0.9**t, id="ExponentialLR"),
    pytest.param(lambda o: StepLR(o, 3), lambda lr, t: lr * 0.1 ** (t // 3), id="StepLR"),
    pytest.param(lambda o: StepLR(o, 1, gamma=0.5), lambda lr, t: lr * 0.5**t, id="StepLR-1"),
    pytest.param(
        lambda o: CosineAnnealingLR(o, 5, eta_min=0.01),
        lambda lr, t: 0.01 + (lr - 0.01) * (1 + math.cos(math.pi * t / 5)) / 2,
        id="CosineAnnealingLR",
    ),
    pytest.param(
        lambda o: CosineAnnealingLR(o, 1),
        lambda lr, t: lr * (1 + math.cos(math.pi * t)) / 2,
        id="CosineAnnealingLR-1",
    ),
]


@pytest.mark.parametrize(("make", "closed_form"), CLOSED_FORMS)
def test_follows_its_closed_form_in_every_group(make, closed_form):
    driven = optimizer(0.1, 0.4)
    scheduler = make(driven)
    for t in range(25):
        expected = [closed_form(lr, t) for lr in (0.1, 0.4)]
        np.testing.assert_allclose([g["lr"] for g in driven.param_groups], expected, rtol=1e-9, atol=1e-15)
        assert scheduler.get_last_lr() == [g["lr"] for g in driven.param_groups]
        assert scheduler.last_epoch == t
        scheduler.step()


PYTORCH = [
    (lambda o: CosineAnnealingLR(o, 3, 0.01), "lr", [0.1, 0.0775, 0.0325, 0.01, 0.0325, 0.0775, 0.1, 0.0775]),
    (
        lambda o: OneCycleLR(o, 1.0, total_steps=8),
        "lr",
        [0.04, 0.8192751, 0.97194178, 0.81174565, 0.55598401, 0.283061, 0.076641594, 4e-06],
    ),
    (
        lambda o: OneCycleLR(o, 1.0, total_steps=8),
        "momentum",
        [0.95, 0.86882551, 0.85280583, 0.86882551, 0.89440178, 0.92169419, 0.94233621, 0.95],
    ),
    (
        lambda o: OneCycleLR(o, 1.0, total_steps=8, pct_start=0.25, anneal_strategy="linear", three_phase=True),
        "lr",
        [0.04, 1.0, 0.04, 0.0320008, 0.0240016, 0.0160024, 0.0080032, 4e-06],
    ),
    (
        lambda o: OneCycleLR(o, 1.0, total_steps=8, pct_start=0.25, anneal_strategy="linear", three_phase=True),
        "momentum",
        [0.95, 0.85, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95],
    ),
]


@pytest.mark.parametrize(("make", "option", "expected"), PYTORCH)
def test_prints_what_pytorch_prints(make, option, expected):
    values = option_over(make(optimizer(0.1, momentum=0.9)), len(expected) - 1, option)
    np.testing.assert_allclose(values, expected, rtol=1e-7)


def test_schedules_can_be_chained():
    driven = optimizer(0.1)
    schedulers = [ExponentialLR(driven, 0.9), StepLR(driven, 2, gamma=0.5)]
    for _ in range(5):
        for scheduler in schedulers:
            scheduler.step()
    assert math.isclose(driven.param_groups[0]["lr"], 0.1 * 0.9**5 * 0.5**2)


def test_a_schedule_drives_the_updates():
    x = tg.zeros(1, requires_grad=True)
    driven = SGD([x], lr=1.0)
    scheduler = ExponentialLR(driven, 0.5)
    for _ in range(3):
        x.grad = tg.ones(1)
        driven.step()
        scheduler.step()
    assert x.item() == -1.75


def test_a_learning_rate_that_is_a_tensor_is_filled():
    lr = tg.tensor(1.0)
    scheduler = ExponentialLR(SGD([tg.zeros(1, requires_grad=True)], lr=lr), 0.5)
    scheduler.step()
    assert lr.item() == 0.5
    assert scheduler.get_last_lr() == [0.5]
    assert scheduler.base_lrs == [1.0]


SCHEDULERS = [
    lambda o: LambdaLR(o, lambda t: 0.9**t),
    lambda o: StepLR(o, 3),
    lambda o: CosineAnnealingLR(o, 4),
    lambda o: OneCycleLR(o, 1.0, total_steps=20),
]


@pytest.mark.parametrize("make", SCHEDULERS)
def test_goes_on_from_its_state_dict(make):
    first = make(optimizer(0.1, momentum=0.9))
    option_over(first, 5)
    second = make(optimizer(0.7, momentum=0.9))
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert option_over(second, 10) == option_over(first, 10)


@pytest.mark.parametrize("make", SCHEDULERS[1:])  # functions, as those of LambdaLR, are in no file
def test_goes_on_from_a_file(make, tmp_path):
    first, second = make(optimizer(0.1, momentum=0.9)), make(optimizer(0.7, momentum=0.9))
    option_over(first, 5)
    tg.save({"scheduler": first.state_dict(), "optimizer": first.optimizer.state_dict()}, tmp_path / "saved")
    saved = tg.load(tmp_path / "saved")
    second.optimizer.load_state_dict(saved["optimizer"])
    second.load_state_dict(saved["scheduler"])
    assert option_over(second, 10) == option_over(first, 10)


def test_goes_on_from_last_epoch():
    driven = optimizer(0.4)
    option_over(LambdaLR(driven, lambda t: 0.5**t), 2)
    scheduler = LambdaLR(driven, lambda t: 0.5**t, last_epoch=2)
    assert scheduler.last_epoch == 3
    assert driven.param_groups[0]["lr"] == 0.4 / 8
    with pytest.raises(KeyError, match=r"'initial_lr' is not specified in param_groups\[0\]"):
        StepLR(optimizer(), 2, last_epoch=2)


def test_state_dict_of_lambda_lr_holds_the_attributes_of_objects_but_no_functions():
    class Warmup:
        def __init__(self, steps):
            self.steps = steps

        def __call__(self, t):
            return min(1, t / self.steps)

    scheduler = LambdaLR(optimizer(0.1, 0.1), [Warmup(10), lambda t: 1.0])
    saved = scheduler.state_dict()
    assert saved["lr_lambdas"] == [{"steps": 10}, None]
    other = LambdaLR(optimizer(0.1, 0.1), [Warmup(5), lambda t: 1.0])
    other.load_state_dict(saved)
    assert other.lr_lambdas[0].steps == 10


def test_a_scheduler_needs_an_optimizer_and_a_rule():
    with pytest.raises(TypeError, match="int is not an Optimizer"):
        StepLR(3, 2)
    with pytest.raises(NotImplementedError, match="LRScheduler must define get_lr"):
        LRScheduler(optimizer())
    with pytest.raises(ValueError, match="expected 2 values of lr_lambda, one per parameter group, but got 1"):
        LambdaLR(optimizer(0.1, 0.2), [lambda t: 1.0])


# ---- OneCycleLR ----------------------------------------------------------------------------------------------------


def test_one_cycle_has_a_top_and_an_end_of_its_own_in_every_group():
    scheduler = OneCycleLR(
        optimizer(0.1, 0.1), [1.0, 2.0], epochs=2, steps_per_epoch=5, div_factor=10, final_div_factor=5
    )
    rates = np.array([[g["lr"] for g in scheduler.optimizer.param_groups]])
    for _ in range(9):
        scheduler.step()
        rates = np.append(rates, [scheduler.get_last_lr()], axis=0)
    np.testing.assert_allclose(rates[0], [0.1, 0.2])
    np.testing.assert_allclose(rates.max(axis=0), [1.0, 2.0])
    np.testing.assert_allclose(rates[-1], [0.02, 0.04])


def test_one_cycle_moves_adams_first_beta_or_leaves_momentum_alone():
    scheduler = OneCycleLR(optimizer(kind=Adam), 1.0, total_steps=10, base_momentum=0.5, max_momentum=0.8)
    betas = option_over(scheduler, 9, "betas")
    assert {b[1] for b in betas} == {0.999}
    assert math.isclose(min(b[0] for b in betas), 0.5)
    assert math.isclose(betas[0][0], 0.8)
    still = OneCycleLR(optimizer(momentum=0.9), 1.0, total_steps=10, cycle_momentum=False)
    assert set(option_over(still, 9, "momentum")) == {0.9}


def test_one_cycle_ends():
    scheduler = OneCycleLR(optimizer(momentum=0.9), 1.0, total_steps=3)
    for _ in range(3):  # a step after each of three batches
        scheduler.step()
    with pytest.raises(ValueError, match=r"Tried to step 4 times. The specified number of total steps is 3"):
        scheduler.step()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"You must define either total_steps OR \(epochs AND steps_per_epoch\)"),
        ({"epochs": 3}, "You must define either total_steps"),
        ({"total_steps": 0}, "Expected positive integer total_steps, but got 0"),
        ({"total_steps": 1.5}, "Expected positive integer total_steps, but got 1.5"),
        ({"epochs": 0, "steps_per_epoch": 2}, "Expected positive integer epochs, but got 0"),
        ({"epochs": 2, "steps_per_epoch": -1}, "Expected positive integer steps_per_epoch, but got -1"),
        ({"total_steps": 9, "pct_start": 1.5}, "Expected float between 0 and 1 pct_start, but got 1.5"),
        ({"total_steps": 9, "anneal_strategy": "x"}, "anneal_strategy must be one of 'cos' or 'linear', instead got x"),
        ({"total_steps": 9, "max_lr": [1.0, 2.0]}, "expected 1 values of max_lr"),
        ({"total_steps": 9, "base_momentum": [0.1, 0.2]}, "expected 1 values of base_momentum"),
    ],
)
def test_one_cycle_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        OneCycleLR(optimizer(momentum=0.9), **{"max_lr": 1.0, **options})


def test_one_cycle_needs_a_momentum_to_cycle():
    with pytest.raises(ValueError, match="optimizer must support momentum or beta1"):
        OneCycleLR(optimizer(kind=Adagrad), 1.0, total_steps=9)
    OneCycleLR(optimizer(kind=Adagrad), 1.0, total_steps=9, cycle_momentum=False)


# ---- ReduceLROnPlateau ---------------------------------------------------------------------------------------------


def rates_by_metric(metrics, **options):
    scheduler = ReduceLROnPlateau(optimizer(0.1), **options)
    rates = []
    for metric in metrics:
        scheduler.step(metric)
        rates += scheduler.get_last_lr()
    return rates


def test_plateau_prints_what_pytorch_prints():
    metrics = [1, 0.95, 0.95, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    rates = rates_by_metric(metrics, factor=0.5, patience=1, cooldown=1, threshold=0.1)
    assert rates == [0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.0125, 0.0125, 0.0125]


@pytest.mark.parametrize(
    ("options", "metrics", "is_reduced"),
    [
        ({"mode": "min"}, [-1.0, -0.95], False),  # a threshold relative to a negative value: below -1 * (1 - 0.1)
        ({"mode": "min"}, [1.0, 0.95], True),
        ({"mode": "min"}, [1.0, 0.85], False),
        ({"mode": "max"}, [1.0, 1.05], True),
        ({"mode": "max"}, [1.0, 1.15], False),
        ({"mode": "min", "threshold_mode": "abs"}, [5.0, 4.95], True),
        ({"mode": "min", "threshold_mode": "abs"}, [5.0, 4.85], False),
        ({"mode": "max", "threshold_mode": "abs"}, [5.0, 5.05], True),
        ({"mode": "max", "threshold_mode": "abs"}, [5.0, 5.15], False),
        ({"mode": "min"}, [1.0, math.nan], True),
        ({"mode": "min", "min_lr": 0.1}, [1.0, 1.0], False),
        ({"mode": "min", "eps": 0.5}, [1.0, 1.0], False),
        ({"mode": "min", "patience": 1}, [1.0, 1.0], False),
    ],
)
def test_plateau_reduces(options, metrics, is_reduced):
    rates = rates_by_metric(metrics, **{"patience": 0, "threshold": 0.1, **options})
    assert (rates[-1] < 0.1) == is_reduced


def test_plateau_with_a_group_that_was_added():
    for min_lr in (0.015, [0.015]):
        added = optimizer(0.1)
        scheduler = ReduceLROnPlateau(added, patience=0, min_lr=min_lr)
        added.add_param_group({"params": [tg.zeros(1, requires_grad=True)], "lr": 0.2})
        scheduler.step(1.0)
        if isinstance(min_lr, list):
            with pytest.raises(RuntimeError, match="there are 2 parameter groups, but 1 values of min_lr"):
                scheduler.step(1.0)
        else:
            scheduler.step(1.0)
            np.testing.assert_allclose(scheduler.get_last_lr(), [0.015, 0.02])


def test_plateau_takes_tensors_and_has_a_state_dict():
    scheduler = ReduceLROnPlateau(optimizer(0.1, 0.2), patience=0, min_lr=[0.0, 0.15])
    scheduler.step(tg.tensor(1.0))
    other = ReduceLROnPlateau(optimizer(0.1, 0.2), patience=5)
    other.load_state_dict(scheduler.state_dict())
    other.step(tg.tensor(1.0))
    np.testing.assert_allclose(other.get_last_lr(), [0.01, 0.15])
    assert isinstance(other, LRScheduler)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factor": 1.0}, "Factor should be < 1.0"),
        ({"mode": "x"}, "mode x is unknown!"),
        ({"threshold_mode": "x"}, "threshold mode x is unknown!"),
        ({"min_lr": [0.1, 0.2]}, "expected 1 values of min_lr"),
    ],
)
def test_plateau_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        ReduceLROnPlateau(optimizer(), **options)
