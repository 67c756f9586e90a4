"""Data sets, and the splitting and joining of them."""

import numpy as np
import pytest

import tinygrad_np as tg
from tests.utils.data.datasets import Squares, Stream
from tinygrad_np.utils.data import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    random_split,
)

# ---- TensorDataset -------------------------------------------------------------------------------------------------


def test_tensor_dataset_gives_tuples():
    data = TensorDataset(tg.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), tg.tensor([0, 1, 2]))
    image, label = data[-1]
    assert len(data) == 3
    assert isinstance(data[0], tuple)
    assert image.tolist() == [5, 6]
    assert label.item() == 2
    assert [t.tolist() for t in data[1:]] == [[[3, 4], [5, 6]], [1, 2]]
    with pytest.raises(IndexError):
        data[3]


def test_tensor_dataset_refuses_tensors_of_different_lengths():
    with pytest.raises(AssertionError, match=r"Size mismatch between tensors: their first dimensions are \[3, 2\]"):
        TensorDataset(tg.ones(3, 2), tg.ones(2))


def test_tensor_dataset_fetches_a_batch_of_its_own_memory():
    x = tg.arange(12.0).reshape(6, 2)
    data = TensorDataset(x, tg.arange(6))
    for indices in ([4, 0, 4, -1], [1, 2, 3]):
        rows, numbers = data.fetch_batch(np.array(indices))
        assert rows.tolist() == [x[i].tolist() for i in indices]
        assert numbers.tolist() == [i % 6 for i in indices]
        rows.zero_()
    assert x.sum().item() == 66


# ---- Subset, concatenation -----------------------------------------------------------------------------------------


def test_subset_renumbers():
    subset = Subset(Squares(10), [7, 2, 2])
    assert len(subset) == 3
    assert [subset[i] for i in range(3)] == [49, 4, 4]
    assert Subset(subset, [2, 0])[1] == 49
    assert Subset(TensorDataset(tg.arange(5)), [4, 0, 2])[[0, 2]][0].tolist() == [4, 2]


def test_subset_takes_its_indices_from_a_tensor_too():
    subset = Subset(TensorDataset(tg.arange(5) * 10), tg.tensor([4, 1]))
    assert subset[0][0].item() == 40
    assert subset.fetch_batch(np.array([1, 0]))[0].tolist() == [10, 40]


def test_concatenation():
    data = Squares(3) + Squares(0) + Squares(2)
    assert isinstance(data, ConcatDataset)
    assert len(data) == 5
    assert [data[i] for i in range(-5, 5)] == [0, 1, 4, 0, 1] * 2
    assert ConcatDataset([Squares(3), Squares(2)]).cumulative_sizes == [3, 5]
    with pytest.raises(IndexError):
        data[5]
    with pytest.raises(ValueError, match="absolute value of index should not exceed dataset length"):
        data[-6]


def test_concatenation_refuses_nothing_and_streams():
    with pytest.raises(AssertionError, match="datasets should not be an empty iterable"):
        ConcatDataset([])
    with pytest.raises(AssertionError, match="ConcatDataset does not support IterableDataset"):
        Squares(3) + Stream(1)


def test_streams_are_chained():
    chain = Stream(1, 2) + Stream() + Stream(3)
    assert isinstance(chain, ChainDataset)
    assert list(chain) == list(chain) == [1, 2, 3]
    with pytest.raises(AssertionError, match="ChainDataset only supports IterableDataset, not Squares"):
        list(Stream(1) + Squares(1))


def test_what_a_subclass_must_define_is_named():
    with pytest.raises(NotImplementedError, match="must define __getitem__"):
        Dataset()[0]
    with pytest.raises(NotImplementedError, match="must define __iter__"):
        iter(IterableDataset())


# ---- random_split --------------------------------------------------------------------------------------------------


def test_random_split_by_lengths_is_a_partition():
    parts = random_split(Squares(10), [5, 3, 2], generator=tg.Generator().manual_seed(0))
    assert [len(p) for p in parts] == [5, 3, 2]
    indices = [i for p in parts for i in p.indices]
    assert sorted(indices) == list(range(10))
    assert indices != list(range(10))
    assert [parts[1][i] for i in range(3)] == [i**2 for i in parts[1].indices]


def test_random_split_depends_on_the_generator_only():
    def split(seed):
        return [p.indices for p in random_split(Squares(20), [10, 10], generator=tg.Generator().manual_seed(seed))]

    assert split(1) == split(1) != split(2)
    tg.manual_seed(3)
    first = random_split(Squares(20), [0.5, 0.5])[0].indices
    tg.manual_seed(3)
    assert random_split(Squares(20), [0.5, 0.5])[0].indices == first


@pytest.mark.parametrize(
    ("total", "fractions", "lengths"),
    [
        (10, [0.7, 0.3], [7, 3]),
        (11, [0.5, 0.5], [6, 5]),
        (11, [0.3, 0.3, 0.4], [4, 3, 4]),
        (10, [0.1] * 10, [1] * 10),
        (1, [1.0], [1]),
    ],
)
def test_random_split_by_fractions_gives_what_remains_to_the_first(total, fractions, lengths):
    assert [len(p) for p in random_split(Squares(total), fractions)] == lengths


def test_random_split_warns_of_empty_parts():
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        assert [len(p) for p in random_split(Squares(5), [0.9, 0.1])] == [5, 0]


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([3, 3], r"Sum of input lengths does not equal the length of the input dataset! \(3 \+ 3 against 5\)"),
        ([0.5, 0.6], "Sum of input lengths does not equal"),
        ([0.5, -0.5, 1.0], "Fraction at index 1 is not between 0 and 1: -0.5"),
    ],
)
def test_random_split_refuses(lengths, message):
    with pytest.raises(ValueError, match=message):
        random_split(Squares(5), lengths)
