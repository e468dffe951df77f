"""The little that the view asks of a trace: dictionary look-ups and the specs of one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphscope.errors import GraphScopeError

if TYPE_CHECKING:
    from graphscope.trace.records import Graph, Ints, OpInfo, Site, Spec
    from graphscope.trace.records import Lookup as Reader


class Source:
    """A reader bound to one graph and the specs of one of its steps; specs are cached.

    ``specs`` holds the spec ids of the graph's nodes and then its ports (``step.specs``). Without
    it, the step ``num`` of the reader is asked; where it belongs to another graph, or the reader
    has no steps, shapes are unknown and left out of the picture.
    """

    def __init__(
        self, graph: Graph, reader: Reader, specs: Ints | None = None, num: int = -1
    ) -> None:
        self.graph, self.reader = graph, reader
        self.specs = _specs(graph, reader, num) if specs is None else specs
        self._known: dict[int, Spec] = {}

    def string(self, id: int) -> str:
        return self.reader.string(id) if id >= 0 else ""

    def op(self, id: int) -> OpInfo:
        return self.reader.op(id)

    def site(self, id: int) -> Site | None:
        return self.reader.site(id) if id >= 0 else None

    def spec(self, value: int) -> Spec | None:
        """Shape, dtype, bytes and device of a value (negative: a port), if they were recorded."""
        index = value if value >= 0 else self.graph.n - 1 - value
        if not 0 <= index < len(self.specs):
            return None
        key = int(self.specs[index])
        if key < 0:
            return None
        if key not in self._known:
            self._known[key] = self.reader.spec(key)
        return self._known[key]

    def shape(self, value: int) -> tuple[int, ...] | None:
        found = self.spec(value)
        return None if found is None else tuple(found.shape)


def _specs(graph: Graph, reader: Reader, num: int) -> Ints:
    for wanted in (num, -1):
        find = getattr(reader, "step", None)
        if not callable(find):
            break
        try:
            step = find(wanted, graph.kind)
        except GraphScopeError:
            continue
        if step is not None and step.graph == graph.id:
            specs: Ints = step.specs
            return specs
    return np.empty(0, np.int32)
