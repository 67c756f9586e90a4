"""A bound: the project's kernels on arrays, one after the other. No tensors, no graph, no modules, no checks of calls.

It is what is left of a training step when all bookkeeping is taken away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_np as tg
from benchmarks.contenders import Unavailable
from benchmarks.contenders.training import make_optimizer
from benchmarks.workloads import Workload
from tinygrad_np.low_rank import LowRank
from tinygrad_np.memory import aligned
from tinygrad_np.ops.table import registry
from tinygrad_np.optim.elementwise import _PIECE as PIECE
from tinygrad_np.optim.elementwise import _SMALL as SMALL

LINEAR = registry["linear"]
LOSS = registry["cross_entropy_loss"]
FLOAT = np.dtype(np.float32)
PLAIN = None, None, None, "mean"  # no weights and no smoothing
Update = Callable[[list[Any]], None]


def dense_layers(workload: Workload) -> tuple[list[tuple[Any, Any]], Any]:
    """Weights and biases of the layers, and the row of the table of the activation between them, if there is one."""
    kinds = {layer.kind for layer in workload.layers} - {"linear"}
    if not kinds <= {"relu", "sigmoid", "tanh"}:
        raise Unavailable("the bounds are written for dense layers only")
    (activation,) = kinds or {None}
    return list(workload.weights()), registry.get(activation or "")


def make_update(workload: Workload, params: list[Any]) -> Update:
    """The project's update rule on arrays: small parameters in one, large ones in pieces.

    In ``params``, the small ones are replaced by what holds their values from now on.
    """
    rule = make_optimizer(tg, tg.nn.Linear(1, 1), workload)
    (group,) = rule.param_groups
    names, rate = rule.buffers(group), rule.rate(group)
    small = [i for i, param in enumerate(params) if param.size <= SMALL]
    together, gradients = aligned(np.zeros, (2, sum(params[i].size for i in small)), FLOAT)
    flat = {i: param.reshape(-1) for i, param in enumerate(params) if param.size > SMALL}
    copies, start = [], 0
    for i in small:
        where, shape = slice(start, start + params[i].size), params[i].shape
        together[where] = params[i].reshape(-1)
        params[i] = together[where].reshape(shape)
        copies.append((i, gradients[where].reshape(shape)))
        start = where.stop
    scratch = aligned(np.zeros, (PIECE,), FLOAT)

    def pieces_of(array: Any) -> list[tuple[slice, Any, dict[str, Any], Any]]:
        state = {name: aligned(np.zeros, (array.size,), FLOAT) for name in names}
        cuts = [slice(start, min(start + PIECE, array.size)) for start in range(0, array.size, PIECE)]
        return [
            (cut, array[cut], {name: values[cut] for name, values in state.items()}, scratch[: cut.stop - cut.start])
            for cut in cuts
        ]

    pieces = {i: pieces_of(array) for i, array in flat.items()}
    small_pieces = pieces_of(together)
    steps = 0

    def update(grads: list[Any]) -> None:
        nonlocal steps
        steps += 1
        if rate is not None:
            for i, grad_copy in copies:
                np.multiply(grads[i], rate, out=grad_copy)
            np.add(together, gradients, out=together)
        else:
            for i, grad_copy in copies:
                grad_copy[...] = grads[i]
            for cut, param, state, room in small_pieces:
                state["step"] = steps
                rule.update(param, gradients[cut], state, group, room)
        for i in flat:
            if isinstance(grads[i], LowRank):  # only SGD is measured with such gradients, which takes them whole
                rule.update(flat[i], grads[i], {}, group, scratch)
                continue
            grad = grads[i].reshape(-1)
            for cut, param, state, room in pieces[i]:
                state["step"] = steps
                rule.update(param, grad[cut], state, group, room)

    return update


def make_step(workload: Workload) -> Callable[[], float]:
    layers, activation = dense_layers(workload)
    params = [array for layer in layers for array in layer]
    update = make_update(workload, params)
    layers = list(zip(params[::2], params[1::2], strict=True))
    inputs, labels = workload.data()
    linear, of_input, of_weight, of_bias = LINEAR.forward, *(LINEAR.rules[k] for k in ("input", "weight", "bias"))
    loss_of, of_logits = LOSS.forward, LOSS.rules["input"]
    if activation is not None:
        act, of_act = activation.forward, activation.rules["input"]
    one = np.ones((), np.float32)
    last = len(layers) - 1

    def step() -> float:
        x = inputs
        seen = []
        for i, (weight, bias) in enumerate(layers):
            seen.append(x)
            x = linear(x, weight, bias)
            if i < last:
                x = act(x)
        loss, kept = loss_of(x, labels, *PLAIN)
        g = of_logits(one, kept, *PLAIN)
        grads = []
        for i in range(last, -1, -1):
            grads += [of_bias(g), of_weight(g, seen[i])]
            if i:
                g = of_act(of_input(g, layers[i][0]), seen[i])
        update(grads[::-1])
        return float(loss)

    return step
