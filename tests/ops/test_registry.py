"""No op without a property-tested gradient, to any order: these tests walk the registry.

Second order is as far as they need to go: it proves that a rule is made of ops, and so can itself be differentiated;
and all ops are held to the same.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_np as tg
from tests.ops.samples import COMPOSITES, SAMPLES
from tinygrad_np.autograd import grad
from tinygrad_np.ops.table import registry
from tinygrad_np.testing import check_gradient

DIFFERENTIABLE = [name for name in SAMPLES if registry[name].differentiable]
every_op = pytest.mark.parametrize("name", SAMPLES)
every_differentiable_op = pytest.mark.parametrize("name", DIFFERENTIABLE)
# What fails, if it does, for nearly all arguments need not be tried as often as a gradient.
half_as_often = settings(max_examples=settings().max_examples // 2)
seldom = settings(max_examples=settings().max_examples // 5)
every_composite = pytest.mark.parametrize("name", COMPOSITES)


def drawn_arguments(data, sample):
    arguments = data.draw(sample.arguments, label="arguments")
    return arguments if isinstance(arguments, tuple) else (arguments,)


def is_floating(x):
    return isinstance(x, tg.Tensor) and x.is_floating_point()


def converted(arguments, convert):
    """The arguments with every tensor, also those in lists, converted."""

    def each(x):
        if isinstance(x, list):
            return list(map(each, x))
        return convert(x) if isinstance(x, tg.Tensor) else x

    return [each(x) for x in arguments]


def results(out):
    return list(out) if isinstance(out, tuple | list) else [out]


def floating_leaves(arguments):
    return [x for a in arguments for x in (a if isinstance(a, list) else [a]) if is_floating(x)]


def recording(x):
    return x.detach().requires_grad_() if x.is_floating_point() else x


def check_forward(name, sample, arguments):
    before = converted(arguments, lambda x: x.numpy().copy())
    expected, actual = results(sample.truth(*before)), results(sample.function(*arguments))
    for out, truth in zip(actual, expected, strict=True):
        # Strict: of the same shape and dtype, too.
        np.testing.assert_allclose(out.numpy(), truth, rtol=1e-11, atol=1e-11, strict=True, err_msg=name)
    np.testing.assert_equal(converted(arguments, lambda x: x.numpy()), before, err_msg=f"{name} changed its arguments")
    if tg.float64 not in arguments:
        floats = converted(arguments, lambda x: x.to(tg.float32) if x.is_floating_point() else x)
        for out, again in zip(actual, results(sample.function(*floats)), strict=True):
            assert again.dtype == (tg.float32 if out.dtype == tg.float64 else out.dtype)


# ---- the table is complete -------------------------------------------------------------------------------------------


def test_every_op_has_a_sample_and_every_sample_an_op():
    assert set(SAMPLES) == set(registry)


@every_op
@seldom
@given(data=st.data())
def test_every_input_of_floating_point_has_a_rule(name, data):
    op, sample = registry[name], SAMPLES[name]
    arguments = drawn_arguments(data, sample)
    tensors = {p: x for p, x in zip(op.parameters, arguments, strict=False) if is_floating(x) or p == "tensors"}
    if op.differentiable:
        assert tensors, f"{name} is said to be differentiable, but its sample gives it nothing to differentiate by"
        assert set(tensors) <= set(op.rules)
    else:
        assert not op.rules
        for out in results(sample.function(*converted(arguments, recording))):
            assert not out.requires_grad
            assert not out.is_floating_point(), f"{name} could have a gradient: why is it not differentiable?"


def test_an_op_is_fused_if_a_rule_reads_what_its_forward_set_aside():
    for name, op in registry.items():
        assert op.fused == any("kept" in op.read_by(parameter) for parameter in op.rules), name


def test_every_fused_op_has_a_decomposition():
    assert all(op.decompose for op in registry.values() if op.fused)


# ---- ops are right -------------------------------------------------------------------------------------------------


@every_op
@half_as_often
@given(data=st.data())
def test_forward_agrees_with_numpy(name, data):
    check_forward(name, SAMPLES[name], drawn_arguments(data, SAMPLES[name]))


@every_differentiable_op
@given(data=st.data())
def test_gradient_agrees_with_differences_to_second_order(name, data):
    sample = SAMPLES[name]
    check_gradient(sample.function, *drawn_arguments(data, sample), name=name, **sample.options)


@every_differentiable_op
@pytest.mark.parametrize("order", [1, 2])
@seldom
@given(data=st.data())
def test_an_argument_changed_in_place_is_an_error_or_makes_no_difference(name, order, data):
    sample = SAMPLES[name]
    arguments = converted(drawn_arguments(data, sample), lambda x: recording(x.clone()))
    leaves = floating_leaves(arguments)
    outs = [out for out in results(sample.function(*arguments)) if out.requires_grad]
    cotangents = [tg.ones_like(out) for out in outs]
    if order == 2:
        slopes = grad(outs, leaves, cotangents, create_graph=True, materialize_grads=True)
        outs = [slope for slope in slopes if slope.requires_grad]
        if not outs:  # of what is linear
            return
        cotangents = [tg.ones_like(out) for out in outs]
    expected = grad(outs, leaves, cotangents, retain_graph=True, materialize_grads=True)
    with tg.no_grad():
        data.draw(st.sampled_from(leaves), label="changed").add_(1)
    try:
        found = grad(outs, leaves, cotangents, materialize_grads=True)
    except RuntimeError as error:
        if "modified by an inplace operation" not in str(error):
            raise
        return
    for gradient, before in zip(found, expected, strict=True):
        np.testing.assert_array_equal(gradient.numpy(), before.numpy())


@every_differentiable_op
@half_as_often
@given(data=st.data())
def test_second_derivatives_do_not_depend_on_which_other_arguments_need_a_gradient(name, data):
    sample = SAMPLES[name]
    drawn = drawn_arguments(data, sample)

    def second_derivative(i, convert):
        arguments = converted(drawn, convert)
        leaf = floating_leaves(arguments)[i].requires_grad_()
        outs = [out for out in results(sample.function(*arguments)) if out.requires_grad]
        squares = [out * out for out in outs]  # so that the second derivative of what is linear is not zero
        cotangents = [tg.ones_like(out) for out in outs]
        (slope,) = grad(squares, leaf, cotangents, create_graph=True, materialize_grads=True)
        if not slope.requires_grad:  # where the first derivative is zero
            return tg.zeros_like(leaf)
        return grad((slope * slope).sum(), leaf, materialize_grads=True)[0]

    for i in range(len(floating_leaves(drawn))):
        alone, among_others = second_derivative(i, lambda x: x.detach()), second_derivative(i, recording)
        np.testing.assert_allclose(alone.numpy(), among_others.numpy(), rtol=1e-10, atol=1e-10)


@every_differentiable_op
@seldom
@given(data=st.data())
def test_backward_leaves_gradients_that_share_no_memory(name, data):
    sample = SAMPLES[name]
    arguments = converted(drawn_arguments(data, sample), recording)
    leaves = floating_leaves(arguments)
    outs = [out for out in results(sample.function(*arguments)) if out.requires_grad]
    cotangents = [tg.ones_like(out) for out in outs]
    expected = grad(outs, leaves, cotangents, retain_graph=True, materialize_grads=True)
    tg.autograd.backward(outs, cotangents)
    memory = [t.detach().numpy() for t in (*leaves, *outs, *cotangents)]
    for leaf, gradient in zip(leaves, expected, strict=True):
        if leaf.grad is None:
            assert not gradient.numpy().any()
            continue
        np.testing.assert_array_equal(leaf.grad.numpy(), gradient.numpy())
        assert not any(np.shares_memory(leaf.grad.numpy(), other) for other in memory)
        memory.append(leaf.grad.numpy())


# ---- composites ------------------------------------------------------------------------------------------------------


@every_composite
@half_as_often
@given(data=st.data())
def test_composite_agrees_with_numpy(name, data):
    check_forward(name, COMPOSITES[name], drawn_arguments(data, COMPOSITES[name]))


@every_composite
@given(data=st.data())
def test_gradient_of_composite_agrees_with_differences_to_second_order(name, data):
    sample = COMPOSITES[name]
    check_gradient(sample.function, *drawn_arguments(data, sample), name=name, **sample.options)
