"""Writing files: whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` such that a reader, or a crash, meets the old file or the whole new one.

    Args:
        path: The file to write or replace; its folder must exist.
        content: The whole file.

    Raises:
        OSError: If the file cannot be written. ``path`` is then as it was, with nothing beside it.
    """
    # The name is drawn, so that two who write the same file do not write into each other's.
    partial = path.with_name(f"{path.name}.{os.urandom(8).hex()}.part")
    try:
        with open(partial, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:  # KeyboardInterrupt too
        partial.unlink(missing_ok=True)
        raise
