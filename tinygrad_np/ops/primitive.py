"""Ops as functions of tensors: the decorators that enter them into the table, how a call runs and what it records."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar, overload

import numpy as np

from tinygrad_np import dtypes
from tinygrad_np.graph import (
    Gradient,
    Joint,
    Node,
    Part,
    Parts,
    freed_error,
    modes,
    stale_error,
    sweep,
)
from tinygrad_np.ops import table
from tinygrad_np.ops.errors import argument_error, explain
from tinygrad_np.ops.table import NUMPY_NAMES, AllRules, Array, Op, Plan, Promotion, Rule
from tinygrad_np.ops.written import TAKEN, execute, written

if TYPE_CHECKING:
    from tinygrad_np.tensor import Tensor as Tensor

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")

# Of each tensor, shared by its views: when it was last changed in place (on the graph's clock), how often, and whether
# there are views. A constant never changes.
Counter: TypeAlias = list[Any]
_CONSTANT: Counter = [0, 0, False]


def tie(tensor_class: type[Tensor]) -> None:
    """Tell the ops what class their results have: called once, where that class is defined."""
    global Tensor
    Tensor = tensor_class  # type: ignore[misc]


def wrap(array: np.ndarray[Any, Any]) -> Tensor:
    """A tensor of ``array``, with which it shares memory, outside any graph."""
    return Tensor._wrap(array)


def for_rules(op: Callable[P, Any]) -> Callable[P, Any]:
    """An op as rules use it: on arrays its bare forward, on tensors (when the rule is itself recorded) the op."""
    forward = op.op.forward  # type: ignore[attr-defined]

    def call(*args: P.args, **kwargs: P.kwargs) -> Any:
        for argument in args:
            if isinstance(argument, Tensor):
                return op(*args, **kwargs)
        return forward(*args, **kwargs)

    return call


def numpy_names(function: Callable[P, R]) -> Callable[..., R]:
    """Let a function of ``dim`` and ``keepdim`` understand NumPy's names for them, ``axis`` and ``keepdims``, too.

    Primitives do so by themselves.

    Example:
        >>> @numpy_names
        ... def length(shape, dim):
        ...     return shape[dim]
        >>> length((2, 3), axis=1)
        3
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> R:
        for alias in NUMPY_NAMES.keys() & kwargs.keys():
            if NUMPY_NAMES[alias] in kwargs:
                raise TypeError(f"{function.__name__}() got both '{NUMPY_NAMES[alias]}' and '{alias}'")
            kwargs[NUMPY_NAMES[alias]] = kwargs.pop(alias)
        return function(*args, **kwargs)

    return call


class Primitive(Protocol[P]):
    """What the decorators make of a forward: a function of tensors that carries its row of the table."""

    __name__: str
    op: Op

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Tensor: ...

    def rule(self, **rules: Rule) -> None: ...

    def decomposition(self, function: Callable[..., Any]) -> Callable[..., Any]: ...

    # Functions bind when looked up on an instance: that is how ops serve as the methods of Tensor.
    @overload
    def __get__(self, instance: None, owner: type) -> Primitive[P]: ...
    @overload
    def __get__(self: Primitive[Concatenate[Any, Q]], instance: object, owner: type) -> Callable[Q, Tensor]: ...


@overload
def primitive(forward: Callable[P, Any]) -> Primitive[P]: ...
@overload
def primitive(
    *,
    name: str | None = None,
    promote: Promotion = None,
    differentiable: bool = True,
    view: bool = False,
    splits: bool = False,
) -> Callable[[Callable[P, Any]], Primitive[P]]: ...
def primitive(
    forward: Callable[P, Any] | None = None,
    *,
    name: str | None = None,
    promote: Promotion = None,
    differentiable: bool = True,
    view: bool = False,
    splits: bool = False,
) -> Any:
    """Enter a forward into the table, and make a function of tensors of it.

    Args:
        forward: the op on NumPy arrays. A first parameter called ``tensors`` takes a sequence of tensors, and its rule
            gives a list of gradients.
        name: the op's public name, where the forward's own differs.
        promote: ``"common"`` brings the differentiable arguments to their common dtype (PyTorch's rules) before the
            forward, where a number that is too large for integers wraps around; in ``"fitting"`` that is an error;
            ``"floating"`` turns integers into the default floating-point dtype.
        differentiable: False for an op whose result never needs a gradient (a comparison, argmax).
        view: whether the result may share the memory of the first argument.
        splits: whether the result is a tuple of tensors; ``g`` is then a list of as many gradients.

    Example:
        >>> import tinygrad_np as tg
        >>> @primitive(promote="floating")
        ... def cube(input):
        ...     return input**3
        >>> cube.rule(input=lambda g, input: 3 * g * input**2)
        >>> x = tg.tensor(2.0, requires_grad=True)
        >>> cube(x).backward()
        >>> x.grad
        tensor(12.)
        >>> from tinygrad_np.ops.table import registry
        >>> _ = registry.pop("cube")
    """

    def enter(forward: Callable[P, Any]) -> Any:
        op = Op(
            name or forward.__name__,
            forward,
            promote=promote,
            differentiable=differentiable,
            view=view or splits,
            splits=splits,
        )
        op.enter()
        return function_of(op)

    return enter if forward is None else enter(forward)


