"""Dash, for the pages that hold Dash components: the tables of AG Grid, the charts of ``dcc.Graph``.

The pages themselves need nothing that React draws. So Dash is an application of its own under ``/_dash``, made when
it is first asked for, and the page takes its scripts with the first table (``assets/js/01_dash.js``). It draws a box
for each into ``#react-entry-point``, which is not seen; a box that is wanted is put into its place on the page.
"""

from __future__ import annotations

import re
from typing import Any

from graphscope.webapp import ids

PREFIX = "/_dash"  # of every address that Dash answers
_GRID = "/dash_ag_grid/"  # as in 01_dash.js: the heaviest script waits for the first table


def make() -> Any:
    """A ``Dash`` whose layout is the boxes of all tables and charts; ``.server`` is its Flask application."""
    from dash import Dash

    from graphscope.webapp.components.table import chart_box, grid_box

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
    app.layout = [*map(grid_box, ids.TABLES), *map(chart_box, ids.CHARTS)]
    return app


def wanted(app: Any) -> tuple[str, list[str]]:
    """What of Dash's own page is for ours: its script elements as HTML, and the addresses that any page needs."""
    with app.server.test_request_context(f"{PREFIX}/"):
        page = app.index()
    scripts = re.findall(r"<script\b.*?</script>", page, re.DOTALL)
    sources = re.findall(r'<script src="([^"]+)"', page)
    return "".join(scripts), [src for src in sources if _GRID not in src]
