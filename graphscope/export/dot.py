"""View -> Graphviz DOT: the graph for ``dot`` and its relatives, with our names, frames and colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphscope.export.files import writing
from graphscope.export.outline import Box, caption, outline
from graphscope.view import text as fonts
from graphscope.view.graphview import GraphView
from graphscope.view.palette import Theme, theme
from graphscope.view.structure import PARAM


def quoted(text: str) -> str:
    """A DOT string: nothing in it is read as markup or as an escape of Graphviz's own."""
    inner = fonts.clean(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'


def dot_text(
    view: GraphView, values: Mapping[str, Mapping[str, Any]] | None = None, look: str | Theme = "light",
    title: str = "",
) -> str:  # fmt: skip
    """The view as a DOT program."""
    colours = theme(look)
    numbers = values or {}
    lines = [
        f"digraph {quoted(title or 'graph')} {{",
        f'  graph [bgcolor="{colours.page}", fontcolor="{colours.ink2}", fontname="Helvetica", compound=true];',
        f'  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11, color="{colours.line}", '
        f'fontcolor="{colours.ink}"];',
        f'  edge [color="{colours.edge}", fontname="Helvetica", fontsize=9, fontcolor="{colours.ink2}"];',
    ]
    if title:
        lines.append(f"  label={quoted(title)}; labelloc=t; labeljust=l;")
    lines += _box(outline(view), colours, numbers, "  ", [0])
    for edge in view.edges:
        shape = f", label={quoted(edge.shape)}" if edge.shape else ""
        lines.append(f"  {quoted(edge.src)} -> {quoted(edge.dst)} [penwidth={edge.weight}{shape}];")
    lines.append("}\n")
    return "\n".join(lines)


def _box(
    box: Box,
    colours: Theme,
    numbers: Mapping[str, Mapping[str, Any]],
    indent: str,
    count: list[int],
) -> list[str]:
    lines = []
    for node in box.nodes:
        # The escape \n of a label is a line end; it is put between lines that are quoted one by one.
        label = "\\n".join(
            quoted(line)[1:-1] for line in caption(node, dict(numbers.get(node.id, {})))
        )
        fill = colours.tinted(colours.families[node.family])
        shape = ', shape=box, style="rounded,filled,bold"' if node.kind == PARAM else ""
        lines.append(f'{indent}{quoted(node.id)} [label="{label}", fillcolor="{fill}"{shape}];')
    for inner in box.boxes:
        count[0] += 1
        lines.append(f"{indent}subgraph cluster_{count[0]} {{")
        lines.append(
            f'{indent}  label={quoted(inner.label)}; style=rounded; color="{colours.line}";'
        )
        lines += _box(inner, colours, numbers, indent + "  ", count)
        lines.append(f"{indent}}}")
    return lines


def write(view: GraphView, path: str, **options: Any) -> None:
    """Write the view to a ``.dot`` (or ``.gv``) file."""
    with writing(path) as file:
        file.write(dot_text(view, **options))
