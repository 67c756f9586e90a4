"""The table of derivatives: a row for each op, and what its gradient rules need.

An op is a forward in NumPy with one gradient rule per differentiable input written under it::

    @primitive
    def mul(input, other):
        return np.multiply(input, other)

    mul.rule(input=lambda g, other: g * other, other=lambda g, input: g * input)

The parameter names of a rule say what it needs, and the graph keeps nothing else, but for the arguments of an op that
has a decomposition:

- ``g``, always first: the gradient of the output;
- ``out``: the output;
- the name of a parameter of the op: that argument;
- such a name with ``_shape`` behind it: only the argument's shape;
- ``kept``: what the forward of a `fused` op set aside.

A rule is plain NumPy. It runs on arrays, or on tensors when its own gradient is wanted: NumPy hands a call with tensors
back to the ops. It need not undo broadcasting or promotion: the sweep fits each gradient to the input it belongs to.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from tinygrad_np import dtypes
from tinygrad_np.graph import Gradient, modes, stack_trace, tick
from tinygrad_np.ops.errors import argument_error

if TYPE_CHECKING:
    Array: TypeAlias = Any
else:

    class Array:
        """The annotation of an op's tensors: NumPy arrays inside the forward, Tensors (or numbers) for the caller."""


Rule: TypeAlias = Callable[..., Any]
AllRules: TypeAlias = Callable[[Gradient, tuple[Any, ...]], list[Gradient | None]]
Promotion: TypeAlias = Literal["common", "fitting", "floating"] | None

registry: dict[str, Op] = {}
on_change: list[Callable[[], None]] = []  # called when a row gets other rules, by which something was written

NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim"}
REQUIRED = object()
_OPERANDS = (np.ndarray, np.generic, int, float)


