"""The time to recognize 98% of MNIST's test images: ``python -m benchmarks.time_to_accuracy``.

This is the training of ``make mnist``, with its network, data, optimizer and data loading. One and the same function
runs with the project and with PyTorch; the two take turns, each seed in a new process. The time includes the evaluation
after every epoch.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.side_by_side import add_options, once, take_turns
from benchmarks.training_step import print_header, print_row
from tinygrad_np.datasets import MNIST

LIBRARIES = {"tinygrad_np": "tinygrad_np", "torch": "PyTorch"}
DATA = Path(__file__).parents[1] / "examples" / "data"
ACCURACY = 0.98
EPOCHS = 10


def train(torch: Any, seed: int) -> list[float]:
    """Train in the library ``torch``; gives after each epoch the accuracy and the seconds since the beginning."""
    torch.manual_seed(seed)
    nn = torch.nn
    (images, labels), (test_images, test_labels) = (mnist(torch, train=which) for which in (True, False))
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.2), nn.Linear(512, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), batch_size=128, shuffle=True)
    history = []
    begin = time.perf_counter()
    for _ in range(EPOCHS):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
        scheduler.step()
        model.eval()
        with torch.no_grad():
            digits = torch.cat([model(part).argmax(1) for part in test_images.split(1000)])
        accuracy = (digits == test_labels).float().mean().item()
        history.append((accuracy, time.perf_counter() - begin))
        if accuracy >= ACCURACY:
            break
    return history


def mnist(torch: Any, train: bool) -> tuple[Any, Any]:
    digits = MNIST(DATA, train=train)
    images, labels = torch.from_numpy(digits.data.numpy()), torch.from_numpy(digits.targets.numpy())
    return images.float().flatten(1) / 255, labels


def make_step(library: str, seed: str) -> Callable[[], list[float]]:
    torch = import_module(library)
    return lambda: train(torch, int(seed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, rounds=3, pause=1)
    options = parser.parse_args()
    seeds = {library: iter(range(options.rounds)) for library in LIBRARIES}
    turns = {
        library: lambda name=library: once("benchmarks.time_to_accuracy", name, str(next(seeds[name])), options.threads)
        for library in LIBRARIES
    }
    histories = take_turns(turns, options)
    print_header(["library", "epochs to 98% (by seed)", "seconds to 98% (by seed)", "median", "seconds per epoch"])
    for library, label in LIBRARIES.items():
        if None in histories[library]:
            print_row([label, "not installed", "—", "—", "—"])
            continue
        # A run that never gets there counts as endless in the median, and is shown as such.
        reached = [history[-1][0] >= ACCURACY for history in histories[library]]
        seconds = [h[-1][1] if there else float("inf") for h, there in zip(histories[library], reached, strict=True)]
        epochs = [str(len(h)) if there else "—" for h, there in zip(histories[library], reached, strict=True)]
        per_epoch = statistics.median(history[-1][1] / len(history) for history in histories[library])
        spelled = ", ".join(f"{s:.1f}" for s in seconds)
        print_row([label, ", ".join(epochs), spelled, f"{statistics.median(seconds):.1f}", f"{per_epoch:.2f}"])


if __name__ == "__main__":
    main()
