"""One step, out of a trace: when its nodes ran, when memory died, and what its devices did."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope.errors import TraceError
from graphscope.trace import codec, schema
from graphscope.trace.arrays import Floats, Ints, Longs
from graphscope.trace.graphs import Graph
from graphscope.trace.logged import number
from graphscope.trace.stepped import Stepped
from graphscope.trace.steps import DeviceStep, Step, Survivor

STATE = schema.PORT_KINDS.index("optimizer_state")
_FACTS = (
    "id, num, graph, shape_set, status, t0_ns, wall_ns, rec_ns, loss, nonfinite, "
    "chunk, place, freed, dev, live0, note, looked"
)


class Timed(Stepped):
    """The part of the reader that has single steps, and the times of nodes."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self._alones: dict[int, tuple[int, int]] = {}
        self._alone_upto = -1
        self._chunks: dict[int, tuple[Longs, Longs]] = {}
        self._made: dict[tuple[str, int], dict[int, int]] = {}
        self._fresh_upto = 0

    def _step_row(self, columns: str, num: int, kind: str) -> tuple[Any, ...] | None:
        """Columns of one step by its number; ``-1`` is the last one. None: there is no such step."""
        where = "num = ?" if num >= 0 else "? < 0"
        sql = f"SELECT {columns} FROM steps WHERE kind = ? AND {where} ORDER BY num DESC LIMIT 1"
        return self._one(sql, kind, num)

    def step(self, num: int = -1, kind: str = "train") -> Step:
        """One step by its number; ``-1`` is the last one.

        Raises: TraceError when there is no such step, or it is damaged.
        """
        row = self._step_row(_FACTS, num, kind)
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
            died = self._plan(graph) if freed is None else codec.ints(zlib.decompress(freed))
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
                self._fresh(kind, num, graph),
            )

    def _plan(self, graph: Graph) -> Ints:
        """When memory dies in a graph. Where no step of it was looked at (one that failed in a step like all others): as in
        the graph it comes from, as far as they are the same."""
        alike = min(graph.diverged_at, graph.n)
        if graph.parent < 0 or alike <= 0 or not (graph.plan == schema.SURVIVED).all():
            return graph.plan
        if self._one("SELECT 1 FROM graphs WHERE id = ?", graph.parent) is None:
            return graph.plan  # thinned away
        plan, before = graph.plan.copy(), self.graph(graph.parent).plan[:alike]
        plan[: len(before)] = np.where(before < alike, before, schema.SURVIVED)
        return plan

    def fresh(self, kind: str = "train") -> dict[int, dict[int, int]]:
        """Steps that made ports of theirs themselves (``Step.fresh``), by number."""
        # Other threads may be reading too: what is there is replaced, never changed.
        for id, _, _, data in self.facts(self._fresh_upto, schema.BORN):
            with self._decoding("what was made within a step"):
                ports = {int(port): int(node) for port, node in data["ports"]}
                self._made = {**self._made, (str(data["kind"]), int(data["num"])): ports}
            self._fresh_upto = max(self._fresh_upto, id)
        return {num: ports for (of, num), ports in self._made.items() if of == kind}

    def _fresh(self, kind: str, num: int, graph: Graph) -> dict[int, int]:
        if not (graph.ports[:, 1] == STATE).any():
            return {}
        found = self.fresh(kind).get(num, {})
        if not all(0 <= k < graph.n_ports and 0 <= i < graph.n for k, i in found.items()):
            raise ValueError("what it made does not fit its graph")
        return found

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

    def alive(self, kind: str = "train") -> dict[str, tuple[list[int], list[int]]]:
        """By category, bytes alive at the ends of the steps that were looked at: their numbers and the bytes."""
        rows = self._rows(
            "SELECT a.category, s.num, a.nbytes FROM alive a CROSS JOIN steps s ON s.id = a.step"
            " WHERE s.kind = ? ORDER BY a.step",
            kind,
            partial=True,
        )
        found: dict[str, tuple[list[int], list[int]]] = {}
        with self._decoding("the memory over the run"):
            for category, num, size in rows:
                nums, sizes = found.setdefault(str(category), ([], []))
                nums.append(int(num))
                sizes.append(int(size))
        return found

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


def _device_columns(
    blob: bytes | None, n: int, devices: Sequence[DeviceStep]
) -> tuple[Longs | None, Longs | None, Longs | None]:
    """Time on the device, idle time before, and begin of each node; None where the trace has them not."""
    if blob is None:
        return None, None, None
    column = codec.unpack(blob, "<u4").astype(np.int64)
    if len(column) not in (n, 2 * n, 4 * n, 6 * n):
        raise ValueError("its times on the device do not fit its graph")
    dur = column[:n]
    if len(column) == 6 * n and n:
        column = column[: 4 * n] + np.concatenate(
            [column[4 * n :] << 32, np.zeros(2 * n, np.int64)]
        )
        dur = column[:n]
    if len(column) < 2 * n or not n:
        return dur, None, None
    idle = column[n : 2 * n]
    if len(column) == 4 * n:
        return dur, idle, (column[2 * n : 3 * n] << 32) + column[3 * n :] - (1 << 62)
    start = devices[0].start_ns if devices else 0
    return dur, idle, start + np.cumsum(idle + dur) - dur
