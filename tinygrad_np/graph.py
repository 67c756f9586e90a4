"""The computation graph: nodes, the backward sweep, and the modes that say whether a graph is recorded.

A tensor that needs a gradient points to the `Node` that made it; a node points to the nodes of its inputs. Nothing
points the other way, so there are no reference cycles, and a graph is freed the moment its last tensor is.

The sweep imports no op and no tensor; of a leaf's tensor it uses `_node`, `_grad` and `_accumulate_grad`. It hands each
node the gradient of its output and takes back one gradient per input, newest node first. Gradients are NumPy arrays,
or tensors when the sweep is itself recorded (``create_graph``): both have the few methods that are used here.
"""

from __future__ import annotations

import itertools
import os
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from operator import attrgetter
from sys import getrefcount
from typing import Any, TypeAlias

import numpy as np
from numpy import ndarray

from tinygrad_np.dtypes import DType
from tinygrad_np.low_rank import LowRank
from tinygrad_np.sums import summed

Gradient: TypeAlias = Any  # a NumPy array, or one that is `LowRank`; a Tensor while create_graph
Hook: TypeAlias = Callable[[Gradient], "Gradient | None"]

# One clock numbers the nodes and dates the in-place changes, so that "changed after it was saved" is one comparison.
tick = itertools.count(1).__next__


class Modes(threading.local):
    """What this thread records; the class attributes are what a new thread starts with.

    Attributes:
        grad: whether a graph is recorded.
        inference: whether `autograd.inference_mode` is on.
        anomaly: whether nodes remember where they were made, for errors in the backward pass to tell.
        check_nan: whether, in anomaly mode, a gradient that is NaN is an error.
        cause: in anomaly mode, the node whose backward is running.
        to_restore: for each context manager that this thread is in, the modes from before it.
    """

    grad = True
    inference = False
    anomaly = False
    check_nan = True
    cause: Node | None = None

    def __init__(self) -> None:
        self.to_restore: list[dict[str, bool]] = []


modes = Modes()


class Node:
    """One step of a computation: where its inputs came from, and how a gradient passes through it.

    Attributes:
        edges: the nodes of those inputs that need a gradient.
        shape, dtype: of the output; the sweep gives every gradient that arrives here just these.
        time: order of creation; a node is younger than all its edges.
        hooks: called with each gradient that arrives, in order; what they return replaces it.
        trace: where the forward op was called, recorded in anomaly mode.
    """

    __slots__ = ("__weakref__", "dtype", "edges", "hooks", "shape", "time", "trace")

    def __init__(self, edges: tuple[Node, ...], shape: tuple[int, ...], dtype: DType | None) -> None:
        self.edges = edges
        self.shape = shape
        self.dtype = dtype
        self.time = tick()
        self.hooks: dict[int, Hook] | None = None
        self.trace = stack_trace() if modes.anomaly else None

    def name(self) -> str:
        """The name that ``grad_fn`` shows."""
        return type(self).__name__

    def backward(self, grad: Gradient, wanted: set[Node] | None, retain: bool) -> list[Gradient | None]:
        """The gradients of the inputs.

        Args:
            grad: the gradient of the output.
            wanted: the nodes whose gradients need be computed; None for all.
            retain: keep what was saved for the backward pass; otherwise it is dropped, and there can be no other.

        Returns:
            One gradient per edge; None where it is zero or need not be computed. The sweep, which owns the list,
            empties it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define backward")

    @property
    def next_functions(self) -> tuple[tuple[Node, int], ...]:
        """The nodes of the inputs, in PyTorch's form: pairs of a node and the number of its output."""
        return tuple((edge, 0) for edge in self.edges)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


class Leaf(Node):
    """Where a sweep ends: it gives the gradient to a tensor that the user made, which it holds weakly.

    A tensor that is no leaf any more, or asks for no gradient any more, gets none.
    """

    __slots__ = ("owner",)

    def __init__(self, owner: Callable[[], Any], shape: tuple[int, ...], dtype: DType) -> None:
        super().__init__((), shape, dtype)
        self.owner = owner

    def name(self) -> str:
        return "AccumulateGrad"

    def backward(self, grad: Gradient, wanted: set[Node] | None, retain: bool) -> list[Gradient | None]:
        self.receive(grad)
        return []

    def receive(self, grad: Gradient) -> None:
        """Give the tensor its gradient, or more of it."""
        tensor = self.owner()
        if tensor is None or tensor._node.__class__ is not Leaf:
            return
        # What only this frame and the caller's refer to nobody else can see: it is handed over instead of copied.
        unshared = getrefcount(grad) <= _PASSED and _is_whole(grad)
        if unshared and tensor._grad is None:
            tensor._grad = grad
        else:
            tensor._accumulate_grad(grad, unshared)


