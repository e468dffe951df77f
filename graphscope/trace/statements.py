"""How rows that the writer holds are put into the file: many in one statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import cache
from itertools import chain, groupby
from operator import itemgetter
from re import findall, search
from typing import Any

from graphscope.trace import schema, squeezed, stretches
from graphscope.trace.describer import GRAPH, LARGE_GRAPH, LARGE_SHAPES, MEDIA, NAMES, PLAN, SHAPES

STEP = f"INSERT OR REPLACE INTO steps VALUES ({','.join('?' * 26)})"
# Of many rows in one statement: at every row that it inserts sqlite3 lets go of Python's lock and takes it
# again, and a training loop that wants the lock too pays for each of these turns more than for the row.
MANY = 256
_SIZES = (MANY, 64, 16, 4, 1)  # few, so that there are few statements and SQLite keeps them
# Of many rows that have most of their columns in common: (kind, graph, shape set, shift) stand once behind the others.
PLAIN = "many steps"
# Columns of many steps at once, which are packed when they are written.
STRETCH = "a stretch of steps"
_VARY = 15
_HEAD = (
    "INSERT OR REPLACE INTO steps SELECT column1, k, column2, g, s, 'ok', column3, column4, column5, column6, column7,"
    " NULL, h, NULL, NULL, column8, NULL, 0, 1, column9, column10, column11, column12, column13, column14, column15"
    " FROM (VALUES "
)
_TAIL = "), (SELECT ? AS k, ? AS g, ? AS s, ? AS h)"
_MARKS = f"({','.join('?' * _VARY)})"
# By the number of rows: eights, so that there are few statements and SQLite keeps them. The last row fills up what is
# left of one: to write it again changes nothing, and costs less than a statement more.
EIGHT = 8
_PLAINS = {n: _HEAD + ",".join([_MARKS] * n) + _TAIL for n in range(EIGHT, MANY + 1, EIGHT)}
# Positions in a steps row.
COLUMNS_AT, DEV_AT, HELD_AT, CHUNK_AT, PLACE_AT = 11, 14, 18, 19, 20
FORGET = "UPDATE steps SET chunk = NULL, columns = NULL, dev = NULL WHERE id = ?"
TENSORS = "INSERT OR REPLACE INTO tensors VALUES (?,?)"
LOSABLE = (STEP, PLAIN, STRETCH, TENSORS, FORGET, MEDIA)


Taken = list[tuple[str, tuple[Any, ...]]]
"""Statements, and a row for each."""


def execute(db: sqlite3.Connection, taken: Taken, thinned: int) -> None:
    """Put rows into the file, within a transaction of the caller's.

    thinned: the id up to which steps were thinned: no stretch repeats any of them.
    """
    at = 0
    for k, (sql, row) in enumerate(taken):
        if "SELECT" in sql:  # it asks for what was put before it
            _execute_alike(db, taken[at:k], thinned)
            db.execute(sql, row)
            at = k + 1
    _execute_alike(db, taken[at:], thinned)


def _execute_alike(db: sqlite3.Connection, taken: Taken, thinned: int) -> None:
    """The same of rows of which none asks for another: those of a table lie together then, in their order."""
    for sql, items in groupby(sorted(taken, key=_table), key=itemgetter(0)):
        rows = [row for _, row in items]
        if sql is PLAIN:
            _execute_plain(db, rows)
        elif sql is STRETCH:
            for kind, parts in rows:
                made = stretches.rows_of(kind, parts)
                _execute_rows(db, stretches.INSERT, [row for row in made if row[0] > thinned])
        else:
            if sql in _PACKED:
                sql, pack = _PACKED[sql]
                rows = [pack(*row) for row in rows]
            _execute_rows(db, sql, rows)


def _execute_rows(db: sqlite3.Connection, sql: str, rows: list[tuple[Any, ...]]) -> None:
    """A statement of one row each, as few times as may be."""
    marks = _of_one_row(sql)
    if marks is None:
        db.executemany(sql, rows)
        return
    at = 0
    for size in _SIZES:
        while len(rows) - at >= size:
            some = rows[at : at + size]
            db.execute(sql + marks * (size - 1), [*chain.from_iterable(some)])
            at += size


@cache
def _of_one_row(sql: str) -> str | None:
    """What to add to a statement for one row more; None: it is no plain insertion."""
    found = search(r"^INSERT [^?]* VALUES (\(\?(?:,\?)*\))$", sql)
    return None if found is None else f",{found[1]}"


_PACKED: dict[str, tuple[str, Callable[..., tuple[Any, ...]]]] = {
    LARGE_GRAPH: (GRAPH, lambda *row: (*row[:6], squeezed.structure(row[6:]), *[b""] * 5)),
    LARGE_SHAPES: (SHAPES, lambda id, graph, *columns: (id, graph, squeezed.shapes(*columns))),
    NAMES: (NAMES, lambda names, graph: (squeezed.column(names), graph)),
    PLAN: (PLAN, lambda plan, graph: (squeezed.plan(plan), graph)),
}


def _execute_plain(db: sqlite3.Connection, groups: list[tuple[Any, ...]]) -> None:
    for common, of_these in groupby(groups, key=itemgetter(0)):
        rows = [*chain.from_iterable([some for _, some in of_these])]
        for at in range(0, len(rows), MANY):
            some = rows[at : at + MANY]
            some += [some[-1]] * (-len(some) % EIGHT)
            db.execute(_PLAINS[len(some)], [*chain.from_iterable(some), *common])


_OTHERS = {STRETCH: "stretches", LARGE_GRAPH: "graphs", LARGE_SHAPES: "shape_sets"}
_TABLES = findall(r"CREATE TABLE (\w+)", schema.SQL)


def _table(item: tuple[str, tuple[Any, ...]]) -> float:
    """The place of the table that a statement changes: what others refer to comes first, also into the file.

    Steps that have most in common come behind those by themselves.
    """
    return _place(item[0])


@cache
def _place(sql: str) -> float:
    if sql is PLAIN:
        return _place(STEP) + 0.5
    found = search(r"(?:INTO|UPDATE|FROM) (\w+)", sql)
    return _TABLES.index(found[1] if found else _OTHERS[sql])
