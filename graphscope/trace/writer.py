"""Writes a trace. One thread calls it; readers may read the file at any time.

Everything is collected in memory and reaches the file in one short transaction per ``commit``, so
that a dashboard can put a command into the same file, and a killed program loses at most what it
had not committed. The caller chooses all ids.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphscope.errors import TraceError
from graphscope.trace import codec, schema, values
from graphscope.trace.alive import mark
from graphscope.trace.checkpoint import MOST, Checkpoints
from graphscope.trace.describer import MEDIA, Describer, clean, digest_of
from graphscope.trace.limit import SECONDS, Limit
from graphscope.trace.records import Entry
from graphscope.trace.thinning import Moments, Thinning, duration

MOMENTS = 100_000  # nodes whose moments are held
PENDING_LIMIT = 10_000  # rows that may wait while the disk is full
_STEP = f"INSERT OR REPLACE INTO steps VALUES ({','.join('?' * 26)})"
# Of many rows in one statement: at every row that it inserts sqlite3 lets go of Python's lock and takes it
# again, and a training loop that wants the lock too pays for each of these turns more than for the row.
MANY = 256
_ROW = "," + _STEP[_STEP.index("(") :]
# Of many rows that have most of their columns in common: (kind, graph, shape set, shift) stand once behind the others.
_PLAIN = "many steps"
_VARY = 15
_HEAD = (
    "INSERT OR REPLACE INTO steps SELECT column1, k, column2, g, s, 'ok', column3, column4, column5, column6, column7,"
    " NULL, h, NULL, NULL, column8, NULL, 0, 1, column9, column10, column11, column12, column13, column14, column15"
    " FROM (VALUES "
)
_TAIL = "), (SELECT ? AS k, ? AS g, ? AS s, ? AS h)"
_MARKS = f"({','.join('?' * _VARY)})"
# By the number of rows: a power of two each, so that there are few statements, and SQLite keeps them.
_PLAINS = {1 << k: _HEAD + ",".join([_MARKS] * (1 << k)) + _TAIL for k in range(MANY.bit_length())}
# Positions in a steps row.
_COLUMNS_AT, _DEV_AT, _HELD_AT, _CHUNK_AT, _PLACE_AT = 11, 14, 18, 19, 20
_FORGET = "UPDATE steps SET chunk = NULL, columns = NULL, dev = NULL WHERE id = ?"
_TENSORS = "INSERT OR REPLACE INTO tensors VALUES (?,?)"
_LOSABLE = (_STEP, _PLAIN, _TENSORS, _FORGET, MEDIA)


def connect(path: Path) -> sqlite3.Connection:
    """A connection that may write, for the writer itself and for whoever gives it a command."""
    connection = sqlite3.connect(
        path, timeout=5.0, isolation_level=None, check_same_thread=False, cached_statements=64
    )
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


class Facts(NamedTuple):
    """What is stored of a step beside its times."""

    id: int
    num: int
    shape_set: int
    t0_ns: int
    wall_ns: int
    rec_ns: int
    loss: float | None
    nonfinite: bool | int
    freed: Any
    live0: int
    note: str | None
    looked: bool
    dev: Any = None
    """As ``schema`` says of steps.dev; kept where the step's times are."""


class Plain(NamedTuple):
    """The same of many steps, as columns, where there is nothing else to say of them."""

    ids: NDArray[np.int64]
    nums: NDArray[np.int64]
    t0_ns: NDArray[np.int64]
    wall_ns: NDArray[np.int64]
    rec_ns: NDArray[np.int64]
    loss: NDArray[np.float64]
    """NaN: none."""
    nonfinite: NDArray[np.int64]
    live0: NDArray[np.int64]


# Times of several steps packed together: the blob, its shift, how many are in it, and the id of the step that has it.
Chunk = tuple["bytes | None", int, int, "int | None"]


