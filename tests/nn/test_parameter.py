"""Parameter: a leaf that shares memory with its data and survives copying."""

import copy
import pickle

import pytest

import tinygrad_np as tg
from tinygrad_np.nn import Parameter


def test_is_a_leaf_that_requires_grad():
    parameter = Parameter(tg.ones(2))
    assert isinstance(parameter, Parameter)
    assert isinstance(parameter, tg.Tensor)
    assert parameter.requires_grad
    assert parameter.is_leaf


def test_of_a_computed_tensor_is_a_leaf():
    x = tg.ones(2, requires_grad=True)
    parameter = Parameter(x * 2)
    assert parameter.is_leaf
    (parameter * 3).sum().backward()
    assert x.grad is None
    assert parameter.grad.tolist() == [3, 3]


def test_shares_memory_with_its_data():
    data = tg.zeros(2)
    parameter = Parameter(data)
    data[0] = 5.0
    assert parameter.tolist() == [5, 0]


def test_change_of_the_data_makes_the_graph_stale():
    data = tg.ones(2)
    parameter = Parameter(data)
    loss = (parameter * parameter).sum()
    data.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_frozen():
    assert not Parameter(tg.ones(2), requires_grad=False).requires_grad


def test_default_is_empty():
    assert Parameter().shape == (0,)


def test_results_of_ops_are_plain_tensors():
    parameter = Parameter(tg.ones(2))
    for result in (parameter + 1, parameter.detach(), parameter.data, parameter.clone(), parameter[0]):
        assert type(result) is tg.Tensor


def test_repr():
    assert repr(Parameter(tg.ones(2))) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"


def test_integers_cannot_require_grad():
    with pytest.raises(RuntimeError, match="floating point"):
        Parameter(tg.tensor([1, 2]))
    assert Parameter(tg.tensor([1, 2]), requires_grad=False).tolist() == [1, 2]


def test_data_must_be_a_tensor():
    with pytest.raises(TypeError, match="'data' must be Tensor, not list"):
        Parameter([1.0])


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_copies_keep_class_values_and_requires_grad(duplicate):
    for requires_grad in (True, False):
        original = Parameter(tg.tensor([1.0, 2.0]), requires_grad)
        duplicated = duplicate(original)
        assert type(duplicated) is Parameter
        assert duplicated.requires_grad == requires_grad
        assert duplicated.tolist() == [1, 2]
        with tg.no_grad():
            duplicated.zero_()
        assert original.tolist() == [1, 2]


def test_deepcopy_keeps_attributes_but_not_the_gradient():
    parameter = Parameter(tg.ones(2))
    parameter.group = "slow"
    parameter.grad = tg.tensor([1.0, 2.0])
    duplicated = copy.deepcopy(parameter)
    assert duplicated.group == "slow"
    assert duplicated.grad is None
    assert parameter.grad.tolist() == [1, 2]
    assert copy.deepcopy(tg.nn.ParameterList([parameter]))[0].grad is None