def fused(forward: Callable[P, Any]) -> Primitive[P]:
    """Enter a forward that returns ``(out, kept)``; its rules may ask for ``kept``, so as not to compute it again.

    ``kept`` is arrays outside any graph, so such rules hold for arrays only. Where a gradient is itself to be
    differentiated, the op's ``decomposition`` runs. ``kept`` must share no memory with an argument, whose changes in
    place would go unnoticed.
    """
    op = Op(forward.__name__, forward, fused=True)
    op.enter()
    function: Primitive[P] = function_of(op)
    return function


def function_of(op: Op) -> Any:
    """The op as a function of tensors that carries its row of the table, in the form of call that suits it."""
    if taken := TAKEN.intersection(op.parameters):
        raise ValueError(f"{op.name}: a parameter may not be called {' or '.join(sorted(taken))}")
    caller: Callable[[Op], Callable[..., Any]] = _plain
    if op.splits:
        caller = _split
    elif op.parameters[0] == "tensors":
        caller = _sequence
    function: Any = functools.update_wrapper(caller(op), op.forward)
    function.__name__ = function.__qualname__ = op.name
    function.op, op.function = op, function
    function.rule = op.rule
    function.decomposition = op.decomposition
    return function


class OpNode(Node):
    """The node of a primitive: the op, what its rules need, and the counters that tell if that was changed since."""

    __slots__ = ("counters", "plan", "saved")

    __init__ = object.__init__  # called without arguments: its plan fills it in

    plan: Plan
    saved: tuple[Any, ...] | None
    counters: tuple[Counter, ...]

    @property
    def op(self) -> Op:
        """The op that made the output."""
        return self.plan.op

    def name(self) -> str:
        return "".join(word.capitalize() for word in self.op.name.split("_")) + "Backward0"

    def backward(self, grad: Gradient, wanted: set[Node] | None, retain: bool) -> list[Gradient | None]:
        plan, saved, counters = self.plan, self.saved, self.counters
        if saved is None:
            raise freed_error(self.op.name)
        for counter in counters:
            if counter[0] > self.time and self._reads(counter, grad):
                raise stale_error(f"{self.op.name} (with output of shape {list(self.shape)})", counter[1])
        if not retain and plan.holds_arrays:
            self.saved, self.counters = None, ()
        if grad.__class__ is not ndarray:
            return self._recorded_backward(grad, wanted, saved, counters)
        if wanted is None:
            return plan.gradients(grad, saved)
        return self._gradients_of(wanted)(grad, saved)

    def _gradients_of(self, wanted: set[Node]) -> AllRules:
        """The rules of those inputs whose nodes are wanted."""
        return self.plan.gradients_of(tuple([edge in wanted for edge in self.edges]))

    def _recorded_backward(
        self, grad: Tensor, wanted: set[Node] | None, saved: tuple[Any, ...], counters: Sequence[Counter]
    ) -> list[Gradient | None]:
        """The same by way of ops on tensors, so that the gradients can be differentiated again."""
        had_views = [counter[2] for counter in counters]
        try:
            if self.op.decompose is not None:
                return self._backward_of_decomposition(grad, saved, counters)
            gradients = self.plan.gradients if wanted is None else self._gradients_of(wanted)
            return gradients(grad, self._saved_tensors(saved, counters))
        finally:  # nobody sees the views that rules make
            for counter, had in zip(counters, had_views, strict=True):
                counter[2] = had

    def _reads(self, counter: Counter, grad: Gradient) -> bool:
        """Whether the backward of ``grad`` reads what ``counter`` belongs to."""
        if grad.__class__ is not ndarray:
            return True
        return any(watched is counter for watched in self.counters[: self.plan.watched_for_rules])

    def watches(self, counter: Counter) -> bool:
        """Whether something was saved that ``counter`` belongs to."""
        return any(watched is counter for watched in self.counters)

    def _saved_tensors(self, saved: tuple[Any, ...], counters: Sequence[Counter]) -> tuple[Any, ...]:
        """What was saved, as tensors that hang in the graph where the saved inputs and output hung."""
        nodes: dict[int, Node] = dict(zip(self.plan.needed, self.edges, strict=True))
        nodes[len(self.op.parameters)] = self
        return self._as_tensors(saved, nodes, counters)

    def _as_tensors(
        self, saved: tuple[Any, ...], nodes: Mapping[int, Node], counters: Sequence[Counter]
    ) -> tuple[Any, ...]:
        """What was saved, as tensors with these nodes (by the number of the value), whose changes in place are noticed.

        Constants are tensors, too: so a rule is given either arrays or tensors, never both.
        """
        tensors = list(saved)
        for i, (value, source, place) in enumerate(
            zip(saved, self.plan.sources, self.plan.counter_places, strict=True)
        ):
            if isinstance(value, np.ndarray):
                tensors[i] = Tensor._wrap(value, nodes.get(source))
                if place is not None:
                    tensors[i]._counter = counters[place]
        return tuple(tensors)

    def _backward_of_decomposition(
        self, grad: Tensor, saved: tuple[Any, ...], counters: Sequence[Counter]
    ) -> list[Gradient | None]:
        """The gradients of what the op is composed of."""
        assert self.op.decompose is not None
        # Behind joints of their own the inputs are independent, even where one was computed from another.
        joints = {i: Joint(edge) for i, edge in zip(self.plan.needed, self.edges, strict=True)}
        tensors = self._as_tensors(saved, joints, counters)
        out = self.op.decompose(*[tensors[i] for i in self.plan.arguments])
        found = sweep([(out._node, grad)], inputs=joints.values(), retain_graph=True)
        for joint in joints.values():
            joint.connect()
        return [found.get(joint) for joint in joints.values()]


