"""An op of several outputs is one call, whoever counts: tables, exports, comparisons, events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import graphscope as gs
from graphscope.analysis.compare import compare
from graphscope.export import chrome, speedscope
from graphscope.trace.reader import TraceReader

STEPS = 10


def run(path: Path) -> Any:
    x = gs.ones(6, 4, requires_grad=True)
    with gs.profile(path, values="off") as p:
        for _ in range(STEPS):
            rows = x.unbind(0)
            gs.stack(rows[:2]).sum().backward()
            p.step()
    return p


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return run(tmp_path_factory.mktemp("several") / "run")


def test_tables_count_calls_and_not_outputs(recorded: Any) -> None:
    rows = {row.key: row for row in recorded.key_averages()}
    # Forward and its gradient; stack has a gradient for each of its two inputs.
    assert {k: row.calls for k, row in rows.items()} == {
        "unbind": 2 * STEPS, "stack": 3 * STEPS, "sum": 2 * STEPS,
    }  # fmt: skip
    unbind = rows["unbind"]
    assert unbind.mean == pytest.approx(unbind.total / (2 * STEPS)) and unbind.p50 > 0
    shapes = {row.key: row.calls for row in recorded.key_averages("shape")}
    assert shapes == {
        "unbind 6\u00d74": STEPS, "stack 4, 4": STEPS, "sum 2\u00d74": STEPS,
        "\u2202sum 2\u00d74": STEPS, "\u2202stack 4, 4": 2 * STEPS, "\u2202unbind 6\u00d74": STEPS,
    }  # fmt: skip
    assert {row.key: row.calls for row in recorded.roofline()}["unbind"] == 2


def test_a_comparison_counts_them_too(recorded: Any, tmp_path: Path) -> None:
    other = run(tmp_path / "other")
    with TraceReader(recorded.path) as a, TraceReader(other.path) as b:
        rows = {row.key: row for row in compare(a, b).rows}
    assert rows["unbind"].a.calls == rows["unbind"].b.calls == 2


def test_timelines_have_one_bar_for_each(recorded: Any, tmp_path: Path) -> None:
    with TraceReader(recorded.path) as reader:
        chrome.write(reader, tmp_path / "t.json", [5])
        data = speedscope.profile(reader, [("train", 5)])
    names = [
        e["name"]
        for e in json.loads((tmp_path / "t.json").read_text())["traceEvents"]
        if e.get("cat") == "op"
    ]
    assert names == [
        "unbind", "stack", "sum", "d sum / d x", "d stack / d input 0", "d stack / d input 1", "d unbind / d x",
    ]  # fmt: skip
    frames = [f["name"] for f in data["shared"]["frames"]]
    assert [e["frame"] for e in data["profiles"][0]["events"] if e["type"] == "O"].count(
        frames.index("unbind")
    ) == 1


def test_torchs_events_have_one_for_each() -> None:
    x = gs.ones(6, 4)
    with gs.profiler.profile() as prof:
        x.unbind(0)
    assert [event.name for event in prof.events() if event.kind == "op"] == ["unbind"]
    assert [(row.key, row.count) for row in prof.key_averages()] == [("unbind", 1)]
