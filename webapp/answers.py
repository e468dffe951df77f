"""The Flask applications that answer the page's questions (``/api/...``).

Two of them: what the frame and Home ask is there sooner than the rest, which reads and lays out graphs, judges,
compares. A question that the first does not know goes to the second, which is made when it is first needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask

from graphscope.webapp import api
from graphscope.webapp.part import Part
from graphscope.webapp.runs import RunDirectory

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def make(source: RunDirectory | Path | str) -> tuple[Flask, Part[Flask]]:
    """The application to ask, and the one that it asks. They have no guard: ``app.App`` stands before them."""
    runs = source if isinstance(source, RunDirectory) else RunDirectory(source)
    server = _flask()
    api.register(server, runs)
    others = Part(lambda: _others(runs))

    def lead_on(rest: str) -> Any:
        return others.get().wsgi_app

    server.add_url_rule("/api/<path:rest>", "gs_others", lead_on, methods=_METHODS)
    return server, others


def _others(runs: RunDirectory) -> Flask:
    from graphscope.webapp import api_control, api_figure, api_graph
    from graphscope.webapp.pages import pages

    server = _flask()
    for routes in (api_graph, api_figure, api_control):
        routes.register(server, runs)
    for page in pages():
        page.register(server, runs)
    api.unknown(server)
    return server


def _flask() -> Flask:
    server = Flask("graphscope", static_folder=None)
    api.faults(server)
    provider: Any = server.json
    provider.sort_keys = (
        False  # nobody reads them; of a large graph sorting is a good part of the work
    )
    return server
