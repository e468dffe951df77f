"""What outlives a step: bytes alive at the start of the next one, and what is never let go.

Counted in the steps that are looked at, by births and deaths: what a step made and what it used is alive as
long as its memory is. A node of which the memory of two steps is there at once leaves something behind in
every step; those in between are taken to do so too.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import ref

LIMIT = 200_000  # buffers that are followed; beyond, growth is known well enough


class Left(NamedTuple):
    """One buffer that outlived its step and was seen again two steps later or more."""

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


class Outlive:
    """Follows the memory that is there from one step to the next."""

    def __init__(self) -> None:
        self._held: dict[int, Buffer] = {}
        self._told: set[int] = set()
        self.counted = 0
        self.rate = 0.0

    def look(
        self, seq: int, graph: int, refs: list[Any], dead: Any, ports: list[Any]
    ) -> list[Left]:
        """A step that was looked at ends: count what is alive, and return what earlier steps left behind."""
        held = self._held
        for key in [key for key, buffer in held.items() if buffer.there() is None]:
            del held[key]
            self._told.discard(key)
        left = []
        of_node: dict[tuple[int, int], dict[int, int]] = {}
        for key, (_, size, step, node, made_by) in held.items():
            if node < 0:
                continue
            steps = of_node.setdefault((made_by, node), {})
            steps[step] = steps.get(step, 0) + size
            if step <= seq - 2 and key not in self._told:
                self._told.add(key)
                left.append(Left(step, node, size, seq))
        self.rate = sum(sum(s.values()) / len(s) for s in of_node.values() if len(s) > 1)
        if len(held) < LIMIT:
            for i, there in enumerate(refs):
                if there is not None and i not in dead:
                    self._hold(there(), seq, i, graph)
            for item in ports:
                x = item[0]()
                if x is not None:
                    a = x._a
                    self._hold(a.base if type(a.base) is type(a) else a, seq, -1, graph)
        self.counted = sum(buffer.nbytes for buffer in held.values())
        return left

    def _hold(self, owner: Any, step: int, node: int, graph: int) -> None:
        if owner is None:
            return
        known = self._held.get(id(owner))
        if known is None or known.there() is not owner:
            self._held[id(owner)] = Buffer(ref(owner), int(owner.nbytes), step, node, graph)
            self._told.discard(id(owner))

    def alive(self, unseen: int) -> int:
        """Bytes alive now, if so many steps passed unseen since the recording began."""
        return self.counted + int(self.rate * unseen)
