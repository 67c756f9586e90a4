"""The time to recognize one image, and 10,000 at once: ``python -m benchmarks.inference``.

The network is that of ``make mnist``, 784-512-10 with ReLU, without recording a graph. All contenders return the digits
as a list, and must agree about them.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
from collections.abc import Callable

from benchmarks.side_by_side import add_options, interleave, load, ratio, workers
from benchmarks.training_step import CONTENDERS, PROJECT, print_header, print_row
from benchmarks.workloads import Workload, mlp

CASES = {
    str(batch): Workload(f"inference-b{batch}", batch, "784-512-10 ReLU", mlp(784, 512, 10), "sgd")
    for batch in (1, 10_000)
}
COMPARED = [PROJECT, "numpy_by_hand", "pytorch", "jax_jit"]


def make_step(contender: str, case: str) -> Callable[[], list[int]]:
    return importlib.import_module(f"benchmarks.contenders.{contender}").make_classifier(CASES[case])


def check_digits(digits: dict[str, list[int]]) -> None:
    """See that all recognize the same; a tie to within rounding may be broken either way."""
    for name, theirs in digits.items():
        different = sum(a != b for a, b in zip(digits[PROJECT], theirs, strict=True))
        if different > len(theirs) / 1000:
            raise SystemExit(f"{name} recognizes {different} of {len(theirs)} images as others than the project does")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, rounds=9, turn=0.15)
    options = parser.parse_args()
    others = [name for name in COMPARED if name != PROJECT]
    print_header(["images", "tinygrad_np, ms", *(f"{CONTENDERS[name]} / tinygrad_np" for name in others)])
    with workers("benchmarks.inference", COMPARED, options.threads) as running:
        for case, workload in CASES.items():
            ready, _ = load(running, case)
            check_digits({name: worker.ask("outputs", 1)[0] for name, worker in ready.items()})
            times = interleave(ready, options)
            ratios = [f"{ratio(times, name, PROJECT):.2f}" if name in times else "—" for name in others]
            print_row([f"{workload.batch:,}", f"{1e3 * statistics.median(times[PROJECT]):.3f}", *ratios])


if __name__ == "__main__":
    main()
