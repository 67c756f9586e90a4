"""How much memory this process takes, in bytes."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

PROC = Path("/proc/self")


def reset_peak() -> None:
    """Let `peak` forget the past. Only Linux can; elsewhere `peak` speaks of the whole life of the process."""
    if PROC.exists():
        (PROC / "clear_refs").write_text("5")


def peak() -> int:
    """The most memory that the process had resident."""
    if PROC.exists():  # getrusage would count what the parent process had when it started this one
        return _status("VmHWM")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _status(key: str) -> int:
    lines = (PROC / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":"))
