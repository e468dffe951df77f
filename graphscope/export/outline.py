"""A view as nested boxes: what the text formats (DOT, Mermaid) write, which lay out by themselves."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphscope.view.graphview import GraphView
from graphscope.view.structure import short_name
from graphscope.view.visible import Node


@dataclass
class Box:
    """An open scope with its cards and the scopes inside it; the outermost has no path."""

    path: str
    label: str
    nodes: list[Node] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)


def outline(view: GraphView) -> Box:
    """The view's frames as a tree."""
    top = Box("", "")
    by_path = {"": top}
    for group in sorted(view.groups, key=lambda g: g.depth):
        path = group.id.removeprefix("s:")
        box = by_path[path] = Box(path, group.label or short_name(path))
        by_path[_parent(path, by_path)].boxes.append(box)
    for node in view.nodes:
        by_path.get(node.group, top).nodes.append(node)
    return top


def _parent(path: str, known: dict[str, Box]) -> str:
    """The innermost open scope around a scope."""
    inside = [p for p in known if p != path and (not p or path.startswith(p + "."))]
    return max(inside, key=len)


def caption(node: Node, values: dict[str, str] | None = None) -> list[str]:
    """The lines of a card: its name with what made it, its shape, and value and gradient where known."""
    head = node.label if node.label == node.op or not node.op else f"{node.label} = {node.op}"
    if node.fold > 1:
        head += f" \u00d7{node.fold}"
    lines = [head]
    if node.shape:
        lines.append(node.shape)
    if values:
        if values.get("v"):
            lines.append(values["v"])
        if values.get("g"):
            lines.append(f"\u2202 {values['g']}")
    return lines
