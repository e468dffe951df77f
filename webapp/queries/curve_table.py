"""The numbers behind the curves: at one step as rows, and all of one curve as comma separated values."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope.webapp.queries.curves import grouped, key

if TYPE_CHECKING:
    from graphscope.webapp.queries.curves import Found

MOST = 2000


def rows_at(found: Sequence[Found], step: int | None, find: str = "") -> list[dict[str, Any]]:
    """One row a curve and run: its value at the step (the nearest before it), and its extremes.

    step: None is the last one. Numbers that are not finite are words.
    """
    tags = dict.fromkeys(tag for run in found for tag in run.series if find in tag.casefold())
    rows: list[dict[str, Any]] = []
    for _, tag in grouped(list(tags)):
        for run in found:
            if tag not in run.series or len(rows) >= MOST:
                continue
            steps, values, _ = run.series[tag]
            at = len(steps) - 1
            if step is not None:
                # The newest of a restarted run: the last row at or before that step.
                before = np.flatnonzero(steps <= step)
                at = (
                    int(before[np.argmax(steps[before] + before / (len(steps) + 1.0))])
                    if len(before)
                    else -1
                )
            good = values[np.isfinite(values)]
            rows.append(
                {
                    "id": f"{key(tag)}-{run.place}",
                    "tag": tag[:400],
                    "run": run.name,
                    "step": int(steps[at]) if at >= 0 else None,
                    "value": _told(float(values[at])) if at >= 0 else None,
                    "low": float(good.min()) if len(good) else None,
                    "high": float(good.max()) if len(good) else None,
                    "last": _told(float(values[-1])),
                    "points": len(steps),
                    "bad": int(len(values) - len(good)),
                }
            )
    return rows


def _told(value: float) -> float | str:
    return (
        value
        if math.isfinite(value)
        else ("NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf")
    )


def csv_text(found: Sequence[Found], card: str) -> tuple[str, str]:
    """``(tag, text)`` of a card: every point that was logged, not only those that are drawn."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    write.writerow(["run", "step", "seconds", "value"])
    name = ""
    for run in found:
        for tag, (steps, values, wall) in run.series.items():
            if key(tag) != card:
                continue
            name = tag
            label = safe(run.name)
            write.writerows(
                (label, step, f"{ns / 1e9:.6f}", repr(value))
                for step, value, ns in zip(
                    steps.tolist(), values.tolist(), wall.tolist(), strict=True
                )
            )
    return name, out.getvalue()


def safe(text: str) -> str:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it.

    >>> safe("=1+1"), safe("run")
    ("'=1+1", 'run')
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
