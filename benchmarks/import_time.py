"""How long an import takes in a new interpreter: ``python -m benchmarks.import_time``.

The time of a process that imports the module, less that of a process that imports nothing in the same round; medians
over the rounds. Files and bytecode are in the caches: each process ran once before.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec

from benchmarks.side_by_side import add_options, take_turns
from benchmarks.training_step import print_header, print_row

NOTHING = "sys"  # is there in any case
MODULES = ["numpy", "tinygrad_np", "torch", "jax", "mygrad"]


def seconds(module: str) -> float:
    caching = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True, env=caching)
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, rounds=9)
    options = parser.parse_args()
    turns = {name: lambda name=name: seconds(name) for name in [NOTHING, *filter(find_spec, MODULES)]}
    for turn in turns.values():
        turn()
    times = take_turns(turns, options)
    print_header(["module", "import, ms"])
    for name in MODULES:
        if name in times:
            own = [a - b for a, b in zip(times[name], times[NOTHING], strict=True)]
            print_row([name, f"{1e3 * statistics.median(own):.0f}"])


if __name__ == "__main__":
    main()
