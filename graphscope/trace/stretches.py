"""The numbers of many steps once more, as columns: who wants all steps of a long run reads these, not a row for each.

Rows stay what counts: a stretch only repeats them, for steps that lie a while back and change no more. Where there is
none (the newest steps, files from before there were stretches, a damaged one), rows are read. A row costs two
microseconds, a step in a stretch a tenth of one, and some 16 bytes.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope.trace import codec
from graphscope.trace.steps import StepTable

SPAN = 4_096  # steps of a stretch, about
LEAST = 1_024  # fewer are not worth it
MOST = 1 << 20  # steps in one that can be true
COLUMNS = (
    "id", "num", "graph", "shape_set", "t0_ns", "wall_ns", "rec_ns", "live0", "data", "forward", "backward", "update",
    "copy", "flags",
)  # fmt: skip
ID, NUM, GRAPH, SHAPE_SET, T0, WALL, REC, LIVE0, DATA, FORWARD, BACKWARD, UPDATE, COPY, FLAGS = (
    range(len(COLUMNS))
)
# flags
NONFINITE, TIMED, DIED, UNTIMED = 1, 2, 4, 8
"""Not finite; its times are in the file; memory died otherwise than its graph says; it has no times by phase."""
INSERT = "INSERT OR REPLACE INTO stretches VALUES (?,?,?,?)"
# A row is written once more, or late: stretches from there on are not true any more.
DROP = "DELETE FROM stretches WHERE last >= ? AND kind = ?"
# The same out of the rows of steps: of a kind, with ids above one number and below another.
_INTS = (
    "id, num, graph, shape_set, t0_ns, wall_ns, rec_ns, live0, coalesce(data_ns, 0), coalesce(forward_ns, 0),"
    " coalesce(backward_ns, 0), coalesce(update_ns, 0), coalesce(copy_ns, 0),"
    f" (nonfinite != 0) * {NONFINITE} | (chunk IS NOT NULL) * {TIMED}"
    f" | (freed IS NOT NULL) * {DIED}"
    f" | (data_ns + forward_ns + backward_ns + update_ns IS NULL) * {UNTIMED}"
)
SELECT = (
    # A text costs as much as the rest of its row; nearly all are "ok". They are read along the ids: along the index
    # of kinds every row of the kind would be looked at ("+" hides the column from it). Steps of other kinds are few
    # among many, and the index finds them.
    f"SELECT {_INTS}, loss, nullif(status, 'ok') FROM steps"
    " WHERE {of} = ? AND id > ? AND id < ? AND status != 'paused' ORDER BY id"
)
_DIFFERENCES = (ID, NUM, T0)  # their first stands by itself
_HEAD = np.dtype([("steps", "<u4"), ("base", "<i8", len(COLUMNS)), ("width", "u1", len(COLUMNS))])


@dataclass(eq=False)
class Columns:
    """Some steps of one kind, by rising ids."""

    ints: NDArray[np.int64]
    """``[columns, steps]``, in the order of ``COLUMNS``."""
    loss: NDArray[np.float64]
    """NaN: none."""
    status: dict[int, str]
    """By place, where it is not ``ok``."""

    def __len__(self) -> int:
        return len(self.loss)

    def column(self, k: int) -> NDArray[np.int64]:
        """One of ``COLUMNS``."""
        found: NDArray[np.int64] = self.ints[k]
        return found


Part = Columns | list[tuple[Any, ...]]
"""Steps as the writer has them: as columns, or a row each: the integers, the loss or None, the status unless it is ok."""


class Gathered:
    """Steps that the writer adds, kept until they are a stretch; one per writer."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Part]] = {}
        self._many: dict[str, int] = {}
        self._last: dict[str, int] = {}

    def add(self, kind: str, last: int, steps: Part) -> list[Part] | None:
        """Take in steps up to this id; returns those before them when they are enough for a stretch.

        The newest ones wait: their last may still be told to have lost its times.
        """
        ready = None
        if self._many.get(kind, 0) >= SPAN:
            ready = self._parts.pop(kind, None)
            self._many[kind] = 0
        self._parts.setdefault(kind, []).append(steps)
        self._many[kind] = self._many.get(kind, 0) + len(steps)
        self._last[kind] = last
        return ready

    def is_late(self, kind: str, first: int) -> bool:
        """Whether a step with this id, or a later one, was there before: what was gathered is not true any more."""
        if first > self._last.get(kind, -1):
            return False
        self._parts.pop(kind, None)
        self._many[kind] = 0
        return True

    def untime(self, kind: str, id: int) -> bool:
        """The times of the last step of a kind that had some are not kept after all; steps without may have followed.

        False: so many of them that its stretch was handed out.
        """
        for part in reversed(self._parts.get(kind, [])):
            if isinstance(part, Columns):
                if part.ints[ID, -1] == id:
                    part.ints[FLAGS, -1] &= ~TIMED
                    return True
            elif part and part[-1][ID] == id:
                row = part[-1]
                part[-1] = (*row[:FLAGS], row[FLAGS] & ~TIMED, *row[FLAGS + 1 :])
                return True
        return False

    def clear(self) -> None:
        """Rows of these steps may never come into the file."""
        self._parts, self._many = {}, {}


