"""The Flask application that answers the page's questions (``/api/...``)."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from graphscope.webapp import api, api_control, api_figure, api_graph
from graphscope.webapp.pages import pages
from graphscope.webapp.runs import RunDirectory


def make(source: RunDirectory | Path | str) -> Flask:
    """All routes over ``source``. It has no guard of its own: ``app.App`` stands before it."""
    runs = source if isinstance(source, RunDirectory) else RunDirectory(source)
    server = Flask("graphscope", static_folder=None)
    for routes in (api, api_graph, api_figure, api_control):
        routes.register(server, runs)
    for page in pages():
        page.register(server, runs)
    return server
