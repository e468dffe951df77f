"""What is intact of a file that was cut off, as a trace that is whole and shorter.

A disk that was full, a copy that was broken off: SQLite answers such a file's questions until one of them touches what
is gone, and most do, since the newest rows are gone. So the rows that can be read are read once, in the order in which
they were written, and every question is put to them.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from typing import Any

from graphscope.trace import schema

MOST = 64 << 20  # bytes of rows that are held in memory; what comes after them is left out

# The numbers of steps stand in the rows too, and of a stretch some rows may be gone.
_TABLES = [t for t in re.findall(r"CREATE TABLE (\w+)", schema.SQL) if t != "stretches"]
# A row that needs one that is gone is gone as well.
_ORPHANS = """
DELETE FROM shape_sets WHERE graph NOT IN (SELECT id FROM graphs);
DELETE FROM steps WHERE graph NOT IN (SELECT id FROM graphs) OR shape_set NOT IN (SELECT id FROM shape_sets);
DELETE FROM steps WHERE chunk NOT IN (SELECT id FROM steps);
DELETE FROM tensors WHERE step NOT IN (SELECT id FROM steps);
"""
_ERRORS = (sqlite3.Error, UnicodeError)


def intact(damaged: sqlite3.Connection) -> sqlite3.Connection:
    """A connection to the rows of a damaged trace that can be read; it says of itself what ``damaged`` says."""
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    copy.text_factory = damaged.text_factory
    try:
        _fill(copy, damaged)
    except BaseException:
        copy.close()
        raise
    return copy


def _fill(copy: sqlite3.Connection, damaged: sqlite3.Connection) -> None:
    copy.executescript(schema.SQL)
    room = MOST
    for table in _TABLES:
        columns = [c for c in _columns(copy, table) if c in _columns(damaged, table)]
        if not columns:
            continue
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        copy.execute("BEGIN")
        for row in _readable(damaged, f"SELECT {names} FROM {table}"):
            copy.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", row)
            room -= sum(len(cell) if isinstance(cell, (bytes, str)) else 8 for cell in row)
            if room < 0:
                break
        copy.execute("COMMIT")
    copy.executescript(_ORPHANS)
    copy.execute("PRAGMA writable_schema=ON")  # see ``format.is_salvaged``


def _columns(db: sqlite3.Connection, table: str) -> list[str]:
    try:
        return [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]
    except _ERRORS:
        return []


def _readable(db: sqlite3.Connection, sql: str) -> Iterator[tuple[Any, ...]]:
    try:
        yield from db.execute(sql)
    except _ERRORS:
        return
