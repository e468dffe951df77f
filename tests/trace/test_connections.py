"""Whatever is wrong with a file, no connection to it stays open: it would be closed by the collector, at any time."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphscope.errors import TraceError
from graphscope.trace.format import open_trace
from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter
from tests import golden


class Watched(sqlite3.Connection):
    """A connection that says whether it was closed, and can be told to fail."""

    opened: list[Watched] = []
    fails = ""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.is_closed = False
        Watched.opened.append(self)

    def close(self) -> None:
        self.is_closed = True
        super().close()

    def _look(self, sql: str) -> None:
        if Watched.fails and Watched.fails in sql:
            raise sqlite3.OperationalError("disk I/O error")

    def execute(self, sql: str, *args: Any) -> Any:
        self._look(sql)
        return super().execute(sql, *args)

    def executescript(self, sql: str) -> Any:
        self._look(sql)
        return super().executescript(sql)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Watched]]:
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, **{**k, "factory": Watched}))
    monkeypatch.setattr(Watched, "opened", [])
    monkeypatch.setattr(Watched, "fails", "")
    yield Watched
    assert Watched.opened and all(one.is_closed for one in Watched.opened)
    Watched.opened.clear()
    gc.collect()


def whole(folder: Path) -> Path:
    return golden.build("tiny", folder)


def change(path: Path, sql: str) -> Path:
    db = sqlite3.connect(path)
    db.executescript(sql)
    db.close()
    return path


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE meta SET value = '999' WHERE key = 'format'",
        "UPDATE meta SET value = 'x' WHERE key = 'format'",
        "UPDATE meta SET value = '0' WHERE key = 'format'",
        "DROP TABLE meta",
        "DROP TABLE steps",
        "UPDATE meta SET value = '1' WHERE key = 'format'; DROP TABLE steps",  # cannot be lifted
    ],
)
def test_a_file_that_is_refused(tmp_path: Path, watched: type[Watched], sql: str) -> None:
    path = change(whole(tmp_path), sql)
    with pytest.raises(TraceError):
        open_trace(path)


def test_a_file_that_is_cut_off(tmp_path: Path, watched: type[Watched]) -> None:
    raw = whole(tmp_path).read_bytes()
    for k in range(1, 12):
        path = tmp_path / f"cut{k}.gscope"
        path.write_bytes(raw[: len(raw) * k // 12])
        try:
            open_trace(path).close()
        except TraceError:
            pass


@pytest.mark.parametrize("fails", ["DELETE FROM shape_sets", "COMMIT", "CREATE TABLE"])
def test_a_file_of_which_nothing_can_be_saved(
    tmp_path: Path, watched: type[Watched], fails: str
) -> None:
    raw = golden.build("digits_like", tmp_path).read_bytes()
    path = tmp_path / "cut.gscope"
    path.write_bytes(raw[: len(raw) * 3 // 4])
    open_trace(path).close()  # some of it is intact
    watched.fails = fails
    with pytest.raises(TraceError):
        open_trace(path)


@pytest.mark.parametrize(
    "fails", ["synchronous", "journal_mode", "CREATE TABLE", "wal_autocheckpoint"]
)
def test_a_file_that_cannot_be_made(tmp_path: Path, watched: type[Watched], fails: str) -> None:
    watched.fails = fails
    with pytest.raises(TraceError, match="Cannot write a trace"):
        TraceWriter(tmp_path / "a.gscope")


def test_a_reader_whose_file_is_refused(tmp_path: Path, watched: type[Watched]) -> None:
    path = change(whole(tmp_path), "DROP TABLE meta; CREATE TABLE meta (key TEXT, value TEXT)")
    with pytest.raises(TraceError):
        TraceReader(path)
