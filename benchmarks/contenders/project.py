"""tinygrad_np, as its users write it."""

from __future__ import annotations

from collections.abc import Callable

import tinygrad_np as tg
from benchmarks.workloads import Workload
from tinygrad_np import nn
from tinygrad_np.nn import functional as F

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}
OPTIMIZERS = {"sgd": tg.optim.SGD, "adam": tg.optim.Adam, "rmsprop": tg.optim.RMSprop}


def make_step(workload: Workload) -> Callable[[], float]:
    layers: list[nn.Module] = []
    for weight, bias in workload.weights():
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        linear.load_state_dict({"weight": tg.from_numpy(weight), "bias": tg.from_numpy(bias)})
        layers += [linear, ACTIVATIONS[workload.activation]()]
    model = nn.Sequential(*layers[:-1])
    optimizer = OPTIMIZERS[workload.optimizer](model.parameters(), lr=workload.learning_rate)
    inputs, targets = (tg.from_numpy(array) for array in workload.data())

    def step() -> float:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step
