"""Which samples come next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError, UsageTypeError
from graphscope.ops.random import Generator, rng

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """An order of samples: write ``__iter__``, and ``__len__`` if it is known."""

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} needs an __iter__(self)")


def _check(
    sampler: Any, kind: type[UsageError] = UsageError, flags: Any = (), counts: Any = ()
) -> None:
    """Raises: UsageError (or ``kind`` for flags) if a flag is no bool or a count no whole number from 1 on."""
    owner = type(sampler).__name__
    for name, value in dict(flags).items():
        if not isinstance(value, bool):
            raise at_line(kind, f"{owner}: {name} is True or False, not {value!r}")
    for name, value in dict(counts).items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise at_line(UsageError, f"{owner}: {name}={value!r} must be a whole number from 1 on")


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
        _check(self, UsageTypeError, flags={"replacement": replacement})
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if num_samples is not None:
            _check(self, counts={"num_samples": num_samples})
        elif not len(data_source):
            raise at_line(UsageError, f"{type(self).__name__}: the dataset has no samples to draw")

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
        _check(self, flags={"replacement": replacement}, counts={"num_samples": num_samples})
        import numpy as np

        from graphscope.engine.dispatch import as_tensor

        values = as_tensor(weights)._host().astype(np.float64)
        if values.ndim != 1:
            raise at_line(
                UsageError,
                f"WeightedRandomSampler: there is one weight per sample, in one row; the weights are {values.shape}",
            )
        if (values < 0).any() or not values.sum() > 0:
            raise at_line(
                UsageError,
                f"WeightedRandomSampler: the smallest weight is {values.min(initial=0):g}, the sum {values.sum():g}; weights "
                "are not negative, and one is above zero",
            )
        if not replacement and (values > 0).sum() < num_samples:
            raise at_line(
                UsageError,
                f"WeightedRandomSampler: cannot draw {num_samples} numbers without replacement: "
                f"{int((values > 0).sum())} weights are above zero",
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
        _check(self, flags={"drop_last": drop_last}, counts={"batch_size": batch_size})
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
