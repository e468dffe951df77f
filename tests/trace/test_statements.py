"""Rows that wait are put into the file in few statements, each table's in their order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from graphscope.trace import schema
from graphscope.trace.statements import FORGET, execute

SCALAR = "INSERT INTO scalars (tag, step, value, wall_ns) VALUES (?,?,?,?)"
META = "INSERT OR REPLACE INTO meta VALUES (?,?)"
STRING = "INSERT OR REPLACE INTO strings VALUES (?,?)"


class Said(sqlite3.Connection):
    """Notes what it is told."""

    heads: list[str]

    def execute(self, sql: str, *given: Any) -> sqlite3.Cursor:
        self.heads.append(sql.split(" VALUES")[0])
        return super().execute(sql, *given)


@pytest.fixture
def db() -> Iterator[Said]:
    db = sqlite3.connect(":memory:", factory=Said)
    db.heads = []
    db.executescript(schema.SQL)
    yield db
    db.close()


@pytest.mark.parametrize("many", [1, 3, 15, 300, 600])
def test_rows_come_in_their_order_and_few_statements(db: Said, many: int) -> None:
    taken = []
    for k in range(many):
        taken += [
            (SCALAR, ("loss", k, k / 2, 0)),
            (META, ("steps", str(k))),
            (STRING, (k, f"s{k}")),
        ]
    execute(db, taken, -1)
    found = [*super(Said, db).execute("SELECT id, step, value FROM scalars ORDER BY id")]
    assert found == [(k + 1, k, k / 2) for k in range(many)]
    assert [*super(Said, db).execute("SELECT value FROM meta")] == [(str(many - 1),)]
    assert super(Said, db).execute("SELECT count(*) FROM strings").fetchone() == (many,)
    # 600: 256, 256, 64, 16, 4 and 4 rows at once; of each of three tables
    each = {1: 1, 3: 3, 15: 6, 300: 6, 600: 6}[many]
    assert len(db.heads) == 3 * each
    # what others refer to comes first
    assert db.heads[0].endswith("meta") and db.heads[-1].split(" (")[0].endswith("scalars")


def test_a_statement_that_asks_for_rows_comes_behind_those_before_it(db: Said) -> None:
    asks = "INSERT INTO tensors (step, data) SELECT ?, ? WHERE EXISTS (SELECT 1 FROM strings WHERE id = ?)"
    drops = "DELETE FROM strings WHERE id = ?"
    taken = [
        (STRING, (7, "a")), (asks, (1, b"x", 7)), (drops, (7,)), (asks, (2, b"y", 7)), (STRING, (7, "b")),
        (asks, (3, b"z", 7)), (FORGET, (9,)),
    ]  # fmt: skip
    execute(db, taken, -1)
    assert [*super(Said, db).execute("SELECT step FROM tensors")] == [(1,), (3,)]
    assert [*super(Said, db).execute("SELECT text FROM strings")] == [("b",)]
