"""Graphs, sets of shapes and what ops cost, out of a trace."""

from __future__ import annotations

from pathlib import Path

from graphscope.errors import TraceError
from graphscope.trace import codec, schema, squeezed
from graphscope.trace.arrays import Ints, Longs
from graphscope.trace.graphs import Graph
from graphscope.trace.logged import Logged


class Described(Logged):
    """The part of the reader that describes; each thing is read once."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self._graphs: dict[int, Graph] = {}
        self._shape_sets: dict[int, Ints] = {}
        self._costs: dict[int, tuple[Longs, Longs]] = {}

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
                    if row[0]:
                        cached.names = squeezed.column_of(row[0])
            return cached
        row = self._one("SELECT * FROM graphs WHERE id = ?", id)
        if row is None:
            raise TraceError(f"{self.path} has no graph {id}.")
        with self._decoding(f"graph {id}"):
            _, digest, kind, n, parent, diverged_at, *blobs = row
            columns = squeezed.structure_of(n, blobs)
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
                self._shape_sets[shape_set], costs = squeezed.shapes_of(row[0])
                if costs is not None:
                    self._costs[shape_set] = costs
        return self._shape_sets[shape_set]

    def costs(self, shape_set: int) -> tuple[Longs, Longs] | None:
        """Arithmetic operations and bytes moved of each node; None where the trace has none."""
        if shape_set not in self._costs:
            row = self._one("SELECT flops, traffic FROM costs WHERE shape_set = ?", shape_set)
            if row is None:
                row = self._one("SELECT specs FROM shape_sets WHERE id = ?", shape_set)
                if row is not None and shape_set not in self._shape_sets:
                    self.specs_of(shape_set)
                return self._costs.get(shape_set)
            with self._decoding(f"the costs of shape set {shape_set}"):
                flops, traffic = (codec.unpack(blob, "<i8") for blob in row)
                if len(flops) != len(traffic):
                    raise ValueError("they do not fit each other")
                self._costs[shape_set] = (flops, traffic)
        return self._costs[shape_set]


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