class Joint(Node):
    """Stands before a node, as a leaf where a sweep ends; once connected, it passes gradients on to that node."""

    __slots__ = ("behind",)

    def __init__(self, behind: Node) -> None:
        super().__init__((), behind.shape, behind.dtype)
        self.behind = behind

    def connect(self) -> None:
        """From now on, pass gradients on."""
        self.edges = (self.behind,)

    def backward(self, grad: Gradient, wanted: set[Node] | None, retain: bool) -> list[Gradient | None]:
        return [grad]


class Part(Node):
    """One output of a node that has several: tells that node which of its outputs a gradient belongs to."""

    __slots__ = ("index",)

    def __init__(self, whole: Node, index: int, shape: tuple[int, ...], dtype: DType) -> None:
        super().__init__((whole,), shape, dtype)
        self.index = index

    def name(self) -> str:
        return self.edges[0].name()

    def backward(self, grad: Gradient, wanted: set[Node] | None, retain: bool) -> list[Gradient | None]:
        return [Parts({self.index: grad})]


class Parts:
    """The gradient of a node with several outputs: those that arrived, by number of the output."""

    __slots__ = ("by_index",)

    shape = ()  # what such a node has too: there is nothing to fit
    dtype = None

    def __init__(self, by_index: dict[int, Gradient]) -> None:
        self.by_index = by_index

    def __add__(self, other: Parts) -> Parts:
        # In place, for nobody else holds a gradient on its way; copies would make n outputs cost n² time.
        for i, grad in other.by_index.items():
            known = self.by_index.get(i)
            self.by_index[i] = grad if known is None else known + grad
        return self

    def filled(self, layouts: Sequence[tuple[tuple[int, ...], DType]]) -> list[Gradient]:
        """A gradient for every output, with zeros where none arrived."""
        return [
            self.by_index[i] if i in self.by_index else np.zeros(shape, dtype)
            for i, (shape, dtype) in enumerate(layouts)
        ]


def sweep(
    roots: Sequence[tuple[Node, Gradient]], *, inputs: Iterable[Node] | None = None, retain_graph: bool = False
) -> dict[Node, Gradient]:
    """Carry gradients from ``roots`` back to the leaves, each node after all that used its output.

    Args:
        roots: nodes, each with the gradient of its output.
        inputs: compute the gradients of these nodes only, return them, and give the leaves nothing.
        retain_graph: keep what the nodes saved, for another sweep.

    Returns:
        The gradient of each of ``inputs`` that was reached.
    """
    selection = None if inputs is None else Selection(inputs, [node for node, _ in roots])
    wanted = None if selection is None else selection.wanted
    anomaly = modes.anomaly
    pending: dict[Node, Gradient] = {}  # the gradients that have arrived
    newest: list[tuple[int, Node]] = []  # a heap of the nodes they have arrived at, the newest of them on top
    sums: set[Node] = set()
    for node, grad in roots:
        if node in pending:
            _add(pending, sums, node, grad)
        else:
            pending[node] = grad
            heappush(newest, (-node.time, node))
    while newest:
        node = heappop(newest)[1]
        if node.hooks:
            _run_hooks(node, pending)
        if selection is not None and not selection.goes_on(node, pending):
            del pending[node]
            continue
        grad = None  # or a leaf that waited in `pending` could not tell that nobody else has its gradient
        if anomaly:
            gradients = _checked_backward(node, pending.pop(node), wanted, retain_graph)
        else:
            gradients = node.backward(pending.pop(node), wanted, retain_graph)
        if wanted is not None:
            gradients = _only(wanted, node.edges, gradients)
        # Each is taken out of the list, for from the reference count a leaf can tell if it may keep the array.
        for edge in reversed(node.edges):
            grad = gradients.pop()
            if grad is None:
                continue
            if grad.shape != edge.shape or grad.dtype is not edge.dtype or grad.__class__ is not ndarray:
                grad = _fitted(grad, edge, wanted is None)
            if edge.__class__ is Leaf and wanted is None and not edge.hooks:
                # It need not wait for its whole gradient, for it adds up what arrives by itself. The first becomes
                # its own nearly always, as `receive` would find: without the call a small step takes 0.99.
                tensor = edge.owner()
                if (
                    tensor is not None
                    and tensor._grad is None
                    and tensor._node is edge
                    and grad.__class__ is ndarray
                    and grad.base is None
                    and getrefcount(grad) <= _ALONE
                ):
                    tensor._grad = grad
                else:
                    edge.receive(grad)
            elif edge in pending:
                _add(pending, sums, edge, grad)
            else:
                pending[edge] = grad
                heappush(newest, (-edge.time, edge))
        assert not gradients, f"{node.name()} gave more gradients than it has inputs"
    return {} if selection is None else selection.found


