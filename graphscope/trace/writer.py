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
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from graphscope.errors import TraceError
from graphscope.trace import schema, values
from graphscope.trace.alive import mark
from graphscope.trace.checkpoint import MOST, Checkpoints
from graphscope.trace.describer import clean
from graphscope.trace.limit import SECONDS, Limit
from graphscope.trace.records import Entry
from graphscope.trace.statements import LOSABLE, PLAIN, STEP, TENSORS, execute
from graphscope.trace.stepping import Facts as Facts
from graphscope.trace.stepping import Plain as Plain
from graphscope.trace.stepping import Stepping
from graphscope.trace.stretches import Gathered
from graphscope.trace.thinning import Moments, Thinning, duration

MOMENTS = 100_000  # nodes whose moments are held
PENDING_LIMIT = 10_000  # rows that may wait while the disk is full


def connect(path: Path) -> sqlite3.Connection:
    """A connection that may write, for the writer itself and for whoever gives it a command."""
    connection = sqlite3.connect(
        path, timeout=5.0, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        connection.execute("PRAGMA synchronous=NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


class TraceWriter(Stepping):
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
        self._rested: dict[int, int] = {}
        self._thinning: dict[str, Thinning] = {}
        self._unsure: dict[str, int] = {}
        self._gathered = Gathered()
        self._files: set[str] = set()
        self._beat = self._sized = -1.0
        self._file: tuple[int, int] | None = None
        self._in_groups = 0
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
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                script = f"BEGIN;{schema.SQL};PRAGMA user_version={schema.FORMAT};COMMIT"
                self._db.executescript(script)
                self._db.execute(f"PRAGMA wal_autocheckpoint={MOST}")
            except BaseException:
                self._db.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise TraceError(f"Cannot write a trace to {self.path}: {error}.") from error
        for key, value in facts.items():
            self.set_meta(key, value)
        self.commit()
        made = os.stat(self.path)
        self._file = made.st_ino, made.st_dev

    def _put(self, sql: str, *row: Any) -> None:
        self._pending.append((sql, row))

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

    def add_values(self, step_id: int, entries: Iterable[tuple[int, str, Entry]]) -> None:
        """The statistics that were taken in a step: (value, "v" or "g", entry)."""
        self._put(TENSORS, step_id, values.encode(entries))

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
                execute(self._db, taken, self.limit.upto)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except (sqlite3.Error, OSError) as error:
            self._pending[:0] = taken
            self._in_groups += sum([len(row[1]) for sql, row in taken if sql is PLAIN])
            self._beat = -1.0
            self._make_room()
            raise TraceError(f"Cannot write to the trace {self.path}: {error}.") from error

    def keep_within(self, seconds: float = SECONDS) -> None:
        """Thin the file where it is larger than wanted. Raises: as ``commit``.

        The size is looked up twice a second, unless the limit is near: each time takes Python's lock from the program.
        """
        now = time.monotonic()
        try:
            if now - self._sized > 0.5 or self.limit.is_near:
                self._sized = now
                self.limit.keep(self._db, seconds)
            self._log.look()
        except (sqlite3.Error, OSError) as error:
            if "locked" not in str(error):  # somebody gives a command: later, then
                raise TraceError(f"Cannot write to the trace {self.path}: {error}.") from error

    def forget(self, graphs: Iterable[int]) -> set[int]:
        """Graphs that leave the file: all but those of steps that wait. Who writes a step of one adds it again."""
        gone = set(graphs) - {row[3] for sql, row in self._pending if sql is STEP}
        gone -= {row[0][1] for sql, row in self._pending if sql is PLAIN}
        for table in (self._nodes, self._plans, self._phases, self._moments, self._rested):
            for graph in gone:
                table.pop(graph, None)
        return gone

    def _make_room(self) -> None:
        """While nothing can be written, give up steps and values, never the dictionary."""
        if self.waiting <= PENDING_LIMIT:
            return
        steps = [
            1 if sql is STEP else len(row[1]) for sql, row in self._pending if sql in (STEP, PLAIN)
        ]
        self._dropped += sum(steps)
        self._pending = [item for item in self._pending if item[0] not in LOSABLE]
        self._pending, self._in_groups = self._pending[-PENDING_LIMIT:], 0
        self._unsure.clear()
        self._gathered.clear()
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
        for _ in range(2):
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?,?)", rows)
                self._db.execute("COMMIT")
                return True
            except (sqlite3.Error, OSError):
                with suppress(sqlite3.Error):
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                with suppress(sqlite3.Error):  # the log may be full to its last page: once it is
                    self._db.execute(
                        "PRAGMA wal_checkpoint(TRUNCATE)"
                    )  # in the file it begins anew
        return False

    def abandon(self) -> None:
        """Let go of the file as a killed program would: with what was committed, and no end."""
        self._closed = True
        self._db.close()

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self.close("failed" if error else "finished", None if error is None else repr(error))


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
