"""How far a training step is from what the machine can do: ``python -m benchmarks.roofline``.

The bound is a step that does nothing but its matrix products, each by BLAS in the fastest memory layout and into memory
that is there already (a convolution is a product with the unfolded image), and that touches everything else as
seldom as an implementation on top of BLAS can:

- parameters, gradients and the optimizer's state: each read once, each but the gradients written once; but the gradient
  of a large weight is not computed when the batch is so small that SGD better adds it as the product that it is;
- an activation or pooling: in the forward pass its input read and its output written, in the backward pass its gradient
  and what was kept of the output read, and the gradient of the input written;
- a convolution: the image read and the unfolded image written, and the same in the backward pass.

Both are measured: the products with NumPy or `tinygrad_np.blas`, the memory by copying arrays of these sizes.
They run in a process of their own each, in turns with the project.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from benchmarks import training_step
from benchmarks.side_by_side import add_options, interleave, load, ratio, workers
from benchmarks.training_step import PROJECT, print_header, print_row
from benchmarks.workloads import WORKLOADS, Workload
from tinygrad_np import blas
from tinygrad_np.low_rank import is_thin

ARRAYS_MOVED = {"sgd": 3, "rmsprop": 5, "adam": 7}  # of a parameter's size, read or written by an update
Call = Callable[[], object]


class Product(NamedTuple):
    """A matrix product (rows, inner) @ (inner, columns)."""

    rows: int
    inner: int
    columns: int

    @property
    def flops(self) -> int:
        return 2 * math.prod(self)


class Work(NamedTuple):
    """What a step has to do: its products, and the numbers that it reads or writes besides, pass by pass."""

    products: list[Product]
    moves: list[int]


def work_of(workload: Workload) -> Work:
    """The products and the traffic of one training step."""
    products, moves = [], []
    shape = workload.data()[0].shape
    for index, (kind, weight) in enumerate(workload.layers):
        before = math.prod(shape)
        first = index == 0  # nobody needs the gradient of the network's input
        if kind == "linear":
            out, into = weight
            forward, of_weight, *of_input = backward_too(Product(workload.batch, into, out), first)
            products += [forward, *([] if is_added_as_product(workload, weight) else [of_weight]), *of_input]
            shape = (workload.batch, out)
        elif kind == "conv":
            out, into, height, width = weight
            shape = (workload.batch, out, shape[2] - height + 1, shape[3] - width + 1)
            windows = shape[0] * shape[2] * shape[3]
            taps = into * height * width
            products += backward_too(Product(windows, taps, out), first)
            moves += [before + windows * taps] * (1 if first else 2)
        elif kind != "flatten":
            if kind == "pool":
                shape = (*shape[:2], shape[2] // 2, shape[3] // 2)
            after = math.prod(shape)
            moves += [before + after, after + after + before]
    for layer in workload.layers:
        if layer.shape:
            arrays = ARRAYS_MOVED[workload.optimizer]
            of_a_weight = arrays - 1 if is_added_as_product(workload, layer.shape) else arrays
            moves.append(of_a_weight * math.prod(layer.shape) + arrays * layer.shape[0])
    return Work(products, moves)


def is_added_as_product(workload: Workload, weight: tuple[int, ...]) -> bool:
    """Whether the gradient of a weight is not computed but added to it as the product of two thin matrices."""
    return workload.optimizer == "sgd" and len(weight) == 2 and is_thin(weight[0], workload.batch, weight[1])


def backward_too(forward: Product, first: bool) -> list[Product]:
    """A layer's product, that for the gradient of its weight and, but for the first layer, that for its input's."""
    rows, inner, columns = forward
    weight, of_input = Product(inner, rows, columns), Product(rows, columns, inner)
    return [forward, weight] if first else [forward, weight, of_input]


def calls_of(product: Product) -> Iterator[Call]:
    """The ways to compute a product: all memory layouts of its three matrices, by NumPy or in parts."""
    rows, inner, columns = product
    rng = np.random.default_rng(0)

    def matrix(height: int, width: int, transposed: bool) -> np.ndarray:
        return rng.random((width, height), np.float32).T if transposed else rng.random((height, width), np.float32)

    for layouts in itertools.product([False, True], repeat=3):
        left, right = matrix(rows, inner, layouts[0]), matrix(inner, columns, layouts[1])
        out = matrix(rows, columns, layouts[2])
        if layouts[2]:  # a transposed result is the product of the transposed factors, the other way round
            left, right, out = right.T, left.T, out.T
        yield lambda a=left, b=right, c=out: np.matmul(a, b, out=c)
        yield lambda a=left, b=right, c=out: np.dot(a, b, out=c)  # is called faster, and does not fear outer products
        if blas.product(left, right) is not None:
            yield lambda a=left, b=right: blas.product(a, b)
            if blas.gemm(1.0, left, right, 0.0, out):
                yield lambda a=left, b=right, c=out: blas.gemm(1.0, a, b, 0.0, c)


def copies_of(moved: int, threads: int, pool: ThreadPoolExecutor) -> Iterator[Call]:
    """The ways to read or write so many numbers: a copy of half as many, by one thread or by all."""
    source, target = np.ones(moved // 2, np.float32), np.zeros(moved // 2, np.float32)
    yield lambda: np.copyto(target, source)
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    yield lambda: list(pool.map(lambda part: np.copyto(*part), parts))


def fastest(calls: Iterator[Call]) -> Call:
    return min(calls, key=lambda call: min(seconds(call) for _ in range(20)))


def seconds(call: Call) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def make_step(contender: str, workload: str) -> Call:
    if contender == PROJECT:
        return training_step.make_step(PROJECT, workload)
    work = work_of(WORKLOADS[workload])
    if contender == "products":
        calls = [fastest(calls_of(product)) for product in work.products]
    else:
        threads = int(os.environ["OMP_NUM_THREADS"])
        pool = ThreadPoolExecutor(threads)
        calls = [fastest(copies_of(moved, threads, pool)) for moved in work.moves]

    def step() -> None:
        for call in calls:
            call()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, rounds=7, turn=0.15)
    options = parser.parse_args()
    columns = "MFLOP|products, ms|GFLOP/s|MB moved|moving, ms|GB/s|roofline, ms|tinygrad_np, ms|tinygrad_np / roofline"
    print_header(["workload", *columns.split("|")])
    with workers("benchmarks.roofline", [PROJECT, "products", "memory"], options.threads) as running:
        for name, workload in WORKLOADS.items():
            times = interleave(load(running, name)[0], options)
            times["roofline"] = [a + b for a, b in zip(times["products"], times["memory"], strict=True)]
            median = {part: statistics.median(values) for part, values in times.items()}
            work = work_of(workload)
            flops, moved = sum(product.flops for product in work.products), 4 * sum(work.moves)
            cells = [
                f"{flops / 1e6:.2f}",
                f"{1e3 * median['products']:.4f}",
                f"{flops / median['products'] / 1e9:.0f}",
                f"{moved / 1e6:.2f}",
                f"{1e3 * median['memory']:.4f}",
                f"{moved / median['memory'] / 1e9:.0f}",
                f"{1e3 * median['roofline']:.4f}",
                f"{1e3 * median[PROJECT]:.4f}",
                f"{ratio(times, PROJECT, 'roofline'):.2f}",
            ]
            print_row([name, *cells])


if __name__ == "__main__":
    main()
