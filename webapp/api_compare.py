"""The routes of the Compare page."""

from __future__ import annotations

from typing import Any

from flask import Flask, request

from graphscope.errors import TraceError
from graphscope.webapp import ids
from graphscope.webapp.api import as_json
from graphscope.webapp.api_graph import _step as step_of_request
from graphscope.webapp.components.chart import chart_json
from graphscope.webapp.queries.both import both_json
from graphscope.webapp.queries.compare import compare_json
from graphscope.webapp.queries.ops import Recent, counters
from graphscope.webapp.runs import RunDirectory


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
