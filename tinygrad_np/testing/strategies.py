"""Hypothesis strategies: shapes, axes, and tensors with values from a domain, in every memory layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tinygrad_np.dtypes import DTypeLike, float64
from tinygrad_np.ops.primitive import wrap
from tinygrad_np.tensor import Tensor
from tinygrad_np.testing.domain import REALS, Domain
from tinygrad_np.testing.layouts import LAYOUTS, Layout, expanded

Shape: TypeAlias = tuple[int, ...]


@st.composite
def shapes(
    draw: DrawFn, /, *, min_ndim: int = 0, max_ndim: int = 3, min_side: int = 0, max_side: int = 4, max_size: int = 12
) -> Shape:
    """Draws the shape of a tensor, now and then an empty one.

    Args:
        draw: passed by Hypothesis.
        min_ndim: fewest dimensions.
        max_ndim: most dimensions.
        min_side: least size of a dimension; with 0, about every tenth shape is empty.
        max_side: greatest size of a dimension.
        max_size: most elements; what is checked against differences should have few.

    Example:
        >>> from hypothesis import given
        >>> @given(shapes(max_size=8))
        ... def test_ones(shape):
        ...     assert np.ones(shape).sum() <= 8
        >>> test_ones()
    """
    least = max(min_side, 1)
    dims = [ndim for ndim in (0, 1, 2, 3, 2, 3, *range(4, max_ndim + 1)) if min_ndim <= ndim <= max_ndim]
    ndim = draw(st.sampled_from([ndim for ndim in dims if least**ndim <= max_size]))
    sides: list[int] = []
    for left in range(ndim - 1, -1, -1):
        # Room for the dimensions to come: what is of size 1 in all but one dimension proves little.
        room = max(max_size // (math.prod(sides) * max(least, 2) ** left), least)
        likely = [side for side in (1, 2, 3, 2, 3, *range(4, max_side + 1)) if least <= side <= min(max_side, room)]
        sides.append(draw(st.sampled_from(likely)))
    if min_side == 0 and ndim and draw(st.integers(0, 9)) == 9:
        sides[draw(st.integers(0, ndim - 1))] = 0
    return tuple(sides)


@st.composite
def broadcastable_shapes(
    draw: DrawFn, /, count: int = 2, *, result: SearchStrategy[Shape] | None = None
) -> tuple[Shape, ...]:
    """Draws shapes that can be broadcast together: some lack leading dimensions, some have sizes of 1.

    Args:
        draw: passed by Hypothesis.
        count: how many shapes.
        result: draws the shape that they are taken from, which bounds the one they broadcast to.

    Example:
        >>> from hypothesis import given
        >>> @given(broadcastable_shapes(2))
        ... def test_add(shapes):
        ...     a, b = map(np.ones, shapes)
        ...     assert (a + b).shape == np.broadcast_shapes(*shapes)
        >>> test_add()
    """
    whole = draw(shapes() if result is None else result)
    # One choice for all shapes, as for the elements of a tensor: their digits, and their bits, are the shapes'.
    forms = draw(st.integers(0, len(_FORMS) ** count - 1))
    bits = draw(st.integers(0, 2 ** (count * len(whole)) - 1))
    drawn = []
    for _ in range(count):
        forms, form = divmod(forms, len(_FORMS))
        missing, stretched = _FORMS[form]
        bits, ones = divmod(bits, 2 ** len(whole))
        sides = [1 if stretched and ones >> i & 1 else side for i, side in enumerate(whole)]
        drawn.append(tuple(sides[missing:]))
    return tuple(drawn)


# How many leading dimensions a shape lacks, and whether some of its sizes are 1.
_FORMS = [(0, False), (0, False), (0, True), (0, True), (1, False), (1, True), (2, False)]


@st.composite
def tensors(
    draw: DrawFn,
    /,
    domain: Domain = REALS,
    *,
    shape: Shape | SearchStrategy[Shape] | None = None,
    dtype: DTypeLike = float64,
    layouts: Sequence[Layout] = LAYOUTS,
) -> Tensor:
    """Draws a tensor.

    Args:
        draw: passed by Hypothesis.
        domain: where the values are from.
        shape: a shape, or a strategy for it; by default `shapes`.
        dtype: of the tensor.
        layouts: how the values may lie in memory; by default `contiguous`, `transposed`, `strided`, `flipped`,
            `read_only` and `expanded` (but not the last where values are to be distinct).

    Example:
        >>> from hypothesis import given
        >>> @given(tensors(Domain(0.5, 2), shape=shapes(min_ndim=1)))
        ... def test_logarithm(x):
        ...     assert x.log().shape == x.shape
        >>> test_logarithm()
    """
    drawn = shape if isinstance(shape, tuple) else draw(shapes() if shape is None else shape)
    size = math.prod(drawn)
    # All elements are one choice of Hypothesis: of choices by the dozen it would make many that are alike.
    choices = draw(st.binary(min_size=size, max_size=size))
    elements = _chosen(_values(domain), choices, domain.distinct)
    if domain.distinct:
        layouts = [layout for layout in layouts if layout is not expanded]
    layout = draw(st.sampled_from(layouts))
    return wrap(layout(np.array(elements, dtype).reshape(drawn)))


_values = cache(Domain.values)


def _chosen(values: Sequence[float], choices: bytes, distinct: bool) -> list[float]:
    """A value for each byte: 0 chooses the first, the simplest; if they are to be distinct, the first that is left."""
    if distinct and len(choices) > len(values):
        raise ValueError(f"there are only {len(values)} distinct values, too few for {len(choices)} elements")
    left = list(values)
    return [left.pop(i) if distinct else left[i] for i in (byte * len(left) // 256 for byte in choices)]


@st.composite
def broadcastable_tensors(
    draw: DrawFn, /, *domains: Domain, result: SearchStrategy[Shape] | None = None, **options: Any
) -> tuple[Tensor, ...]:
    """Draws tensors whose shapes can be broadcast together, as several arguments of a `gradient_test`.

    Args:
        draw: passed by Hypothesis.
        *domains: where the values of each tensor are from; by default two of `REALS`.
        result: draws the shape that theirs are taken from.
        **options: ``dtype`` and ``layouts``, as for `tensors`.

    Example:
        >>> import tinygrad_np as tg
        >>> test_mul = tg.testing.gradient_test(tg.mul, broadcastable_tensors())
        >>> test_mul()
    """
    domains = domains or (REALS, REALS)
    drawn = draw(broadcastable_shapes(len(domains), result=result))
    return tuple(draw(tensors(domain, shape=shape, **options)) for domain, shape in zip(domains, drawn, strict=True))


@st.composite
def axes(draw: DrawFn, /, ndim: int, *, several: bool = False, optional: bool = False) -> int | tuple[int, ...] | None:
    """Draws a ``dim`` for a tensor of ``ndim`` dimensions, counted from the front or from the back.

    Args:
        draw: passed by Hypothesis.
        ndim: the number of dimensions; 0 counts as 1, as in PyTorch.
        several: draw also tuples of dims.
        optional: draw also None.

    Example:
        >>> from hypothesis import given
        >>> @given(axes(3, several=True))
        ... def test_sum(dim):
        ...     assert np.ones((2, 2, 2)).sum(dim).ndim < 3
        >>> test_sum()
    """
    dims = max(ndim, 1)
    form = draw(st.sampled_from(["one"] + ["tuple"] * several + ["none"] * optional))
    if form == "none":
        return None
    count = 1 if form == "one" else draw(st.integers(1, dims))
    chosen = draw(st.permutations(range(dims)))[:count]
    signed = tuple(dim - dims if draw(st.booleans()) else dim for dim in chosen)
    return signed[0] if form == "one" else signed
