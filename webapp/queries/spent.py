"""Where the time of a stretch went: its ops summed, as a table and as a flame sorted by time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.analysis.aggregate import is_call
from graphscope.analysis.spans import host_intervals
from graphscope.errors import TraceError
from graphscope.webapp.queries.clock import KINDS
from graphscope.webapp.queries.flame import LANES, Flame, Flames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphscope.trace.reader import TraceReader
    from graphscope.webapp.queries.clock import Clock

STEPS = 2000  # that are summed op by op; about a second of work
ROWS = 100
RECTS = 6000
THIN = 1e-5  # of the whole: no screen has so many pixels


@dataclass
class Spent:
    """Nanoseconds and counts per node, of every graph that ran in a stretch of time."""

    first: float
    last: float
    steps: int = 0
    left_out: int = 0
    in_steps: float = 0.0
    graphs: dict[int, tuple[Flame, NDArray[np.float64], NDArray[np.int64]]] = field(
        default_factory=dict
    )

    @property
    def in_ops(self) -> float:
        return float(sum(total.sum() for _, total, _ in self.graphs.values()))


def spent(reader: TraceReader, clock: Clock, flames: Flames, first: float, last: float) -> Spent:
    """Sum the ops between two times; an op that reaches over an edge counts with its part inside."""
    if not first <= last:
        raise TraceError("A range begins before it ends.")
    a, b = clock.within(first, last)
    out = Spent(first, last, b - a, max(0, b - a - STEPS))
    for at in range(a, min(b, a + STEPS)):
        step = reader.step(int(clock.num[at]), KINDS[clock.kind[at]])
        graph = reader.graph(step.graph)
        begin, end = host_intervals(step)
        wall = max(step.wall_ns, int(end[-1]) - step.t0_ns if graph.n else 0)
        out.in_steps += max(0.0, min(step.t0_ns + wall, last) - max(step.t0_ns, first))
        flame = flames.get(reader, graph, step)
        inside = np.minimum(end, last) - np.maximum(begin, first)
        known = out.graphs.get(id(flame))
        if known is None:
            nothing = np.zeros(graph.n), np.zeros(graph.n, np.int64)
            known = out.graphs[id(flame)] = (flame, *nothing)
        known[1][:] += np.maximum(inside, 0.0)
        ran = (inside > 0) | ((end == begin) & (begin >= first) & (begin < last))
        known[2][:] += ran & is_call(graph)
    return out


def table_json(found: Spent) -> dict[str, Any]:
    """The ops of a range, most time first, and what the range was beside ops; texts are ready to show."""
    span = max(found.last - found.first, 1.0)
    sums: dict[tuple[str, int], list[float]] = {}
    for flame, total, count in found.graphs.values():
        for i in np.flatnonzero(count).tolist():
            row = sums.setdefault((flame.name[i], int(flame.lane[i])), [0.0, 0.0, 0.0, 0.0])
            row[0] += total[i]
            row[1] += count[i]
            if total[i] >= row[3]:
                row[2:] = [float(flame.card[i]), total[i]]
    order = sorted(sums.items(), key=lambda item: (-item[1][0], item[0]))
    unit = units.unit_of([row[0] for _, row in order])
    rows = [
        {
            "name": name,
            "lane": LANES[lane],
            "count": units.count(int(row[1])),
            "total": units.ns(row[0], unit),
            "mean": units.ns(row[0] / row[1]),
            "share": row[0] / span,
            "share_text": units.share(row[0] / span),
            "node": f"n{int(row[2])}",
            "ns": row[0],
        }
        for (name, lane), row in order[:ROWS]
    ]
    ops, inside = found.in_ops, found.in_steps
    calls = int(sum(count.sum() for _, _, count in found.graphs.values()))
    parts = [("in ops", ops), ("Python between ops", max(inside - ops, 0.0))]
    if not found.left_out:
        parts.append(("outside of steps", max(span - max(inside, ops), 0.0)))
    plural = "" if found.steps == 1 else "s"
    note = f"{units.ns(span)}, {units.count(found.steps)} step{plural}, {units.count(calls)} ops"
    if found.left_out:
        note += f"; summed are the first {units.count(found.steps - found.left_out)} steps"
    return {
        "from": found.first,
        "to": found.last,
        "rows": rows,
        "more": max(0, len(order) - ROWS),
        "note": note,
        "parts": [[name, ns, units.ns(ns), units.share(ns / span)] for name, ns in parts],
    }


def heavy_json(found: Spent) -> dict[str, Any]:
    """The flame of a stretch, equal calls as one and the longest at the left: phase, modules, op.

    Columns: depth, x and width in ns, text, calls, node of an op (else -1), lane. What is thinner than a
    hundred-thousandth is one bar of its parent, so widths still add up.
    """
    root: dict[str, Any] = {"ns": 0.0, "calls": 0, "kids": {}, "node": -1, "most": -1.0}
    for flame, total, count in found.graphs.values():
        for i in np.flatnonzero(count).tolist():
            ns, calls, at = float(total[i]), int(count[i]), root
            scope = flame.scope[i].split(".") if flame.scope[i] else []
            root["ns"] += ns
            root["calls"] += calls
            for key in (
                ("p", LANES[flame.lane[i]]),
                *(("m", s) for s in scope),
                ("o", flame.name[i]),
            ):
                kids = at["kids"]
                at = kids.get(key)
                if at is None:
                    at = kids[key] = {"ns": 0.0, "calls": 0, "kids": {}, "node": -1, "most": -1.0}
                    at["lane"] = int(flame.lane[i])
                at["ns"] += ns
                at["calls"] += calls
            if ns > at["most"]:
                at["most"], at["node"] = ns, int(flame.card[i])
    out: dict[str, list[Any]] = {
        k: [] for k in ("depth", "x", "w", "text", "path", "calls", "node", "lane", "rest")
    }
    texts: dict[str, int] = {}
    stack: list[tuple[dict[str, Any], float, int, str]] = [(root, 0.0, 0, "")]
    least = root["ns"] * THIN
    while stack:
        at, x, depth, path = stack.pop()
        rest, hidden = 0.0, 0
        room = RECTS - len(out["x"]) - len(stack)
        for key, kid in sorted(at["kids"].items(), key=lambda item: (-item[1]["ns"], item[0])):
            if kid["ns"] < least or room <= 0:
                rest, hidden = rest + kid["ns"], hidden + 1
                continue
            room -= 1
            inner = f"{path}.{key[1]}".lstrip(".") if key[0] == "m" else path
            _put(
                out,
                texts,
                depth,
                x,
                kid["ns"],
                key[1],
                inner,
                kid["calls"],
                kid["node"],
                kid["lane"],
                0,
            )
            if kid["kids"]:
                stack.append((kid, x, depth + 1, inner))
            x += kid["ns"]
        if hidden:
            _put(
                out,
                texts,
                depth,
                x,
                rest,
                f"{units.count(hidden)} smaller",
                path,
                0,
                -1,
                -1,
                hidden,
            )
    return {
        "total": root["ns"],
        "calls": root["calls"],
        "steps": found.steps - found.left_out,
        "texts": list(texts),
        **out,
    }


def _put(
    out: dict[str, list[Any]], texts: dict[str, int], depth: int, x: float, w: float, text: str, path: str,
    calls: int, node: int, lane: int, rest: int,
) -> None:  # fmt: skip
    def known(word: str) -> int:
        return texts.setdefault(word, len(texts))

    values = (depth, round(x), round(w), known(text), known(path), calls, node, lane, rest)
    for column, value in zip(out.values(), values, strict=True):
        column.append(value)
