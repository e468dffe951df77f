"""Where a value stands on the Graph page: the card that shows it, and what must be open to see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.analysis.holders import line_of
from graphscope.trace import schema

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Site, Step
    from graphscope.view.structure import Structure
    from graphscope.webapp.queries.graph import Views

AROUND = 2  # source lines before and after


class Places:
    """The cards of one graph by the values that they hold."""

    def __init__(self, reader: TraceReader, views: Views, graph: Graph, step: Step) -> None:
        self.graph = graph
        self.structure: Structure = views.structure(reader, graph, step)
        self._cards: dict[int, int] = {}
        for k, card in enumerate(self.structure.cards):
            for value in card.members:
                self._cards.setdefault(value, k)
        own = self._cards
        self.cards = np.array([own.get(i, -1) for i in range(graph.n)], np.int64)
        """The card of each node, -1 where none shows it; a gradient's is that of its op."""
        twins = np.where((self.cards < 0) & (graph.twin >= 0), graph.twin, np.arange(graph.n))
        self.cards = self.cards[twins] if graph.n else self.cards

    def card(self, value: int) -> Any | None:
        """The card of a value: a gradient's is that of its op, an update's that of its parameter."""
        found = self._cards.get(value)
        inner = found is None and 0 <= value < self.graph.n
        # No twin is -1, which as a value is the first input.
        if inner and self.graph.twin[value] >= 0:
            found = self._cards.get(int(self.graph.twin[value]))
        if found is None and inner:
            found = next(
                (self._cards[v] for v in self._parameters(value) if v in self._cards), None
            )
        return None if found is None else self.structure.cards[found]

    def _parameters(self, value: int) -> list[int]:
        graph = self.graph
        return [v for v in graph.inputs(value) if v < 0 and graph.port_kind(-1 - v) == "parameter"]

    def place(self, value: int) -> dict[str, str] | None:
        """``{id, inside, label, where}`` for a link; None where no card shows the value."""
        card = self.card(value)
        if card is None:
            return None
        scope = self.graph.scope_path(value)
        label = units.clip(card.label, 60)
        if value >= 0 and self.graph.phase[value] == schema.BACKWARD:
            label = f"\u2202 {label}"
        line = line_of(self.graph, value) if value >= 0 else ""
        return {
            "id": card.id,
            "inside": card.home,
            "label": label,
            "scope": units.clip(scope, 80),
            "line": line,
        }


def source_json(reader: TraceReader, site: Site | None) -> dict[str, Any] | None:
    """A line of the program with two lines around it, as they were when it ran."""
    if site is None:
        return None
    lines = (reader.source(site.file) or "").splitlines()
    first = max(site.line - AROUND, 1)
    shown = [
        [n, lines[n - 1][:300], n == site.line]
        for n in range(first, min(site.line + AROUND, len(lines)) + 1)
    ]
    short = site.file.replace("\\", "/").rpartition("/")[2]
    return {
        "path": f"{site.file}:{site.line}",
        "short": f"{short}:{site.line}",
        "func": site.func,
        "lines": shown,
    }
