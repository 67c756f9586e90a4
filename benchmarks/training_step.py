"""The time of one training step, side by side: ``python -m benchmarks.training_step``.

Every contender runs in a process of its own; they take turns, in an order that rotates, with a pause between two turns
so that the idle threads of one do not disturb the next. Of each round the ratio of a contender's time to the project's
is formed; the medians over the rounds are printed. Before that, all must compute the same losses from the same weights.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

from benchmarks.workloads import WORKLOADS

PROJECT = "project"
CONTENDERS = {PROJECT: "tinygrad_np", "numpy_by_hand": "NumPy by hand", "pytorch": "PyTorch"}


class Worker:
    """A contender's process."""

    def __init__(self, contender: str, workload: str, threads: int) -> None:
        counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", contender, workload],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | counts,
        )

    def ask(self, question: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the contender ended early: {' '.join(map(str, self.process.args))}")
        return json.loads(answer)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def measure(workload: str, options: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds per step of each contender, round by round."""
    workers = {name: Worker(name, workload, options.threads) for name in CONTENDERS}
    try:
        check_losses({name: worker.ask("losses 10") for name, worker in workers.items()})
        for worker in workers.values():
            worker.ask(f"run {options.turn}")  # warm-up
        times: dict[str, list[float]] = {name: [] for name in workers}
        names = list(workers)
        for _ in range(options.rounds):
            for name in names:
                time.sleep(options.pause)
                times[name].append(workers[name].ask(f"run {options.turn}"))
            names.append(names.pop(0))
        return times
    finally:
        for worker in workers.values():
            worker.close()


def check_losses(losses: dict[str, list[float]]) -> None:
    """See that all contenders train the same network."""
    for name, values in losses.items():
        for own, theirs in zip(losses[PROJECT], values, strict=True):
            if abs(own - theirs) > 1e-3 * max(1, abs(own)):
                raise SystemExit(f"{name} computes other losses: {values} where the project has {losses[PROJECT]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", help=f"which to run: {', '.join(WORKLOADS)} (default: all)")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each contender (default: %(default)s)")
    parser.add_argument("--turn", type=float, default=0.3, help="seconds per turn (default: %(default)s)")
    parser.add_argument("--pause", type=float, default=0.2, help="seconds between turns (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="of each contender (default: %(default)s)")
    options = parser.parse_args()
    others = [name for name in CONTENDERS if name != PROJECT]
    print(f"One training step, float32, {options.threads} threads; medians of {options.rounds} rounds.\n")
    print("| workload | batch | layers | optimizer | ", end="")
    print(" | ".join(f"{label}, ms" for label in CONTENDERS.values()), end=" | ")
    print(" | ".join(f"{CONTENDERS[name]} / project" for name in others), "|")
    print("| --- " * (4 + len(CONTENDERS) + len(others)) + "|")
    for name in options.workloads or WORKLOADS:
        workload = WORKLOADS[name]
        times = measure(name, options)
        medians = [f"{1e3 * statistics.median(times[c]):.3f}" for c in CONTENDERS]
        ratios = [
            f"{statistics.median(t / p for t, p in zip(times[c], times[PROJECT], strict=True)):.2f}" for c in others
        ]
        layers = "-".join(map(str, workload.sizes))
        cells = [
            name,
            str(workload.batch),
            f"{layers} {workload.activation}",
            workload.optimizer,
            *medians,
            *ratios,
        ]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
