"""From a list of samples to a batch: what a `DataLoader` does unless it is given a ``collate_fn``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import tinygrad_np as tg


def default_collate(batch: Sequence[Any]) -> Any:
    """Make a batch of samples that have the same structure; the first sample says which.

    ============================  =======================================================================
    samples                       batch
    ============================  =======================================================================
    tensors, arrays               one tensor, stacked along a new first dimension
    floats; ints; bools           a one-dimensional tensor of float64; int64; bool
    strings, bytes                the list itself
    dicts                         a dict of the same keys, of collated values
    named tuples                  a named tuple of collated fields
    tuples; lists                 a list of collated components
    ============================  =======================================================================

    Args:
        batch: the samples, at least one.

    Returns:
        The batch.

    Raises:
        TypeError: there is no way to collate such samples.
        RuntimeError: sizes differ between samples.

    Example:
        >>> default_collate([(0.5, {"label": 3}), (1.5, {"label": 4})])
        [tensor([0.5000, 1.5000], dtype=float64), {'label': tensor([3, 4])}]
    """
    first = batch[0]
    if isinstance(first, tg.Tensor):
        return tg.stack(list(batch))
    if isinstance(first, np.ndarray) and _is_numeric(first):
        return tg.stack([tg.as_tensor(sample) for sample in batch])
    if isinstance(first, np.generic) and _is_numeric(first):
        return tg.as_tensor(np.array(batch))
    if isinstance(first, float):
        return tg.tensor(batch, dtype=tg.float64)
    if isinstance(first, int):
        return tg.tensor(batch)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return _like(first, {key: default_collate([sample[key] for sample in batch]) for key in first})
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError(
                "default_collate: each element in list of batch should be of equal size, but their lengths are "
                f"{[len(sample) for sample in batch]}"
            )
        return _like(first, [default_collate(component) for component in zip(*batch, strict=True)])
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found "
        f"{first.dtype if isinstance(first, np.ndarray | np.generic) else type(first)}"
    )


def default_convert(data: Any) -> Any:
    """Make tensors of the arrays in a sample, however deep; all else stays. Used where there are no batches.

    Example:
        >>> default_convert({"image": np.zeros(2), "name": "seven"})
        {'image': tensor([0., 0.], dtype=float64), 'name': 'seven'}
    """
    if isinstance(data, np.ndarray | np.generic) and _is_numeric(data):
        return tg.as_tensor(data)
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return _like(data, [default_convert(component) for component in data])
    return data


def _is_numeric(array: Any) -> bool:
    return array.dtype.kind in "biuf"


def _like(container: Any, content: Any) -> Any:
    """``content``, a dict or a list, as the same kind of container; as it is for tuples and what cannot be made."""
    if hasattr(container, "_fields"):  # a named tuple
        return type(container)(*content)
    if type(container) in (dict, list, tuple):
        return content
    try:
        return type(container)(content)
    except TypeError:  # a range, a defaultdict
        return content
