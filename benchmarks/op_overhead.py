"""What recording an op costs, forward and backward: ``python -m benchmarks.op_overhead``.

The tensors have four elements, so that next to nothing is spent on arithmetic. The time of the backward pass is that of
forward and backward less that of forward alone, round by round; it includes starting the pass. In the chain of 100
multiplications this is spread over 100 ops.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from importlib import import_module
from typing import Any

from benchmarks.side_by_side import Times, add_options, interleave, load, workers
from benchmarks.training_step import print_header, print_row

LIBRARIES = {"tinygrad_np": "tinygrad_np", "torch": "PyTorch", "mygrad": "MyGrad"}
CHAIN = 100


def chain(lib: Any, x: Any, y: Any) -> Any:
    for _ in range(CHAIN):
        x = x * y
    return x


OPS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda lib, x, y: x + y,
    "mul": lambda lib, x, y: x * y,
    "exp": lambda lib, x, y: lib.exp(x),
    "sum": lambda lib, x, y: x.sum(),
    "matmul": lambda lib, x, y: x @ y,
    "getitem": lambda lib, x, y: x[1:],
    f"chain of {CHAIN} mul, per op": chain,
}


def make_step(contender: str, case: str) -> Callable[[], object]:
    """A contender is a library and "forward" or "both"; a case is the name of an op."""
    library, passes = contender.split()
    lib, op = import_module(library), OPS[case]
    values = [[1.0, 0.9], [1.1, 1.0]]
    if library == "mygrad":  # a new graph clears its gradients
        lib.turn_memory_guarding_off()
        x, y = (lib.tensor(values, dtype="float32") for _ in range(2))
        clear = lambda: None
        seed = lambda out: lib.ones_like(out).data
    else:
        x, y = (lib.tensor(values, requires_grad=True) for _ in range(2))
        seed = lib.ones_like

        def clear() -> None:
            x.grad = y.grad = None

    if passes == "forward":
        return lambda: op(lib, x, y)
    gradient = seed(op(lib, x, y))

    def both() -> None:
        op(lib, x, y).backward(gradient)
        clear()

    return both


def microseconds(times: list[float], ops: int) -> str:
    return f"{1e6 * statistics.median(times) / ops:.2f}"


def cells(times: Times, library: str, ops: int) -> list[str]:
    """The time of an op forward and backward."""
    if f"{library} forward" not in times:
        return ["—", "—"]
    forward, both = times[f"{library} forward"], times[f"{library} both"]
    return [microseconds(forward, ops), microseconds([b - f for b, f in zip(both, forward, strict=True)], ops)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, rounds=9, turn=0.05, pause=0.02, threads=1)
    options = parser.parse_args()
    print_header(["µs", *(f"{label}, {part}" for label in LIBRARIES.values() for part in ("forward", "backward"))])
    contenders = [f"{library} {passes}" for library in LIBRARIES for passes in ("forward", "both")]
    with workers("benchmarks.op_overhead", contenders, options.threads) as running:
        for op, function in OPS.items():
            times = interleave(load(running, op)[0], options)
            ops = CHAIN if function is chain else 1
            print_row([op, *(cell for library in LIBRARIES for cell in cells(times, library, ops))])


if __name__ == "__main__":
    main()
