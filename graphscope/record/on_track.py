"""A step on its track: what enters it is expected, and one that was as predicted ends with little ado."""

from __future__ import annotations

from sys import byteorder
from typing import Any

from graphscope.engine.follow import SPAN as SPAN
from graphscope.engine.note import Noter
from graphscope.record.steady import Steady
from graphscope.record.tables import PORT
from graphscope.trace import schema

FORWARD = schema.FORWARD
NEVER_AGAIN = (1 << 63) - 1  # no moment of the clock is later
SELDOM = 1_000_000_000  # nanoseconds between steps that are looked at, where steps are quick
APART = 20_000  # nanoseconds between two events, from which on the recorder runs cold

# What a step with statistics takes more than its neighbours, and the two after it, over the statistics' own time: its ops
# are told one by one, and all three find cold caches. Measured in runs: two-layer 2.2, attention 2.2, LSTM 2.3, LeNet 2.3.
AROUND = 2.2
# Of the budget, what statistics may fill it up to: what recording costs is known to some tenths of a per cent.
KEPT_WITHIN = 0.8


def cost_of_following(track_ns: float, n: int, wall_ns: int) -> int:
    """Nanoseconds that recording a step on track of ``n`` events took, the step having lasted ``wall_ns``.

    track_ns: of one event in a loop of nothing else. Ops that work sweep the processor's caches, and what runs after
    them runs cold: the paired benchmarks find 0.25 us an event where an op takes 1 us, and 1.1 to 1.7 us where
    events are 20 us and more apart (two-layer step, digits), which is up to six times the loop's.
    """
    return int(track_ns * (n + 5 * min(n, wall_ns / APART)))


