"""The heart beats while steps arrive fast: a live run must not look dead because it is busy."""

import time
from pathlib import Path

from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter


def test_the_heart_beats_under_frequent_commits(tmp_path: Path) -> None:
    writer = TraceWriter(tmp_path / "a.gscope", {})
    first = float(TraceReader(writer.path).header()["heartbeat"])
    end = time.monotonic() + 1.6
    k = 0
    while time.monotonic() < end:
        writer.add_scalar("loss", k, 1.0, 0)
        writer.commit()
        k += 1
        time.sleep(0.05)
    assert float(TraceReader(writer.path).header()["heartbeat"]) - first > 0.9
    writer.close()
