"""How each op is tested: arguments to draw, and what NumPy says of them. test_registry.py holds the ops to it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import tinygrad_np as tg
from tests.ops import arguments as draw
from tests.ops import images
from tests.ops.arguments import BETWEEN_HALVES, DISTINCT, NEAR_HALVES, NOT_HALFWAY, NOT_INTEGER
from tinygrad_np.ops import (
    comparison,
    convolution,
    elementwise,
    indexing,
    linear_algebra,
    losses,
    normalization,
    pooling,
    reduction,
    shape,
)
from tinygrad_np.testing import (
    NONZERO,
    POSITIVE,
    REALS,
    Domain,
    broadcastable_tensors,
    contiguous,
    read_only,
    shapes,
    tensors,
)


@dataclass(frozen=True)
class Sample:
    """How an op is tested.

    Args:
        function: the op, called by position.
        arguments: draws its arguments as a tuple, or its only one. Where they are of floating point, the op must be
            smooth there.
        truth: the same function of NumPy arrays.
        options: how to check the gradient: of `check_gradient`.
    """

    function: Callable[..., Any]
    arguments: SearchStrategy[Any]
    truth: Callable[..., Any]
    options: dict[str, Any] = field(default_factory=dict)


# ---- what NumPy says -------------------------------------------------------------------------------------------------


def reduced(reduce):
    """A reduction of NumPy's, with PyTorch's dims: 0 and -1 also for 0-d arrays."""
    return lambda x, dim, keepdim: reduce(x, axis=dim if x.ndim else None, keepdims=keepdim)


def along(function):
    """A function along one dim, for 0-d arrays too."""
    return lambda x, dim: function(np.atleast_1d(x), dim).reshape(x.shape)


def count(x, dim):
    """How many elements are reduced to one."""
    return x.size if dim is None or x.ndim == 0 else math.prod(np.take(x.shape, dim, mode="wrap").ravel().tolist())


def mean(x, dim, keepdim):
    return reduced(np.sum)(x, dim, keepdim) / count(x, dim)


def variance(x, dim, correction, keepdim):
    squares = reduced(np.sum)((x - mean(x, dim, True)) ** 2, dim, keepdim)
    return squares / (count(x, dim) - correction)


def softmax(x, dim):
    return np.exp(x) / np.exp(x).sum(axis=dim, keepdims=True)


def squeezed(x, dim):
    dims = range(x.ndim) if dim is None else dim if isinstance(dim, tuple) else (dim,)
    return x.squeeze(tuple(d for d in {d % max(x.ndim, 1) for d in dims} if x.ndim and x.shape[d] == 1))


def expanded(x, sizes):
    new = len(sizes) - x.ndim
    return np.broadcast_to(x, [x.shape[i - new] if size == -1 else size for i, size in enumerate(sizes)])


def split(x, sizes, dim):
    return np.split(x, np.cumsum(sizes)[:-1], dim)


def gathered(x, dim, index):
    others = tuple(slice(None) if d == dim % x.ndim else slice(size) for d, size in enumerate(index.shape))
    return np.take_along_axis(x[others], index, dim) if x.ndim else x


def placed(values, index, size):
    out = np.zeros(size)
    np.add.at(out, index, values)
    return out


def scattered(put):
    def scatter(x, dim, index, src):
        out = np.array(x, ndmin=1)
        for place in np.ndindex(index.shape or (1,)):
            target = list(place)
            target[dim] = np.atleast_1d(index)[place]
            out[tuple(target)] = put(out[tuple(target)], np.atleast_1d(src)[place])
        return out.reshape(x.shape)

    return scatter


@functools.wraps(losses.cross_entropy_loss)
def cross_entropy_loss(input, target, share, spread, *options):
    """The op with its distributions given as numbers: they are no arguments to differentiate by."""
    share, spread = (None if numbers is None else np.array(numbers, input.dtype) for numbers in (share, spread))
    return losses.cross_entropy_loss(input, target, share, spread, *options)


def cross_entropy(input, target, share, spread, count, reduction):
    logs = np.log(softmax(input, 1))
    losses = -logs[np.arange(len(target)), target]
    if share is not None:
        losses = losses * share
    if spread is not None:
        losses = losses - (logs * spread).sum(1)
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / (count or max(len(losses), 1))}[reduction]


# ---- the table -----------------------------------------------------------------------------------------------------

MATRICES = shapes(min_ndim=2)
FULL = shapes(min_side=1)
PROBABILITIES = Domain(0.0625, 0.9375)
EXPONENTS = st.sampled_from([1.5, 2.0, 3.0])


def pairs(*domains: Domain) -> SearchStrategy[Any]:
    return broadcastable_tensors(*domains)


def reductions(domain: Domain = REALS, **options: Any) -> SearchStrategy[Any]:
    return draw.with_dim(domain, st.booleans(), several=True, **{"optional": True} | options)


def moments(domain: Domain = REALS) -> SearchStrategy[Any]:
    corrections = st.sampled_from([0, 1, 0.5])
    drawn = draw.with_dim(domain, corrections, st.booleans(), shape=FULL, several=True, optional=True)
    return drawn.filter(lambda arguments: count(arguments[0].numpy(), arguments[1]) > arguments[2])


_SAMPLES = [
    # elementwise
    Sample(elementwise.plus, pairs(), np.add),
    Sample(elementwise.minus, pairs(), np.subtract),
    Sample(elementwise.mul, pairs(), np.multiply),
    Sample(elementwise.true_divide, pairs(REALS, NONZERO), np.true_divide),
    Sample(elementwise.floor_divide, draw.quotients(), np.floor_divide),
    Sample(elementwise.remainder, draw.quotients(), np.remainder),
    Sample(elementwise.neg, tensors(), np.negative),
    Sample(elementwise.power, pairs(POSITIVE, REALS), np.power),
    Sample(elementwise.sqrt, tensors(POSITIVE), np.sqrt),
    Sample(elementwise.rsqrt, tensors(POSITIVE), lambda x: 1 / np.sqrt(x)),
    Sample(elementwise.reciprocal, tensors(NONZERO), np.reciprocal),
    Sample(elementwise.exp, tensors(), np.exp),
    Sample(elementwise.expm1, tensors(), np.expm1),
    Sample(elementwise.log, tensors(POSITIVE), np.log),
    Sample(elementwise.log1p, tensors(Domain(-0.75, 3)), np.log1p),
    Sample(elementwise.log2, tensors(POSITIVE), np.log2),
    Sample(elementwise.log10, tensors(POSITIVE), np.log10),
    Sample(elementwise.sin, tensors(), np.sin),
    Sample(elementwise.cos, tensors(), np.cos),
    Sample(elementwise.tanh, tensors(), np.tanh),
    Sample(elementwise.sigmoid, tensors(), lambda x: 1 / (1 + np.exp(-x))),
    Sample(elementwise.relu, tensors(NONZERO), lambda x: np.maximum(x, 0)),
    Sample(elementwise.abs, tensors(NONZERO), np.abs),
    Sample(elementwise.sign, tensors(NONZERO), np.sign),
    Sample(elementwise.floor, tensors(NOT_INTEGER), np.floor),
    Sample(elementwise.ceil, tensors(NOT_INTEGER), np.ceil),
    Sample(elementwise.trunc, tensors(NOT_INTEGER), np.trunc),
    Sample(elementwise.round, tensors(NOT_HALFWAY), np.round),
    Sample(elementwise.maximum, pairs(NEAR_HALVES, BETWEEN_HALVES), np.maximum),
    Sample(elementwise.minimum, pairs(NEAR_HALVES, BETWEEN_HALVES), np.minimum),
    Sample(elementwise.clamp, draw.LIMITS, np.clip),
    Sample(elementwise.select, draw.conditional(), np.where),
    Sample(elementwise.clone, tensors(), np.copy),
    Sample(elementwise._to, st.tuples(tensors(), st.just(np.float64)), lambda x, dtype: x.astype(dtype)),
    # comparison
    Sample(comparison.eq, draw.few_values(2), np.equal),
    Sample(comparison.ne, draw.few_values(2), np.not_equal),
    Sample(comparison.lt, draw.few_values(2), np.less),
    Sample(comparison.le, draw.few_values(2), np.less_equal),
    Sample(comparison.gt, draw.few_values(2), np.greater),
    Sample(comparison.ge, draw.few_values(2), np.greater_equal),
    Sample(comparison.isnan, draw.not_finite(), np.isnan),
    Sample(comparison.isinf, draw.not_finite(), np.isinf),
    Sample(comparison.isfinite, draw.not_finite(), np.isfinite),
    Sample(comparison.logical_and, draw.few_values(2), np.logical_and),
    Sample(comparison.logical_or, draw.few_values(2), np.logical_or),
    Sample(comparison.logical_xor, draw.few_values(2), np.logical_xor),
    Sample(comparison.logical_not, draw.few_values(), np.logical_not),
    Sample(comparison.bitwise_and, draw.few_values(2, np.int64), np.bitwise_and),
    Sample(comparison.bitwise_or, draw.few_values(2, np.int64), np.bitwise_or),
    Sample(comparison.bitwise_xor, draw.few_values(2, np.int64), np.bitwise_xor),
    Sample(comparison.bitwise_not, draw.few_values(1, np.int64), np.bitwise_not),
    # reduction
    Sample(reduction.sum, reductions(), reduced(np.sum)),
    Sample(reduction.mean, reductions(shape=FULL), mean),
    Sample(reduction.prod, reductions(), reduced(np.prod)),
    Sample(reduction.cumsum, draw.with_dim(), along(np.cumsum)),
    Sample(reduction.amax, reductions(DISTINCT, shape=FULL), reduced(np.max)),
    Sample(reduction.amin, reductions(DISTINCT, shape=FULL), reduced(np.min)),
    Sample(reduction.argmax, draw.with_dim(DISTINCT, shape=FULL), lambda x, dim: np.argmax(x, dim if x.ndim else None)),
    Sample(reduction.argmin, draw.with_dim(DISTINCT, shape=FULL), lambda x, dim: np.argmin(x, dim if x.ndim else None)),
    Sample(reduction._var, moments(), variance),
    Sample(reduction._std, moments(DISTINCT), lambda *arguments: np.sqrt(variance(*arguments))),
    Sample(
        reduction.logsumexp,
        reductions(shape=FULL, optional=False),
        lambda x, dim, keepdim: np.log(reduced(np.sum)(np.exp(x), dim, keepdim)),
    ),
    Sample(reduction.softmax, draw.with_dim(), along(softmax)),
    Sample(reduction.log_softmax, draw.with_dim(), along(lambda x, dim: np.log(softmax(x, dim)))),
    Sample(reduction.all, draw.few_values().map(lambda x: (*x, None, False)), reduced(np.all)),
    Sample(reduction.any, draw.few_values().map(lambda x: (*x, None, True)), reduced(np.any)),
    Sample(
        reduction._norm,
        draw.with_dim(NONZERO, EXPONENTS, st.booleans(), several=True, optional=True).map(
            lambda a: (a[0], a[2], a[1], a[3])
        ),
        lambda x, p, dim, keepdim: reduced(np.sum)(np.abs(x) ** p, dim, keepdim) ** (1 / p),
    ),
    # shape
    Sample(shape.reshape, draw.with_shape(), np.reshape),
    Sample(shape.view, draw.with_shape([contiguous, read_only]), np.reshape, {"layouts": [read_only]}),
    Sample(shape.squeeze, draw.with_dim(shape=shapes(max_side=2), several=True, optional=True), squeezed),
    Sample(shape.unsqueeze, draw.with_new_dim(), np.expand_dims),
    Sample(shape.permute, draw.permuted(), np.transpose),
    Sample(shape.transpose, draw.with_two_dims(), lambda x, a, b: np.swapaxes(x, a, b) if x.ndim else x),
    Sample(shape.expand, draw.expandable(), expanded),
    Sample(shape.repeat, draw.repeated(), np.tile),
    Sample(shape.cat, draw.joinable(), np.concatenate),
    Sample(shape.stack, draw.stackable(), np.stack),
    Sample(shape._split, draw.partable(), split),
    Sample(shape._unbind, draw.with_dim(shape=shapes(min_ndim=1)), lambda x, dim: list(np.moveaxis(x, dim, 0))),
    Sample(shape.flip, draw.with_dim(shape=shapes(min_ndim=1), several=True), np.flip),
    Sample(shape.roll, draw.rolled(), np.roll),
    Sample(shape.tril, st.tuples(tensors(shape=MATRICES), st.integers(-2, 2)), np.tril),
    Sample(shape.triu, st.tuples(tensors(shape=MATRICES), st.integers(-2, 2)), np.triu),
    # indexing
    Sample(indexing._slice, draw.indexed(draw.basic_indices), lambda x, index: x[index]),
    Sample(indexing.place, draw.placed(draw.basic_indices), placed),
    Sample(indexing._index, draw.indexed(draw.advanced_indices), lambda x, index: x[index]),
    Sample(indexing.place_add, draw.placed(draw.advanced_indices), placed),
    Sample(indexing.gather, draw.gathered(), gathered),
    Sample(indexing.scatter_add, draw.scattered(repeats=True), scattered(lambda old, new: old + new)),
    Sample(indexing.scatter, draw.scattered(repeats=False), scattered(lambda old, new: new)),
    Sample(indexing.index_select, draw.selected(), lambda x, dim, index: np.take(x, index.ravel(), dim)),
    Sample(indexing.masked_fill, draw.masked(), lambda x, mask, value: np.where(mask, value, x)),
    Sample(indexing.argsort, draw.with_dim(DISTINCT), along(np.argsort)),
    # linear algebra
    Sample(linear_algebra.matmul, draw.factors(), np.matmul),
    Sample(linear_algebra.linear, draw.affine(), lambda x, weight, bias: x @ weight.T + (0 if bias is None else bias)),
    # losses
    Sample(cross_entropy_loss, draw.classified(), cross_entropy),
    Sample(
        losses._binary_cross_entropy,
        pairs(PROBABILITIES, PROBABILITIES),
        lambda p, q: -q * np.log(p) - (1 - q) * np.log(1 - p),
    ),
    Sample(losses.logsigmoid, tensors(), lambda x: -np.log(1 + np.exp(-x))),
    # images
    Sample(convolution.convolution, images.convolved(), images.convolution),
    Sample(convolution.im2col, images.unfolded(), images.im2col),
    Sample(convolution.col2im, images.folded(), images.col2im),
    Sample(convolution.constant_pad, images.padded(), images.constant_pad),
    Sample(pooling.max_pool, images.pooled(), images.max_pool),
    Sample(pooling.max_pool_indices, images.pooled(), images.max_pool_indices),
    Sample(pooling.avg_pool, images.averaged(), images.avg_pool),
    Sample(normalization.batch_normalization, images.normalized(), images.batch_normalization),
]

SAMPLES: dict[str, Sample] = {sample.function.op.name: sample for sample in _SAMPLES}

# ---- composites whose gradients are worth a look of their own --------------------------------------------------------


def picked(*indices):
    """A tensor of shape (2, 3, 2) and one of these indices."""
    return st.tuples(tensors(shape=(2, 3, 2)), st.sampled_from(indices))


def extreme(value, index):
    """A NumPy reduction with the indices as well."""
    return lambda x, dim, keepdim: (reduced(value)(x, dim, keepdim), reduced(index)(x, dim, keepdim))


def one_dim(domain: Domain = REALS, *others: SearchStrategy[Any], **options: Any) -> SearchStrategy[Any]:
    return draw.with_dim(domain, *others, shape=shapes(min_ndim=1, min_side=1), **options)


def sorted_with_indices(x, dim):
    return np.sort(x, dim), np.argsort(x, dim)


def same_shape(*domains: Domain, **options: Any) -> SearchStrategy[Any]:
    shape = st.shared(shapes(min_side=1, **options), key="same shape")
    return st.tuples(*(tensors(domain, shape=shape) for domain in domains))


def binary_cross_entropy_with_logits(x, target):
    p = 1 / (1 + np.exp(-x))
    return np.mean(-3 * target * np.log(p) - (1 - target) * np.log(1 - p))


F = tg.nn.functional
VECTORS = same_shape(REALS, REALS, min_ndim=1, max_ndim=1)

COMPOSITES: dict[str, Sample] = {
    # arithmetic
    "add with alpha": Sample(lambda x, y: tg.add(x, y, alpha=-2), pairs(), lambda x, y: x - 2 * y),
    "sub with alpha": Sample(lambda x, y: tg.sub(x, y, alpha=3), pairs(), lambda x, y: x - 3 * y),
    "number - x": Sample(lambda x: 2 - x, tensors(), lambda x: 2 - x),
    "number / x": Sample(lambda x: 2 / x, tensors(NONZERO), lambda x: 2 / x),
    "x ** number": Sample(
        lambda x, exponent: x**exponent,
        st.tuples(tensors(NONZERO), st.sampled_from([-2, -1, 0, 1, 2, 3, 4])),
        lambda x, exponent: x ** float(exponent),
    ),
    "x ** fraction": Sample(
        lambda x, exponent: x**exponent,
        st.tuples(tensors(POSITIVE), st.sampled_from([-0.5, 0.5, 1.5])),
        lambda x, exponent: x**exponent,
    ),
    "x ** number at 0": Sample(
        lambda x, exponent: x**exponent,
        st.tuples(st.just(np.zeros((2, 1))).map(tg.from_numpy), st.sampled_from([0, 1, 2, 3])),
        lambda x, exponent: x**exponent,
    ),
    "number ** x": Sample(lambda x: 2**x, tensors(), lambda x: 2.0**x),
    "square": Sample(tg.square, tensors(), np.square),
    "x used thrice": Sample(lambda x: x * x.exp() + x, tensors(), lambda x: x * np.exp(x) + x),
    # reductions
    "max": Sample(tg.max, draw.with_dim(DISTINCT, st.booleans(), shape=FULL), extreme(np.max, np.argmax)),
    "min": Sample(tg.min, draw.with_dim(DISTINCT, st.booleans(), shape=FULL), extreme(np.min, np.argmin)),
    "max of all": Sample(tg.max, tensors(DISTINCT, shape=FULL), np.max),
    "prod with zeros": Sample(
        tg.prod,
        draw.with_dim(Domain(-1, 1, margin=0.5, distinct=True), st.booleans(), shape=shapes(min_side=1, max_size=4)),
        reduced(np.prod),
    ),
    "var": Sample(
        lambda x, dim, correction, keepdim: tg.var(x, dim, correction=correction, keepdim=keepdim), moments(), variance
    ),
    "std": Sample(tg.std, tensors(DISTINCT, shape=shapes(min_ndim=1, min_side=2)), lambda x: np.std(x, ddof=1)),
    "1-norm": Sample(lambda x: tg.norm(x, 1), tensors(NONZERO), lambda x: np.abs(x).sum()),
    "inf-norm": Sample(lambda x: tg.norm(x, math.inf), tensors(Domain(0.5, 3, distinct=True), shape=FULL), np.max),
    "norm": Sample(tg.norm, tensors(NONZERO, shape=FULL), lambda x: np.sqrt((x * x).sum())),
    "normalize": Sample(
        lambda x, dim: x / x.norm(dim=dim, keepdim=True),
        one_dim(NONZERO),
        lambda x, dim: x / np.linalg.norm(x, axis=dim, keepdims=True),
    ),
    # shape
    "flatten": Sample(
        lambda x: x.flatten(1), tensors(shape=shapes(min_ndim=2)), lambda x: x.reshape(len(x), math.prod(x.shape[1:]))
    ),
    "movedim": Sample(tg.movedim, draw.with_two_dims().filter(lambda a: a[0].ndim), np.moveaxis),
    "split": Sample(lambda x: x.split(2), tensors(shape=(5, 2)), lambda x: np.split(x, [2, 4])),
    "one part of a split": Sample(lambda x: x.split(2)[1], tensors(shape=(5, 2)), lambda x: x[2:4]),
    "chunk": Sample(lambda x: x.chunk(2, -1), tensors(shape=(2, 3)), lambda x: [x[:, :2], x[:, 2:]]),
    "unbind": Sample(
        lambda x: [a * b for a, b in zip(x, x.unbind(), strict=True)], tensors(shape=(3, 2)), lambda x: list(x * x)
    ),
    "broadcast_tensors": Sample(tg.broadcast_tensors, pairs(), np.broadcast_arrays),
    "tile": Sample(lambda x: x.tile(2, 3), tensors(shape=(2,)), lambda x: np.tile(x, (2, 3))),
    # indexing
    "getitem": Sample(
        lambda x, index: x[index],
        picked(
            0,
            -1,
            ...,
            None,
            slice(1, None),
            (slice(None), 1),
            (..., slice(None, None, 2)),
            (1, None, ..., -1),
            [1, 0, 1],
            (slice(None), [2, 0, 2]),
            (slice(None), [2, 0, 2], 1),
            ([0, 1], [2, 2], [1, 1]),
            (..., np.array([True, False])),
            np.arange(12).reshape(2, 3, 2) % 2 == 0,
            (slice(None), np.array([[0, 1], [0, 2]])),
        ),
        lambda x, index: x[index],
    ),
    "take_along_dim": Sample(
        lambda x: tg.take_along_dim(x, tg.tensor([[1], [0]]), 1),
        tensors(shape=(2, 2)),
        lambda x: x[[0, 1], [1, 0]][:, None],
    ),
    "masked_select": Sample(
        lambda x: tg.masked_select(x, tg.tensor([True, False, True])),
        tensors(shape=(2, 3)),
        lambda x: x[:, [0, 2]].ravel(),
    ),
    "sort": Sample(tg.sort, one_dim(DISTINCT), sorted_with_indices),
    "topk": Sample(lambda x: tg.topk(x, 2)[0], tensors(DISTINCT, shape=(2, 3)), lambda x: -np.sort(-x)[:, :2]),
    # linear algebra
    "dot": Sample(tg.dot, VECTORS, np.dot),
    "outer": Sample(tg.outer, VECTORS, np.outer),
    "mv": Sample(tg.mv, st.tuples(tensors(shape=(2, 3)), tensors(shape=(3,))), np.matmul),
    "gram matrix": Sample(lambda x: x.mT @ x, tensors(shape=(2, 2, 3)), lambda x: x.swapaxes(1, 2) @ x),
    "bilinear form": Sample(
        lambda x, a, y: ((x @ a) * y).sum(-1),
        st.tuples(tensors(shape=(2, 2)), tensors(shape=(2, 3)), tensors(shape=(2, 3))),
        lambda x, a, y: np.einsum("bi,ij,bj->b", x, a, y),
    ),
    # losses
    "mse_loss": Sample(F.mse_loss, same_shape(REALS, REALS), lambda x, y: np.mean((x - y) ** 2)),
    "l1_loss": Sample(F.l1_loss, same_shape(NEAR_HALVES, BETWEEN_HALVES), lambda x, y: np.mean(np.abs(x - y))),
    "nll_loss": Sample(
        lambda x: F.nll_loss(x, tg.tensor([2, 0]), reduction="none"),
        tensors(shape=(2, 3)),
        lambda x: -x[[0, 1], [2, 0]],
    ),
    "cross_entropy of probabilities": Sample(
        lambda x, q: F.cross_entropy(x, q, reduction="sum", label_smoothing=0.25),
        st.tuples(tensors(shape=(2, 3)), tensors(PROBABILITIES, shape=(2, 3))),
        lambda x, q: -((0.75 * q + 0.25 / 3) * np.log(softmax(x, 1))).sum(),
    ),
    "binary_cross_entropy": Sample(
        lambda x, q: F.binary_cross_entropy(x, q, q, reduction="sum"),
        same_shape(PROBABILITIES, PROBABILITIES),
        lambda p, q: (q * (-q * np.log(p) - (1 - q) * np.log(1 - p))).sum(),
    ),
    "binary_cross_entropy_with_logits": Sample(
        lambda x, q: F.binary_cross_entropy_with_logits(x, q, pos_weight=tg.tensor(3.0, dtype=x.dtype)),
        same_shape(REALS, PROBABILITIES),
        binary_cross_entropy_with_logits,
    ),
}
