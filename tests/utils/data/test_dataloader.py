"""The loader: which batches it gives, how it asks for them, and which arguments exclude each other."""

import itertools
from collections import namedtuple

import numpy as np
import pytest

import tinygrad_np as tg
from tests.utils.data.datasets import Squares, Stream
from tinygrad_np.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    TensorDataset,
    default_collate,
    default_convert,
)

# ---- collation -----------------------------------------------------------------------------------------------------

Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("samples", "values", "dtype"),
    [
        ([tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0])], [[1, 2], [3, 4]], tg.float32),
        ([np.array([1, 2], np.uint8), np.array([3, 4], np.uint8)], [[1, 2], [3, 4]], tg.uint8),
        ([np.array(1.5), np.array(2.5)], [1.5, 2.5], tg.float64),
        ([np.float32(1.5), np.float32(2.5)], [1.5, 2.5], tg.float32),
        ([1.5, 2], [1.5, 2], tg.float64),
        ([1, 2], [1, 2], tg.int64),
        ([True, False], [True, False], tg.bool_),
    ],
)
def test_collates_into_one_tensor(samples, values, dtype):
    batch = default_collate(samples)
    assert batch.tolist() == values
    assert batch.dtype == dtype


def test_collates_containers():
    first, second = default_collate([(1, "a"), (2, "b")])
    assert first.tolist() == [1, 2]
    assert second == ("a", "b")
    assert [t.tolist() for t in default_collate([[1, 2.0], [3, 4.0]])] == [[1, 3], [2, 4]]
    point = default_collate([Point(1, 2), Point(3, 4)])
    assert isinstance(point, Point)
    assert point.y.tolist() == [2, 4]
    nested = default_collate([{"x": (1, {"y": tg.ones(2)}), "name": "a"}, {"x": (2, {"y": tg.zeros(2)}), "name": "b"}])
    assert nested["name"] == ["a", "b"]
    assert nested["x"][0].tolist() == [1, 2]
    assert nested["x"][1]["y"].tolist() == [[1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("samples", "error", "message"),
    [
        ([tg.ones(2), tg.ones(3)], RuntimeError, r"equal size, but got \[2\] at entry 0 and \[3\] at entry 1"),
        ([np.ones(2), np.ones(3)], RuntimeError, r"equal size, but got \[2\] at entry 0 and \[3\] at entry 1"),
        ([(1, 2), (3,)], RuntimeError, r"should be of equal size, but their lengths are \[2, 1\]"),
        ([{"a": 1}, {"b": 2}], KeyError, "a"),
        (
            [None, None],
            TypeError,
            "must contain tensors, numpy arrays, numbers, dicts or lists; found <class 'NoneType'>",
        ),
        ([np.array(["a"])], TypeError, "numbers, dicts or lists; found <U1"),
    ],
)
def test_refuses_to_collate(samples, error, message):
    with pytest.raises(error, match=message):
        default_collate(samples)


def test_converts_arrays_only():
    sample = {"image": np.ones(2, np.float32), "more": [np.float64(1.5), "x", (3, None)], "point": Point(np.ones(1), 2)}
    converted = default_convert(sample)
    assert converted["image"].dtype == tg.float32
    assert converted["more"][0].item() == 1.5
    assert converted["more"][1:] == ["x", [3, None]]
    assert isinstance(converted["point"].x, tg.Tensor)


# ---- batches -------------------------------------------------------------------------------------------------------


def numbers(loader):
    """The samples of a loader that gives one number per sample, as lists, batch by batch."""
    return [batch.tolist() for batch in loader]


def test_batches_in_order():
    loader = DataLoader(Squares(5), batch_size=2)
    assert numbers(loader) == numbers(loader) == [[0, 1], [4, 9], [16]]
    assert len(loader) == 3
    assert isinstance(loader.sampler, SequentialSampler)


def test_drop_last():
    loader = DataLoader(Squares(5), batch_size=2, drop_last=True)
    assert numbers(loader) == [[0, 1], [4, 9]]
    assert len(loader) == 2


def test_shuffles_anew_in_each_pass_and_repeats_with_the_seed():
    def passes(seed):
        loader = DataLoader(Squares(20), batch_size=7, shuffle=True, generator=tg.Generator().manual_seed(seed))
        assert isinstance(loader.sampler, RandomSampler)
        return numbers(loader), numbers(loader)

    first, second = passes(0)
    assert first != second
    for batches in (first, second):
        assert sorted(itertools.chain(*batches)) == [i**2 for i in range(20)]
    assert passes(0) == (first, second)
    assert passes(1) != (first, second)


def test_passes_may_overlap():
    loader = DataLoader(Squares(4), batch_size=2)
    assert [(a.tolist(), b.tolist()) for a in loader for b in loader] == [
        (a, b) for a in ([0, 1], [4, 9]) for b in ([0, 1], [4, 9])
    ]


def test_other_samplers():
    assert numbers(DataLoader(Squares(9), batch_size=2, sampler=[8, 3, 1])) == [[64, 9], [1]]
    loader = DataLoader(Squares(9), batch_sampler=[[1, 2], [5]])
    assert numbers(loader) == [[1, 4], [25]]
    assert len(loader) == 2
    assert loader.batch_size is None
    with pytest.raises(TypeError, match="has no len"):
        len(DataLoader(Squares(9), sampler=iter([1])))


def test_without_batches():
    loader = DataLoader(Squares(3), batch_size=None)
    assert list(loader) == [0, 1, 4]
    assert len(loader) == 3
    arrays = DataLoader([np.ones(2), np.zeros(2)], batch_size=None)
    assert [type(sample) for sample in arrays] == [tg.Tensor, tg.Tensor]
    lists = DataLoader(Squares(3), batch_size=None, sampler=[2, 1], collate_fn=lambda sample: -sample)
    assert list(lists) == [-4, -1]


def test_collate_fn():
    assert list(DataLoader(Squares(5), batch_size=2, collate_fn=sum)) == [1, 13, 16]
    assert list(DataLoader(TensorDataset(tg.arange(3)), batch_size=3, collate_fn=len)) == [3]


def test_streams():
    loader = DataLoader(Stream(1, 2, 3), batch_size=2)
    assert numbers(loader) == numbers(loader) == [[1, 2], [3]]
    assert numbers(DataLoader(Stream(1, 2, 3), batch_size=2, drop_last=True)) == [[1, 2]]
    assert list(DataLoader(Stream(1, 2), batch_size=None)) == [1, 2]
    with pytest.raises(TypeError, match="has no len"):
        len(loader)

    class Sized(Stream):
        def __len__(self):
            return len(self.items)

    assert len(DataLoader(Sized(1, 2, 3), batch_size=2)) == 2
    assert len(DataLoader(Sized(1, 2, 3) + Sized(4), batch_size=2, drop_last=True)) == 2
    assert len(DataLoader(Sized(1, 2, 3), batch_size=None)) == 3


# ---- whole batches at once -----------------------------------------------------------------------------------------


class Recorder(TensorDataset):
    """A tensor data set that notes how it is asked."""

    def __init__(self, *tensors):
        super().__init__(*tensors)
        self.calls = []

    def __getitem__(self, index):
        self.calls.append("item")
        return super().__getitem__(index)

    def fetch_batch(self, indices):
        assert indices.dtype == np.int64
        self.calls.append("batch")
        return super().fetch_batch(indices)


def recorder():
    return Recorder(tg.arange(14.0).reshape(7, 2), tg.arange(7))


@pytest.mark.parametrize(
    "wrap", [lambda data: data, lambda data: Subset(data, [5, 0, 3, 3, 1, 2]), lambda data: data + data]
)
@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"sampler": [4, 1, 1]}, {"batch_sampler": [[2, 0], [1]]}])
def test_a_batch_fetched_at_once_is_that_of_its_samples(wrap, options):
    if "batch_sampler" not in options:
        options = {"batch_size": 2, **options}
    data = wrap(recorder())
    loaders = [
        DataLoader(data, generator=tg.Generator().manual_seed(0), collate_fn=collate, **options)
        for collate in (None, lambda samples: default_collate(samples))
    ]
    for batch, expected in zip(*loaders, strict=True):
        assert type(batch) is type(expected) is list
        assert [t.tolist() for t in batch] == [t.tolist() for t in expected]
        assert [t.dtype for t in batch] == [t.dtype for t in expected]


