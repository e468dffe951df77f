"""The Curves page: one card per scalar, the loss first, several runs on top of each other, and what else was logged.

The script curves.js asks ``/api/curves`` for the figures of the cards that are on screen whenever there
is news; its other tabs are distributions.js and logged.js.
"""

from __future__ import annotations

from graphscope.webapp import ids
from graphscope.webapp.components import tags
from graphscope.webapp.components.table import table


def layout() -> tags.Html:
    """A bar that curves.js fills, the list of runs, the cards, the table; and the boxes of the other tabs."""
    return tags.Div(
        [
            tags.Div(className="gs-curves-bar", role="toolbar", **{"aria-label": "Curves"}),
            tags.Div(
                [
                    tags.Aside(className="gs-curves-runs", hidden=True, **{"aria-label": "Runs"}),
                    tags.Div(
                        [
                            tags.Div(
                                [
                                    tags.P(className="gs-curves-note", role="status"),
                                    tags.Div(id=ids.CURVES, className="gs-curve-groups"),
                                ],
                                className="gs-curves-scroll",
                                tabIndex="0",
                                role="region",
                                **{"aria-label": "Cards"},
                            ),
                            tags.Div(
                                table(ids.CURVES_TABLE, "Values at the step"),
                                className="gs-curves-table",
                                hidden=True,
                            ),
                        ],
                        className="gs-curves-main",
                    ),
                ],
                className="gs-curves-body gs-curves-tab",
            ),
            tags.Div(className="gs-dist gs-curves-tab", hidden=True, **{"data-gs": "dist"}),
            tags.Div(className="gs-logged gs-curves-tab", hidden=True, **{"data-gs": "logged"}),
        ],
        className="gs-curves",
        **{"data-gs": "curves"},
    )
