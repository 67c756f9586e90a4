"""Strategies for the arguments of ops: each draws a tuple of them that fit together."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from tinygrad_np.ops.primitive import wrap
from tinygrad_np.testing import (
    LAYOUTS,
    NONZERO,
    REALS,
    Domain,
    axes,
    broadcastable_shapes,
    broadcastable_tensors,
    shapes,
    tensors,
)

# ---- domains -------------------------------------------------------------------------------------------------------

INTEGERS = tuple(range(-3, 4))
HALVES = tuple(np.arange(-3, 3.5, 0.5))
NOT_INTEGER = Domain(exclude=INTEGERS)
NOT_HALFWAY = Domain(exclude=tuple(np.arange(-2.5, 3)))
UNIT = Domain(-0.9375, 0.9375)
DISTINCT = Domain(distinct=True)
# Values of the one are never near values of the other: the first are near halves, the second near quarters between.
NEAR_HALVES = Domain(exclude=tuple(np.arange(-2.75, 3, 0.5)), margin=0.15)
BETWEEN_HALVES = Domain(exclude=HALVES, margin=0.15)

# ---- arguments that are not simply tensors of a domain ---------------------------------------------------------------


@st.composite
def integer_tensors(draw, low, high, shape=None, dtype=np.int64):
    """A tensor of integers from ``low`` up to and including ``high``."""
    drawn = shape if isinstance(shape, tuple) else draw(shapes() if shape is None else shape)
    size = math.prod(drawn)
    return wrap(np.array(draw(st.lists(st.integers(low, high), min_size=size, max_size=size)), dtype).reshape(drawn))


def booleans(shape=None):
    return integer_tensors(0, 1, shape, np.bool_)


@st.composite
def few_values(draw, count=1, dtype=np.float64):
    """Tensors whose elements are often equal, or zero."""
    drawn = draw(broadcastable_shapes(count))
    return tuple(draw(integer_tensors(-1, 1, shape, dtype)) for shape in drawn)


@st.composite
def not_finite(draw):
    values = draw(st.lists(st.sampled_from([0.0, 1.5, np.nan, np.inf, -np.inf]), min_size=4, max_size=4))
    return wrap(np.array(values).reshape(2, 2))


@st.composite
def quotients(draw):
    """A dividend and a divisor whose quotient is never near an integer."""
    whole, part = draw(broadcastable_shapes())
    quotient, divisor = draw(tensors(NOT_INTEGER, shape=whole)), draw(tensors(NONZERO, shape=part))
    return wrap(quotient.numpy() * divisor.numpy()), divisor


@st.composite
def conditional(draw):
    condition, input, other = draw(broadcastable_shapes(3))
    return draw(booleans(condition)), draw(tensors(shape=input)), draw(tensors(shape=other))


BELOW, ABOVE = Domain(-3, 0, HALVES, 0.15), Domain(0, 3, HALVES, 0.15)
LIMITS = st.one_of(
    broadcastable_tensors(NEAR_HALVES, BELOW, ABOVE),
    st.tuples(tensors(NEAR_HALVES), st.sampled_from([-1.25, None]), st.just(0.75)),
    st.tuples(tensors(NEAR_HALVES), st.just(-0.75), st.sampled_from([1.25, None])),
)

# ---- tensors with dimensions, sizes or indices of theirs -------------------------------------------------------------

FULL = shapes(min_side=1)


@st.composite
def with_dim(draw, domain=REALS, *others, shape=None, several=False, optional=False):
    """A tensor, a dim of it (or several, or None), and what ``others`` draw."""
    x = draw(tensors(domain, shape=shape))
    return x, draw(axes(x.ndim, several=several, optional=optional)), *map(draw, others)


@st.composite
def with_shape(draw, layouts=LAYOUTS):
    x = draw(tensors(layouts=layouts))
    size = x.numel()
    shape = draw(st.permutations(draw(st.sampled_from([x.shape, (size,), (*x.shape, 1), (1, size)]))))
    if size and shape and draw(st.booleans()):
        shape[draw(st.integers(0, len(shape) - 1))] = -1
    return x, tuple(shape)


@st.composite
def with_new_dim(draw):
    x = draw(tensors())
    return x, draw(axes(x.ndim + 1))


@st.composite
def permuted(draw):
    x = draw(tensors())
    dims = draw(st.permutations(range(x.ndim)))
    return x, tuple(d - x.ndim if draw(st.booleans()) else d for d in dims)


@st.composite
def with_two_dims(draw):
    x = draw(tensors())
    one = draw(axes(x.ndim))
    return x, one, draw(st.sampled_from([(one + 1) % max(x.ndim, 1), draw(axes(x.ndim))]))


@st.composite
def expandable(draw):
    whole = draw(shapes())
    (part,) = draw(broadcastable_shapes(1, result=st.just(whole)))
    new = len(whole) - len(part)
    kept = [i >= new and part[i - new] == side and draw(st.booleans()) for i, side in enumerate(whole)]
    return draw(tensors(shape=part)), tuple(-1 if keep else side for keep, side in zip(kept, whole, strict=True))


@st.composite
def repeated(draw):
    x = draw(tensors(shape=shapes(max_size=6)))
    return x, tuple(draw(st.lists(st.integers(0, 2), min_size=x.ndim, max_size=x.ndim + 1)))


@st.composite
def joinable(draw):
    """Tensors of sizes that differ along one dim, and that dim."""
    shape = draw(shapes(min_ndim=1, max_size=6))
    dim = draw(axes(len(shape)))
    sizes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    parts = [shape[: dim % len(shape)] + (size,) + shape[dim % len(shape) + 1 :] for size in sizes]
    return [draw(tensors(shape=part)) for part in parts], dim


@st.composite
def stackable(draw):
    shape = draw(shapes(max_ndim=2, max_size=6))
    return draw(st.lists(tensors(shape=shape), min_size=1, max_size=3)), draw(axes(len(shape) + 1))


@st.composite
def partable(draw):
    """A tensor, sizes of parts, and the dim along which to cut it so."""
    sizes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    rest = draw(shapes(max_ndim=2, max_size=3))
    dim = draw(axes(len(rest) + 1))
    before = dim % (len(rest) + 1)
    return draw(tensors(shape=(*rest[:before], sum(sizes), *rest[before:]))), sizes, dim


@st.composite
def rolled(draw):
    x, dim = draw(with_dim(shape=shapes(min_ndim=1), several=True, optional=True))
    shift = st.integers(-4, 4)
    shifts = tuple(draw(shift) for _ in dim) if isinstance(dim, tuple) else draw(shift)
    return x, shifts, dim


@st.composite
def basic_indices(draw, shape):
    """Integers, slices and None; the last dims may be left out, or stand as an ellipsis."""
    index = []
    for size in shape[: draw(st.integers(0, len(shape)))]:
        ends = st.one_of(st.none(), st.integers(-size - 1, size + 1))
        part = slice(draw(ends), draw(ends), draw(st.sampled_from([None, 2])))
        index.append(draw(st.sampled_from([draw(st.integers(-size, size - 1)), part])))
    if draw(st.booleans()):
        index.append(...)
    if draw(st.booleans()):
        index.insert(draw(st.integers(0, len(index))), None)
    return tuple(index)


@st.composite
def advanced_indices(draw, shape):
    """Integer arrays that repeat some indices, a mask perhaps, and full slices."""
    index = [slice(None)] * len(shape)
    dims = draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    picked = draw(st.sampled_from([(1,), (3,), (2, 2), (0,)]))
    for dim in dims:
        index[dim] = draw(integer_tensors(-shape[dim], shape[dim] - 1, picked)).numpy()
    if len(dims) == 1 and draw(st.booleans()):
        index[dim] = draw(booleans((shape[dim],))).numpy()
    return tuple(index)


@st.composite
def indexed(draw, indices):
    x = draw(tensors(shape=shapes(min_ndim=1, min_side=1)))
    return x, draw(indices(tuple(x.shape)))


@st.composite
def placed(draw, indices):
    size = draw(shapes(min_ndim=1, min_side=1))
    index = draw(indices(size))
    return draw(tensors(shape=np.empty(size)[index].shape)), index, size


@st.composite
def gathered(draw):
    """A tensor, a dim, and an index for `gather`: no larger than the tensor in the other dims."""
    x, dim = draw(with_dim(shape=FULL))
    if x.ndim == 0:
        return x, dim, draw(integer_tensors(0, 0, ()))
    sizes = [draw(st.integers(1, side)) for side in x.shape]
    sizes[dim] = draw(st.integers(0, 4))
    return x, dim, draw(integer_tensors(0, x.shape[dim] - 1, tuple(sizes)))


@st.composite
def scattered(draw, repeats):
    """A tensor, a dim, an index and a source, which may be larger than the index."""
    x, dim, index = draw(gathered())
    if not repeats and x.ndim:
        places = draw(tensors(DISTINCT, shape=tuple(x.shape))).numpy().argsort(dim)
        index = wrap(places[tuple(slice(size) for size in index.shape)])
    larger = tuple(size + draw(st.integers(0, 1)) for size in index.shape)
    return x, dim, index, draw(tensors(shape=larger))


@st.composite
def selected(draw):
    x, dim = draw(with_dim(shape=shapes(min_ndim=1, min_side=1)))
    return x, dim, draw(integer_tensors(0, x.shape[dim] - 1, draw(st.sampled_from([(), (1,), (3,), (0,)]))))


@st.composite
def masked(draw):
    input, mask = draw(broadcastable_shapes())
    return draw(tensors(shape=input)), draw(booleans(mask)), draw(tensors(shape=()))


@st.composite
def factors(draw):
    """Two operands of a matrix product: vectors, matrices, or batches of matrices that broadcast."""
    n, k, m = (draw(st.sampled_from([1, 2, 3, 2, 3, 0])) for _ in range(3))
    left, right = draw(broadcastable_shapes(result=shapes(max_ndim=2, min_side=1, max_side=2)))
    a = draw(st.sampled_from([(k,), (*left, n, k)]))
    b = draw(st.sampled_from([(k,), (*right, k, m)]))
    return draw(tensors(shape=a)), draw(tensors(shape=b))


@st.composite
def affine(draw):
    *batch, features = draw(shapes(min_ndim=1))
    outputs = draw(st.integers(0, 3))
    bias = draw(st.one_of(st.none(), tensors(shape=(outputs,))))
    return draw(tensors(shape=(*batch, features))), draw(tensors(shape=(outputs, features))), bias


@st.composite
def classified(draw):
    """Logits and class indices; how much is on the class and how much on all; what the mean divides by; reduction."""
    number, classes = draw(st.integers(0, 3)), draw(st.integers(1, 3))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=number, max_size=number))
    share = spread = count = None
    if draw(st.booleans()):
        share, count = (0.5, 2.0, 1.25)[:number], 1.5
        spread = draw(st.sampled_from([None, (0.25, 0.0, 0.5)[:classes]]))
    # The mean of no losses is NaN.
    reduction = draw(st.sampled_from(["none", "sum", "mean"] if number else ["none", "sum"]))
    return draw(tensors(shape=(number, classes))), wrap(np.array(labels, np.int64)), share, spread, count, reduction
