"""A table of integers to bytes and back: column by column, byte plane by byte plane, without high planes of zeros.

What grows with a row's place is stored as a distance (``GAP``, ``AFTER``, ``below``), and a small number of either sign
as a small one (zigzag): 0, -1, 1, -2 become 0, 1, 2, 3. What is left is squeezed by zlib, which takes as long as its text.
Where there is a C compiler, ``_codec.c`` folds; ``in_numpy`` says the same without one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope.trace import codec

PLAIN = 0
GAP = 1
"""Less the row before."""
AFTER = 2
"""Less the row's number, where it is not negative. No row may be below its number; then the column is left as it is."""
AS_IT_IS = 0x80  # added to the width of such a column


def below(column: int) -> int:
    """How far it is below another column of its row."""
    return 16 + column


def fold(table: Any, size: int, ways: bytes) -> bytes:
    """A table, row by row, as bytes.

    table: integers of ``size`` bytes, 4 or 8 (anything with a buffer); ways: how each column is stored.
    Raises: ValueError when the table has no whole rows.
    """
    made = None if codec.fold_in_c is None else codec.fold_in_c(table, size, ways)
    return in_numpy(table, size, ways) if made is None else made


def in_numpy(table: Any, size: int, ways: bytes) -> bytes:
    """The same, without a compiler."""
    whole = np.ascontiguousarray(table) if isinstance(table, np.ndarray) else table
    flat = np.frombuffer(whole, f"<i{size}")
    if len(flat) % len(ways):
        raise ValueError(f"{len(flat)} integers are no rows of {len(ways)}")
    columns = flat.reshape(-1, len(ways)).T
    widths, planes = [], []
    for values, way in zip(columns, ways, strict=True):
        flag, stored = 0, values
        if way == GAP:
            stored = values.copy()
            stored[1:] -= values[:-1]
        elif way == AFTER:
            place = np.arange(len(values), dtype=values.dtype)
            if bool(((values >= 0) & (values < place)).any()):
                flag = AS_IT_IS
            else:
                stored = np.where(values < 0, values, values - place)
        elif way >= 16:
            stored = columns[way - 16] - values
        folded = ((stored << 1) ^ (stored >> (8 * size - 1))).astype(f"<i{size}").view(f"<u{size}")
        width = max(1, (int(folded.max(initial=0)).bit_length() + 7) // 8)
        widths.append(width | flag)
        planes.append(folded.view(np.uint8).reshape(-1, size)[:, :width].T.tobytes())
    return bytes(widths) + b"".join(planes)


def unfold(data: bytes, at: int, rows: int, size: int, ways: bytes) -> tuple[NDArray[Any], int]:
    """A table of so many rows as ``[columns, rows]``, and where its bytes end; the inverse of ``fold``.

    at: where they begin. Raises: ValueError when there are too few, or no such ones.
    """
    many = len(ways)
    widths = data[at : at + many]
    at += many
    if len(widths) != many or not all(0 < w & 0x7F <= size for w in widths) or rows < 0:
        raise ValueError("it is not as long as it says")
    if at + rows * sum(w & 0x7F for w in widths) > len(data):
        raise ValueError("it is not as long as it says")
    each = np.zeros((many, rows, size), np.uint8)
    for one, w in zip(each, widths, strict=True):
        w &= 0x7F
        one[:, :w] = np.frombuffer(data, np.uint8, w * rows, at).reshape(w, rows).T
        at += w * rows
    folded = each.reshape(many, -1).view(f"<u{size}")
    found = ((folded >> 1) ^ (0 - (folded & 1))).view(f"<i{size}")
    for values, way, w in zip(found, ways, widths, strict=True):
        if way == GAP:
            np.cumsum(values, out=values)
        elif way == AFTER and not w & AS_IT_IS:
            values += np.where(values < 0, 0, np.arange(rows, dtype=values.dtype))
    for values, way in zip(found, ways, strict=True):
        if way >= 16:
            values[:] = found[way - 16] - values
    return found, at