def test_whole_batches_are_asked_for_where_the_default_collates_them():
    data = recorder()
    list(DataLoader(data, batch_size=4))
    list(DataLoader(Subset(data, range(5)), batch_size=4, shuffle=True))
    list(DataLoader(Subset(Subset(data, range(5)), [0, 3]), batch_size=4))
    assert data.calls == ["batch"] * 5
    data.calls.clear()
    list(DataLoader(data, batch_size=4, collate_fn=lambda samples: samples))
    list(DataLoader(data, batch_size=None, sampler=[0]))
    assert data.calls == ["item"] * 8


def test_a_data_set_may_decline_to_fetch_a_batch():
    class Declining(Recorder):
        def fetch_batch(self, indices):
            return None

    (batch,) = DataLoader(Declining(tg.arange(3)), batch_size=3)
    assert batch[0].tolist() == [0, 1, 2]


def test_a_subclass_that_overrides_items_is_not_bypassed():
    class Negated(TensorDataset):
        def __getitem__(self, index):
            return tuple(-t for t in super().__getitem__(index))

    class NegatedSubset(Subset):
        def __getitem__(self, index):
            return tuple(-t for t in super().__getitem__(index))

    plain = TensorDataset(tg.arange(3))
    for data in (Negated(tg.arange(3)), Subset(Negated(tg.arange(3)), range(3)), NegatedSubset(plain, range(3))):
        (batch,) = DataLoader(data, batch_size=3)
        assert batch[0].tolist() == [0, -1, -2]


