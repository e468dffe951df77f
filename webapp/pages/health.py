"""The Health page: what is wrong, with evidence, place, meaning and fix. ``health.js`` fills it."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component


def layout() -> Component:
    """A bar of filters, and the list."""
    return html.Div(
        [
            html.Div(className="gs-health-filters", role="toolbar", **{"aria-label": "Findings"}),
            html.Div(
                html.Div(className="gs-findings", role="list", **{"aria-label": "Findings"}),
                className="gs-scroll",
                tabIndex="0",
                role="region",
                **{"aria-label": "Findings"},
            ),
        ],
        className="gs-health-page",
        **{"data-gs": "health"},
    )
