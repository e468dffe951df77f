"""The graph page: one canvas, painted and driven by ``assets/js/graph.js``.

Python only says what is there. Cards and numbers come by ``/api/graph`` and ``/api/values``, the
choice of step, node, open scopes and colours lives in the URL.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from graphscope.webapp.pages import Page


def layout() -> Component:
    """Toolbar, canvas with its hidden tree and what floats over it, and below it step and legend: they hide no card."""
    stage = html.Div(
        [
            html.Canvas(
                className="gs-board",
                tabIndex="0",
                role="img",
                **{"aria-label": "Computational graph; the tree lists its cards"},
            ),
            html.Div(className="gs-focus gs-float", hidden=True),
            html.Div(className="gs-stage-tools gs-float"),
            html.Section(
                className="gs-diff gs-float", hidden=True, **{"aria-label": "Largest changes"}
            ),
            html.Div(
                className="gs-walk gs-float",
                hidden=True,
                role="group",
                **{"aria-label": "Backprop, one gradient at a time"},
            ),
            html.Canvas(className="gs-minimap", hidden=True, **{"aria-hidden": "true"}),
            html.Ul(className="gs-tree", role="tree", **{"aria-label": "Cards of the graph"}),
        ],
        className="gs-stage",
    )
    note = html.Div(
        [html.Button(type="button", className="gs-icon-button"), html.Span(role="status")],
        className="gs-graph-note",
    )
    foot = html.Div(
        [note, html.Div(className="gs-legend", **{"aria-label": "Legend"})],
        className="gs-graph-foot",
    )
    return html.Div(
        [html.Div(className="gs-toolbar", role="toolbar", **{"aria-label": "Graph"}), stage, foot],
        className="gs-graph",
        **{"data-gs": "graph"},
    )


PAGE = Page("graph", "Graph", "graph", layout)
