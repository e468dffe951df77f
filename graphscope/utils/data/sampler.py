"""Which samples come next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.ops.random import Generator, rng

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """An order of samples: write ``__iter__``, and ``__len__`` if it is known."""

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} needs an __iter__(self)")


class SequentialSampler(Sampler[int]):
    """All sample numbers in order."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """All sample numbers in a new random order each time; with replacement, ``num_samples`` of any."""

    def __init__(
        self, data_source: Any, replacement: bool = False, num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(replacement, bool):
            raise _kind(
                f"replacement should be a boolean value, but got replacement={replacement!r}"
            )
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if num_samples is not None and (not isinstance(num_samples, int) or num_samples <= 0):
            raise UsageError(
                f"num_samples should be a positive integer value, but got num_samples={num_samples}"
            )
        if num_samples is None and not len(data_source):
            raise UsageError(
                "num_samples should be a positive integer value, but got num_samples=0: the dataset is empty"
            )

    @property
    def num_samples(self) -> int:
        """How many numbers one pass gives; the dataset may grow between passes."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, wanted, draw = len(self.data_source), self.num_samples, rng(self.generator)
        if self.replacement:
            yield from draw.integers(0, n, wanted).tolist()
            return
        for begin in range(0, wanted, n):
            yield from draw.permutation(n)[: wanted - begin].tolist()

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """These numbers in a new random order each time."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in rng(self.generator).permutation(len(self.indices)).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Numbers drawn with probabilities in proportion to the weights (which need not sum to one)."""

    def __init__(
        self, weights: Any, num_samples: int, replacement: bool = True, generator: Generator | None = None
    ) -> None:  # fmt: skip
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
            raise UsageError(
                f"num_samples should be a positive integer value, but got num_samples={num_samples}"
            )
        if not isinstance(replacement, bool):
            raise UsageError(
                f"replacement should be a boolean value, but got replacement={replacement!r}"
            )
        import numpy as np

        from graphscope.engine.dispatch import as_tensor

        values = as_tensor(weights)._host().astype(np.float64)
        if values.ndim != 1:
            raise UsageError(
                f"weights should be a 1d sequence but given weights have shape {tuple(values.shape)}"
            )
        if (values < 0).any() or not values.sum() > 0:
            raise UsageError("weights must not be negative, and one must be above zero")
        if not replacement and (values > 0).sum() < num_samples:
            raise UsageError(
                f"cannot draw {num_samples} numbers without replacement: {int((values > 0).sum())} weights are "
                "above zero"
            )
        self.weights = Tensor(values)
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        w = self.weights._a
        drawn = rng(self.generator).choice(
            w.size, self.num_samples, replace=self.replacement, p=w / w.sum()
        )
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Sample numbers in lists of ``batch_size``."""

    def __init__(self, sampler: Any, batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise UsageError(
                f"batch_size should be a positive integer value, but got batch_size={batch_size}"
            )
        if not isinstance(drop_last, bool):
            raise UsageError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
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


def _kind(words: str) -> Exception:
    from graphscope.errors import UsageTypeError

    return UsageTypeError(words)
