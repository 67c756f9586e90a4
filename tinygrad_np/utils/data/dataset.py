"""Data sets: samples by number (`Dataset`) or one after the other (`IterableDataset`)."""

from __future__ import annotations

import bisect
import itertools
import math
import operator
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

import tinygrad_np as tg

Sample_co = TypeVar("Sample_co", covariant=True)
Sample = TypeVar("Sample")


class Dataset(Generic[Sample_co]):
    """Samples by number: a subclass defines ``__getitem__``, and nearly always ``__len__``.

    Two further methods, both optional, let a `DataLoader` fetch a whole batch at once:

    - ``fetch_batch(indices)``, where ``indices`` is a one-dimensional int64 array, returns the collated batch: a tuple
      of tensors, one per component of a sample, each with a row per index and memory of its own; or None where the
      samples have to be fetched one by one after all. It is asked only if batches are collated in the default way.
    - ``__getitems__(indices)``, where ``indices`` is a list of ints, returns the list of samples.

    A subclass that overrides ``__getitem__`` alone is fetched by it: what it inherits of these two is not used.

    Example:
        >>> class Squares(Dataset[int]):
        ...     def __len__(self):
        ...         return 4
        ...
        ...     def __getitem__(self, index):
        ...         return index**2
        >>> data = Squares() + Squares()
        >>> len(data), data[7]
        (8, 9)
    """

    def __getitem__(self, index: Any) -> Sample_co:
        raise NotImplementedError(f"{type(self).__name__}: subclasses of Dataset must define __getitem__")

    def __add__(self, other: Dataset[Sample]) -> Dataset[Sample_co | Sample]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[Sample_co]):
    """Samples one after the other, for data that has no numbers (a stream): a subclass defines ``__iter__``.

    Example:
        >>> class Countdown(IterableDataset[int]):
        ...     def __iter__(self):
        ...         return iter([3, 2, 1])
        >>> list(Countdown() + Countdown())
        [3, 2, 1, 3, 2, 1]
    """

    def __iter__(self) -> Iterator[Sample_co]:
        raise NotImplementedError(f"{type(self).__name__}: subclasses of IterableDataset must define __iter__")

    def __add__(self, other: Dataset[Sample]) -> Dataset[Sample_co | Sample]:
        return ChainDataset([self, other])


def whole_batch_method(dataset: Any, name: str) -> Callable[[Any], Any] | None:
    """The method ``name`` of a data set that fetches many samples at once, or None if it has none that can be used.

    A subclass that overrides ``__getitem__`` (to augment the samples, say) but not the method would be bypassed by it.
    """
    for cls in type(dataset).__mro__:
        if name in vars(cls):
            return getattr(dataset, name)  # type: ignore[no-any-return]
        if "__getitem__" in vars(cls):
            return None
    return None


