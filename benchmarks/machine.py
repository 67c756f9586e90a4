"""What a benchmark ran on, in a line."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path


def describe(packages: Iterable[str] = ("numpy",)) -> str:
    """Processor, cores, system, and the versions of Python and of those packages that are installed."""
    versions = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return f"{processor()}, {os.cpu_count()} cores, {platform.system()}; {', '.join(versions)}."


def processor() -> str:
    """The model of the processor, as far as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")] if cpuinfo.exists() else []
    )
    name = names[0].partition(":")[2].strip() if names else platform.processor()
    return name or platform.machine()
