"""Does a training step stay as fast in later epochs? ``python -m benchmarks.epochs``.

Trains the network of mlp-adam-b128 on MNIST, in batches that lie in memory. The numbers change as it learns: gradients
become 0, and the optimizer's averages of them shrink to numbers that processors are slow for. One and the same function
runs with the project and with PyTorch, in turns, each time in a new process.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from benchmarks.contenders import training
from benchmarks.side_by_side import add_options, once, take_turns
from benchmarks.time_to_accuracy import mnist
from benchmarks.training_step import print_header, print_row
from benchmarks.workloads import WORKLOADS

LIBRARIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "project": ("tinygrad_np", "tinygrad_np", {}),
    "pytorch": ("torch", "PyTorch", {}),
    "pytorch_fused": ("torch", "PyTorch, fused optimizer", {"fused": True}),
}
WORKLOAD = WORKLOADS["mlp-adam-b128"]
EPOCHS = 6


def train(torch: Any, **optimizer_options: Any) -> list[float]:
    """Train in the library ``torch``; gives for each epoch the seconds per step."""
    images, labels = mnist(torch, train=True)
    batches = list(zip(images.split(WORKLOAD.batch), labels.split(WORKLOAD.batch), strict=True))
    model = training.make_model(torch, WORKLOAD)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **optimizer_options)
    seconds = []
    for _ in range(EPOCHS):
        begin = time.perf_counter()
        for x, y in batches:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            loss.item()
        seconds.append((time.perf_counter() - begin) / len(batches))
    return seconds


def make_step(contender: str, case: str) -> Callable[[], list[float]]:
    library, _, optimizer_options = LIBRARIES[contender]
    torch = import_module(library)
    return lambda: train(torch, **optimizer_options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, rounds=5, pause=1)
    options = parser.parse_args()
    turns = {name: lambda name=name: once("benchmarks.epochs", name, "", options.threads) for name in LIBRARIES}
    times = take_turns(turns, options)
    print_header(["ms per step in epoch", *map(str, range(1, EPOCHS + 1))])
    for name, (_, label, _) in LIBRARIES.items():
        if None in times[name]:
            print_row([label, *["—"] * EPOCHS])
            continue
        medians = [statistics.median(epoch) for epoch in zip(*times[name], strict=True)]
        print_row([label, *(f"{1e3 * seconds:.2f}" for seconds in medians)])


if __name__ == "__main__":
    main()
