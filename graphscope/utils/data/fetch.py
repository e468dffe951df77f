"""From sample numbers to a batch; the same in the training process and in a worker."""

from __future__ import annotations

import itertools
from typing import Any

from graphscope.engine.tensor import Tensor
from graphscope.utils.data.collate import default_collate
from graphscope.utils.data.dataset import IterableDataset, Subset, TensorDataset


class Exhausted(Exception):
    """An iterable dataset has no more samples."""


class Fetcher:
    """Fetches one batch (or one sample, without batching) from a dataset."""

    def __init__(self, dataset: Any, batched: bool, collate_fn: Any, drop_last: bool) -> None:
        self.dataset = dataset
        self.batched = batched
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        self.samples = iter(dataset) if isinstance(dataset, IterableDataset) else None

    def fetch(self, numbers: Any) -> Any:
        """The batch of these sample numbers. Raises: Exhausted at the end of an iterable dataset."""
        if self.samples is not None:
            return self._next(numbers)
        dataset = self.dataset
        if not self.batched:
            return self.collate_fn(dataset[numbers])
        if self.collate_fn is default_collate:
            whole = _rows(dataset, numbers)
            if whole is not None:
                return whole
        if callable(getattr(dataset, "__getitems__", None)):
            return self.collate_fn(dataset.__getitems__(numbers))
        return self.collate_fn([dataset[i] for i in numbers])

    def _next(self, numbers: Any) -> Any:
        assert self.samples is not None
        if not self.batched:
            for sample in self.samples:
                return self.collate_fn(sample)
            raise Exhausted
        got = list(itertools.islice(self.samples, len(numbers)))
        if not got or (self.drop_last and len(got) < len(numbers)):
            raise Exhausted
        return self.collate_fn(got)


def _rows(dataset: Any, numbers: Any) -> Any:
    """A batch of a TensorDataset in one indexing per tensor; None for other datasets."""
    while type(dataset) is Subset:
        numbers = [dataset.indices[i] for i in numbers]
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset or any(t._rg for t in dataset.tensors):
        return None
    return [Tensor(t._a[numbers]) for t in dataset.tensors]
