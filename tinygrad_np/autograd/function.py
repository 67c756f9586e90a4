"""Custom functions: a forward and a backward of the user's own, as a node of the graph."""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from tinygrad_np.autograd.grad_mode import no_grad
from tinygrad_np.dtypes import DType
from tinygrad_np.graph import Gradient, Node, Part, freed_error, modes, stale_error
from tinygrad_np.ops.primitive import wrap
from tinygrad_np.tensor import Tensor


class Function:
    """Base class of functions with a gradient of their own.

    Define ``forward`` and ``backward`` as static methods, and call the function by `apply`:

    - ``forward(ctx, *args)`` takes tensors and anything else, and returns a tensor, or a tuple of tensors and anything
      else. No graph is recorded in it.
    - ``backward(ctx, *grads)`` takes the gradient of each output and returns that of each argument, or None. Made of
      ops on tensors, it can itself be differentiated (``create_graph``).

    Alternatively define ``forward(*args)``, and ``setup_context(ctx, inputs, output)`` which runs after it. What
    ``ctx`` can do is described at `FunctionCtx`.

    Example:
        >>> import tinygrad_np as tg
        >>> class Cube(tg.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x**3
        ...
        ...     @staticmethod
        ...     def backward(ctx, grad):
        ...         (x,) = ctx.saved_tensors
        ...         return grad * 3 * x**2
        >>> x = tg.tensor(2.0, requires_grad=True)
        >>> y = Cube.apply(x)
        >>> y
        tensor(8., grad_fn=<CubeBackward>)
        >>> y.backward()
        >>> x.grad
        tensor(12.)
    """

    def __init__(self) -> None:
        raise RuntimeError(f"{type(self).__name__} is not to be instantiated: call {type(self).__name__}.apply(...)")

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the function: ``forward(ctx, *args)``, or ``forward(*args)`` beside a ``setup_context``."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Note what ``backward`` will need, given the arguments of ``forward`` and what it returned."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Compute the gradient of each argument of ``forward``, given those of its outputs."""
        raise NotImplementedError("You must implement the backward method for your custom autograd.Function.")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Call the function.

        Args:
            args: the arguments of ``forward``. Gradients flow to those that are tensors; not into lists of tensors.
            kwargs: the same, by name.

        Returns:
            What ``forward`` returned, as part of the graph.

        Raises:
            RuntimeError: ``forward`` used `FunctionCtx.mark_dirty` where that is not allowed; see there.
        """
        takes_ctx = cls.setup_context is Function.setup_context
        if kwargs or not takes_ctx:
            bound = inspect.signature(cls.forward).bind(*(None,) * takes_ctx, *args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args[takes_ctx:], bound.kwargs
        ctx = FunctionCtx(tuple([isinstance(a, Tensor) and a._node is not None for a in args]))
        with no_grad():
            if takes_ctx:
                returned = cls.forward(ctx, *args, **kwargs)
            else:
                returned = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, returned)
        node = FunctionNode(cls, ctx, args, returned) if modes.grad and any(ctx.needs_input_grad) else None
        outputs = returned if isinstance(returned, tuple) else (returned,)
        results = _attach(outputs, node, ctx, args)
        if node is not None:
            ctx._seal(node, results)
        return results if isinstance(returned, tuple) else results[0]


class FunctionCtx:
    """What the ``forward`` of a `Function` tells its ``backward``. It may be given any further attributes.

    Tensors that are arguments or results of ``forward`` belong in `save_for_backward`, not in attributes: so a change
    in place is noticed, their memory is freed with the graph, and no reference cycle keeps it alive.

    Attributes:
        needs_input_grad: for each argument of ``forward``, whether its gradient is wanted.
    """

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self._to_save: tuple[Tensor | None, ...] = ()
        self._saved: tuple[_Saved | None, ...] | None = ()
        self._node: Callable[[], FunctionNode | None] = lambda: None
        self._not_differentiable: tuple[Tensor, ...] = ()
        self._dirty: tuple[Tensor, ...] = ()
        self._materialize_grads = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for ``backward``, which finds them in `saved_tensors`. To be called once, within ``forward``.

        Raises:
            TypeError: an argument is neither a tensor nor None.
        """
        for i, tensor in enumerate(tensors):
            if not (tensor is None or isinstance(tensor, Tensor)):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type {type(tensor).__name__}"
                )
        self._to_save = tensors

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What `save_for_backward` kept, with its place in the graph.

        Raises:
            RuntimeError: the graph was freed by an earlier backward, or one of the tensors was changed in place.
        """
        node = self._node()
        if node is None:
            return self._to_save
        if self._saved is None:
            raise freed_error(node.name())
        return tuple([None if saved is None else saved.tensor(node) for saved in self._saved])

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Declare results of ``forward`` to have no gradient; those of integer or bool dtype never have."""
        self._not_differentiable = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Declare arguments of ``forward`` to be changed in place by it.

        Each must be among the results. As with all in-place operations, none may be a leaf that requires grad, or a
        view.
        """
        self._dirty = tensors
        for tensor in tensors:
            tensor._touch()

    def set_materialize_grads(self, value: bool) -> None:
        """Whether ``backward`` is given zeros (the default), or None, for results that have no gradient."""
        self._materialize_grads = value

    def _seal(self, node: FunctionNode, results: Sequence[Any]) -> None:
        """Turn tensors, some of which hold ``node``, into what does not: it holds this, so it would hold itself."""
        outputs = {id(t): i for i, t in enumerate(results) if isinstance(t, Tensor) and t._node is not None}
        self._node = weakref.ref(node)
        self._saved = tuple([None if t is None else _Saved.of(t, outputs.get(id(t))) for t in self._to_save])
        self._to_save = self._not_differentiable = self._dirty = ()


