"""What there is to thin in a trace: the oldest half of each table in pieces, and how dense it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

PIECE = 4_000  # rows looked at in one transaction
BYTES = 2 << 20  # of pictures looked at in one transaction
RANGE = "id > ? AND id <= ?"
# By table: the last id of its oldest half, the widths of stretches of which one row stays, and the column in
# which they are measured.
Found = dict[str, tuple[int, list[int], str]]


class Survey(Thread):
    """Where the oldest half of each table ends and how dense it is, looked up beside the writing.

    It reads all of a file that may be large: whoever waited for it would lose that much if the program was killed.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(name="graphscope-survey", daemon=True)
        self.path = path
        self.found: Found = {}
        self.start()

    def run(self) -> None:
        """Nothing is found where the file cannot be read: the writer will say so."""
        try:
            db = sqlite3.connect(self.path, isolation_level=None)
            try:
                for table in ("steps", "scalars", "texts", "media"):
                    end = _middle(db, table)
                    if table == "steps":
                        at, widths = "num", _widths_of_steps(db, end)
                    else:
                        at = "wall_ns" if _spread(db, table, end) else "id"
                        widths = [_width(db, f"{table} WHERE id <= {end}", at, "tag")]
                    self.found[table] = end, widths, at
            finally:
                db.close()
        except sqlite3.Error:
            self.found.clear()


def _middle(db: sqlite3.Connection, table: str) -> int:
    """The id up to which the oldest half of a table's rows goes."""
    rows = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    found = db.execute(f"SELECT id FROM {table} ORDER BY id LIMIT 1 OFFSET ?", (rows // 2,))
    return int((found.fetchone() or (-1,))[0])


def pieces(db: sqlite3.Connection, table: str, end: int) -> Iterator[tuple[int, int]]:
    """Up to ``end`` in pieces: ids above the first number, up to the second."""
    low = -1
    inner = f"SELECT id FROM {table} WHERE {RANGE} ORDER BY id LIMIT {PIECE}"
    if table == "media":  # pictures: as many as are quickly written
        inner = (
            "SELECT id FROM (SELECT id, sum(length(data)) OVER (ORDER BY id) - length(data) AS before FROM media"
            f" WHERE {RANGE} ORDER BY id LIMIT {PIECE}) WHERE before < {BYTES}"
        )
    while True:
        high = db.execute(f"SELECT max(id) FROM ({inner})", (low, end)).fetchone()[0]
        if high is None:
            return
        yield low, high
        low = high


def _width(db: sqlite3.Connection, rows: str, at: str, group: str = "''") -> int:
    """One row of each stretch so wide is to stay, which is every second of the largest group's.

    Stretches of equal width leave alone what is thin already: else the oldest part would fade away.
    """
    found = db.execute(
        f"SELECT count(*) AS many, max({at}) - min({at}) + 1 FROM {rows} GROUP BY {group}"
        " ORDER BY many DESC LIMIT 1"
    ).fetchone()
    return 1 if found is None else max(1, -(-2 * int(found[1]) // int(found[0])))


def _widths_of_steps(db: sqlite3.Connection, end: int) -> list[int]:
    """For the steps themselves, their times, their statistics."""
    return [
        _width(db, f"steps WHERE id <= {end}", "num", "kind"),
        _width(db, f"steps WHERE id <= {end} AND columns IS NOT NULL", "id"),
        _width(db, f"tensors WHERE step <= {end}", "step"),
    ]


def _spread(db: sqlite3.Connection, table: str, end: int) -> bool:
    """Whether the times of these rows tell them apart."""
    sql = f"SELECT max(wall_ns) - min(wall_ns) FROM {table} WHERE id <= ?"
    return bool(db.execute(sql, (end,)).fetchone()[0])
