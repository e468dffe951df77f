"""The JSON routes behind the graph page and the inspector."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, Response, jsonify, request

from graphscope.errors import GraphScopeError, TraceError
from graphscope.view.overlay import CUSTOM, OVERLAYS
from graphscope.webapp import api_live
from graphscope.webapp.queries import told
from graphscope.webapp.queries.backprop import backprop_json
from graphscope.webapp.queries.diff import diff_graph_json, diff_text, diff_values_json
from graphscope.webapp.queries.findings import worst
from graphscope.webapp.queries.graph import Wish, calm, graph_json, graph_text
from graphscope.webapp.queries.history import history_json
from graphscope.webapp.queries.node import element_json, node_json
from graphscope.webapp.queries.search import search_json
from graphscope.webapp.queries.values import values_json


def register(server: Flask, source: Any) -> None:
    """Add the routes to a Flask server. ``source`` hands out readers: ``source.reader(run)``."""
    views = source.shared.views

    def reader() -> Any:
        return source.reader(request.args.get("run", ""))

    def wish() -> Wish:
        given = request.args.get
        return Wish(
            _step(), given("open") or None, given("node", ""), given("focus", "")[:400],
            given("mode", ""), given("vs", ""),
        )  # fmt: skip

    def graph() -> dict[str, Any] | str:
        wanted = wish()
        if request.args.get("as") == "columns":
            if wanted.vs:
                return diff_text(reader(), views, wanted, source.reader)
            return graph_text(reader(), views, wanted)
        if wanted.vs:
            return diff_graph_json(reader(), views, wanted, source.reader)
        return graph_json(reader(), views, wanted)

    def values() -> str:
        # Of ten thousand cards these are as many tables: nobody needs them sorted.
        with calm():
            if request.args.get("as") == "columns":
                return told.text(_values(), request.environ.get(api_live.TOLD))
            return json.dumps(_values(), separators=(",", ":"))

    def _values() -> dict[str, Any]:
        color = request.args.get("color", "")
        look = "dark" if request.args.get("theme") == "dark" else "light"
        wanted = wish()
        if color not in OVERLAYS and not color.startswith(CUSTOM):
            color = "change" if wanted.vs else "family"
        if wanted.vs:
            return diff_values_json(reader(), views, wanted, source.reader, color, look)
        marks = worst(reader(), source.shared) if color == "findings" else {}
        return values_json(reader(), views, wanted, color, look, marks)

    def backprop() -> dict[str, Any]:
        return backprop_json(reader(), _step())

    def node() -> dict[str, Any]:
        return node_json(reader(), views, _step(), request.args.get("node", ""))

    def element() -> dict[str, Any]:
        given = request.args.get
        return element_json(reader(), _step(), given("node", ""), given("index", ""))

    def node_history() -> dict[str, Any]:
        return history_json(reader(), _step(), request.args.get("node", ""))

    def search() -> dict[str, Any]:
        return search_json(reader(), views, _step(), request.args.get("q", ""))

    for answer in (graph, values, backprop, node, element, node_history, search):
        path = f"/api/{answer.__name__}"
        server.add_url_rule(path, f"gs_{answer.__name__}", _json(answer))


def _step() -> int | None:
    """The step number of the request; None follows the newest."""
    given = request.args.get("step", "")
    if given in ("", "null", "live"):
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 16):
        raise TraceError(f"A step is a whole number, not {given[:40]!r}.")
    return int(given)


def _json(answer: Callable[[], dict[str, Any] | str]) -> Callable[[], tuple[Response, int]]:
    """Errors that we raise on purpose become a sentence; the page shows it where it asked. A text is JSON already."""

    @wraps(answer)
    def route() -> tuple[Response, int]:
        try:
            found = answer()
            if isinstance(found, str):
                return Response(found, content_type="application/json"), 200
            return jsonify(found), 200
        except (GraphScopeError, KeyError) as error:
            sentence = str(error) if isinstance(error, GraphScopeError) else "There is no such run."
            return jsonify({"error": sentence}), 404

    return route
