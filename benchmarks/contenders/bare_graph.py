"""A bound: the least that a graph recorded in Python can cost, around the project's kernels.

A tensor and a node per op, a sweep, modules, gradients that are kept. Nothing is checked: no dtypes and shapes, no
in-place changes, no hooks, no modes; a gradient may be anybody's memory, and only first derivatives exist. This is a
yardstick, not a framework.
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


class Module:
    def __call__(self, input: Tensor) -> Tensor:
        return self.forward(input)

    def forward(self, input: Tensor) -> Tensor:
        raise NotImplementedError


class Linear(Module):
    forward_of = staticmethod(LINEAR.forward)
    rules = tuple(LINEAR.rules[name] for name in ("input", "weight", "bias"))

    def __init__(self, weight: Any, bias: Any) -> None:
        self.weight, self.bias = Tensor(weight), Tensor(bias)
        self.weight.node, self.bias.node = Leaf(self.weight), Leaf(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        weight, bias = self.weight, self.bias
        out = self.forward_of(input.array, weight.array, bias.array)
        saved = input.array, weight.array, input.node is not None
        return Tensor(out, Node((input.node, weight.node, bias.node), self.gradients, saved))

    @classmethod
    def gradients(cls, g: Any, saved: Any) -> Any:
        input, weight, needs_input = saved
        of_input, of_weight, of_bias = cls.rules
        return of_input(g, weight) if needs_input else None, of_weight(g, input), of_bias(g)


class Activation(Module):
    def __init__(self, op: Any) -> None:
        self.forward_of, self.rule = op.forward, op.rules["input"]

    def forward(self, input: Tensor) -> Tensor:
        out = self.forward_of(input.array)
        return Tensor(out, Node((input.node,), self.gradients, out))

    def gradients(self, g: Any, out: Any) -> Any:
        return (self.rule(g, out),)


class Sequential(Module):
    def __init__(self, modules: list[Module]) -> None:
        self.modules = modules

    def forward(self, input: Tensor) -> Tensor:
        for module in self.modules:
            input = module(input)
        return input


def cross_entropy(logits: Tensor, labels: Any) -> Tensor:
    loss, kept = LOSS.forward(logits.array, labels, *PLAIN)
    return Tensor(loss, Node((logits.node,), gradients_of_loss, kept))


def gradients_of_loss(g: Any, kept: Any, rule: Callable[..., Any] = LOSS.rules["input"]) -> Any:
    return (rule(g, kept, *PLAIN),)


def make_step(workload: Workload) -> Callable[[], float]:
    weights, activation = dense_layers(workload)
    layers = [Linear(weight, bias) for weight, bias in weights]
    modules: list[Module] = []
    for layer in layers:
        modules += [layer, Activation(activation)] if layer is not layers[-1] else [layer]
    net = Sequential(modules)
    params = [param for layer in layers for param in (layer.weight, layer.bias)]
    update = make_update(workload, [param.array for param in params])
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
