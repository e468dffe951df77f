"""Collections of samples."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError, UsageError
from graphscope.ops.random import Generator, rng


class Dataset:
    """A collection of samples: write ``__getitem__(i)`` and ``__len__``."""

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs a __getitem__(self, index)")

    def __class_getitem__(cls, item: Any) -> Any:
        return cls  # Dataset[T], as some programs write it

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class TensorDataset(Dataset):
    """Rows of tensors of equal length: sample i is row i of each."""

    def __init__(self, *tensors: Any) -> None:
        sizes = [tuple(t._a.shape) for t in tensors]
        if len({s[:1] for s in sizes}) > 1:
            raise ShapeError(
                f"TensorDataset: all tensors need the same first size, they have shapes {sizes}"
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0]) if self.tensors else 0


class Subset(Dataset):
    """Some samples of another dataset, by their numbers."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset):
    """Datasets one after the other."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise UsageError("ConcatDataset needs at least one dataset")
        self.cumulative_sizes = list(itertools.accumulate(len(d) for d in self.datasets))

    def __getitem__(self, index: int) -> Any:
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        which = bisect.bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


def random_split(
    dataset: Any, lengths: Sequence[float], generator: Generator | None = None
) -> list[Subset]:
    """Split into random parts of these lengths, or of these fractions if they sum to 1.

    Raises: UsageError if the lengths do not add up to the dataset's.
    """
    n = len(dataset)
    sizes = list(lengths)
    if math.isclose(sum(sizes), 1) and sum(sizes) <= 1.0000001 and any(s != int(s) for s in sizes):
        sizes = [math.floor(n * f) for f in lengths]
        # What rounding left over goes to the parts in turn.
        for i in range(n - int(sum(sizes))):
            sizes[i % len(sizes)] += 1
    if sum(sizes) != n:
        raise UsageError(
            f"random_split: the lengths {sizes} sum to {sum(sizes)}, the dataset has {n} samples"
        )
    order = rng(generator).permutation(n).tolist()
    ends = [int(e) for e in itertools.accumulate(sizes)]
    return [Subset(dataset, order[e - int(s) : e]) for e, s in zip(ends, sizes, strict=True)]
