"""The main job, seen as a whole: the gradient of the MNIST network, and training that can be repeated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.datasets import MNIST

ROOT = Path(__file__).parents[1] / "examples" / "data"


class MLP(tg.nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.hidden = tg.nn.Linear(784, hidden)
        self.output = tg.nn.Linear(hidden, 10)

    def forward(self, images: tg.Tensor) -> tg.Tensor:
        return self.output(self.hidden(images.flatten(1)).relu())


@pytest.fixture(scope="module")
def mnist() -> MNIST:
    return MNIST(ROOT, train=False)


def test_every_parameter_of_the_network_has_the_gradient_that_differences_give(mnist: MNIST) -> None:
    tg.manual_seed(0)
    model = MLP(16).double()
    images, labels = mnist.data[:3].double() / 255, mnist.targets[:3]
    tg.nn.functional.cross_entropy(model(images), labels).backward()
    eps = 1e-5
    with tg.no_grad():
        for name, parameter in model.named_parameters():
            values = parameter.detach().numpy().reshape(-1)
            numeric = np.empty_like(values)
            for i, value in enumerate(values.tolist()):
                losses = []
                for shifted in (value + eps, value - eps):
                    values[i] = shifted
                    losses.append(tg.nn.functional.cross_entropy(model(images), labels).item())
                values[i] = value
                numeric[i] = (losses[0] - losses[1]) / (2 * eps)
            assert parameter.grad is not None
            np.testing.assert_allclose(parameter.grad.numpy().reshape(-1), numeric, atol=1e-8, err_msg=name)
            assert np.abs(numeric).max() > 1e-3, name


def test_the_same_seed_trains_to_the_same_bits_and_learns(mnist: MNIST) -> None:
    images, labels = mnist.data[:1000].float() / 255, mnist.targets[:1000]

    def train() -> tuple[list[float], dict[str, bytes]]:
        tg.manual_seed(1)
        model = MLP(32)
        optimizer = tg.optim.Adam(model.parameters(), lr=0.01)
        data = tg.utils.data.TensorDataset(images, labels)
        losses = []
        for _ in range(3):
            for x, y in tg.utils.data.DataLoader(data, batch_size=100, shuffle=True):
                optimizer.zero_grad()
                loss = tg.nn.functional.cross_entropy(model(x), y)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
        return losses, {name: value.numpy().tobytes() for name, value in model.state_dict().items()}

    losses, state = train()
    assert (losses, state) == train()
    assert losses[-1] < losses[0] / 4
