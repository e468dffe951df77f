"""Datasets and loaders."""

from __future__ import annotations

from threading import Event, Thread, get_ident

import numpy as np
import pytest

import graphscope as gs
from graphscope.engine import dispatch
from graphscope.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    Subset,
    TensorDataset,
    random_split,
)


def numbered(n=10):
    return TensorDataset(gs.arange(n).float().reshape(n, 1), gs.arange(n))


class Squares(Dataset):
    def __len__(self):
        return 7

    def __getitem__(self, i):
        return {
            "x": gs.tensor([float(i)]),
            "n": i,
            "f": i / 2,
            "name": f"s{i}",
            "a": np.ones(2) * i,
        }


def test_batches_in_order_with_a_short_last_one():
    batches = list(DataLoader(numbered(), batch_size=4))
    assert [b[1].tolist() for b in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert batches[0][0].shape == (4, 1)
    assert len(DataLoader(numbered(), batch_size=4)) == 3
    assert len(list(DataLoader(numbered(), batch_size=4, drop_last=True))) == 2


def test_shuffling_is_a_new_permutation_each_epoch_and_repeats_with_the_seed():
    def epochs(seed):
        loader = DataLoader(
            numbered(), batch_size=10, shuffle=True, generator=gs.Generator().manual_seed(seed)
        )
        return [next(iter(loader))[1].tolist() for _ in range(2)]

    first, second = epochs(1)
    assert first != second and sorted(first) == sorted(second) == list(range(10))
    assert epochs(1) == [first, second] and epochs(2) != [first, second]


def test_samples_of_any_kind_are_collated():
    batch = next(iter(DataLoader(Squares(), batch_size=3)))
    assert batch["x"].shape == (3, 1) and batch["x"].dtype == gs.float32
    assert batch["n"].tolist() == [0, 1, 2] and batch["n"].dtype == gs.int64
    assert batch["f"].dtype == gs.float64
    assert batch["name"] == ["s0", "s1", "s2"]
    assert batch["a"].shape == (3, 2)


def test_a_collate_fn_of_ones_own():
    batch = next(
        iter(DataLoader(Squares(), batch_size=2, collate_fn=lambda b: [s["n"] for s in b]))
    )
    assert batch == [0, 1]


def test_subsets_splits_and_joins():
    parts = random_split(numbered(), [7, 3], gs.Generator().manual_seed(0))
    assert [len(p) for p in parts] == [7, 3]
    everything = [int(y) for p in parts for _, y in p]
    assert sorted(everything) == list(range(10))
    assert [len(p) for p in random_split(numbered(11), [0.5, 0.25, 0.25])] == [6, 3, 2]
    got = [b[1].tolist() for b in DataLoader(Subset(numbered(), [5, 1, 2]), batch_size=2)]
    assert got == [[5, 1], [2]]
    both = ConcatDataset([numbered(2), numbered(3)])
    assert [int(both[i][1]) for i in range(5)] == [0, 1, 0, 1, 2] and int(both[-1][1]) == 2
    assert len(numbered(2) + numbered(2)) == 4


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: random_split(numbered(), [3, 3]), "sum to 6"),
        (lambda: TensorDataset(gs.zeros(2), gs.zeros(3)), "same first size"),
        (lambda: DataLoader(numbered(), batch_size=0), "batch_size=0 must be"),
        (
            lambda: DataLoader(numbered(), shuffle=True, sampler=[1]),
            "shuffle=True and a sampler",
        ),
        (lambda: list(DataLoader([gs.zeros(2), gs.zeros(3)], batch_size=2)), "different shapes"),
    ],
)
def test_mistakes_are_explained(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_waiting_is_reported_and_preparation_is_not_recorded():
    log = []

    class Spy:
        values = False
        thread = get_ident()

        def data(self, t0, t1):
            assert t1 >= t0
            log.append("data")

        def op(self, row, *rest):
            log.append(row.name)

        def __getattr__(self, name):
            return lambda *args, **kwargs: None

    class Doubling(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, i):
            return gs.ones(1) * 2

    before = dispatch.set_recorder(Spy())
    try:
        for batch in DataLoader(Doubling()):
            batch.exp()
    finally:
        dispatch.set_recorder(before)
    assert log == ["data", "exp", "data", "exp"]


def test_a_thread_that_prepares_data_does_not_stop_the_recorder():
    log, go, done = [], Event(), Event()

    class Spy:
        thread = get_ident()

        def op(self, row, *rest):
            log.append(row.name)

        def __getattr__(self, name):
            return lambda *args, **kwargs: None

    class Waiting(Dataset):
        def __len__(self):
            return 1

        def __getitem__(self, i):
            go.set()
            assert done.wait(5)
            return i

    before = dispatch.set_recorder(Spy())
    try:
        helper = Thread(target=lambda: list(DataLoader(Waiting())))
        helper.start()
        assert go.wait(5)
        gs.ones(1).exp()
        done.set()
        helper.join()
    finally:
        dispatch.set_recorder(before)
    assert log == ["exp"]
