"""Has a training step become slower? ``python -m benchmarks.quick``, in under two minutes.

Compared with `baseline.json` is the ratio of the time of the network written by hand in NumPy to the project's, both
measured in turns in the same run: that hardly depends on the machine. If a ratio has fallen by more than a quarter, the
workload is measured once more, for the machine may have been busy; if it is still so low, the exit status is 1.
``--save`` writes what was measured as the new baseline.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks import machine
from benchmarks.side_by_side import Worker, add_options, ratio, workers
from benchmarks.training_step import PROJECT, measure, print_header, print_row
from benchmarks.workloads import WORKLOADS

BASELINE = Path(__file__).with_name("baseline.json")
BY_HAND = "numpy_by_hand"
LOSS_ALLOWED = 0.25

# Where the heap of a process happens to end decides whether the C library gives freed memory back at each step, and the
# network by hand then takes up to 1.4 times as long (keras-b128). Here it never does; elsewhere than on Linux these are
# without effect.
KEEP_FREED_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(64 << 20), "MALLOC_MMAP_THRESHOLD_": str(32 << 20)}


def is_loss(ratio: float, baseline: float) -> bool:
    return ratio < (1 - LOSS_ALLOWED) * baseline


def measure_ratio(running: dict[str, Worker], name: str, options: argparse.Namespace) -> float:
    return ratio(measure(running, WORKLOADS[name], options)["seconds"], BY_HAND, PROJECT)


def compare(
    running: dict[str, Worker], baseline: dict[str, float], options: argparse.Namespace
) -> tuple[dict[str, float], list[str]]:
    """The ratios of this run, and what to say of those that are lost."""
    ratios, losses = {}, []
    print_header(["workload", "by hand / project", "baseline"])
    for name in WORKLOADS:
        now, before = measure_ratio(running, name, options), baseline.get(name)
        if before is not None and is_loss(now, before) and not options.save:
            now = max(now, measure_ratio(running, name, options))
            if is_loss(now, before):
                losses.append(
                    f"{name}: the network by hand takes {now:.2f} times as long as the project, and took {before:.2f}"
                    f" times as long: a loss of {1 - now / before:.0%}"
                )
        print_row([name, f"{now:.2f}", "—" if before is None else f"{before:.2f}"])
        ratios[name] = now
    return ratios, losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", action="store_true", help="make this run the baseline")
    parser.add_argument("--baseline", type=Path, default=BASELINE, help="file to compare with (default: %(default)s)")
    add_options(parser, rounds=11, turn=0.15)
    options = parser.parse_args()
    if not options.baseline.exists() and not options.save:
        parser.error(f"there is no {options.baseline}: make one with --save")
    baseline = json.loads(options.baseline.read_text())["ratios"] if options.baseline.exists() else {}
    print(machine.describe() + "\n")
    with workers("benchmarks.training_step", [PROJECT, BY_HAND], options.threads, KEEP_FREED_MEMORY) as running:
        ratios, losses = compare(running, baseline, options)
    if options.save:
        content = {"machine": machine.describe(), "ratios": {name: round(value, 3) for name, value in ratios.items()}}
        options.baseline.write_text(json.dumps(content, indent=2) + "\n")
        print(f"\nwrote {options.baseline}")
    elif losses:
        raise SystemExit("\nslower than the baseline by more than a quarter:\n" + "\n".join(losses))
    else:
        print("\nno loss of more than a quarter")


if __name__ == "__main__":
    main()
