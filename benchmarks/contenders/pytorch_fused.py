"""PyTorch in eager mode, with the optimizers that update all parameters in one kernel."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.contenders import Unavailable, pytorch, training
from benchmarks.workloads import Workload


def make_step(workload: Workload) -> Callable[[], float]:
    if workload.optimizer == "rmsprop":
        raise Unavailable("PyTorch has no fused RMSprop")
    return training.make_step(pytorch.torch, workload, fused=True)
