"""Several threads for one large piece of work, and one for what several would only slow down.

NumPy lets other threads run while it computes, so they fill as many cores. Its matrix products are the work of a BLAS
library, which has threads of its own.
"""

from __future__ import annotations

import functools
import operator
import os
import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context
from itertools import pairwise
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from tinygrad_np import blas

T = TypeVar("T")

_count: int | None = None  # as set, or None for the default


def get_num_threads() -> int:
    """How many threads an operation may use.

    By default as many as ``OMP_NUM_THREADS`` says, or else ``OPENBLAS_NUM_THREADS``, or as there are processors for
    this process.

    Example:
        >>> get_num_threads() >= 1
        True
    """
    return _count or _default_count()


def set_num_threads(count: int) -> None:
    """Let an operation use at most ``count`` threads. Results do not depend on it, except by rounding.

    NumPy's matrix products follow where NumPy has OpenBLAS, as it has from PyPI but for the newest macOS; elsewhere
    only the environment variables of its BLAS limit them.

    Raises:
        TypeError: ``count`` is no int.
        RuntimeError: ``count`` is less than 1.

    Example:
        >>> before = get_num_threads()
        >>> set_num_threads(1)
        >>> get_num_threads()
        1
        >>> set_num_threads(before)
    """
    global _count
    count = operator.index(count)
    if count < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {count}")
    if blas.threads is not None:
        blas.threads.set_count(count)
    _count = count


def in_parts(work: Callable[[int, int], T], size: int, least: int) -> list[T]:
    """Call ``work(start, stop)`` for parts of ``range(size)``, each of at least ``least``, at the same time.

    If there are several, each does its matrix products in one thread.

    Returns:
        What the calls returned, in the order of the parts.

    Example:
        >>> sum(in_parts(lambda start, stop: sum(range(start, stop)), 1000, least=100))
        499500
    """
    parts = min(get_num_threads(), size // least)
    if parts < 2 or _here.helping:  # a helper does not wait for helpers, who might wait for it
        return [work(0, size)]
    bounds = [size * i // parts for i in range(parts + 1)]
    others = [Task(work, start, stop) for start, stop in pairwise(bounds[1:])]
    with blas.one_thread:
        _helpers.do(others)
        try:
            first = work(0, bounds[1])
        finally:
            for other in others:
                other.ended.acquire()  # waits: nobody may still be at work when this returns
    return [first, *[other.result() for other in others]]


class Task(Generic[T]):
    """A part of the work, which another thread does."""

    __slots__ = ("context", "ended", "error", "found", "start", "stop", "work")

    found: T

    def __init__(self, work: Callable[[int, int], T], start: int, stop: int) -> None:
        self.work, self.start, self.stop = work, start, stop
        self.context = copy_context()  # of the caller: NumPy keeps its error state there
        self.error: BaseException | None = None
        self.ended = threading.Lock()  # held until then
        self.ended.acquire()

    def do(self) -> None:
        try:
            self.found = self.context.run(self.work, self.start, self.stop)
        except BaseException as error:
            self.error = error
        finally:
            self.ended.release()

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return self.found


class Helpers:
    """Threads that wait for tasks. Handing one over takes half the time that it takes with a `Future`.

    They are daemons: Python does not wait for them when it ends, and at that time they have nothing to do.
    """

    def __init__(self) -> None:
        self.tasks: SimpleQueue[Task[Any]] = SimpleQueue()
        self.count = 0
        self.lock = threading.Lock()

    def do(self, tasks: Sequence[Task[Any]]) -> None:
        """Have these done, all at the same time, and return at once."""
        with self.lock:
            while self.count < len(tasks):
                threading.Thread(target=self.help, name=f"tinygrad_np_{self.count}", daemon=True).start()
                self.count += 1
        for task in tasks:
            self.tasks.put(task)

    def help(self) -> None:
        _here.helping = True
        while True:
            self.tasks.get().do()  # without a name, which would keep the last task and its arrays alive


class Here(threading.local):
    """Of each thread, whether it is a helper."""

    helping = False


_helpers, _here = Helpers(), Here()


@functools.cache
def _default_count() -> int:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        value = os.environ.get(name, "")
        if value.isdigit() and int(value):
            return int(value)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if hasattr(os, "register_at_fork"):  # threads do not survive a fork
    os.register_at_fork(after_in_child=_helpers.__init__)  # type: ignore[misc]
    if blas.threads is not None:
        os.register_at_fork(after_in_child=blas.threads.reset)
