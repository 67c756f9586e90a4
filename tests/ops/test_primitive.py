"""Ops of one's own: how they are called, what is recorded, and what the table refuses."""

import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.ops.primitive import Array, primitive
from tinygrad_np.ops.table import registry
from tinygrad_np.testing import check_gradient


@pytest.fixture(autouse=True)
def _restore_registry():
    before = set(registry)
    yield
    for name in set(registry) - before:
        registry.pop(name)


def make_blend():
    """An op: ``input + scale * other + third``, where the third may be absent."""

    @primitive(promote="common")
    def blend(input: Array, other: Array, third: Array = None, scale: float = 2.0) -> Array:
        return input + scale * other + (0 if third is None else third)

    blend.rule(input=lambda g: g, other=lambda g, scale: g * scale, third=lambda g: g)
    return blend


def test_arguments_may_be_given_by_position_by_name_or_not_at_all():
    blend, x = make_blend(), tg.ones(2)
    assert blend(x, x).tolist() == [3, 3]
    assert blend(x, x, x).tolist() == [4, 4]
    assert blend(x, scale=3.0, other=x).tolist() == [4, 4]
    assert blend(input=x, other=1, third=None, scale=1.0).tolist() == [2, 2]


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, r"blend\(\) missing 2 required positional arguments: 'input' and 'other'"),
        ((1, 2, 3, 4, 5), {}, r"blend\(\) takes from 2 to 4 positional arguments but 5 were given"),
        ((1, 2), {"input": 3}, r"blend\(\) got multiple values for argument 'input'"),
        ((1, 2), {"weight": 3}, r"blend\(\) got an unexpected keyword argument 'weight'"),
        ((1, 2), {}, r"blend\(\): argument 'input' must be Tensor, not int"),
        ((tg.ones(1), "a"), {}, r"blend\(\): argument 'other' must be Tensor or number, not str"),
    ],
)
def test_wrong_arguments(args, kwargs, message):
    blend = make_blend()
    for _ in range(2):  # the first call is another than those after it
        with pytest.raises(TypeError, match=message):
            blend(*args, **kwargs)


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, r"sum\(\) missing 1 required positional argument: 'input'"),
        ((1, 2, 3, 4, 5), {}, r"sum\(\) takes from 1 to 4 positional arguments but 5 were given"),
        ((tg.ones(1), 0), {"axis": 0}, r"sum\(\) got multiple values for argument 'axis'"),
        ((tg.ones(1),), {"dim": 0, "axis": 0}, r"sum\(\) got multiple values for argument 'axis'"),
        ((tg.ones(1),), {"weight": 0}, r"sum\(\) got an unexpected keyword argument 'weight'"),
    ],
)
def test_wrong_arguments_where_numpys_names_are_understood(args, kwargs, message):
    with pytest.raises(TypeError, match=message):
        tg.sum(*args, **kwargs)


def test_numpys_names_may_stand_for_arguments_that_are_required():
    x, index = tg.tensor([[1.0, 2.0]]), tg.tensor([[1]])
    assert tg.cumsum(x, axis=1).tolist() == [[1, 3]]
    assert x.gather(axis=1, index=index).tolist() == tg.gather(input=x, dim=1, index=index).tolist() == [[2]]
    assert x.sum(axis=1, keepdim=True, dtype=tg.float64).dtype == tg.float64
    for _ in range(2):
        with pytest.raises(TypeError, match=r"gather\(\) missing required argument 'index'"):
            x.gather(axis=1)
        with pytest.raises(TypeError, match=r"gather\(\) missing required argument 'index'"):
            x.gather(1)
        with pytest.raises(TypeError, match=r"cumsum\(\) missing required argument 'dim'"):
            tg.cumsum(x)


@pytest.mark.parametrize("needed", ["input", "other", "third", "input other", "other third", "input other third"])
def test_gradients_of_those_inputs_that_need_one(needed):
    blend = make_blend()
    leaves = {name: tg.tensor([1.0, 2.0], requires_grad=name in needed) for name in ("input", "other", "third")}
    blend(**leaves).sum().backward()
    gradients = {name: None if leaf.grad is None else leaf.grad.tolist() for name, leaf in leaves.items()}
    factors = {"input": 1, "other": 2, "third": 1}
    assert gradients == {name: [k, k] if name in needed else None for name, k in factors.items()}
    check_gradient(lambda *tensors: blend(*tensors), *(np.array([1.0, 2.0]) for _ in range(3)))


def test_dtypes_are_promoted_where_the_op_wants_it():
    blend = make_blend()
    assert blend(tg.ones(1, dtype=tg.float32), tg.ones(1, dtype=tg.float64)).dtype == tg.float64
    assert blend(tg.ones(1, dtype=tg.float32), 2, tg.ones(1, dtype=tg.int64)).dtype == tg.float32


def test_several_threads_may_call_an_op_for_the_first_time():
    for _ in range(20):
        blend, together = make_blend(), threading.Barrier(4)

        def call(op=blend, together=together):
            together.wait()
            return op(tg.ones(1), 1.0).item()

        with ThreadPoolExecutor(4) as pool:
            assert [future.result() for future in [pool.submit(call) for _ in range(4)]] == [3] * 4
        registry.pop("blend")


def test_a_traceback_shows_the_line_of_the_written_function():
    try:
        tg.ones(2) + tg.ones(3)
    except RuntimeError:
        assert "raise explain(op.name, error, [input, other]) from None" in traceback.format_exc()


@pytest.mark.parametrize("name", ["out", "op", "ndarray", "g"])
def test_names_that_mean_something_else(name):
    with pytest.raises(ValueError, match=f"shift: a parameter may not be called {name}"):
        primitive(eval(f"lambda input, {name}: input"), name="shift")


def test_names_of_ops_are_unique():
    make_blend()
    with pytest.raises(ValueError, match="there is an op named 'blend' already"):
        make_blend()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda grad: grad, "blend: the first parameter of a rule must be g, not grad"),
        (lambda g, weight: g, "blend: the rule of 'input' asks for 'weight', which is not there"),
    ],
)
def test_rules_that_ask_for_what_is_not_there(rule, message):
    blend = make_blend()
    blend.rule(input=rule)
    with pytest.raises(ValueError, match=message):
        blend(tg.ones(1, requires_grad=True), 1)


def test_rules_of_what_is_no_parameter():
    with pytest.raises(ValueError, match="blend has no parameter 'weight' to give a rule for"):
        make_blend().rule(weight=lambda g: g)


def test_an_input_without_a_rule_must_not_need_a_gradient():
    @primitive
    def masked(input: Array, mask: Array) -> Array:
        return input * mask

    masked.rule(input=lambda g, mask: g * mask)
    assert masked(tg.ones(1, requires_grad=True), tg.zeros(1)).requires_grad
    with pytest.raises(RuntimeError, match="masked: not differentiable with respect to 'mask'"):
        masked(tg.ones(1), tg.zeros(1, requires_grad=True))


@pytest.mark.parametrize("asks_for", ["tensors", "out"])
def test_the_rule_of_a_sequence_reads_shapes_only(asks_for):
    def total(tensors):
        return np.add.reduce(tensors)

    op = primitive(total)
    op.rule(tensors=eval(f"lambda g, {asks_for}: [g]"))
    with pytest.raises(
        ValueError, match=f"total: the rule of 'tensors' asks for '{asks_for}', but may read shapes only"
    ):
        op([tg.ones(1, requires_grad=True)])
    op.rule(tensors=lambda g, tensors_shape: [g] * len(tensors_shape))
    check_gradient(lambda a, b: op([a, b]), np.ones(2), np.array([3.0, 4.0]))
