"""The arrays of the step in which a program stands: held, or found again, so that they can be looked at."""

from __future__ import annotations

import contextlib
from typing import Any
from weakref import ref

from graphscope.engine.tape import Node
from graphscope.record.step import SPAN
from graphscope.record.tables import PORT

MOST = 512 << 20  # bytes that are held; beyond, only what lives anyway can be looked at


class Kept:
    """What was computed in the running step since somebody looks."""

    control: Any
    sees_values: Any

    def __init__(self) -> None:
        # (value, "v" or "g") -> its array, or a weak reference to it
        self.kept: dict[tuple[int, str], Any] = {}
        self.held = 0
        self._before: dict[int, Any] = {}  # parameters before the update, by id
        self._tip: Any = None  # the newest node of the tape

    def keep(self, v: int, kind: str, a: Any) -> None:
        """Hold an array, so that it can be looked at while the program waits."""
        size = getattr(a, "nbytes", 0)
        if self.sees_values and self.held + size <= MOST:
            self.held += size
            self.kept[v, kind] = a
        else:
            with contextlib.suppress(TypeError):  # a number of numpy's
                self.kept[v, kind] = ref(a)
        self.control.opened.arrived(v, kind, a)

    def array(self, rec: Any, v: int, kind: str) -> Any:
        """An array of the running step; None where there is none (any more)."""
        if v < 0:
            items = rec.port_items
            x = items[-1 - v][0]() if -1 - v < len(items) else None
            if x is None:
                return None
            if kind == "g":
                return None if x._grad is None else x._grad._a
            return x._a
        held = self.kept.get((v, kind))
        return held() if isinstance(held, ref) else held

    def forget(self) -> None:
        """The step is over."""
        self.control.opened.step_over(self.kept)
        self.kept.clear()
        self._before.clear()
        self._tip = None
        self.held = 0

    def _describe_kept(self, rec: Any) -> None:
        """Statistics of what ran before anybody looked, as far as it lives."""
        known = {(v, kind) for v, kind, _ in rec.entries}
        self._from_tape(rec)
        for v in range(-len(rec.port_items), 0):
            a = self.array(rec, v, "v")
            if (v, "v") not in known and a is not None and a.ndim:
                rec._value(v, "v", a)
        for v, kind in list(self.kept):
            if (v, kind) not in known and (a := self.array(rec, v, kind)) is not None:
                rec._value(v, kind, a)

    def _from_tape(self, rec: Any) -> None:
        """Values of before anybody looked that the tape holds for backward."""
        todo, seen = [self._tip], set()
        while todo:
            node = todo.pop()
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            i = node.rid - rec.base
            if i >> SPAN or i >= rec.i:
                continue
            todo += [
                e[0] if type(e) is tuple else e if isinstance(e, Node) else None for e in node.edges
            ]
            key, row = rec.key(i), node.row
            if node.saved is None or len(key) != 8 or row.inputs == ("*",) or row.tail:
                continue
            later = key[3] if isinstance(key[3], tuple) else () if key[3] is None else (key[3],)
            for wire, a in zip((key[2], *later), node.saved[: row.n], strict=False):
                if a is not None and wire < PORT:
                    self.kept.setdefault((wire, "v"), a)
            if node.plan.keep_out and not row.multi and node.saved[-2] is not None:
                self.kept.setdefault((i, "v"), node.saved[-2])
