"""Adding rows of values into places that may repeat: the gradient of every kind of indexing.

``np.add.at`` takes a slow path for whole rows. For a (10000, 128) table and 2,048 tokens it took
2.3 ms where torch takes 0.25; on flat places it took 0.50, and rounds of plain fancy indexing 0.22
when few tokens repeat. A device adds with atomics.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_FEW = 4  # rounds of fancy indexing are cheaper than flat add.at up to so many repeats
_MANY = 16  # and sums of sorted runs are cheaper from so many repeats on average
_SMALL = 4096  # below so many numbers the sorting costs more than it saves


def add_rows(xp: Any, out: Any, places: Any, rows: Any) -> None:
    """``out[places[k]] += rows[k]`` for each k.

    Shapes: out (r, d) contiguous, places (n,) in 0..r-1, rows (n, d).
    """
    if xp is not np:
        xp.add.at(out, places, rows)
        return
    n, d = rows.shape
    if not rows.size:
        return
    if d == 1 or rows.size < _SMALL:
        _add_flat(out, places, rows)
        return
    order = places.argsort(kind="stable")
    ordered = places[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    counts = np.diff(first, append=n)
    most = int(counts.max())
    if most <= _FEW:
        for r in range(most):
            live = first[counts > r]
            out[ordered[live]] += rows[order[live + r]]
    elif n >= _MANY * first.size:
        out[ordered[first]] += np.add.reduceat(rows[order], first, axis=0)
    else:
        _add_flat(out, places, rows)


def _add_flat(out: Any, places: Any, rows: Any) -> None:
    d = rows.shape[1]
    at = places if d == 1 else (places[:, None] * d + np.arange(d)).reshape(-1)
    np.add.at(out.reshape(-1), at, rows.reshape(-1))


def runs(xp: Any, ufunc: Any, places: Any, values: Any, size: int, empty: Any) -> Any:
    """For each place the ufunc over its values: (size,) from places (n,) and values (n,).

    A scan over sorted runs in log2(n) steps, since devices have no ``multiply.at``.
    """
    order = xp.argsort(places, kind="stable")
    key, got = places[order], values[order]
    step = 1
    while step < key.size:
        joined = xp.where(key[step:] == key[:-step], ufunc(got[step:], got[:-step]), got[step:])
        got = xp.concatenate((got[:step], joined))
        step *= 2
    out = xp.full(size, empty, values.dtype)
    if key.size:
        last = xp.concatenate((key[1:] != key[:-1], xp.ones(1, bool)))
        out[key[last]] = got[last]
    return out
