"""From tensors to a sweep of the graph: ``backward`` leaves gradients in leaves, ``grad`` returns them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tinygrad_np.graph import Gradient, Node, modes, sweep, take
from tinygrad_np.ops import primitive
from tinygrad_np.ops.primitive import wrap

if TYPE_CHECKING:
    from tinygrad_np.tensor import Tensor

Tensors: TypeAlias = "Tensor | Sequence[Tensor]"
OptionalTensors: TypeAlias = "Tensor | Sequence[Tensor | None] | None"


def backward(
    tensors: Tensors,
    grad_tensors: OptionalTensors = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensors | None = None,
) -> None:
    """Compute the gradient of ``tensors`` with respect to the leaves of their graph, and add it to their ``grad``.

    Args:
        tensors: one or several tensors, whose gradients are swept together.
        grad_tensors: the gradient of each, of its shape; None stands for 1, for a tensor of one element.
        retain_graph: keep the graph for another backward; by default as ``create_graph``.
        create_graph: record the computation of the gradients, so that they can be differentiated.
        inputs: leave gradients in these tensors only.

    Raises:
        RuntimeError: a tensor has no graph or its graph was freed, a saved tensor was changed in place, or a gradient
            is missing or of the wrong shape.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
        >>> tg.autograd.backward([x.sum(), (x * x).sum()])
        >>> x.grad
        tensor([3., 5.])
    """
    roots = _roots("tensors", tensors, grad_tensors, create_graph)
    if inputs is None:
        _run(roots, None, retain_graph, create_graph)
        return
    targets = _sequence("inputs", inputs)
    found = _run(roots, _target_nodes("backward", targets), retain_graph, create_graph)
    for tensor in targets:
        if tensor._node in found:  # not twice, where the tensor is among the inputs twice
            tensor._accumulate_grad(take(found, tensor._node), True)


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: OptionalTensors = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of ``outputs`` (summed) with respect to ``inputs``; no tensor's ``grad`` is touched.

    Args:
        outputs: one or several tensors.
        inputs: one or several tensors, leaves or not.
        grad_outputs: the gradient of each output, of its shape; None stands for 1, for a tensor of one element.
        retain_graph: keep the graph for another sweep; by default as ``create_graph``.
        create_graph: record the computation of the gradients, so that they can be differentiated.
        allow_unused: give None for an input that the outputs do not depend on, instead of raising.
        materialize_grads: give zeros for such an input.

    Returns:
        One gradient per input, of its shape and dtype.

    Raises:
        RuntimeError: as `backward`, and for an input that is not used or does not require grad.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor(3.0, requires_grad=True)
        >>> (slope,) = tg.autograd.grad(x**3, x, create_graph=True)
        >>> slope, tg.autograd.grad(slope, x)
        (tensor(27., grad_fn=<MulBackward0>), (tensor(18.),))
    """
    if materialize_grads and allow_unused is False:
        raise ValueError("grad: allow_unused must be True or not passed when materialize_grads=True")
    roots = _roots("outputs", outputs, grad_outputs, create_graph)
    targets = _target_nodes("grad", _sequence("inputs", inputs))
    found = _run(roots, targets, retain_graph, create_graph)
    gradients: dict[Node, Tensor | None] = {}
    for i, node in enumerate(targets):
        if node in found:
            gradient = take(found, node)
            gradients[node] = wrap(gradient) if isinstance(gradient, np.ndarray) else gradient
        elif node not in gradients:  # it may be among the inputs twice
            if not (allow_unused or materialize_grads):
                raise RuntimeError(
                    f"The differentiated Tensor at index {i} appears to not have been used in the graph. Set "
                    "allow_unused=True if this is the desired behavior."
                )
            gradients[node] = wrap(np.zeros(node.shape, node.dtype)) if materialize_grads else None
    return tuple([gradients[node] for node in targets])


def _run(
    roots: list[tuple[Node, Gradient]], inputs: Iterable[Node] | None, retain_graph: bool | None, create_graph: bool
) -> dict[Node, Gradient]:
    recording = modes.grad
    modes.grad = create_graph
    try:
        return sweep(roots, inputs=inputs, retain_graph=create_graph if retain_graph is None else retain_graph)
    finally:
        modes.grad = recording


def _roots(name: str, tensors: Tensors, grads: Any, create_graph: bool) -> list[tuple[Node, Gradient]]:
    if isinstance(tensors, primitive.Tensor) and grads is None:  # as nearly always: saves 2 µs
        return [(_node(tensors, 0), _root_gradient(tensors, None, 0, create_graph))]
    outputs = _sequence(name, tensors)
    given: Sequence[Tensor | None] = grads if isinstance(grads, list | tuple) else [grads]
    if grads is None:
        given = [None] * len(outputs)
    if len(given) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(given)} gradients")
    pairs = enumerate(zip(outputs, given, strict=True))
    return [(_node(t, i), _root_gradient(t, g, i, create_graph)) for i, (t, g) in pairs]


def _root_gradient(tensor: Tensor, grad: Tensor | None, i: int, create_graph: bool) -> Gradient:
    if grad is None:
        if tensor._array.size != 1:
            raise RuntimeError(
                "grad can be implicitly created only for scalar outputs, but output "
                f"{i} has shape {list(tensor.shape)}: pass its gradient"
            )
        one = np.array(1, tensor._array.dtype, ndmin=tensor._array.ndim)
        return wrap(one) if create_graph else one
    if not isinstance(grad, primitive.Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(grad).__name__}")
    if grad.shape != tensor.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{i}] has a shape of {list(grad.shape)} and output[{i}] has a shape of "
            f"{list(tensor.shape)}."
        )
    grad = grad.to(tensor.dtype)
    return grad if create_graph else grad._array


def _target_nodes(op: str, inputs: Sequence[Tensor]) -> list[Node]:
    if not inputs:
        raise RuntimeError(f"`inputs` argument to `{op}()` cannot be empty.")
    nodes = [tensor._node for tensor in inputs if tensor._node is not None]
    if len(nodes) < len(inputs):
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    return nodes


def _node(tensor: Tensor, i: int) -> Node:
    if tensor._node is None:
        raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")
    return tensor._node


def _sequence(name: str, tensors: Any) -> Sequence[Tensor]:
    single = isinstance(tensors, primitive.Tensor) or not isinstance(tensors, Iterable)
    sequence = [tensors] if single else list(tensors)
    for tensor in sequence:
        if not isinstance(tensor, primitive.Tensor):
            raise TypeError(f"expected {name} to be Tensors, but got {type(tensor).__name__}")
    return sequence
