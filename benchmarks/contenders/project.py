"""tinygrad_np, as its users write it."""

from __future__ import annotations

from collections.abc import Callable

import tinygrad_np
from benchmarks.contenders import training
from benchmarks.workloads import Workload


def make_step(workload: Workload) -> Callable[[], float]:
    return training.make_step(tinygrad_np, workload)


def make_classifier(workload: Workload) -> Callable[[], list[int]]:
    return training.make_classifier(tinygrad_np, workload)