def of_rows(rows: Sequence[tuple[Any, ...]]) -> Columns:
    """Rows as ``Part`` has them."""
    *ints, loss, status = zip(*rows, strict=True)
    told = {k: str(text) for k, text in enumerate(status) if text is not None}
    whole = np.array([np.array(column, np.int64) for column in ints])
    return Columns(whole, np.array(loss, np.float64), told)  # None becomes NaN


def joined(parts: Sequence[Columns]) -> Columns:
    """Several one behind the other."""
    if len(parts) == 1:
        return parts[0]
    status, at = {}, 0
    for part in parts:
        status.update({at + k: text for k, text in part.status.items()})
        at += len(part.loss)
    ints = np.concatenate([part.ints for part in parts], axis=1)
    return Columns(ints, np.concatenate([part.loss for part in parts]), status)


def rows_of(kind: str, parts: Sequence[Part]) -> list[tuple[Any, ...]]:
    """What is put into the table: one row, or none where they are too few, or out of order."""
    whole: list[Columns] = []
    for _, some in groupby(parts, type):  # single rows together: each would be arrays of its own
        rows: list[tuple[Any, ...]] = []
        for part in some:
            if isinstance(part, Columns):
                whole.append(part)
            else:
                rows += part
        if rows:
            whole.append(of_rows(rows))
    steps = joined(whole)
    ids = steps.ints[ID]
    if len(ids) < LEAST or (np.diff(ids) <= 0).any():
        return []
    return [(int(ids[0]), int(ids[-1]), kind, pack(steps))]


def renew(db: sqlite3.Connection, low: int, high: int, far: int) -> None:
    """Rows of steps with ids above ``low`` were changed, up to ``high`` or (some) up to ``far``."""
    db.execute("DELETE FROM stretches WHERE last > ? AND first <= ?", (low, far))
    kinds = "SELECT DISTINCT kind FROM steps WHERE id > ? AND id <= ?"
    for (kind,) in db.execute(kinds, (low, high)).fetchall():
        rows = db.execute(SELECT.format(of="+kind"), (kind, low, high + 1)).fetchall()
        if rows:
            db.executemany(INSERT, rows_of(kind, [rows]))


def pack(steps: Columns) -> bytes:
    """As bytes: of each column what varies, plane by plane.

    >>> some = Columns(np.arange(28).reshape(14, 2) ** 7, np.array([0.5, np.nan]), {1: "failed"})
    >>> same = unpack(pack(some))
    >>> bool((same.ints == some.ints).all()), same.loss.tolist(), same.status
    (True, [0.5, nan], {1: 'failed'})
    """
    n = len(steps.loss)
    ints = steps.ints.copy()
    # A step begins a little after the end of the one before; ids and numbers go up by one.
    ints[T0, 1:] -= steps.ints[T0, :-1] + steps.ints[WALL, :-1]
    for row in (ID, NUM):
        ints[row, 1:] -= steps.ints[row, :-1]
    head = np.zeros(1, _HEAD)
    head["steps"] = n
    planes = []
    for k, column in enumerate(ints):
        # The first of a column of differences is no difference.
        first = 1 if k in _DIFFERENCES else 0
        base = int(column[first:].min()) if n > first else 0
        head["base"][0, k] = base
        rest = column - base
        if first:
            planes.append(rest[:1].tobytes())
            rest[0] = 0
        width = (int(rest.view(np.uint64).max()).bit_length() + 7) // 8
        head["width"][0, k] = width
        planes.append(rest.astype("<i8").view(np.uint8).reshape(n, 8)[:, :width].T.tobytes())
    planes.append(codec.shuffle(steps.loss.astype("<f8")))
    planes.append(json.dumps(steps.status).encode() if steps.status else b"")
    return codec.squeeze(head.tobytes() + b"".join(planes), zlib.Z_RLE)


