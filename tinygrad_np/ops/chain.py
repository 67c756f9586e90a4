r"""Ops one after the other as one op, whose forward and gradients are written from the rows of its links.

The call of an op costs a few microseconds beside the computation: for a tensor, a node, the node's turn in the sweep. A
chain pays them once. A training step of 8-16-16-2 units takes 0.88 of the time, one of 784-50-100-10 units 0.96.

For a layer, its activation and another layer there is written::

    >>> import tinygrad_np as tg
    >>> linear = tg.ops.linear_algebra.linear
    >>> network = chain((linear.op, tg.tanh.op, linear.op)).op
    >>> print(network.forward_text())
    def forward(x, weight0, bias0, weight2, bias2):
        x = linear(x, weight0, bias0)
        x = out1 = tanh(x)
        x = linear(x, weight2, bias2)
        return x, (out1,)
    >>> print(*network.gradient_lines(["weight0", "bias0", "weight2", "bias2"], str), sep="\n")
    of_weight2 = linear_weight(g, kept[0])
    of_bias2 = linear_bias(g)
    g = linear_input(g, weight2)
    g = tanh_input(g, kept[0])
    of_weight0 = linear_weight(g, x)
    of_bias0 = linear_bias(g)
    return [of_weight0, of_bias0, of_weight2, of_bias2]
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from tinygrad_np.ops.primitive import function_of
from tinygrad_np.ops.table import Op, Rule, on_change
from tinygrad_np.ops.written import execute

LONGEST = 32  # links; a sweep holds all gradients of a chain at once, and writing a long one takes long


@functools.lru_cache(maxsize=128)
def chain(links: tuple[Op, ...], recorded: bool = True) -> Callable[..., Any]:
    """The composition of ``links`` as a function of tensors.

    Args:
        links: ops, whose first argument is what the one before returns and whose others are tensors or None. They are
            not `fused`, and return no views.
        recorded: whether gradients may be wanted. If not, what a link returns is gone when the next has used it.

    Returns:
        A function of the first link's input, then the other arguments of every link.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([2.0], requires_grad=True)
        >>> chain((tg.matmul.op, tg.exp.op))(x, tg.tensor([[3.0]]))
        tensor([403.4288], grad_fn=<MatmulExpBackward0>)
    """
    if len(links) > LONGEST:
        return _chain_of_chains(links, recorded)
    return links[0].function if len(links) == 1 else function_of(Chain(links, recorded))  # type: ignore[no-any-return]


on_change.append(chain.cache_clear)


def _chain_of_chains(links: tuple[Op, ...], recorded: bool) -> Callable[..., Any]:
    parts = [links[start : start + LONGEST] for start in range(0, len(links), LONGEST)]
    calls = [(chain(part, recorded), sum(len(op.parameters) - 1 for op in part)) for part in parts]

    def call(x: Any, *operands: Any) -> Any:
        start = 0
        for function, count in calls:
            x = function(x, *operands[start : start + count])
            start += count
        return x

    return call


class Chain(Op):
    """The op that a chain is. It is no row of the table, for it has no rule of its own.

    Attributes:
        links: the ops, in order.
        recorded: whether gradients may be wanted.
        kept: the links, by number, whose result is kept for a rule to read. The last one's is the output.
    """

    def __init__(self, links: tuple[Op, ...], recorded: bool) -> None:
        self.links, self.recorded = links, recorded
        sources = [self._source(i, name)[0] for i, op in enumerate(links) for p in op.rules for name in op.read_by(p)]
        self.kept = [i for i in range(len(links) - 1) if recorded and f"out{i}" in sources]
        super().__init__("_".join(op.name for op in links), self._forward(), fused=recorded, differentiable=recorded)
        self.decompose = self._one_by_one

    def forward_text(self) -> str:
        """The source of its forward."""
        parameters = ", ".join(["x", *(name for i in range(len(self.links)) for name in self._operands(i))])
        lines = [f"def forward({parameters}):"]
        for i, op in enumerate(self.links):
            targets = f"x = out{i}" if i in self.kept else "x"
            lines.append(f"    {targets} = {op.name}({', '.join(['x', *self._operands(i)])})")
        kept = "".join([f"out{i}, " for i in self.kept])
        return "\n".join([*lines, f"    return x, ({kept.rstrip()})" if self.recorded else "    return x"])

    def _forward(self) -> Callable[..., Any]:
        file = f"{__file__}:{'_'.join(op.name for op in self.links)}"
        made = execute(self.forward_text(), file, {op.name: op.forward for op in self.links})
        forward: Callable[..., Any] = made["forward"]
        return forward

    def _one_by_one(self, x: Any, *operands: Any) -> Any:
        """The same by calls of the links."""
        remaining = iter(operands)
        for op in self.links:
            x = op.function(x, *[next(remaining) for _ in op.parameters[1:]])
        return x

    # ---- the text of its gradients ---------------------------------------------------------------------------------

    def gradient_lines(self, names: Sequence[str | None], saved: Callable[[str], str]) -> list[str]:
        lines = []
        missing = set(names) - {None}
        for i in reversed(range(len(self.links))):
            read = functools.partial(self._read, i, saved)
            first, *others = self.links[i].parameters
            for name, operand in zip(others, self._operands(i), strict=True):
                if operand in missing:
                    missing.remove(operand)
                    lines.append(f"of_{operand} = {self._rule_of(i, name, read)}")
            if not missing:
                break
            lines.append(f"g = {self._rule_of(i, first, read)}")
        gradients = ["g" if name == "x" else f"of_{name}" if name else "None" for name in names]
        return [*lines, f"return [{', '.join(gradients)}]"]

    def rules_by_name(self) -> dict[str, Rule]:
        return {f"{op.name}_{name}": rule for op in self.links for name, rule in op.rules.items()}

    def _rule_of(self, i: int, name: str, read: Callable[[str], str]) -> str:
        op = self.links[i]
        return op.rule_call(name, f"{op.name}_{name}", read)

    def _operands(self, i: int) -> list[str]:
        """What the parameters of link ``i`` are called in the chain, but for the first."""
        return [f"{name}{i}" for name in self.links[i].parameters[1:]]

    def _read(self, i: int, saved: Callable[[str], str], name: str) -> str:
        """The expression for what a rule of link ``i`` calls ``name``."""
        source, suffix = self._source(i, name)
        if source in self.values:
            return saved(source + suffix)
        return f"{saved('kept')}[{self.kept.index(int(source.removeprefix('out')))}]{suffix.replace('_', '.')}"

    def _source(self, i: int, name: str) -> tuple[str, str]:
        """What the chain calls the value that is ``name`` to a rule of link ``i``; and ``_shape``, if that is read."""
        op = self.links[i]
        whole, suffix = op.value_named(name)
        if whole == "out":
            source = "out" if i == len(self.links) - 1 else f"out{i}"
        elif whole == op.parameters[0]:
            source = f"out{i - 1}" if i else "x"
        else:
            source = f"{whole}{i}"
        return source, suffix
