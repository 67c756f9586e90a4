"""PyTorch in eager mode, with its default optimizers."""

from __future__ import annotations

import os
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.workloads import Workload

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}
OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}


def make_step(workload: Workload) -> Callable[[], float]:
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    layers: list[nn.Module] = []
    for weight, bias in workload.weights():
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        linear.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
        layers += [linear, ACTIVATIONS[workload.activation]()]
    model = nn.Sequential(*layers[:-1])
    optimizer = OPTIMIZERS[workload.optimizer](model.parameters(), lr=workload.learning_rate)
    inputs, targets = (torch.from_numpy(array) for array in workload.data())

    def step() -> float:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step
