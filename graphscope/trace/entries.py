"""Statistics of tensors, as a reader hands them out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(eq=False)
class Thumb:
    """A small sample of a tensor: index ``j`` of an axis is index ``j * stride`` of the tensor."""

    shape: list[int]
    values: NDArray[np.float32]
    stride: list[int]

    def array(self) -> NDArray[np.float32]:
        return self.values.reshape(self.shape)


HIST_BINS = 24
STATS = ("count", "mean", "std", "min", "max", "rms", "absmax", "item")
HEALTH = ("-inf", "negative", "zero", "positive", "+inf", "nan")


@dataclass(eq=False)
class Entry:
    """Statistics of one tensor: moments and extremes of its finite part, counts, histogram."""

    stats: NDArray[np.float32]
    health: NDArray[np.uint32]
    hist: NDArray[np.uint16]
    lo: float = 0.0
    hi: float = 0.0
    thumb: Thumb | None = None

    @property
    def count(self) -> int:
        return int(self.stats[0])

    @property
    def mean(self) -> float:
        return float(self.stats[1])

    @property
    def std(self) -> float:
        return float(self.stats[2])

    @property
    def min(self) -> float:
        return float(self.stats[3])

    @property
    def max(self) -> float:
        return float(self.stats[4])

    @property
    def rms(self) -> float:
        return float(self.stats[5])

    @property
    def absmax(self) -> float:
        return float(self.stats[6])

    @property
    def item(self) -> float | None:
        """The number itself when the tensor has one element (which may be NaN), else None."""
        return float(self.stats[7]) if self.count == 1 else None

    @property
    def health_word(self) -> str:
        """``"nan"``, ``"inf"`` or ``"ok"``."""
        if self.health[5]:
            return "nan"
        return "inf" if self.health[0] or self.health[4] else "ok"


@dataclass(eq=False)
class ValueStep:
    """The statistics taken in one step; ``num`` is the step they really are from."""

    num: int
    kind: str
    graph: int
    entries: dict[tuple[int, str], Entry]

    def get(self, v: int, kind: str = "v") -> Entry | None:
        """The entry of value ``v`` itself (``"v"``) or of its gradient (``"g"``)."""
        return self.entries.get((v, kind))

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)