class SequenceNode(OpNode):
    """The node of an op on a sequence of tensors: its one rule gives a list, with a gradient for each of them."""

    __slots__ = ("chosen",)

    chosen: tuple[int, ...]  # which elements of the sequence the edges belong to

    def backward(self, grad: Gradient, wanted: set[Node] | None, retain: bool) -> list[Gradient | None]:
        gradients: Any = super().backward(grad, None, retain)[0]
        return [gradients[i] for i in self.chosen]

    def _saved_tensors(self, saved: tuple[Any, ...], counters: Sequence[Counter]) -> tuple[Any, ...]:
        return saved  # no tensors: the rule of a sequence reads shapes only


class SplitNode(OpNode):
    """The node of an op with several outputs. Each output has a node of its own, a `Part`, with this as its edge."""

    __slots__ = ("layouts",)

    layouts: list[tuple[tuple[int, ...], dtypes.DType]]  # shape and dtype of each output

    def backward(self, grad: Gradient, wanted: set[Node] | None, retain: bool) -> list[Gradient | None]:
        return super().backward(grad.filled(self.layouts), wanted, retain)


# ---- calling an op: three forms; what they have in common is told in `written` ---------------------------------------


def _plain(op: Op) -> Callable[..., Any]:
    """Calls an op of tensors, some of which may be numbers or absent, and other arguments.

    The function is `written` for the op when it is first called: to write those of all ops would take longer than the
    rest of the import.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        made = execute(written(op), f"{__file__}:{op.name}", globals())["make"](op)
        # The function itself stays, for it is a method of `Tensor` by now; its code can be exchanged as both close over
        # `op` and nothing else.
        op.function.__defaults__ = made.__defaults__  # first, lest another thread call the new code without
        op.function.__code__ = made.__code__
        return op.function(*args, **kwargs)

    return call


def _split(op: Op) -> Callable[..., Any]:
    """Calls an op that makes a tuple of tensors from one tensor."""

    def call(*args: Any, **kwargs: Any) -> Any:
        bound = op.bind(args, kwargs)
        _require_tensor(op, bound[:1])
        values = (bound[0]._array, *bound[1:])
        outs = op.forward(*values)
        results = tuple([wrap(out) for out in outs])
        for result in results:
            result._counter = _counter_of_view(result._array, bound[0]._array, bound[0]._counter)
        edge = bound[0]._node
        if edge is not None and modes.grad:
            node = SplitNode()
            _plan(op).record(node, (edge,), Parts, (*values, outs, None), (bound[0]._counter, _CONSTANT))
            node.layouts = [(out.shape, out.dtype) for out in outs]
            for i, result in enumerate(results):
                result._node = Part(node, i, *node.layouts[i])
        return results

    return call


def _sequence(op: Op) -> Callable[..., Any]:
    """Calls an op whose first argument is a sequence of tensors."""

    def call(*args: Any, **kwargs: Any) -> Any:
        bound = op.bind(args, kwargs)
        tensors = bound[0]
        if not isinstance(tensors, list | tuple):
            raise argument_error(op.name, "tensors", tensors, "tuple of Tensors")
        for i, tensor in enumerate(tensors):
            if not isinstance(tensor, Tensor | np.ndarray):
                raise TypeError(f"{op.name}: expected Tensor as element {i}, but got {type(tensor).__name__}")
        arrays = [tensor._array if isinstance(tensor, Tensor) else tensor for tensor in tensors]
        if arrays:
            _require_tensor(op, tensors)
        if arrays and op.promote is not None:
            arrays = op.promoted(arrays, ["tensors"] * len(arrays))
        values = (tuple(arrays), *bound[1:])
        try:
            out = op.forward(*values)
        except Exception as error:
            raise explain(op.name, error, arrays) from None
        result = wrap(out)
        chosen = _needing_grad(tensors)
        if chosen and modes.grad and op.differentiable:
            node = SequenceNode()
            _plan(op).record(node, (None,), out, (*values, out, None), (result._counter,))
            node.edges = tuple([tensors[i]._node for i in chosen])
            node.chosen = chosen
            result._node = node
        return result

    return call


def _plan(op: Op) -> Plan:
    """The plan of an op with one input, a tensor or a sequence of tensors."""
    return op.plans.get(_ONLY_INPUT) or op.plan(_ONLY_INPUT)


def _require_tensor(op: Op, operands: Sequence[Any]) -> None:
    if not any([isinstance(operand, Tensor) for operand in operands]):
        raise argument_error(op.name, op.parameters[0], operands[0] if operands else None)


def _counter_of_view(out: Array, viewed: Array, counter: Counter) -> Counter:
    """The counter of a result that may be a view: where it shares the memory of ``viewed``, the counter of that."""
    if out is viewed or out.base is viewed or (out.base is not None and out.base is viewed.base):
        counter[2] = True
        return counter
    return [0, 0, False]


def _needing_grad(args: Sequence[Any]) -> tuple[int, ...]:
    return tuple([i for i, a in enumerate(args) if isinstance(a, Tensor) and a._node is not None])


# ---- what is called by the functions that are `written`, and seems to be called by nothing -------------------------

ndarray, asarray, REQUIRED = np.ndarray, np.asarray, table.REQUIRED


def _promoted(op: Op, operands: list[Any]) -> list[Any]:
    """The op's tensors as arrays, those of them that have a gradient rule brought to one dtype."""
    names = [op.parameters[i] for i in op.tensors]
    chosen = [i for i, name in enumerate(names) if operands[i] is not None and name in op.rules]
    promoted = op.promoted([operands[i] for i in chosen], [names[i] for i in chosen])
    for i, array in zip(chosen, promoted, strict=True):
        operands[i] = array
    return operands


def _pair(op: Op, a: Any, b: Any) -> Sequence[Any]:
    """Two operands as arrays of one dtype. The common case first: a number takes the dtype of a float array."""
    if b.__class__ in _NUMBERS and a.__class__ is np.ndarray and a.dtype.kind == "f":
        return a, np.array(b, a.dtype)
    if a.__class__ in _NUMBERS and b.__class__ is np.ndarray and b.dtype.kind == "f":
        return np.array(a, b.dtype), b
    return op.promoted((a, b), op.parameters)


_NUMBERS = frozenset((int, float))
_ONLY_INPUT = (True,)  # that the input of an op of one tensor needs a gradient
