"""The time of one training step, side by side: ``python -m benchmarks.training_step``.

Before anything is timed, all contenders must compute the same losses from the same weights. How the turns are taken is
told in `benchmarks.side_by_side`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.side_by_side import Times, Worker, add_options, interleave, load, ratio, workers
from benchmarks.workloads import WORKLOADS, Workload

PROJECT = "project"
CONTENDERS = {
    PROJECT: "tinygrad_np",
    "numpy_by_hand": "NumPy by hand",
    "pytorch": "PyTorch",
    "pytorch_fused": "PyTorch, fused optimizer",
    "pytorch_compile": "torch.compile",
    "jax_jit": "jax.jit",
    "mygrad": "MyGrad",
}
STEPS_COMPARED = 10
TOLERANCE = 1e-5  # relative, of the losses: rounding in float32 differs with the order of the sums


def make_step(contender: str, workload: str) -> Callable[[], float]:
    return importlib.import_module(f"benchmarks.contenders.{contender}").make_step(WORKLOADS[workload])


def measure(running: dict[str, Worker], workload: Workload, options: argparse.Namespace) -> dict[str, Any]:
    """What is found out about a workload: seconds round by round, peak memory, and who cannot run it."""
    ready, unavailable = load(running, workload.name)
    losses = {name: worker.ask("outputs", STEPS_COMPARED) for name, worker in ready.items()}
    check_losses(losses)
    seconds = interleave(ready, options)
    memory = {name: worker.ask("memory") for name, worker in ready.items()}
    return {"seconds": seconds, "peak_memory_mb": memory, "losses": losses, "unavailable": unavailable}


def check_losses(losses: dict[str, list[float]]) -> None:
    """See that all contenders train the same network."""
    for name, values in losses.items():
        for own, theirs in zip(losses[PROJECT], values, strict=True):
            if not abs(own - theirs) <= TOLERANCE * max(1, abs(own)):
                raise SystemExit(f"{name} computes other losses: {values} where the project has {losses[PROJECT]}")


def ratio_cell(times: Times, contender: str, workload: Workload) -> str:
    """The ratio and, if there is one, its floor; bold if the floor is not reached."""
    if contender not in times:
        return "—"
    value, floor = ratio(times, contender, PROJECT), workload.floors.get(contender)
    if floor is None:
        return f"{value:.2f}"
    return f"{value:.2f} ({floor:g})" if value >= floor else f"**{value:.2f}** ({floor:g})"


def time_row(workload: Workload, times: Times, contenders: list[str]) -> list[str]:
    network = [workload.name, str(workload.batch), workload.description, workload.optimizer]
    own = f"{1e3 * statistics.median(times[PROJECT]):.3f}"
    return [*network, own, *(ratio_cell(times, name, workload) for name in contenders if name != PROJECT)]


def print_row(cells: list[str]) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


def print_header(cells: list[str]) -> None:
    print_row(cells)
    print_row(["---"] * len(cells))


def print_times(results: dict[str, Any], contenders: list[str]) -> None:
    others = [CONTENDERS[name] for name in contenders if name != PROJECT]
    print_header(["workload", "batch", "layers", "optimizer", "tinygrad_np, ms", *others])
    for name, result in results.items():
        print_row(time_row(WORKLOADS[name], result["seconds"], contenders))


def print_memory(results: dict[str, Any], contenders: list[str]) -> None:
    print_header(["peak memory, MB", *(CONTENDERS[name] for name in contenders)])
    for name, result in results.items():
        memory = result["peak_memory_mb"]
        print_row([name, *(f"{memory[c]:.0f}" if c in memory else "—" for c in contenders)])


def print_reasons(results: dict[str, Any]) -> None:
    reasons: dict[str, list[str]] = {}
    for name, result in results.items():
        for contender, reason in result["unavailable"].items():
            reasons.setdefault(f"{CONTENDERS[contender]}: {reason}", []).append(name)
    for reason, names in reasons.items():
        print(f"{reason} ({'every workload' if len(names) == len(results) else ', '.join(names)}).\n")


def draw(results: dict[str, Any], contenders: list[str], path: Path) -> None:
    """Draw how many times as long as the project each contender takes, on a logarithmic axis."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    others = [name for name in contenders if name != PROJECT]
    height = 0.85 / len(others)
    figure, axes = plt.subplots(figsize=(9, 1 + 0.17 * len(others) * len(results)), layout="constrained")
    for i, contender in enumerate(others):
        rows = [row for row, result in enumerate(results.values()) if contender in result["seconds"]]
        values = [ratio(list(results.values())[row]["seconds"], contender, PROJECT) for row in rows]
        bars = axes.barh(
            [row + (i - (len(others) - 1) / 2) * height for row in rows],
            [value - 1 for value in values],
            height,
            left=1,  # to the right of the line the contender is slower than the project, to the left faster
            label=CONTENDERS[contender],
            color=plt.get_cmap("tab10")(i),
        )
        for bar, value in zip(bars, values, strict=True):
            axes.annotate(
                f"{value:.2f}",
                (value, bar.get_y() + height / 2),
                (3 if value >= 1 else -3, 0),
                textcoords="offset points",
                ha="left" if value >= 1 else "right",
                va="center",
                fontsize=6.5,
            )
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.margins(x=0.08, y=0.01)
    axes.invert_yaxis()
    axes.set_yticks(range(len(results)), list(results))
    axes.set_xlabel("time of a training step / time of tinygrad_np (above 1: tinygrad_np is faster)")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=3, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "workloads", nargs="*", metavar="WORKLOAD", help=f"which to run: {', '.join(WORKLOADS)} (default: all)"
    )
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=CONTENDERS,
        default=list(CONTENDERS),
        help="beside the project (default: all)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    parser.add_argument("--chart", type=Path, metavar="FILE.png", help="draw the ratios (needs matplotlib)")
    add_options(parser, rounds=11, turn=0.15)
    options = parser.parse_args()
    if unknown := set(options.workloads) - set(WORKLOADS):
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")
    return options


def main() -> None:
    options = parse()
    contenders = [name for name in CONTENDERS if name == PROJECT or name in options.contenders]
    results: dict[str, Any] = {}
    with workers("benchmarks.training_step", contenders, options.threads) as running:
        for name in options.workloads or WORKLOADS:
            results[name] = measure(running, WORKLOADS[name], options)
    print(machine.describe(["numpy", "torch", "jax", "mygrad"]) + "\n")
    print(
        f"One training step in float32, threads: {options.threads}. Milliseconds of tinygrad_np, and how many times as"
        f" long the others take; medians of {options.rounds} rounds. In brackets the floor; bold: not reached.\n"
    )
    print_times(results, contenders)
    print()
    print_reasons(results)
    print_memory(results, contenders)
    if options.chart:
        draw(results, contenders, options.chart)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
