"""A bound: the least that a graph recorded in Python can cost, around the project's kernels.

A tensor and a node for the network and for its loss, a sweep, gradients that are kept. Nothing is checked: no dtypes
and shapes, no in-place changes, no hooks, no modes; a gradient may be anybody's memory, and only first derivatives
exist. This is a yardstick, not a framework.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.contenders.bare_numpy import LINEAR, LOSS, PLAIN, dense_layers, make_update
from benchmarks.workloads import Workload


class Tensor:
    __slots__ = ("array", "grad", "node")

    def __init__(self, array: Any, node: Any = None) -> None:
        self.array = array
        self.node = node
        self.grad = None


class Leaf:
    __slots__ = ("tensor",)

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


class Node:
    __slots__ = ("edges", "gradients", "saved", "time")

    clock = 0

    def __init__(self, edges: tuple[Any, ...], gradients: Callable[..., Any], saved: Any) -> None:
        self.edges = edges
        self.gradients = gradients
        self.saved = saved
        self.time = Node.clock = Node.clock + 1


def backward(loss: Tensor) -> None:
    pending = {loss.node: np.ones((), np.float32)}
    while pending:
        node = max(pending, key=lambda node: node.time) if len(pending) > 1 else next(iter(pending))
        gradients = node.gradients(pending.pop(node), node.saved)
        node.saved = None
        for edge, grad in zip(node.edges, gradients, strict=True):
            if edge.__class__ is Leaf:
                edge.tensor.grad = Tensor(grad) if edge.tensor.grad is None else Tensor(edge.tensor.grad.array + grad)
            elif edge is not None:
                pending[edge] = pending[edge] + grad if edge in pending else grad


class Network:
    """Linear layers with an activation between them, as one node."""

    def __init__(self, layers: list[tuple[Any, Any]], activation: Any) -> None:
        self.params = [Tensor(array) for layer in layers for array in layer]
        for param in self.params:
            param.node = Leaf(param)
        self.act, self.of_act = (activation.forward, activation.rules["input"]) if activation else (None, None)

    def __call__(self, input: Tensor) -> Tensor:
        x = input.array
        linear, act, weights = LINEAR.forward, self.act, [param.array for param in self.params]
        inputs = []
        for i in range(0, len(weights), 2):
            if i:
                x = act(x)  # type: ignore[misc]
            inputs.append(x)
            x = linear(x, weights[i], weights[i + 1])
        edges = tuple([param.node for param in self.params])
        return Tensor(x, Node(edges, self.gradients, (inputs, weights)))

    def gradients(self, g: Any, saved: Any) -> Any:
        inputs, weights = saved
        of_input, of_weight, of_bias = RULES
        gradients = []
        for i in range(len(inputs) - 1, -1, -1):
            gradients += [of_bias(g), of_weight(g, inputs[i])]
            if i:
                g = self.of_act(of_input(g, weights[2 * i]), inputs[i])  # type: ignore[misc]
        return gradients[::-1]


RULES = tuple(LINEAR.rules[name] for name in ("input", "weight", "bias"))


def cross_entropy(logits: Tensor, labels: Any) -> Tensor:
    loss, kept = LOSS.forward(logits.array, labels, *PLAIN)
    return Tensor(loss, Node((logits.node,), gradients_of_loss, kept))


def gradients_of_loss(g: Any, kept: Any, rule: Callable[..., Any] = LOSS.rules["input"]) -> Any:
    return (rule(g, kept, *PLAIN),)


def make_step(workload: Workload) -> Callable[[], float]:
    net = Network(*dense_layers(workload))
    params = net.params
    arrays = [param.array for param in params]
    update = make_update(workload, arrays)
    for param, array in zip(params, arrays, strict=True):
        param.array = array
    inputs, labels = workload.data()
    batch = Tensor(inputs)

    def step() -> float:
        for param in params:
            param.grad = None
        loss = cross_entropy(net(batch), labels)
        backward(loss)
        update([param.grad.array for param in params])  # type: ignore[attr-defined]
        return float(loss.array)

    return step
