"""MNIST as CSV: a line per digit, as "Make Your Own Neural Network" and others pass it around."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import tinygrad_np as tg
from tinygrad_np.datasets.mnist import MNIST
from tinygrad_np.files import write_atomically
from tinygrad_np.utils.data import TensorDataset

__all__ = ["MNISTCSV"]

_PIXELS = 28 * 28
_HEADER = ["label", *(f"{row}x{column}" for row in range(1, 29) for column in range(1, 29))]
_BYTES = [str(value) for value in range(256)]


class MNISTCSV(TensorDataset):
    """Handwritten digits from a CSV file of lines ``label,p1,...,p784``: the digit, then its pixels row by row.

    A first line that begins with the word ``label`` is a header, and blank lines are passed over. A sample is a pair
    of an image, uint8 of shape (28, 28) with 0 for background and 255 for ink, and its digit, int64 of shape ().

    Args:
        path: The file, in UTF-8.

    Attributes:
        path (Path): The file.
        classes (list[str]): The ten classes' names, ``"0 - zero"`` to ``"9 - nine"``.

    Raises:
        RuntimeError: A line is not of this form, or there is none. The message has the number of the line (the first
            line of the file is line 1), what was expected and what was found.
        OSError: If the file cannot be read.

    Example:
        >>> import os, tempfile
        >>> from tinygrad_np.datasets import MNIST
        >>> digits = MNIST(root="examples/data", train=False)
        >>> path = os.path.join(tempfile.mkdtemp(), "mnist_test_10.csv")
        >>> MNISTCSV.write(path, digits.data[:10], digits.targets[:10])
        >>> MNISTCSV(path).targets
        tensor([7, 2, 1, 0, 4, 1, 4, 9, 5, 9])

    Source:
        T. Rashid, "Make Your Own Neural Network", 2016; the files of the whole of MNIST: J. Redmon, "MNIST in CSV".
    """

    classes = MNIST.classes

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        # A byte that is not UTF-8 becomes a character that is no digit, and so an error with its line's number.
        with open(self.path, encoding="utf-8-sig", errors="replace") as lines:
            records = _read_records(lines, self.path)
        images, labels = records[:, 1:].reshape(-1, 28, 28), records[:, 0].astype(np.int64)
        super().__init__(tg.from_numpy(images), tg.from_numpy(labels))

    def __repr__(self) -> str:
        return f"Dataset {type(self).__name__}\n    Number of datapoints: {len(self)}\n    File: {self.path}"

    @property
    def data(self) -> tg.Tensor:
        """All images, uint8 of shape (N, 28, 28)."""
        return self.tensors[0]

    @property
    def targets(self) -> tg.Tensor:
        """All digits, int64 of shape (N,)."""
        return self.tensors[1]

    @staticmethod
    def write(path: str | Path, images: tg.Tensor, labels: tg.Tensor, header: bool = False) -> None:
        """Write such a file, whole or not at all.

        Args:
            path: The file to write or replace; its folder must exist.
            images: uint8 of shape (N, 28, 28), or of shape (N, 784).
            labels: integers from 0 to 9 of shape (N,).
            header: Begin with a line ``label,1x1,1x2,...,28x28``: row and column of each pixel.

        Raises:
            TypeError: A dtype is another.
            ValueError: A shape is another, or a label is none of the ten digits.
            OSError: If the file cannot be written. ``path`` is then as it was.
        """
        if images.dtype != tg.uint8 or labels.is_floating_point() or labels.dtype == tg.bool:
            raise TypeError(
                f"MNISTCSV.write: expected uint8 images and integer labels, got {images.dtype} and {labels.dtype}"
            )
        count = len(labels) if labels.ndim == 1 else -1
        if images.shape not in [(count, 28, 28), (count, _PIXELS)]:
            raise ValueError(
                "MNISTCSV.write: expected images of shape (N, 28, 28) or (N, 784) and labels of shape (N,), "
                f"got {tuple(images.shape)} and {tuple(labels.shape)}"
            )
        digits = labels.tolist()
        if any(not 0 <= digit <= 9 for digit in digits):
            raise ValueError("MNISTCSV.write: expected labels from 0 to 9")
        pixels = images.numpy().reshape(count, _PIXELS)
        lines = [",".join(_HEADER)] if header else []
        lines += [
            f"{digit}," + ",".join([_BYTES[p] for p in row.tolist()]) for digit, row in zip(digits, pixels, strict=True)
        ]
        write_atomically(Path(path), "".join(f"{line}\n" for line in lines).encode())


def _read_records(lines: Iterable[str], path: Path) -> NDArray[np.uint8]:
    """The label and the pixels of each line, shape (N, 785)."""
    records = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # how older versions of NumPy report what is no number
        for number, line in enumerate(lines, start=1):
            line = line.strip()
            is_header = number == 1 and line.split(",", 1)[0].strip('" ').lower() == "label"
            if not line or is_header:
                continue
            try:
                records.append(_parse(line))
            except ValueError as error:
                raise RuntimeError(f"{path}, line {number}: {error}") from None
    if not records:
        raise RuntimeError(f"{path}: expected a line for each digit, found none")
    return np.stack(records)


def _parse(line: str) -> NDArray[np.uint8]:
    """The numbers of a line, checked."""
    count = line.count(",") + 1
    if count != 1 + _PIXELS:
        raise ValueError(f"expected a label and {_PIXELS} pixels, separated by commas; found {count} fields")
    try:
        numbers = np.fromstring(line, np.int64, sep=",")
    except (ValueError, DeprecationWarning):
        numbers = np.empty(0, np.int64)
    if len(numbers) != count or numbers.min() < 0 or numbers.max() > 255:
        column, field = next((i, f) for i, f in enumerate(line.split(","), start=1) if not _is_byte(f))
        raise ValueError(f"expected integers from 0 to 255, found {field!r} in field {column}")
    if numbers[0] > 9:
        raise ValueError(f"expected a label from 0 to 9, found {numbers[0]}")
    return numbers.astype(np.uint8)


def _is_byte(field: str) -> bool:
    digits = field.strip(" \t\r\n\v\f")  # as NumPy, which knows no other spaces
    return re.fullmatch(r"[0-9]+", digits) is not None and int(digits) <= 255
