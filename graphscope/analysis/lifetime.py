"""Which buffers are alive when, and why: the memory of one step from births and deaths."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphscope.trace import schema
from graphscope.trace.records import Graph, Longs, Lookup, Step


class Holder(NamedTuple):
    """One buffer that is alive at some moment."""

    value: int
    """Node index, or ``-1 - k`` for port ``k``."""
    label: str
    nbytes: int
    born: int
    """The node that made it; -1: before the step."""
    dies: int
    """The node after which it goes; -1: it survives the step."""
    kept_for: list[int]
    """Nodes whose gradients need it."""


class Peak(NamedTuple):
    node: int
    nbytes: int
    holders: list[Holder]
    """Largest first."""
    other: int
    """Bytes alive that belong to no value of the step."""


def nbytes(lookup: Lookup, step: Step) -> Longs:
    """Bytes of each node's output, then of each port."""
    sizes: dict[int, int] = {}
    for id in np.unique(step.specs).tolist():
        sizes[id] = lookup.spec(id).nbytes
    return np.array([sizes[id] for id in step.specs.tolist()], np.int64)


def port_bytes(graph: Graph, step: Step, sizes: Longs) -> int:
    """Bytes of what a step reads and did not make; constants are not counted."""
    ports = [
        graph.n + k
        for k in range(graph.n_ports)
        if graph.port_kind(k) != "constant" and k not in step.fresh
    ]
    return int(sizes[ports].sum()) if ports else 0


def live_bytes(step: Step, sizes: Longs) -> Longs:
    """Bytes alive while each node runs: its output exists, what dies after it is still there."""
    n = len(step.freed)
    owns = step.freed != schema.NO_MEMORY
    own = np.where(owns, sizes[:n], 0)
    change = np.zeros(n + 1, np.int64)
    change[:n] += own
    dying = np.flatnonzero(owns & (step.freed >= 0))
    # A buffer cannot die before it is born, whatever a broken step says.
    after = np.minimum(np.maximum(step.freed[dying], dying), n - 1) + 1
    np.subtract.at(change, after, own[dying])
    for k, node in step.fresh.items():
        change[node] += sizes[n + k]
    live: Longs = int(step.live0) + np.cumsum(change[:n])
    return live


def holders(graph: Graph, step: Step, sizes: Longs, node: int) -> list[Holder]:
    """The buffers alive while ``node`` runs, largest first."""
    n = graph.n
    born = np.arange(n)
    dies = np.where(step.freed < 0, n, np.maximum(step.freed, born))
    there = (born <= node) & (dies >= node) & (step.freed != schema.NO_MEMORY)
    found = [
        Holder(
            int(i),
            graph.label(int(i)),
            int(sizes[i]),
            int(i),
            int(step.freed[i]) if step.freed[i] >= 0 else -1,
            graph.kept_for(int(i)),
        )
        for i in np.flatnonzero(there)
    ]
    for k in range(graph.n_ports):
        made = step.fresh.get(k, -1)
        if graph.port_kind(k) != "constant" and made <= node:
            size, kept = int(sizes[n + k]), graph.kept_for(-1 - k)
            found.append(Holder(-1 - k, graph.port_path(k), size, made, -1, kept))
    return sorted(found, key=lambda holder: (-holder.nbytes, holder.value))


def peak(graph: Graph, step: Step, lookup: Lookup) -> Peak | None:
    """The moment of most memory and who holds it; None for a step without ops."""
    if graph.n == 0:
        return None
    sizes = nbytes(lookup, step)
    live = live_bytes(step, sizes)
    node = int(live.argmax())
    who = holders(graph, step, sizes, node)
    return Peak(node, int(live[node]), who, max(0, int(live[node]) - sum(h.nbytes for h in who)))
