"""The Time page: lanes, flame and memory of steps on one axis, painted by ``assets/js/timeline*.js``.

Python only says what is there; the view (what is zoomed to) stays in the page. What it asks is in ``api_time``.
"""

from __future__ import annotations

from graphscope.webapp.components import tags


def layout() -> tags.Html:
    """Toolbar, canvas with its hidden list, tooltip, and the table of a chosen range."""
    stage = tags.Div(
        [
            tags.Canvas(
                tabIndex="0",
                role="img",
                **{"aria-label": "Timeline; the list beside it names what is in view"},
            ),
            tags.Div(className="gs-time-note", role="status"),
            tags.Div(className="gs-time-tip", hidden=True, **{"aria-hidden": "true"}),
            tags.Ul(className="gs-tree", role="listbox", **{"aria-label": "In view"}),
        ],
        className="gs-stage",
    )
    table = tags.Section(className="gs-range", hidden=True, **{"aria-label": "Chosen range"})
    bar = tags.Div(className="gs-toolbar", role="toolbar", **{"aria-label": "Timeline"})
    return tags.Div([bar, stage, table], className="gs-time", **{"data-gs": "time"})
