"""The MNIST database of handwritten digits."""

from __future__ import annotations

import gzip
import math
import operator
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

import tinygrad_np as tg
from tinygrad_np.utils.data import Dataset

__all__ = ["MNIST", "read_idx"]

_IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class MNIST(Dataset[tuple[Any, Any]]):
    """The MNIST database: 60,000 training and 10,000 test images of handwritten digits, 28x28 greyscale.

    The constructor and the folder layout are torchvision's. A sample is a pair of an image, a uint8 Tensor of
    shape (28, 28) with 0 for background and 255 for ink, and its digit, an int. (torchvision's image is a PIL
    image, which its ``ToTensor`` makes a Tensor; here there is nothing to convert.)

    Args:
        root: Folder that holds ``MNIST/raw/train-images-idx3-ubyte.gz`` and its three companions, or the same
            files unpacked (without ``.gz``), which win where both exist.
        train: The training images if True, the test images otherwise.
        transform: Called with each image; its result stands in the sample.
        target_transform: Called with each digit; its result stands in the sample.
        download: Fetch the files that ``root`` lacks, of both splits, from the published mirrors. A packed
            file whose MD5 sum is not the published one is replaced.

    Attributes:
        data (Tensor): All images, uint8 of shape (N, 28, 28).
        targets (Tensor): All digits, int64 of shape (N,).
        classes (list[str]): The ten classes' names, ``"0 - zero"`` to ``"9 - nine"``.
        train (bool): Which split this is.

    Raises:
        RuntimeError: If a file is missing, damaged, or not of the expected size, or no mirror serves it. The
            message names the file, what was expected, what was found, and what to do.
        ImportError: If a file has to be fetched and tqdm, from the extra ``examples``, is not installed.

    Example:
        >>> from tinygrad_np.datasets import MNIST
        >>> digits = MNIST(root="examples/data", train=False)
        >>> digits
        Dataset MNIST
            Number of datapoints: 10000
            Root location: examples/data
            Split: Test
        >>> image, digit = digits[0]
        >>> image.shape, digits.classes[digit]
        (Size([28, 28]), '7 - seven')

    Source:
        Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document
        recognition", Proceedings of the IEEE 86(11), 1998.
    """

    mirrors: ClassVar[list[str]] = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ]
    resources: ClassVar[list[tuple[str, str]]] = [  # file name, MD5
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    classes: ClassVar[list[str]] = [
        "0 - zero",
        "1 - one",
        "2 - two",
        "3 - three",
        "4 - four",
        "5 - five",
        "6 - six",
        "7 - seven",
        "8 - eight",
        "9 - nine",
    ]

    def __init__(
        self,
        root: str | Path,
        train: bool = True,
        transform: Callable[[tg.Tensor], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        download: bool = False,
    ) -> None:
        self.root = Path(root).expanduser()
        self.train = train
        self.transform = transform
        self.target_transform = target_transform
        if download:
            self.download()
        images, labels = self._read_split()
        self.data = tg.from_numpy(images)
        self.targets = tg.from_numpy(labels)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"MNIST: index {index} is out of range for {len(self)} samples")
        image: Any = self.data[index]
        target: Any = int(self.targets[index])
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __repr__(self) -> str:
        lines = [
            f"Dataset {type(self).__name__}",
            f"Number of datapoints: {len(self)}",
            f"Root location: {self.root}",
            f"Split: {'Train' if self.train else 'Test'}",
        ]
        if self.transform is not None:
            lines.append(f"Transform: {self.transform!r}")
        if self.target_transform is not None:
            lines.append(f"Target transform: {self.target_transform!r}")
        return "\n    ".join(lines)

    @property
    def raw_folder(self) -> Path:
        """Where the files are: ``root/MNIST/raw``."""
        return self.root / type(self).__name__ / "raw"

    @property
    def class_to_idx(self) -> dict[str, int]:
        """Each class's name and its digit."""
        return {name: digit for digit, name in enumerate(self.classes)}

    def fetch_batch(self, indices: NDArray[np.int64]) -> tuple[tg.Tensor, tg.Tensor] | None:
        """The samples at ``indices`` as one batch, for DataLoader; None asks it to fetch them item by item.

        Args:
            indices: Which samples, int64 of shape (B,).

        Returns:
            The images, uint8 of shape (B, 28, 28), and the digits, int64 of shape (B,); None if there is a
            transform, which is defined on single items.
        """
        if self.transform is not None or self.target_transform is not None:
            return None
        rows = tg.from_numpy(indices)
        return self.data[rows], self.targets[rows]

    def download(self) -> None:
        """Fetch what ``root`` lacks of the four files, from the first of ``mirrors`` that serves it whole.

        Raises:
            RuntimeError: If no mirror serves a file.
            ImportError: If tqdm, which draws the progress bar, is not installed.
            OSError: If a file cannot be written.
        """
        # Imported here because urllib takes longer to import than the rest of the package together.
        from tinygrad_np.datasets.download import download_file, md5_of

        self.raw_folder.mkdir(parents=True, exist_ok=True)
        for name, md5 in self.resources:
            packed = self.raw_folder / name
            unpacked = packed.with_suffix("")
            if not unpacked.exists() and not (packed.exists() and md5_of(packed.read_bytes()) == md5):
                download_file(packed, [mirror + name for mirror in self.mirrors], md5)

    def _read_split(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The split's images, shape (N, 28, 28), and labels, shape (N,), checked against each other."""
        split = "train" if self.train else "t10k"
        images_path = self._find(f"{split}-images-idx3-ubyte.gz")
        labels_path = self._find(f"{split}-labels-idx1-ubyte.gz")

        images = read_idx(images_path)
        if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
            raise _damaged(images_path, "uint8 images of shape (N, 28, 28)", f"{images.dtype} {images.shape}")
        labels = read_idx(labels_path)
        if labels.dtype != np.uint8 or labels.ndim != 1:
            raise _damaged(labels_path, "uint8 labels of shape (N,)", f"{labels.dtype} {labels.shape}")
        if len(labels) != len(images):
            raise _damaged(labels_path, f"{len(images)} labels, one for each image in {images_path}", str(len(labels)))
        strange = np.flatnonzero(labels > 9)
        if len(strange):
            found = f"label {labels[strange[0]]} at index {strange[0]}"
            raise _damaged(labels_path, "labels from 0 to 9", found)
        return images, labels.astype(np.int64)

    def _find(self, name: str) -> Path:
        packed = self.raw_folder / name
        for path in (packed.with_suffix(""), packed):
            if path.exists():
                return path
        raise RuntimeError(
            f"Dataset not found. You can use download=True to download it: expected {packed} "
            "(or the same file unpacked, without .gz), found neither"
        )


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read an array from a file in IDX format, gzip-compressed if its name ends in ``.gz``.

    The format, all integers big-endian: two zero bytes, one byte for the element type, one for the number of
    dimensions, a uint32 for the length of each dimension, then the elements in C order.

    Args:
        path: The file to read.

    Returns:
        A new array of the shape that the file states, of dtype uint8, int8, int16, int32, float32 or float64.

    Raises:
        RuntimeError: If the file is damaged, cut short or too long, or not in IDX format.
        OSError: If the file cannot be read.

    Example:
        >>> labels = read_idx("examples/data/MNIST/raw/t10k-labels-idx1-ubyte.gz")
        >>> labels.shape, labels.dtype, labels[:5].tolist()
        ((10000,), dtype('uint8'), [7, 2, 1, 0, 4])

    Source:
        http://yann.lecun.com/exdb/mnist/, "The IDX file format".
    """
    path = Path(path)
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            found = f"{path.stat().st_size:,} bytes that do not unpack ({error})"
            raise _damaged(path, "a whole gzip file", found) from error

    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_DTYPES:
        expected = "an IDX header (two zero bytes, an element type, a number of dimensions)"
        raise _damaged(path, expected, f"the bytes {content[:4].hex(' ') or 'of an empty file'}")
    dtype, ndim = np.dtype(_IDX_DTYPES[content[2]]), content[3]
    start = 4 + 4 * ndim
    if len(content) < start:
        raise _damaged(path, f"an IDX header of {start} bytes", f"a file of {len(content)}")
    shape = struct.unpack_from(f">{ndim}I", content, offset=4)
    size = math.prod(shape) * dtype.itemsize
    if len(content) != start + size:
        raise _damaged(
            path,
            f"{size:,} bytes of elements, as its header states for {dtype.name} {shape}",
            f"{len(content) - start:,}",
        )
    try:
        elements = np.frombuffer(content, dtype, offset=start).reshape(shape)
    except ValueError as error:
        raise _damaged(path, "a shape that an array can have", f"{shape} ({error})") from None
    return elements.astype(dtype.newbyteorder("="))


def _damaged(path: Path, expected: str, found: str) -> RuntimeError:
    return RuntimeError(
        f"{path} is damaged: expected {expected}, found {found}. Delete it and pass download=True to fetch "
        "it again, or replace it by a good copy"
    )
