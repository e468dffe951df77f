"""Rows out of a trace file, from any thread, with every damage told as a ``TraceError``.

Each thread has a connection of its own, opened read-only, and no query leaves a transaction open,
so that a reader can never hold up the program that writes.
"""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from graphscope.errors import TraceError
from graphscope.trace.format import SQL_ERRORS, is_salvaged, open_trace

_DAMAGE = (ValueError, TypeError, KeyError, IndexError, OverflowError, MemoryError, zlib.error)

_R = TypeVar("_R", bound="Rows")


class Rows:
    """Connections to one file, and queries."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._connections: list[tuple[threading.Thread, sqlite3.Connection]] = []
        self.damage: str | None = None
        """What is wrong with the file, when part of it could not be read."""

    def _db(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = open_trace(self.path)
            if is_salvaged(db):
                self.damage = f"{self.path} is damaged: part of it is missing."
            with self._lock:
                # A server with a thread per request must not collect open files.
                for thread, old in self._connections:
                    if not thread.is_alive():
                        old.close()
                alive = [pair for pair in self._connections if pair[0].is_alive()]
                self._connections = [*alive, (threading.current_thread(), db)]
        return db

    def _rows(self, sql: str, *args: Any, partial: bool = False) -> list[tuple[Any, ...]]:
        """All rows; with ``partial``, of a damaged file those before the damage."""
        rows: list[tuple[Any, ...]] = []
        try:
            # Row by row only so that the intact part survives; the cursor ends with this method.
            rows.extend(self._db().execute(sql, args))
        except SQL_ERRORS as error:
            self.damage = f"{self.path} is damaged: {error}."
            if not partial:
                raise TraceError(self.damage) from error
        return rows

    def _one(self, sql: str, *args: Any) -> tuple[Any, ...] | None:
        rows = self._rows(sql, *args)
        return rows[0] if rows else None

    @contextmanager
    def _decoding(self, what: str) -> Iterator[None]:
        try:
            yield
        except TraceError:
            raise
        except _DAMAGE as error:
            self.damage = f"{self.path} is damaged: {what} cannot be read ({error})."
            raise TraceError(self.damage) from error

    def close(self) -> None:
        with self._lock:
            for _, db in self._connections:
                db.close()
            self._connections.clear()
        self._local = threading.local()

    def __del__(self) -> None:
        if hasattr(self, "_connections"):
            self.close()

    def __enter__(self: _R) -> _R:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
