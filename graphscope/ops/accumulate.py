"""Adding rows of values into places that may repeat: the gradient of every kind of indexing.

``np.add.at`` takes a slow path for whole rows. For a (10000, 128) table and 2,048 tokens it took
2.3 ms where torch takes 0.25, and this 0.22 to 0.4: first occurrences are assigned, second ones added
with plain fancy indexing and so on. On flat places add.at is fast. A device adds with atomics.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_FEW = 8  # so many repeats of a place are added one after the other; more are summed as sorted runs
_SMALL = 32768  # below so many numbers the sorting costs more than it saves


def add_rows(xp: Any, out: Any, places: Any, rows: Any, fresh: bool = False) -> None:
    """``out[places[k]] += rows[k]`` for each k; ``fresh`` tells that ``out`` is all zeros.

    Shapes: out (r, d) contiguous, places (n,) in 0..r-1, rows (n, d).
    """
    if xp is not np:
        xp.add.at(out, places, rows)
        return
    n, d = rows.shape
    if d == 1 or rows.size < _SMALL:
        _add_flat(out, places, rows)
        return
    # numpy sorts 16-bit numbers by radix, in a tenth of the time.
    order = (places.astype(np.uint16) if len(out) <= 65536 else places).argsort(kind="stable")
    ordered = places[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    counts = np.diff(first, append=n)
    targets = ordered[first]
    many = counts > _FEW
    if many.any():
        picked = order[np.repeat(many, counts)]
        begin = np.concatenate(([0], np.cumsum(counts[many])[:-1]))
        out[targets[many]] += np.add.reduceat(rows[picked], begin, axis=0)
        few = ~many
        first, counts, targets = first[few], counts[few], targets[few]
    for r in range(int(counts.max(initial=0))):
        live = counts > r
        values = rows[order[first[live] + r]]
        if fresh and r == 0:
            out[targets[live]] = values
        else:
            out[targets[live]] += values


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
