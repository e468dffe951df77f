"""The Ops page: the table of key averages with its bars and roofline, and the user's code beside its cost."""

from __future__ import annotations

from typing import Any

from flask import Flask, request

from graphscope.webapp import ids
from graphscope.webapp.api import as_json
from graphscope.webapp.api_graph import _step as step_of_request
from graphscope.webapp.components.chart import chart_json
from graphscope.webapp.components.table import table
from graphscope.webapp.queries.ops import Recent, counters, ops_json
from graphscope.webapp.queries.roof import roof_json
from graphscope.webapp.queries.source import code_json, lines_json
from graphscope.webapp.runs import RunDirectory
from graphscope.webapp.shared import revision_of


def layout() -> Any:
    """A bar, the table's tab and the source's tab; ops.js and source.js fill them."""
    from dash import html

    return html.Div(
        [
            html.Div(className="gs-ops-bar gs-bar-row", role="toolbar", **{"aria-label": "Ops"}),
            html.Div(
                [
                    html.P(className="gs-ops-line", role="status"),
                    html.Div(
                        [
                            _card("Where the time goes", "gs-ops-bars"),
                            _card("What limits it", "gs-ops-roof", id=ids.OPS_ROOF),
                        ],
                        className="gs-ops-charts",
                    ),
                    table(ids.OPS_TABLE, "Table of ops"),
                ],
                className="gs-ops-table gs-ops-tab",
            ),
            html.Div(className="gs-source gs-ops-tab", hidden=True, **{"data-gs": "source"}),
        ],
        className="gs-ops",
        **{"data-gs": "ops"},
    )


def _card(title: str, name: str, id: str | None = None) -> Any:
    from dash import html

    more = {} if id is None else {"id": id}
    return html.Section(
        [html.H2(title), html.Div(className="gs-card-body", **more), html.P(className="gs-quiet")],
        className=f"gs-card {name}",
        **{"aria-label": title},
    )


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