def unpack(blob: bytes) -> Columns:
    """The inverse of ``pack``. Raises: as ``Packed``."""
    packed = Packed(blob)
    whole = np.array([packed.column(k) for k in range(len(COLUMNS))])
    return Columns(whole, packed.loss, packed.status)


class Packed:
    """A stretch as it stands in the file: a column is unpacked when it is asked for, since all together are large.

    Raises: ValueError, or what ``zlib`` and ``json`` raise, for what is none.
    """

    def __init__(self, blob: bytes) -> None:
        self._data = data = zlib.decompress(blob)
        head = np.frombuffer(data, _HEAD, 1)[0]
        self._n = n = int(head["steps"])
        if not 0 < n <= MOST or (head["width"] > 8).any():
            raise ValueError("its head makes no sense")
        self._bases, self._widths = head["base"].tolist(), head["width"].tolist()
        self._places, at = [], _HEAD.itemsize
        for k, width in enumerate(self._widths):
            self._places.append(at)
            at += width * n + (8 if k in _DIFFERENCES else 0)
        self._places.append(at)
        if len(data) < at + 8 * n:
            raise ValueError("it is cut off")
        self.start = 0
        told = json.loads(data[at + 8 * n :] or b"{}")
        self._status = {int(k): str(text) for k, text in told.items() if 0 <= int(k) < n}

    def __len__(self) -> int:
        return self._n - self.start

    def column(self, k: int) -> NDArray[np.int64]:
        """One of ``COLUMNS``."""
        n, at, width = self._n, self._places[k], self._widths[k]
        first = None
        if k in _DIFFERENCES:
            first = np.frombuffer(self._data, "<i8", 1, at)[0]
            at += 8
        planes = np.frombuffer(self._data, np.uint8, width * n, at).reshape(width, n)
        found: NDArray[np.int64] = np.zeros(n, np.int64)
        if width:
            found = planes[0].astype(np.int64)
        for place in range(1, width):
            found |= planes[place].astype(np.int64) << (8 * place)
        if first is not None:
            found[0] = first
        found += self._bases[k]
        if k in _DIFFERENCES:
            if k == T0:
                before, self.start = self.start, 0
                found[1:] += self.column(WALL)[:-1]
                self.start = before
            np.cumsum(found, out=found)
        return found[self.start :]

    @property
    def status(self) -> dict[int, str]:
        """By place, where it is not ``ok``."""
        return {k - self.start: text for k, text in self._status.items() if k >= self.start}

    @property
    def loss(self) -> NDArray[np.float64]:
        """Of each step; NaN: none."""
        at = self._places[-1]
        whole = codec.unshuffle(self._data[at : at + 8 * self._n], "<f8")
        return whole[self.start :]

    def skip(self, many: int) -> None:
        """Leave out its first steps."""
        self.start = many


def table(parts: Sequence[Packed | Columns]) -> StepTable:
    """Some steps, one behind the other, as who reads a trace sees them."""
    ends = np.cumsum([0, *(len(part) for part in parts)]).tolist()
    n = ends[-1]
    placed = [*zip(parts, ends[:-1], ends[1:], strict=True)]

    def column(k: int, out: Any = None) -> Any:
        out = np.empty(n, np.int64) if out is None else out
        for part, begin, end in placed:
            out[begin:end] = part.column(k)
        return out

    flags = column(FLAGS, np.empty(n, np.uint8))
    phases = np.empty((n, 4))
    for k in range(4):
        column(DATA + k, phases[:, k])
    phases[(flags & UNTIMED) != 0] = np.nan
    loss, status = np.empty(n), ["ok"] * n
    for part, begin, end in placed:
        loss[begin:end] = part.loss
        for k, text in part.status.items():
            status[begin + k] = text
    return StepTable(
        column(ID), column(NUM), column(GRAPH), column(SHAPE_SET), column(T0), column(WALL), column(REC), loss,
        (flags & NONFINITE) != 0, status, phases, column(LIVE0), (flags & TIMED) != 0, (flags & DIED) != 0,
        column(COPY, np.empty(n)),
    )  # fmt: skip
