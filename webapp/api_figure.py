"""``/api/figure``: the graph of a step as a file, with vectors where the format has them."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, jsonify, request

from graphscope.errors import GraphScopeError, TraceError
from graphscope.view.overlay import CUSTOM, OVERLAYS
from graphscope.webapp.queries.drawn import as_shown
from graphscope.webapp.queries.graph import Wish, look, opened_scopes

if TYPE_CHECKING:
    from graphscope.webapp.runs import RunDirectory

KINDS = {
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "png": "image/png",
    "tikz": "text/plain; charset=utf-8",
}
# What is looked up beside the numbers of a card: the page's own view is painted then.
_AS_SHOWN = ("update", "device", "findings", "change")


def register(server: Flask, source: RunDirectory) -> None:
    """Add the route. Always a download: an SVG shown by the browser would run in our origin."""

    def figure() -> Any:
        try:
            return _figure(source)
        except GraphScopeError as error:
            return jsonify({"error": str(error)}), 404

    server.add_url_rule("/api/figure", "gs_figure", figure)


def _figure(source: RunDirectory) -> Response:
    from graphscope.export.figure import figure_of_run

    given = request.args
    kind = given.get("as", "svg")
    if kind not in KINDS:
        raise TraceError(f"A figure is one of {', '.join(KINDS)}.")
    reader = source.reader(given.get("run", ""))
    text = given.get("step", "")
    step = look(reader, int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None)
    color = given.get("color", "family")
    color = given.get("color", "")
    wish = Wish(
        step.num, given.get("open") or None, "", given.get("focus", "")[:400], given.get("mode", ""), given.get("vs", ""),
    )  # fmt: skip
    look_name = "dark" if given.get("theme") == "dark" else "light"
    if wish.focus or wish.mode or wish.vs or color in _AS_SHOWN or color.startswith(CUSTOM):
        drawn = as_shown(source, reader, wish, color, look_name)
    else:
        drawn = figure_of_run(
            reader,
            step.num,
            step.kind,
            theme=look_name,
            opened=opened_scopes(wish.opened),
            color=color if color in OVERLAYS else "family",
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"figure.{kind}"
        drawn.save(path)
        data = path.read_bytes()
    # Names of runs are anything; file names are plain.
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", given.get("run", ""))[:60].strip("._") or "graph"
    return Response(
        data,
        content_type=KINDS[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}-step{step.num}.{kind}"'},
    )
