"""``graphscope.draw_pair(a, b)``: two live graphs side by side, with what differs marked."""

from __future__ import annotations

from typing import Any

from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.record.capture import draw


def draw_pair(a: Any, b: Any, **options: Any) -> Any:
    """Two graphs of one program in one figure: equal parts at equal places, differences marked.

    Each is a tensor, or a figure that ``draw`` made when its numbers were those to show. What only one
    has is framed and signed (``-`` in the first, ``+`` in the second), and a dotted outline in the other.
    Options: names (what the two are called), theme, title, subtitle, show, collapse, flat, width, font, stacked.

    Raises:
        UsageError: something that is neither, or a tensor without a graph.

    Example:
        >>> import graphscope as gs
        >>> x = gs.tensor(2.0, requires_grad=True)
        >>> gs.draw_pair(x * x, x * x + 1, names=("y", "z")).svg.startswith("<svg")
        True
    """
    from graphscope.export.pair import pair_of_scenes

    return pair_of_scenes(_scene(a), _scene(b), **options)


def _scene(thing: Any) -> Any:
    if isinstance(thing, Tensor):
        thing = draw(thing)
    scene = getattr(thing, "scene", None)
    if scene is None:
        raise UsageError(
            f"draw_pair takes two tensors or two figures of graphs, not {type(thing).__name__}. "
            "For two steps of a recorded run: graphscope.figures.pair(run, 3, 7)."
        )
    return scene
