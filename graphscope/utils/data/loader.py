"""Batches from a dataset, in order or shuffled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from time import perf_counter_ns as clock
from typing import Any

import numpy as np

from graphscope.engine import dispatch
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError, UsageError
from graphscope.ops.random import Generator, rng
from graphscope.utils.data.dataset import Subset, TensorDataset


def default_collate(batch: list[Any]) -> Any:
    """Samples as one batch: tensors and arrays stacked, numbers as a tensor, tuples and dicts by part."""
    first = batch[0]
    if isinstance(first, Tensor):
        return Tensor(_stack([x._host() for x in batch]))
    if isinstance(first, np.ndarray):
        return dispatch.as_tensor(_stack(batch))
    if isinstance(first, (bool, int, np.generic)):
        return Tensor(np.array(batch))
    if isinstance(first, float):
        return Tensor(np.array(batch, np.float64))
    if isinstance(first, Mapping):
        return {key: default_collate([x[key] for x in batch]) for key in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(list(part)) for part in zip(*batch, strict=True)))
    if isinstance(first, (tuple, list)):
        if any(len(x) != len(first) for x in batch):
            raise ShapeError(
                "the samples of a batch have different numbers of parts; pass a collate_fn"
            )
        return [default_collate(list(part)) for part in zip(*batch, strict=True)]
    return batch  # texts and other objects stay a list


def _stack(arrays: list[Any]) -> Any:
    try:
        return np.stack(arrays)
    except ValueError as error:
        shapes = sorted({a.shape for a in arrays})
        raise ShapeError(
            f"the samples of a batch have different shapes, {shapes[:4]}; pad them, or pass a collate_fn"
        ) from error


class RandomSampler:
    """All sample numbers in a new random order each time."""

    def __init__(self, data_source: Any, generator: Generator | None = None) -> None:
        self.data_source = data_source
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        return iter(rng(self.generator).permutation(len(self.data_source)).tolist())

    def __len__(self) -> int:
        return len(self.data_source)


class SequentialSampler:
    """All sample numbers in order."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class BatchSampler:
    """Sample numbers in lists of ``batch_size``."""

    def __init__(self, sampler: Any, batch_size: int, drop_last: bool) -> None:
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for i in self.sampler:
            batch.append(i)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        n = len(self.sampler)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)


class DataLoader:
    """Iterate over batches of a dataset.

    Samples are fetched in the training thread; num_workers and pin_memory are taken for torch's sake.
    When a recorder is on, each wait for a batch is reported to it.
    """

    def __init__(
        self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None, sampler: Any = None,
        batch_sampler: Any = None, num_workers: int = 0, collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False, drop_last: bool = False, timeout: float = 0, worker_init_fn: Any = None,
        *, generator: Generator | None = None, persistent_workers: bool = False, prefetch_factor: Any = None,
    ) -> None:  # fmt: skip
        if batch_sampler is None and (batch_size is None or batch_size < 1):
            raise UsageError(f"DataLoader: batch_size must be a positive number, not {batch_size}")
        if shuffle and (sampler is not None or batch_sampler is not None):
            raise UsageError("DataLoader: a sampler decides the order, so it excludes shuffle=True")
        self.dataset = dataset
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.num_workers = num_workers
        self.generator = generator
        self.collate_fn = collate_fn or default_collate
        if sampler is None:
            sampler = RandomSampler(dataset, generator) if shuffle else SequentialSampler(dataset)
        self.sampler = sampler
        self.batch_sampler = batch_sampler or BatchSampler(sampler, batch_size or 1, drop_last)

    def __len__(self) -> int:
        return len(self.batch_sampler)

    def __iter__(self) -> Iterator[Any]:
        return _Batches(self)


class _Batches:
    """One pass over a loader."""

    def __init__(self, loader: DataLoader) -> None:
        self._loader = loader
        self._numbers = iter(loader.batch_sampler)

    def __iter__(self) -> _Batches:
        return self

    def __len__(self) -> int:
        return len(self._loader)

    def __next__(self) -> Any:
        # What a dataset computes to make a sample is preparation, not part of the model's graph.
        rec = dispatch.set_recorder(None)
        try:
            t0 = clock()
            batch = self._fetch(next(self._numbers))
            t1 = clock()
        finally:
            dispatch.set_recorder(rec)
        if rec is not None:
            rec.data(t0, t1)
        return batch

    def _fetch(self, numbers: list[int]) -> Any:
        loader = self._loader
        if loader.collate_fn is default_collate:
            whole = _rows(loader.dataset, numbers)
            if whole is not None:
                return whole
        return loader.collate_fn([loader.dataset[i] for i in numbers])


def _rows(dataset: Any, numbers: Any) -> Any:
    """A batch of a TensorDataset in one indexing per tensor; None for other datasets."""
    while type(dataset) is Subset:
        numbers = [dataset.indices[i] for i in numbers]
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset:
        return None
    return [Tensor(t._a[numbers]) for t in dataset.tensors]
