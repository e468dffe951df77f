"""The JSON routes behind the graph page, the inspector and the step strip."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, Response, jsonify, request

from graphscope.errors import GraphScopeError, TraceError
from graphscope.view.overlay import OVERLAYS
from graphscope.webapp.queries.graph import Views, graph_json, search_json, values_json
from graphscope.webapp.queries.history import history_json
from graphscope.webapp.queries.node import node_json
from graphscope.webapp.queries.strip import strip_json


def register(server: Flask, source: Any) -> None:
    """Add the routes to a Flask server. ``source`` hands out readers: ``source.reader(run)``."""
    views = Views()

    def reader() -> Any:
        return source.reader(request.args.get("run", ""))

    def text(name: str) -> str | None:
        return request.args.get(name) or None

    def graph() -> dict[str, Any]:
        return graph_json(reader(), views, _step(), text("open"), text("node"))

    def values() -> dict[str, Any]:
        color = request.args.get("color", "family")
        look = "dark" if request.args.get("theme") == "dark" else "light"
        if color not in OVERLAYS:
            color = "family"
        return values_json(reader(), views, _step(), text("open"), color, look)

    def node() -> dict[str, Any]:
        return node_json(reader(), views, _step(), request.args.get("node", ""))

    def node_history() -> dict[str, Any]:
        return history_json(reader(), _step(), request.args.get("node", ""))

    def strip() -> dict[str, Any]:
        return strip_json(reader())

    def search() -> dict[str, Any]:
        return search_json(reader(), views, _step(), request.args.get("q", ""))

    for answer in (graph, values, node, node_history, strip, search):
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


def _json(answer: Callable[[], dict[str, Any]]) -> Callable[[], tuple[Response, int]]:
    """Errors that we raise on purpose become a sentence; the page shows it where it asked."""

    @wraps(answer)
    def route() -> tuple[Response, int]:
        try:
            return jsonify(answer()), 200
        except (GraphScopeError, KeyError) as error:
            sentence = str(error) if isinstance(error, GraphScopeError) else "There is no such run."
            return jsonify({"error": sentence}), 404

    return route
