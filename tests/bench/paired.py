"""Paired measurement: all rows run in alternating blocks of one process; the result is a ratio.

A busy machine slows neighbouring blocks alike, so ratios hold where seconds do not.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One contestant. ``before`` and ``after`` surround a block and are not timed."""

    name: str
    step: Callable[[], Any]
    before: Callable[[], Any] = lambda: None
    after: Callable[[], Any] = lambda: None


class Result(NamedTuple):
    """Median over blocks of (row / floor), its quartiles, and the floor's or row's seconds per step."""

    name: str
    ratio: float
    low: float
    high: float
    seconds: float


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """p25, median, p75."""
    ordered = sorted(values)
    n = len(ordered)
    return ordered[n // 4], median(ordered), ordered[min(n - 1, (3 * n) // 4)]


def block(row: Row, seconds: float) -> float:
    """Seconds per step over one block, without its first fifth (caches, branch predictors, malloc)."""
    row.before()
    times: list[float] = []
    end = perf_counter() + seconds
    while True:
        t0 = perf_counter()
        row.step()
        t1 = perf_counter()
        times.append(t1 - t0)
        if t1 >= end and len(times) >= 5:
            break
    row.after()
    kept = times[len(times) // 5 :]
    return sum(kept) / len(kept)


def compare(rows: list[Row], blocks: int, seconds: float) -> list[Result]:
    """Run the rows in turn; the first is the floor."""
    taken: list[list[float]] = [[] for _ in rows]
    for b in range(blocks):
        # Every other round in reverse, so that no row always follows the same one.
        order = range(len(rows)) if b % 2 == 0 else reversed(range(len(rows)))
        for i in order:
            taken[i].append(block(rows[i], seconds))
    out = []
    for row, mine in zip(rows, taken, strict=True):
        low, mid, high = quartiles([m / f for m, f in zip(mine, taken[0], strict=True)])
        out.append(Result(row.name, mid, low, high, median(mine)))
    return out


def ratio(results: list[Result], over: str, under: str) -> float:
    """The ratio of two rows' medians over the floor."""
    by_name = {r.name: r.ratio for r in results}
    return by_name[over] / by_name[under]


def table(title: str, results: list[Result]) -> str:
    """The results as text."""
    lines = [title, f"  {'':34}{'ratio':>7}   {'p25..p75':<14}{'µs/step':>10}"]
    for r in results:
        lines.append(
            f"  {r.name:34}{r.ratio:7.3f}   [{r.low:.3f}..{r.high:.3f}]{r.seconds * 1e6:10.1f}"
        )
    return "\n".join(lines)
