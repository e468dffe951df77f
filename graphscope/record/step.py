"""A step's life: it begins with a prediction, follows it or leaves it, and ends as a job for the writer."""

from __future__ import annotations

from array import array
from threading import get_ident
from time import perf_counter_ns as clock
from typing import Any

from graphscope.engine.backend import BACKENDS
from graphscope.engine.dispatch import NEVER
from graphscope.engine.follow import new_base
from graphscope.engine.frames import user_frame
from graphscope.engine.modes import is_grad_enabled
from graphscope.record.births import Births
from graphscope.record.columns import Columns
from graphscope.record.deaths import freed_column
from graphscope.record.early import Early
from graphscope.record.facts import Facts
from graphscope.record.names import Names, names_in_frame
from graphscope.record.on_track import AROUND, cost_of_following
from graphscope.record.on_track import FORWARD as FORWARD
from graphscope.record.on_track import SPAN as SPAN
from graphscope.record.outlive import Outlive
from graphscope.record.pump import Job, Pump
from graphscope.record.running import Running
from graphscope.record.sites import Sites
from graphscope.record.tables import PORT
from graphscope.record.track import Shapes, cost_on_track, track_of
from graphscope.trace import schema

BACKWARD, UPDATE = schema.BACKWARD, schema.UPDATE
_NOTHING = (lambda: None, False, (None, 0, 0, None))  # came in through a port


