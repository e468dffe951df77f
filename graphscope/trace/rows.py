"""Rows out of a trace file, from any thread, with every damage told as a ``TraceError``.

Each thread has a connection of its own, opened read-only, and no query leaves a transaction open,
so that a reader can never hold up the program that writes.
"""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from graphscope.errors import TraceError
from graphscope.trace.format import SQL_ERRORS, is_salvaged, open_trace

DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    MemoryError,
    RecursionError,
    zlib.error,
)

_R = TypeVar("_R", bound="Rows")


class _Link:
    """One thread's connection. Closing it from another thread waits until no query runs: SQLite would crash."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.thread = threading.current_thread()
        self.lock = threading.Lock()
        self.is_closed = False

    def close(self) -> None:
        with self.lock:
            self.is_closed = True
            self.db.close()


class Rows:
    """Connections to one file, and queries."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._links: list[_Link] = []
        self.damage: str | None = None
        """What is wrong with the file, when part of it could not be read."""

    def _link(self) -> _Link:
        link: _Link | None = getattr(self._local, "link", None)
        if link is None or link.is_closed:
            db = open_trace(self.path)
            link = self._local.link = _Link(db)
            if is_salvaged(db):
                self.damage = f"{self.path} is damaged: part of it is missing."
            with self._lock:
                # A server with a thread per request must not collect open files.
                for old in self._links:
                    if not old.thread.is_alive():
                        old.close()
                self._links = [old for old in self._links if not old.is_closed]
                self._links.append(link)
        return link

    def _rows(self, sql: str, *args: Any, partial: bool = False) -> list[tuple[Any, ...]]:
        """All rows; with ``partial``, of a damaged file those before the damage."""
        rows: list[tuple[Any, ...]] = []
        while True:
            link = self._link()
            with link.lock:
                if link.is_closed:  # by another thread, just now: this one opens the file again
                    continue
                try:
                    # Row by row only so that the intact part survives; the cursor ends with this method.
                    rows.extend(link.db.execute(sql, args))
                except SQL_ERRORS as error:
                    self.damage = f"{self.path} is damaged: {error}."
                    if not partial:
                        raise TraceError(self.damage) from error
                return rows

    def _batches(
        self, take: Callable[[list[tuple[Any, ...]]], None], many: int, sql: str, *args: Any
    ) -> bool:
        """Give rows to ``take``, some at a time: of many, not all are in memory at once.

        False where the file is damaged before their end; the last ones before it may not have been given.
        """
        while True:
            link = self._link()
            with link.lock:
                if link.is_closed:
                    continue
                try:
                    cursor = link.db.execute(sql, args)
                    try:
                        while rows := cursor.fetchmany(many):
                            take(rows)
                    finally:
                        cursor.close()
                except SQL_ERRORS as error:
                    self.damage = f"{self.path} is damaged: {error}."
                    return False
                return True

    def _one(self, sql: str, *args: Any) -> tuple[Any, ...] | None:
        rows = self._rows(sql, *args)
        return rows[0] if rows else None

    @contextmanager
    def _decoding(self, what: str) -> Iterator[None]:
        try:
            yield
        except TraceError:
            raise
        except DAMAGE as error:
            self.damage = f"{self.path} is damaged: {what} cannot be read ({error})."
            raise TraceError(self.damage) from error

    def close(self) -> None:
        """Let the file go; a question after this opens it again."""
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            link.close()

    def __del__(self) -> None:
        if hasattr(self, "_links"):
            self.close()

    def __enter__(self: _R) -> _R:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
