"""When each value's memory died in a step, from what weak references left behind.

It is noted per node how many had died when it was done, and the references put the dead down in the order of their
deaths. The pattern of a repeated step is compared as a whole; only a pattern that is new is turned into a column.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.trace import schema
from graphscope.trace.records import Ints


class Deaths:
    """What was noted in one step.

    died: values in the order of their deaths, counts: for each node, how many had died when it was done, both as
    32-bit integers. refs: for each node its reference, None if it made no memory of its own.
    """

    __slots__ = ("died", "counts", "owns")

    def __init__(self, died: bytes, counts: bytes, refs: list[Any]) -> None:
        self.died, self.counts = died, counts
        self.owns = bytes([r is not None for r in refs])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Deaths)
            and self.counts == other.counts
            and self.died == other.died
            and self.owns == other.owns
        )

    @property
    def living(self) -> list[int]:
        """The nodes whose memory is still there."""
        there = np.frombuffer(self.owns, np.bool_).copy()
        there[np.frombuffer(self.died, np.int32)] = False
        return np.flatnonzero(there).tolist()

    def column(self) -> Ints:
        """After which node each value's memory died."""
        order = np.frombuffer(self.died, np.int32)
        freed = np.array([schema.NO_MEMORY, schema.SURVIVED], np.int32)[
            np.frombuffer(self.owns, np.uint8)
        ]
        # Counted when a node was done: it died after the node before; behind the last one, after that.
        node = np.searchsorted(np.frombuffer(self.counts, np.int32), np.arange(len(order)), "right")
        freed[order] = np.maximum(node - 1, order)
        return freed


def freed_column(graph: Any, seen: Deaths) -> Ints | None:
    """After which node each value's memory died; None if that is as in the graph's plan."""
    if graph.deaths == seen:
        return None
    if graph.other is not None and graph.other[0] == seen:
        return graph.other[1]  # type: ignore[no-any-return]
    freed = seen.column()
    if graph.deaths is None:
        graph.deaths = seen  # the first step's is the plan
    else:
        graph.other = (seen, freed)
    return freed
