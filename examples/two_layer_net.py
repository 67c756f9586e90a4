"""The two-layer network of "Deep Learning from Scratch": its gradient checked by hand, trained by a rule of choice.

First, backpropagation is held against numerical differentiation: every parameter, on three images. Then the network
learns MNIST from batches drawn with replacement. ``--compare`` trains it once with each optimizer instead.
"""

from __future__ import annotations

import common
from matplotlib import pyplot as plt

import tinygrad_np as tg

OPTIMIZERS = {  # with the learning rate that suits each
    "SGD": lambda parameters, lr: tg.optim.SGD(parameters, lr or 0.05),
    "momentum": lambda parameters, lr: tg.optim.SGD(parameters, lr or 0.05, momentum=0.9),
    "Adagrad": lambda parameters, lr: tg.optim.Adagrad(parameters, lr or 0.01),
    "RMSprop": lambda parameters, lr: tg.optim.RMSprop(parameters, lr or 0.001),
    "Adam": lambda parameters, lr: tg.optim.Adam(parameters, lr or 0.001),
}
ACTIVATIONS = {"relu": tg.nn.ReLU, "sigmoid": tg.nn.Sigmoid}


class TwoLayerNet(tg.nn.Module):
    def __init__(self, hidden: int, activation: str):
        super().__init__()
        self.hidden = tg.nn.Linear(784, hidden)
        self.activation = ACTIVATIONS[activation]()
        self.output = tg.nn.Linear(hidden, 10)
        for layer in (self.hidden, self.output):
            tg.nn.init.normal_(layer.weight, std=0.01)
            tg.nn.init.zeros_(layer.bias)

    def forward(self, images: tg.Tensor) -> tg.Tensor:
        return self.output(self.activation(self.hidden(images.flatten(1))))

    def loss(self, images: tg.Tensor, labels: tg.Tensor) -> tg.Tensor:
        return tg.nn.functional.cross_entropy(self(images), labels)


def check_gradient(images: tg.Tensor, labels: tg.Tensor) -> float:
    """The largest difference between the gradients of backpropagation and of numerical differentiation."""
    model = TwoLayerNet(options.hidden, options.activation).double()
    images = images.double()
    model.loss(images, labels).backward()
    largest = 0.0
    for name, parameter in common.progress(list(model.named_parameters()), "numerical gradient", "parameter"):
        numerical = common.numerical_gradient(lambda _: model.loss(images, labels), parameter)
        difference = (parameter.grad - numerical).abs().max().item()
        print(f"  {name:13} {parameter.numel():6,} elements, largest difference {difference:.1e}")
        largest = max(largest, difference)
    return largest


def train(rule: str) -> tuple[common.Training, list[float]]:
    """Train with an optimizer; returns what was reported each epoch, and the loss of each iteration."""
    tg.manual_seed(options.seed)  # the same initial weights and batches for every rule
    model = TwoLayerNet(options.hidden, options.activation)
    optimizer = OPTIMIZERS[rule](model.parameters(), options.lr)
    epoch = max(len(train_images) // options.batch_size, 1)
    losses: list[float] = []
    with common.Training(model, options.output / f"weights_{rule}.safetensors") as training:
        for iteration in common.progress(range(1, options.iterations + 1), rule, "batch"):
            drawn = tg.randint(0, len(train_images), (options.batch_size,))
            optimizer.zero_grad()
            loss = model.loss(train_images[drawn], train_labels[drawn])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if iteration % epoch == 0 or iteration == options.iterations:
                right = common.predict(model, test_images) == test_labels
                training.report(sum(losses[-epoch:]) / epoch, accuracy=right.float().mean().item())
    return training, losses


def plot_comparison(losses: dict[str, list[float]]) -> None:
    """The training loss of each optimizer, smoothed over 100 iterations."""
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for rule, values in losses.items():
        smooth = tg.tensor(values).unfold...
