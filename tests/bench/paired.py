"""Paired measurement: all rows run in alternating blocks of one process; the result is a ratio.

A busy machine slows neighbouring blocks alike, so ratios hold where seconds do not.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One contestant. ``before`` and ``after`` surround a block and are not timed."""

    name: str
    step: Callable[[], Any]
    before: Callable[[], Any] = lambda: None
    after: Callable[[], Any] = lambda: None


class Result(NamedTuple):
    """Medians over blocks of (row / floor): of wall time with its quartiles, and of processor time.

    Processor time counts every thread of the process, so a writer in the background is in it, and
    neighbours on a busy machine are not.
    """

    name: str
    ratio: float
    low: float
    high: float
    cpu: float
    seconds: float


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """p25, median, p75."""
    ordered = sorted(values)
    n = len(ordered)
    return ordered[n // 4], median(ordered), ordered[min(n - 1, (3 * n) // 4)]


def block(row: Row, seconds: float) -> tuple[float, float]:
    """Wall and processor seconds per step over one block.

    Its first fifth is left out: caches, branch predictors and malloc settle there.
    """
    row.before()
    end = perf_counter() + seconds / 5
    row.step()
    while perf_counter() < end:
        row.step()
    n = 0
    wall, cpu = perf_counter(), process_time()
    end = wall + seconds * 4 / 5
    while n < 4 or perf_counter() < end:
        row.step()
        n += 1
    result = (perf_counter() - wall) / n, (process_time() - cpu) / n
    row.after()
    return result


def compare(rows: list[Row], blocks: int, seconds: float) -> list[Result]:
    """Run the rows in turn; the first is the floor."""
    taken: list[list[tuple[float, float]]] = [[] for _ in rows]
    for b in range(blocks):
        # Every other round in reverse, so that no row always follows the same one.
        order = range(len(rows)) if b % 2 == 0 else reversed(range(len(rows)))
        for i in order:
            taken[i].append(block(rows[i], seconds))
    out = []
    for row, mine in zip(rows, taken, strict=True):
        pairs = list(zip(mine, taken[0], strict=True))
        low, mid, high = quartiles([m[0] / f[0] for m, f in pairs])
        cpu = median(m[1] / f[1] for m, f in pairs)
        out.append(Result(row.name, mid, low, high, cpu, median(m[0] for m in mine)))
    return out


def ratio(results: list[Result], over: str, under: str) -> tuple[float, float]:
    """The ratio of two rows' medians over the floor: of wall time, of processor time."""
    by_name = {r.name: r for r in results}
    a, b = by_name[over], by_name[under]
    return a.ratio / b.ratio, a.cpu / b.cpu


def table(title: str, results: list[Result]) -> str:
    """The results as text."""
    lines = [title, f"  {'':34}{'wall':>7}  {'p25..p75':<15}{'cpu':>7}{'µs/step':>10}"]
    for r in results:
        spread = f"[{r.low:.3f}..{r.high:.3f}]"
        lines.append(
            f"  {r.name:34}{r.ratio:7.3f}  {spread:<15}{r.cpu:7.3f}{r.seconds * 1e6:10.1f}"
        )
    return "\n".join(lines)
