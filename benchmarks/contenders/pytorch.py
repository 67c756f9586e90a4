"""PyTorch in eager mode, with its default optimizers."""

from __future__ import annotations

import os
from collections.abc import Callable

import torch

from benchmarks.contenders import training
from benchmarks.workloads import Workload

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def make_step(workload: Workload) -> Callable[[], float]:
    return training.make_step(torch, workload)


def make_classifier(workload: Workload) -> Callable[[], list[int]]:
    return training.make_classifier(torch, workload)