class _Saved(NamedTuple):
    """A tensor kept for backward: its values, change counter, and node; an output's number instead of its node."""

    array: Any
    counter: list[Any]
    node: Node | None
    output: int | None

    @classmethod
    def of(cls, tensor: Tensor, output: int | None) -> _Saved:
        return cls(tensor._array, tensor._counter, tensor._node if output is None else None, output)

    def tensor(self, function: FunctionNode) -> Tensor:
        if self.counter[0] > function.time:
            raise stale_error(function.name(), self.counter[1])
        tensor = wrap(self.array)
        tensor._counter = self.counter
        tensor._node = self.node if self.output is None else function.of_output(self.output)
        return tensor


class FunctionNode(Node):
    """The node of a `Function`; if that returns a tuple, each of its tensors has a `Part` before this node."""

    __slots__ = ("ctx", "function", "layouts", "needed", "tensors")

    def __init__(self, function: type[Function], ctx: FunctionCtx, args: Sequence[Any], returned: Any) -> None:
        self.needed = tuple([i for i, needs in enumerate(ctx.needs_input_grad) if needs])
        single = isinstance(returned, Tensor)
        super().__init__(
            tuple([args[i]._node for i in self.needed]),
            returned._array.shape if single else (),
            returned._array.dtype if single else None,
        )
        self.function = function
        self.ctx = ctx
        self.tensors = tuple([isinstance(a, Tensor) for a in args])
        # Of each output of a tuple its shape and dtype; None for what is no tensor.
        self.layouts: tuple[tuple[tuple[int, ...], DType] | None, ...] | None = None
        if isinstance(returned, tuple):
            self.layouts = tuple([(t._array.shape, t.dtype) if isinstance(t, Tensor) else None for t in returned])

    def name(self) -> str:
        return f"{self.function.__name__}Backward"

    def of_output(self, i: int) -> Node:
        """The node for output ``i``."""
        layout = None if self.layouts is None else self.layouts[i]
        return self if layout is None else Part(self, i, *layout)

    def backward(self, grad: Gradient, wanted: set[Node] | None, retain: bool) -> list[Gradient | None]:
        needs = [False] * len(self.tensors)
        for i, edge in zip(self.needed, self.edges, strict=True):
            needs[i] = wanted is None or edge in wanted
        self.ctx.needs_input_grad = tuple(needs)
        returned = self.function.backward(self.ctx, *self._of_outputs(grad))
        gradients = self._one_per_argument(returned if isinstance(returned, tuple) else (returned,))
        if not retain and self.ctx._saved:
            self.ctx._saved = None
        return [self._checked(i, gradients[i], edge) for i, edge in zip(self.needed, self.edges, strict=True)]

    def _of_outputs(self, grad: Gradient) -> list[Tensor | None]:
        """The gradient of each output, as a tensor."""
        if self.layouts is None:
            return [_as_tensor(grad)]
        gradients: list[Tensor | None] = []
        for i, layout in enumerate(self.layouts):
            gradient = grad.by_index.get(i)
            if gradient is None and layout is not None and self.ctx._materialize_grads:
                gradient = np.zeros(*layout)
            gradients.append(None if gradient is None else _as_tensor(gradient))
        return gradients

    def _one_per_argument(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        """``gradients``, if they are as many as the arguments: besides, None for optional ones that were not given."""
        count = len(self.tensors)
        if len(gradients) < count or any(gradient is not None for gradient in gradients[count:]):
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {count}, got "
                f"{len(gradients)})"
            )
        for i, is_tensor in enumerate(self.tensors):
            if gradients[i] is not None and not is_tensor:
                raise RuntimeError(
                    f"function {self.name()} returned a gradient different than None at position {i + 1}, but the "
                    "corresponding forward input was not a Variable"
                )
        return gradients

    def _checked(self, i: int, gradient: Any, edge: Node) -> Gradient | None:
        """The gradient that ``backward`` returned for argument ``i``, if it can be the gradient of ``edge``."""
        if gradient is None:
            return None
        if not isinstance(gradient, Tensor):
            raise RuntimeError(f"function {self.name()}: expected Variable or None (got {type(gradient).__name__})")
        if not _stretches_to(edge.shape, gradient.shape):
            raise RuntimeError(
                f"Function {self.name()} returned an invalid gradient at index {i} - got {list(gradient.shape)} but "
                f"expected shape compatible with {list(edge.shape)}"
            )
        return gradient if modes.grad else gradient._array


