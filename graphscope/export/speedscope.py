"""A run as a speedscope file (speedscope.app): flame chart, left-heavy view, sandwich.

Source of the format: github.com/jlfwong/speedscope, "Importing from custom sources" (evented profiles).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graphscope.analysis.spans import Span, calls
from graphscope.export.chrome import _op_name, select
from graphscope.export.files import writing
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Graph

SCHEMA = "https://www.speedscope.app/file-format-schema.json"


def write(
    reader: TraceReader, path: Path | str, steps: Sequence[int] | None = None
) -> dict[str, int]:
    """Write the run, or only the training steps of these numbers; says what is in the file."""
    chosen = select(reader, steps)
    data = profile(reader, chosen)
    with writing(path) as out:
        json.dump(data, out, separators=(",", ":"))
    return {"steps": len(chosen), "events": len(data["profiles"][0]["events"])}


def profile(reader: TraceReader, chosen: list[tuple[str, int]]) -> dict[str, Any]:
    """The file's content. Frames are shared: a step's name is "train step", so that left-heavy sums."""
    frames: dict[tuple[str, str, int], int] = {}
    events: list[dict[str, Any]] = []
    stack: list[tuple[int, int, int]] = []  # frame, end, depth
    start = stop = None
    for kind, num in chosen:
        step = reader.step(num, kind)
        graph = reader.graph(step.graph)
        for span in calls(graph, step):
            while stack and stack[-1][2] >= span.depth:
                _close(events, stack)
            begin, end = span.begin, span.end
            if events:  # never before what came last: rounding must not cross intervals
                begin = max(begin, events[-1]["at"])
            if stack:
                end = min(end, stack[-1][1])
            frame = frames.setdefault(_frame(graph, span, kind), len(frames))
            start = begin if start is None else start
            events.append({"type": "O", "frame": frame, "at": begin})
            stack.append((frame, max(end, begin), span.depth))
        while stack:
            _close(events, stack)
        stop = events[-1]["at"] if events else stop
    return {
        "$schema": SCHEMA,
        "exporter": "GraphScope",
        "name": reader.header().get("run", "run"),
        "activeProfileIndex": 0,
        "shared": {"frames": [_described(*key) for key in frames]},
        "profiles": [
            {
                "type": "evented", "name": "python", "unit": "nanoseconds",
                "startValue": start or 0, "endValue": stop or 0, "events": events,
            }
        ],
    }  # fmt: skip


def _close(events: list[dict[str, Any]], stack: list[tuple[int, int, int]]) -> None:
    frame, end, _ = stack.pop()
    events.append({"type": "C", "frame": frame, "at": max(end, events[-1]["at"])})


def _frame(graph: Graph, span: Span, kind: str) -> tuple[str, str, int]:
    if span.kind == "step":
        return (f"{kind} step", "", 0)
    if span.kind != "op":
        return (span.name, "", 0)
    site = graph.site_of(span.node)
    name = _op_name(graph, span.node)
    return (name, site.file, site.line) if site else (name, "", 0)


def _described(name: str, file: str, line: int) -> dict[str, Any]:
    return {"name": name, "file": file, "line": line} if file else {"name": name}
