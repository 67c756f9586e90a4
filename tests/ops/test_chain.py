"""Chains: ops composed of others give exactly what these give one after the other."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_np as tg
from tinygrad_np.autograd import gradcheck, gradgradcheck
from tinygrad_np.ops.chain import Chain, chain
from tinygrad_np.ops.linear_algebra import linear
from tinygrad_np.ops.table import registry

WIDTH = 3
LINKS = [linear.op, tg.tanh.op, tg.sigmoid.op, tg.relu.op, tg.matmul.op, tg.neg.op]


def numbers(seed, *shape, dtype=np.float64):
    return tg.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(dtype))


def operands_of(links, seed=0, dtype=np.float64):
    """For each link its arguments but the first."""
    seeds = itertools.count(seed + 1)
    shapes = {"linear": [(WIDTH, WIDTH), (WIDTH,)], "matmul": [(WIDTH, WIDTH)]}
    return [
        [numbers(next(seeds), *shape, dtype=dtype).requires_grad_() for shape in shapes.get(op.name, [])]
        for op in links
    ]


def one_by_one(links, x, operands):
    for op, others in zip(links, operands, strict=True):
        x = op.function(x, *others)
    return x


def same(a, b):
    return a is b is None or (a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a.detach(), b.detach()))


some_links = st.lists(st.sampled_from(LINKS), min_size=2, max_size=6)


@given(
    links=some_links,
    shape=st.sampled_from([(WIDTH,), (4, WIDTH), (1, WIDTH), (0, WIDTH), (2, 2, WIDTH)]),
    dtype=st.sampled_from([np.float32, np.float64]),
    data=st.data(),
)
def test_a_chain_gives_exactly_what_its_links_give(links, shape, dtype, data):
    x, operands = numbers(0, *shape, dtype=dtype), operands_of(links, dtype=dtype)
    leaves = [x, *itertools.chain(*operands)]
    needing = data.draw(st.lists(st.booleans(), min_size=len(leaves), max_size=len(leaves)).filter(any))
    for leaf, needs in zip(leaves, needing, strict=True):
        leaf.requires_grad_(needs)
    for others in operands:
        if len(others) == 2 and data.draw(st.booleans()):
            others[1] = None  # a layer without bias
    expected = one_by_one(links, x, operands)
    out = chain(tuple(links))(x, *itertools.chain(*operands))
    assert same(out, expected)
    assert out.requires_grad == expected.requires_grad
    if out.requires_grad:
        wanted = [leaf for leaf in leaves if leaf.requires_grad]
        some = wanted[:: data.draw(st.integers(1, 2))]
        rates = numbers(1, *out.shape, dtype=dtype)

        def gradients(result):
            found = tg.autograd.grad(result, some, rates, retain_graph=True, allow_unused=True)
            result.backward(rates)
            kept = [leaf.grad for leaf in leaves]
            for leaf in leaves:
                leaf.grad = None
            return [*found, *kept]

        for gradient, right in zip(gradients(out), gradients(expected), strict=True):
            assert same(gradient, right)


@given(links=some_links)
def test_its_gradients_to_the_second_order(links):
    links = [op for op in links if op.name != "relu"]  # it has a bend, where finite differences are wrong
    operands = operands_of(links)
    inputs = [numbers(0, 2, WIDTH).requires_grad_(), *itertools.chain(*operands)]
    if links:
        assert gradcheck(chain(tuple(links)), inputs)
        assert gradgradcheck(chain(tuple(links)), inputs)


def test_it_is_one_node_and_one_function_for_all_of_its_kind():
    links = (linear.op, tg.tanh.op)
    x, (operands, _) = numbers(0, 2, WIDTH), operands_of(links)
    out = chain(links)(x, *operands)
    assert chain(links) is chain(links)
    assert out.grad_fn.name() == "LinearTanhBackward0"
    assert [edge.name() for edge, _ in out.grad_fn.next_functions] == ["AccumulateGrad"] * 2
    assert chain((linear.op,)) is linear
    assert "linear_tanh" not in registry


def test_it_keeps_only_what_rules_read():
    layer, tanh, neg = linear.op, tg.tanh.op, tg.neg.op
    assert Chain((layer, tanh, layer, tanh, layer), recorded=True).kept == [1, 3]
    assert Chain((layer, neg, neg, layer), recorded=True).kept == [2]
    assert Chain((tanh, neg), recorded=True).kept == [0]
    assert Chain((tanh, neg), recorded=False).kept == []


def test_errors_are_those_of_the_link():
    x, weight = tg.ones(2, 4), tg.ones(3, 4, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 4x3\)"):
        chain((linear.op, tg.tanh.op, linear.op))(x, weight, None, weight, None)
    with pytest.raises(RuntimeError, match="linear: expected input and weight to have the same dtype"):
        chain((tg.tanh.op, linear.op))(x, weight.double(), None)


def test_what_it_saved_must_not_change_and_is_freed():
    function, (operands, _) = chain((linear.op, tg.tanh.op)), operands_of((linear.op, tg.tanh.op))
    out = function(numbers(0, 2, WIDTH), *operands).sum()
    out.backward(retain_graph=True)
    out.backward()
    with pytest.raises(RuntimeError, match="second time"):
        out.backward()
    out = function(numbers(0, 2, WIDTH).requires_grad_(), *operands)
    with tg.no_grad():
        operands[0].mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()
    out = function(numbers(0, 2, WIDTH), *operands)
    out.mul_(2)  # the last link's rule reads its result
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


def test_what_no_rule_reads_may_change():
    (weight, bias), _ = operands_of((linear.op, tg.tanh.op))
    x = numbers(0, 2, WIDTH)
    tg.tanh(linear(x, weight, bias)).sum().backward()
    expected, bias.grad = bias.grad, None
    out = chain((linear.op, tg.tanh.op))(x, weight, bias).sum()
    with tg.no_grad():
        bias.add_(1)
    out.backward(retain_graph=True)
    assert same(bias.grad, expected)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):  # the decomposition reads it
        out.backward(create_graph=True)


def test_a_new_rule_of_a_link_holds_in_the_chain():
    x, links = numbers(0, 2).requires_grad_(), (tg.neg.op, tg.neg.op)
    before = tg.neg.op.rules["input"]
    chain(links)(x).sum().backward()
    try:
        tg.neg.op.rule(input=lambda g, out: 10 * g + 0 * out)
        chain(links)(x).sum().backward()
    finally:
        tg.neg.op.rule(input=before)
    assert x.grad.tolist() == [101.0, 101.0]