class _Undifferentiable(Node):
    """The node of a gradient that was not recorded though a graph was wanted."""

    __slots__ = ()

    def backward(self, grad: Gradient, wanted: set[Node] | None, retain: bool) -> NoReturn:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate the ``backward`` of a `Function` that is not made of ops on tensors: a graph cannot be made of it.

    It runs as under `no_grad`; to differentiate its result is an error, where it would silently be wrong.

    Example:
        >>> import numpy as np
        >>> import tinygrad_np as tg
        >>> class Sine(tg.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return tg.from_numpy(np.sin(x.numpy(force=True)))
        ...
        ...     @staticmethod
        ...     @once_differentiable
        ...     def backward(ctx, grad):
        ...         (x,) = ctx.saved_tensors
        ...         return grad * tg.from_numpy(np.cos(x.numpy(force=True)))
        >>> x = tg.zeros(2, requires_grad=True)
        >>> (slope,) = tg.autograd.grad(Sine.apply(x).sum(), x, create_graph=True)
        >>> slope.detach()
        tensor([1., 1.])
        >>> slope.sum().backward()
        Traceback (most recent call last):
        ...
        RuntimeError: trying to differentiate twice a function that was marked with @once_differentiable
    """

    @functools.wraps(fn)
    def backward(ctx: FunctionCtx, *grads: Any) -> Any:
        with no_grad():
            returned = fn(ctx, *grads)
        node = ctx._node()
        if node is None or not modes.grad:
            return returned
        # The gradient depends on all that the function and its gradients depend on.
        edges = (*node.edges, *[g._node for g in grads if g is not None and g._node is not None])
        gradients = returned if isinstance(returned, tuple) else (returned,)
        return tuple([_barred(gradient, edges) if isinstance(gradient, Tensor) else gradient for gradient in gradients])

    return backward


def _barred(gradient: Tensor, edges: tuple[Node, ...]) -> Tensor:
    tensor = gradient.detach()
    tensor._node = _Undifferentiable(edges, gradient._array.shape, gradient.dtype)
    return tensor


def _attach(
    outputs: Sequence[Any], node: FunctionNode | None, ctx: FunctionCtx, args: Sequence[Any]
) -> tuple[Any, ...]:
    """The outputs of a function, with the tensors among them tied to its node."""
    arguments = {id(a) for a in args}
    dirty = {id(t) for t in ctx._dirty}
    not_differentiable = {id(t) for t in ctx._not_differentiable}
    if not dirty <= {id(output) for output in outputs}:
        raise RuntimeError(
            "Some elements marked as dirty during the forward method were not returned as output. The inputs that are "
            "modified inplace must all be outputs of the Function."
        )
    results: list[Any] = []
    for i, output in enumerate(outputs):
        if not isinstance(output, Tensor):
            results.append(output)
        elif node is None or not output.is_floating_point() or id(output) in not_differentiable:
            results.append(output if output._node is None else output.detach())
        elif id(output) in dirty:
            results.append(output._move_in_graph(node.of_output(i)))
        else:
            # What has a place in the graph already keeps it: the result is another tensor with the same memory.
            is_new = output._node is None and id(output) not in arguments
            result = output if is_new else output._alias()
            result._node = node.of_output(i)
            results.append(result)
    return tuple(results)


def _as_tensor(grad: Gradient) -> Tensor:
    return grad if isinstance(grad, Tensor) else wrap(grad)


def _stretches_to(shape: tuple[int, ...], broadcast: tuple[int, ...]) -> bool:
    """Whether broadcasting can make ``broadcast`` of ``shape``, so that summing undoes it."""
    if len(shape) > len(broadcast):
        return False
    sizes = broadcast[len(broadcast) - len(shape) :]
    return all(size in (1, stretched) for size, stretched in zip(shape, sizes, strict=True))
