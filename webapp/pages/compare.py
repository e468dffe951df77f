"""The Compare page: a run against a run, or a step against a step, side by side."""

from __future__ import annotations

from typing import Any

from flask import Flask, request

from graphscope.errors import TraceError
from graphscope.webapp import ids
from graphscope.webapp.api import as_json
from graphscope.webapp.api_graph import _step as step_of_request
from graphscope.webapp.components.chart import chart_json
from graphscope.webapp.components.table import table
from graphscope.webapp.queries.both import both_json
from graphscope.webapp.queries.compare import compare_json
from graphscope.webapp.queries.ops import Recent, counters
from graphscope.webapp.runs import RunDirectory


def layout() -> Any:
    """A bar, a box for the empty state, and the cards that compare.js fills."""
    from dash import html

    cards = [
        _card("Curves", "gs-cmp-curves", id=ids.COMPARE_CURVES),
        _card("What differs", "gs-cmp-facts"),
        html.Section(
            [
                html.Header([html.H2("Time per op"), html.Div(className="gs-cmp-tools")]),
                html.P(className="gs-quiet"),
                table(ids.COMPARE_TABLE, "Time per op in A and B"),
            ],
            className="gs-card gs-cmp-ops",
            **{"aria-label": "Time per op"},
        ),
        _card("Numbers", "gs-cmp-numbers"),
        _card("Structure", "gs-cmp-structure"),
    ]
    return html.Div(
        [
            html.Div(className="gs-cmp-bar gs-bar-row", role="toolbar", **{"aria-label": "Compare"}),
            html.Div(
                [html.Div(className="gs-cmp-empty"), html.Div(cards, className="gs-cmp-cards", hidden=True)],
                className="gs-cmp-scroll",
                tabIndex="0",
                role="region",
                **{"aria-label": "Comparison"},
            ),
        ],
        className="gs-cmp",
        **{"data-gs": "compare"},
    )  # fmt: skip


def _card(title: str, name: str, id: str | None = None) -> Any:
    from dash import html

    more = {} if id is None else {"id": id}
    return html.Section(
        [
            html.Header([html.H2(title), html.Div(className="gs-cmp-tools")]),
            html.P(className="gs-quiet"),
            html.Div(className="gs-card-body", **more),
        ],
        className=f"gs-card {name}",
        **{"aria-label": title},
    )


def register(server: Flask, source: RunDirectory) -> None:
    """Add ``/api/compare`` and ``/api/compare_curves``."""
    recent, kept = Recent(16), source.shared.scalars

    def asked() -> tuple[str, str, int | None]:
        run, vs = request.args.get("run", ""), request.args.get("vs", "")
        if not vs:
            raise TraceError("Choose what to compare with.")
        return run, vs, step_of_request()

    def compare() -> dict[str, Any]:
        run, vs, num = asked()
        reader = source.reader(run)
        by = request.args.get("by") or "op"
        news = (counters(reader), vs if _a_step(vs) else counters(source.reader(vs)))
        made: dict[str, Any] = recent.get(
            ("compare", run, vs, num, by),
            news,
            lambda: compare_json(reader, run, vs, num, by, source.reader),
        )
        return made

    def compare_curves() -> dict[str, Any]:
        run, vs, num = asked()
        given = request.args
        reader = source.reader(run)
        marked: tuple[int, ...] = ()
        if _a_step(vs):
            readers = [(run, reader)]
            marked = tuple(n for n in (int(vs[5:]), num) if n is not None)
        else:
            readers = [(vs, source.reader(vs)), (run, reader)]
        found = both_json(
            readers, given.get("tag", ""), given.get("theme", ""), given.get("log") == "1", marked, kept.series
        )  # fmt: skip
        if found["figure"] is not None and given.get("chart") != "1":
            made = chart_json(f"{ids.COMPARE_CURVES}-chart", found["figure"])
            found = found | {"children": made}
        return found

    for answer in (compare, compare_curves):
        server.add_url_rule(f"/api/{answer.__name__}", f"gs_{answer.__name__}", as_json(answer))


def _a_step(vs: str) -> bool:
    kind, _, rest = vs.partition(":")
    return kind == "step" and rest.isascii() and rest.isdigit() and len(rest) < 16
