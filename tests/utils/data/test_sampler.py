"""Samplers: which indices they give, how many, and from which source of randomness."""

from collections import Counter

import pytest

import tinygrad_np as tg
from tinygrad_np.utils.data import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


def seeded(seed=0):
    return tg.Generator().manual_seed(seed)


def test_sequential():
    sampler = SequentialSampler("abc")
    assert list(sampler) == list(sampler) == [0, 1, 2]
    assert len(sampler) == 3


RANDOM = [
    pytest.param(lambda g: RandomSampler(range(50), generator=g), id="RandomSampler"),
    pytest.param(lambda g: RandomSampler(range(50), replacement=True, generator=g), id="replacement"),
    pytest.param(lambda g: SubsetRandomSampler(range(50), generator=g), id="SubsetRandomSampler"),
    pytest.param(lambda g: WeightedRandomSampler([1.0] * 50, 50, generator=g), id="WeightedRandomSampler"),
]


@pytest.mark.parametrize("make", RANDOM)
def test_order_is_drawn_anew_by_each_iteration_and_repeats_with_the_seed(make):
    sampler = make(seeded(1))
    first, second = list(sampler), list(sampler)
    assert first != second
    again = make(seeded(1))
    assert [list(again), list(again)] == [first, second]
    assert list(make(seeded(2))) != first
    assert all(type(i) is int and 0 <= i < 50 for i in first)
    assert len(sampler) == len(first) == 50


@pytest.mark.parametrize("make", RANDOM)
def test_without_a_generator_the_global_seed_rules(make):
    tg.manual_seed(5)
    first = list(make(None))
    assert list(make(None)) != first
    tg.manual_seed(5)
    assert list(make(None)) == first


def test_random_without_replacement_is_a_permutation():
    assert sorted(RandomSampler("abcdef")) == list(range(6))
    part = list(RandomSampler("abcdef", num_samples=4))
    assert len(set(part)) == 4
    several = RandomSampler("abc", num_samples=8)
    drawn = list(several)
    assert len(several) == len(drawn) == 8
    assert sorted(drawn[:3]) == sorted(drawn[3:6]) == [0, 1, 2]
    assert len(set(drawn[6:])) == 2


def test_random_with_replacement_draws_evenly():
    counts = Counter(RandomSampler("abcd", replacement=True, num_samples=4000, generator=seeded()))
    assert len(counts) == 4
    assert all(850 < n < 1150 for n in counts.values())


def test_random_sees_a_data_set_that_has_grown():
    data = [0]
    sampler = RandomSampler(data)
    data += [1, 2]
    assert sorted(sampler) == [0, 1, 2]


@pytest.mark.parametrize("n", [0, -1, 2.0, True])
def test_number_of_samples_must_be_a_positive_int(n):
    for make in (lambda: RandomSampler("ab", num_samples=n), lambda: WeightedRandomSampler([1.0], n)):
        with pytest.raises(
            ValueError, match=f"num_samples should be a positive integer value, but got num_samples={n}"
        ):
            make()
    with pytest.raises(ValueError, match="num_samples should be a positive integer value, but got num_samples=0"):
        RandomSampler([])


def test_replacement_must_be_a_bool():
    with pytest.raises(TypeError, match="replacement should be a boolean value, but got replacement=1"):
        RandomSampler("ab", replacement=1)
    with pytest.raises(ValueError, match="replacement should be a boolean value, but got replacement=1"):
        WeightedRandomSampler([1.0], 1, replacement=1)


def test_subset_is_shuffled():
    sampler = SubsetRandomSampler([30, 10, 20], generator=seeded())
    assert len(sampler) == 3
    assert sorted(sampler) == [10, 20, 30]


def test_weights_are_probabilities():
    counts = Counter(WeightedRandomSampler([1, 0, 3], 4000, generator=seeded()))
    assert counts[1] == 0
    assert 2800 < counts[2] < 3200
    assert sorted(WeightedRandomSampler([1.0, 5.0, 2.0], 3, replacement=False)) == [0, 1, 2]
    with pytest.raises(RuntimeError, match="without replacement"):
        list(WeightedRandomSampler([1.0], 2, replacement=False))
    with pytest.raises(ValueError, match=r"weights should be a 1d sequence but given weights have shape \(1, 1\)"):
        WeightedRandomSampler([[1.0]], 1)


@pytest.mark.parametrize(
    ("drop_last", "batches"), [(False, [[0, 1, 2], [3, 4, 5], [6]]), (True, [[0, 1, 2], [3, 4, 5]])]
)
def test_batches(drop_last, batches):
    sampler = BatchSampler(SequentialSampler(range(7)), 3, drop_last)
    assert list(sampler) == list(sampler) == batches
    assert len(sampler) == len(batches)
    assert len(BatchSampler(range(6), 3, drop_last)) == 2


def test_batches_of_an_endless_sampler():
    def endless():
        while True:
            yield 1

    assert next(iter(BatchSampler(endless(), 2, False))) == [1, 1]


@pytest.mark.parametrize("size", [0, -1, 2.5, True])
def test_batch_size_must_be_a_positive_int(size):
    with pytest.raises(ValueError, match=f"batch_size should be a positive integer value, but got batch_size={size}"):
        BatchSampler(range(3), size, False)


def test_drop_last_must_be_a_bool():
    with pytest.raises(ValueError, match="drop_last should be a boolean value, but got drop_last=1"):
        BatchSampler(range(3), 2, 1)


def test_a_subclass_must_define_iter():
    with pytest.raises(NotImplementedError, match="must define __iter__"):
        iter(Sampler())
