"""The one place that makes a ``dcc.Graph``: no button that sends data away, no logo."""

from __future__ import annotations

from typing import Any

from dash import dcc

CONFIG = {
    "showSendToCloud": False,  # on by default since plotly.js 4, and it leaves this machine
    "displaylogo": False,
    "displayModeBar": False,  # drag zooms, double click returns; export has its own button
    "doubleClick": "autosize",
    "responsive": True,
}


def chart(id: Any, figure: dict[str, Any]) -> Any:
    """A chart that fills its box."""
    return dcc.Graph(id=id, figure=figure, config=CONFIG, responsive=True, className="gs-chart")
