"""How rows that the writer holds are put into the file: many in one statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

from graphscope.trace import squeezed, stretches
from graphscope.trace.describer import GRAPH, MEDIA, NAMES, PLAN, SHAPES

STEP = f"INSERT OR REPLACE INTO steps VALUES ({','.join('?' * 26)})"
# Of many rows in one statement: at every row that it inserts sqlite3 lets go of Python's lock and takes it
# again, and a training loop that wants the lock too pays for each of these turns more than for the row.
MANY = 256
_ROW = "," + STEP[STEP.index("(") :]
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
    # Steps that have most in common lie together then; nothing depends on their order.
    taken.sort(key=_is_plain)
    for sql, items in groupby(taken, key=itemgetter(0)):
        rows = [row for _, row in items]
        if sql is STEP:
            for at in range(0, len(rows), MANY):
                some = rows[at : at + MANY]
                flat = [*chain.from_iterable(some)]
                db.execute(STEP + _ROW * (len(some) - 1), flat)
        elif sql is PLAIN:
            _execute_plain(db, rows)
        elif sql is STRETCH:
            for kind, parts in rows:
                made = stretches.rows_of(kind, parts)
                db.executemany(stretches.INSERT, [row for row in made if row[0] > thinned])
        else:
            db.executemany(sql, _PACKED[sql](rows) if sql in _PACKED else rows)


def _graphs(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    made = squeezed.structures([row[6:10] for row in rows])
    return [
        (*row[:6], blob, b"", b"", b"", squeezed.column(row[10]), squeezed.plan(row[11]))
        for row, blob in zip(rows, made, strict=True)
    ]


_PACKED: dict[str, Callable[[list[tuple[Any, ...]]], list[tuple[Any, ...]]]] = {
    GRAPH: _graphs,
    NAMES: lambda rows: [(squeezed.column(names), graph) for names, graph in rows],
    PLAN: lambda rows: [(squeezed.plan(plan), graph) for plan, graph in rows],
    SHAPES: lambda rows: [(id, graph, squeezed.column(specs)) for id, graph, specs in rows],
}


def _execute_plain(db: sqlite3.Connection, groups: list[tuple[Any, ...]]) -> None:
    for common, of_these in groupby(groups, key=itemgetter(0)):
        rows = [*chain.from_iterable([some for _, some in of_these])]
        for at in range(0, len(rows), MANY):
            some = rows[at : at + MANY]
            some += [some[-1]] * (-len(some) % EIGHT)
            db.execute(_PLAINS[len(some)], [*chain.from_iterable(some), *common])


def _is_plain(item: tuple[str, tuple[Any, ...]]) -> bool:
    return item[0] is PLAIN
