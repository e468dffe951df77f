"""The routes of the Memory page: a step, a moment of it, the run."""

from __future__ import annotations

from typing import Any

from flask import Flask, request

from graphscope.errors import TraceError
from graphscope.webapp.api import as_json
from graphscope.webapp.api_time import whole
from graphscope.webapp.queries.memory import at_json, run_json, step_json
from graphscope.webapp.runs import RunDirectory


def register(server: Flask, source: RunDirectory) -> None:
    """Add ``/api/memory`` (a step), ``/api/memory/at`` (a moment of it) and ``/api/memory/run``."""
    clocks = source.shared.clocks

    def reader() -> Any:
        return source.reader(request.args.get("run", ""))

    def step() -> dict[str, Any]:
        return step_json(reader(), whole("step"))

    def moment() -> dict[str, Any]:
        node = whole("node")
        if node is None:
            raise TraceError("A moment is named by the op that runs: node=12.")
        return at_json(reader(), whole("step"), node)

    def over_run() -> dict[str, Any]:
        run = reader()
        return run_json(source.shared.so_far.whole(run), clocks.get(run))

    server.add_url_rule("/api/memory", "gs_memory", as_json(step))
    server.add_url_rule("/api/memory/at", "gs_memory_at", as_json(moment))
    server.add_url_rule("/api/memory/run", "gs_memory_run", as_json(over_run))
