"""The structure of a step as a reader hands it out, and what its integers stand for.

Nothing here touches a file. A ``Graph`` resolves ids to texts through a ``Lookup``, which is a
``TraceReader`` for a file and any object with the same four methods for a graph in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from graphscope.trace import schema
from graphscope.trace.arrays import Ints


class OpInfo(NamedTuple):
    """One entry of the trace's own dictionary of operations."""

    id: int
    name: str
    family: str
    tex: str
    vjp_tex: dict[str, str]
    inputs: list[str]
    doc: str
    is_view: bool


class Spec(NamedTuple):
    """Shape, dtype, size and place of a tensor, without the tensor."""

    id: int
    shape: tuple[int, ...]
    dtype: str
    nbytes: int
    device: str


class Site(NamedTuple):
    """A line of the user's program."""

    file: str
    line: int
    func: str


class Lookup(Protocol):
    """Resolves the integer ids of a graph."""

    def string(self, id: int) -> str: ...
    def op(self, id: int) -> OpInfo: ...
    def site(self, id: int) -> Site | None: ...
    def spec(self, id: int) -> Spec: ...


@dataclass(eq=False)
class Graph:
    """The structure of one kind of step: nodes, wires and ports, as columns.

    A node *is* its output value: value ``i`` is made by node ``i``, and value ``-1 - k`` is port
    ``k``, something that was there before the step began.
    """

    id: int
    digest: str
    kind: str
    nodes: Ints
    edges: Ints
    ports: Ints
    kept: Ints
    names: Ints
    plan: Ints
    parent: int
    diverged_at: int
    lookup: Lookup = field(repr=False)

    @property
    def n(self) -> int:
        return int(self.nodes.shape[0])

    @property
    def n_ports(self) -> int:
        return int(self.ports.shape[0])

    @property
    def op(self) -> Ints:
        return self.nodes[:, schema.OP]

    @property
    def phase(self) -> Ints:
        return self.nodes[:, schema.PHASE]

    @property
    def scope(self) -> Ints:
        return self.nodes[:, schema.SCOPE]

    @property
    def site(self) -> Ints:
        return self.nodes[:, schema.SITE]

    @property
    def twin(self) -> Ints:
        return self.nodes[:, schema.TWIN]

    @property
    def slot(self) -> Ints:
        return self.nodes[:, schema.SLOT]

    @property
    def params(self) -> Ints:
        return self.nodes[:, schema.PARAMS]

    @property
    def flags(self) -> Ints:
        return self.nodes[:, schema.FLAGS]

    def op_info(self, i: int) -> OpInfo:
        return self.lookup.op(int(self.nodes[i, schema.OP]))

    def op_name(self, i: int) -> str:
        return self.op_info(i).name

    def scope_path(self, i: int) -> str:
        """Dotted path of the module that node ``i`` ran in; a port's owner for negative ``i``."""
        column = self.nodes[i, schema.SCOPE] if i >= 0 else self.ports[-1 - i, 2]
        return self.lookup.string(int(column)) if column >= 0 else ""

    def site_of(self, i: int) -> Site | None:
        id = int(self.nodes[i, schema.SITE])
        return self.lookup.site(id) if id >= 0 else None

    def params_text(self, i: int) -> str:
        """The op's parameters as JSON text, ``""`` when it has none."""
        id = int(self.nodes[i, schema.PARAMS])
        return self.lookup.string(id) if id >= 0 else ""

    def name(self, i: int) -> str | None:
        """The user's variable that holds value ``i`` (or the port's name), if there is one."""
        if i < 0:
            return self.port_name(-1 - i) or None
        id = int(self.names[i]) if i < len(self.names) else -1
        return self.lookup.string(id) if id >= 0 else None

    def label(self, i: int) -> str:
        """The user's name of value ``i``, else the name of the op that made it."""
        if i < 0:
            return self.port_label(-1 - i)
        return self.name(i) or self.op_name(i)

    def port_name(self, k: int) -> str:
        id = int(self.ports[k, 0])
        return self.lookup.string(id) if id >= 0 else ""

    def port_kind(self, k: int) -> str:
        return schema.PORT_KINDS[int(self.ports[k, 1])]

    def port_const(self, k: int) -> str | None:
        """The constant's text (``"2.0"``) for a constant port."""
        id = int(self.ports[k, 3])
        return self.lookup.string(id) if id >= 0 else None

    def port_label(self, k: int) -> str:
        return self.port_name(k) or self.port_const(k) or self.port_kind(k)

    def port_path(self, k: int) -> str:
        """A port's full name: ``net.conv1.weight``, whether or not its name has the scope in it."""
        scope, label = self.scope_path(-1 - k), self.port_label(k)
        return label if not scope or label.startswith(f"{scope}.") else f"{scope}.{label}"

    @cached_property
    def _inputs(self) -> list[list[int]]:
        table: list[list[int]] = [[] for _ in range(self.n)]
        order = np.lexsort((self.edges[:, 1], self.edges[:, 0]))
        for dst, _, src in self.edges[order].tolist():
            table[dst].append(src)
        return table

    @cached_property
    def _users(self) -> dict[int, list[int]]:
        table: dict[int, list[int]] = {}
        for dst, _, src in self.edges.tolist():
            table.setdefault(src, []).append(dst)
        return table

    @cached_property
    def _backward(self) -> dict[int, list[tuple[int, int]]]:
        table: dict[int, list[tuple[int, int]]] = {}
        for i in np.flatnonzero(self.twin >= 0).tolist():
            table.setdefault(int(self.twin[i]), []).append((i, int(self.slot[i])))
        return table

    @cached_property
    def _kept(self) -> dict[int, list[int]]:
        table: dict[int, list[int]] = {}
        for value, node in self.kept.tolist():
            table.setdefault(value, []).append(node)
        return table

    @cached_property
    def keys(self) -> list[str]:
        """Names of the nodes that stay the same from one version of the graph to the next."""
        seen: dict[str, int] = {}
        keys = []
        for i, row in enumerate(self.nodes.tolist()):
            head = f"{self.scope_path(i)}|{self.op_name(i)}"
            tail = ("|d", "", f"|b{row[schema.SLOT]}", "|u")[row[schema.PHASE]]
            k = seen[head + tail] = seen.get(head + tail, -1) + 1
            keys.append(f"{head}|{k}{tail}")
        return keys

    def key(self, i: int) -> str:
        """``scope|op|k``: the k-th such op of its scope, the same in every graph of the run."""
        return self.keys[i]

    def inputs(self, i: int) -> list[int]:
        """The values that node ``i`` reads, in the order of its arguments."""
        return self._inputs[i]

    def users(self, value: int) -> list[int]:
        """The nodes that read ``value`` (a node index, or ``-1 - k`` for a port)."""
        return self._users.get(value, [])

    def backward_of(self, i: int) -> list[tuple[int, int]]:
        """The backward nodes that belong to forward node ``i``, each with its input's position."""
        return self._backward.get(i, [])

    def kept_for(self, value: int) -> list[int]:
        """The nodes whose gradients need ``value``, which is why it is still alive."""
        return self._kept.get(value, [])
