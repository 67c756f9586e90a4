"""How much of a training step is bookkeeping, and which floors it could reach without: ``python -m benchmarks.bounds``.

Two bounds take their turns beside the contenders that floors are given for. Both run the project's own kernels:

- bare NumPy calls them one after the other on arrays (`benchmarks.contenders.bare_numpy`);
- the bare graph records them, as little as a graph in Python must, and sweeps (`benchmarks.contenders.bare_graph`).
"""

from __future__ import annotations

import argparse
import statistics

from benchmarks.side_by_side import Times, add_options, ratio, workers
from benchmarks.training_step import CONTENDERS, PROJECT, measure, print_header, print_row
from benchmarks.workloads import WORKLOADS, Workload

BOUNDS = {"bare_numpy": "bare NumPy", "bare_graph": "bare graph"}
RIVALS = ["numpy_by_hand", "pytorch", "pytorch_fused", "jax_jit"]


def own_row(workload: Workload, times: Times) -> list[str]:
    own = f"{1e3 * statistics.median(times[PROJECT]):.3f}"
    return [workload.name, own, *(f"{ratio(times, PROJECT, bound):.2f}" for bound in BOUNDS)]


def floor_cell(times: Times, rival: str, workload: Workload) -> str:
    """The rival's time by each bound's, and the floor; bold what is below it, so that the bound does not reach it."""
    floor = workload.floors.get(rival)
    if floor is None or rival not in times:
        return "—"
    ratios = [ratio(times, rival, bound) for bound in BOUNDS]
    return ", ".join(f"{r:.2f}" if r >= floor else f"**{r:.2f}**" for r in ratios) + f" ({floor:g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, rounds=11, turn=0.15)
    options = parser.parse_args()
    seconds: dict[str, Times] = {}
    with workers("benchmarks.training_step", [PROJECT, *BOUNDS, *RIVALS], options.threads) as running:
        for name, workload in WORKLOADS.items():
            measured = measure(running, workload, options)
            if measured["unavailable"].keys().isdisjoint(BOUNDS):
                seconds[name] = measured["seconds"]
    print_header(["workload", "tinygrad_np, ms", *(f"tinygrad_np / {bound}" for bound in BOUNDS.values())])
    for name, times in seconds.items():
        print_row(own_row(WORKLOADS[name], times))
    print(f"\nHow many times as long as {' and as the '.join(BOUNDS.values())} the others take:\n")
    print_header(["workload", *(CONTENDERS[rival] for rival in RIVALS)])
    for name, times in seconds.items():
        print_row([name, *(floor_cell(times, rival, WORKLOADS[name]) for rival in RIVALS)])


if __name__ == "__main__":
    main()
