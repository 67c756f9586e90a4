"""The loader: batches of the samples of a data set, in the order of a sampler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic

import numpy as np
import numpy.typing as npt

import tinygrad_np as tg
from tinygrad_np.utils.data.collate import default_collate, default_convert
from tinygrad_np.utils.data.dataset import Dataset, IterableDataset, Sample_co, whole_batch_method
from tinygrad_np.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    batched,
    count_batches,
)


class DataLoader(Generic[Sample_co]):
    """An iterable over a data set, batch by batch. Each iteration is a new pass, shuffled anew if it is shuffled.

    A data set that can fetch a whole batch at once is asked for that: see `Dataset`. The memory of a batch is its own,
    so that changing it in place leaves the data set as it was.

    Args:
        dataset: a `Dataset`, or anything with ``__getitem__`` and ``__len__``; or an `IterableDataset`.
        batch_size: how many samples a batch has; None turns batching off, and the loader gives sample by sample.
        shuffle: draw a new random order for every pass.
        sampler: the order of the samples instead: an iterable of indices.
        batch_sampler: the order and the batches: an iterable of lists of indices.
        collate_fn: makes a batch of a list of samples (a sample of a sample, if ``batch_size`` is None); by default
            `default_collate` (`default_convert`).
        drop_last: leave out the last batch if it is smaller.
        generator: the source of randomness of ``shuffle``; the global one by default.

    Raises:
        ValueError: arguments exclude each other, or ``batch_size`` is not a positive int.

    Example:
        >>> import tinygrad_np as tg
        >>> from tinygrad_np.utils.data import TensorDataset
        >>> data = TensorDataset(tg.arange(5), tg.arange(5) ** 2)
        >>> for number, square in DataLoader(data, batch_size=2):
        ...     print(number, square)
        tensor([0, 1]) tensor([0, 1])
        tensor([2, 3]) tensor([4, 9])
        tensor([4]) tensor([16])
    """

    _FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset")
    _initialized = False

    def __init__(
        self,
        dataset: Dataset[Sample_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[Any] | Iterable[Any] | None = None,
        batch_sampler: Sampler[list[Any]] | Iterable[list[Any]] | None = None,
        collate_fn: Callable[[Any], Any] | None = None,
        drop_last: bool = False,
        generator: tg.Generator | None = None,
    ) -> None:
        if isinstance(dataset, IterableDataset):
            _refuse_order_of_a_stream(shuffle=shuffle or None, sampler=sampler, batch_sampler=batch_sampler)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")

        if sampler is None:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        default = default_convert if batch_sampler is None else default_collate
        self.collate_fn: Callable[[Any], Any] = default if collate_fn is None else collate_fn
        self.drop_last = drop_last
        self.generator = generator
        self._initialized = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._initialized and name in self._FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    def __iter__(self) -> Iterator[Any]:
        if isinstance(self.dataset, IterableDataset):
            if self.batch_size is None:
                return map(self.collate_fn, self.dataset)
            return map(self.collate_fn, batched(self.dataset, self.batch_size, self.drop_last))
        if self.batch_sampler is None:
            return map(self._fetch_one, self.sampler)  # which goes on after an error, as a generator would not
        return map(self._fetch, self.batch_sampler)

    def __len__(self) -> int:
        """The number of batches of a pass (of samples, if ``batch_size`` is None)."""
        if isinstance(self.dataset, IterableDataset):
            samples = len(self.dataset)  # type: ignore[arg-type]
            return samples if self.batch_size is None else count_batches(samples, self.batch_size, self.drop_last)
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]

    def _fetch_one(self, index: Any) -> Any:
        return self.collate_fn(self.dataset[index])

    def _fetch(self, indices: Iterable[Any]) -> Any:
        indices = list(indices)
        fetch_batch = whole_batch_method(self.dataset, "fetch_batch")
        if fetch_batch is not None and self.collate_fn is default_collate:
            positions = _positions(indices)
            batch = None if positions is None else fetch_batch(positions)
            if batch is not None:
                return list(batch)
        fetch_samples = whole_batch_method(self.dataset, "__getitems__")
        samples = [self.dataset[i] for i in indices] if fetch_samples is None else fetch_samples(indices)
        return self.collate_fn(samples)


def _positions(indices: list[Any]) -> npt.NDArray[np.int64] | None:
    """Indices as an array, or None if they are not all integers: a sampler may yield what it likes."""
    try:
        array = np.asarray(indices)
    except ValueError:  # sequences of different lengths
        return None
    return array.astype(np.int64, copy=False) if array.ndim == 1 and array.dtype.kind in "iu" else None


def _refuse_order_of_a_stream(**options: Any) -> None:
    for name, value in options.items():
        if value is not None:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}"
            )