class OnTrack(Noter):
    """The part of the recorder that begins and ends a step that repeats the one before."""

    __slots__ = ()
    ends_in_c = False  # a step of this class of recorders may end without a call of Python
    kind: str | None
    loss: float | None
    root: Any
    stack: list[int]

    def _come_in(self: Any) -> None:
        """Number the values of a step on track; what came in through a port of the step before comes in again.

        That is so of parameters, an optimizer's state and constants. What does not show up then is taken out
        where the track is left; another tensor in its place is noticed, since it has no number of this step.
        """
        self.nodes = self.known
        self.predicted.track.there[:] = [item[0] for item in self.port_items]
        of_ports = zip(self.port_items, self.port_shapes, strict=True)
        for rid, ((there, wants, port), shape) in enumerate(of_ports, self.base + PORT):
            x = there()
            if x is not None:
                a = x._a
                if x._rg is wants and a.dtype is port[3] and a.shape == shape:
                    x._rid = rid

    def _take_out(self: Any, used: int) -> None:
        """Of a step that leaves its track: forget the ports that no op has used."""
        for k in range(used, len(self.port_items)):
            x = self.port_items[k][0]()
            if x is not None and x._rid == self.base + PORT + k:
                x._rid = 0
        self.ports = self.ports[:used]
        self.port_shapes = self.port_shapes[:used]
        self.port_items = self.port_items[:used]

    def _looked_among(self: Any, seen: int) -> int:
        """A graph's step is looked at where this and ``seen``, how often the graph came up before, have no bit in common.

        That is one in 16, later in 64, and of quick steps in up to 1024: looking takes several times what following
        takes, and once a second is enough.
        """
        if seen < 64:
            return 15
        among = 64
        while among < 1024 and 4 * among <= seen and 2 * among * self.wall_ns < SELDOM * self.seq:
            among *= 2
        return among - 1

    def _count_run(self: Any) -> None:
        """Account for the steps that ended without a call of Python, if any."""
        run = self.run
        if run:
            self.run = 0
            graph = self.predicted
            graph.seen += run
            self.unseen += run
            self.pump.thumbs_left += 2 * graph.n * run

    def _close_on_track(self: Any, now: int) -> None:
        """What ``close`` does for a step that was as predicted, and for nothing else."""
        n, kind, graph, pump = self.i, self.kind or "train", self.predicted, self.pump
        wall = now - self.t0
        rec_ns = cost_of_following(self.track_ns, n, wall) + self.close_ns
        self.wall_ns += wall
        self.rec_ns += rec_ns
        num = self.num[kind]
        steady = self.steady
        if (
            steady is None
            or not steady.takes(graph, self.told.number)
            or not self.store(num, wall, rec_ns)
        ):
            steady = self.steady = Steady(graph, self.told.number, self._live())
            self.hold(steady.block)
            self.store(num, wall, rec_ns)
            pump.put_steady(steady)
        self.unseen += 1
        self.outlive.before = graph
        self.num[kind] = num + 1
        self.seq += 1
        graph.seen = seen = graph.seen + 1
        graph.items = self.port_items
        self.last[kind] = graph
        pump.thumbs_left += 2 * n
        if self.due:
            pump.pack_here()
        if (
            (self.last["train"] or graph) is graph
            and seen >= 3
            and seen & (among := self._looked_among(seen))
            and self.plan is graph.track.entries
            and (until := self._until(now)) > now
        ):
            # The next one is predicted to be the same: only what a step changes is set back.
            self.t0 = now
            self.again(graph.track.there, n)
            if type(self).ends_in_c and (self.mode == "off" or not self.early.left):
                self.armed, self.there = self.plan, graph.track.there
                self.left, self.until = among - (seen & among), until
        else:
            self._begin(now)

    def _live(self: Any) -> tuple[int, float, int]:
        """What the bytes alive at the beginnings of the following steps follow from (``Outlive.alive``)."""
        outlive = self.outlive
        return outlive.counted, outlive.rate, self.unseen

    def _affordable(self: Any, elapsed: int) -> bool:
        """Do statistics in this step keep the whole recorder within its budget?"""
        if self.early.left and self.early.due(self.num["train"]):
            return True
        return bool(self._due_after(elapsed) <= elapsed)

    def _due_after(self: Any, elapsed: int) -> float:
        """Nanoseconds from the start on, after which statistics keep the whole recorder within its budget.

        Events and the writer come first; statistics get what they leave, but a two-hundredth at least, so
        that a program of tiny steps is not blind: one millisecond of statistics is due five times a second.
        And some of the first steps of a run have them in any case.
        """
        events = self.rec_ns - self.value_ns + self.pump.cpu_ns
        share = max(KEPT_WITHIN * self.budget - events / max(elapsed, 1), 0.005)
        return float((self.value_ns + self.value_last) / share)

    def _until(self: Any, now: int) -> int:
        """The moment from which on a step may have statistics."""
        if self.mode == "off":
            return NEVER_AGAIN
        if self.mode == "full" or (self.early.left and self.early.due(self.num["train"])):
            return 0
        return int(self.t_start + self.waited + self._due_after(now - self.t_start - self.waited))

    def _predict(self: Any) -> None:
        """The step's kind is known now: predict the last graph of that kind."""
        last = self.last[self.kind or "train"]
        if last is self.predicted or last is None:
            return
        self.armed = None
        self._count_run()
        i = self.i
        # Only a wait for data can have come before the first op.
        keys = [self.key(k) for k in range(i)]
        if i > last.n or keys != [last.key(k) for k in range(i)] or self.diverged >= 0:
            if self.told is not None:
                self._leave_track()
            self.predicted = last
            if self.diverged < 0:
                self.diverged = 0
            return
        if self.told is not None:
            self._take_out(self.predicted.track.used(i))
            begin, end = [*self.begin[:i]], [*self.end[:i]]
        else:
            times = [*memoryview(self.noted()[3]).cast("q")]
            begin, end = times[:i], times[i:]
        self._follow(last)
        if not i:
            return
        if self.told is not None:
            for k in range(i):
                self.begin[k], self.end[k] = begin[k], end[k]
        else:
            nothing = self.specs[(), None].to_bytes(4, byteorder) * i
            self.note_on(i, *last.columns, last.keeps, nothing, begin, end)
            self.refs += [None] * i

    def _leave_track(self: Any) -> None:
        """Go on op by op: what is known of the step so far is what was predicted."""
        self.armed = None
        self._count_run()
        i, graph = self.i, self.predicted
        self._take_out(graph.track.used(i))
        self.times(None, None)
        self.note_on(
            i, *graph.columns, graph.keeps, graph.shapes[self.told.number][0], self.begin, self.end
        )
        self._off_track()
