"""The routes of the Ops page: the table of key averages, the roofline, and the user's code beside its cost."""

from __future__ import annotations

from typing import Any

from flask import Flask, request

from graphscope.webapp import ids
from graphscope.webapp.api import as_json
from graphscope.webapp.api_graph import _step as step_of_request
from graphscope.webapp.components.chart import chart_json
from graphscope.webapp.queries.ops import Recent, counters, ops_json
from graphscope.webapp.queries.roof import roof_json
from graphscope.webapp.queries.source import code_json, lines_json
from graphscope.webapp.runs import RunDirectory
from graphscope.webapp.shared import revision_of


def register(server: Flask, source: RunDirectory) -> None:
    """Add ``/api/ops``, ``/api/roof``, ``/api/code`` and ``/api/code_lines``."""
    recent, views, whole = Recent(), source.shared.views, source.shared.so_far.whole

    def asked() -> tuple[Any, str, int | None]:
        reader = source.reader(request.args.get("run", ""))
        return reader, request.args.get("by") or "op", step_of_request()

    def ops() -> dict[str, Any]:
        reader, by, num = asked()
        span = request.args.get("span") or "all"
        key = ("ops", str(reader.path), by, span, num)
        found: dict[str, Any] = recent.get(
            key,
            counters(reader),
            lambda: ops_json(
                whole(reader), by, span, num, lambda g, s: views.structure(reader, g, s).scopes
            ),
        )
        return found

    def roof() -> dict[str, Any]:
        reader, by, num = asked()
        look = request.args.get("theme", "light")
        key = ("roof", str(reader.path), by, num, look)
        found: dict[str, Any] = recent.get(
            key, counters(reader), lambda: roof_json(whole(reader), by, num, look)
        )
        if found["figure"] is not None and request.args.get("chart") != "1":
            made = chart_json(f"{ids.OPS_ROOF}-chart", found["figure"])
            found = found | {"children": made}
        return found

    def code() -> dict[str, Any]:
        reader, _, num = asked()
        given = request.args
        local = request.remote_addr in ("127.0.0.1", "::1")
        return code_json(reader, num, given.get("file", ""), given.get("node", ""), local)

    def code_lines() -> dict[str, Any]:
        reader, _, num = asked()
        span = request.args.get("span") or "all"
        file = request.args.get("file", "")
        doctors = source.shared.doctors
        # Without waiting for the rules: their counter is part of the page's news.
        doctors.nudge(reader, revision_of(reader))
        patient = doctors.known(reader)
        found: dict[str, Any] = recent.get(
            ("lines", str(reader.path), num, file, span),
            (counters(reader), patient.version),
            lambda: lines_json(whole(reader), num, file, span, patient.found),
        )
        return found

    for answer in (ops, roof, code, code_lines):
        server.add_url_rule(f"/api/{answer.__name__}", f"gs_{answer.__name__}", as_json(answer))