class StepLife(Running):
    """The part of the recorder that begins, follows and closes steps."""

    # Slots: with more than 30 attributes an ordinary object's lookups get slower.
    __slots__ = (
        "budget", "consts", "entries", "extra", "foreign", "kept", "last", "memory", "mode", "names", "note", "number",
        "op_ns", "old_ports", "port_shapes", "predicted", "pump", "steady",
        "samples", "sampled", "sample_need", "sites", "specs", "status", "t_start",
        "begin", "end", "value_cost", "value_last", "early", "value_ns", "values", "broken",
        "device_time", "clocks", "marks", "asked", "outlive", "unseen", "facts",
        "control", "waited", "watched", "births",
    )  # fmt: skip

    def __init__(
        self, pump: Pump, *, values: str, budget: float, memory: bool, stacks: bool
    ) -> None:
        self.pump = pump
        self.mode = values
        self.budget = budget
        self.memory = memory
        self.stacks = stacks
        self.sites = Sites()
        self.names = Names()
        self.number = self.names.kinds.number
        self.specs = self.names.specs
        self.kept = self.names.keeps.of
        self.note_with(self.names.kinds, self.specs, self.names.keeps, self.sites)
        self.token = self.names.token
        self.thread = get_ident()
        self.foreign = 0
        self.t_start = clock()
        self.wall_ns = 0
        self.rec_ns = 0
        self.value_ns = 0
        self.value_last = 0.0
        self.early = Early()
        self.sample_need = 0
        self.close_ns = 0
        self.op_ns = 600.0  # cost of one event, measured on every step that is looked at
        self.track_ns = cost_on_track()
        self.broken: str | None = None
        self.trap = self.trap_leaf = self.trap_root = None  # record.nonfinite
        self.trap_armed = True
        self.armed = None
        self.left = self.run = self.until = 0
        self.due = False
        self.steady: Any = None  # where steps on track are written down
        self.hold(None)
        self.device_time = "interval"  # how devices are timed: "interval", "isolated" or "off"
        self.seq = 0
        self.num = {"train": 0, "eval": 0}
        self.last: dict[str, Any] = {"train": None, "eval": None}
        self.consts: dict[int, list[Any]] = {}
        self.port_items: list[Any] = []
        self.outlive = Outlive()
        self.facts = Facts(pump.notes.append)
        self.births = Births()
        self.unseen = 0  # steps so far that were not looked at
        self.clocks: dict[Any, Any] = {}  # of devices; see record.on_device
        self.marks: Any = None
        self.asked = -1
        self.control: Any = None  # who may stop the program (record.control)
        self.waited = 0  # nanoseconds that it was stopped
        self.watched: frozenset[int] = frozenset()  # values of which whole tensors are kept
        self._begin(self.t_start)
        if any(backend.name != "cpu" for backend in BACKENDS.values()):
            self.device_here()

    def device_here(self) -> None:
        """A device was started."""

    def resume(self) -> None:
        """Recording goes on after a break; a device may have been started in it."""
        if any(backend.name != "cpu" for backend in BACKENDS.values()):
            self.device_here()

    # ---------------------------------------------------------------- a step's life

    def _begin(self, t0: int) -> None:
        self.armed = None
        self.base = new_base()
        self.t0 = t0
        self.i = 0
        self.kind: str | None = None
        self.phase = FORWARD
        self.after = False
        self.unsettled = True
        self.status = "ok"
        self.note: str | None = None
        self.loss = None
        self.nonfinite = 0
        self.ports: list[Any] = []
        self.port_shapes: list[Any] = []
        self.old_ports = self.port_items
        self.port_items = []
        self.births.begin()
        self.scope = 0
        self.where = FORWARD
        self.stack: list[int] = []
        self.inside = 0  # how many of the stack are modules, and not scopes that the user named
        self.root: Any = None
        self.value_cost = 0
        self.entries: list[Any] = []
        self.event_ns = 0
        self.sampled = 0
        last = self.last["train"] or self.last["eval"]
        self.values = self.mode == "full" or (
            self.mode != "off"
            and (last is None or self._affordable(t0 - self.t_start - self.waited))
        )
        # Samples of larger tensors: of all or of none, when enough is saved up for a whole step.
        self.samples = self.mode == "full" or (
            self.mode != "stats" and self.pump.thumbs_left >= self.sample_need
        )
        self._follow(last)

    def _follow(self, graph: Any) -> None:
        """Predict that the step, in which no op ran so far, has this graph."""
        self.predicted = graph
        # The first steps of a graph are looked at, then every 16th, from the 64th on every 64th or fewer: what an event costs, when memory dies, and
        # whether the source lines are still those of the graph (an equal structure from other lines is all
        # but impossible).
        seen = -1 if graph is None else graph.seen
        self.timed = seen < 3 or seen & self._looked_among(seen) == 0
        self.look = self.stacks and self.timed
        self.counted = self.memory and self.timed
        self.extra = self.values or self.timed
        self.told: Any = None
        if graph is None:
            self.note_from(b"", {})
        else:
            self.note_from(graph.columns.rows, graph.columns.more)
        if not self.extra and graph.set >= 0 and graph.repeats:
            n = graph.n
            track = graph.track
            if track is None:
                track = graph.track = track_of(graph.keys, len(graph.ports))
            self.told = self._shapes_of(graph)
            self.direct = False
            self.plan = track.entries
            self.packed, self.first = track.packed, track.first
            self.begin = array("q", bytes(8 * n))
            self.end = array("q", bytes(8 * n))
            self.times(self.begin, self.end)
            self.ports = graph.ports
            self.port_shapes = self.told.of_ports
            self.port_items = graph.items or [_NOTHING] * len(graph.ports)
            self._come_in()
        else:
            self.times(None, None)
            self._off_track()

    def _shapes_of(self, graph: Any) -> Shapes:
        """The shapes of a graph's last step."""
        told = graph.told
        if told is None or told.number != graph.set:
            all, (nodes, ports) = self.specs.all, graph.shapes[graph.set]
            of_nodes, of_ports = (
                [all[k][0] for k in memoryview(x).cast("i")] for x in (nodes, ports)
            )
            told = graph.told = Shapes(graph.set, of_nodes, of_ports)
        return told  # type: ignore[no-any-return]

    def _off_track(self) -> None:
        self.told = None
        self.plan = NEVER
        self.direct = type(self).ends_in_c and not self.values

    def close(self, status: str | None = None, note: str | None = None, at: int = 0) -> None:
        """End the running step (nothing happens if no op ran in it) and begin the next one.

        at: when it ended, if that was before now.
        """
        if status is None is note and self.end_step(at):
            return
        began = clock()
        now = at or began
        self._count_run()
        if self.i == 0:
            self._begin(now if status is None else self.t0)
            return
        n, kind = self.i, self.kind or "train"
        graph = self.predicted
        told = self.told
        if (
            told is not None
            and n == self.known
            and kind == graph.kind
            and status is note is self.note is None
            and not (self.marks is not None and self.marks.on_device)
            and self.status == "ok"
            and not self.entries
        ):
            self._close_on_track(now)
            self.close_ns = clock() - began
            return
        if told is not None and (n < self.known or kind != graph.kind):
            self._leave_track()
            told = None
        same = told is not None or (
            graph is not None
            and self.diverged < 0
            and n == graph.n
            and graph.kind == kind
            and self.ports == graph.ports
        )
        names = None
        if told is None:
            rows, keeps, specs, times = self.noted()
        else:
            times = self.begin.tobytes() + self.end.tobytes()
        if not same:
            parent, first = (graph.id if graph is not None else -1), self.diverged
            if first < 0 and graph is not None:
                first = min(n, graph.n)
            columns = Columns(rows, self.more)
            graph, new = self.names.graph(kind, columns, keeps, self.ports, parent, first)
            if new:
                names = names_in_frame(user_frame(2), self.base, PORT)
                self.consts[self.seq] = [
                    None if x is None or x._a.ndim or x._rg else x._a
                    for x in (item[0]() for item in self.port_items)
                ]
                if self.mode != "off" and not self.values:
                    self.value_last = 0.0  # statistics of a new graph come with its next step
        self.last[kind] = graph
        graph.seen += 1
        graph.repeats = graph.repeats or same
        graph.items = self.port_items if same else None
        if self.timed or graph.seen == 1:
            self.facts.close(graph, self.num[kind], self.names, self.port_items)
        if told is not None:
            shape_set = told.number
            rec_ns = cost_of_following(self.track_ns, n, now - self.t0) + self.close_ns
        else:
            shape_set = graph.set = graph.shape_set(specs, self.port_specs())
            rec_ns = int(self.op_ns * n + AROUND * self.value_cost) + self.close_ns
        seen = self.freed() if told is None else None
        if self.timed and self.event_ns and not self.value_cost:
            # Rises slowly and falls at once: a thread that lost the processor must not set the figure.
            measured = self.event_ns / n
            self.op_ns = min(measured, 1.1 * self.op_ns + 1)
        wall = now - self.t0
        self.wall_ns += wall
        self.rec_ns += rec_ns
        self.value_ns += int(AROUND * self.value_cost)
        if self.value_cost:
            self.value_last = AROUND * self.value_cost
            self.early.took(self.num["train"], self.value_cost)
            self.pump.thumbs_left -= self.sampled
            if self.samples:
                self.sample_need = self.sampled
        live0, left = (self.outlive.alive(self.unseen) if self.outlive.counted else -1), None
        if self.births.ports:
            self.pump.notes.append(
                ("fact", graph.id, schema.BORN, self.births.told(self.num[kind], kind))
            )
            if live0 < 0:
                live0 = self.births.before(self.port_shapes, self.ports)
        if seen is not None:
            left = self.outlive.look(self.seq, graph, self.refs, seen[1], self.port_items)
        else:
            self.unseen += 1
            self.outlive.before = graph
        marks = self.marks
        if marks is not None:
            marks.end()
            graph.on_device = graph.on_device or marks.on_device
            if not marks.on_device and not marks.told:
                marks = None  # the devices had no part in it: nothing to wait for and to read
        self.steady = None  # what was handed over is complete
        self.pump.put(
            Job(
                self.seq, kind, self.num[kind], graph, shape_set, status or self.status,
                self.t0 - self.t_start, wall, rec_ns, self.loss, self.nonfinite,
                times, self.t0, None if seen is None else freed_column(graph, seen[0]),
                seen is not None, note or self.note, self.entries, names, marks, live0, left,
                list(self.outlive.by.items()) if seen is not None else (),
            )
        )  # fmt: skip
        self.seq += 1
        self.num[kind] += 1
        self._begin(now)
        self.close_ns = clock() - began  # falls into the step that has just begun

    def is_no_training(self) -> bool:
        """Whether the running step can't be one of training: the others had a backward, it has none, and it is the last."""
        last = self.last["train"]
        return bool(
            self.kind == "train"
            and self.phase == FORWARD
            and last is not None
            and any(len(key) == 4 for key in last.keys)
        )

    def _settle(self, row: Any, node: Any, t0: int) -> None:
        """Decide what an op means where that is open: after a backward, in a new step, in evaluation."""
        if self.after:
            if row.writes or (not is_grad_enabled() and not self.inside):
                return  # it updates
            self._close_here(t0)
        elif self.kind == "eval" and node is not None:
            self._close_here(t0)
        if self.kind is None:
            self.kind = "train" if is_grad_enabled() else "eval"
            self._predict()
            self.unsettled = self.kind == "eval"

    def _close_here(self, at: int = 0) -> None:
        """Close the step inside whatever scopes and modules are open; at: when the next one's first op began."""
        open_now = self.scope, self.stack, self.root, self.inside
        self.close(at=at)
        self.scope, self.stack, self.root, self.inside = open_now
        self.where = self.scope << 2 | self.phase
