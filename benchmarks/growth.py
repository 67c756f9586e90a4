"""Do time and memory grow in proportion to the length of the graph? ``python -m benchmarks.growth``.

A chain of ops, ``x = tanh(x)`` on four elements, is built and swept backward, each time in a new process. What one op
costs must not depend on how many there are. Python's garbage collector goes over all objects that are alive now and
then, so this framework is measured without it, too.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from importlib import import_module

from benchmarks import memory
from benchmarks.side_by_side import add_options, once, take_turns
from benchmarks.training_step import print_header, print_row

NO_GC = " without gc"
CONTENDERS = {name: name for name in ("tinygrad_np", "tinygrad_np" + NO_GC)} | {"torch": "PyTorch"}
LENGTHS = [1_000, 10_000, 100_000, 1_000_000]


def make_step(contender: str, length: str) -> Callable[[], list[float]]:
    """A function that gives, of one op, the seconds forward and backward and the bytes at most."""
    lib = import_module(contender.removesuffix(NO_GC))
    if contender.endswith(NO_GC):
        gc.disable()
    count = int(length)

    def grow(count: int) -> list[float]:
        start = lib.tensor([0.1, 0.2, 0.3, 0.4], requires_grad=True)
        memory.reset_peak()
        before = memory.peak()
        begin = time.perf_counter()
        x = start
        for _ in range(count):
            x = lib.tanh(x)
        middle = time.perf_counter()
        x.sum().backward()
        end = time.perf_counter()
        return [(middle - begin) / count, (end - middle) / count, (memory.peak() - before) / count]

    grow(10)  # what happens once only
    return lambda: grow(count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="of the chain (default: %(default)s)")
    add_options(parser, rounds=3, threads=1)
    options = parser.parse_args()
    parts = ["forward, µs per op", "backward, µs per op", "memory, bytes per op"]
    print_header(["ops", *(f"{label}: {part}" for label in CONTENDERS.values() for part in parts)])
    for length in options.lengths:
        turns = {
            contender: lambda name=contender, n=length: once("benchmarks.growth", name, str(n), options.threads)
            for contender in CONTENDERS
        }
        results = take_turns(turns, options)
        cells = []
        for contender in CONTENDERS:
            if not all(results[contender]):
                cells += ["—"] * len(parts)
                continue
            forward, backward, size = map(statistics.median, zip(*results[contender], strict=True))
            cells += [f"{1e6 * forward:.2f}", f"{1e6 * backward:.2f}", f"{size:.0f}"]
        print_row([f"{length:,}", *cells])


if __name__ == "__main__":
    main()
