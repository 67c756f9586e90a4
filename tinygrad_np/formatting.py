"""How a tensor is shown: PyTorch's rules, and the names that tell its dtype and its place in the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tinygrad_np import dtypes

if TYPE_CHECKING:
    from tinygrad_np.tensor import Tensor

PRECISION = 4  # digits behind the point
THRESHOLD = 1000  # a tensor of more elements is summarised
EDGE_ITEMS = 3  # by this many at each end of a dimension
LINE_WIDTH = 80


def represent(prefix: str, tensor: Tensor) -> str:
    r"""The text that stands for a tensor: its values, and whatever about it does not go without saying.

    The dtype goes without saying where the values show it: for bool, int64 and the default dtype.

    Args:
        prefix: the name before the parenthesis.
        tensor: what to show.

    Example:
        >>> import tinygrad_np as tg
        >>> represent("tensor", tg.tensor([[1, 2.5], [-3, 4]], requires_grad=True))
        'tensor([[ 1.0000,  2.5000],\n        [-3.0000,  4.0000]], requires_grad=True)'
        >>> represent("tensor", tg.zeros(2, 0, dtype="int8"))
        'tensor([], size=(2, 0), dtype=int8)'
    """
    array, indent = tensor._array, len(prefix) + 1
    implicit = {dtypes.get_default_dtype()}
    suffixes = []
    if array.size:
        text = _array_text(array, indent)
        implicit |= {dtypes.int64, dtypes.bool_}
    else:
        text = "[]"
        if array.ndim != 1:
            suffixes.append(f"size={array.shape}")
    if array.dtype not in implicit:
        suffixes.append(f"dtype={array.dtype}")
    if tensor.grad_fn is not None:
        suffixes.append(f"grad_fn=<{tensor.grad_fn.name()}>")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")
    return _with_suffixes(f"{prefix}({text}", suffixes, indent)


def _with_suffixes(text: str, suffixes: list[str], indent: int) -> str:
    """``text`` and, behind commas, the suffixes, each on a new line where the line would grow too long."""
    length = len(text) - (text.rfind("\n") + 1) + 2  # PyTorch keeps two columns free
    for suffix in suffixes:
        if length + len(suffix) + 2 > LINE_WIDTH:
            text += ",\n" + " " * indent + suffix
            length = indent + len(suffix)
        else:
            text += ", " + suffix
            length += len(suffix) + 2
    return text + ")"


# ---- the values ----------------------------------------------------------------------------------------------------


class _Style(NamedTuple):
    """How the elements of one tensor are written: all in the same format and width."""

    write: Callable[[Any], str]
    width: int

    def __call__(self, value: Any) -> str:
        return self.write(value).rjust(self.width)


def _array_text(array: npt.NDArray[Any], indent: int) -> str:
    summarised = array.size > THRESHOLD
    shown = _corners(array) if summarised else array
    style = _float_style(shown) if array.dtype.kind == "f" else _plain_style(shown)
    return _nested(array, indent, style, summarised)


def _corners(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The elements that a summary shows."""
    for axis, size in enumerate(array.shape):
        if size > 2 * EDGE_ITEMS:
            edges = [*range(EDGE_ITEMS), *range(-EDGE_ITEMS, 0)]
            array = array[(slice(None),) * axis + (edges,)]  # `take` would first copy an array that is not contiguous
    return array


def _plain_style(shown: npt.NDArray[Any]) -> _Style:
    return _Style(str, max(len(str(value)) for value in shown.ravel().tolist()))


def _float_style(shown: npt.NDArray[Any]) -> _Style:
    values = shown.ravel().astype(np.float64)
    # Zeros, infinities and NaN have no say in the format.
    telling = values[np.isfinite(values) & (values != 0)]
    magnitudes = np.abs(telling)
    whole = bool(np.all(telling == np.ceil(telling)))
    least, most = (magnitudes.min(), magnitudes.max()) if telling.size else (1.0, 1.0)
    with np.errstate(over="ignore"):
        scientific = most / least > 1000 or most > 1e8 or least < 1e-4
    write: Callable[[float], str]
    if scientific:
        write = f"{{:.{PRECISION}e}}".format
    elif whole:
        write = _write_whole
    else:
        write = f"{{:.{PRECISION}f}}".format
    return _Style(write, max((len(write(value)) for value in telling.tolist()), default=1))


def _write_whole(value: float) -> str:
    return f"{value:.0f}." if np.isfinite(value) else str(value)


def _nested(array: npt.NDArray[Any], indent: int, style: _Style, summarised: bool) -> str:
    if array.ndim == 0:
        return style(array.item())
    if array.ndim == 1:
        return _row(array, indent, style, summarised)
    parts = _ends(array, lambda part: _nested(part, indent + 1, style, summarised), summarised, "...")
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def _row(array: npt.NDArray[Any], indent: int, style: _Style, summarised: bool) -> str:
    per_line = max(1, (LINE_WIDTH - indent) // (style.width + 2))
    words = _ends(array, lambda value: style(value.item()), summarised, " ...")
    lines = [", ".join(words[start : start + per_line]) for start in range(0, len(words), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _ends(array: npt.NDArray[Any], write: Callable[[Any], str], summarised: bool, dots: str) -> list[str]:
    """The parts of ``array`` along its first dimension, written; in a summary the first and the last, and dots."""
    if not summarised or len(array) <= 2 * EDGE_ITEMS:
        return [write(part) for part in array]
    return [*map(write, array[:EDGE_ITEMS]), dots, *map(write, array[-EDGE_ITEMS:])]
