"""The Memory page."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component


def layout() -> Component:
    """A box that memory.js fills."""
    return html.Div(className="gs-memory", **{"data-gs": "memory"})
