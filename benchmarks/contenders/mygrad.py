"""MyGrad, with its own layers and loss. It has no optimizers: those of the network by hand update its arrays.

Its guard against changes of arrays in use is off, as its documentation advises where speed matters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mygrad as mg
from mygrad.nnet.activations import relu, sigmoid, tanh
from mygrad.nnet.layers import conv_nd, max_pool
from mygrad.nnet.losses import softmax_crossentropy

from benchmarks.contenders.numpy_by_hand import OPTIMIZERS
from benchmarks.workloads import Workload

mg.turn_memory_guarding_off()

LAYERS = {
    "relu": relu,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "pool": lambda x: max_pool(x, (2, 2), 2),
    "flatten": lambda x: x.reshape(len(x), -1),
}


def crop(x: Any) -> Any:
    """Without the row and the column that windows of 2 by 2 leave over, which MyGrad's pooling does not accept."""
    return x[:, :, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]


def make_step(workload: Workload) -> Callable[[], float]:
    params: list[Any] = []
    for weight, bias in workload.weights():
        if weight.ndim == 2:
            params += [mg.tensor(weight.T.copy()), mg.tensor(bias)]
        else:
            params += [mg.tensor(weight), mg.tensor(bias.reshape(-1, 1, 1))]
    arrays = {i: param.data for i, param in enumerate(params)}
    optimizer = OPTIMIZERS[workload.optimizer](workload.learning_rate)
    inputs, labels = workload.data()

    def step() -> float:
        pairs = iter(zip(params[::2], params[1::2], strict=True))
        x: Any = inputs
        for kind, _ in workload.layers:
            if kind == "linear":
                weight, bias = next(pairs)
                x = x @ weight + bias
            elif kind == "conv":
                weight, bias = next(pairs)
                x = conv_nd(x, weight, stride=1) + bias
            elif kind == "pool":
                x = LAYERS[kind](crop(x))
            else:
                x = LAYERS[kind](x)
        loss = softmax_crossentropy(x, labels)
        loss.backward()
        optimizer.update(arrays, {i: param.grad for i, param in enumerate(params)})
        return loss.item()

    return step
