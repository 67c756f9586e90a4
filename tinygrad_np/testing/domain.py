"""Where a function is smooth, as data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Domain:
    """The values at which a function's gradient may be held against finite differences.

    The values are on a grid of 64 to 256 between the bounds. They are short binary fractions, which print briefly, and
    which float32 has too unless the bounds are very near each other.

    Args:
        low: lower bound.
        high: upper bound.
        exclude: kinks and poles between the bounds, from which values keep a distance of ``margin``.
        margin: that distance.
        distinct: draw no two elements of a tensor that are nearer to each other than ``margin``, for functions with a
            kink where elements are equal, as sorting has.

    Example:
        >>> Domain(0, 1, exclude=(0.5,), margin=0.25, distinct=True).values()
        (0.0, 1.0, 0.25, 0.75)
    """

    low: float = -3.0
    high: float = 3.0
    exclude: tuple[float, ...] = ()
    margin: float = 0.125
    distinct: bool = False

    def values(self) -> tuple[float, ...]:
        """The values, simplest first.

        Raises:
            ValueError: there are none.
        """
        finest = self.margin if self.distinct else (self.high - self.low) / 128
        step = 2.0 ** (math.ceil if self.distinct else math.floor)(math.log2(finest))
        grid = step * np.arange(math.ceil(self.low / step), math.floor(self.high / step) + 1)
        for kink in self.exclude:
            grid = grid[np.abs(grid - kink) >= self.margin]
        if grid.size == 0:
            raise ValueError(f"{self} leaves no values")
        return tuple(sorted(grid.tolist(), key=_complexity))


def _complexity(value: float) -> tuple[int, float, bool]:
    """What makes a number harder to read: digits behind the point, then size, then a sign."""
    return value.as_integer_ratio()[1], abs(value), value < 0


REALS = Domain()
POSITIVE = Domain(0.25, 4.0)
NONZERO = Domain(exclude=(0.0,))
