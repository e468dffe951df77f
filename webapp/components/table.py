"""The one place that makes a data table: AG Grid community, and its script only when it is shown.

Dash puts the base script of every imported component library on every page. Of AG Grid that is
1.3 MB, on pages without a table too; so ``01_dash.js`` leaves it out until table.js shows the first one.

A page holds a place for its table; what Dash draws is put into it (``01_dash.js``). Dash is imported where
components are made and not before: the server answers without it.
"""

from __future__ import annotations

import json
from typing import Any

from graphscope.webapp.components import tags

ROW = 24  # dense rows of the design


def table(id: str, label: str) -> tags.Html:
    """A place that table.js fills with a grid; columns and rows are the page's script's business."""
    return tags.Div(id=id, className="gs-table", role="region", **{"aria-label": label})


def grid_box(id: str) -> Any:
    """The Dash component that stands in the place ``id``; table.js puts the grid into it.

    Nothing in it evaluates strings of the data: ``dangerously_allow_code`` stays off and the
    enterprise modules are not asked for.
    """
    import dash_ag_grid
    from dash import html
    from plotly.io.json import to_json_plotly

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
    told = json.dumps(json.loads(to_json_plotly(grid)))
    return html.Div(id=f"{id}-box", className="gs-dash-box", **{"data-grid": told})


def chart_box(id: str) -> Any:
    """The Dash component that stands in the place ``id`` of a chart."""
    from dash import html

    return html.Div(id=f"{id}-box", className="gs-dash-box")
