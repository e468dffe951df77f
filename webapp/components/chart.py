"""The one place that makes a ``dcc.Graph``: no button that sends data away, no logo."""

from __future__ import annotations

import json
from typing import Any

CONFIG = {
    "showSendToCloud": False,  # on by default since plotly.js 4, and it leaves this machine
    "displaylogo": False,
    "displayModeBar": False,  # drag zooms, double click returns; export has its own button
    "doubleClick": "autosize",
    "responsive": True,
}


def chart(id: Any, figure: dict[str, Any]) -> Any:
    """A chart that fills its box."""
    from dash import dcc

    return dcc.Graph(id=id, figure=figure, config=CONFIG, responsive=True, className="gs-chart")


def chart_json(id: str, figure: dict[str, Any]) -> Any:
    """The same as the JSON that ``dash_clientside.set_props`` takes for ``children``."""
    from plotly.io.json import to_json_plotly

    return json.loads(to_json_plotly(chart(id, figure)))
