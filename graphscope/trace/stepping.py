"""Steps that are added to a trace: which of them keep their times, and what is stored of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphscope.trace import codec, stretches
from graphscope.trace.describer import Describer, clean, digest_of
from graphscope.trace.limit import Limit
from graphscope.trace.statements import CHUNK_AT, COLUMNS_AT, DEV_AT, FORGET, PLAIN, STEP, STRETCH
from graphscope.trace.stretches import Columns, Gathered
from graphscope.trace.thinning import Moments, Thinning


class Facts(NamedTuple):
    """What is stored of a step beside its times."""

    id: int
    num: int
    shape_set: int
    t0_ns: int
    wall_ns: int
    rec_ns: int
    loss: float | None
    nonfinite: bool | int
    freed: Any
    live0: int
    note: str | None
    looked: bool
    dev: Any = None
    """As ``schema`` says of steps.dev; kept where the step's times are."""


class Plain(NamedTuple):
    """The same of many steps, as columns, where there is nothing else to say of them."""

    ids: NDArray[np.int64]
    nums: NDArray[np.int64]
    t0_ns: NDArray[np.int64]
    wall_ns: NDArray[np.int64]
    rec_ns: NDArray[np.int64]
    loss: NDArray[np.float64]
    """NaN: none."""
    nonfinite: NDArray[np.int64]
    live0: NDArray[np.int64]


# Times of several steps packed together: the blob, its shift, how many are in it, and the id of the step that has it.
Chunk = tuple["bytes | None", int, int, "int | None"]


_LOSS_AT, _FREED_AT = 9, 13  # positions in a steps row
_NO_TIMES = (0,) * 5