class TraceWriter(Describer):
    """Creates the trace file at ``path``, which must be missing or empty.

    max_size: bytes that the file may take; beyond it the oldest part is thinned. None: no limit.

    Raises: TraceError when the file cannot be created or written; the run goes on without it.
    """

    def __init__(
        self, path: Path | str, meta: Mapping[str, Any] | None = None, max_size: int | None = None
    ) -> None:
        self.path = Path(path)
        self.limit = Limit(max_size, self.path)
        self._log = Checkpoints(self.path)
        self._pending: list[tuple[str, tuple[Any, ...]]] = []
        self._nodes: dict[int, int] = {}
        self._plans: dict[int, bytes] = {}  # digests
        self._phases: dict[int, bytes] = {}
        self._moments: dict[int, Moments] = {}
        self._rested: dict[
            int, int
        ] = {}  # graphs whose moments are in the file only, and their first steps
        self._thinning: dict[str, Thinning] = {}
        self._unsure: dict[str, int] = {}
        self._files: set[str] = set()
        self._beat = -1.0
        self._file: tuple[int, int] | None = None
        self._in_groups = 0  # of those that wait, rows that share an entry
        self._dropped = 0
        self._closed = False
        now = time.time()
        facts: dict[str, Any] = {
            "format": schema.FORMAT, "run": self.path.stem, "state": "running", "heartbeat": f"{now:.3f}",
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
            "t0_unix_ns": time.time_ns(), "process": mark(),
        }  # fmt: skip
        facts.update(meta or {})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists() and self.path.stat().st_size:
                raise TraceError(f"{self.path} exists already: a trace is never written over.")
            self._db = connect(self.path)
            self._db.execute("PRAGMA journal_mode=WAL")
            script = f"BEGIN;{schema.SQL};PRAGMA user_version={schema.FORMAT};COMMIT"
            self._db.executescript(script)
            self._db.execute(f"PRAGMA wal_autocheckpoint={MOST}")
        except (OSError, sqlite3.Error) as error:
            raise TraceError(f"Cannot write a trace to {self.path}: {error}.") from error
        for key, value in facts.items():
            self.set_meta(key, value)
        self.commit()
        made = os.stat(self.path)
        self._file = made.st_ino, made.st_dev

    def _put(self, sql: str, *row: Any) -> None:
        self._pending.append((sql, row))

    # -- steps ------------------------------------------------------------------------------------

    def add_step(
        self,
        id: int,
        kind: str,
        num: int,
        graph: int,
        shape_set: int,
        status: str = "ok",
        t0_ns: int = 0,
        wall_ns: int = 0,
        rec_ns: int = 0,
        loss: float | None = None,
        nonfinite: bool | int = False,
        begin_ns: ArrayLike | None = None,
        dur_ns: ArrayLike | None = None,
        freed: ArrayLike | None = None,
        dev: ArrayLike | None = None,
        live0: int = 0,
        note: str | None = None,
        looked: bool = True,
    ) -> None:
        """One finished step. Columns may be shorter than the graph when the step broke off.

        looked: whether deaths and source lines were noted; else those of its graph stand for them.
        With many steps at once, ``add_steps`` costs a fraction.
        """
        n = self._nodes.get(graph, 0)
        begin = dur = None
        if dur_ns is not None:
            dur = _fit(dur_ns, n)
            begin = _fit(begin_ns, n, hold=True) if begin_ns is not None else np.cumsum(dur) - dur
            begin, dur = begin.reshape(1, -1), dur.reshape(1, -1)
        facts = Facts(
            id, num, shape_set, int(t0_ns), int(wall_ns), int(rec_ns), loss, nonfinite, freed, int(live0), note,
            looked, dev,
        )  # fmt: skip
        self.add_steps(kind, graph, status, [facts], begin, dur)

    def add_steps(
        self,
        kind: str,
        graph: int,
        status: str,
        steps: Sequence[Facts],
        begin_ns: NDArray[np.int64] | None,
        dur_ns: NDArray[np.int64] | None,
    ) -> None:
        """Many steps of one graph that ended the same way; their times are ``[steps, nodes]``."""
        chosen: list[int] = []
        chunk: Chunk = (None, 0, 0, None)
        parts: list[Any] = [(None,) * 5] * len(steps)
        if begin_ns is not None and dur_ns is not None:
            dur_ns = np.maximum(dur_ns, 0)
            chosen, chunk, parts = self._times(
                kind, graph, status == "ok", [f.id for f in steps], [f.wall_ns for f in steps],
                [f.nonfinite for f in steps], begin_ns, dur_ns,
            )  # fmt: skip
        elif graph not in self._moments and graph not in self._rested:
            self.limit.first(steps[0].id)
        kept = {
            at: place for place, at in enumerate(chosen)
        }  # step's position -> place in the blob
        blob, shift, held, head = chunk
        put = self._pending.append
        for at, fact in enumerate(steps):
            id, num, shape_set, t0, wall, rec, loss, nonfinite, freed, live0, note, looked, dev = (
                fact
            )
            place = kept.get(at)
            timed = place is not None or begin_ns is None
            device = codec.pack(np.asarray(dev), "<u4") if timed and dev is not None else None
            row = (
                id, kind, num, graph, shape_set, status, t0, wall, rec,
                None if loss is None or loss != loss else float(loss), int(nonfinite),
                blob if place == 0 else None, shift, None if freed is None else self._died(graph, freed),
                device, live0, None if note is None else clean(note), int(looked),
                held if place == 0 else 1, None if place is None else head, place, *parts[at],
            )  # fmt: skip
            put((_STEP, row))

    def add_plain(
        self,
        kind: str,
        graph: int,
        shape_set: int,
        steps: Plain,
        begin_ns: NDArray[np.int64],
        dur_ns: NDArray[np.int64],
    ) -> None:
        """Many steps of one graph and one set of shapes, of which nothing more is known than numbers.

        They ended well, were not looked at, and have no note and no device's times. What ``add_steps`` asks of each
        is not asked here: most steps of a training are such.
        """
        ids, nums, t0, wall, rec, losses, nonfinite, live0 = [column.tolist() for column in steps]
        dur_ns = np.maximum(dur_ns, 0)
        chosen, (blob, shift, held, head), parts = self._times(
            kind, graph, True, ids, wall, nonfinite, begin_ns, dur_ns
        )
        chunks: list[Any] = [None] * len(ids)
        places: list[Any] = [None] * len(ids)
        for place, at in enumerate(chosen):
            chunks[at], places[at] = head, place
        losses = [x if x == x else None for x in losses]
        rows = [
            *zip(ids, nums, t0, wall, rec, losses, nonfinite, live0, chunks, places, *zip(*parts, strict=True), strict=True)
        ]  # fmt: skip
        # The one that has the blob is an ordinary row.
        id, num, *times, loss, bad, live, _, _, a, b, c, d, e = rows.pop(chosen[0])
        self._put(
            _STEP, id, kind, num, graph, shape_set, "ok", *times, loss, bad, blob, shift, None, None, live, None, 0,
            held, head, 0, a, b, c, d, e,
        )  # fmt: skip
        self._put(_PLAIN, (kind, graph, shape_set, shift), rows)
        self._in_groups += len(rows)

    def _times(
        self, kind: str, graph: int, ok: bool, ids: list[int], walls: list[int], nonfinite: list[Any],
        begin_ns: NDArray[np.int64], dur_ns: NDArray[np.int64],
    ) -> tuple[list[int], Chunk, list[Any]]:  # fmt: skip
        """Take in the times of some steps: which of them stay, their blob, and the time in each phase."""
        first = graph not in self._moments and graph not in self._rested
        if first:
            self.limit.first(ids[0])
        parts = self._parts(graph, dur_ns)
        if ok:
            moments = self._moments.get(graph)
            if moments is None:
                moments = Moments(dur_ns.shape[1], graph in self._rested, ids[0])
                self._moments[graph] = moments
            moments.add(dur_ns)
        chosen = self._thin(kind, ids[-1], walls, nonfinite, first, not ok)
        if len(chosen) == len(ids):
            blob, shift = codec.pack_many(begin_ns, dur_ns)
        else:
            blob, shift = codec.pack_many(begin_ns[chosen], dur_ns[chosen])
        return chosen, (blob, shift, len(chosen), ids[chosen[0]]), parts

    def _parts(self, graph: int, dur_ns: NDArray[np.int64]) -> list[Any]:
        """Time in data, forward, backward, update and copies of each of these steps."""
        phases = self._phases.get(graph)
        if phases is None or len(phases) != dur_ns.shape[1]:
            return [(None,) * 5] * len(dur_ns)
        of_nodes = np.frombuffer(phases, np.int8)
        # Of numbers below 2**53 sums of floats are exact.
        if len(dur_ns) == 1:
            return [np.bincount(of_nodes, dur_ns[0], 5).astype(np.int64).tolist()]
        among = (of_nodes[:, None] == np.arange(5)) * 1.0
        sums: list[Any] = (dur_ns.astype(np.float64) @ among).astype(np.int64).tolist()
        return sums

    def add_device(
        self, step: int, device: str, start_ns: int, busy_ns: int, idle_ns: int, *pool: int
    ) -> None:
        """A device in a step; ``pool``: bytes used, reserved, at the peak, and of workspace."""
        row = (step, device, start_ns, busy_ns, idle_ns, *pool)
        self._put("INSERT OR REPLACE INTO devices VALUES (?,?,?,?,?,?,?,?,?)", *row)

    def add_alive(self, step: int, category: str, nbytes: int) -> None:
        """Bytes of one category that were alive when a step ended."""
        self._put("INSERT OR REPLACE INTO alive VALUES (?,?,?)", step, category, nbytes)

    def add_left(self, step: int, node: int, nbytes: int, seen: int) -> None:
        """Memory that a node of a step made was still there in step ``seen``."""
        self._put("INSERT OR REPLACE INTO survivors VALUES (?,?,?,?)", step, node, nbytes, seen)

    def _died(self, graph: int, freed: ArrayLike) -> bytes | None:
        died = codec.raw(np.asarray(freed, np.int32))
        if digest_of(died) == self._plans.get(graph):
            return None
        return zlib.compress(died, codec.LEVEL)

    def _thin(
        self, kind: str, last_id: int, walls: list[int], nonfinite: list[Any], first: bool, failed: bool
    ) -> list[int]:  # fmt: skip
        """Which of these steps keep their times. The last one does until the next, because that is
        the one a person looks at; that of the time before is forgotten unless it was one to be kept.
        """
        last = self._unsure.pop(kind, None)
        if last is not None:
            self._forget(last)
        thinning = self._thinning.setdefault(kind, Thinning())
        chosen = []
        keeps = False
        for at, (wall, bad) in enumerate(zip(walls, nonfinite, strict=True)):
            keeps = thinning.keeps(wall, failed or (first and at == 0), bool(bad))
            if keeps:
                chosen.append(at)
        if not keeps:
            chosen.append(len(walls) - 1)
            if len(chosen) == 1:
                self._unsure[kind] = last_id
        return chosen

    def _forget(self, id: int) -> None:
        for at in range(len(self._pending) - 1, max(-1, len(self._pending) - 64), -1):
            sql, row = self._pending[at]
            if sql is _STEP and row[0] == id:
                thinned = list(row)
                thinned[_COLUMNS_AT] = thinned[_DEV_AT] = thinned[_CHUNK_AT] = None
                self._pending[at] = (sql, tuple(thinned))
                return
        self._put(_FORGET, id)

    def add_values(self, step_id: int, entries: Iterable[tuple[int, str, Entry]]) -> None:
        """The statistics that were taken in a step: (value, "v" or "g", entry)."""
        self._put(_TENSORS, step_id, values.encode(entries))

    def commands_since(self, id: int) -> list[tuple[int, float, str, dict[str, Any], str]]:
        """The commands a dashboard left after ``id``, as (id, time, kind, data, status)."""
        sql = "SELECT id, time, kind, data, status FROM commands WHERE id > ? ORDER BY id"
        try:
            rows = self._db.execute(sql, (id,)).fetchall()
        except sqlite3.Error as error:
            raise TraceError(f"Cannot read commands from {self.path}: {error}.") from error
        return [(i, at, kind, _object(data), status) for i, at, kind, data, status in rows]

    # -- reaching the file ------------------------------------------------------------------------

    def commit(self) -> None:
        """Write everything that was added, in one transaction. Call it at least once a second:
        that is also what tells readers that the program is alive.

        Raises: TraceError when the disk is full or the file is gone. What was added stays, up to a
            limit, and the next commit tries again.
        """
        self.write(self.take())
        self.keep_within()

    @property
    def waiting(self) -> int:
        """How many rows were added and not taken to be written."""
        return len(self._pending) + self._in_groups

    def take(self) -> list[tuple[str, tuple[Any, ...]]]:
        """Everything that was added since the last time, for ``write``; another thread may add meanwhile."""
        now = time.monotonic()  # the clock on the wall may be set back
        if now - self._beat > 0.5:
            self._beat = now
            self._still_there()
            self.set_meta("heartbeat", f"{time.time():.3f}")
        for graph, moments in self._moments.items():
            if moments.goes_on:
                self._join_file(graph, moments)
            blob = moments.flush(now)
            if blob is not None:
                self._put("INSERT OR REPLACE INTO moments VALUES (?,?,?)", graph, moments.n, blob)
        held = sum([m.nodes for m in self._moments.values()])
        if held > MOMENTS:
            for graph in [g for g, m in self._moments.items() if m.n in (m.flushed, 1)][:-1]:
                rested = self._moments.pop(graph)
                held -= rested.nodes
                self._rested[graph] = rested.first
                if held <= MOMENTS // 2:
                    break
        items, self._pending, self._in_groups = self._pending, [], 0
        return items

    def _still_there(self) -> None:
        """SQLite goes on writing into a file that has no name any more."""
        try:
            here = os.stat(self.path)
        except OSError:
            here = None
        if self._file is not None and (here is None or (here.st_ino, here.st_dev) != self._file):
            raise TraceError(
                f"Cannot write to the trace: {self.path} is gone, deleted or replaced."
            )

    def _join_file(self, graph: int, moments: Moments) -> None:
        """Add what the file knows of a graph that was let go in between."""
        found = self._db.execute("SELECT n, data FROM moments WHERE graph = ?", (graph,)).fetchone()
        moments.goes_on = False
        first = self._rested.pop(graph, -1)
        if found is not None:
            moments.join(int(found[0]), *np.frombuffer(found[1], "<f8").reshape(4, -1))
        elif (alone := duration(self._db, first)) is not None:
            moments.add(alone)

    def write(self, taken: list[tuple[str, tuple[Any, ...]]]) -> None:
        """Put what was taken into the file. Raises: as ``commit``."""
        if not taken:
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                # Steps that have most in common lie together then; nothing depends on their order.
                taken.sort(key=_is_plain)
                for sql, items in groupby(taken, key=itemgetter(0)):
                    rows = [row for _, row in items]
                    if sql is _STEP:
                        for at in range(0, len(rows), MANY):
                            some = rows[at : at + MANY]
                            flat = [*chain.from_iterable(some)]
                            self._db.execute(_STEP + _ROW * (len(some) - 1), flat)
                    elif sql is _PLAIN:
                        self._write_plain(rows)
                    else:
                        self._db.executemany(sql, rows)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except (sqlite3.Error, OSError) as error:
            self._pending[:0] = taken
            self._in_groups += sum([len(row[1]) for sql, row in taken if sql is _PLAIN])
            self._beat = -1.0
            self._make_room()
            raise TraceError(f"Cannot write to the trace {self.path}: {error}.") from error

    def _write_plain(self, groups: list[tuple[Any, ...]]) -> None:
        for common, of_these in groupby(groups, key=itemgetter(0)):
            rows = [*chain.from_iterable([some for _, some in of_these])]
            at = 0
            while at < len(rows):
                many = min(MANY, 1 << (len(rows) - at).bit_length() - 1)
                flat = [*chain.from_iterable(rows[at : at + many]), *common]
                self._db.execute(_PLAINS[many], flat)
                at += many

    def keep_within(self, seconds: float = SECONDS) -> None:
        """Thin the file where it is larger than wanted. Raises: as ``commit``."""
        try:
            self.limit.keep(self._db, seconds)
            self._log.look()
        except (sqlite3.Error, OSError) as error:
            if "locked" not in str(error):  # somebody gives a command: later, then
                raise TraceError(f"Cannot write to the trace {self.path}: {error}.") from error

    def forget(self, graphs: Iterable[int]) -> set[int]:
        """Graphs that leave the file: all but those of steps that wait. Who writes a step of one adds it again."""
        gone = set(graphs) - {row[3] for sql, row in self._pending if sql is _STEP}
        gone -= {row[0][1] for sql, row in self._pending if sql is _PLAIN}
        for table in (self._nodes, self._plans, self._phases, self._moments, self._rested):
            for graph in gone:
                table.pop(graph, None)
        return gone

    def _make_room(self) -> None:
        """While nothing can be written, give up steps and values, never the dictionary."""
        if self.waiting <= PENDING_LIMIT:
            return
        steps = [
            1 if sql is _STEP else len(row[1])
            for sql, row in self._pending
            if sql in (_STEP, _PLAIN)
        ]
        self._dropped += sum(steps)
        self._pending = [item for item in self._pending if item[0] not in _LOSABLE]
        self._pending, self._in_groups = self._pending[-PENDING_LIMIT:], 0
        self._unsure.clear()
        self.set_meta("dropped_steps", self._dropped)

    def close(self, state: str = "finished", error: str | None = None) -> None:
        """Write the rest and leave one plain file, which opens from a read-only folder too."""
        if self._closed:
            return
        self._closed = True
        for m in self._moments.values():
            m.flushed_at = 0.0
        self.set_meta("state", state)
        self.set_meta("ended", f"{time.time():.3f}")
        if error is not None:
            self.set_meta("error", error)
        try:
            self._still_there()
            self.commit()
            self.limit.close()
            self._log.close()
            try:
                # Refused while someone reads; then the -wal file stays, which is as good.
                self._db.execute("PRAGMA busy_timeout=50")
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._db.execute("PRAGMA journal_mode=DELETE")
            except sqlite3.Error:
                pass
        finally:
            self._db.close()

    def last_words(self, facts: Mapping[str, Any]) -> bool:
        """Put these into the meta table (None: not) though nothing else can be written; whether they are there.

        What was added and not written is given up: on a full disk there may be room for a page or two.
        """
        self._pending, self._in_groups = [], 0
        rows = [(key, clean(str(value))) for key, value in facts.items() if value is not None]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?,?)", rows)
            self._db.execute("COMMIT")
        except (sqlite3.Error, OSError):
            with suppress(sqlite3.Error):
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
            return False
        return True

    def abandon(self) -> None:
        """Let go of the file as a killed program would: with what was committed, and no end."""
        self._closed = True
        self._db.close()

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self.close("failed" if error else "finished", None if error is None else repr(error))


def _is_plain(item: tuple[str, tuple[Any, ...]]) -> bool:
    return item[0] is _PLAIN


def _fit(column: ArrayLike, n: int, hold: bool = False) -> NDArray[np.int64]:
    """A column of exactly ``n`` entries; ops that a broken step never reached took no time."""
    array = np.asarray(column, np.int64)[: n or None]
    if len(array) == n or n == 0:
        return array
    last = array[-1] if hold and len(array) else 0
    return np.concatenate([array, np.full(n - len(array), last, np.int64)])


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
