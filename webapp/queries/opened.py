"""An opened tensor as a page shows it: two of its dimensions as a picture, a window of numbers, a histogram."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope import units
from graphscope.errors import TraceError

SIDE = 128  # cells of the picture along an axis
ROWS, COLS = 16, 12  # numbers shown at once
BINS = 48
SAMPLE = 1 << 20  # numbers that statistics of a slice look at


def tensor_json(
    array: NDArray[Any],
    facts: dict[str, Any],
    before: NDArray[Any] | None = None,
    slice: str = "",  # noqa: A002 - the name in the address
    row: str = "",
    col: str = "",
    compare: str = "",
) -> dict[str, Any]:
    """One view of a tensor.

    slice: one entry a dimension, ``:`` for (at most two) shown ones, else an index: ``0,:,:``.
    compare: "1" shows the difference to the step before.
    Raises: TraceError for a slice that does not fit.
    """
    shape = array.shape
    index, shown = _index(slice, shape)
    part = _plane(array, index, shown)
    compared = bool(compare) and before is not None and before.shape == shape
    if compared and before is not None:
        old = _plane(before, index, shown)
        part = part.astype(np.float64) - old.astype(np.float64)
    r = _at(row, part.shape[0])
    c = _at(col, part.shape[1])
    window = part[r : r + ROWS, c : c + COLS]
    flat = part.reshape(-1)
    stride = max(1, -(-flat.size // SAMPLE))
    return {
        "shape": list(shape), "dtype": str(array.dtype), "node": facts.get("node"), "of": facts.get("of"),
        "step": facts.get("step"), "kind": facts.get("kind"), "has_before": before is not None,
        "compared": compared, "bytes": units.bytes_(array.nbytes),
        "slice": [None if i in shown else int(index[i]) for i in range(len(shape))],
        "rows": part.shape[0], "cols": part.shape[1], "row": r, "col": c,
        "values": [[_text(x) for x in line] for line in window.tolist()],
        "picture": _picture(part), "stats": _stats(flat[::stride], flat),
        "hist": _histogram(flat[::stride]),
    }  # fmt: skip


def _index(text: str, shape: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """The index of each dimension, and those (two at most) that are shown whole."""
    n = len(shape)
    if not text:
        return [0] * n, list(range(max(0, n - 2), n))
    parts = text.split(",")
    if len(parts) != n:
        raise TraceError(f"A slice of this tensor has {n} entries, not {len(parts)}.")
    index, shown = [0] * n, []
    for k, part in enumerate(parts):
        if part.strip() in (":", ""):
            shown.append(k)
        elif (
            part.strip().isascii()
            and part.strip().isdigit()
            and len(part) < 12
            and int(part) < shape[k]
        ):
            index[k] = int(part)
        else:
            raise TraceError(
                f"Dimension {k} has the entries 0 to {shape[k] - 1}, not {part[:20]!r}."
            )
    if len(shown) > 2:
        raise TraceError("Two dimensions are shown at a time; give the others a number.")
    return index, shown


def _plane(array: NDArray[Any], index: list[int], shown: list[int]) -> NDArray[Any]:
    """The part that is shown, always with two dimensions; a complex number by its size."""
    picked: Any = tuple(np.s_[:] if k in shown else index[k] for k in range(array.ndim))
    part = np.asarray(array[picked] if array.ndim else array)
    if part.dtype.kind == "c":
        part = np.abs(part)
    return part.reshape(1, -1) if part.ndim < 2 else part


def _at(text: str, size: int) -> int:
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
    return max(0, min(value, size - 1))


def _picture(part: NDArray[Any]) -> dict[str, Any]:
    """At most SIDE by SIDE cells, each the number in it that is farthest from zero; NaN stays NaN."""
    rows, cols = part.shape
    by_r, by_c = max(1, -(-rows // SIDE)), max(1, -(-cols // SIDE))
    cells = part.astype(np.float64)
    if by_r > 1:
        cells = _farthest(cells, by_r, 0)
    if by_c > 1:
        cells = _farthest(cells, by_c, 1)
    finite = cells[np.isfinite(cells)]
    top = float(np.abs(finite).max()) if finite.size else 0.0
    return {
        "rows": cells.shape[0], "cols": cells.shape[1], "by": [by_r, by_c], "top": top, "top_text": units.number(top),
        "cells": [_cell(x, top) for x in cells.reshape(-1).tolist()],
    }  # fmt: skip


def _farthest(cells: NDArray[Any], by: int, axis: int) -> NDArray[Any]:
    size = cells.shape[axis]
    pad = [(0, 0), (0, 0)]
    pad[axis] = (0, -size % by)
    padded = np.pad(cells, pad)
    shape = (-(-size // by), by)
    blocks = padded.reshape((*shape, -1) if axis == 0 else (cells.shape[0], *shape))
    low, high = blocks.min(axis=axis + 1), blocks.max(axis=axis + 1)
    return np.where(np.abs(low) > np.abs(high), low, high)


def _cell(x: float, top: float) -> float | str:
    """-1 to 1, or the letter of what is not finite."""
    if math.isnan(x):
        return "n"
    if math.isinf(x):
        return "+" if x > 0 else "-"
    return round(x / top, 3) if top else 0.0


def _text(x: Any) -> str:
    return str(x) if isinstance(x, (bool, int)) else units.number(float(x), 4)


def _stats(some: NDArray[Any], flat: NDArray[Any]) -> list[tuple[str, str]]:
    """Of ``some``, the numbers that are looked at; what is not finite is counted in all of them."""
    wide = some.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    told = [("elements", units.count(flat.size))]
    if finite.size:
        numbers = {
            "mean": finite.mean(), "std": finite.std(), "min": finite.min(), "max": finite.max(),
            "norm": float(np.sqrt(np.dot(finite, finite))),
        }  # fmt: skip
        told += [(name, units.number(float(x))) for name, x in numbers.items()]
        told.append(("zeros", units.share(float(np.count_nonzero(finite == 0)) / finite.size)))
    for name, bad in (
        ("NaN", np.isnan(flat)), ("+Inf", flat == np.inf), ("\u2212Inf", flat == -np.inf),
    ):  # fmt: skip
        if bad.any():
            told.append((name, units.count(int(np.count_nonzero(bad)))))
    return told


def _histogram(flat: NDArray[Any]) -> dict[str, Any] | None:
    wide = flat.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    if finite.size < 2 or finite.min() == finite.max():
        return None
    counts, edges = np.histogram(finite, BINS)
    low, high = float(edges[0]), float(edges[-1])
    zero = -low / (high - low) if low <= 0 <= high else None
    return {
        "counts": counts.tolist(),
        "low": units.number(low),
        "high": units.number(high),
        "zero": zero,
    }