class TensorDataset(Dataset[tuple["tg.Tensor", ...]]):
    """Tensors of equal length; a sample is the tuple of their elements at one index of their first dimension.

    Args:
        *tensors: each of shape (N, ...).

    Raises:
        AssertionError: the lengths differ.

    Example:
        >>> import tinygrad_np as tg
        >>> data = TensorDataset(tg.tensor([[1.0, 2.0], [3.0, 4.0]]), tg.tensor([0, 1]))
        >>> len(data), data[1]
        (2, (tensor([3., 4.]), tensor(1)))
    """

    tensors: tuple[tg.Tensor, ...]

    def __init__(self, *tensors: tg.Tensor) -> None:
        lengths = [len(t) for t in tensors]
        if len(set(lengths)) > 1:
            raise AssertionError(f"Size mismatch between tensors: their first dimensions are {lengths}")
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: Any) -> tuple[tg.Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def fetch_batch(self, indices: NDArray[np.int64]) -> tuple[tg.Tensor, ...]:
        """The batch of the samples ``indices``: one read of each tensor."""
        rows = tg.from_numpy(indices)
        return tuple(tensor[rows] for tensor in self.tensors)


class Subset(Dataset[Sample_co]):
    """The samples of another data set at certain indices, in their order.

    Args:
        dataset: where the samples are.
        indices: which of them, a sequence of ints.

    Example:
        >>> subset = Subset("abcdef", [4, 0])
        >>> len(subset), subset[0], subset[1]
        (2, 'e', 'a')
    """

    def __init__(self, dataset: Dataset[Sample_co], indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Sample_co:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list[Sample_co]:
        """The samples at ``indices`` of the subset."""
        chosen = [self.indices[i] for i in indices]
        fetch = whole_batch_method(self.dataset, "__getitems__")
        return [self.dataset[i] for i in chosen] if fetch is None else fetch(chosen)

    def fetch_batch(self, indices: NDArray[np.int64]) -> tuple[tg.Tensor, ...] | None:
        """The batch of the samples at ``indices`` of the subset, if the data set makes batches itself."""
        fetch = whole_batch_method(self.dataset, "fetch_batch")
        if fetch is None:
            return None
        chosen = map(self.indices.__getitem__, indices.tolist())
        return fetch(np.fromiter(chosen, np.int64, len(indices)))  # type: ignore[no-any-return]


class ConcatDataset(Dataset[Sample_co]):
    """Several data sets as one, the samples of the first before those of the second. ``a + b`` makes one too.

    Args:
        datasets: the data sets; each must have a length.

    Raises:
        AssertionError: there are none, or one is an `IterableDataset`.

    Example:
        >>> data = ConcatDataset(["ab", "cde"])
        >>> len(data), data[1], data[2], data[-1], data.cumulative_sizes
        (5, 'b', 'c', 'e', [2, 5])
    """

    datasets: list[Dataset[Sample_co]]
    cumulative_sizes: list[int]

    def __init__(self, datasets: Iterable[Dataset[Sample_co]]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("ConcatDataset: datasets should not be an empty iterable")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset")
        self.cumulative_sizes = list(itertools.accumulate(len(d) for d in self.datasets))  # type: ignore[arg-type]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: Any) -> Sample_co:
        position = operator.index(index)
        if position >= len(self):
            raise IndexError(f"ConcatDataset: index {index} is out of range for {len(self)} samples")
        if position < 0:
            position += len(self)
        if position < 0:
            raise ValueError(f"absolute value of index should not exceed dataset length, but {index} does: {len(self)}")
        which = bisect.bisect_right(self.cumulative_sizes, position)
        start = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][position - start]


class ChainDataset(IterableDataset[Sample_co]):
    """Several iterable data sets as one, read one after the other. ``a + b`` makes one too.

    Args:
        datasets: the data sets, each an `IterableDataset`.

    Raises:
        AssertionError: when read: one of them is not an `IterableDataset`.
    """

    def __init__(self, datasets: Iterable[Dataset[Sample_co]]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[Sample_co]:
        for dataset in self.datasets:
            yield from self._iterable(dataset)

    def __len__(self) -> int:
        return sum(len(self._iterable(d)) for d in self.datasets)  # type: ignore[arg-type, misc]

    @staticmethod
    def _iterable(dataset: Dataset[Sample_co]) -> IterableDataset[Sample_co]:
        if not isinstance(dataset, IterableDataset):
            raise AssertionError(f"ChainDataset only supports IterableDataset, not {type(dataset).__name__}")
        return dataset


def random_split(
    dataset: Dataset[Sample], lengths: Sequence[int | float], generator: tg.Generator | None = None
) -> list[Subset[Sample]]:
    """Split a data set at random into subsets of given lengths, without overlap.

    Args:
        dataset: what to split; it must have a length.
        lengths: of the subsets; or fractions that sum to 1: each subset then has ``floor(fraction * len(dataset))``
            samples, and those that remain go one each to the first subsets.
        generator: the source of randomness; the global one by default.

    Returns:
        A `Subset` per length.

    Raises:
        ValueError: the lengths do not sum to the data set's, or a fraction is not between 0 and 1.

    Example:
        >>> import tinygrad_np as tg
        >>> train, test = random_split("abcdefghij", [0.75, 0.25], generator=tg.Generator().manual_seed(0))
        >>> len(train), len(test)
        (8, 2)
    """
    total = len(dataset)  # type: ignore[arg-type]
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = _lengths_of_fractions(lengths, total)
    if sum(lengths) != total:
        raise ValueError(
            "random_split: Sum of input lengths does not equal the length of the input dataset! "
            f"({' + '.join(map(str, lengths))} against {total})"
        )
    shuffled = iter(tg.randperm(total, generator=generator).tolist())
    return [Subset(dataset, list(itertools.islice(shuffled, int(length)))) for length in lengths]


def _lengths_of_fractions(fractions: Sequence[float], total: int) -> list[int]:
    for i, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ValueError(f"random_split: Fraction at index {i} is not between 0 and 1: {fraction}")
    lengths = [math.floor(total * fraction) for fraction in fractions]
    for i in range(total - sum(lengths)):
        lengths[i % len(lengths)] += 1
    for i, length in enumerate(lengths):
        if length == 0:
            warnings.warn(f"Length of split at index {i} is 0. This might result in an empty dataset.", stacklevel=3)
    return lengths
