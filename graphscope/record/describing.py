"""A new graph, its ops and its shapes as rows of the trace."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.record.formulas import gradient_formulas
from graphscope.record.job import Job
from graphscope.record.names import GraphRecord
from graphscope.record.tables import DATA_OP, dtype_of, tables
from graphscope.trace import schema


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

    def _spec(self: Any, shape: Any, dtype: Any) -> int:
        key = (shape, dtype)
        found: int | None = self._specs.get(key)
        if found is None:
            found = self._specs[key] = len(self._specs)
            size = 1
            for s in shape:
                size *= s
            if dtype is None:
                self.writer.add_spec(found, (), "none", 0, "cpu")
            else:
                device = getattr(dtype, "device", None) or self.recorder.names.device
                self.writer.add_spec(found, shape, dtype.name, size * dtype.itemsize, device)
        return found

    def _shape_set(self: Any, graph: GraphRecord, shapes: Any) -> int:
        of_nodes, of_ports = shapes
        dtypes = [dtype_of(key) for key in graph.keys]
        ids = [self._spec(s, d) for s, d in zip(of_nodes, dtypes, strict=True)]
        live = 0
        for s, p in zip(of_ports, graph.ports, strict=True):
            ids.append(self._spec(s, p[3]))
            size = p[3].itemsize
            for d in s:
                size *= d
            live += size
        made = len(self._set_live)
        self._set_live[made] = live
        self.writer.add_shape_set(made, graph.id, ids)
        self.writer.add_costs(made, *self._costs.of(graph, shapes, ids))
        return made

    def _describe(self: Any, graph: GraphRecord, job: Job) -> None:
        """Write a new graph's nodes, edges, ports and names."""
        names = self.recorder.names
        nodes, edges, kept = tables(graph, self._op, names.string)
        called_as = dict(job.names or {})
        # `w -= ...` leaves the user's variable on the updated value; the port it came from is the same tensor.
        first_source = {dst: src for dst, position, src in reversed(edges) if position == 0}
        for i in range(len(nodes) - 1, -1, -1):
            if i in called_as and nodes[i][schema.FLAGS] & schema.INPLACE:
                called_as.setdefault(first_source[i], called_as[i])
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
        called = [names.string(called_as[i]) if i in called_as else -1 for i in range(len(nodes))]
        sites = self.recorder.sites.lines
        for i in range(self._sites, len(sites)):
            self.writer.add_site(i, *sites[i])
        self._sites = len(sites)
        texts = names.texts
        for i in range(self._strings, len(texts)):
            self.writer.add_string(i, texts[i])
        self._strings = len(texts)
        plan = None if job.freed is None else np.array(job.freed, np.int32)
        if plan is not None:
            self._planned.add(graph.id)
        self.writer.add_graph(
            graph.id, graph.digest, graph.kind, graph.parent, graph.at, np.array(nodes, np.int32).reshape(-1, 8),
            np.array(edges, np.int32).reshape(-1, 3), np.array(ports, np.int32).reshape(-1, 4),
            np.array(kept, np.int32).reshape(-1, 2), np.array(called, np.int32), plan,
        )  # fmt: skip
        self._graphs[graph.id] = True
