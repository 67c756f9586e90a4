"""Several threads for one large piece of work. NumPy lets others run while it computes, so they fill as many cores."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextvars import copy_context
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

T = TypeVar("T")

_count: int | None = None  # as set, or None for the default


def get_num_threads() -> int:
    """How many threads an operation may use.

    By default as many as ``OMP_NUM_THREADS`` says, or else ``OPENBLAS_NUM_THREADS``, or as there are processors for
    this process. NumPy's matrix products have threads of their own, which only these environment variables limit.

    Example:
        >>> get_num_threads() >= 1
        True
    """
    return _count or _default_count()


def set_num_threads(count: int) -> None:
    """Let an operation use at most ``count`` threads. Results do not depend on it, except by rounding.

    Raises:
        RuntimeError: ``count`` is less than 1.

    Example:
        >>> before = get_num_threads()
        >>> set_num_threads(1)
        >>> get_num_threads()
        1
        >>> set_num_threads(before)
    """
    global _count
    if count < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {count}")
    _count = count


def in_parts(work: Callable[[int, int], T], size: int, least: int) -> list[T]:
    """Call ``work(start, stop)`` for parts of ``range(size)``, each of at least ``least``, at the same time.

    Returns:
        What the calls returned, in the order of the parts.

    Example:
        >>> sum(in_parts(lambda start, stop: sum(range(start, stop)), 1000, least=100))
        499500
    """
    parts = min(get_num_threads(), size // least)
    if parts < 2:
        return [work(0, size)]
    bounds = [size * i // parts for i in range(parts + 1)]
    # Each thread sees the caller's context, which is where NumPy keeps its error state.
    others = [_pool().submit(copy_context().run, work, start, stop) for start, stop in pairwise(bounds[1:])]
    try:
        first = work(0, bounds[1])
    finally:
        for other in others:
            other.exception()  # waits: nobody may still be at work when this returns
    return [first, *[other.result() for other in others]]


@functools.cache
def _default_count() -> int:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        value = os.environ.get(name, "")
        if value.isdigit() and int(value):
            return int(value)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def _pool() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor  # here, for it takes long to import

    return ThreadPoolExecutor(thread_name_prefix="tinygrad_np")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not survive a fork
