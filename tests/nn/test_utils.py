"""nn.utils: clipping gradients, and parameters as one vector."""

import math

import pytest

import tinygrad_np as tg
from tinygrad_np import nn
from tinygrad_np.nn.utils import clip_grad_norm_, clip_grad_value_, parameters_to_vector, vector_to_parameters


def with_grads(*grads):
    parameters = []
    for grad in grads:
        parameter = nn.Parameter(tg.zeros(len(grad)))
        parameter.grad = tg.tensor(grad)
        parameters.append(parameter)
    return parameters


# ---- clipping ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("norm_type", "norm"), [(2.0, 13.0), (1.0, 19.0), (math.inf, 12.0), ("inf", 12.0), (3, (27 + 64 + 1728) ** (1 / 3))]
)
def test_clip_grad_norm(norm_type, norm):
    parameters = with_grads([3.0, -4.0], [12.0])
    grads = [parameter.grad for parameter in parameters]
    total = clip_grad_norm_([*parameters, nn.Parameter(tg.ones(1))], 1.0, norm_type)
    assert total.shape == ()
    assert total.item() == pytest.approx(norm)
    assert [value for grad in grads for value in grad.tolist()] == pytest.approx([3 / norm, -4 / norm, 12 / norm])
    assert all(parameter.grad is grad for parameter, grad in zip(parameters, grads, strict=True))


def test_small_gradients_are_left_alone():
    (parameter,) = with_grads([3.0, -4.0])
    assert clip_grad_norm_(parameter, 10.0).item() == 5
    assert parameter.grad.tolist() == [3, -4]


def test_clipping_takes_a_generator_or_nothing():
    parameters = with_grads([3.0, 4.0], [0.0])
    clip_grad_norm_((parameter for parameter in parameters), 1.0)
    assert parameters[0].grad.tolist() == pytest.approx([0.6, 0.8])
    assert clip_grad_norm_([], 1.0).item() == 0
    assert clip_grad_norm_([nn.Parameter(tg.ones(1))], 1.0).item() == 0


def test_norm_that_is_not_finite():
    (parameter,) = with_grads([math.nan, 1.0])
    with pytest.raises(RuntimeError, match=r"total norm of order 2.0 .* is non-finite"):
        clip_grad_norm_(parameter, 1.0, error_if_nonfinite=True)
    assert parameter.grad.tolist()[1] == 1
    assert math.isnan(clip_grad_norm_(parameter, 1.0).item())
    assert parameter.grad.isnan().all()


def test_clip_grad_value():
    parameters = with_grads([3.0, -4.0, 0.5], [12.0])
    clip_grad_value_(parameters, 1.0)
    assert [parameter.grad.tolist() for parameter in parameters] == [[1, -1, 0.5], [1]]


# ---- one vector ----------------------------------------------------------------------------------------------------


def test_parameters_to_vector_and_back():
    net = nn.Linear(2, 2)
    vector = parameters_to_vector(net.parameters())
    assert vector.tolist() == [*net.weight.reshape(-1).tolist(), *net.bias.tolist()]
    weight = net.weight
    vector_to_parameters(tg.arange(6, dtype=tg.float32), net.parameters())
    assert net.weight is weight
    assert net.weight.tolist() == [[0, 1], [2, 3]]
    assert net.bias.tolist() == [4, 5]
    net(tg.ones(2)).sum().backward()
    assert weight.grad.tolist() == [[1, 1], [1, 1]]


def test_parameters_to_vector_is_recorded():
    net = nn.Linear(2, 1)
    (parameters_to_vector(net.parameters()) * tg.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert net.weight.grad.tolist() == [[1, 2]]
    assert net.bias.grad.tolist() == [3]


@pytest.mark.parametrize("size", [5, 7])
def test_vector_of_the_wrong_size(size):
    net = nn.Linear(2, 2)
    before = net.weight.tolist()
    with pytest.raises(RuntimeError, match=rf"the parameters have 6 elements, but vec is of shape \[{size}\]"):
        vector_to_parameters(tg.zeros(size), net.parameters())
    assert net.weight.tolist() == before


def test_vector_must_be_a_tensor():
    with pytest.raises(TypeError, match="list"):
        vector_to_parameters([1.0], [])
