"""Reads a trace, finished or still being written, from any thread."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope.errors import TraceError
from graphscope.trace import codec, schema, values
from graphscope.trace.alive import gone
from graphscope.trace.logged import Logged, number
from graphscope.trace.missing import Missing, missing
from graphscope.trace.records import (
    DeviceStep,
    Floats,
    Graph,
    Ints,
    Longs,
    Step,
    StepTable,
    Survivor,
    ValueStep,
)
from graphscope.trace.thinned import sentence

STALE_AFTER = 5.0
_FACTS = (
    "id, num, graph, shape_set, status, t0_ns, wall_ns, rec_ns, loss, nonfinite, "
    "chunk, place, freed, dev, live0, note, looked"
)


class TraceReader(Logged):
    """The facts of one run.

    Raises: TraceError when ``path`` is missing, empty, foreign, damaged or of a newer version.
    """

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self._graphs: dict[int, Graph] = {}
        self._shape_sets: dict[int, Ints] = {}
        self._costs: dict[int, tuple[Longs, Longs]] = {}
        self._alones: dict[int, tuple[int, int]] = {}
        self._alone_upto = -1
        self._chunks: dict[int, tuple[Longs, Longs]] = {}
        self.header()

    # -- the run ----------------------------------------------------------------------------------

    def header(self) -> dict[str, str]:
        """The meta table: run, created, engine, state and so on."""
        return {str(k): str(v) for k, v in self._rows("SELECT key, value FROM meta")}

    def thinned(self) -> str | None:
        """What was thinned away to keep the file within its size, in one sentence; None where nothing was."""
        return sentence(self.header())

    def missing(self) -> list[Missing]:
        """What is not in this run though its file is whole: steps, ops of other threads, what was thinned away."""
        return missing(self.header())

    def heartbeat_age(self, header: dict[str, str] | None = None) -> float:
        """Seconds since the program last wrote."""
        text = (self.header() if header is None else header).get("heartbeat", "0")
        try:
            return max(0.0, time.time() - float(text))
        except ValueError:
            return float("inf")

    def state(self, header: dict[str, str] | None = None) -> str:
        """``live``, ``finished``, ``failed``, or ``stale``: running, but silent for 5 s or gone (killed)."""
        header = self.header() if header is None else header
        state = header.get("state", "running")
        if state in ("finished", "failed"):
            return state
        if gone(header.get("process", "")):
            return "stale"
        return "stale" if self.heartbeat_age(header) > STALE_AFTER else "live"

    def revision(self) -> dict[str, Any]:
        """A counter per table: equal revisions mean that there is nothing new to read."""
        header = self.header()
        counts = self._rows(  # one row, whatever there is
            "SELECT (SELECT max(id) FROM steps), (SELECT max(id) FROM scalars),"
            " (SELECT max(id) FROM graphs), (SELECT max(step) FROM tensors),"
            " (SELECT max(id) FROM findings), (SELECT max(id) FROM media), (SELECT max(id) FROM texts),"
            " (SELECT max(num) FROM steps WHERE kind = 'train')"
        )[0]
        names = ("steps", "scalars", "graphs", "tensors", "findings", "media", "texts")
        with self._decoding("a counter"):
            found = zip(names, counts, strict=False)
            card: dict[str, Any] = {k: -1 if v is None else int(v) for k, v in found}
        age = self.heartbeat_age(header)
        card |= control_of(header)
        state = self.state(header)
        return card | {
            "state": state,
            "gone": state == "stale" and gone(header.get("process", "")),
            "heartbeat_age": round(age, 3) if age < 1e9 else None,
            "last_step": counts[-1],
        }

    # -- graphs -----------------------------------------------------------------------------------

    def graphs(self) -> list[int]:
        return [int(id) for (id,) in self._rows("SELECT id FROM graphs ORDER BY id", partial=True)]

    def graph(self, id: int) -> Graph:
        """A graph by id (cached; only its variables' names may still change).

        Raises: TraceError when there is no such graph, or it is damaged.
        """
        cached = self._graphs.get(id)
        if cached is not None:
            row = self._one("SELECT names FROM graphs WHERE id = ?", id)
            if row is not None:
                with self._decoding(f"graph {id}"):
                    cached.names = codec.ints(row[0])
            return cached
        row = self._one("SELECT * FROM graphs WHERE id = ?", id)
        if row is None:
            raise TraceError(f"{self.path} has no graph {id}.")
        with self._decoding(f"graph {id}"):
            _, digest, kind, n, parent, diverged_at, *blobs = row
            nodes = codec.ints(blobs[0], schema.NODE_COLUMNS)
            edges, ports = codec.ints(blobs[1], 3), codec.ints(blobs[2], schema.PORT_COLUMNS)
            kept, names, plan = codec.ints(blobs[3], 2), codec.ints(blobs[4]), codec.ints(blobs[5])
            columns = (nodes, edges, ports, kept, names, plan)
            graph = Graph(id, str(digest), str(kind), *columns, parent, diverged_at, self)
            _check(graph, n)
        self._graphs[id] = graph
        return graph

    def specs_of(self, shape_set: int) -> Ints:
        """The spec ids of a shape set: the nodes', then the ports'."""
        if shape_set not in self._shape_sets:
            row = self._one("SELECT specs FROM shape_sets WHERE id = ?", shape_set)
            if row is None:
                raise TraceError(f"{self.path} has no shape set {shape_set}.")
            with self._decoding(f"shape set {shape_set}"):
                self._shape_sets[shape_set] = codec.ints(row[0])
        return self._shape_sets[shape_set]

    def costs(self, shape_set: int) -> tuple[Longs, Longs] | None:
        """Arithmetic operations and bytes moved of each node; None where the trace has none."""
        if shape_set not in self._costs:
            row = self._one("SELECT flops, traffic FROM costs WHERE shape_set = ?", shape_set)
            if row is None:
                return None
            with self._decoding(f"the costs of shape set {shape_set}"):
                flops, traffic = (codec.unpack(blob, "<i8") for blob in row)
                if len(flops) != len(traffic):
                    raise ValueError("they do not fit each other")
                self._costs[shape_set] = (flops, traffic)
        return self._costs[shape_set]

    # -- steps ------------------------------------------------------------------------------------

    def steps(self, kind: str = "train", since: int = -1) -> StepTable:
        """The steps with an id above ``since``, oldest first; not the one in which the program stands."""
        # A tail is read along the ids: along the index of kinds every row of the kind would be looked at ("+" hides
        # the column from it). Steps of other kinds are few among many, and the index finds them.
        of = "+kind" if since >= 0 and kind == "train" else "kind"
        rows = self._rows(
            # A text costs as much as the rest of its row; nearly all are "ok".
            "SELECT id, num, graph, shape_set, t0_ns, wall_ns, rec_ns, loss, nonfinite, nullif(status, 'ok'),"
            " data_ns, forward_ns, backward_ns, update_ns, live0, chunk IS NOT NULL, freed IS NOT NULL,"
            " coalesce(copy_ns, 0)"
            f" FROM steps WHERE {of} = ? AND id > ? AND status != 'paused' ORDER BY id",
            kind,
            since,
            partial=True,
        )
        with self._decoding("the table of steps"):
            columns = list(zip(*rows, strict=True)) or [()] * 18
            ids, num, graph, shapes, t0, wall, rec = (np.array(c, np.int64) for c in columns[:7])
            loss = np.array([np.nan if x is None else x for x in columns[7]], np.float64)
            flags = np.array(columns[8], np.bool_)
            status = ["ok" if s is None else str(s) for s in columns[9]]
            parts = np.array(columns[10:14], np.float64).T  # None becomes NaN
            live0 = np.array(columns[14], np.int64)
            timed, died = (np.array(c, np.bool_) for c in columns[15:17])
            copies = np.array(columns[17], np.float64)
            return StepTable(
                ids, num, graph, shapes, t0, wall, rec, loss, flags, status, parts, live0, timed, died, copies
            )  # fmt: skip

    def timed(self, ids: Sequence[int]) -> list[int]:
        """Of these steps (by their ids) those whose times are kept."""
        found: list[int] = []
        for k in range(0, len(ids), 500):
            some = [int(id) for id in ids[k : k + 500]]
            marks = ", ".join("?" * len(some))
            sql = f"SELECT id FROM steps WHERE id IN ({marks}) AND chunk IS NOT NULL"
            found += [int(id) for (id,) in self._rows(sql, *some, partial=True)]
        return found

    def last_loss(self, kind: str = "train") -> float | None:
        """The newest step's loss: NaN where it was not finite, None where no step has one."""
        row = self._one(
            "SELECT loss, nonfinite FROM steps WHERE kind = ? AND (loss IS NOT NULL OR nonfinite)"
            " ORDER BY num DESC LIMIT 1",
            kind,
        )
        if row is None:
            return None
        with self._decoding("the last loss"):
            return float("nan") if row[0] is None else float(row[0])

    def step(self, num: int = -1, kind: str = "train") -> Step:
        """One step by its number; ``-1`` is the last one.

        Raises: TraceError when there is no such step, or it is damaged.
        """
        where = "num = ?" if num >= 0 else "? < 0"
        row = self._one(
            f"SELECT {_FACTS} FROM steps WHERE kind = ? AND {where} ORDER BY num DESC LIMIT 1",
            kind,
            num,
        )
        if row is None:
            what = f"no {kind} step {num}" if num >= 0 else f"no {kind} step yet"
            raise TraceError(f"{self.path} has {what}.")
        with self._decoding(f"step {num}"):
            id, num, graph_id, shape_set = (number(x) for x in row[:4])
            t0, wall, rec, live0 = (number(x) for x in (*row[5:8], row[14]))
            loss = None if row[8] is None else float(row[8])
        status, nonfinite = row[4], row[9]
        chunk, place, freed, dev, _, note, looked = row[10:]
        graph = self.graph(graph_id)
        timed_at = num
        if chunk is None:
            timed_at, chunk, place = self._timed(kind, num, graph_id)
        with self._decoding(f"step {num}"):
            if chunk is None:
                begin = dur = np.zeros(graph.n, np.int64)
            else:
                begin, dur = (column[place] for column in self._chunk(chunk))
            died = graph.plan if freed is None else codec.ints(zlib.decompress(freed))
            device, idle, on_device = _device_columns(dev, graph.n, self.devices(id))
            if len(begin) != graph.n or len(dur) != graph.n:
                raise ValueError("its columns do not fit its graph")
            specs = self.specs_of(shape_set)
            if len(specs) < graph.n + graph.n_ports:
                raise ValueError("its shapes do not fit its graph")
            return Step(
                id,
                kind,
                num,
                graph_id,
                shape_set,
                str(status),
                t0,
                wall,
                rec,
                loss,
                bool(nonfinite),
                live0,
                note,
                timed_at,
                begin,
                dur,
                died,
                device,
                specs,
                bool(looked),
                idle,
                on_device,
            )

    def devices(self, step_id: int) -> list[DeviceStep]:
        """The devices that worked in a step (by its id), with their memory; none for a step on the cpu."""
        rows = self._rows(
            "SELECT device, start_ns, busy_ns, idle_ns, used, reserved, peak, workspace FROM devices"
            " WHERE step = ? ORDER BY device",
            step_id,
        )
        with self._decoding(f"the devices of step {step_id}"):
            return [DeviceStep(str(name), *(int(x) for x in numbers)) for name, *numbers in rows]

    def alive_before(self, step_id: int) -> dict[str, int]:
        """Bytes alive by category when the last step before this one that was looked at ended."""
        rows = self._rows(
            "SELECT category, nbytes FROM alive WHERE step = (SELECT max(step) FROM alive WHERE step < ?)",
            step_id,
        )
        with self._decoding(f"the memory before step {step_id}"):
            return {str(category): int(size) for category, size in rows}

    def survivors(self, kind: str = "train") -> list[Survivor]:
        """Memory that outlived its step by two steps or more, as far as steps were looked at."""
        rows = self._rows(
            "SELECT v.step, v.node, v.nbytes, v.seen, s.graph FROM survivors v CROSS JOIN steps s ON s.id = v.step"
            " WHERE s.kind = ? ORDER BY v.step, v.node",
            kind,
            partial=True,
        )
        with self._decoding("the table of survivors"):
            return [Survivor(*(int(x) for x in row)) for row in rows]

    def _timed(self, kind: str, num: int, graph: int) -> tuple[int, int | None, int]:
        """The nearest earlier step of this graph whose timing columns were kept."""
        row = self._one(
            "SELECT num, chunk, place FROM steps WHERE kind = ? AND num < ? AND graph = ?"
            " AND chunk IS NOT NULL ORDER BY num DESC LIMIT 1",
            kind,
            num,
            graph,
        )
        with self._decoding(f"a step before {num}"):
            return (num, None, 0) if row is None else (int(row[0]), int(row[1]), int(row[2]))

    def _chunk(self, id: int) -> tuple[Longs, Longs]:
        """Begin and duration of the steps that were written together, ``[steps, nodes]`` each."""
        found = self._chunks.get(id)
        if found is None:
            row = self._one("SELECT columns, shift, held, status FROM steps WHERE id = ?", id)
            if row is None or row[0] is None:
                raise ValueError(f"the times of chunk {id} are gone")
            found = codec.unpack_many(*row[:3])
            if row[3] == "paused":
                return found  # the step goes on
            self._chunks[id] = found
            if len(self._chunks) > 8:
                del self._chunks[next(iter(self._chunks))]
        return found

    def columns(self, name: str, steps: Sequence[int], kind: str = "train") -> Floats:
        """``dur_ns``, ``begin_ns``, ``dev_ns`` or ``idle_ns`` of many steps as ``[steps, nodes]``.

        The nodes are those of the first step's graph. A step of another graph, or whose columns
        were thinned away, is a row of NaN.
        """
        if name not in ("dur_ns", "begin_ns", "dev_ns", "idle_ns"):
            raise TraceError(
                f"A trace has no column {name}; it has dur_ns, begin_ns, dev_ns and idle_ns."
            )
        if not len(steps):
            return np.zeros((0, 0))
        rows: list[NDArray[Any] | None] = []
        first = self.step(int(steps[0]), kind)
        for num in steps:
            row = self._one(
                "SELECT chunk, place, dev FROM steps WHERE kind = ? AND num = ? AND graph = ?",
                kind,
                int(num),
                first.graph,
            )
            of_device = name in ("dev_ns", "idle_ns")
            if row is None or row[2 if of_device else 0] is None:
                rows.append(None)
                continue
            with self._decoding(f"step {num}"):
                if of_device:
                    device = _device_columns(row[2], len(first.begin_ns), ())
                    rows.append(device[name == "idle_ns"])
                else:
                    rows.append(self._chunk(row[0])[name == "dur_ns"][row[1]])
        out = np.full((len(steps), len(first.begin_ns)), np.nan)
        for k, column in enumerate(rows):
            if column is not None and len(column) == out.shape[1]:
                out[k] = column
        return out

    def moments(self, graph: int) -> dict[str, Any]:
        """Each node's duration over all steps: ``n``, and ``mean, std, min, max`` arrays (ns)."""
        row = self._one("SELECT n, data FROM moments WHERE graph = ?", graph)
        nodes = self.graph(graph).n
        alone = None if row is not None else self._alone(graph)
        if alone is not None:
            with self._decoding(f"the only step of graph {graph}"):
                took = self._chunk(alone[0])[1][alone[1]].astype(np.float64)
                if len(took) != nodes:
                    raise ValueError("its columns do not fit its graph")
                return {"n": 1, "mean": took, "std": np.zeros(nodes), "min": took, "max": took}
        if row is None:
            nothing = np.full(nodes, np.nan)
            return {"n": 0, "mean": nothing, "std": nothing, "min": nothing, "max": nothing}
        with self._decoding(f"the moments of graph {graph}"):
            mean, m2, low, high = np.frombuffer(row[1], "<f8").reshape(4, nodes)
            std = np.sqrt(np.maximum(m2, 0) / max(int(row[0]), 1))
            return {"n": int(row[0]), "mean": mean, "std": std, "min": low, "max": high}

    def _alone(self, graph: int) -> tuple[int, int] | None:
        """Where the times of a graph's first step are: of one that ran once the file has no moments."""
        rows = self._rows(
            "SELECT id, graph, chunk, place FROM steps WHERE id > ? AND chunk IS NOT NULL AND status = 'ok'"
            " ORDER BY id",
            self._alone_upto,
            partial=True,
        )
        for id, of, chunk, place in rows:
            self._alones.setdefault(of, (chunk, place))
            self._alone_upto = id
        found = self._alones.get(graph)
        if found is None:
            return None
        there = self._one("SELECT 1 FROM steps WHERE id = ? AND columns IS NOT NULL", found[0])
        return None if there is None else found  # it may have been thinned away since

    # -- values -----------------------------------------------------------------------------------

    def value_steps(self, kind: str = "train") -> list[int]:
        """The numbers of the steps in which statistics were taken."""
        sql = "SELECT s.num FROM tensors t CROSS JOIN steps s ON s.id = t.step WHERE s.kind = ?"
        rows = self._rows(sql + " ORDER BY s.num", kind, partial=True)
        with self._decoding("the list of value steps"):
            return [int(num) for (num,) in rows]

    def values(self, num: int = -1, kind: str = "train") -> ValueStep | None:
        """The statistics nearest to a step: at it or before it, and of the same graph."""
        where = "num = ?" if num >= 0 else "? < 0"
        step = self._one(
            f"SELECT num, graph, id FROM steps WHERE kind = ? AND {where} ORDER BY num DESC LIMIT 1",
            kind,
            num,
        )
        if step is None:
            return None
        row = self._one(
            # From the step itself backwards: else the search begins at the end of a long run.
            "SELECT s.num, t.data FROM tensors t CROSS JOIN steps s ON s.id = t.step"
            " WHERE s.kind = ? AND s.num <= ? AND s.graph = ? AND t.step <= ? ORDER BY t.step DESC LIMIT 1",
            kind,
            *step,
        )
        if row is None:
            return None
        with self._decoding(f"the values of step {row[0]}"):
            return ValueStep(int(row[0]), kind, int(step[1]), values.decode(row[1]))


def control_of(header: dict[str, str]) -> dict[str, Any]:
    """``control``: what the program says of live control, and ``control_rev``, which counts what it said.

    Nothing of a run that takes no commands.
    """
    text = header.get("control")
    if text is None:
        return {}
    try:
        facts = json.loads(text)
        return {"control": facts, "control_rev": int(facts.get("rev", 0))}
    except (ValueError, AttributeError, TypeError, RecursionError):
        return {}


def _device_columns(
    blob: bytes | None, n: int, devices: Sequence[DeviceStep]
) -> tuple[Longs | None, Longs | None, Longs | None]:
    """Time on the device, idle time before, and begin of each node; None where the trace has them not."""
    if blob is None:
        return None, None, None
    column = codec.unpack(blob, "<u4").astype(np.int64)
    if len(column) not in (n, 2 * n, 4 * n):
        raise ValueError("its times on the device do not fit its graph")
    dur = column[:n]
    if len(column) < 2 * n or not n:
        return dur, None, None
    idle = column[n : 2 * n]
    if len(column) == 4 * n:
        return dur, idle, (column[2 * n : 3 * n] << 32) + column[3 * n :] - (1 << 62)
    start = devices[0].start_ns if devices else 0
    return dur, idle, start + np.cumsum(idle + dur) - dur


def _check(graph: Graph, n: int) -> None:
    """A graph that passes can be walked without looking twice at an index."""
    low = -graph.n_ports
    twins, sources = graph.twin, graph.edges[:, 2]
    right = (
        graph.n == n
        and len(graph.names) == n
        and len(graph.plan) == n
        and _within(graph.phase, 0, len(schema.PHASES))
        and _within(twins, -1, n)
        and _within(graph.edges[:, 0], 0, n)
        and _within(sources, low, n)
        and _within(graph.ports[:, 1], 0, len(schema.PORT_KINDS))
        and _within(graph.kept[:, 0], low, n)
        and _within(graph.kept[:, 1], 0, n)
    )
    if not right:
        raise ValueError("its numbers contradict each other")


def _within(column: Ints, low: int, high: int) -> bool:
    return bool(column.size == 0 or (column.min() >= low and column.max() < high))
