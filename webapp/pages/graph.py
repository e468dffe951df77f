"""The graph page: one canvas, painted and driven by ``assets/js/graph.js``.

Python only says what is there. Cards and numbers come by ``/api/graph`` and ``/api/values``, the
choice of step, node, open scopes and colours lives in the URL.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from graphscope.webapp.pages import Page


def layout() -> Component:
    """Toolbar, canvas with its hidden tree, and legend."""
    stage = html.Div(
        [
            html.Canvas(
                tabIndex="0",
                role="img",
                **{"aria-label": "Computational graph; the tree lists its cards"},
            ),
            html.Div(className="gs-graph-note", role="status"),
            html.Div(className="gs-legend", **{"aria-label": "Legend"}),
            html.Ul(className="gs-tree", role="tree", **{"aria-label": "Cards of the graph"}),
        ],
        className="gs-stage",
    )
    return html.Div(
        [html.Div(className="gs-toolbar", role="toolbar", **{"aria-label": "Graph"}), stage],
        className="gs-graph",
        **{"data-gs": "graph"},
    )


PAGE = Page("graph", "Graph", "graph", layout)
