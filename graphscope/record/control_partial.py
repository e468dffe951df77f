"""The step in which the program stands, as a row of the trace: status "paused", replaced when the step is over.

Its graph is the one that the step is expected to have, as long as it does; the ops that did not run yet have
taken no time. A step that has left its prediction, or the first of all, gets a graph of its own so far, which
goes when the next one comes. Readers' tables of steps leave such a row out, since it is no step yet.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from graphscope.engine.frames import user_frame
from graphscope.record.control_wait import where
from graphscope.record.names import GraphRecord, names_in_frame
from graphscope.record.tables import PORT
from graphscope.trace import codec, values

_ROW = """INSERT OR IGNORE INTO steps (id, kind, num, graph, shape_set, status, t0_ns, wall_ns, rec_ns, loss, nonfinite,
 columns, shift, live0, note, looked, held, chunk, place) VALUES (?,?,?,?,?,'paused',?,?,0,?,?,?,?,0,?,1,1,?,0)"""
_GONE = "DELETE FROM steps WHERE id = ? AND status = 'paused'"
_TENSORS = (
    "INSERT OR REPLACE INTO tensors (step, data) SELECT ?, ? WHERE EXISTS"
    " (SELECT 1 FROM steps WHERE id = ? AND status = 'paused')"
)


class Facts(NamedTuple):
    """A step so far, copied in the program's thread and written by the writer's."""

    seq: int
    kind: str
    num: int
    graph: Any
    own: bool
    shapes: Any
    begin: Any
    end: Any
    t0: int
    t0_ns: int
    loss: float | None
    nonfinite: int
    entries: Any
    names: Any
    note: str


class Partial:
    """Puts the running step into the file."""

    def __init__(self, control: Any) -> None:
        self.control = control
        self._last: Any = None
        self._own: tuple[int, int] | None = (
            None  # graph and shape set of the last row that had its own
        )

    def again(self) -> None:
        """Something was done while the program waited: the row says what it said."""
        if self._last is not None:
            self.control.pump.notes.append(("partial", self._last))

    def put(self, rec: Any, at: dict[str, Any]) -> None:
        """Hand the step over as it is now."""
        n, kind = rec.i, rec.kind or "train"
        if not n:
            return
        graph: Any = rec.predicted
        so_far, port_specs = rec.so_far(), rec.port_specs()
        follows = (
            graph is not None
            and graph.set >= 0
            and rec.diverged < 0
            and n <= graph.n
            and kind == graph.kind
            and rec.ports == graph.ports[: len(rec.ports)]
        )
        if follows:
            of_nodes, of_ports = graph.shapes[graph.set]
            specs = so_far.specs
            number = graph.shape_set(
                specs + of_nodes[len(specs) :], port_specs + of_ports[len(port_specs) :]
            )
        else:
            parent = -1 if graph is None else graph.id
            names = rec.names
            graph = GraphRecord(
                names.count, kind, so_far.columns, so_far.keeps, list(rec.ports), parent, max(rec.diverged, 0),
                f"paused-{names.count}", names.kinds,
            )  # fmt: skip
            names.count += 1
            number = graph.shape_set(so_far.specs, port_specs)
        self._last = Facts(
            rec.seq, kind, rec.num[kind], graph, not follows, number, so_far.begin, so_far.end, rec.t0, rec.t0 - rec.t_start, rec.loss, int(rec.nonfinite),
            list(rec.entries), None if follows else names_in_frame(user_frame(2), rec.base, PORT), where(at),
        )  # fmt: skip
        self.control.pump.notes.append(("partial", self._last))

    # ---------------------------------------------------------------- the writer's thread

    def write(self, facts: Facts) -> None:
        """Write the row. A step that is over by now stays as it is."""
        pump = self.control.pump
        put, graph = pump.writer._put, facts.graph
        if graph.id not in pump._graphs:
            if not facts.own:
                return  # steps before it wait for a device
            pump._describe([SimpleNamespace(graph=graph, names=facts.names, freed=None, seq=-1)])
        key = graph.id, facts.shapes
        if key not in pump._sets:
            pump._shape_sets([(graph, facts.shapes)])
        set_id = pump._sets[key]
        n, rest = graph.n, graph.n - len(facts.begin)
        begin = np.zeros((1, n), np.int64)
        took = np.zeros((1, n), np.int64)
        begin[0, : n - rest] = facts.begin - facts.t0
        begin[0, n - rest :] = facts.end[-1] - facts.t0
        took[0, : n - rest] = facts.end - facts.begin
        columns, shift = codec.pack_many(begin, took)
        loss = facts.loss if facts.loss is not None and facts.loss == facts.loss else None
        put(_GONE, facts.seq)
        put(
            _ROW, facts.seq, facts.kind, facts.num, graph.id, set_id, facts.t0_ns,
            max(int(facts.end[-1]) - facts.t0, 0), loss, facts.nonfinite, columns, shift, facts.note, facts.seq,
        )  # fmt: skip
        if facts.entries:
            put(_TENSORS, facts.seq, values.encode(facts.entries), facts.seq)
        self._drop_own()
        if facts.own:
            self._own = graph.id, set_id

    def _drop_own(self) -> None:
        if self._own is None:
            return
        (graph, set_id), self._own = self._own, None
        pump = self.control.pump
        put = pump.writer._put
        # Only where no row needs it: a program that is killed while it waits leaves the row as its last.
        for sql in (
            "DELETE FROM graphs WHERE id = ? AND NOT EXISTS (SELECT 1 FROM steps WHERE graph = ?)",
            "DELETE FROM shape_sets WHERE graph = ? AND NOT EXISTS (SELECT 1 FROM steps WHERE graph = ?)",
        ):
            put(sql, graph, graph)  # a numbered mark is a named one to some versions of Python
        put(
            "DELETE FROM costs WHERE shape_set = ? AND shape_set NOT IN (SELECT id FROM shape_sets)",
            set_id,
        )
        pump._graphs.pop(graph, None)
        for table in (pump.writer._nodes, pump.writer._plans, pump.writer._phases):
            table.pop(graph, None)