class Stepping(Describer):
    """The part of the writer that adds steps; the caller chooses all ids."""

    limit: Limit
    _pending: list[tuple[str, tuple[Any, ...]]]
    _moments: dict[int, Moments]
    _rested: dict[int, int]
    """Graphs whose moments are in the file only, and their first steps."""
    _thinning: dict[str, Thinning]
    _unsure: dict[str, int]
    _gathered: Gathered
    _in_groups: int
    """Of the rows that wait, those that share an entry."""

    def add_step(
        self,
        id: int,
        kind: str,
        num: int,
        graph: int,
        shape_set: int,
        status: str = "ok",
        t0_ns: int = 0,
        wall_ns: int = 0,
        rec_ns: int = 0,
        loss: float | None = None,
        nonfinite: bool | int = False,
        begin_ns: ArrayLike | None = None,
        dur_ns: ArrayLike | None = None,
        freed: ArrayLike | None = None,
        dev: ArrayLike | None = None,
        live0: int = 0,
        note: str | None = None,
        looked: bool = True,
    ) -> None:
        """One finished step. Columns may be shorter than the graph when the step broke off.

        looked: whether deaths and source lines were noted; else those of its graph stand for them.
        With many steps at once, ``add_steps`` costs a fraction.
        """
        n = self._nodes.get(graph, 0)
        begin = dur = None
        if dur_ns is not None:
            dur = _fit(dur_ns, n)
            begin = _fit(begin_ns, n, hold=True) if begin_ns is not None else np.cumsum(dur) - dur
            begin, dur = begin.reshape(1, -1), dur.reshape(1, -1)
        facts = Facts(
            id, num, shape_set, int(t0_ns), int(wall_ns), int(rec_ns), loss, nonfinite, freed, int(live0), note,
            looked, dev,
        )  # fmt: skip
        self.add_steps(kind, graph, status, [facts], begin, dur)

    def add_steps(
        self,
        kind: str,
        graph: int,
        status: str,
        steps: Sequence[Facts],
        begin_ns: NDArray[np.int64] | None,
        dur_ns: NDArray[np.int64] | None,
    ) -> None:
        """Many steps of one graph that ended the same way; their times are ``[steps, nodes]``."""
        chosen: list[int] = []
        chunk: Chunk = (None, 0, 0, None)
        parts: NDArray[np.int64] | None = None
        if begin_ns is not None and dur_ns is not None:
            dur_ns = np.maximum(dur_ns, 0)
            chosen, chunk, parts = self._times(
                kind, graph, status == "ok", [f.id for f in steps], [f.wall_ns for f in steps],
                [f.nonfinite for f in steps], begin_ns, dur_ns,
            )  # fmt: skip
        elif graph not in self._moments and graph not in self._rested:
            self.limit.first(steps[0].id)
        kept = {
            at: place for place, at in enumerate(chosen)
        }  # step's position -> place in the blob
        blob, shift, held, head = chunk
        sums = [(None,) * 5] * len(steps) if parts is None else parts.tolist()
        put, again = self._pending.append, []
        for at, fact in enumerate(steps):
            id, num, shape_set, t0, wall, rec, loss, nonfinite, freed, live0, note, looked, dev = (
                fact
            )
            place = kept.get(at)
            timed = place is not None or begin_ns is None
            device = codec.pack(np.asarray(dev), "<u4") if timed and dev is not None else None
            row = (
                id, kind, num, graph, shape_set, status, t0, wall, rec,
                None if loss is None or loss != loss else float(loss), int(nonfinite),
                blob if place == 0 else None, shift, None if freed is None else self._died(graph, freed),
                device, live0, None if note is None else clean(note), int(looked),
                held if place == 0 else 1, None if place is None else head, place, *sums[at],
            )  # fmt: skip
            put((STEP, row))
            flags = (
                (stretches.NONFINITE if nonfinite else 0)
                | (stretches.TIMED if place is not None else 0)
                | (stretches.DIED if row[_FREED_AT] is not None else 0)
                | (stretches.UNTIMED if parts is None else 0)
            )
            again.append(
                (id, num, graph, shape_set, t0, wall, rec, live0, *(sums[at] if parts is not None else _NO_TIMES), flags,
                 row[_LOSS_AT], None if status == "ok" else status)
            )  # fmt: skip
        self._gather(kind, again[0][0], again[-1][0], again, status != "paused")

    def add_plain(
        self,
        kind: str,
        graph: int,
        shape_set: int,
        steps: Plain,
        begin_ns: NDArray[np.int64],
        dur_ns: NDArray[np.int64],
    ) -> None:
        """Many steps of one graph and one set of shapes, of which nothing more is known than numbers.

        They ended well, were not looked at, and have no note and no device's times. What ``add_steps`` asks of each
        is not asked here: most steps of a training are such.
        """
        ids, nums, t0, wall, rec, losses, nonfinite, live0 = [column.tolist() for column in steps]
        dur_ns = np.maximum(dur_ns, 0)
        chosen, (blob, shift, held, head), parts = self._times(
            kind, graph, True, ids, wall, nonfinite, begin_ns, dur_ns
        )
        chunks: list[Any] = [None] * len(ids)
        places: list[Any] = [None] * len(ids)
        for place, at in enumerate(chosen):
            chunks[at], places[at] = head, place
        losses = [x if x == x else None for x in losses]
        sums = [(None,) * 5] * len(ids) if parts is None else parts.tolist()
        rows = [
            *zip(ids, nums, t0, wall, rec, losses, nonfinite, live0, chunks, places, *zip(*sums, strict=True), strict=True)
        ]  # fmt: skip
        # The one that has the blob is an ordinary row.
        id, num, *times, loss, bad, live, _, _, a, b, c, d, e = rows.pop(chosen[0])
        self._put(
            STEP, id, kind, num, graph, shape_set, "ok", *times, loss, bad, blob, shift, None, None, live, None, 0,
            held, head, 0, a, b, c, d, e,
        )  # fmt: skip
        self._put(PLAIN, (kind, graph, shape_set, shift), rows)
        self._in_groups += len(rows)
        again = np.empty((len(stretches.COLUMNS), len(ids)), np.int64)
        again[stretches.ID], again[stretches.NUM] = steps.ids, steps.nums
        again[stretches.GRAPH], again[stretches.SHAPE_SET] = graph, shape_set
        again[stretches.T0], again[stretches.WALL] = steps.t0_ns, steps.wall_ns
        again[stretches.REC], again[stretches.LIVE0] = steps.rec_ns, steps.live0
        again[stretches.DATA : stretches.FLAGS] = 0 if parts is None else parts.T
        again[stretches.FLAGS] = (steps.nonfinite != 0) * stretches.NONFINITE
        again[stretches.FLAGS, chosen] |= stretches.TIMED
        if parts is None:
            again[stretches.FLAGS] |= stretches.UNTIMED
        columns = Columns(again, np.array(steps.loss, np.float64), {})
        self._gather(kind, ids[0], ids[-1], columns)

    def _gather(
        self, kind: str, first: int, last: int, steps: stretches.Part, over: bool = True
    ) -> None:
        """Steps that are added, once more for a stretch; what was gathered before them is written when it is one."""
        if self._gathered.is_late(kind, first):
            self._put(stretches.DROP, first, kind)
        if not over:  # the program stands in it; it comes again
            return
        ready = self._gathered.add(kind, last, steps)
        if ready is not None:
            self._put(STRETCH, kind, ready)

    def _times(
        self, kind: str, graph: int, ok: bool, ids: list[int], walls: list[int], nonfinite: list[Any],
        begin_ns: NDArray[np.int64], dur_ns: NDArray[np.int64],
    ) -> tuple[list[int], Chunk, NDArray[np.int64] | None]:  # fmt: skip
        """Take in the times of some steps: which of them stay, their blob, and the time in each phase."""
        first = graph not in self._moments and graph not in self._rested
        if first:
            self.limit.first(ids[0])
        parts = self._parts(graph, dur_ns)
        if ok:
            moments = self._moments.get(graph)
            if moments is None:
                moments = Moments(dur_ns.shape[1], graph in self._rested, ids[0])
                self._moments[graph] = moments
            moments.add(dur_ns)
        chosen = self._thin(kind, ids[-1], walls, nonfinite, first, not ok)
        if len(chosen) == len(ids):
            blob, shift = codec.pack_many(begin_ns, dur_ns)
        else:
            blob, shift = codec.pack_many(begin_ns[chosen], dur_ns[chosen])
        return chosen, (blob, shift, len(chosen), ids[chosen[0]]), parts

    def _parts(self, graph: int, dur_ns: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Time in data, forward, backward, update and copies of each of these steps."""
        phases = self._phases.get(graph)
        if phases is None or len(phases) != dur_ns.shape[1]:
            return None
        of_nodes = np.frombuffer(phases, np.int8)
        # Of numbers below 2**53 sums of floats are exact.
        if len(dur_ns) == 1:
            return np.bincount(of_nodes, dur_ns[0], 5).astype(np.int64).reshape(1, 5)
        among = (of_nodes[:, None] == np.arange(5)) * 1.0
        sums: NDArray[np.int64] = (dur_ns.astype(np.float64) @ among).astype(np.int64)
        return sums

    def _died(self, graph: int, freed: ArrayLike) -> bytes | None:
        died = codec.raw(np.asarray(freed, np.int32))
        if digest_of(died) == self._plans.get(graph):
            return None
        return codec.squeeze(died)

    def _thin(
        self, kind: str, last_id: int, walls: list[int], nonfinite: list[Any], first: bool, failed: bool
    ) -> list[int]:  # fmt: skip
        """Which of these steps keep their times. The last one does until the next, because that is
        the one a person looks at; that of the time before is forgotten unless it was one to be kept.
        """
        last = self._unsure.pop(kind, None)
        if last is not None:
            self._forget(last)
            if not self._gathered.untime(kind, last):
                self._put(stretches.DROP, last, kind)
        thinning = self._thinning.setdefault(kind, Thinning())
        chosen = []
        keeps = False
        for at, (wall, bad) in enumerate(zip(walls, nonfinite, strict=True)):
            keeps = thinning.keeps(wall, failed or (first and at == 0), bool(bad))
            if keeps:
                chosen.append(at)
        if not keeps:
            chosen.append(len(walls) - 1)
            if len(chosen) == 1:
                self._unsure[kind] = last_id
        return chosen

    def _forget(self, id: int) -> None:
        for at in range(len(self._pending) - 1, max(-1, len(self._pending) - 64), -1):
            sql, row = self._pending[at]
            if sql is STEP and row[0] == id:
                thinned = list(row)
                thinned[COLUMNS_AT] = thinned[DEV_AT] = thinned[CHUNK_AT] = None
                self._pending[at] = (sql, tuple(thinned))
                return
        self._put(FORGET, id)


def _fit(column: ArrayLike, n: int, hold: bool = False) -> NDArray[np.int64]:
    """A column of exactly ``n`` entries; ops that a broken step never reached took no time."""
    array = np.asarray(column, np.int64)[: n or None]
    if len(array) == n or n == 0:
        return array
    last = array[-1] if hold and len(array) else 0
    return np.concatenate([array, np.full(n - len(array), last, np.int64)])
