"""A contender in a process of its own: ``python -m benchmarks.worker THREADS MODULE CONTENDER``.

``MODULE.make_step(CONTENDER, case)`` makes what is timed. Each line on standard input is a request in JSON, answered by
a line on standard output: ``["load", case]`` makes the step of a case, ``["outputs", n]`` gives what n steps return,
``["run", seconds]`` the seconds that one step took on average, ``["memory"]`` the most megabytes that the process had
since the step was loaded.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks import memory
from benchmarks.contenders import Unavailable

Step = Callable[[], Any]


def main(threads: str, module: str, contender: str) -> None:
    # The variables of OpenMP and BLAS limit NumPy and PyTorch; XLA makes a thread for every processor it may run on.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints shall not get among the answers
    step: Step | None = None
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        if command == "load":
            step = None  # of the case before, whose memory is not to be counted
            gc.collect()
            try:
                memory.reset_peak()
                step = importlib.import_module(module).make_step(contender, *arguments)
                answer: Any = None
            except (Unavailable, ModuleNotFoundError) as error:
                answer = str(error)
        else:
            assert step is not None
            answer = answer_to(command, arguments, step)
        print(json.dumps(answer), file=answers, flush=True)


def answer_to(command: str, arguments: list[Any], step: Step) -> Any:
    match command, arguments:
        case "outputs", [count]:
            return [step() for _ in range(count)]
        case "run", [seconds]:
            gc.collect()  # the turns of all begin with no garbage; the collector stays on, as it is for users
            seconds_per_step(step, seconds / 5)  # threads and caches wake up
            return seconds_per_step(step, seconds)
        case "memory", []:
            return memory.peak() / 1e6
    raise ValueError(f"unknown request: {command} {arguments}")


def seconds_per_step(step: Step, duration: float) -> float:
    """The mean time of one step, over as many as take about ``duration`` seconds."""
    steps, between_looks = 0, 1
    begin = now = time.perf_counter()
    while now - begin < duration:
        for _ in range(between_looks):
            step()
        steps += between_looks
        last, now = now, time.perf_counter()
        if now - last < 1e-3:  # looking at the clock shall take no time to speak of
            between_looks *= 2
    return (now - begin) / steps


if __name__ == "__main__":
    main(*sys.argv[1:])
