"""Initialisation: bounds, spreads, gains, and what is refused."""

import math

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.nn import init

FAN_OUT, FAN_IN = 300, 200


def fresh():
    return tg.nn.Parameter(tg.full((FAN_OUT, FAN_IN), math.nan))


def generator(seed=0):
    return tg.Generator().manual_seed(seed)


UNIFORM = {  # how, and the bound it should have
    "uniform_": (lambda w, g: init.uniform_(w, -3, 3, g), 3.0),
    "xavier_uniform_": (lambda w, g: init.xavier_uniform_(w, 2.0, g), 2 * math.sqrt(6 / (FAN_IN + FAN_OUT))),
    "kaiming_uniform_": (lambda w, g: init.kaiming_uniform_(w, generator=g), math.sqrt(6 / FAN_IN)),
    "kaiming_uniform_, fan_out": (
        lambda w, g: init.kaiming_uniform_(w, mode="fan_out", nonlinearity="tanh", generator=g),
        5 / 3 * math.sqrt(3 / FAN_OUT),
    ),
    "kaiming_uniform_, slope": (
        lambda w, g: init.kaiming_uniform_(w, math.sqrt(5), generator=g),
        1 / math.sqrt(FAN_IN),
    ),
}
NORMAL = {  # how, and the standard deviation it should have
    "normal_": (lambda w, g: init.normal_(w, 0.0, 3.0, g), 3.0),
    "xavier_normal_": (lambda w, g: init.xavier_normal_(w, 2.0, g), 2 * math.sqrt(2 / (FAN_IN + FAN_OUT))),
    "kaiming_normal_": (lambda w, g: init.kaiming_normal_(w, nonlinearity="relu", generator=g), math.sqrt(2 / FAN_IN)),
    "kaiming_normal_, fan_out": (
        lambda w, g: init.kaiming_normal_(w, 1.0, "fan_out", generator=g),
        math.sqrt(1 / FAN_OUT),
    ),
}


@pytest.mark.parametrize("name", UNIFORM)
def test_uniform(name):
    fill, bound = UNIFORM[name]
    values = fill(fresh(), generator()).detach().numpy()
    assert np.abs(values).max() <= bound * (1 + 1e-6)
    assert np.abs(values).max() > 0.999 * bound
    assert abs(values.mean()) < 0.02 * bound
    assert values.std() == pytest.approx(bound / math.sqrt(3), rel=0.02)


@pytest.mark.parametrize("name", NORMAL)
def test_normal(name):
    fill, std = NORMAL[name]
    values = fill(fresh(), generator()).detach().numpy()
    assert values.std() == pytest.approx(std, rel=0.02)
    assert abs(values.mean()) < 0.02 * std
    # The kurtosis tells a normal distribution (3) from a uniform one (1.8).
    assert np.mean((values / std) ** 4) == pytest.approx(3, rel=0.1)


@pytest.mark.parametrize("name", [*UNIFORM, *NORMAL])
def test_generator_decides(name):
    fill, _ = (UNIFORM | NORMAL)[name]
    assert tg.equal(fill(fresh(), generator(1)), fill(fresh(), generator(1)))
    assert not tg.equal(fill(fresh(), generator(1)), fill(fresh(), generator(2)))
    tg.manual_seed(7)
    first = fill(fresh(), None)
    tg.manual_seed(7)
    assert tg.equal(first, fill(fresh(), None))


@pytest.mark.parametrize("name", [*UNIFORM, *NORMAL])
def test_fills_in_place_without_a_graph(name):
    fill, _ = (UNIFORM | NORMAL)[name]
    parameter = fresh()
    assert fill(parameter, generator()) is parameter
    assert parameter.is_leaf
    assert parameter.requires_grad
    assert not parameter.isnan().any()


def test_fans_of_a_kernel():
    weight = tg.empty(8, 4, 5, 5)
    init.xavier_uniform_(weight, generator=generator())
    bound = math.sqrt(6 / (4 * 25 + 8 * 25))
    assert 0.99 * bound < weight.abs().max() <= bound


def test_simple_fillings():
    parameter = fresh()
    assert init.constant_(parameter, 2.5) is parameter
    assert (parameter == 2.5).all()
    assert (init.zeros_(parameter) == 0).all()
    assert (init.ones_(parameter) == 1).all()
    assert parameter.is_leaf
    for shape in ((3, 3), (2, 4), (4, 2)):
        assert init.eye_(tg.nn.Parameter(tg.ones(shape))).tolist() == np.eye(*shape).tolist()
    with pytest.raises(ValueError, match="Only tensors with 2 dimensions"):
        init.eye_(tg.ones(3))


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2), (4, 3, 2)])
def test_orthogonal(shape):
    weight = tg.nn.Parameter(tg.empty(*shape, dtype=tg.float64))
    assert init.orthogonal_(weight, gain=2.0, generator=generator()) is weight
    matrix = weight.detach().numpy().reshape(shape[0], -1)
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)
    assert tg.equal(weight, init.orthogonal_(tg.empty(*shape, dtype=tg.float64), 2.0, generator()))


def test_orthogonal_has_no_preferred_signs():
    draws = [init.orthogonal_(tg.empty(2, 2), generator=generator(seed))[0, 0].item() for seed in range(200)]
    assert 0.35 < np.mean(np.array(draws) > 0) < 0.65


@pytest.mark.parametrize(
    ("nonlinearity", "param", "gain"),
    [
        ("linear", None, 1),
        ("conv2d", None, 1),
        ("conv_transpose3d", None, 1),
        ("sigmoid", None, 1),
        ("tanh", None, 5 / 3),
        ("relu", None, math.sqrt(2)),
        ("leaky_relu", None, math.sqrt(2 / 1.0001)),
        ("leaky_relu", 1, 1),
        ("leaky_relu", math.sqrt(5), math.sqrt(1 / 3)),
        ("selu", None, 0.75),
    ],
)
def test_gain(nonlinearity, param, gain):
    assert init.calculate_gain(nonlinearity, param) == pytest.approx(gain)


def test_refused():
    with pytest.raises(ValueError, match="Unsupported nonlinearity relu6"):
        init.calculate_gain("relu6")
    with pytest.raises(ValueError, match="negative_slope steep not a valid number"):
        init.calculate_gain("leaky_relu", "steep")
    with pytest.raises(ValueError, match="Mode fan_both not supported"):
        init.kaiming_uniform_(tg.empty(2, 2), mode="fan_both")
    for fill in (init.xavier_uniform_, init.xavier_normal_, init.kaiming_uniform_, init.kaiming_normal_):
        with pytest.raises(ValueError, match="Fan in and fan out can not be computed"):
            fill(tg.empty(3))
    with pytest.raises(ValueError, match="Only tensors with 2 or more dimensions"):
        init.orthogonal_(tg.empty(3))


@pytest.mark.parametrize(
    "fill",
    [init.xavier_uniform_, init.xavier_normal_, init.kaiming_uniform_, init.kaiming_normal_, init.orthogonal_],
)
def test_nothing_to_fill(fill):
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
        assert fill(tg.empty(0, 0)).shape == (0, 0)


def test_orthogonal_integers_are_refused():
    with pytest.raises(RuntimeError, match="orthogonal_: not implemented for dtype int64"):
        init.orthogonal_(tg.zeros(2, 2, dtype=tg.int64))
