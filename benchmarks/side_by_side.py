"""Contenders timed in one run: each in a process of its own, turn by turn.

The turns rotate: in each round another contender begins. Between two turns is a pause, since the idle threads of a
library go on spinning for some milliseconds and would disturb the next. A ratio is formed within each round, so that
what slows the machine down for a while cancels out, and the median over the rounds is reported. Where a virtual machine
tells that others had its processors during a turn, the turn is repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

Times = dict[str, list[float]]


class Worker:
    """A contender's process: see `benchmarks.worker`."""

    def __init__(self, module: str, contender: str, threads: int, variables: Mapping[str, str]) -> None:
        limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), str(threads))
        self.contender = contender
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", str(threads), module, contender],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **limits, **variables},
        )

    def ask(self, *request: Any) -> Any:
        self.send(*request)
        return self.receive()

    def send(self, *request: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def receive(self) -> Any:
        assert self.process.stdout is not None
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.contender} ended early; what it says is above")
        return json.loads(answer)

    def close(self) -> None:
        with self.process:  # closes the pipes, at which the worker ends, and waits for that
            pass


@contextmanager
def workers(
    module: str, contenders: Iterable[str], threads: int, variables: Mapping[str, str] | None = None
) -> Iterator[dict[str, Worker]]:
    """The workers of these contenders, by name, with ``variables`` in their environment."""
    with ExitStack() as stack:
        running = {name: Worker(module, name, threads, variables or {}) for name in contenders}
        for worker in running.values():
            stack.callback(worker.close)
        yield running


def load(running: Mapping[str, Worker], case: str) -> tuple[dict[str, Worker], dict[str, str]]:
    """Have all make the step of a case; gives those that can, and why the others cannot."""
    for worker in running.values():
        worker.send("load", case)
    reasons = {name: worker.receive() for name, worker in running.items()}
    ready = {name: worker for name, worker in running.items() if reasons[name] is None}
    return ready, {name: reason for name, reason in reasons.items() if reason is not None}


def once(module: str, contender: str, case: str, threads: int) -> Any:
    """What a step of a case returns, made in a new process that then ends; None if the contender cannot make it."""
    with workers(module, [contender], threads) as running:
        ready, _ = load(running, case)
        return ready[contender].ask("outputs", 1)[0] if ready else None


def interleave(ready: Mapping[str, Worker], options: argparse.Namespace) -> Times:
    """Seconds per step of each, round by round."""
    for worker in ready.values():
        worker.ask("run", options.turn)
    turns = {
        name: lambda w=worker: least_disturbed(lambda: w.ask("run", options.turn)) for name, worker in ready.items()
    }
    return take_turns(turns, options)


def stolen_time() -> int:
    """For how long other virtual machines had this one's processors, in ticks; 0 where the system does not tell."""
    try:
        return int(Path("/proc/stat").read_text().split(maxsplit=9)[8])  # see "steal" in proc_stat(5)
    except (OSError, IndexError, ValueError):
        return 0


def take_turns(turns: Mapping[str, Callable[[], float]], options: argparse.Namespace) -> Times:
    """What each measured, round by round."""
    times: Times = {name: [] for name in turns}
    names = list(turns)
    for _ in range(options.rounds):
        for name in names:
            time.sleep(options.pause)
            times[name].append(turns[name]())
        names.append(names.pop(0))
    return times


def least_disturbed(turn: Callable[[], float], stolen: Callable[[], int] = stolen_time) -> float:
    """What a short turn measured. If a processor was taken away meanwhile, there is another, and the better counts."""
    measured = []
    for _ in range(2):
        before = stolen()
        seconds = turn()
        disturbed = stolen() - before
        measured.append((disturbed, seconds))
        if not disturbed:
            break
    return min(measured)[1]


def ratio(times: Times, contender: str, base: str) -> float:
    """How many times as long as the base a contender took: the median over the rounds."""
    return statistics.median(theirs / ours for theirs, ours in zip(times[contender], times[base], strict=True))


def add_options(
    parser: argparse.ArgumentParser, rounds: int, turn: float | None = None, pause: float = 0.1, threads: int = 2
) -> None:
    """The options that `interleave` reads, with these defaults; without ``turn``, those that `take_turns` reads."""
    parser.add_argument("--rounds", type=int, default=rounds, help="turns of each contender (default: %(default)s)")
    parser.add_argument("--pause", type=float, default=pause, help="seconds between turns (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=threads, help="of each contender (default: %(default)s)")
    if turn is not None:
        parser.add_argument("--turn", type=float, default=turn, help="seconds per turn (default: %(default)s)")
