"""The log of a trace moves into its file beside the writing."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphscope.trace import checkpoint
from graphscope.trace.checkpoint import Checkpoints
from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter


def test_a_long_log_is_moved_by_another_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "PAGES", 50)
    path = tmp_path / "a.gscope"
    with TraceWriter(path) as w:
        log = w._log
        assert log._thread is None and path.stat().st_size < 200_000
        for k in range(40):
            w.add_text("note", k, "x" * 8_000)
            w.commit()
            log.close()  # wait for it
        # Two pages each: the writer itself would not have moved any of them yet.
        assert log._thread is not None and path.stat().st_size > 200_000
        assert log._waiting() < 50
    with TraceReader(path) as reader:
        assert len(reader.texts()) == 40


def test_nothing_is_moved_where_there_is_nothing(tmp_path: Path) -> None:
    log = Checkpoints(tmp_path / "none.gscope")
    log.look()
    log.close()
    log._move()
    assert log._thread is None and not list(tmp_path.iterdir())
