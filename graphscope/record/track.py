"""The track: a graph in the form in which the straight path of an op compares itself with it.

An entry is ``(plan, u, v, where)``: the op's plan (which says the op and whose gradients are wanted), the
places of its inputs in the step's list of value numbers, and scope and phase as one number; of a gradient it
is ``(want, twin, 0, 0)``. Where shape and dtype do not follow from the inputs alone, the plan stands in a
tuple with the params and the dtype, and the shape is compared with the last step's.
An entry without a plan matches nothing, so the op goes through ``Recorder.op``: where there is more to check
(many inputs, what is new in the step, updates). There it is compared with its ``Call``.
"""

from __future__ import annotations

from array import array
from threading import get_ident
from time import perf_counter_ns as clock
from typing import Any, NamedTuple

import numpy as np

from graphscope.engine import dispatch
from graphscope.engine.follow import Follower, pack
from graphscope.engine.straight import follows_on_track, is_straight
from graphscope.engine.tensor import Tensor
from graphscope.record.tables import PORT

_NO_ENTRY = (None, 0, 0, 0)


class Shapes(NamedTuple):
    """The shapes of the step before, and their number in the graph."""

    number: int
    of_nodes: list[Any]
    of_ports: list[Any]


class Call(NamedTuple):
    """An op as ``Recorder.op`` is told of it."""

    row: Any
    params: Any
    where: int
    dtype: Any
    plan: Any
    """The op's, with which its node was made; None: it has none."""
    u: int
    v: int
    """Places of the first two inputs; -1: there is one."""
    rest: tuple[int, ...]


class Track(NamedTuple):
    """A graph as a step follows it."""

    entries: list[Any]
    calls: list[Call | None]
    """One for each node, and one more."""
    first: list[int]
    """The node that uses a port first, for each port."""
    there: list[Any]
    """Weak references to what came in through each port of the last step."""
    keys: list[Any]
    packed: Any
    """Entries and calls, as C reads them."""

    def used(self, i: int) -> int:
        """How many ports the nodes before ``i`` have used."""
        return sum(node < i for node in self.first)


def track_of(keys: list[Any], ports: int) -> Track:
    """The entries of a graph's keys, their calls, and where its ports come in."""
    n = len(keys)
    calls: list[Call | None] = []
    first = [n] * ports
    for i, key in enumerate(keys):
        call = None
        if len(key) == 8:
            row, params, u, v, scope, phase, dtype, mask = key
            wires = (u,) if v is None else (u, *v) if type(v) is tuple else (u, v)
            for w in wires:
                if w >= PORT and first[w - PORT] > i:
                    first[w - PORT] = i
            places = [_place(w, n) for w in wires]
            second = -1 if v is None else places[1]
            call = Call(
                row,
                params,
                scope << 2 | phase,
                dtype,
                row.plan(mask) if mask else None,
                places[0],
                second,
                tuple(places[2:]),
            )
        calls.append(call)
    entries = entries_of(keys)
    calls.append(None)
    return Track(entries, calls, first, [], keys, pack(entries, calls))


def entries_of(keys: list[Any]) -> list[Any]:
    """The entries of a graph's keys, and one more that matches nothing."""
    n = len(keys)
    entries: list[Any] = []
    for key in keys:
        entry: Any = _NO_ENTRY
        if len(key) == 8:
            row, params, u, v, scope, phase, _, mask = key
            if is_straight(row):
                plan = row.plan(mask)
                known = plan if follows_on_track(row) else (plan, params, key[6])
                entry = (known, _place(u, n), _place(v, n), scope << 2 | phase)
        elif len(key) == 1:
            entry = (key[0], 0, 0, 0)  # a wait for data
        elif len(key) == 4 and key[1] >= 0:
            row, twin, slot, _ = key
            entry = (_want(row, slot), twin, 0, 0)
        entries.append(entry)
    return [*entries, _NO_ENTRY]


def _want(row: Any, slot: int) -> Any:
    if row.inputs == ("*",):
        return row.part(slot)
    return next((w for w in row.wants if w.slot == slot), None)


def _place(value: Any, n: int) -> int:
    """Where a value's number stands: nodes first, then ports."""
    if value is None:
        return 0
    return int(value if value < PORT else n + value - PORT)


class _Stand(Follower):
    """Stands in for a recorder that is on track, to see what that costs."""

    __slots__ = ()

    def __init__(self, plan: Any, n: int) -> None:
        self.plan = [(plan, n, 0, 0)] * n
        self.packed = pack(self.plan, [None] * n)
        self.base, self.nodes = -PORT, n  # so that the number of what comes in is 0
        self.where = 0
        self.thread = get_ident()
        self.told = None
        self.unsettled = False
        self.times(array("q", bytes(8 * n)), array("q", bytes(8 * n)))
        self.i = 0

    def op(self, *told: Any) -> None:
        """An op of another thread."""

    leaf = enter = leave = data = failed = backward_begin = backward_end = grad = op


def cost_on_track() -> float:
    """Nanoseconds that recording adds to an op of a step that is on track, measured here and now."""
    from graphscope.ops.arithmetic import neg

    n = 100
    x = Tensor(np.zeros(1, np.float32))
    stand = _Stand(neg.plan(0), n)
    best = [1 << 62, 1 << 62]
    before = dispatch.recorder()
    try:
        for turn in range(10):
            on = turn & 1
            stand.i = 0
            dispatch.set_recorder(stand if on else None)
            run = neg.run
            t = clock()
            for _ in range(n):
                run(x)
            best[on] = min(best[on], clock() - t)
    finally:
        dispatch.set_recorder(before)
    return max(best[1] - best[0], 0) / n
