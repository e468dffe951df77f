"""What a run was started with, and its curves grouped by one of these values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.webapp.queries.windows import shrink

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphscope.trace.reader import TraceReader
    from graphscope.webapp.queries.scalars import Series

MOST = 60  # hyper-parameters that are looked at
_META = ("seed", "engine", "device", "python", "numpy", "torch", "level", "values")


def hparams_of(reader: TraceReader) -> dict[str, Any]:
    """Name to number, text or bool: what the program logged as such, else what its trace says of it."""
    found: dict[str, Any] = {}
    for medium in reader.media("hparams"):
        found |= plain(told_of(medium.data, "hparams"))
    if not found:
        header = reader.header()
        found = {name: header[name] for name in _META if header.get(name)}
        found |= plain(
            told_of(b'{"hparams":' + header.get("hparams", "{}").encode() + b"}", "hparams")
        )
    return dict(list(found.items())[:MOST])


def told_of(data: bytes, name: str) -> Any:
    """One part of what ``add_hparams`` wrote; None of what is garbled: its absence says so."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found.get(name) if isinstance(found, dict) else None


def plain(found: Any) -> dict[str, Any]:
    """What JSON can say of a dictionary; numbers that are not finite become words."""
    if not isinstance(found, dict):
        return {}
    return {
        str(k): units.number(v) if isinstance(v, float) and not math.isfinite(v) else v
        for k, v in found.items()
        if isinstance(v, (int, float, str, bool))
    }


def differing(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names whose values are not the same in all runs, as far as grouping by them makes groups.

    >>> differing([{"lr": 0.1, "n": 2}, {"lr": 0.2, "n": 2}])
    ['lr']
    """
    names = dict.fromkeys(name for run in runs for name in run)
    return [name for name in names if len({value_text(run.get(name)) for run in runs}) > 1]


def value_text(value: Any) -> str:
    """A value as its group is called.

    >>> value_text(0.001), value_text(None), value_text(True)
    ('0.001', 'not set', 'True')
    """
    if value is None:
        return "not set"
    if isinstance(value, float) and not isinstance(value, bool):
        return f"{value:.6g}"
    return units.clip(str(value), 40)


def mean_band(
    found: Sequence[Series], limit: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Steps, mean, smallest and largest of several runs' curves.

    Steps are those of the runs, as far as their extremes tell; a run counts between its first and last
    step, in between on the straight line from point to point. What is not finite counts nowhere.

    >>> one = (np.array([0, 2]), np.array([1.0, 3.0]), np.array([0, 1]))
    >>> two = (np.array([0, 1, 2]), np.array([3.0, 4.0, 5.0]), np.array([0, 1, 2]))
    >>> [part.tolist() for part in mean_band([one, two], 10)]
    [[0, 1, 2], [2.0, 3.0, 4.0], [1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]
    """
    clean = []
    for steps, values, _ in found:
        fine = np.isfinite(values)
        order = np.argsort(steps[fine], kind="stable")
        clean.append((steps[fine][order], values[fine][order]))
    clean = [c for c in clean if len(c[0])]
    if not clean:
        none = np.zeros(0)
        return np.zeros(0, np.int64), none, none, none
    each = max(4, limit // len(clean))
    grid = np.unique(np.concatenate([steps[shrink(values, each)] for steps, values in clean]))
    table = np.array(
        [np.interp(grid, s, v, left=math.nan, right=math.nan) for s, v in clean], np.float64
    )
    used = np.isfinite(table).any(axis=0)
    grid, table = grid[used], table[:, used]
    there = np.isfinite(table)
    mean = np.where(there, table, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    low = np.where(there, table, np.inf).min(axis=0)
    high = np.where(there, table, -np.inf).max(axis=0)
    return grid.astype(np.int64), mean, low, high
