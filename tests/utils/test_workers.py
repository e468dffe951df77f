"""Worker processes: order, errors, deaths, and what they must not do."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import graphscope as gs
from graphscope.engine import dispatch
from graphscope.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    TensorDataset,
    get_worker_info,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks")


class Slow(Dataset):
    """Early samples take longest, so that workers finish out of order."""

    def __init__(self, n=12, act=None):
        self.n, self.act = n, act

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if self.act is not None:
            self.act(i)
        time.sleep(0.02 if i < 3 else 0)
        return gs.tensor([float(i)]), i


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().split(")")[1].split()[0] != "Z"


def test_order_is_kept_and_every_batch_comes():
    loader = DataLoader(Slow(), batch_size=2, num_workers=3)
    for _ in range(2):
        batches = list(loader)
        assert [b[1].tolist() for b in batches] == [[i, i + 1] for i in range(0, 12, 2)]
    assert batches[0][0].shape == (2, 1) and batches[0][0].dtype == gs.float32
    batches[0][0].add_(1)  # memory of its own, writable


def test_big_batches_and_long_lists_of_numbers_do_not_lock_up():
    big = TensorDataset(gs.arange(60_000).float().reshape(-1, 1).expand(60_000, 20).contiguous())
    got = [b[0][:, 0].sum().item() for b in DataLoader(big, batch_size=20_000, num_workers=2)]
    assert len(got) == 3 and got == sorted(got)


def test_two_passes_at_once():
    loader = DataLoader(Slow(6), batch_size=2, num_workers=2)
    pairs = [(a[1].tolist(), b[1].tolist()) for a, b in zip(loader, loader, strict=True)]
    assert pairs == [([i, i + 1], [i, i + 1]) for i in (0, 2, 4)]


def test_shuffled_order_does_not_depend_on_the_number_of_workers():
    def order(workers):
        gs.manual_seed(3)
        return [
            i
            for b in DataLoader(Slow(9), 4, shuffle=True, num_workers=workers)
            for i in b[1].tolist()
        ]

    assert order(0) == order(2) != list(range(9))


class Bad(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        if i == 2:
            return {}["a key\nwith two lines"]
        if i == 3:
            raise Odd(1, 2)
        return gs.zeros(3) if i == 0 else gs.zeros(2)


class Odd(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)


def test_an_error_arrives_with_its_own_traceback():
    with pytest.raises(KeyError) as caught:
        list(DataLoader(Bad(), sampler=[1, 2], num_workers=1))
    text = str(caught.value)
    assert "KeyError in worker 0 of a DataLoader. There:\nTraceback" in text
    assert 'return {}["a key' in text
    with pytest.raises(RuntimeError, match="Odd in worker 0 of a DataLoader"):
        list(DataLoader(Bad(), sampler=[3], num_workers=1))
    with pytest.raises(ValueError, match="different shapes"):
        list(DataLoader(Bad(), batch_size=2, num_workers=1))
    with pytest.raises(ValueError, match="ValueError in worker 1 of a DataLoader"):
        list(DataLoader(Slow(), num_workers=2, worker_init_fn=fails_in_one))


def fails_in_one(number):
    if number == 1:
        raise ValueError("no")


def test_a_killed_worker_is_noticed():
    loader = DataLoader(
        Slow(act=lambda i: i == 5 and os.kill(os.getpid(), signal.SIGKILL)), num_workers=2
    )
    with pytest.raises(RuntimeError, match="SIGKILL ended a worker"):
        list(loader)
    loader = DataLoader(Slow(act=lambda i: i == 5 and os._exit(3)), num_workers=2)
    with pytest.raises(RuntimeError, match="left with exit code 3"):
        list(loader)


def test_a_slow_worker_times_out():
    loader = DataLoader(Slow(act=lambda i: time.sleep(9)), num_workers=1, timeout=0.2)
    t0 = time.monotonic()
    with pytest.raises(RuntimeError, match="timeout=0.2 seconds"):
        list(loader)
    assert time.monotonic() - t0 < 6


def test_leaving_early_ends_the_workers():
    loader = DataLoader(Slow(), num_workers=2)
    passing = iter(loader)
    next(passing)
    pids = [w.process.pid for w in passing._pool._workers]
    assert all(alive(pid) for pid in pids)
    del passing
    assert not any(alive(pid) for pid in pids)


def _workers(loader):
    return loader._kept._workers


def test_persistent_workers_stay():
    loader = DataLoader(Slow(6), batch_size=2, num_workers=2, persistent_workers=True)
    assert len(list(loader)) == 3
    pids = [w.process.pid for w in _workers(loader)]
    next(iter(loader))  # left early
    assert [b[1].tolist() for b in loader] == [[0, 1], [2, 3], [4, 5]]
    assert [w.process.pid for w in _workers(loader)] == pids
    del loader
    assert not any(alive(pid) for pid in pids)


class Part(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(range(first, 10, step))


def test_iterable_datasets_are_shared_out_by_worker_info():
    assert get_worker_info() is None
    assert [b.tolist() for b in DataLoader(Part(), batch_size=4)] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]
    batches = [b.tolist() for b in DataLoader(Part(), batch_size=2, num_workers=2)]
    assert sorted(i for b in batches for i in b) == list(range(10))
    assert batches[:2] == [[0, 2], [1, 3]]
    assert len(list(DataLoader(Part(), batch_size=2, num_workers=2, drop_last=True))) == 4
    assert [int(x) for x in DataLoader(Part(), batch_size=None, num_workers=1)] == list(range(10))


def draws(_):
    return (
        random.random(),
        float(np.random.rand()),
        gs.rand(1).item(),
        get_worker_info().seed % 1000,
    )


class Drawing(Slow):
    def __getitem__(self, i):
        return draws(i)


def test_workers_draw_different_numbers_that_repeat_with_the_seed():
    def run():
        gs.manual_seed(5)
        return [
            tuple(float(x) for x in b)
            for b in DataLoader(Drawing(4), batch_size=None, num_workers=2)
        ]

    first = run()
    assert first == run()
    assert all(len({row[k] for row in first[:2]}) == 2 for k in range(4))


class Computing(Slow):
    def __getitem__(self, i):
        assert dispatch.recorder() is None
        return (gs.ones(2) * i).exp()


def test_waiting_is_recorded_and_nothing_of_the_workers(tmp_path):
    w = gs.ones(2, requires_grad=True)
    with gs.profile(tmp_path / "run") as p:
        for x in DataLoader(Computing(6), batch_size=2, num_workers=2):
            (x * w).sum().backward()
        ops = p.key_averages().to_dict()
    names = {row["key"] for row in ops["rows"]}
    assert {"mul", "load_batch"} <= names and "exp" not in names


def test_ctrl_c_leaves_no_orphans(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        textwrap.dedent("""
        import time, graphscope as gs
        from graphscope.utils.data import DataLoader, Dataset
        class Data(Dataset):
            def __len__(self): return 1000
            def __getitem__(self, i):
                time.sleep(0.05)
                return i
        it = iter(DataLoader(Data(), num_workers=2))
        next(it)
        print(*[w.process.pid for w in it._pool._workers], flush=True)
        for batch in it: pass
    """)
    )
    for how in (signal.SIGINT, signal.SIGKILL):
        child = subprocess.Popen(
            [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        pids = [int(pid) for pid in child.stdout.readline().split()]
        assert len(pids) == 2
        if how == signal.SIGINT:
            os.killpg(child.pid, how)  # as a terminal does
        else:
            child.kill()
        _, err = child.communicate(timeout=20)
        assert "Traceback" not in err or err.count("KeyboardInterrupt") == 1
        until = time.monotonic() + 10
        while any(alive(pid) for pid in pids) and time.monotonic() < until:
            time.sleep(0.05)
        assert not any(alive(pid) for pid in pids)


def test_spawned_workers_do_the_same():
    data = TensorDataset(gs.arange(4))
    got = [
        b[0].tolist() for b in DataLoader(data, 2, num_workers=1, multiprocessing_context="spawn")
    ]
    assert got == [[0, 1], [2, 3]]
