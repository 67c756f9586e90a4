"""PyTorch with ``torch.compile`` of model and loss, forward and backward.

The optimizer is the fused one, and where there is none its step is compiled too: of the ways to combine the two, these
are the fastest. Compiling takes place in the steps that compare the losses, before anything is timed.
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
    compile = torch.compile(dynamic=False)
    if workload.optimizer == "rmsprop":  # has no fused version
        return training.make_step(torch, workload, compile_loss=compile, compile_update=compile)
    return training.make_step(torch, workload, compile_loss=compile, fused=True)
