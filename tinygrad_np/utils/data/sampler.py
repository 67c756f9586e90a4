"""Samplers: in which order a `DataLoader` visits the samples of a data set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import tinygrad_np as tg

Index_co = TypeVar("Index_co", covariant=True)
Item = TypeVar("Item")


class Sampler(Generic[Index_co]):
    """An order of indices, drawn anew by each iteration: a subclass defines ``__iter__`` and, if it can, ``__len__``.

    Example:
        >>> class Backwards(Sampler[int]):
        ...     def __init__(self, data):
        ...         self.data = data
        ...
        ...     def __iter__(self):
        ...         return iter(range(len(self.data) - 1, -1, -1))
        >>> list(Backwards("abc"))
        [2, 1, 0]
    """

    def __iter__(self) -> Iterator[Index_co]:
        raise NotImplementedError(f"{type(self).__name__}: subclasses of Sampler must define __iter__")


class SequentialSampler(Sampler[int]):
    """All samples in their order.

    Args:
        data_source: a data set that has a length.

    Example:
        >>> list(SequentialSampler("abc"))
        [0, 1, 2]
    """

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Samples in random order, or drawn with replacement.

    Args:
        data_source: a data set that has a length.
        replacement: draw each sample independently of the others.
        num_samples: how many to draw; by default as many as there are. Without replacement, more than there are means
            several whole permutations and a part of one.
        generator: the source of randomness; the global one by default.

    Raises:
        TypeError: ``replacement`` is not a bool.
        ValueError: ``num_samples`` is not a positive int, or there are no samples.

    Example:
        >>> import tinygrad_np as tg
        >>> sorted(RandomSampler("abcd", generator=tg.Generator().manual_seed(0)))
        [0, 1, 2, 3]
    """

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: tg.Generator | None = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        _check_positive("num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many samples an iteration draws."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n = len(self.data_source)
        if self.replacement:
            yield from tg.randint(0, n, (self.num_samples,), generator=self.generator).tolist()
            return
        for start in range(0, self.num_samples, n):
            yield from tg.randperm(n, generator=self.generator).tolist()[: self.num_samples - start]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """Certain indices, in random order.

    Args:
        indices: a sequence of indices.
        generator: the source of randomness; the global one by default.

    Example:
        >>> sorted(SubsetRandomSampler([7, 3, 5]))
        [3, 5, 7]
    """

    def __init__(self, indices: Sequence[int], generator: tg.Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in tg.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices drawn with given probabilities, for instance to balance classes of unequal size.

    Args:
        weights: of the samples, a sequence of N numbers not below 0; they need not sum to 1.
        num_samples: how many to draw.
        replacement: whether a sample may be drawn more than once.
        generator: the source of randomness; the global one by default.

    Raises:
        ValueError: ``weights`` is not one-dimensional, ``num_samples`` not a positive int or ``replacement`` no bool.

    Example:
        >>> list(WeightedRandomSampler([0.0, 0.0, 1.0], num_samples=4))
        [2, 2, 2, 2]
    """

    weights: tg.Tensor

    def __init__(
        self,
        weights: Sequence[float] | tg.Tensor,
        num_samples: int,
        replacement: bool = True,
        generator: tg.Generator | None = None,
    ) -> None:
        _check_positive("num_samples", num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        self.weights = tg.as_tensor(weights, dtype=tg.float64)
        if self.weights.ndim != 1:
            raise ValueError(
                f"weights should be a 1d sequence but given weights have shape {tuple(self.weights.shape)}"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        drawn = tg.multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[Any]]):
    """The indices of another sampler, in lists of ``batch_size``.

    Args:
        sampler: the other sampler, or any iterable.
        batch_size: how many indices a batch has.
        drop_last: leave out the last batch if it is smaller.

    Raises:
        ValueError: ``batch_size`` is not a positive int or ``drop_last`` no bool.

    Example:
        >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
        [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Sampler[Any] | Iterable[Any], batch_size: int, drop_last: bool) -> None:
        _check_positive("batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[Any]]:
        return batched(self.sampler, self.batch_size, self.drop_last)

    def __len__(self) -> int:
        return count_batches(len(self.sampler), self.batch_size, self.drop_last)  # type: ignore[arg-type]


def batched(items: Iterable[Item], batch_size: int, drop_last: bool) -> Iterator[list[Item]]:
    """The items in lists of ``batch_size``, without the last list if it is smaller and ``drop_last``."""
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == batch_size:
            yield batch
            batch = []
    if batch and not drop_last:
        yield batch


def count_batches(samples: int, batch_size: int, drop_last: bool) -> int:
    """How many lists `batched` makes of so many samples."""
    return samples // batch_size if drop_last else -(-samples // batch_size)


def _check_positive(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")
