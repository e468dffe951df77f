"""The styles of a figure. One module per style; the list below is the whole registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphscope.errors import UsageError
from graphscope.view.drawing import Drawing
from graphscope.view.graphview import GraphView
from graphscope.view.styles import circuit, graph, modes, modules, working
from graphscope.view.styles.options import Options, options
from graphscope.view.styles.scene import Scene


@dataclass(frozen=True)
class Style:
    """A way to draw a graph: its name, what it is for, and what draws it.

    ``view`` gives the boxes for formats that lay out by themselves (DOT, Mermaid).
    """

    name: str
    about: str
    draw: Callable[[Scene, Options], Drawing]
    view: Callable[[Scene, Options], GraphView]


STYLES: tuple[Style, ...] = (
    Style("graph", "cards of ops and tensors with values and gradients", graph.draw, graph.view),
    Style("circuit", "gates on wires, values above, gradients below", circuit.draw, graph.view),
    Style("modules", "the architecture: boxes with parameter counts", modules.draw, modules.view),
    Style("math", "each op with its formula and gradient formula", working.draw, graph.view),
    Style("forward", "dual numbers moving up, beside a table", modes.forward, graph.view),
    Style("reverse", "adjoints moving down, beside a table", modes.reverse, graph.view),
)


def style(name: str) -> Style:
    """The style called ``name``. Raises: UsageError when there is none."""
    found = next((s for s in STYLES if s.name == name), None)
    if found is None:
        raise UsageError(
            f"there is no style {name!r}: a style is one of {', '.join(s.name for s in STYLES)}."
        )
    return found


__all__ = ["STYLES", "Options", "Scene", "Style", "options", "style"]
