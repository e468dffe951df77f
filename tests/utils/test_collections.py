"""Datasets, samplers and batches of every kind, beside torch's."""

from __future__ import annotations

import inspect
from collections import OrderedDict, UserList, namedtuple

import numpy as np
import pytest

import graphscope as gs
from graphscope.utils import data as ours

torch = pytest.importorskip("torch")
theirs = torch.utils.data

Point = namedtuple("Point", "x y")


@pytest.mark.parametrize("name", ["DataLoader", "TensorDataset", "Subset", "BatchSampler", "RandomSampler", "SequentialSampler", "SubsetRandomSampler", "WeightedRandomSampler"])  # fmt: skip
def test_signatures_are_torchs(name):
    def parameters(module):
        found = inspect.signature(getattr(module, name).__init__).parameters.values()
        return [(p.name, p.kind, p.default) for p in found]

    assert parameters(ours) == parameters(theirs)


def plain(value):
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return (str(value.dtype), tuple(value.shape), value.tolist())
    if isinstance(value, dict):
        return (type(value).__name__, {k: plain(v) for k, v in value.items()})
    if isinstance(value, (list, tuple, UserList)):
        return (type(value).__name__, [plain(v) for v in value])
    return value


BATCHES = {
    "tensors": lambda m: [m.tensor([1.0, 2.0]), m.tensor([3.0, 4.0])],
    "0-d": lambda m: [m.tensor(1), m.tensor(2)],
    "arrays": lambda m: [np.ones((2, 2), np.float32), np.zeros((2, 2), np.float32)],
    "numpy numbers": lambda m: [np.float32(1), np.float32(2)],
    "numpy ints": lambda m: [np.int16(1), np.int16(2)],
    "numpy float64": lambda m: [np.float64(1), np.float64(2)],
    "ints": lambda m: [1, 2],
    "bools": lambda m: [True, False],
    "floats": lambda m: [1.0, 2.5],
    "texts": lambda m: ["a", "b"],
    "bytes": lambda m: [b"a", b"b"],
    "tuples": lambda m: [(1, "a", 2.0), (2, "b", 3.0)],
    "lists": lambda m: [[1, [2]], [3, [4]]],
    "dicts": lambda m: [{"a": 1, "b": (1, 2)}, {"a": 2, "b": (3, 4)}],
    "ordered": lambda m: [OrderedDict(b=1, a=2.0), OrderedDict(b=3, a=4.0)],
    "named": lambda m: [Point(1, m.ones(2)), Point(2, m.zeros(2))],
    "user lists": lambda m: [UserList([1, 2.0]), UserList([3, 4.0])],
}


@pytest.mark.parametrize("name", BATCHES)
def test_batches_are_torchs(name):
    make = BATCHES[name]
    assert plain(ours.default_collate(make(gs))) == plain(theirs.default_collate(make(torch)))
    for sample, other in zip(make(gs), make(torch), strict=True):
        assert plain(ours.default_convert(sample)) == plain(theirs.default_convert(other))