class Selection:
    """Of a sweep, what leads to some nodes, whose gradients are asked for instead of those of the leaves.

    Attributes:
        targets: those nodes.
        wanted: all nodes from which a target can be reached, targets included.
        found: the gradients of the targets that were reached.
    """

    def __init__(self, targets: Iterable[Node], roots: Iterable[Node]) -> None:
        self.targets = set(targets)
        # What is older cannot lead to them: after 800 steps that start from the last, 0.2 of the time.
        oldest = min([node.time for node in self.targets], default=0)
        self.wanted = _leading_to(self.targets, _reachable(roots, oldest))
        self.found: dict[Node, Gradient] = {}

    def goes_on(self, node: Node, pending: Mapping[Node, Gradient]) -> bool:
        """Whether another target lies behind ``node``, whose own gradient is kept if it is one."""
        if node in self.targets:
            self.found[node] = pending[node]
        return not self.wanted.isdisjoint(node.edges)


def _only(wanted: set[Node], edges: Sequence[Node], gradients: list[Gradient | None]) -> list[Gradient | None]:
    """The gradients of those edges that are wanted, None for the others."""
    return [grad if edge in wanted else None for edge, grad in zip(edges, gradients, strict=True)]


def take(gradients: dict[Node, Gradient], node: Node) -> Gradient:
    """Pop the gradient of ``node``; if it is an array that somebody else might see, a copy of it."""
    grad = gradients.pop(node)
    if not isinstance(grad, np.ndarray) or (getrefcount(grad) <= _ALONE and _is_whole(grad)):
        return grad
    return grad.copy()


def _reachable(roots: Iterable[Node], oldest: int) -> list[Node]:
    """Every node that the roots depend on, these included, but for those that are older than ``oldest``."""
    nodes = list(dict.fromkeys(roots))
    seen = set(nodes)
    for node in nodes:  # the list grows while it is read
        for edge in node.edges:
            if edge not in seen and edge.time >= oldest:
                seen.add(edge)
                nodes.append(edge)
    return nodes


def _leading_to(targets: set[Node], nodes: Iterable[Node]) -> set[Node]:
    """The nodes from which a target can be reached, targets included."""
    leading: set[Node] = set()
    for node in sorted(nodes, key=_TIME):
        if node in targets or not leading.isdisjoint(node.edges):
            leading.add(node)
    return leading


_TIME = attrgetter("time")


def _fitted(grad: Gradient, edge: Node, to_leaves: bool) -> Gradient:
    """A gradient in the shape and dtype of the output of ``edge``.

    If it is `LowRank`, it stays so only on the way ``to_leaves``, and where nobody looks at it.
    """
    if grad.__class__ is LowRank:
        fits = grad.shape == edge.shape and grad.dtype == edge.dtype
        if fits and to_leaves and edge.__class__ is Leaf and not edge.hooks:
            return grad
        grad = np.asarray(grad)
    if grad.shape != edge.shape:
        grad = sum_to_shape(grad, edge.shape)
    if grad.dtype != edge.dtype:
        grad = grad.astype(edge.dtype)
    return np.asarray(grad) if isinstance(grad, np.generic) else grad  # NumPy turns 0-d arrays into scalars


