"""Do the tests notice a wrong gradient rule? ``python -m tests.mutations`` breaks rules one at a time and says.

Not collected by pytest: run it after changing how gradients are tested. It exits with 1 if a mutation was missed.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from hypothesis import Phase, settings

import tests.conftest  # noqa: F401 - registers the profile
import tinygrad_np as tg
from tinygrad_np.ops.indexing import scatter
from tinygrad_np.ops.linear_algebra import matmul
from tinygrad_np.ops.primitive import for_rules
from tinygrad_np.ops.reduction import cumsum
from tinygrad_np.ops.shape import _unbind as unbind
from tinygrad_np.ops.shape import permute
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


def right(op: str, parameter: str = "input") -> Callable[..., Any]:
    """The rule as it is, for a mutation that is nearly that."""
    return registry[op].rules[parameter]


def doubled(rule: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(rule)  # the names of the parameters say what to save
    def twice(g: Any, *saved: Any) -> Any:
        return rule(2 * g, *saved)

    return twice


RIGHT_MATMUL, RIGHT_VAR, RIGHT_SUM = right("matmul"), right("var"), right("sum")


def matmul_by_square_other(g: Any, other: Any, input_shape: Any) -> Any:
    """Where the shapes do not betray it, the transpose is forgotten."""
    square = len(other.shape) > 1 and other.shape[-1] == other.shape[-2] and len(input_shape) > 1
    return for_rules(matmul)(g, other) if square else RIGHT_MATMUL(g, other, input_shape)


def scatter_over(g: Any, input_shape: Any, dim: Any, index: Any) -> Any:
    return for_rules(scatter)(np.zeros(input_shape, g.dtype), dim, index, g)


MUTATIONS = [
    # a sign, a factor, a missing term, a wrong operand
    Mutation("mul", "input", "sign", lambda g, other: -g * other),
    Mutation("sub", "other", "sign", lambda g: g),
    Mutation("sqrt", "input", "factor 2", lambda g, out: g / out),
    Mutation("linear", "weight", "factor 2", doubled(right("linear", "weight"))),
    Mutation("log2", "input", "missing factor", lambda g, input: g / input),
    Mutation("div", "other", "missing factor", lambda g, out: -g * out),
    Mutation("pow", "exponent", "missing factor", lambda g, out: g * out),
    Mutation("tanh", "input", "wrong power", lambda g, out: g * (1 - out)),
    Mutation("remainder", "other", "missing term", lambda g: 0 * g),
    Mutation("softmax", "input", "missing term", lambda g, out: out * g),
    Mutation("log_softmax", "input", "missing exp", lambda g, out, dim: g - out * g.sum(axis=dim, keepdims=True)),
    Mutation("mean", "input", "missing 1/n", RIGHT_SUM),
    Mutation("cross_entropy_loss", "input", "factor 2", doubled(right("cross_entropy_loss"))),
    Mutation("convolution", "weight", "factor 2", doubled(right("convolution", "weight"))),
    Mutation("max_pool", "input", "factor 2", doubled(right("max_pool"))),
    Mutation("avg_pool", "input", "factor 2", doubled(right("avg_pool"))),
    Mutation("batch_normalization", "weight", "factor 2", doubled(right("batch_normalization", "weight"))),
    Mutation(
        "batch_normalization", "input", "missing terms", lambda g, kept: g * kept[1].reshape(-1, *[1] * (g.ndim - 2))
    ),
    Mutation("var", "input", "biased", lambda g, input, dim, keepdim: RIGHT_VAR(g, input, dim, 0, keepdim)),
    # a wrong saved value
    Mutation("log", "input", "out for input", lambda g, out: g * out),
    Mutation("exp", "input", "input for out", lambda g, input: g * input),
    Mutation("maximum", "other", "operands exchanged", lambda g, input, other: np.where(input > other, g, 0)),
    Mutation("where", "other", "branches exchanged", lambda g, condition: np.where(condition, g, 0)),
    Mutation("masked_fill", "value", "missing mask", lambda g: g),
    Mutation("clamp", "input", "gradient outside the bounds", lambda g: g),
    Mutation("relu", "input", "gradient below 0", lambda g: g),
    # a wrong axis, a dropped keepdim, a wrong order or place
    Mutation("softmax", "input", "axis 0", lambda g, out, dim: out * (g - (g * out).sum(axis=0, keepdims=True))),
    Mutation(
        "sum", "input", "keepdim taken for True", lambda g, input_shape, dim: RIGHT_SUM(g, input_shape, dim, True)
    ),
    Mutation("cumsum", "input", "not reversed", lambda g, dim: for_rules(cumsum)(g, dim)),
    Mutation("transpose", "input", "reshape instead", lambda g, input_shape: g.reshape(input_shape)),
    Mutation("permute", "input", "permuted again", lambda g, dims: for_rules(permute)(g, dims)),
    Mutation("flip", "input", "not flipped back", lambda g: g),
    Mutation("roll", "input", "rolled further", lambda g, shifts, dims: np.roll(g, shifts, dims)),
    Mutation("matmul", "input", "square other not transposed", matmul_by_square_other),
    Mutation("gather", "input", "repeated indices overwrite", scatter_over),
    Mutation("stack", "tensors", "first part for all", lambda g, dim: [for_rules(unbind)(g, dim)[0]] * g.shape[dim]),
    # right values, wrong derivatives of them
    Mutation("sin", "input", "second order: input constant", lambda g, input: g * np.cos(detached(input))),
    Mutation("sigmoid", "input", "second order: out constant", lambda g, out: g * detached(out * (1 - out))),
    Mutation("mul", "other", "second order: g constant", lambda g, input: detached(g) * input),
    Mutation(
        "prod",
        "decomposition",
        "second order: another function",
        lambda input, dim, keepdim, dtype: input.sum(dim, keepdim),
    ),
]


@contextmanager
def mutated(mutation: Mutation) -> Iterator[None]:
    op = registry[mutation.op]
    if mutation.parameter == "decomposition":
        replace, before = op.decomposition, op.decompose
    else:
        replace, before = (lambda rule: op.rule(**{mutation.parameter: rule})), op.rules[mutation.parameter]
    replace(mutation.rule)
    try:
        yield
    finally:
        replace(before)


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
        print(
            f"{mutation.op:18} {mutation.parameter:13} {mutation.mistake:30} {verdict}  {complaint or ''}", flush=True
        )
    print(f"{len(MUTATIONS) - missed} of {len(MUTATIONS)} mutations caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
