"""The graph page: one canvas, painted and driven by ``assets/js/graph.js``.

Python only says what is there. Cards and numbers come by ``/api/graph`` and ``/api/values``, the
choice of step, node, open scopes and colours lives in the URL.
"""

from __future__ import annotations

from graphscope.webapp.components import tags


def layout() -> tags.Html:
    """Toolbar, canvas with its hidden tree and what floats over it, and below it step and legend: they hide no card."""
    stage = tags.Div(
        [
            tags.Canvas(
                className="gs-board",
                tabIndex="0",
                role="img",
                **{"aria-label": "Computational graph; the tree lists its cards"},
            ),
            tags.Div(className="gs-focus gs-float", hidden=True),
            tags.Div(className="gs-stage-tools gs-float"),
            tags.Section(
                className="gs-diff gs-float", hidden=True, **{"aria-label": "Largest changes"}
            ),
            tags.Div(
                className="gs-walk gs-float",
                hidden=True,
                role="group",
                **{"aria-label": "Backprop, one gradient at a time"},
            ),
            tags.Canvas(className="gs-minimap", hidden=True, **{"aria-hidden": "true"}),
            tags.Ul(className="gs-tree", role="tree", **{"aria-label": "Cards of the graph"}),
        ],
        className="gs-stage",
    )
    note = tags.Div(
        [tags.Button(type="button", className="gs-icon-button"), tags.Span(role="status")],
        className="gs-graph-note",
    )
    foot = tags.Div(
        [note, tags.Div(className="gs-legend", **{"aria-label": "Legend"})],
        className="gs-graph-foot",
    )
    return tags.Div(
        [tags.Div(className="gs-toolbar", role="toolbar", **{"aria-label": "Graph"}), stage, foot],
        className="gs-graph",
        **{"data-gs": "graph"},
    )
