"""A new graph, its ops and its shapes as rows of the trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphscope.record.costs import Costs
from graphscope.record.formulas import gradient_formulas
from graphscope.record.job import Job
from graphscope.record.names import GraphRecord
from graphscope.record.tables import DATA_OP, PORT, Many, Tables
from graphscope.trace import schema
from graphscope.trace.records import Ints


class Specs(dict[Any, int]):
    """Numbers shapes with their dtype, (shape, dtype), and writes each when it comes up first."""

    def __init__(self, pump: Any) -> None:
        super().__init__()
        self.pump = pump
        self.nbytes: list[int] = []

    def __missing__(self, key: Any) -> int:
        shape, dtype = key
        found = self[key] = len(self)
        size = 0 if dtype is None else dtype.itemsize
        for d in shape:
            size *= d
        self.nbytes.append(size)
        put = self.pump.writer.add_spec
        if dtype is None:
            put(found, (), "none", 0, "cpu")
        else:
            device = getattr(dtype, "device", None) or self.pump.recorder.names.device
            put(found, shape, dtype.name, size, device)
        return found


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
        dtype_of = self.recorder.names.kinds.dtypes.__getitem__
        specs, spec_of = self._specs, self._specs.__getitem__
        graphs = [graph for graph, _ in wanted]
        shapes = [graph.shapes[number] for graph, number in wanted]
        ids: list[int] = []
        ends = []
        for (graph, number), (of_nodes, of_ports) in zip(wanted, shapes, strict=True):
            ids += map(spec_of, zip(of_nodes, map(dtype_of, graph.columns.kinds), strict=True))
            ports = [spec_of((s, p[3])) for s, p in zip(of_ports, graph.ports, strict=True)]
            ids += ports
            ends.append(len(ids))
            made = self._sets[graph.id, number] = len(self._set_live)
            self._set_live[made] = sum([specs.nbytes[id] for id in ports])
        many, every = Many(graphs), np.array(ids, np.int32)
        flops, traffic = self._costs.of(many, shapes, every)
        at = 0
        for k, (graph, number) in enumerate(wanted):
            made = self._sets[graph.id, number]
            self.writer.add_shape_set(made, graph.id, every[at : ends[k]])
            nodes = slice(many.begins[k], many.ends[k])
            self.writer.add_costs(made, flops[nodes], traffic[nodes])
            at = ends[k]

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
            self._tables = Tables(names.kinds, self._op, names.string)
            self._costs = Costs()
        found = self._tables.of([job.graph for job in jobs])
        for job, (nodes, edges, kept) in zip(jobs, found, strict=True):
            self._graph(job, nodes, edges, kept)
        sites = self.recorder.sites.lines
        for i in range(self._sites, len(sites)):
            self.writer.add_site(i, *sites[i])
        self._sites = len(sites)
        texts = self.recorder.names.texts
        for i in range(self._strings, len(texts)):
            self.writer.add_string(i, texts[i])
        self._strings = len(texts)

    def _graph(self: Any, job: Job, nodes: Ints, edges: Ints, kept: Ints) -> None:
        names, graph = self.recorder.names, job.graph
        called_as = dict(job.names or {})
        # `w -= ...` leaves the user's variable on the updated value; the port it came from is the same tensor.
        if called_as:
            for i in np.flatnonzero(nodes[:, schema.FLAGS] & schema.INPLACE)[::-1].tolist():
                if i in called_as:
                    first = graph.columns.first[i]
                    first = first if first < PORT else PORT - 1 - first
                    called_as.setdefault(first, called_as[i])
        ports = []
        for k, (name, kind, scope, _) in enumerate(graph.ports):
            text = name or called_as.get(-1 - k)
            const = self.recorder.const_text(job.seq, k) if kind == 2 else None
            ports.append(
                [
                    names.string(text) if text else -1,
                    kind,
                    scope,
                    names.string(const) if const else -1,
                ]
            )
        self.recorder.consts.pop(job.seq, None)
        called = np.full(graph.n, -1, np.int32)
        for i, text in called_as.items():
            if i >= 0:
                called[i] = names.string(text)
        plan = None if job.freed is None else np.array(job.freed, np.int32)
        if plan is not None:
            self._planned.add(graph.id)
        self.writer.add_graph(
            graph.id, graph.digest, graph.kind, graph.parent, graph.at, nodes, edges,
            np.array(ports, np.int32).reshape(-1, 4), kept, called, plan,
        )  # fmt: skip
        self._graphs[graph.id] = True
