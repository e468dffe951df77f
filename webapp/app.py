"""The Dash application: the frame around the pages, the routes, and the guard at the door."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from html import escape
from pathlib import Path
from typing import Any

from dash import Dash
from flask import Response, redirect, request

from graphscope.webapp import api, api_control, api_figure, api_graph, security, theme
from graphscope.webapp.assets_path import assets_path
from graphscope.webapp.components.frame import frame
from graphscope.webapp.components.table import on_demand
from graphscope.webapp.pages import pages
from graphscope.webapp.runs import RunDirectory

_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M3 8h4l6-4M7 8l6 4' stroke='%231B5FC1' stroke-width='1.6' fill='none'/%3E"
    "%3Ccircle cx='3' cy='8' r='2.4' fill='%231B5FC1'/%3E%3Ccircle cx='13' cy='4' r='2.4'"
    " fill='%23B34700'/%3E%3Ccircle cx='13' cy='12' r='2.4' fill='%231B5FC1'/%3E%3C/svg%3E"
)
_INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
{%metas%}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="graphscope-token" content="TOKEN">
<title>{%title%}</title>
<link rel="icon" href="ICON">
<link rel="stylesheet" href="/theme.css">
{%css%}
</head>
<body>
{%app_entry%}
<footer>
{%config%}
{%scripts%}
{%renderer%}
</footer>
</body>
</html>"""


def create_app(
    source: RunDirectory | Path | str,
    *,
    token: str | None = None,
    hosts: Collection[str] = (),
    gate: bool = False,
) -> Dash:
    """The dashboard over a folder of runs (or one trace); ``.server`` is its Flask application.

    Args:
        token: what requests that control a run must carry; random when not given.
        hosts: names besides localhost under which the page may be asked for.
        gate: demand the token for everything, for addresses that others can reach.
    """
    runs = source if isinstance(source, RunDirectory) else RunDirectory(source)
    secret = token or secrets.token_urlsafe(24)
    shown = pages()
    app = Dash(
        "graphscope",
        title="GraphScope",
        update_title=None,  # else the tab's title flickers at every update
        assets_folder=str(assets_path()),
        serve_locally=True,
        compress=False,  # on this machine packing costs more than it saves
        suppress_callback_exceptions=True,
        index_string=_INDEX.replace("TOKEN", escape(secret)).replace("ICON", _ICON),
    )
    app.interpolate_index = on_demand(app.interpolate_index)
    app.enable_dev_tools(debug=False)
    app.layout = frame(shown)
    server: Any = app.server
    api.register(server, runs)
    api_graph.register(server, runs)
    api_figure.register(server, runs)
    api_control.register(server, runs)
    for page in shown:
        if page.register is not None:
            page.register(server, runs)
    style = theme.style_sheet()
    server.add_url_rule("/theme.css", "gs_theme", lambda: Response(style, mimetype="text/css"))
    server.after_request(_kept)
    # Last: by now every callback, and so every inline script of Dash, is known.
    security.protect(server, secret, hosts, app.csp_hashes(), gate)
    # After the guard, so that a refused request is refused and not led on.
    server.before_request(lambda: _home() if request.path == "/" else None)
    return app


def _kept(answer: Response) -> Response:
    """Scripts and styles carry the time of their last change in their address: a reload need not ask again."""
    if request.path.startswith("/assets/") and "m" in request.args and answer.status_code == 200:
        answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return answer


def _home() -> Any:
    query = request.query_string.decode("ascii", "replace")
    return redirect(f"/home?{query}" if query else "/home")
