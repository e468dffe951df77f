"""The one place that makes a data table: AG Grid community, and its script only when it is shown.

Dash puts the base script of every imported component library on every page. Of AG Grid that is
1.3 MB before anything is drawn, on pages without a table too. So the tag is taken out of the page
(``on_demand``), its address stays in a ``meta``, and table.js loads it when the first table is shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import escape, unescape
from typing import Any

import dash_ag_grid
from dash import html
from plotly.io.json import to_json_plotly

_SCRIPT = re.compile(r'<script src="([^"]*/dash_ag_grid/[^"]*)"></script>\n?')
ROW = 24  # dense rows of the design


def table(id: str, label: str) -> Any:
    """A box that table.js fills with a grid; columns and rows are the page's script's business.

    Nothing in it evaluates strings of the data: ``dangerously_allow_code`` stays off and the
    enterprise modules are not asked for.
    """
    grid = dash_ag_grid.AgGrid(
        id=f"{id}-grid",
        getRowId="params.data.id",
        enableEnterpriseModules=False,
        dangerously_allow_code=False,
        style={"height": "100%", "width": "100%"},
        dashGridOptions={
            # A function of table.js by name: the grid in the page's own colours.
            "theme": {"function": "graphscopeTheme(themeQuartz)"},
            "rowHeight": ROW,
            "headerHeight": 32,
            "animateRows": False,
            "suppressCellFocus": False,
            "suppressDragLeaveHidesColumns": True,
            "suppressMovableColumns": False,
            "rowSelection": {
                "mode": "singleRow",
                "checkboxes": False,
                "enableClickSelection": True,
            },
            "enableCellTextSelection": True,
            "ensureDomOrder": True,
            "tooltipShowDelay": 400,
        },
    )
    return html.Div(
        id=id,
        className="gs-table",
        role="region",
        **{"aria-label": label, "data-grid": json.dumps(json.loads(to_json_plotly(grid)))},
    )


def on_demand(interpolate: Callable[..., str]) -> Callable[..., str]:
    """``Dash.interpolate_index`` without the grid's script; its address goes into a ``meta``."""

    def index(**parts: str) -> str:
        scripts = parts.get("scripts", "")
        found = _SCRIPT.search(scripts)
        if found is not None:
            address = escape(unescape(found.group(1)))
            parts["scripts"] = _SCRIPT.sub("", scripts)
            parts["metas"] = (
                f'{parts.get("metas", "")}\n<meta name="graphscope-grid" content="{address}">'
            )
        return interpolate(**parts)

    return index