def test_samples_may_be_fetched_as_a_list():
    class Listing(Dataset):
        def __getitem__(self, index):
            raise AssertionError("one by one")

        def __getitems__(self, indices):
            return [10 * i for i in indices]

    assert numbers(DataLoader(Listing(), batch_size=2, sampler=[3, 1, 2])) == [[30, 10], [20]]
    assert numbers(DataLoader(Subset(Listing(), [5, 6]), batch_size=2)) == [[50, 60]]


def test_a_stream_that_is_its_own_iterator():
    class Lines(IterableDataset):
        def __iter__(self):
            self.line = 0
            return self

        def __next__(self):
            if self.line == 5:
                raise StopIteration
            self.line += 1
            return self.line

    loader = DataLoader(Lines(), batch_size=2)
    for _ in range(2):
        assert [batch.tolist() for batch in loader] == [[1, 2], [3, 4], [5]]


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        ([(0, 1), (1, 2)], [1.0, 5.0]),
        ([(0,), (1, 2)], RuntimeError),  # a row, and an element
        ([slice(0, 2), slice(1, 3)], [[[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [6, 7, 8]]]),
        ([tg.tensor(2), np.int64(0)], [[6, 7, 8], [0, 1, 2]]),
        ([0.9, 1.7], IndexError),
    ],
)
def test_indices_of_any_kind_are_those_of_samples(sampler, expected):
    rows = TensorDataset(tg.arange(9.0).reshape(3, 3))
    loader = DataLoader(rows, batch_size=2, sampler=sampler)
    if isinstance(expected, list):
        assert [batch.tolist() for (batch,) in loader] == [expected]
    else:
        with pytest.raises(expected):
            next(iter(loader))
    (batch,) = next(iter(DataLoader(rows, batch_sampler=[{1}])))
    assert batch.tolist() == [[3, 4, 5]]


def test_samples_without_batches_go_on_after_an_error():
    class Faulty(Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            if index == 1:
                raise ValueError("damaged")
            return index

    samples = iter(DataLoader(Faulty(), batch_size=None))
    assert next(samples) == 0
    with pytest.raises(ValueError, match="damaged"):
        next(samples)
    assert next(samples) == 2


def test_changing_a_batch_in_place_leaves_the_data_set_alone():
    x = tg.arange(6.0)
    for (batch,) in DataLoader(TensorDataset(x), batch_size=3):
        batch.zero_()
    assert x.tolist() == [0, 1, 2, 3, 4, 5]


# ---- arguments -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shuffle": True, "sampler": [1]}, "sampler option is mutually exclusive with shuffle"),
        (
            {"batch_sampler": [[1]], "batch_size": 2},
            "batch_sampler option is mutually exclusive with batch_size, shuffle",
        ),
        ({"batch_sampler": [[1]], "batch_size": None}, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[1]], "shuffle": True}, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[1]], "sampler": [1]}, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[1]], "drop_last": True}, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "batch_size=None option disables auto-batching"),
        ({"batch_size": 0}, "batch_size should be a positive integer value, but got batch_size=0"),
        ({"batch_size": 2.5}, "batch_size should be a positive integer value, but got batch_size=2.5"),
    ],
)
def test_refuses_arguments_that_exclude_each_other(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(Squares(5), **options)


@pytest.mark.parametrize("options", [{"shuffle": True}, {"sampler": [1]}, {"batch_sampler": [[1]]}])
def test_a_stream_has_its_own_order(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"IterableDataset: expected unspecified {name} option, but got {name}="):
        DataLoader(Stream(1), **options)
    assert numbers(DataLoader(Stream(1), shuffle=False)) == [[1]]


@pytest.mark.parametrize("name", ["batch_size", "batch_sampler", "sampler", "drop_last", "dataset"])
def test_what_makes_the_batches_is_fixed(name):
    loader = DataLoader(Squares(5))
    with pytest.raises(ValueError, match=f"{name} attribute should not be set after DataLoader is initialized"):
        setattr(loader, name, None)
    loader.collate_fn = sum
    assert list(loader) == [0, 1, 4, 9, 16]
