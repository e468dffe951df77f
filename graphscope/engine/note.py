"""A step that is not followed is written down: what each op and gradient was, as columns of integers.

Nothing is made per op that the garbage collector would have to look at (but for one weak reference, which sees its
memory die). The op itself, with everything that comes up again and again, is a number; so are its shape with dtype,
what it keeps for its gradient, and its source line. Where a graph is predicted, each node is compared with the graph's.

``_note.c`` does the same, and spares the recorder the call: where nothing is predicted, the functions of
``engine.follow`` note an op in place as far as nothing about it is out of the ordinary.
"""

from __future__ import annotations

from array import array
from functools import partial
from importlib import import_module
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from graphscope.engine.follow import COMPILED, Follower
from graphscope.engine.modes import _enabled
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor

VERSION = 2  # of what the compiled module offers; one that was left behind by an older version is not used
NONE, MANY = -1, -2  # a second input that is not there; more than two inputs
SURVIVED, NO_MEMORY = -1, -2  # as in trace.schema


class PureNoter(Follower):
    """What a recorder writes down of a step.

    direct: ops may be noted without a call of the recorder.
    diverged: the first node that is not as predicted; -1: none so far. known: how many nodes are predicted.
    look: the source lines of nodes that are as predicted are compared too. stacks: lines are noted. counted: so are
    deaths of memory. timed: what noting takes is measured. event_ns: how long it took. refs: for each node what sees
    its memory die, or None.
    """

    direct: bool
    diverged: int
    known: int
    look: bool
    stacks: bool
    counted: bool
    timed: bool
    event_ns: int
    refs: list[Any]
    more: dict[int, Any]
    __slots__ = (
        "direct", "diverged", "known", "look", "stacks", "counted", "timed", "event_ns", "refs", "more",
        "_rows", "_held", "_times", "_known_rows", "_known_more", "_dead", "_on_death", "_site",
    )  # fmt: skip

    def note_with(self, kinds: Any, specs: Any, keeps: Any, sites: Any) -> None:
        """Where the numbers come from: of heads (``number(head)``), of shapes with their dtype (``specs[shape, dtype]``),
        of what is kept (``keeps.of(node)``), of lines (``sites.here(depth)``).
        """
        self._site = sites.here
        self._dead: dict[int, Any] = {}
        self._on_death: list[Any] = []

    def note_from(self, rows: bytes, more: dict[int, Any]) -> None:
        """Begin with nothing noted. rows, more: the nodes that are predicted (``record.columns``)."""
        self._known_rows = array("i", rows) if rows else ()
        self._known_more = more
        self.known = len(self._known_rows) // 4
        self.diverged = -1
        self._rows: list[int] = []
        self._held: list[int] = []
        self._times: list[int] = []
        self.more = {}
        self.refs = []
        self._dead.clear()

    def note_on(
        self,
        n: int,
        rows: bytes,
        more: dict[int, Any],
        held: bytes,
        specs: bytes,
        begin: Any,
        end: Any,
    ) -> None:
        """Take these nodes as noted: a step that was followed so far."""
        self._rows = array("i", rows)[: 4 * n].tolist()
        nothing = [0] * n
        columns = array("i", held)[:n], array("i", specs)[:n], nothing
        self._held = [x for row in zip(*columns, strict=True) for x in row]
        self._times = [x for pair in zip(begin[:n], end[:n], strict=True) for x in pair]
        self.more = {i: wires for i, wires in more.items() if i < n}

    def put(
        self, kind: int, first: int, second: Any, keep: int, spec: int, t0: int, t1: int, owner: Any, lined: bool = True
    ) -> None:  # fmt: skip
        """Note one node.

        second: None, a value's number, or those of all other inputs. t0, t1: when it began and ended, nanoseconds.
        owner: whose memory it is that it made; None: it made none of its own. lined: a source line belongs to it.
        """
        i = self.i
        wires: Any = None
        if second is None:
            second = NONE
        elif type(second) is tuple:
            wires, second = second, MANY
            self.more[i] = wires
        line = -1
        if self.diverged < 0:
            at = 4 * i
            known = self._known_rows
            if (
                i < self.known
                and known[at] == kind
                and known[at + 1] == first
                and known[at + 2] == second
                and (wires is None or self._known_more[i] == wires)
            ):
                line = known[at + 3]
                if self.look and lined and (found := self._site(2)) != line:
                    self.diverged, line = i, found
            else:
                self.diverged = i
                if lined and self.stacks:
                    line = self._site(2)
        elif lined and self.stacks:
            line = self._site(2)
        self._rows += kind, first, second, line
        self._held += keep, spec, len(self._dead)
        self._times += t0, t1
        if self.counted:
            on_death = self._on_death
            while len(on_death) <= i:
                # Puts the node's number into a dict: no Python code runs at a death.
                on_death.append(partial(self._dead.__setitem__, len(on_death)))
            self.refs.append(None if owner is None else ref(owner, on_death[i]))
        self.i = i + 1

    def row_of(self, i: int) -> tuple[int, int, int, int]:
        """Head, first, second and line of a node that was noted."""
        return tuple(self._rows[4 * i : 4 * i + 4])  # type: ignore[return-value]

    def noted(self) -> tuple[bytes, bytes, bytes, bytes]:
        """What was noted: rows, what is kept, shapes (32-bit integers), and when each node began, then when each ended
        (64-bit integers)."""
        held, times = self._held, self._times
        rows, keeps, specs = (
            array("i", column).tobytes() for column in (self._rows, held[0::3], held[1::3])
        )
        return rows, keeps, specs, array("q", times[0::2] + times[1::2]).tobytes()

    def freed(self) -> tuple[bytes, list[int]] | None:
        """After which node each node's memory died (32-bit integers; -1: it lives, -2: it made none), and those of which
        it lives. None: that was not noted of every node."""
        n = self.i
        if not self.counted or len(self.refs) != n:
            return None
        freed = array("i", [NO_MEMORY if r is None else SURVIVED for r in self.refs])
        order = [node for node in self._dead if node < n]
        at = 0
        for k, died in enumerate(self._held[2::3]):
            while at < died and at < len(order):
                # counted when node k was done: it died after the node before
                freed[order[at]] = max(k - 1, order[at])
                at += 1
        for node in order[at:]:
            freed[node] = n - 1
        return freed.tobytes(), [k for k, after in enumerate(freed) if after == SURVIVED]

    def shift(self, by: int) -> None:
        """Move what was noted so far by so many nanoseconds."""
        self._times = [t + by for t in self._times]


def _no(*told: Any) -> bool:
    """The recorder has to be called."""
    return False


def _compiled() -> Any:
    """The compiled module with its type, or None twice."""
    if not COMPILED:
        return None, None
    try:
        found = import_module("graphscope.engine._note")
    except ImportError:
        return None, None  # installed where there is no compiler
    if getattr(found, "VERSION", 0) != VERSION:
        return None, None
    return found, found.bind(Follower, Tensor, Node, np.ndarray, _enabled, perf_counter_ns)


_c, _noter = _compiled()
NOTES_IN_C = _c is not None
if TYPE_CHECKING:
    Noter = PureNoter
else:
    Noter = PureNoter if _noter is None else _noter
# What only spares a call: ``Recorder`` has methods that do the same.
# note_op(rec, op, params, a, b, rest, out, t0, t1, node), note_grad(rec, node, slot, g, t0, t1, alias),
# note_leaf(rec, tensor): whether that was all to do
note_op = getattr(_c, "note_op", _no)
note_grad = getattr(_c, "note_grad", _no)
note_leaf = getattr(_c, "note_leaf", _no)
