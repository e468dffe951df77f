"""Dash, for the pages that hold Dash components: the tables of AG Grid, the charts of ``dcc.Graph``.

The frame and the other pages need nothing that React draws. So Dash is an application of its own under
``/_dash``, made when it is first asked for, and the page takes its scripts when such a page is shown
(``assets/js/01_dash.js``). They are drawn into ``#react-entry-point``, which is their place among the pages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from graphscope.webapp.pages import Page

PREFIX = "/_dash"  # of every address that Dash answers
_GRID = "/dash_ag_grid/"  # as in 01_dash.js: the heaviest script waits for the first table


def make(shown: Sequence[Page]) -> Any:
    """A ``Dash`` whose layout is the pages of ``shown`` that are Dash's; ``.server`` is its Flask application."""
    from dash import Dash, html

    app = Dash(
        "graphscope",
        title="GraphScope",
        update_title=None,  # else the tab's title flickers at every update
        include_assets_files=False,
        serve_locally=True,
        compress=False,  # on this machine packing costs more than it saves
        suppress_callback_exceptions=True,
    )
    app.enable_dev_tools(debug=False)
    app.layout = [
        html.Section(
            page.layout(),
            className="gs-page",
            hidden=True,
            **{"data-page": page.path, "aria-label": page.title},
        )
        for page in shown
        if page.dash
    ]
    return app


def wanted(app: Any) -> tuple[str, list[str]]:
    """What of Dash's own page is for ours: its script elements as HTML, and the addresses that any page needs."""
    with app.server.test_request_context(f"{PREFIX}/"):
        page = app.index()
    scripts = re.findall(r"<script\b.*?</script>", page, re.DOTALL)
    sources = re.findall(r'<script src="([^"]+)"', page)
    return "".join(scripts), [src for src in sources if _GRID not in src]
