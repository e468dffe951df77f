"""A new graph, its ops and its shapes as rows of the trace."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope.record.costs import Costs
from graphscope.record.formulas import gradient_formulas
from graphscope.record.job import Job
from graphscope.record.names import GraphRecord
from graphscope.record.tables import DATA_OP, PORT, GraphBlobs, Many, Tables
from graphscope.trace import codec


class Described:
    """Shapes with their dtype that are in the file: there they are numbered as they come up."""

    def __init__(self) -> None:
        self.ids: NDArray[np.int32] = np.zeros(
            0, np.int32
        )  # by the recorder's number; -1: it is not in there
        self.nbytes: NDArray[np.int64] = np.zeros(0, np.int64)  # by the same
        self._count = 0

    def of(self, specs: NDArray[np.int32], pump: Any) -> NDArray[np.int32]:
        """The ids of shapes that have these numbers in the recorder; those that are new are written."""
        all = pump.recorder.specs.all
        new = len(all) - len(self.ids)
        if new > 0:
            self.ids = np.concatenate([self.ids, np.full(new, -1, np.int32)])
            self.nbytes = np.concatenate([self.nbytes, np.zeros(new, np.int64)])
        missing = specs[self.ids[specs] < 0]
        for number in dict.fromkeys(missing.tolist()):
            shape, dtype = all[number]
            found = self.ids[number] = self._count
            self._count += 1
            if dtype is None:
                pump.writer.add_spec(found, (), "none", 0, "cpu")
                continue
            size = self.nbytes[number] = dtype.itemsize * math.prod(shape)
            device = getattr(dtype, "device", None) or pump.recorder.names.device
            pump.writer.add_spec(found, shape, dtype.name, size, device)
        return self.ids[specs]


class Describing:
    """The part of the pump that writes what the integers of steps stand for."""

    def _op(self: Any, row: Any) -> int:
        found: int | None = self._ops.get(row)
        if found is None:
            found = len(self._ops) + 1
            if found == 1:
                self.writer.add_op(
                    DATA_OP,
                    "load_batch",
                    "data",
                    r"\mathrm{batch}",
                    {},
                    [],
                    "Waiting for the next batch.",
                    False,
                )
            self.writer.add_op(
                found,
                row.name,
                row.family,
                row.tex,
                gradient_formulas(row),
                list(row.inputs),
                row.doc,
                row.view,
            )
            self._ops[row] = found
        return found

    def _shape_sets(self: Any, wanted: list[tuple[GraphRecord, int]]) -> None:
        """Number and write shapes of graphs: (graph, number of the set within it)."""
        graphs = [graph for graph, _ in wanted]
        both = [graph.shapes[number] for graph, number in wanted]
        every = np.frombuffer(b"".join([x for pair in both for x in pair]), np.int32)
        ids = self._specs.of(every, self)
        many = Many(graphs)
        flops, traffic = self._costs.of(many, every, self.recorder.specs.all.__getitem__)
        upto = np.concatenate([[0], np.cumsum(self._specs.nbytes[every])])
        blob = codec.raw(ids)
        at = 0
        for (graph, number), begin, end in zip(wanted, many.begins, many.ends, strict=True):
            made = self._sets[graph.id, number] = len(self._set_live)
            ports = at + graph.n
            after = ports + len(graph.ports)
            self._set_live[made] = int(upto[after] - upto[ports])
            of_nodes = flops[begin:end], traffic[begin:end]
            self.writer.put_shape_set(made, graph.id, blob[4 * at : 4 * after], *of_nodes)
            at = after

    def _prepare(self: Any, jobs: Sequence[Job]) -> None:
        """Describe what is new in these steps: graphs, and shapes of graphs."""
        new: dict[int, Job] = {}
        sets: dict[tuple[int, int], tuple[GraphRecord, int]] = {}
        for job in jobs:
            graph = job.graph
            if graph.id not in self._graphs:
                new.setdefault(graph.id, job)
            key = graph.id, job.shape_set
            if key not in self._sets:
                sets[key] = graph, job.shape_set
        if new:
            self._describe([*new.values()])
        if sets:
            self._shape_sets([*sets.values()])

    def _describe(self: Any, jobs: Sequence[Job]) -> None:
        """Write new graphs' nodes, edges, ports and names; each comes up first in one of these steps."""
        if self._tables is None:
            names = self.recorder.names
            self._tables = Tables(names.kinds, names.keeps, self._op, names.string)
            self._costs = Costs()
        found = self._tables.blobs([job.graph for job in jobs])
        for job, blobs in zip(jobs, found, strict=True):
            self._graph(job, blobs)
        sites = self.recorder.sites.lines
        for i in range(self._sites, len(sites)):
            self.writer.add_site(i, *sites[i])
        self._sites = len(sites)
        texts = self.recorder.names.texts
        for i in range(self._strings, len(texts)):
            self.writer.add_string(i, texts[i])
        self._strings = len(texts)

    def _graph(self: Any, job: Job, blobs: GraphBlobs) -> None:
        names, graph = self.recorder.names, job.graph
        string = names.string
        called_as = dict(job.names or {})
        # `w -= ...` leaves the user's variable on the updated value; the port it came from is the same tensor.
        if called_as:
            for i in blobs.written[::-1]:
                if i in called_as:
                    first = graph.columns.row(i)[1]
                    first = first if first < PORT else PORT - 1 - first
                    called_as.setdefault(first, called_as[i])
        ports: list[int] = []
        for k, (name, kind, scope, _) in enumerate(graph.ports):
            text = name or called_as.get(-1 - k)
            const = self.recorder.const_text(job.seq, k) if kind == 2 else None
            ports += string(text) if text else -1, kind, scope, string(const) if const else -1
        self.recorder.consts.pop(job.seq, None)
        called = np.full(graph.n, -1, np.int32)
        for i, text in called_as.items():
            if i >= 0:
                called[i] = string(text)
        plan = None
        if job.freed is not None:
            plan = codec.raw(job.freed)
            self._planned.add(graph.id)
        row = [
            blobs.nodes,
            blobs.edges,
            codec.raw(np.array(ports, np.int32)),
            blobs.kept,
            codec.raw(called),
            plan,
        ]
        self.writer.put_graph(
            graph.id, graph.digest, graph.kind, graph.parent, graph.at, row, blobs.phases
        )
        self._graphs[graph.id] = True
