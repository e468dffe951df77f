"""Curves of a run, bounded in size: of every stretch of steps the extremes stay."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope.analysis.rates import with_rates
from graphscope.webapp.queries.strip import keep

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import StepTable

POINTS = 1000  # a chart is at most about this many pixels wide
_BLOCK = 128
X_AXES = ("step", "relative", "wall")
Series = tuple["NDArray[np.int64]", "NDArray[np.float64]", "NDArray[np.int64]"]


def series(reader: TraceReader) -> dict[str, Series]:
    """Every tag's (step, value, nanoseconds since the run began), the loss first.

    Without a scalar called "loss" the steps' own loss takes its place; learning rates are there as the recorder saw
    them, where the program logged nothing under their names.
    """
    found: dict[str, Series] = with_rates(reader)
    if not any(is_loss(tag) for tag in found):
        loss = loss_of_steps(reader.steps())
        if loss is not None:
            found["loss"] = loss
    return sort(found)


def loss_of_steps(table: StepTable, rows: slice = slice(None)) -> Series | None:
    """The loss that the recorder saw in each step (or in some rows of the table), if it saw any.

    A step that has none (it raised before there was one) is left out: it is no NaN.
    """
    loss = table.loss[rows]
    seen = np.isfinite(loss) | table.nonfinite[rows]
    if not seen.any():
        return None
    return (
        table.num[rows][seen].astype(np.int64),
        loss[seen],
        table.t0_ns[rows][seen].astype(np.int64),
    )


def sort(found: dict[str, Series]) -> dict[str, Series]:
    """The loss first, the others by name."""
    return {tag: found[tag] for tag in sorted(found, key=lambda t: (not is_loss(t), t.casefold()))}


def is_loss(tag: str) -> bool:
    """Whether a curve is a loss: ``loss``, ``train/loss`` or ``loss/train``."""
    return "loss" in tag.casefold().split("/")


def smoothed(values: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """The debiased exponential moving average; what is not finite is left out, and stays a gap.

    Source: D. P. Kingma, J. Ba, "Adam", 2015, section 3, for the correction of the first values.

    >>> smoothed(np.array([1.0, 1.0, np.nan, 3.0]), 0.5).tolist()
    [1.0, 1.0, nan, 2.142857142857143]
    """
    out = np.full(len(values), np.nan)
    finite = np.isfinite(values)
    x = values[finite]
    if not weight or not len(x):
        out[finite] = x
        return out
    # Block by block, each as one product with a triangle of powers: a loop over 200,000 points takes 40 ms.
    rows = -(-len(x) // _BLOCK)
    table = np.zeros(rows * _BLOCK)
    table[: len(x)] = x
    k = np.arange(_BLOCK)
    distance = k[None, :] - k[:, None]
    powers = np.where(distance >= 0, weight ** np.maximum(distance, 0).astype(float), 0.0)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        parts = (1 - weight) * (table.reshape(rows, _BLOCK) @ powers)
        whole, carry = weight**_BLOCK, 0.0
        before = np.zeros(rows)
        for row, last in enumerate(parts[:, -1].tolist()):
            before[row] = carry
            carry = whole * carry + last
        parts += before[:, None] * weight ** (k + 1.0)
        smooth = parts.reshape(-1)[: len(x)]
        # After so many values the correction is one in double precision, and its power only costs time.
        early = min(len(x), int(40 / -math.log(weight)) + 1)
        smooth[:early] /= 1 - weight ** (np.arange(early) + 1.0)
        out[finite] = smooth
    return out


def wild(values: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Stretches ``(first, last)`` of indices at which the value is not finite; at most 50.

    >>> wild(np.array([1.0, np.nan, np.inf, 2.0]))
    [(1, 2)]
    """
    bad = ~np.isfinite(values)
    if not bad.any():
        return []
    edge = np.flatnonzero(np.diff(np.concatenate(([False], bad, [False]))))
    spans = [(int(a), int(b) - 1) for a, b in zip(edge[::2], edge[1::2], strict=True)]
    # More cannot be told apart: the rest is one stretch.
    return spans if len(spans) <= 50 else [*spans[:49], (spans[49][0], spans[-1][1])]


def scalars_json(reader: TraceReader, tag: str | None = None) -> list[dict[str, Any]]:
    """The tags with their downsampled points ``[step, value or null, ns]``."""
    out = []
    for name, (step, value, wall) in series(reader).items():
        if tag is not None and name != tag:
            continue
        kept = keep(value, POINTS)
        points = [
            [int(s), float(v) if np.isfinite(v) else None, int(w)]
            for s, v, w in zip(step[kept], value[kept], wall[kept], strict=True)
        ]
        spans = [[int(step[a]), int(step[b])] for a, b in wild(value)]
        out.append({"tag": name, "count": len(step), "points": points, "nonfinite": spans})
    return out
