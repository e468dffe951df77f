"""Batches from a dataset, in order or shuffled, made here or by worker processes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from threading import get_ident
from time import perf_counter_ns as clock
from typing import Any

from graphscope.engine import dispatch
from graphscope.engine.explain import at_line
from graphscope.engine.follow import follow_data
from graphscope.errors import UsageError, UsageTypeError
from graphscope.ops.random import Generator, rng
from graphscope.utils.data.collate import default_collate, default_convert
from graphscope.utils.data.dataset import IterableDataset
from graphscope.utils.data.fetch import Exhausted, Fetcher
from graphscope.utils.data.pool import Pool
from graphscope.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler

_FIXED = (
    "batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers",
)  # fmt: skip


class DataLoader:
    """Iterate over batches of a dataset.

    num_workers: processes that make batches ahead (0: the training process makes them). They are forked
    on Linux and spawned elsewhere, see ``multiprocessing_context``; an exception in one arrives with its
    own traceback, a killed one raises. prefetch_factor: batches ahead per worker (2 if there are workers).
    persistent_workers: keep the processes for the next pass. pin_memory is taken for torch's sake.

    When a recorder is on, each wait for a batch is reported to it; what a dataset computes is not.
    """

    __initialized = False

    def __init__(
        self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None, sampler: Any = None,
        batch_sampler: Any = None, num_workers: int = 0, collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False, drop_last: bool = False, timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None, multiprocessing_context: Any = None,
        generator: Generator | None = None, *, prefetch_factor: int | None = None,
        persistent_workers: bool = False, pin_memory_device: str = "", in_order: bool = True,
    ) -> None:  # fmt: skip
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        iterable = isinstance(dataset, IterableDataset)
        _check_order(iterable, shuffle, sampler, batch_sampler, batch_size, drop_last)
        if num_workers == 0 and multiprocessing_context is not None:
            raise at_line(
                UsageError,
                f"DataLoader: num_workers=0 starts no processes, so multiprocessing_context={multiprocessing_context!r} has no "
                "effect; set num_workers, or leave it out",
            )
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = (prefetch_factor or 2) if num_workers else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self.generator = generator
        self.persistent_workers = persistent_workers
        if batch_sampler is not None:
            batch_size, drop_last = None, False
        self.batch_size = batch_size
        self.drop_last = drop_last
        if sampler is None:
            if iterable:
                sampler = _Endless()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self._batched = batch_sampler is not None
        self.collate_fn = collate_fn or (default_collate if self._batched else default_convert)
        self._kept: Pool | None = None  # the workers, if they stay for the next pass
        self.__initialized = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self.__initialized and name in _FIXED:
            raise at_line(
                UsageError,
                f"{type(self).__name__}.{name} cannot be changed once the loader is made; make a new loader",
            )
        super().__setattr__(name, value)

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            n = len(self.dataset)  # type: ignore[arg-type]
            if self.batch_size is None:
                return n
            return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
        return len(self.batch_sampler if self._batched else self.sampler)

    def __iter__(self) -> Iterator[Any]:
        return _Batches(self)


class _Endless:
    """The order of an iterable dataset: its own."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


