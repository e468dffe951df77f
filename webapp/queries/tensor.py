"""Statistics, histogram and sample of one tensor as JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from graphscope import units
from graphscope.view.encode import NOT_REACHED, NOT_YET

if TYPE_CHECKING:
    from graphscope.trace.records import Entry, Thumb


def tensor_json(entry: Entry | None, text: str, why: str) -> dict[str, Any]:
    """Statistics, histogram and sample of a tensor; ``why`` says what is missing."""
    if entry is None:
        return {"text": text if text in (NOT_YET, NOT_REACHED) else units.MISSING, "why": why}
    told: dict[str, Any] = {
        "text": text,
        "why": "",
        "stats": [
            ("elements", units.count(entry.count)),
            ("mean", units.number(entry.mean)),
            ("std", units.number(entry.std)),
            ("min", units.number(entry.min)),
            ("max", units.number(entry.max)),
            ("rms", units.number(entry.rms)),
        ],
        "health": [int(n) for n in entry.health],
        "hist": None,
        "thumb": thumb_json(entry.thumb) if entry.thumb is not None else None,
    }
    if entry.count > 1 and entry.hist.any():
        told["hist"] = {
            "counts": [int(n) for n in entry.hist],
            "low": units.number(entry.lo),
            "high": units.number(entry.hi),
            "zero": _zero(entry.lo, entry.hi),
        }
    return told


def _zero(low: float, high: float) -> float | None:
    """Where zero lies between the ends, 0 to 1; None when it is outside."""
    if not (low <= 0 <= high) or high <= low:
        return None
    return -low / (high - low)


def thumb_json(thumb: Thumb) -> dict[str, Any]:
    """A sample with six digits a number; JSON has no NaN and Inf, so they are words."""
    return {
        "shape": list(thumb.shape),
        "stride": list(thumb.stride),
        "values": [_plain(float(x)) for x in thumb.values.reshape(-1)],
    }


def _plain(x: float) -> float | str:
    if math.isfinite(x):
        return float(f"{x:.6g}")
    return "NaN" if math.isnan(x) else "+Inf" if x > 0 else "-Inf"
