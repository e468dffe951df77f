"""The recorder: told once per op, it compares the step with the one it predicts and stores numbers.

Nothing is described twice: a step is compared op by op with the last graph, and only one that differs is
turned into a graph. Values of a step are numbered by position; what comes from before it enters through
ports. There are two ways to be told:

- On track. The step before had this graph. The straight path of an op compares itself with the entry of
  the graph in place (``record.track``): same op, same inputs wanted and connected, same scope and phase.
  Then shape and dtype follow from those of the ports, which are checked, and two clock readings are all
  that is stored. An op that differs calls ``op``, which leaves the track at that very op.
- Looked at. The first steps of a graph, every 16th and later every 64th of it, those with statistics, and what follows after the
  track was left: each op builds the key that makes up graphs, and its shape, its source line and the death
  of its memory are noted. Lines and deaths of the steps in between are those of the graph.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial, wraps
from itertools import count
from threading import get_ident
from time import perf_counter_ns as clock
from typing import Any, TypeVar
from weakref import ref

import numpy as np

from graphscope.engine.dispatch import NEVER, broken
from graphscope.engine.frames import user_frame
from graphscope.engine.modes import is_grad_enabled
from graphscope.record.deaths import freed_column
from graphscope.record.names import Names, names_in_frame, port_of
from graphscope.record.pump import Job, Pump
from graphscope.record.sites import Sites
from graphscope.record.statistics import describe, to_host
from graphscope.record.tables import PORT
from graphscope.record.track import Shapes, cost_on_track, entries_of
from graphscope.trace import schema

_F = TypeVar("_F", bound=Callable[..., Any])
_SPAN = 24
_epochs = count(1)
FORWARD, BACKWARD, UPDATE = schema.FORWARD, schema.BACKWARD, schema.UPDATE
_DATA_KEY = ("data",)


def fenced(method: _F) -> _F:
    """A bug in here stops the recording with one warning, never the program. (``op`` is fenced by callers.)"""

    @wraps(method)
    def guarded(self: Any, *args: Any, **options: Any) -> Any:
        try:
            return method(self, *args, **options)
        except Exception as error:
            broken(self, error)

    return guarded  # type: ignore[return-value]


class Recorder:
    """Listens to the engine (``dispatch.Observer``) and feeds the writer thread."""

    # Slots: with more than 30 attributes an ordinary object's lookups get slower.
    __slots__ = (
        "after", "base", "close_ns", "budget", "consts", "diverged", "entries", "event_ns",
        "expected", "extra", "foreign", "i", "kept", "kind", "last",
        "lines", "dead", "deaths", "deaths_append", "on_death", "look", "loss", "memory", "mode",
        "n_expected", "names", "nonfinite", "note", "num", "op_ns", "phase",
        "old_ports", "port_items", "port_shapes", "ports", "predicted", "pump", "rec_ns", "refs",
        "refs_append", "root", "scope", "seq", "samples", "sampled", "sample_need", "shapes", "shapes_append", "site",
        "sites", "stack", "stacks", "status", "t0", "t_start",
        "thread", "timed", "begin", "end", "begin_append", "end_append", "unsettled", "value_cost", "value_last",
        "value_ns", "values", "wall_ns", "plan", "rids", "where", "told", "track_ns", "broken",
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
        self.site = self.sites.here
        self.names = Names()
        self.thread = get_ident()
        self.foreign = 0
        self.t_start = clock()
        self.wall_ns = 0
        self.rec_ns = 0
        self.value_ns = 0
        self.value_last = 0.0
        self.sample_need = 0
        self.close_ns = 0
        self.op_ns = 600.0  # cost of one event, measured on every step that is looked at
        self.track_ns = cost_on_track()
        self.broken: str | None = None
        self.seq = 0
        self.num = {"train": 0, "eval": 0}
        self.last: dict[str, Any] = {"train": None, "eval": None}
        self.consts: dict[int, list[Any]] = {}
        # The values whose memory died in this step, in order. A weak reference calls the partial that its
        # node has in `on_death`, which puts the node's number in here: no Python code runs at a death.
        self.dead: dict[int, Any] = {}
        self.on_death: list[Any] = []
        self.port_items: list[Any] = []
        self._begin(self.t_start)

    # ---------------------------------------------------------------- a step's life

    def _begin(self, t0: int) -> None:
        self.base = next(_epochs) << _SPAN
        self.t0 = t0
        self.i = 0
        self.kind: str | None = None
        self.phase = FORWARD
        self.after = False
        self.unsettled = True
        self.status = "ok"
        self.note: str | None = None
        self.loss: float | None = None
        self.nonfinite = 0
        self.ports: list[Any] = []
        self.port_shapes: list[Any] = []
        self.old_ports = self.port_items
        self.port_items = []
        self.scope = 0
        self.where = FORWARD
        self.stack: list[int] = []
        self.root: Any = None
        self.value_cost = 0
        self.entries: list[Any] = []
        self.event_ns = 0
        self.sampled = 0
        last = self.last["train"] or self.last["eval"]
        self.values = self.mode == "full" or (
            self.mode != "off" and (last is None or self._affordable(t0 - self.t_start))
        )
        # Samples of larger tensors: of all or of none, when enough is saved up for a whole step.
        self.samples = self.mode != "stats" and self.pump.thumbs_left >= self.sample_need
        self._follow(last)

    def _follow(self, graph: Any) -> None:
        """Predict that the step, in which no op ran so far, has this graph."""
        self.predicted = graph
        self.diverged = -1
        self.expected: list[Any] = graph.keys if graph is not None else []
        self.lines: list[int] = graph.lines if graph is not None else []
        self.kept: list[Any] = graph.kept if graph is not None else []
        n = self.n_expected = len(self.expected)
        # The first steps of a graph are looked at, then every 16th, from the 64th on every 64th: what an event costs, when memory dies, and
        # whether the source lines are still those of the graph (an equal structure from other lines is all
        # but impossible).
        seen = -1 if graph is None else graph.seen
        self.timed = seen < 3 or seen & (15 if seen < 64 else 63) == 0
        self.look = self.stacks and self.timed
        self.extra = self.values or self.timed
        self.told: Any = None
        self.refs: list[Any] = []
        self.shapes: list[Any] = []
        self.rids: list[int] = []
        if not self.extra and graph.told is not None:
            if graph.entries is None:
                graph.entries = entries_of(graph.keys)
            self.told = graph.told
            base = self.base
            ports = len(graph.ports)
            self.plan = graph.entries
            self.rids = [*range(base, base + n), *range(base + PORT, base + PORT + ports)]
            self.begin = [0] * n
            self.end = [0] * n
        else:
            self.begin = []
            self.end = []
            self._off_track()

    def _off_track(self) -> None:
        self.told = None
        self.plan = NEVER
        self.rids = []
        self.begin_append = self.begin.append
        self.end_append = self.end.append
        self.shapes = []
        self.shapes_append = self.shapes.append
        self.refs = []
        self.refs_append = self.refs.append
        self.dead.clear()
        self.deaths: list[int] = []  # how many had died when each node was done
        self.deaths_append = self.deaths.append

    def _leave_track(self) -> None:
        """Go on op by op: what is known of the step so far is what was predicted."""
        i, told = self.i, self.told
        del self.begin[i:], self.end[i:]
        self._off_track()
        self.shapes += told.of_nodes[:i]

    def _affordable(self, elapsed: int) -> bool:
        """Do statistics in this step keep the whole recorder within its budget?

        Events and the writer come first; statistics get what they leave, but a two-hundredth at least, so
        that a program of tiny steps is not blind: one millisecond of statistics is due five times a second.
        """
        events = self.rec_ns - self.value_ns + self.pump.cpu_ns
        share = max(self.budget - events / max(elapsed, 1), 0.005)
        return self.value_ns + self.value_last <= share * elapsed

    def close(self, status: str | None = None, note: str | None = None, at: int = 0) -> None:
        """End the running step (nothing happens if no op ran in it) and begin the next one.

        at: when it ended, if that was before now.
        """
        began = clock()
        now = at or began
        if self.i == 0:
            self._begin(now if status is None else self.t0)
            return
        n, kind = self.i, self.kind or "train"
        graph = self.predicted
        told = self.told
        if told is not None and (n < self.n_expected or kind != graph.kind):
            self._leave_track()
            told = None
        same = told is not None or (
            graph is not None
            and self.diverged < 0
            and n == len(graph.keys)
            and graph.kind == kind
            and self.ports == graph.ports
        )
        names = None
        if not same:
            parent, first = (graph.id if graph is not None else -1), self.diverged
            if first < 0 and graph is not None:
                first = min(n, len(graph.keys))
            graph, new = self.names.graph(
                kind, self.expected[:n], self.lines[:n], self.kept[:n], self.ports, parent, first
            )
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
        if told is not None:
            shape_set = told.number
            rec_ns = int(self.track_ns * n) + self.close_ns
        else:
            shape_set = graph.shape_set(self.shapes, self.port_shapes)
            rec_ns = int(self.op_ns * n) + self.value_cost + self.close_ns
            graph.told = Shapes(shape_set, self.shapes, self.port_shapes)
        looked = self.memory and self.timed and len(self.refs) == n
        if self.timed and self.event_ns and not self.value_cost:
            # Rises slowly and falls at once: a thread that lost the processor must not set the figure.
            measured = self.event_ns / n
            self.op_ns = min(measured, 1.1 * self.op_ns + 1)
        wall = now - self.t0
        self.wall_ns += wall
        self.rec_ns += rec_ns
        self.value_ns += self.value_cost
        if self.value_cost:
            self.value_last = self.value_cost
            self.pump.thumbs_left -= self.sampled
            if self.samples:
                self.sample_need = self.sampled
        self.pump.put(
            Job(
                self.seq, kind, self.num[kind], graph, shape_set, status or self.status,
                self.t0 - self.t_start, wall, rec_ns, self.loss, self.nonfinite,
                self.begin, self.end, self.t0,
                freed_column(graph, self.dead, self.deaths, self.refs) if looked else None,
                looked, note or self.note, self.entries, names,
            )
        )  # fmt: skip
        self.seq += 1
        self.num[kind] += 1
        self._begin(now)
        self.close_ns = clock() - began  # falls into the step that has just begun

    def _settle(self, row: Any, node: Any) -> None:
        """Decide what an op means where that is open: after a backward, in a new step, in evaluation."""
        if self.after:
            if row.writes or (not is_grad_enabled() and not self.stack):
                return  # it updates
            self._close_here()
        elif self.kind == "eval" and node is not None:
            self._close_here()
        if self.kind is None:
            self.kind = "train" if is_grad_enabled() else "eval"
            self._predict()
            self.unsettled = self.kind == "eval"

    def _close_here(self) -> None:
        scope, stack, root = self.scope, self.stack, self.root
        self.close()
        self.scope, self.stack, self.root = scope, stack, root
        self.where = scope << 2 | self.phase

    # ---------------------------------------------------------------- events

    def op(
        self,
        row: Any,
        params: Any,
        a: Any,
        b: Any,
        rest: Any,
        out: Any,
        t0: int,
        t1: int,
        node: Any,
    ) -> None:
        """A forward or update op ran: its inputs are ``a``, ``b`` (or None) and ``rest``."""
        if get_ident() != self.thread:
            self.foreign += 1
            return
        t2 = clock() if self.extra else 0
        if self.unsettled:
            self._settle(row, node)
        base = self.base
        u = a._rid - base
        if u >> _SPAN:
            u = self._port(a)
        v = None
        if b is not None:
            v = b._rid - base
            if v >> _SPAN:
                v = self._port(b)
            if rest:
                v = (
                    v,
                    *[self._port(x) if (x._rid - base) >> _SPAN else x._rid - base for x in rest],
                )
        if type(out) is tuple:
            self._several(row, params, u, v, out, t0, t1, node)
            return
        i = self.i
        made = out._a
        mask = 0 if node is None else node.plan.mask
        key = (row, params, u, v, self.scope, self.phase, made.dtype, mask)
        if self.told is not None:
            if (
                i < self.n_expected
                and self.expected[i] == key
                and self.told.of_nodes[i] == made.shape
            ):
                self.begin[i] = t0
                self.end[i] = t1
                out._rid = rid = self.rids[i]
                if node is not None:
                    node.rid = rid
                self.i = i + 1
                return
            self._leave_track()
        if (
            i >= self.n_expected
            or self.expected[i] != key
            or (self.look and self.lines[i] != self.site(3))
        ):
            self._new(i, key, node)
        self.shapes_append(made.shape)
        self.begin_append(t0)
        self.end_append(t1)
        if self.timed and self.memory:
            if row.view or row.writes:
                self.refs_append(None)
            else:
                owner = made.base
                self.refs_append(ref(made if owner is None else owner, self.on_death[i]))
            self.deaths_append(len(self.dead))
        out._rid = rid = base + i
        if node is not None:
            node.rid = rid
        self.i = i + 1
        if self.extra:
            if self.values:
                self._value(i, "v", made)
            elif t2:
                self.event_ns += clock() - t2

    @fenced
    def grad(self, node: Any, slot: int, g: Any, t0: int, t1: int, alias: bool = False) -> None:
        """The gradient of one input of ``node`` was computed."""
        if get_ident() != self.thread:
            self.foreign += 1
            return
        t2 = clock() if self.extra else 0
        twin = node.rid - self.base
        if twin >> _SPAN:
            twin = -1
        i = self.i
        key = (node.row, twin, slot, g.dtype)
        if self.told is not None:
            if i < self.n_expected and self.expected[i] == key and self.told.of_nodes[i] == g.shape:
                self.begin[i] = t0
                self.end[i] = t1
                self.i = i + 1
                return
            self._leave_track()
        if i >= self.n_expected or self.expected[i] != key:
            self._new(i, key, None)
        self.shapes_append(g.shape)
        self.begin_append(t0)
        self.end_append(t1)
        if self.timed and self.memory:
            if alias or type(g) is np.float32 or type(g) is np.float64:
                self.refs_append(None)
            else:
                owner = g.base
                if owner is None:
                    owner = g
                elif owner.nbytes < g.nbytes or node.row.view:
                    owner = None  # a broadcast or transposed view of memory counted elsewhere
                self.refs_append(None if owner is None else ref(owner, self.on_death[i]))
            self.deaths_append(len(self.dead))
        self.i = i + 1
        if t2 and not self.values:
            self.event_ns += clock() - t2

    @fenced
    def adjoint(self, node: Any, g: Any) -> None:
        """The whole gradient of a node's output, before its inputs' gradients (value steps only)."""
        i = node.rid - self.base
        if not i >> _SPAN and not isinstance(g, list):
            self._value(i, "g", g._a if hasattr(g, "_a") else g)

    @fenced
    def leaf(self, tensor: Any, g: Any) -> None:
        """A leaf's gradient was accumulated: its ``.grad`` is what the last gradient node made."""
        if get_ident() != self.thread:
            return
        i = self.i - 1
        # The object itself where the step is on track: there inputs are compared by identity.
        tensor._grad._rid = self.base + i if self.told is None or i < 0 else self.rids[i]
        if self.values:
            k = tensor._rid - self.base
            if not k >> _SPAN and k >= PORT:
                self._value(PORT - 1 - k, "g", g)

    @fenced
    def backward_begin(self, roots: Any = ()) -> None:
        """A backward pass starts; the first root is the step's loss."""
        if get_ident() != self.thread:
            return
        self.after = False
        self.phase = BACKWARD
        self.where = self.scope << 2 | BACKWARD
        if (
            roots
            and self.loss is None
            and roots[0]._a.size == 1
            and type(roots[0]._a) is np.ndarray
        ):
            self.loss = loss = float(roots[0]._a)
            if loss - loss != 0:
                self.nonfinite = 1
                self.value_last = 0.0

    @fenced
    def backward_end(self) -> None:
        """It ended: what follows updates, or opens the next step."""
        if get_ident() == self.thread:
            self.phase = UPDATE
            self.where = self.scope << 2 | UPDATE
            self.after = self.unsettled = True

    @fenced
    def data(self, t0: int, t1: int) -> None:
        """The program waited for a batch: that is the beginning of a step."""
        if get_ident() != self.thread:
            return
        if self.i and (self.i > 1 or self.kind is not None):
            self.close(at=t0)  # the wait belongs to the step that it feeds
        i = self.i
        fits = i < self.n_expected and self.expected[i] == _DATA_KEY
        if self.told is not None:
            if fits:
                self.begin[i] = t0
                self.end[i] = t1
                self.i = i + 1
                return
            self._leave_track()
        if not fits:
            self._new(i, _DATA_KEY, None)
        self.shapes_append(())
        self.begin_append(t0)
        self.end_append(t1)
        self.refs_append(None)
        self.deaths_append(len(self.dead))
        self.i = i + 1

    @fenced
    def failed(self, row: Any, inputs: Any, error: BaseException) -> None:
        """An op raised; the step will be kept as failed."""
        shapes = ", ".join(str(tuple(x._a.shape)) for x in inputs)
        self.status, self.note = "failed", f"{row.name}({shapes}): {error}"

    @fenced
    def enter(self, module: Any) -> None:
        """A module's forward starts."""
        if get_ident() != self.thread:
            return
        if not self.stack:
            # the next training step, an evaluation after training, or the next batch of one
            if self.after or (self.kind == "eval" and self.root is module):
                self._close_here()
            if self.root is None:
                self.root = module
        stack = self.stack
        stack.append(self.scope)
        known = module.__dict__.get("_gs_scope")
        if known is not None and known[0] is self.names.token:
            self.scope = known[1]
        else:
            self.scope = self.names.scope(module, self.scope, len(stack) > 1)
        self.where = self.scope << 2 | self.phase

    @fenced
    def enter_name(self, name: str) -> None:
        """A scope that the user names starts."""
        if get_ident() == self.thread:
            self.stack.append(self.scope)
            above = self.names.texts[self.scope]
            self.scope = self.names.string(f"{above}.{name}" if above else name)
            self.where = self.scope << 2 | self.phase

    @fenced
    def leave(self) -> None:
        """A module's forward, or a named scope, ended."""
        if get_ident() == self.thread and self.stack:
            self.scope = self.stack.pop()
            self.where = self.scope << 2 | self.phase

    # ---------------------------------------------------------------- rare work

    def stopped(self, error: Exception) -> None:
        """Something in here failed: say so once. The program runs on, and what was written can be opened."""
        if self.broken is not None:
            return  # somebody still held the recorder
        self.broken = f"{type(error).__name__}: {error}"
        warnings.warn(
            f"GraphScope stopped recording into {self.pump.path}: an error in the recorder itself "
            f"({self.broken}). The program runs on; what was written so far can be opened.",
            RuntimeWarning,
            stacklevel=3,
        )

    def const_text(self, seq: int, k: int) -> str | None:
        """The number that port ``k`` of step ``seq`` (the first of its graph) held, as text."""
        held = self.consts.get(seq)
        if held is None or held[k] is None or type(held[k]) is not np.ndarray:
            return None
        return f"{held[k].item():.7g}"

    def line_of(self, node: Any) -> tuple[str, int] | None:
        """File and line of the op that made ``node`` in this step, for an error that wants to say so."""
        i = node.rid - self.base
        if i >> _SPAN or i >= len(self.lines) or self.lines[i] < 0:
            return None
        name, line, _ = self.sites.lines[self.lines[i]]
        return name, line

    def _predict(self) -> None:
        """The step's kind is known now: predict the last graph of that kind."""
        last = self.last[self.kind or "train"]
        if last is self.predicted or last is None:
            return
        i = self.i
        if self.expected[:i] != last.keys[:i] or self.diverged >= 0:
            if self.told is not None:
                self._leave_track()
            self.predicted = last
            if self.diverged < 0:
                self._diverge(0)
            return
        begin, end = self.begin[:i], self.end[:i]
        self._follow(last)
        if self.told is not None:
            self.begin[:i], self.end[:i] = begin, end
        else:
            self.begin += begin
            self.end += end
            self.shapes += [()] * i  # only a wait for data can have come before the first op
            self.refs += [None] * i
            self.deaths += [0] * i

    def _diverge(self, at: int) -> None:
        i = self.i
        self.diverged = at
        self.expected = self.expected[:i]
        self.lines = self.lines[:i]
        self.kept = self.kept[:i]
        self.n_expected = i

    def _new(self, i: int, key: Any, node: Any) -> None:
        """The step leaves the predicted graph (or has left it): write the op down."""
        if self.diverged < 0:
            self._diverge(i)
        self.expected.append(key)
        self.lines.append(self.site(4) if self.stacks and len(key) == 8 else -1)
        kept: tuple[int, ...] = ()
        if node is not None and node.saved is not None:
            kept = tuple(k for k, a in enumerate(node.saved) if a is not None)
        self.kept.append(kept)
        self.n_expected = i + 1
        while len(self.on_death) <= i:
            self.on_death.append(partial(self.dead.__setitem__, len(self.on_death)))

    def _several(
        self, row: Any, params: Any, u: int, v: Any, outs: Any, t0: int, t1: int, node: Any
    ) -> None:
        """An op with several outputs: the first is the node, the others are extra nodes beside it."""
        main = self.i
        for k, out in enumerate(outs):
            i = self.i
            a = out._a
            wires = (u, v) if k == 0 else (main, None)
            mask = 0 if node is None else node.plan.mask
            key = (row, (*params, k), *wires, self.scope, self.phase, a.dtype, mask)
            if self.told is not None:
                if (
                    i < self.n_expected
                    and self.expected[i] == key
                    and self.told.of_nodes[i] == a.shape
                ):
                    self.begin[i] = t0 if k == 0 else t1
                    self.end[i] = t1
                    out._rid = self.rids[i]
                    self.i = i + 1
                    continue
                self._leave_track()
            if i >= self.n_expected or self.expected[i] != key:
                self._new(i, key, node if k == 0 else None)
            self.shapes_append(a.shape)
            self.begin_append(t0 if k == 0 else t1)
            self.end_append(t1)
            if self.timed and self.memory:
                owner = a if a.base is None else a.base
                self.refs_append(None if row.view else ref(owner, self.on_death[i]))
                self.deaths_append(len(self.dead))
            out._rid = self.base + i
            self.i = i + 1
        if node is not None:
            node.rid = self.base + main if self.told is None else self.rids[main]

    def _port(self, x: Any) -> int:
        """Something from before the step is used: it enters as the next port."""
        n = len(self.ports)
        k = PORT + n
        told = self.told
        if told is not None and (n >= len(told.of_ports) or told.of_ports[n] != x._a.shape):
            self._leave_track()
            told = None
        x._rid = self.base + k if told is None else self.rids[self.n_expected + n]
        # Parameters and an optimizer's state are the tensors of the step before: then so is the port.
        old = self.old_ports
        if n < len(old) and old[n][0]() is x and old[n][1] is x._rg and old[n][2][3] is x._a.dtype:
            item = old[n]
        else:
            item = (ref(x), x._rg, port_of(x, self.phase, self.names))
        if told is not None and item[2] != self.predicted.ports[n]:
            self._leave_track()
        self.port_items.append(item)
        self.ports.append(item[2])
        self.port_shapes.append(x._a.shape)
        if self.values and x._a.ndim:
            self._value(PORT - 1 - k, "v", x._a)
        return k

    def _value(self, v: int, kind: str, a: Any) -> None:
        t = clock()
        entry = describe(to_host(a), self.samples)
        if entry.thumb is not None:
            self.sampled += entry.thumb.values.size
        self.entries.append((v, kind, entry))
        self.value_cost += clock() - t
