"""View -> Mermaid: the graph as text that GitHub, GitLab, Notion and Jupyter draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphscope.export.files import writing
from graphscope.export.outline import Box, caption, outline
from graphscope.view import text as fonts
from graphscope.view.graphview import GraphView
from graphscope.view.palette import Theme, theme
from graphscope.view.structure import PARAM

# Everything else would be read as Markdown, HTML or Mermaid's own syntax: it goes as a character code.
_PLAIN = set(" =.,:+/()[]?!%'\u00d7\u2212\u00b1\u2202\u00b7\u00b5\u2026")


def escape(text: str) -> str:
    """Text inside a quoted label, every sign that could mean something as ``#code;``."""
    return "".join(c if c.isalnum() or c in _PLAIN else f"#{ord(c)};" for c in fonts.clean(text))


def mermaid_text(
    view: GraphView, values: Mapping[str, Mapping[str, Any]] | None = None, look: str | Theme = "light",
    title: str = "",
) -> str:  # fmt: skip
    """The view as a Mermaid flowchart."""
    colours = theme(look)
    names = {node.id: f"n{k}" for k, node in enumerate(view.nodes)}
    lines = ["flowchart TD"]
    if title:
        lines = ["---", f'title: "{escape(title)}"', "---", *lines]
    lines += _box(outline(view), names, values or {}, "  ", [0])
    for edge in view.edges:
        label = f'|"{escape(edge.shape)}"|' if edge.shape else ""
        lines.append(f"  {names[edge.src]} -->{label} {names[edge.dst]}")
    for family in sorted({node.family for node in view.nodes}):
        colour = colours.families[family]
        lines.append(
            f"  classDef {family} fill:{colours.tinted(colour)},stroke:{colour},color:{colours.ink}"
        )
    return "\n".join([*lines, ""])


def _box(
    box: Box,
    names: dict[str, str],
    numbers: Mapping[str, Mapping[str, Any]],
    indent: str,
    count: list[int],
) -> list[str]:
    lines = []
    for node in box.nodes:
        label = "<br/>".join(escape(line) for line in caption(node, dict(numbers.get(node.id, {}))))
        left, right = ("([", "])") if node.kind == PARAM else ("[", "]")
        lines.append(f'{indent}{names[node.id]}{left}"{label}"{right}:::{node.family}')
    for inner in box.boxes:
        count[0] += 1
        lines.append(f'{indent}subgraph s{count[0]}["{escape(inner.label)}"]')
        lines += _box(inner, names, numbers, indent + "  ", count)
        lines.append(f"{indent}end")
    return lines


def write(view: GraphView, path: str, **options: Any) -> None:
    """Write the view to a ``.mmd`` (or ``.mermaid``) file."""
    with writing(path) as file:
        file.write(mermaid_text(view, **options))
