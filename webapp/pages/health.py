"""The Health page: what is wrong, with evidence, place, meaning and fix. ``health.js`` fills it."""

from __future__ import annotations

from graphscope.webapp.components import tags


def layout() -> tags.Html:
    """A bar of filters, and the list."""
    return tags.Div(
        [
            tags.Div(className="gs-health-filters", role="toolbar", **{"aria-label": "Findings"}),
            tags.Div(
                tags.Div(className="gs-findings", role="list", **{"aria-label": "Findings"}),
                className="gs-scroll",
                tabIndex="0",
                role="region",
                **{"aria-label": "Findings"},
            ),
        ],
        className="gs-health-page",
        **{"data-gs": "health"},
    )
