"""One contender in a process of its own: ``python -m benchmarks.worker CONTENDER WORKLOAD``.

It answers each line on standard input: ``losses N`` with the losses of N steps, ``run SECONDS`` with the seconds that
one step took on average over about that long.
"""

from __future__ import annotations

import importlib
import json
import sys
import time

from benchmarks.workloads import WORKLOADS


def main(contender: str, workload: str) -> None:
    step = importlib.import_module(f"benchmarks.contenders.{contender}").make_step(WORKLOADS[workload])
    for line in sys.stdin:
        command, argument = line.split()
        if command == "losses":
            answer: object = [step() for _ in range(int(argument))]
        else:
            answer = seconds_per_step(step, float(argument))
        print(json.dumps(answer), flush=True)


def seconds_per_step(step: object, duration: float) -> float:
    """The mean time of one step, over as many as take about ``duration`` seconds."""
    assert callable(step)
    steps = 0
    begin = now = time.perf_counter()
    while now - begin < duration:
        for _ in range(5):
            step()
        steps += 5
        now = time.perf_counter()
    return (now - begin) / steps


if __name__ == "__main__":
    main(*sys.argv[1:])
