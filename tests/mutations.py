"""Do the tests notice a wrong gradient rule? ``python -m tests.mutations`` breaks rules one at a time and says.

Not collected by pytest: run it after changing how gradients are tested. It exits with 1 if a mutation was missed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from hypothesis import Phase, settings

import tests.conftest  # noqa: F401 - registers the profile
import tinygrad_np as tg
from tinygrad_np.ops.elementwise import keep
from tinygrad_np.ops.indexing import scatter
from tinygrad_np.ops.linear_algebra import matmul
from tinygrad_np.ops.primitive import dual
from tinygrad_np.ops.reduction import cumsum
from tinygrad_np.ops.table import registry

# Set before the tests are imported, whose decorators read it: a failure need not be shrunk.
settings.register_profile("mutations", settings.get_profile("everyday"), phases=[Phase.generate])
settings.load_profile("mutations")

from tests.ops import test_registry as suite  # noqa: E402


class Mutation(NamedTuple):
    op: str
    parameter: str
    mistake: str
    rule: Callable[..., Any]


def detached(x: Any) -> Any:
    return x.detach() if isinstance(x, tg.Tensor) else x


def spread_over(sizes: Any, g: Any) -> Any:
    return np.broadcast_to(g, sizes)


def sum_as_if_kept(g: Any, input_shape: Any, dim: Any) -> Any:
    return np.broadcast_to(g, input_shape)


def variance_over_n(g: Any, input: Any, dim: Any, keepdim: Any) -> Any:
    """The gradient of the biased variance, whatever the correction."""
    axis = dim if input.shape else None
    count = input.sum(axis=axis, keepdims=True).size if isinstance(input, np.ndarray) else 1
    centred = input - input.sum(axis=axis, keepdims=True) / count
    return g * centred * 2 / count


MUTATIONS = [
    Mutation("mul", "input", "sign", lambda g, other: -g * other),
    Mutation("sub", "other", "sign", lambda g: g),
    Mutation("div", "other", "missing factor", lambda g, out: -g * out),
    Mutation("sqrt", "input", "factor", lambda g, out: g / out),
    Mutation("log2", "input", "missing factor", lambda g, input: g / input),
    Mutation("log", "input", "wrong saved value", lambda g, out: g / out),
    Mutation("exp", "input", "wrong saved value", lambda g, input: g * input),
    Mutation("tanh", "input", "wrong power", lambda g, out: g * (1 - out)),
    Mutation("pow", "exponent", "missing factor", lambda g, out: g * out),
    Mutation("maximum", "other", "wrong operand", lambda g, input, other: np.where(input > other, g, 0)),
    Mutation("clamp", "input", "gradient outside the bounds", lambda g: g),
    Mutation("relu", "input", "gradient below 0", lambda g: g),
    Mutation("remainder", "other", "missing term", lambda g: 0 * g),
    Mutation("sin", "input", "right value, wrong second order", lambda g, input: g * np.cos(detached(input))),
    Mutation("sigmoid", "input", "right value, wrong second order", lambda g, out: g * detached(out * (1 - out))),
    Mutation("mul", "other", "right value, no gradient of g", lambda g, input: detached(g) * input),
    Mutation("sum", "input", "dropped keepdim", sum_as_if_kept),
    Mutation("mean", "input", "missing 1/n", registry["sum"].rules["input"]),
    Mutation("softmax", "input", "missing term", lambda g, out: out * g),
    Mutation("softmax", "input", "wrong axis", lambda g, out, dim: out * (g - (g * out).sum(axis=0, keepdims=True))),
    Mutation(
        "log_softmax", "input", "missing exponential", lambda g, out, dim: g - out * g.sum(axis=dim, keepdims=True)
    ),
    Mutation("cumsum", "input", "not reversed", lambda g, dim: dual(cumsum)(g, dim)),
    Mutation("transpose", "input", "reshape instead of transpose", lambda g, input_shape: g.reshape(input_shape)),
    Mutation("flip", "input", "not flipped back", lambda g: g),
    Mutation("roll", "input", "wrong direction", lambda g, shifts, dims: np.roll(g, shifts, dims)),
    Mutation(
        "cat", "tensors", "parts in reverse", lambda g, tensors_shape: [g.sum() + np.zeros(s) for s in tensors_shape]
    ),
    Mutation(
        "gather",
        "input",
        "repeated indices overwrite each other",
        lambda g, input_shape, dim, index: dual(scatter)(np.zeros(input_shape, g.dtype), dim, index, g),
    ),
    Mutation("matmul", "input", "not transposed", lambda g, other: dual(matmul)(g, other)),
    Mutation("linear", "bias", "factor", lambda g: 2 * g),
    Mutation("where", "other", "wrong branch", lambda g, condition: np.where(condition, g, 0)),
    Mutation("masked_fill", "value", "missing mask", lambda g: g),
]


@contextmanager
def mutated(mutation: Mutation) -> Iterator[None]:
    op = registry[mutation.op]
    right = op.rules[mutation.parameter]
    op.rule(**{mutation.parameter: mutation.rule})
    try:
        yield
    finally:
        op.rule(**{mutation.parameter: right})


def first_complaint(op: str) -> str | None:
    """What the tests of an op say, or None if all pass."""
    try:
        suite.test_gradient_agrees_with_differences_to_second_order(op)
        suite.test_backward_leaves_gradients_that_share_no_memory(op)
    except Exception as error:
        return str(error).splitlines()[0]
    return None


def main() -> int:
    missed = 0
    for mutation in MUTATIONS:
        with mutated(mutation):
            complaint = first_complaint(mutation.op)
        missed += complaint is None
        verdict = "MISSED" if complaint is None else "caught"
        print(f"{mutation.op:12} {mutation.parameter:9} {mutation.mistake:40} {verdict}  {complaint or ''}", flush=True)
    print(f"{len(MUTATIONS) - missed} of {len(MUTATIONS)} mutations caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