def _add(pending: dict[Node, Gradient], sums: set[Node], node: Node, grad: Gradient) -> None:
    """Add ``grad`` to what already waits at ``node``: in place, but only into an array that was made here."""
    waiting = pending[node]
    if not (isinstance(grad, np.ndarray) and isinstance(waiting, np.ndarray)):
        pending[node] = waiting + grad
    elif node in sums:
        np.add(waiting, grad, out=waiting)
    else:
        pending[node] = np.asarray(waiting + grad)
        sums.add(node)


def _run_hooks(node: Node, pending: dict[Node, Gradient]) -> None:
    assert node.hooks is not None
    for hook in list(node.hooks.values()):
        replaced = hook(pending[node])
        if replaced is not None:
            pending[node] = replaced


def _checked_backward(node: Node, grad: Gradient, wanted: set[Node] | None, retain: bool) -> list[Gradient | None]:
    """``node.backward`` in anomaly mode: NaN is an error, and an error tells where the node was made."""
    cause, modes.cause = modes.cause, node
    try:
        gradients = node.backward(grad, wanted, retain)
        for i, gradient in enumerate(gradients if modes.check_nan else ()):
            if gradient is not None and gradient.dtype is not None and np.isnan(gradient).any():
                raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.")
    except Exception as error:
        trace = node.trace or _NO_TRACE
        error.add_note(f"Traceback of the forward call that made <{node.name()}>:\n{trace.rstrip()}")
        raise
    finally:
        modes.cause = cause
    return gradients


def stack_trace() -> str:
    """The stack down to the call of an op; and if that is in the backward of a node, how that node was made."""
    frames = traceback.extract_stack()
    while frames[-1].filename.startswith(_ENGINE):
        frames.pop()
    trace = "".join(frames.format())
    cause = modes.cause
    if cause is not None:
        trace += f"This was in the backward of <{cause.name()}>, which was made by:\n{cause.trace or _NO_TRACE}"
    return trace


_ENGINE = tuple(os.path.join(os.path.dirname(__file__), name) for name in ("graph.py", "ops", "autograd"))
_NO_TRACE = "not known: detect_anomaly was not on during the forward pass\n"


def freed_error(name: str) -> RuntimeError:
    """What to raise where ``name`` needs what it saved, and that is gone."""
    return RuntimeError(
        "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
        f"been freed): what {name} saved was dropped by the first backward() or autograd.grad(). Specify "
        "retain_graph=True there if you need to backward through the graph again."
    )


def stale_error(name: str, version: int) -> RuntimeError:
    """What to raise where ``name`` needs a tensor that it saved, and that was changed since."""
    return RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: a tensor that "
        f"{name} saved is at version {version} now. Use the out-of-place form of that operation, or clone() the tensor "
        "first."
    )


def sum_to_shape(grad: Gradient, shape: tuple[int, ...]) -> Gradient:
    """Undo broadcasting: sum over the dimensions along which ``shape`` was stretched to the shape of ``grad``.

    Example:
        >>> sum_to_shape(np.ones((2, 3)), (3,)), sum_to_shape(np.ones((2, 3)), (2, 1)).tolist()
        (array([2., 2., 2.]), [[3.0], [3.0]])
    """
    extra = len(grad.shape) - len(shape)
    stretched = tuple(range(extra)) + tuple(
        extra + i for i, size in enumerate(shape) if size == 1 and grad.shape[extra + i] != 1
    )
    if stretched:
        grad = summed(grad, stretched)
    return grad.reshape(shape) if extra else grad


def _is_whole(array: Gradient) -> bool:
    """Whether an array owns its memory, or is all of an array that nothing else refers to."""
    if array.__class__ is not ndarray:
        return False
    base = array.base
    if base is None:
        return array.flags.writeable
    return (
        base.__class__ is np.ndarray
        and base.base is None
        and base.size == array.size
        and getrefcount(base) <= _ALONE + 1  # the view's own reference comes on top
        and array.flags.writeable
    )


def _references(array: Gradient) -> int:
    return getrefcount(array)


def _references_of_a_local() -> int:
    array = np.empty(0)
    return _references(array)


# What `sys.getrefcount` says of an argument that nothing else holds, and of one that a local variable of the caller
# holds. It varies with the version of CPython, so it is measured.
_ALONE = _references(np.empty(0))
_PASSED = _references_of_a_local()
