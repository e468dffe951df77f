"""The graph as the page shows it, as a figure: a part of it alone, both halves, two of them as one, any overlay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphscope.view.overlay import CUSTOM, OVERLAYS
from graphscope.view.paint import paint
from graphscope.webapp.queries.diff import diff_values_json, diff_view
from graphscope.webapp.queries.findings import worst
from graphscope.webapp.queries.graph import Views, Wish, graph_view
from graphscope.webapp.queries.values import values_json

if TYPE_CHECKING:
    from graphscope.export.figure import Figure
    from graphscope.trace.reader import TraceReader
    from graphscope.webapp.runs import RunDirectory

_SIGNS = {"added": "+", "removed": "\u2212", "changed": "\u2260"}


def as_shown(
    source: RunDirectory, reader: TraceReader, wish: Wish, color: str, look_name: str
) -> Figure:
    """The figure of what the page shows for the same wish.

    Raises: TraceError when there is no such step or run.
    """
    from graphscope.export.figure import Figure

    known = color in OVERLAYS or color.startswith(CUSTOM)
    color = color if known else "change" if wish.vs else "family"
    views: Views = source.shared.views
    marked: set[str] = set()
    notes: list[str] = []
    unit = ""
    if wish.vs:
        both, _ = diff_view(reader, views, wish, source.reader)
        told = diff_values_json(reader, views, wish, source.reader, color, look_name)
        view, nodes, marked = both.view, told["nodes"], set(both.marks)
        named = [
            replace(n, label=f"{_SIGNS[both.marks[n.id]]} {n.label}") if n.id in marked else n
            for n in view.nodes
        ]
        view = replace(view, nodes=named)
        counts: dict[str, Any] = told["counts"]
        said = [f"{_SIGNS[mark]}{many} {mark}" for mark, many in counts.items() if many]
        notes = [f"framed: {', '.join(said)}"] if said else []
    else:
        view, _ = graph_view(reader, views, wish)
        marks = worst(reader, source.shared) if color == "findings" else {}
        told = values_json(reader, views, wish, color, look_name, marks)
        nodes, unit = told["nodes"], told.get("unit", "")
        for node in view.nodes:
            if node.kind == "grad":  # the card of a gradient says nothing else
                nodes[node.id] |= {"v": "", "vh": []}
    drawing = paint(
        view,
        nodes,
        look_name,
        title=str(reader.header().get("run", "run")),
        subtitle=told["line"],
        color=color,
        marked=marked,
        notes=notes,
        unit=unit,
    )
    return Figure(drawing, view, nodes, look_name)
