"""Collections of samples."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import IndexRangeError, ShapeAssertion, UsageAssertion, UsageError
from graphscope.ops.random import Generator, rng

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """A collection of samples: write ``__getitem__(i)`` and ``__len__``.

    ``__getitems__(indices)``, where there is one, fetches the samples of a whole batch at once.
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} needs a __getitem__(self, index)")

    def __add__(self, other: Dataset[T_co]) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """Samples that come one after the other: write ``__iter__``.

    With several workers each has a copy: use ``get_worker_info()`` to give each a part of its own.
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} needs an __iter__(self)")

    def __add__(self, other: Dataset[T_co]) -> ChainDataset:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset[Any]):
    """Rows of tensors of equal length: sample i is row i of each."""

    def __init__(self, *tensors: Any) -> None:
        sizes = [tuple(t._a.shape) for t in tensors]
        if len({s[:1] for s in sizes}) > 1:
            raise at_line(
                ShapeAssertion,
                f"TensorDataset: sample i is row i of each tensor, so all need the same first size; the shapes are {sizes}",
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0]) if self.tensors else 0


class StackDataset(Dataset[Any]):
    """Datasets side by side: a sample is a tuple (or, by keyword, a dict) of their samples."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise at_line(
                UsageError,
                "StackDataset: datasets go in either by position (samples are tuples) or by keyword "
                "(samples are dicts), at least one",
            )
        self.datasets: Any = args or kwargs
        parts = list(args or kwargs.values())
        self._length = len(parts[0])
        lengths = [len(d) for d in parts]
        if len(set(lengths)) > 1:
            raise at_line(
                UsageError,
                f"StackDataset: datasets side by side need one length, these have {lengths} samples; cut with Subset",
            )

    def __getitem__(self, index: int) -> Any:
        if isinstance(self.datasets, dict):
            return {key: dataset[index] for key, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __len__(self) -> int:
        return self._length


class Subset(Dataset[Any]):
    """Some samples of another dataset, by their numbers."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list[Any]:
        if callable(getattr(self.dataset, "__getitems__", None)):
            return self.dataset.__getitems__([self.indices[i] for i in indices])  # type: ignore[no-any-return]
        return [self.dataset[self.indices[i]] for i in indices]

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset[Any]):
    """Datasets one after the other."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise at_line(UsageAssertion, "ConcatDataset: the list of datasets is empty")
        for dataset in self.datasets:
            if isinstance(dataset, IterableDataset):
                raise at_line(
                    UsageAssertion,
                    f"ConcatDataset: {type(dataset).__name__} is an IterableDataset, whose samples have no numbers; use "
                    "ChainDataset",
                )
        self.cumulative_sizes = self.cumsum(self.datasets)

    @staticmethod
    def cumsum(sequence: Iterable[Any]) -> list[int]:
        """The running sum of lengths."""
        return list(itertools.accumulate(len(d) for d in sequence))

    def __getitem__(self, idx: int) -> Any:
        n = len(self)
        if not -n <= idx < n:
            raise at_line(
                UsageError if idx < 0 else IndexRangeError,
                f"ConcatDataset: there is no sample {idx} among {n}",
            )
        idx %= n
        which = bisect.bisect_right(self.cumulative_sizes, idx)
        return self.datasets[which][idx - (self.cumulative_sizes[which - 1] if which else 0)]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


class ChainDataset(IterableDataset[Any]):
    """Iterable datasets one after the other."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        super().__init__()
        self.datasets = datasets

    def __iter__(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise at_line(
                    UsageAssertion,
                    f"ChainDataset: {type(dataset).__name__} is no IterableDataset; use ConcatDataset",
                )
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)


def random_split(
    dataset: Any, lengths: Sequence[float], generator: Generator | None = None
) -> list[Subset]:
    """Split into random parts of these lengths, or of these fractions if they sum to 1.

    Raises: UsageError if the lengths do not add up to the dataset's.
    """
    n = len(dataset)
    sizes = list(lengths)
    if math.isclose(sum(sizes), 1) and sum(sizes) <= 1:
        for i, f in enumerate(sizes):
            if not 0 <= f <= 1:
                raise at_line(
                    UsageError,
                    f"random_split: part {i} of the dataset, {f}, is no share from 0 to 1",
                )
        sizes = [math.floor(n * f) for f in lengths]
        # What rounding left over goes to the parts in turn.
        for i in range(n - int(sum(sizes))):
            sizes[i % len(sizes)] += 1
    if sum(sizes) != n:
        raise at_line(
            UsageError,
            f"random_split: the lengths {sizes} sum to {sum(sizes)}, the dataset has {n} samples; give shares such as "
            "[0.8, 0.2], or lengths that add up",
        )
    order = rng(generator).permutation(n).tolist()
    ends = [int(e) for e in itertools.accumulate(sizes)]
    return [Subset(dataset, order[e - int(s) : e]) for e, s in zip(ends, sizes, strict=True)]
