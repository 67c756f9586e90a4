"""A user's mistake told in the user's terms: PyTorch's exception, naming op, shapes, dtypes, for what NumPy raised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def explain(op: str, error: Exception, arrays: Sequence[Any]) -> Exception:
    """The exception to raise for a forward that failed on ``arrays`` with NumPy's ``error``."""
    operands = [a for a in arrays if isinstance(a, np.ndarray)]
    if isinstance(error, np.exceptions.AxisError):
        return dimension_error(op, error.axis, error.ndim)
    if isinstance(error, IndexError) and "axis" in str(error):
        return IndexError(f"{op}: {str(error).replace('axis', 'dimension')}")
    if isinstance(error, ValueError) and "broadcast" in str(error):
        return RuntimeError(f"{op}: {_clash([a.shape for a in operands])}")
    if isinstance(error, TypeError) and "ufunc" in str(error):
        return RuntimeError(f"{op}: not implemented for dtypes {_listed(a.dtype for a in operands)}")
    return error


def dimension_error(op: str, dim: int | None, ndim: int | None) -> IndexError:
    """The error for a ``dim`` that a tensor of ``ndim`` dimensions does not have."""
    low, high = -max(ndim or 0, 1), max(ndim or 0, 1) - 1
    return IndexError(f"{op}: Dimension out of range (expected to be in range of [{low}, {high}], but got {dim})")


def argument_error(op: str, name: str, value: Any, expected: str = "Tensor") -> TypeError:
    """The error for an argument of the wrong type."""
    return TypeError(f"{op}(): argument '{name}' must be {expected}, not {type(value).__name__}")


def _clash(shapes: list[tuple[int, ...]]) -> str:
    """Which sizes of two shapes cannot be broadcast, and where."""
    if len(shapes) == 2:
        a, b = shapes
        for i in range(1, min(len(a), len(b)) + 1):
            if a[-i] != b[-i] and 1 not in (a[-i], b[-i]):
                return (
                    f"The size of tensor a ({a[-i]}) must match the size of tensor b ({b[-i]}) at non-singleton "
                    f"dimension {max(len(a), len(b)) - i}, for shapes {list(a)} and {list(b)}"
                )
    return f"shapes {_listed(list(s) for s in shapes)} cannot be broadcast together"


def _listed(items: Any) -> str:
    return " and ".join(str(item) for item in items)
