"""The tape: what backward needs of each op that ran, and no more."""

from __future__ import annotations

from itertools import count
from typing import Any

next_seq = count(1).__next__


class Node:
    """One op call that a gradient can flow through.

    saved: arrays by position (inputs..., out, aux), None where no gradient asks for them.
    edges: per wanted input a Node, ``(Node, k)`` for output k of an op with several outputs, or the
    leaf tensor. others: position, input, position, input... of the inputs that want no gradient, as
    weak references (0-d constants strongly), so that a drawing can name them and nothing is kept alive for it.
    An op's own output is kept as an array, never as a tensor: no reference cycle.
    """

    __slots__ = (
        "row", "wants", "saved", "edges", "params", "shapes", "seq", "g", "rid", "others", "hooks",
        "mark", "nout", "__weakref__",
    )  # fmt: skip

    def __init__(
        self, row: Any, wants: Any, saved: Any, edges: Any, params: Any, shapes: Any, others: Any
    ) -> None:
        self.row = row
        self.wants = wants
        self.saved = saved
        self.edges = edges
        self.params = params
        self.shapes = shapes
        self.others = others
        self.seq = next_seq()
        self.g: Any = None
        self.rid = -1
        self.hooks: Any = None
        self.mark: Any = None
        self.nout = 1

    def __repr__(self) -> str:
        return f"<{self.row.name.title()}Backward #{self.seq}>"

    @property
    def name(self) -> str:
        """Torch's style of name, such as ``MulBackward``."""
        return f"{self.row.name.title().replace('_', '')}Backward"