class _Batches:
    """One pass over a loader."""

    def __init__(self, loader: DataLoader) -> None:
        self._loader = loader
        # Drawn whether or not there are workers, so that their number does not change the order.
        seed = int(rng(loader.generator).integers(2**62))
        self._pool = self._workers(seed) if loader.num_workers else None
        if self._pool is not None:
            self._pass = self._pool.passes
        else:
            self._numbers = self._order()
            self._fetcher = Fetcher(
                loader.dataset, loader._batched, loader.collate_fn, loader.drop_last
            )
        self._done = False

    def _order(self) -> Iterator[Any]:
        loader = self._loader
        return iter(loader.batch_sampler if loader._batched else loader.sampler)

    def _workers(self, seed: int) -> Pool:
        """New workers, or those that the loader kept from its last pass."""
        loader = self._loader
        if loader._kept is not None and loader._kept.alive:
            loader._kept.again(self._order())
            return loader._kept
        pool = Pool(loader, self._order(), seed)
        if loader.persistent_workers:
            loader._kept = pool
        return pool

    def __iter__(self) -> _Batches:
        return self

    def __len__(self) -> int:
        return len(self._loader)

    def __next__(self) -> Any:
        if self._done or (self._pool is not None and self._pool.passes != self._pass):
            raise StopIteration
        rec = dispatch.recorder()
        t0 = clock()
        try:
            batch = self._pool.next() if self._pool is not None else self._unrecorded(rec)
        except StopIteration:
            self._done = True
            if self._pool is not None and not self._loader.persistent_workers:
                self._pool.close()
            raise
        if rec is not None:
            t1 = clock()
            if not follow_data(rec, t0, t1):
                rec.data(t0, t1)
        return batch

    def _unrecorded(self, rec: Any) -> Any:
        """A batch made here. What a dataset computes for a sample is no part of the model's graph."""
        # A thread that only prepares data is not recorded anyway, and must not stop the one that trains.
        if rec is None or getattr(rec, "thread", get_ident()) != get_ident():
            return self._fetch()
        dispatch.set_recorder(None)
        try:
            return self._fetch()
        finally:
            dispatch.set_recorder(rec)

    def _fetch(self) -> Any:
        numbers = next(self._numbers)
        try:
            return self._fetcher.fetch(numbers)
        except Exhausted:
            raise StopIteration from None


def _check_workers(workers: Any, timeout: float, prefetch: Any, persistent: bool) -> None:
    if not isinstance(workers, int) or workers < 0:
        raise at_line(
            UsageError,
            f"DataLoader: num_workers={workers!r} is no number of processes; with 0 the program makes the batches itself",
        )
    if timeout < 0:
        raise at_line(
            UsageError, f"DataLoader: timeout={timeout} seconds is negative; 0 waits without end"
        )
    if workers == 0 and (prefetch is not None or persistent):
        what = "persistent_workers=True" if prefetch is None else f"prefetch_factor={prefetch}"
        raise at_line(
            UsageError,
            f"DataLoader: {what} is about worker processes, and num_workers=0 has none; set num_workers, or leave it out",
        )
    if prefetch is not None and prefetch < 1:
        raise at_line(
            UsageError,
            f"DataLoader: prefetch_factor={prefetch} batches ahead per worker; it takes at least 1",
        )


def _check_order(
    iterable: bool, shuffle: Any, sampler: Any, batch_sampler: Any, batch_size: Any, drop_last: bool
) -> None:
    if iterable:
        for name, value in dict(
            shuffle=shuffle, sampler=sampler, batch_sampler=batch_sampler
        ).items():
            if value:
                raise at_line(
                    UsageError,
                    f"DataLoader: an IterableDataset has an order of its own, so {name}={value} cannot hold; leave it out, "
                    "or mix the samples in the dataset",
                )
    if shuffle not in (None, True, False):
        raise at_line(UsageTypeError, f"DataLoader: shuffle is True or False, not {shuffle!r}")
    if sampler is not None and shuffle:
        raise at_line(
            UsageError,
            "DataLoader: shuffle=True and a sampler both decide the order; leave one out",
        )
    if batch_sampler is not None:
        usual = dict(batch_size=1, shuffle=False, sampler=None, drop_last=False)
        given = dict(
            batch_size=batch_size, shuffle=bool(shuffle), sampler=sampler, drop_last=drop_last
        )
        more = [
            name
            for name, value in given.items()
            if value is not usual[name] and value != usual[name]
        ]
        if more:
            raise at_line(
                UsageError,
                f"DataLoader: a batch_sampler decides which samples make a batch; leave {' and '.join(more)} out",
            )
    elif batch_size is None and drop_last:
        raise at_line(
            UsageError,
            "DataLoader: with batch_size=None there are no batches, so drop_last=True has none to drop; leave it out",
        )
