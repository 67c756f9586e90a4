"""PyTorch with ``torch.compile`` of model and loss, forward and backward.

The optimizer is the fused one where there is one: its compiled step was slower. Compiling takes place in the steps that
compare the losses, before anything is timed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable

from benchmarks.contenders import Unavailable, pytorch, training
from benchmarks.workloads import Workload


def make_step(workload: Workload) -> Callable[[], float]:
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        raise Unavailable("torch.compile needs a C++ compiler, and this machine has none")
    torch = pytorch.torch
    torch.compiler.reset()
    options = {} if workload.optimizer == "rmsprop" else {"fused": True}
    return training.make_step(torch, workload, compile=torch.compile(dynamic=False), **options)
