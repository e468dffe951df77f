"""A stated size: where a trace comes near it, every second of the oldest half of everything that grows goes.

So the newest part is whole, and what is older lies evenly over the rest of the run: a week fits into the file
of an hour. Small pieces go, each in one transaction: a program that is killed meanwhile leaves a file
that is whole, and a dashboard that sends a command waits no longer than for one of them. What says something
stays: the first and the last step of each kind, the first of a graph, failed ones, those with findings or
numbers that are not finite. Only where that does not free enough it is thinned too, and the graphs of which
no step is left go with it; a trainer of ever new graphs fills its file with them alone.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from graphscope.errors import UsageError
from graphscope.trace import stretches
from graphscope.trace.survey import RANGE, Found, Survey, pieces
from graphscope.trace.thinned import COUNTED
from graphscope.units import bytes_

DEFAULT = 1 << 30
LEAST = 1 << 18  # an empty trace and the text of a program's files take some of it
HIGH, LOW = 0.9, 0.75  # of the limit: where thinning begins, and ends
CHUNK = 1_024  # steps whose times may stand together lie at most so far apart (record.steady: 256)
PAGE = 4_096  # bytes
GRAPHS, GRAPHS_OF = 500, 20_000  # graphs that go at once; steps of which they are looked up at once
QUICK = 1 << 26  # bytes; a limit below it may be filled within a second
LATE = 40_000  # steps that may be written later than others with larger ids
SECONDS = 0.05  # for thinning after one writing, as long as the file is below its limit
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


def size(given: Any, name: str = "profile: max_size") -> int | None:
    """Bytes of ``1073741824``, ``"1 GiB"``, ``"300 MB"`` (all units are powers of 1024); None: no limit.

    Raises: UsageError for what is no size, or too small for a trace.

    >>> size("1 GiB"), size("1.5mb"), size(None)
    (1073741824, 1572864, None)
    """
    if given is None:
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", str(given), re.ASCII | re.I)
    if found is None or isinstance(given, bool):
        raise UsageError(f'{name}={given!r} is no size; try "1 GiB", "300 MB" or None')
    wanted = int(float(found[1]) * (1 << _UNITS[found[2].upper()]))
    if wanted < LEAST:
        raise UsageError(f"{name}={given!r} is too small; a trace needs {bytes_(LEAST)} or more")
    return wanted


class Limit:
    """Keeps the file of a trace within ``size`` bytes (and what one writing adds)."""

    def __init__(self, size: int | None, path: Path) -> None:
        self.size, self.path = size, path
        self._survey: Survey | None = None
        self.is_near = size is not None
        """Whether the next writings may fill it."""
        self.firsts: list[int] = []  # ids of the first steps of graphs, rising
        self.told: dict[str, Any] = dict.fromkeys(COUNTED, 0)
        self.let_go: Callable[[list[int]], list[int]] = lambda graphs: []
        """Asked before graphs go; returns those that nobody needs any more."""
        self._round: Iterator[None] | None = None
        self._level = 1
        self.upto = -1
        """The largest id of a step that was thinned, or whose times were."""
        self._freed = 0  # bytes in this round
        self._rest = 0  # nothing is tried below so many bytes, since nothing was found to thin

    def keep(self, db: sqlite3.Connection, seconds: float = SECONDS) -> None:
        """Thin the file where it is too large; goes on at the next call where time is up."""
        if self.size is None:
            return
        if self._round is None and self._is_small():
            return
        self.is_near = True
        used, size = _sizes(db)
        if self._round is None and used <= max(HIGH * self.size, self._rest):
            return
        until = time.monotonic() + seconds
        try:
            self._thin(db, used, size, until)
        except BaseException:
            self._round = None
            raise

    def _is_small(self) -> bool:
        """Whether file and log together are below what may be used, which costs less than asking SQLite."""
        assert self.size is not None
        try:
            held = sum(os.stat(f"{self.path}{end}").st_size for end in ("", "-wal"))
        except OSError:
            return False
        self.is_near = self.size < QUICK or held > self.size / 2
        return held <= HIGH * self.size

    def _thin(self, db: sqlite3.Connection, used: int, size: int, until: float) -> None:
        """Piece by piece until enough is free, or time is up; ``size`` is the file's."""
        assert self.size is not None
        while used > LOW * self.size:
            if self._round is None:
                found = self._surveyed(until if size < self.size else None)
                if found is None:
                    return
                self._freed, self._round = 0, self._pieces(db, found, self._level)
            over = next(self._round, 0) == 0
            before, (used, size) = used, _sizes(db)
            self._freed += before - used
            if over:
                self._round = None
                if self._freed > 0.02 * self.size:
                    self._level = 1
                elif self._level == 1:
                    self._level = 2
                else:
                    self._level, self._rest = 1, used + self.size // 50
                    return
            if time.monotonic() > until and size < self.size:
                return
        self._round, self._level, self._rest = None, 1, 0

    def _surveyed(self, until: float | None) -> Found | None:
        """What the survey found; None where it is not through by then."""
        survey = self._survey = self._survey or Survey(self.path)
        survey.join(None if until is None else max(until - time.monotonic(), 0.0))
        if survey.is_alive():
            return None
        self._survey = None
        return survey.found

    def close(self) -> None:
        """Nothing reads the file any more."""
        if self._survey is not None:
            self._survey.join()

    def _pieces(self, db: sqlite3.Connection, found: Found, level: int) -> Iterator[None]:
        """Each turn thins a piece of the oldest half of a table."""
        db.execute("PRAGMA temp_store=MEMORY")
        for name in ("stays", "goes"):
            db.execute(f"CREATE TEMP TABLE IF NOT EXISTS {name} (id INTEGER PRIMARY KEY)")
        for table, (end, widths, at) in found.items():
            for low, high in pieces(db, table, end):
                with _transaction(db):
                    if table == "steps":
                        self._steps(db, low, high, level, widths)
                    else:
                        self._tagged(db, table, low, high, level, f"{at} / {widths[0]}")
                    self._tell(db)
                yield
        if level == 2:
            yield from self._graphs(db)

    def _steps(
        self, db: sqlite3.Connection, low: int, high: int, level: int, widths: list[int]
    ) -> None:
        do, far = db.execute, high + CHUNK
        of_rows, of_times, of_values = widths
        do("DELETE FROM stays")
        do(
            f"INSERT INTO stays SELECT id FROM steps WHERE {RANGE} AND"
            " (status = 'paused' OR num IN (SELECT step FROM findings)"
            " OR (? AND (status != 'ok' OR nonfinite OR note IS NOT NULL)))",
            (low, far, level == 1),
        )
        if level == 1:
            begin, end = bisect_right(self.firsts, low), bisect_right(self.firsts, far)
            firsts = [(id,) for id in self.firsts[begin:end]]
            db.executemany("INSERT OR IGNORE INTO stays VALUES (?)", firsts)
        for (kind,) in do("SELECT DISTINCT kind FROM steps WHERE id > ? AND id <= ?", (low, far)):
            for end_of in ("ASC", "DESC"):
                do(
                    "INSERT OR IGNORE INTO stays SELECT id FROM (SELECT id FROM steps WHERE kind = ?"
                    f" ORDER BY num {end_of} LIMIT 1)",
                    (kind,),
                )
        # Statistics: a step of which they are taken stays as long as they do.
        self._choose(
            db,
            f"SELECT step AS id, row_number() OVER (PARTITION BY step / {of_values}) AS r FROM tensors"
            " WHERE step > ? AND step <= ? AND step NOT IN stays",
            low,
            high,
        )
        self.told["values"] += do("DELETE FROM tensors WHERE step IN goes").rowcount
        # Times: those of many steps stand in the row of the first, and go together.
        self._choose(
            db,
            f"SELECT id, row_number() OVER (PARTITION BY id / {of_times}) AS r FROM steps"
            f" WHERE {RANGE} AND columns IS NOT NULL"
            " AND id NOT IN (SELECT chunk FROM steps WHERE id IN stays AND chunk IS NOT NULL)",
            low,
            high,
        )
        self.told["times"] += do(
            "UPDATE steps SET chunk = NULL, place = NULL, columns = NULL, dev = NULL, held = 1"
            f" WHERE {RANGE} AND chunk IN goes",
            (low, far),
        ).rowcount
        # The steps themselves.
        self._choose(
            db,
            f"SELECT id, row_number() OVER (PARTITION BY kind, num / {of_rows}) AS r FROM steps"
            f" WHERE {RANGE} AND columns IS NULL AND id NOT IN stays AND id NOT IN (SELECT step FROM tensors WHERE step > ? AND step <= ?)",
            low,
            high,
            low,
            high,
        )
        for table in ("devices", "survivors", "alive"):
            do(f"DELETE FROM {table} WHERE step IN goes")
        self.told["steps"] += self._rewrite(db, "steps", low, high)
        self.upto = max(self.upto, far)
        stretches.renew(db, low, high, far)
        # By the index on kind and num SQLite would go through all later steps.
        newest = f"SELECT max(num) FROM steps NOT INDEXED WHERE {RANGE} AND kind = 'train'"
        last = do(newest, (low, high)).fetchone()
        self.told["before_step"] = max(self.told.get("before_step", 0), last[0] or 0)

    def _tagged(
        self, db: sqlite3.Connection, table: str, low: int, high: int, level: int, bucket: str
    ) -> None:
        """Of each tag; its first and its last one stay."""
        keeps = ""
        if table == "scalars":
            later = "EXISTS (SELECT 1 FROM scalars b WHERE b.tag = a.tag AND b.id > a.id)"
            if level == 1:
                keeps = " AND value - value = 0"  # NULL for NaN and infinities
        else:
            later = f"id NOT IN (SELECT max(id) FROM {table} GROUP BY tag)"
            keeps = " AND kind != 'hparams'" if table == "media" else ""
        self._choose(
            db,
            f"SELECT id, row_number() OVER (PARTITION BY tag, {bucket}) AS r FROM {table} a"
            f" WHERE {RANGE} AND {later}{keeps}",
            low,
            high,
        )
        self.told[table] += self._rewrite(db, table, low, high)

    def _choose(self, db: sqlite3.Connection, select: str, *args: int) -> None:
        db.execute("DELETE FROM goes")
        db.execute(f"INSERT INTO goes SELECT id FROM ({select}) WHERE r > 1", args)

    def _rewrite(self, db: sqlite3.Connection, table: str, low: int, high: int) -> int:
        """Without the rows that go. In place SQLite would leave half empty pages, which nothing can use.

        A picture has pages of its own.
        """
        many: int = db.execute("SELECT count(*) FROM goes").fetchone()[0]
        if many:
            where = f"WHERE {RANGE}"
            if table == "media":
                where += f" AND length(data) < {PAGE}"
                db.execute(f"DELETE FROM media WHERE id IN goes AND length(data) >= {PAGE}")
            db.execute(
                f"CREATE TEMP TABLE rest AS SELECT * FROM main.{table} {where} AND id NOT IN goes",
                (low, high),
            )
            db.execute(f"DELETE FROM main.{table} {where}", (low, high))
            db.execute(f"INSERT INTO main.{table} SELECT * FROM temp.rest ORDER BY id")
            db.execute("DROP TABLE temp.rest")
        return many

    def _graphs(self, db: sqlite3.Connection) -> Iterator[None]:
        """Graphs of which no step is left go, with all that is about them."""
        db.execute("CREATE TEMP TABLE IF NOT EXISTS used (id INTEGER PRIMARY KEY)")
        db.execute("DELETE FROM used")
        use = f"INSERT OR IGNORE INTO used SELECT DISTINCT graph FROM steps WHERE {RANGE}"
        newest = db.execute("SELECT max(id) FROM steps").fetchone()[0] or 0
        for low in range(-1, newest, GRAPHS_OF):
            db.execute(use, (low, low + GRAPHS_OF))
            yield
        last = -1
        while True:
            with _transaction(db):
                # Steps have come meanwhile, of two kinds out of turn.
                db.execute(use, (newest - LATE, 1 << 62))
                newest = db.execute("SELECT max(id) FROM steps").fetchone()[0] or 0
                rows = db.execute(
                    "SELECT id FROM graphs WHERE id > ? AND id NOT IN used ORDER BY id LIMIT ?", (last, GRAPHS)
                ).fetchall()  # fmt: skip
                if not rows:
                    return
                last = rows[-1][0]
                self._forget(db, self.let_go([id for (id,) in rows]))
                self._tell(db)
            yield

    def _forget(self, db: sqlite3.Connection, gone: list[int]) -> None:
        db.execute("DELETE FROM goes")
        db.executemany("INSERT INTO goes VALUES (?)", [(id,) for id in gone])
        of_graphs = "SELECT id FROM shape_sets WHERE graph IN goes"
        db.execute(f"DELETE FROM costs WHERE shape_set IN ({of_graphs})")
        for table, column in (
            ("shape_sets", "graph"),
            ("moments", "graph"),
            ("facts", "graph"),
            ("graphs", "id"),
        ):
            db.execute(f"DELETE FROM {table} WHERE {column} IN goes")
        self.told["graphs"] += len(gone)

    def _tell(self, db: sqlite3.Connection) -> None:
        self.told.setdefault("since", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        self.told["limit"] = self.size
        db.execute("INSERT OR REPLACE INTO meta VALUES ('thinned', ?)", (json.dumps(self.told),))

    def first(self, id: int) -> None:
        """A step is the first one of its graph."""
        if not self.firsts or id > self.firsts[-1]:
            self.firsts.append(id)
        else:  # steps of two kinds may come out of turn
            self.firsts.insert(bisect_left(self.firsts, id), id)


class _transaction:
    """All or nothing."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def __enter__(self) -> None:
        self.db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self.db.execute("COMMIT")
        elif self.db.in_transaction:
            self.db.execute("ROLLBACK")


def _sizes(db: sqlite3.Connection) -> tuple[int, int]:
    """Bytes in use, and of the file."""
    pages, unused, page = (
        db.execute(f"PRAGMA {what}").fetchone()[0]
        for what in ("page_count", "freelist_count", "page_size")
    )
    return (pages - unused) * page, pages * page