WRONG = {
    "shapes": (RuntimeError, lambda m: [{"x": [m.ones(2), m.ones(3)]}, {"x": [m.ones(2), m.ones(4)]}], r"field \['x'\]\[1\]: \(3,\) in sample 0 and \(4,\) in sample 1"),
    "lengths": (RuntimeError, lambda m: [(1, 2), (1, 2, 3)], r"\[2, 3\]"),
    "kinds": (TypeError, lambda m: [object(), object()], "the sample is object"),
    "arrays of texts": (TypeError, lambda m: [np.array(["a"]), np.array(["b"])], "array of"),
    "none": (TypeError, lambda m: [{"a": None}], r"field \['a'\]"),
    "keys": (KeyError, lambda m: [{"a": 1}, {"b": 1}], "has no 'a'"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_makes_no_batch_is_named(name):
    kind, make, words = WRONG[name]
    with pytest.raises(kind):
        theirs.default_collate(make(torch))
    with pytest.raises(kind, match=words):
        ours.default_collate(make(gs))


def test_samplers():
    g = gs.Generator().manual_seed(0)
    data = range(10)
    assert list(ours.SequentialSampler(data)) == list(data)
    assert sorted(ours.RandomSampler(data, generator=g)) == list(data)
    more = list(ours.RandomSampler(data, num_samples=25, generator=g))
    assert len(more) == 25 and sorted(more[:10]) == sorted(more[10:20]) == list(data)
    drawn = list(ours.RandomSampler(data, replacement=True, num_samples=500, generator=g))
    assert set(drawn) == set(data) and len(ours.RandomSampler(data, True, 500)) == 500
    assert sorted(ours.SubsetRandomSampler([3, 5, 8], generator=g)) == [3, 5, 8]
    often = list(ours.WeightedRandomSampler([0.0, 1.0, 9.0], 1000, generator=g))
    assert 0 not in often and 850 < often.count(2) < 950
    assert sorted(ours.WeightedRandomSampler([1, 2, 3], 3, replacement=False, generator=g)) == [
        0,
        1,
        2,
    ]
    assert list(ours.BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(ours.BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]


SAMPLER_ERRORS = {
    "num": lambda m: m.RandomSampler(range(3), num_samples=0),
    "empty": lambda m: m.RandomSampler([]),
    "weights": lambda m: m.WeightedRandomSampler([[1.0]], 1),
    "weight num": lambda m: m.WeightedRandomSampler([1.0], 0),
    "batch": lambda m: m.BatchSampler(range(3), 0, False),
    "drop": lambda m: m.BatchSampler(range(3), 1, 1),
    "concat": lambda m: m.ConcatDataset([range(2)])[-3],
    "fractions": lambda m: m.random_split(range(4), [1.5, -0.5]),
    "lengths": lambda m: m.random_split(range(4), [1, 2]),
    "stack": lambda m: m.StackDataset(),
    "stack sizes": lambda m: m.StackDataset(range(2), range(3)),
    "workers": lambda m: m.DataLoader(range(2), num_workers=-1),
    "timeout": lambda m: m.DataLoader(range(2), timeout=-1),
    "prefetch": lambda m: m.DataLoader(range(2), prefetch_factor=2),
    "persistent": lambda m: m.DataLoader(range(2), persistent_workers=True),
    "sampler": lambda m: m.DataLoader(range(2), sampler=[1], shuffle=True),
    "batch sampler": lambda m: m.DataLoader(range(2), batch_sampler=[[1]], drop_last=True),
    "no batch": lambda m: m.DataLoader(range(2), batch_size=None, drop_last=True),
    "size": lambda m: m.DataLoader(range(2), batch_size=0),
    "iterable": lambda m: m.DataLoader(m.ChainDataset([]), shuffle=True),
    "context": lambda m: m.DataLoader(range(2), multiprocessing_context="fork"),
    "set": lambda m: setattr(m.DataLoader(range(2)), "batch_size", 3),
}


@pytest.mark.parametrize("name", SAMPLER_ERRORS)
def test_mistakes_have_torchs_type(name):
    with pytest.raises(ValueError):
        SAMPLER_ERRORS[name](theirs)
    with pytest.raises(ValueError) as caught:
        SAMPLER_ERRORS[name](ours)
    assert len(str(caught.value)) > 20


class Counting(ours.IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))

    def __len__(self):
        return self.n


def test_datasets_of_datasets():
    x = ours.TensorDataset(gs.arange(4), gs.arange(4) * 2)
    assert [int(v) for v in x[1]] == [1, 2]
    both = ours.StackDataset(a=range(3), b="xyz")
    assert both[1] == {"a": 1, "b": "y"} and len(both) == 3
    assert ours.StackDataset(range(3), "xyz")[2] == (2, "z")
    chained = Counting(2) + Counting(3)
    assert list(chained) == [0, 1, 0, 1, 2] and len(chained) == 5
    loader = ours.DataLoader(chained, batch_size=2)
    assert [b.tolist() for b in loader] == [[0, 1], [0, 1], [2]] and len(loader) == 3
    with pytest.raises(AssertionError):
        ours.TensorDataset(gs.ones(2), gs.ones(3))
    with pytest.raises(AssertionError):
        ours.ConcatDataset([Counting(2)])


def test_a_dataset_may_fetch_many_samples_at_once():
    class Many(ours.Dataset):
        def __len__(self):
            return 6

        def __getitems__(self, indices):
            return [i * 10 for i in indices]

    loader = ours.DataLoader(ours.Subset(Many(), [5, 1, 2]), batch_size=2)
    assert [b.tolist() for b in loader] == [[50, 10], [20]]
    assert ours.Dataset[int] is not None


def test_without_batching_samples_come_as_they_are():
    rows = [np.ones(2, np.float32), np.zeros(2, np.float32)]
    got = list(ours.DataLoader(rows, batch_size=None))
    assert [x.tolist() for x in got] == [[1, 1], [0, 0]] and all(
        isinstance(x, gs.Tensor) for x in got
    )
    assert len(ours.DataLoader(rows, batch_size=None)) == 2
    loader = ours.DataLoader(range(6), batch_sampler=[[0, 5], [2]])
    assert [b.tolist() for b in loader] == [[0, 5], [2]] and len(loader) == 2
