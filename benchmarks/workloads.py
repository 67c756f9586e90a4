"""The networks that are timed, and the data they are given: the same for every contender."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


class Layer(NamedTuple):
    """A layer, with the shape of its weight if it has one: (out, in) or (out, in, height, width).

    A convolution has stride 1 and no padding; "pool" is the maximum over windows of 2 by 2.
    """

    kind: Literal["linear", "conv", "relu", "sigmoid", "tanh", "pool", "flatten"]
    shape: tuple[int, ...] = ()


def mlp(*sizes: int, activation: Literal["relu", "sigmoid", "tanh"] = "relu") -> tuple[Layer, ...]:
    """Linear layers between these numbers of units, with the activation after each but the last."""
    layers = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [Layer("linear", (fan_out, fan_in)), Layer(activation)]
    return tuple(layers[:-1])


CNN = (
    Layer("conv", (8, 1, 3, 3)),
    Layer("relu"),
    Layer("pool"),
    Layer("conv", (16, 8, 3, 3)),
    Layer("relu"),
    Layer("pool"),
    Layer("flatten"),
    Layer("linear", (10, 16 * 5 * 5)),
)


@dataclass(frozen=True)
class Workload:
    """One training step in float32: zero_grad, forward, loss, backward, optimizer step.

    The loss is the cross entropy of the last layer's outputs, for every workload: what is called a sigmoid network
    has sigmoids between its layers.

    Attributes:
        layers: of the network, from input to output.
        optimizer: with the learning rate that `learning_rate` gives for it, and PyTorch's other defaults.
        floors: for some contenders, the ratio of its time to the project's that the project is to reach.
        image: the shape of one input, if it is not a vector.
    """

    name: str
    batch: int
    description: str
    layers: tuple[Layer, ...]
    optimizer: Literal["sgd", "adam", "rmsprop"]
    floors: dict[str, float] = field(default_factory=dict)
    image: tuple[int, ...] = ()

    @property
    def learning_rate(self) -> float:
        return {"sgd": 0.01, "adam": 1e-4, "rmsprop": 1e-5}[self.optimizer]

    def weights(self) -> Iterator[tuple[Array, Array]]:
        """For each layer that has them, weight and bias: always the same values in new arrays."""
        rng = np.random.default_rng(0)
        for layer in self.layers:
            if layer.shape:
                scale = math.prod(layer.shape[1:]) ** -0.5
                yield in_lines(rng.normal(0, scale, layer.shape), np.float32), np.zeros(layer.shape[0], np.float32)

    def data(self) -> tuple[Array, npt.NDArray[np.int64]]:
        """A batch of inputs, normally distributed, and their class labels.

        In the thousands of steps that are timed gradients must not fade into denormal numbers, which are slow. So no
        network can learn the batch by heart: one half repeats the inputs of the other under other labels. And inputs
        around zero let no unit die, in contrast to inputs in 0..1 that are alike on the whole.
        """
        rng = np.random.default_rng(1)
        classes = self.layers[-1].shape[0]
        half = math.ceil(self.batch / 2)
        inputs = rng.standard_normal((half, *(self.image or self.layers[0].shape[1:])), np.float32)
        labels = rng.integers(0, classes, half)
        both = np.concatenate([inputs, inputs]), np.concatenate([labels, (labels + 1) % classes])
        return in_lines(both[0][: self.batch], np.float32), both[1][: self.batch]


def in_lines(values: npt.NDArray[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """A copy that begins where a cache line does.

    NumPy's arrays begin anywhere, and OpenBLAS's products of thin matrices take up to 1.3 times as long for those that
    do not begin there: a contender should not be fast by luck. The framework has a function for this, too, but is not
    to be imported for the others.
    """
    memory = np.empty(values.size * np.dtype(dtype).itemsize + 64, np.uint8)
    start = -memory.ctypes.data % 64
    copy: npt.NDArray[Any] = memory[start : start + len(memory) - 64].view(dtype).reshape(values.shape)
    copy[...] = values
    return copy


def floors(by_hand: float | None, pytorch: float | None, fused: float | None, jax: float | None) -> dict[str, float]:
    """The floors by contender, of those that are given."""
    given = {"numpy_by_hand": by_hand, "pytorch": pytorch, "pytorch_fused": fused, "jax_jit": jax}
    return {contender: floor for contender, floor in given.items() if floor is not None}


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            "perceptron-b1",
            1,
            "784-200-10 sigmoid",
            mlp(784, 200, 10, activation="sigmoid"),
            "sgd",
            floors(1.3, 1.7, 1.6, 2.0),
        ),
        Workload("softmax-b100", 100, "784-10", mlp(784, 10), "sgd", floors(0.9, 2.7, 2.7, 2.7)),
        Workload("two-layer-b512", 512, "784-50-10 ReLU", mlp(784, 50, 10), "sgd", floors(1.0, 1.6, 1.5, 1.7)),
        Workload(
            "three-layer-b100",
            100,
            "784-50-100-10 sigmoid",
            mlp(784, 50, 100, 10, activation="sigmoid"),
            "sgd",
            floors(1.0, 1.7, 1.7, 1.6),
        ),
        Workload("keras-b128", 128, "784-512-10 ReLU", mlp(784, 512, 10), "rmsprop", floors(2.0, 1.5, None, 1.1)),
        Workload(
            "mlp-adam-b128", 128, "784-256-128-10 ReLU", mlp(784, 256, 128, 10), "adam", floors(1.3, 1.9, 1.1, 1.5)
        ),
        Workload(
            "tiny-b16",
            16,
            "8-16-16-2 tanh",
            mlp(8, 16, 16, 2, activation="tanh"),
            "adam",
            floors(1.5, 5.0, 4.0, 1.5),
        ),
        Workload(
            "cnn-b64",
            64,
            "conv 1-8 3x3, ReLU, pool 2, conv 8-16 3x3, ReLU, pool 2, linear",
            CNN,
            "adam",
            floors(None, 0.8, 0.8, None),
            image=(1, 28, 28),
        ),
    )
}