class Op:
    """A row of the table.

    Attributes:
        name: the public name.
        forward: the op on arrays.
        rules: for each differentiable parameter its gradient rule.
        parameters: the names of the parameters, in order.
        tensors: the positions of those that are tensors: annotated ``Array``, or not at all.
        differentiable, promote, view, splits: see `primitive`.
        fused: whether the forward returns its result together with what the rules call ``kept``.
        decompose: the same function composed of other ops, where the rules hold for arrays only.
        function: the op as a function of tensors.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        *,
        promote: Promotion = None,
        differentiable: bool = True,
        view: bool = False,
        splits: bool = False,
        fused: bool = False,
    ) -> None:
        self.name = name
        self.forward = forward
        self.promote = promote
        self.differentiable = differentiable
        self.view = view
        self.splits = splits
        self.fused = fused
        self.rules: dict[str, Rule] = {}
        self.decompose: Callable[..., Any] | None = None
        self.function: Any = None
        self.plans: dict[tuple[bool, ...], Plan] = {}
        parameters = inspect.signature(forward).parameters.values()
        self.parameters = tuple(p.name for p in parameters)
        self.tensors = tuple(i for i, p in enumerate(parameters) if p.annotation in ("Array", Array, p.empty))
        self.defaults = tuple(REQUIRED if p.default is p.empty else p.default for p in parameters)
        self.required = self.defaults.count(REQUIRED)

    def rule(self, **rules: Rule) -> None:
        """Set the gradient rules of these parameters."""
        for parameter in rules:
            if parameter not in self.parameters:
                raise ValueError(f"{self.name} has no parameter {parameter!r} to give a rule for")
        self.rules.update(rules)
        self._forget_plans()

    def decomposition(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Make ``function`` (of tensors, same parameters) stand for this op where gradients are differentiated."""
        self.decompose = function
        self._forget_plans()
        return function

    def enter(self) -> None:
        """Become a row of the table."""
        if self.name in registry:
            raise ValueError(f"there is an op named {self.name!r} already")
        registry[self.name] = self

    def _forget_plans(self) -> None:
        self.plans.clear()
        for forget in on_change:
            forget()

    def plan(self, needed: tuple[bool, ...]) -> Plan:
        """What to keep, and which rules to run, given for each of its tensors whether it needs a gradient.

        Called where ``plans`` does not know it yet. A sequence of tensors counts as one.
        """
        plan = self.plans[needed] = Plan(self, tuple(compress(self.tensors or (0,), needed)))
        return plan

    # ---- the text of its gradients ---------------------------------------------------------------------------------

    @property
    def values(self) -> tuple[str, ...]:
        """The names of what a node may save."""
        return (*self.parameters, "out", "kept")

    def gradient_lines(self, names: Sequence[str | None], saved: Callable[[str], str]) -> list[str]:
        """The lines of a function of ``g`` that returns a list of the gradients of these parameters.

        Args:
            names: the parameters; for each that is None, the list has None.
            saved: gives the expression for a value that was saved.
        """
        calls = ["None" if name is None else self.rule_call(name, name, saved) for name in names]
        return [f"return [{', '.join(calls)}]"]

    def rule_call(self, parameter: str, function: str, saved: Callable[[str], str]) -> str:
        """The call of a parameter's rule, which is called ``function`` there."""
        return f"{function}({', '.join(['g', *map(saved, self.read_by(parameter))])})"

    def rules_by_name(self) -> dict[str, Rule]:
        """The rules, by the names that they have in these lines."""
        return dict(self.rules)

    def read_by(self, parameter: str) -> list[str]:
        """The names of what the rule of a parameter reads."""
        if parameter not in self.rules:
            raise RuntimeError(f"{self.name}: not differentiable with respect to '{parameter}'")
        first, *wanted = inspect.signature(self.rules[parameter]).parameters
        if first != "g":
            raise ValueError(f"{self.name}: the first parameter of a rule must be g, not {first}")
        for name in wanted:
            if self.value_named(name)[0] not in self.values:
                raise ValueError(f"{self.name}: the rule of '{parameter}' asks for '{name}', which is not there")
            if parameter == "tensors" and name in ("tensors", "out"):
                raise ValueError(f"{self.name}: the rule of 'tensors' asks for '{name}', but may read shapes only")
        return wanted

    def value_named(self, name: str) -> tuple[str, str]:
        """The value that a rule's parameter of this name stands for, and ``"_shape"`` if only its shape is read."""
        whole = name if name in self.values else name.removesuffix("_shape")
        return whole, name.removeprefix(whole)

    # ---- its calls -------------------------------------------------------------------------------------------------

    def bind(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Sequence[Any]:
        """The arguments of a call, in the order of the parameters; NumPy's names for them are understood."""
        if not kwargs and self.required <= len(args) <= len(self.parameters):
            return (*args, *self.defaults[len(args) :])
        if len(args) > len(self.parameters):
            raise TypeError(f"{self.name}() takes {len(self.parameters)} arguments but {len(args)} were given")
        bound = [*args, *self.defaults[len(args) :]]
        for name, value in kwargs.items():
            parameter = name if name in self.parameters else NUMPY_NAMES.get(name)
            if parameter not in self.parameters:
                raise TypeError(f"{self.name}() got an unexpected keyword argument '{name}'")
            position = self.parameters.index(parameter)
            if position < len(args) or (parameter != name and parameter in kwargs):
                raise TypeError(f"{self.name}() got multiple values for argument '{name}'")
            bound[position] = value
        for name, value in zip(self.parameters, bound, strict=True):
            if value is REQUIRED:
                raise TypeError(f"{self.name}() missing required argument '{name}'")
        return bound

    def bind_by_name(self, values: Sequence[Any], others: dict[str, Any]) -> Sequence[Any]:
        """The same, of a call that gave ``values`` by the parameters' names or by position, and ``others``."""
        given = zip(self.parameters, values, self.defaults, strict=True)
        return self.bind((), {name: value for name, value, default in given if value is not default} | others)

    def promoted(self, operands: Sequence[Any], names: Sequence[str]) -> list[Any]:
        """The operands as arrays of one dtype, by PyTorch's rules of promotion."""
        present = {operand.dtype if isinstance(operand, np.ndarray) else None for operand in operands}
        if len(present) == 1 and None not in present and self.promote != "floating":
            return list(operands)  # as they are: joining a hundred takes 0.8 of the time
        for operand, name in zip(operands, names, strict=True):
            if not isinstance(operand, _OPERANDS):
                raise argument_error(self.name, name, operand, "Tensor or number")
        present.discard(None)
        dtype = present.pop() if len(present) == 1 else None
        if dtype is None or dtype.kind != "f":  # else the rules can be skipped: numbers do not widen a float
            dtype = dtypes.result_type(*operands)
        if self.promote == "floating" and dtype.kind != "f":
            dtype = dtypes.get_default_dtype()
        if self.promote == "fitting":
            fitted = dtypes.fitted_by_way_of_single
            return [_cast(a, dtype) if isinstance(a, np.ndarray) else fitted(a, dtype) for a in operands]
        return [_cast(a, dtype) for a in operands]

    def __repr__(self) -> str:
        return f"<op {self.name}>"


class Plan:
    """What a node of an op does, given which inputs need a gradient: worked out once, shared by all such nodes.

    Attributes:
        op: the op.
        gradients: a function of ``(g, saved)`` that gives a list of the gradients of those inputs.
        record: fills in a new node, given the nodes of the op's tensors, the output, the values of the call (arguments,
            output, ``kept``), and the change counters of the op's tensors and its output. It picks what the node needs.
        counter_places: for each thing kept, which of the counters kept is its, or None.
        watched_for_rules: how many of the counters kept, from the first, belong to what rules read; a decomposition
            reads all.
        sources: for each thing kept, which value it is.
        arguments: where among what was kept the arguments of the call are, for an op with a decomposition.
        holds_arrays: whether arrays are among what is kept. A node that keeps none may be swept any number of times.
        needed: the positions of the inputs that need a gradient.
    """

    __slots__ = (
        "_kept",
        "_partial",
        "arguments",
        "counter_places",
        "gradients",
        "holds_arrays",
        "needed",
        "op",
        "record",
        "sources",
        "watched_for_rules",
    )

    def __init__(self, op: Op, needed: tuple[int, ...]) -> None:
        self.op = op
        self.needed = needed
        self._kept: list[tuple[int, bool]] = []
        self._partial: dict[tuple[bool, ...], AllRules] = {}
        names = op.values
        self.gradients = self._written(needed)
        read_by_rules = len(self._kept)
        if op.decompose is not None:
            for name in op.parameters:
                self._saved(name)
            self.arguments = tuple([self._kept.index((i, False)) for i in range(len(op.parameters))])
        self.sources = tuple(position for position, _ in self._kept)
        watched = (*op.tensors, names.index("out"))
        counters = [
            None if shape_only or position not in watched else watched.index(position)
            for position, shape_only in self._kept
        ]
        kept = [counter for counter in counters if counter is not None]
        self.record = self._recorder(kept)
        places = iter(range(len(kept)))
        self.counter_places = tuple([None if counter is None else next(places) for counter in counters])
        self.watched_for_rules = sum(counter is not None for counter in counters[:read_by_rules])
        whole = [position for position, shape_only in self._kept if not shape_only]
        self.holds_arrays = any(names[position] == "kept" or position in watched for position in whole)

    def gradients_of(self, chosen: tuple[bool, ...]) -> AllRules:
        """Like ``gradients``, but with None for the inputs that are not ``chosen``."""
        gradients = self._partial.get(chosen)
        if gradients is None:
            some = [i if chooses else None for i, chooses in zip(self.needed, chosen, strict=True)]
            gradients = self._partial[chosen] = self._written(some)
        return gradients

    def _written(self, positions: Sequence[int | None]) -> AllRules:
        """A function for the gradients of the inputs at these positions, and None for each that is None.

        Written out, a call of a rule takes one function call instead of two or three.
        """
        names = [None if i is None else self.op.parameters[i] for i in positions]
        text = "\n    ".join(["def gradients(g, saved):", *self.op.gradient_lines(names, self._saved)])
        namespace = self.op.rules_by_name()
        exec(text, namespace)
        gradients: AllRules = namespace["gradients"]
        return gradients

    def _recorder(self, counters: Sequence[int]) -> Callable[..., None]:
        """The function that fills in a node, which keeps these of the counters."""
        tensors = self.op.tensors
        edges = [tensors.index(i) for i in self.needed if i in tensors]
        text = f"""def record(node, nodes, out, values, counters):
            node.edges = {_picked("nodes", [(i, False) for i in edges])}
            node.shape = out.shape
            node.dtype = out.dtype
            node.time = tick()
            node.hooks = None
            node.trace = stack_trace() if modes.anomaly else None
            node.plan = plan
            node.saved = {_picked("values", self._kept)}
            node.counters = {_picked("counters", [(i, False) for i in counters])}"""
        namespace = {"plan": self, "shape": _shape, "tick": tick, "modes": modes, "stack_trace": stack_trace}
        exec(compile(text, __file__, "exec"), namespace)  # of this file, so that traces leave it out
        record: Callable[..., None] = namespace["record"]  # type: ignore[assignment]
        return record

    def _saved(self, name: str) -> str:
        """The expression for the value of this name among what is saved, or for its shape."""
        whole, suffix = self.op.value_named(name)
        read = self.op.values.index(whole), suffix == "_shape"
        if read not in self._kept:
            self._kept.append(read)
        return f"saved[{self._kept.index(read)}]"


def _picked(sequence: str, reads: list[tuple[int, bool]]) -> str:
    """The expression for a tuple of these values, or of their shapes, out of a sequence."""
    values = [f"shape({sequence}[{i}]), " if shape_only else f"{sequence}[{i}], " for i, shape_only in reads]
    return f"({''.join(values)})"


def _shape(value: Any) -> Any:
    if value.__class__ is np.ndarray:  # nearly always, and np.shape takes several times as long
        return value.shape
    return [v.shape for v in value] if isinstance(value, tuple) else np.shape(value)


def _cast(operand: Any, dtype: dtypes.DType) -> Any:
    if operand.__class__ is not np.ndarray:
        # By way of an array a Python integer wraps around in a narrow dtype, as in PyTorch; NumPy would refuse it.
        operand = np.array(operand)
    return operand if operand.dtype is dtype else operand.astype(dtype)
