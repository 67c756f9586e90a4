"""The networks that are timed, and the data they are given: the same for every contender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Workload:
    """One training step: zero_grad, forward, cross entropy, backward, optimizer step.

    Attributes:
        sizes: features of the input, the hidden layers and the output.
        activation: between the layers.
        optimizer: with the learning rate that `learning_rate` gives for it.
    """

    name: str
    batch: int
    sizes: tuple[int, ...]
    activation: Literal["relu", "sigmoid", "tanh"]
    optimizer: Literal["sgd", "adam", "rmsprop"]

    @property
    def learning_rate(self) -> float:
        return 0.1 if self.optimizer == "sgd" else 0.001

    def weights(self) -> list[tuple[Array, Array]]:
        """For each layer a weight (out, in) and a bias (out,), always the same."""
        rng = np.random.default_rng(0)
        return [
            (
                rng.normal(0, (1 / fan_in) ** 0.5, (fan_out, fan_in)).astype(np.float32),
                np.zeros(fan_out, np.float32),
            )
            for fan_in, fan_out in zip(self.sizes[:-1], self.sizes[1:], strict=True)
        ]

    def data(self) -> tuple[Array, npt.NDArray[np.int64]]:
        """A batch of inputs in 0..1 and their class labels."""
        rng = np.random.default_rng(1)
        inputs = rng.random((self.batch, self.sizes[0]), dtype=np.float32)
        return inputs, rng.integers(0, self.sizes[-1], self.batch)


WORKLOADS = {
    w.name: w
    for w in (
        Workload("two-layer-sgd", 100, (784, 50, 10), "relu", "sgd"),
        Workload("two-layer-adam", 100, (784, 50, 10), "relu", "adam"),
        Workload("wide-sgd", 128, (784, 512, 10), "relu", "sgd"),
        Workload("wide-adam", 128, (784, 512, 10), "relu", "adam"),
    )
}
