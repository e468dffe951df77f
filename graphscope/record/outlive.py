"""What outlives a step: bytes alive at the start of the next one, and what is never let go.

Counted in the steps that are looked at, by births and deaths: what a step made and what it used is alive as
long as its memory is. A node of which the memory of two steps is there at once leaves something behind in
every step; those in between are taken to do so too.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import ref

from graphscope.trace import schema

LIMIT = 200_000  # buffers that are followed; beyond, growth is known well enough


class Left(NamedTuple):
    """One buffer that outlived its step and was seen again: two steps later or more, or beside the next step's."""

    step: int
    node: int
    nbytes: int
    seen: int


class Buffer(NamedTuple):
    """Memory that is followed until it dies."""

    there: Any
    nbytes: int
    step: int
    node: int
    """-1: it was there before it was used."""
    graph: int
    category: str
    """As it was made or, for what was there before, used."""


# By the kind of a port (record.names): what it is that comes from before the step.
_OF_PORT = ("input", "parameter", "input", "activation", "buffer", "gradient", "optimizer_state")
_LASTING = ("parameter", "buffer", "optimizer_state")


def category_at_birth(key: Any) -> str:
    """What a node makes, by its key: what is made by a backward is a gradient, by an update state."""
    if len(key) == 4:
        return "gradient"
    return "optimizer_state" if len(key) == 8 and key[5] == schema.UPDATE else "activation"


class Outlive:
    """Follows the memory that is there from one step to the next."""

    def __init__(self) -> None:
        self._held: dict[int, Buffer] = {}
        self._told: set[int] = set()
        self.counted = 0
        self.by: dict[str, int] = {}  # bytes alive by category
        self.before: Any = None  # the graph of the step before, where that was not looked at
        self.rate = 0.0

    def look(
        self, seq: int, graph: Any, refs: list[Any], living: list[int], ports: list[Any]
    ) -> list[Left]:
        """A step that was looked at ends: count what is alive, and return what earlier steps left behind.

        living: the nodes of which the memory is there.
        """
        held = self._held
        for key in [key for key, buffer in held.items() if buffer.there() is None]:
            del held[key]
            self._told.discard(key)
        untold = []
        of_node: dict[tuple[int, int], dict[int, int]] = {}
        for key, (_, size, step, node, made_by, _) in held.items():
            if node < 0:
                continue
            steps = of_node.setdefault((made_by, node), {})
            steps[step] = steps.get(step, 0) + size
            if key not in self._told:
                untold.append((key, Left(step, node, size, seq), steps))
        left = []
        for key, one, steps in untold:
            # Of a node of which two steps left something all is told: a run that fills its memory may end before long.
            if one.step <= seq - 2 or len(steps) > 1:
                self._told.add(key)
                left.append(one)
        self.rate = sum(sum(s.values()) / len(s) for s in of_node.values() if len(s) > 1)
        if len(held) < LIMIT:
            for i in living:
                self._hold(refs[i](), seq, i, graph.id, category_at_birth(graph.key(i)))
            for there, _, port in ports:
                x = there()
                if x is not None:
                    owner = a = x._a
                    base = a.base
                    if type(base) is type(a):
                        owner = base
                    known = held.get(id(owner))
                    category = _OF_PORT[port[1]]
                    if known is None or known[0]() is not owner or known[5] != category:
                        self._hold(owner, seq, -1, graph.id, category)
        before, self.before = self.before, None
        if before is not None and before is not graph and self.counted:
            return left  # nothing is known of the step before, and it was of another kind than this
        self.by = dict.fromkeys(self.by, 0)
        for buffer in held.values():
            self.by[buffer.category] = self.by.get(buffer.category, 0) + buffer.nbytes
        self.counted = sum(self.by.values())
        return left

    def _hold(self, owner: Any, step: int, node: int, graph: int, category: str) -> None:
        if owner is None:
            return
        known = self._held.get(id(owner))
        if known is None or known.there() is not owner:
            size = int(owner.nbytes)
            self._held[id(owner)] = Buffer(ref(owner), size, step, node, graph, category)
            self._told.discard(id(owner))
        elif category in _LASTING and known.category != category:
            self._held[id(owner)] = known._replace(category=category)

    def alive(self, unseen: int) -> int:
        """Bytes alive now, if so many steps passed unseen since the recording began."""
        return self.counted + int(self.rate * unseen)
