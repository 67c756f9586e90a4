"""Checks of the options that optimizers have in common."""

from __future__ import annotations

import tinygrad_np as tg


def check_not_negative(name: str, value: float | tg.Tensor) -> None:
    """Raise ValueError where an option is negative, or a tensor of several elements."""
    if isinstance(value, tg.Tensor) and value.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    if value < 0:
        raise ValueError(f"Invalid {name}: {value}")
