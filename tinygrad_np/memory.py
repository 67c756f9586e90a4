"""Keep the memory that arrays leave behind, for the next arrays."""

from __future__ import annotations

import numpy as np


def keep_freed_memory() -> None:
    """Let the C library keep freed memory, up to 64 MB, instead of giving it back to the system.

    A training step frees its arrays and then makes as many of the same sizes. Given back in between, each page of them
    is a page fault, and is cleared, at every step: for a small convolutional network more than half of the time.

    The C library of Linux (glibc) learns from what is freed: it keeps twice the size of the largest block that was ever
    freed, of up to 32 MB. Such a block is made and freed here, untouched, so that it takes no memory. The environment
    variables ``MALLOC_TRIM_THRESHOLD_`` and ``MALLOC_MMAP_THRESHOLD_`` have precedence, and elsewhere it has no effect.
    """
    np.empty(31 << 20, np.uint8)
