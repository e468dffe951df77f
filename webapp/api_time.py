"""The routes of the Time page: windows of time, their blocks, the table of a range, the sorted flame."""

from __future__ import annotations

import math
from typing import Any

from flask import Flask, Response, jsonify, request

from graphscope.errors import GraphScopeError, TraceError
from graphscope.webapp.api import as_json
from graphscope.webapp.queries.clock import BLOCKS, blocks
from graphscope.webapp.queries.flame import Flames
from graphscope.webapp.queries.spent import heavy_json, spent, table_json
from graphscope.webapp.queries.timeline import BYTES, PIXELS, pack, window
from graphscope.webapp.runs import RunDirectory


def register(server: Flask, source: RunDirectory) -> None:
    """Add ``/api/timeline`` (binary), and as JSON its blocks, the table of a range, the sorted flame."""
    clocks, flames = source.shared.clocks, Flames()

    def reader() -> Any:
        return source.reader(request.args.get("run", ""))

    def one() -> tuple[Response, int]:
        try:
            run = reader()
            found = window(
                run,
                clocks.get(run),
                flames,
                number("from"),
                number("to"),
                whole("step"),
                "eval" if request.args.get("kind") == "eval" else "train",
                min(max(whole("most") or BYTES, 10_000), 16 << 20),
                min(max(whole("px") or PIXELS, 200), 8000),
            )
        except GraphScopeError as error:
            return jsonify({"error": str(error)}), 404
        return Response(pack(found), mimetype="application/octet-stream"), 200

    def of_run() -> dict[str, Any]:
        found = clocks.get(reader())
        first, last = number("from"), number("to")
        first = -math.inf if first is None else first
        return blocks(found, first, math.inf if last is None else last, whole("most") or BLOCKS)

    def stretch() -> Any:
        first, last = number("from"), number("to")
        if first is None or last is None:
            raise TraceError("A range needs its two ends.")
        run = reader()
        return spent(run, clocks.get(run), flames, first, last)

    def of_range() -> dict[str, Any]:
        return table_json(stretch())

    def heavy() -> dict[str, Any]:
        return heavy_json(stretch())

    server.add_url_rule("/api/timeline", "gs_timeline", one)
    server.add_url_rule("/api/timeline/blocks", "gs_timeline_blocks", as_json(of_run))
    server.add_url_rule("/api/timeline/range", "gs_timeline_range", as_json(of_range))
    server.add_url_rule("/api/timeline/heavy", "gs_timeline_heavy", as_json(heavy))


def number(name: str) -> float | None:
    """A time of the request in nanoseconds; None when it is not given. Raises: TraceError otherwise."""
    given = request.args.get(name, "")
    if not given:
        return None
    try:
        found = float(given)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise TraceError(f"A time is a number of nanoseconds, not {given[:40]!r}.")
    return found


def whole(name: str) -> int | None:
    """A whole number of the request; None when it is not given. Raises: TraceError otherwise."""
    given = request.args.get(name, "")
    if given in ("", "null", "live"):
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 16):
        raise TraceError(f"A {name} is a whole number, not {given[:40]!r}.")
    return int(given)
