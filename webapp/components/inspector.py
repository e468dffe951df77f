"""The column of facts beside the graph; ``assets/js/inspector.js`` fills it."""

from __future__ import annotations

from graphscope.webapp.components import tags


def inspector() -> tags.Html:
    """An empty inspector with its draggable edge."""
    grip = tags.Div(
        className="gs-grip",
        role="separator",
        tabIndex="0",
        **{
            "aria-label": "Width of the inspector",
            "aria-orientation": "vertical",
            "aria-valuemin": "320",
            "aria-valuemax": "520",
            "aria-valuenow": "360",
        },
    )
    facts = tags.Div(
        **{"data-gs": "inspector", "aria-label": "Inspector"}, role="region", tabIndex="0"
    )
    return tags.Aside([grip, facts], className="gs-side")
