"""Writing files: whole, or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` such that a reader, or a crash, meets the old file or the whole new one.

    A file that is replaced keeps its permissions, and a symbolic link goes on leading there. What is no file, such as a
    pipe or a device, is written to as it is.

    Args:
        path: The file to write or replace; its folder must exist.
        content: The whole file.

    Raises:
        OSError: If the file cannot be written. ``path`` is then as it was, with nothing beside it.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    # The name is drawn, so that two who write the same file do not write into each other's.
    partial = path.with_name(f".{os.urandom(8).hex()}.part")
    try:
        with open(partial, "xb") as file:
            if path.exists():
                shutil.copymode(path, partial)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:  # KeyboardInterrupt too
        partial.unlink(missing_ok=True)
        raise
