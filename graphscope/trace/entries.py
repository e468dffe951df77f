"""Statistics of tensors, as a reader hands them out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

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


Sampled = tuple[list[int], list[int], int] | None
"""Shape and strides of a sample, and where it begins among those of the step; None: there is none."""


class Entries(MutableMapping[tuple[int, str], Entry]):
    """The entries of a step as its columns; each is made when it is asked for: of hundreds few are looked at.

    places: the row of each in tables (stats, health, histograms, bounds) and thumbs.
    """

    def __init__(
        self,
        places: Mapping[tuple[int, str], int],
        tables: Sequence[NDArray[Any]],
        thumbs: Sequence[Sampled],
        samples: NDArray[np.float32],
    ) -> None:
        self._places = dict(places)
        self._tables, self._thumbs, self._samples = tables, thumbs, samples
        self._made: dict[tuple[int, str], Entry] = {}

    def __getitem__(self, key: tuple[int, str]) -> Entry:
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self._make(self._places[key])
        return found

    def _make(self, place: int) -> Entry:
        stats, health, hist, bounds = (table[place] for table in self._tables)
        told, thumb = self._thumbs[place], None
        if told is not None:
            shape, stride, at = told
            thumb = Thumb(list(shape), self._samples[at : at + math.prod(shape)], list(stride))
        low, high = bounds.tolist()
        return Entry(stats, health, hist, low, high, thumb)

    def __setitem__(self, key: tuple[int, str], entry: Entry) -> None:
        self._places.setdefault(key, -1)
        self._made[key] = entry

    def __delitem__(self, key: tuple[int, str]) -> None:
        del self._places[key]
        self._made.pop(key, None)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def unusual(self) -> Iterator[tuple[tuple[int, str], Entry]]:
        """Among others, all those with a number that is not finite."""
        health = self._tables[1]
        bad = set(np.flatnonzero(health[:, [0, 4, 5]].any(axis=1)).tolist())
        for key, place in self._places.items():
            if place in bad or key in self._made:
                yield key, self[key]


@dataclass(eq=False)
class ValueStep:
    """The statistics taken in one step; ``num`` is the step they really are from."""

    num: int
    kind: str
    graph: int
    entries: MutableMapping[tuple[int, str], Entry]

    def get(self, v: int, kind: str = "v") -> Entry | None:
        """The entry of value ``v`` itself (``"v"``) or of its gradient (``"g"``)."""
        return self.entries.get((v, kind))

    def unusual(self) -> Iterable[tuple[tuple[int, str], Entry]]:
        """Among others, all those with a number that is not finite."""
        return self.entries.unusual() if isinstance(self.entries, Entries) else self.entries.items()

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)
