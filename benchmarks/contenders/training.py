"""A network and its training step in PyTorch's API. PyTorch and the project are handed this same code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.workloads import Workload


def make_model(torch: Any, workload: Workload) -> Any:
    """The network with the workload's weights, in the library ``torch``."""
    nn = torch.nn
    plain = {
        "relu": nn.ReLU,
        "sigmoid": nn.Sigmoid,
        "tanh": nn.Tanh,
        "pool": lambda: nn.MaxPool2d(2),
        "flatten": nn.Flatten,
    }
    weights = workload.weights()
    layers = []
    for kind, shape in workload.layers:
        if shape:
            out, into, *kernel = shape
            layer = nn.Conv2d(into, out, tuple(kernel)) if kernel else nn.Linear(into, out)
            weight, bias = next(weights)
            layer.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
        else:
            layer = plain[kind]()
        layers.append(layer)
    return nn.Sequential(*layers)


def make_optimizer(torch: Any, model: Any, workload: Workload, **options: Any) -> Any:
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}
    return kinds[workload.optimizer](model.parameters(), lr=workload.learning_rate, **options)


def make_step(
    torch: Any,
    workload: Workload,
    compile_loss: Callable[[Any], Any] = lambda function: function,
    compile_update: Callable[[Any], Any] = lambda function: function,
    **optimizer_options: Any,
) -> Callable[[], float]:
    """The training step; to be compiled are the function from a batch to its loss, and the optimizer's step."""
    model = make_model(torch, workload)
    optimizer = make_optimizer(torch, model, workload, **optimizer_options)
    update = compile_update(optimizer.step)
    inputs, labels = (torch.from_numpy(array) for array in workload.data())

    @compile_loss
    def loss_of(inputs: Any, labels: Any) -> Any:
        return torch.nn.functional.cross_entropy(model(inputs), labels)

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of(inputs, labels)
        loss.backward()
        update()
        return loss.item()

    return step


def make_classifier(torch: Any, workload: Workload) -> Callable[[], list[int]]:
    """Recognizes the inputs of a batch, without a graph."""
    model = make_model(torch, workload)
    inputs = torch.from_numpy(workload.data()[0])

    def classify() -> list[int]:
        with torch.no_grad():
            return model(inputs).argmax(1).tolist()

    return classify
