"""The table of the Ops page: key averages over a range of steps, with what a click on a row selects."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.analysis.aggregate import FEW_GRAPHS, GROUPS, TOP, groups, key_averages
from graphscope.analysis.averages import Row
from graphscope.analysis.part import Part
from graphscope.analysis.tabular import plain
from graphscope.errors import TraceError
from graphscope.trace import schema
from graphscope.webapp.queries.graph import look

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Longs, Step, StepTable

LAST = 20  # steps that "the last steps" are
CARDS = 5000  # ops of a graph
ROWS = 2000  # more groups than this are cut, the least time first
SPANS = ("all", "last", "step")
_SUMS = ("calls", "total", "self", "forward", "backward", "flops", "traffic", "bytes", "share")


class Recent:
    """The last few answers, each kept until the counters of its run change. One per app."""

    def __init__(self, limit: int = 32) -> None:
        self._limit = limit
        self._kept: OrderedDict[Hashable, tuple[Hashable, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, news: Hashable, make: Callable[[], Any]) -> Any:
        """What ``make`` gave for this key, made again only when ``news`` is another."""
        with self._lock:
            found = self._kept.get(key)
        if found is not None and found[0] == news:
            return found[1]
        made = make()
        with self._lock:
            self._kept[key] = (news, made)
            self._kept.move_to_end(key)
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)
        return made


def counters(reader: TraceReader) -> Hashable:
    """Changes when the run has something new; another file under the same name is another reader."""
    now = reader.revision()
    return (id(reader), now["steps"], now["graphs"], now["findings"], now["tensors"])


def ops_json(
    reader: TraceReader,
    by: str = "op",
    span: str = "all",
    num: int | None = None,
    modules: Callable[[Graph, Step], Collection[str]] = lambda graph, step: (),
) -> dict[str, Any]:
    """Rows in base units, largest time first (a tree by scope), their sum, and where the rest of the time went.

    span: ``all`` steps, the ``last`` 20 up to the one that is looked at, or that ``step`` alone.
    modules: which scopes have a card of their own on the graph page.
    Raises: TraceError when there is no such step, grouping or span.
    """
    if by not in GROUPS or span not in SPANS:
        raise TraceError("There is no such table.")
    step = look(reader, num)
    table = reader.steps(step.kind)
    part, picked, note = _part(reader, table, step, span)
    graph = reader.graph(step.graph)
    found = key_averages(part, by, step.kind)  # type: ignore[arg-type]  # a Part answers like a reader
    rows = found.sorted("total")
    nodes = heaviest(reader, graph, by, step, modules(graph, step) if by == "scope" else ())
    colours = families(reader, np.unique(table.graph)) if by in ("op", "shape") else {}
    shown = rows[:ROWS]
    inside = members(reader, graph, by, step)
    out = [_row(row, by, nodes, colours) | {"cards": inside.get(row.key, [])} for row in shown]
    if by == "scope":
        out = tree(out)
    busy = _busy(rows, by)
    return {
        "by": by, "span": span, "kind": step.kind, "step": step.num, "graph": graph.id,
        "first": picked[0], "last": picked[1], "steps": found.steps, "wall": found.wall_ns,
        "busy": busy, "note": note, "rows": out, "hidden": len(rows) - len(shown),
        "total": _total(rows, by), "line": _line(found.steps, found.wall_ns, busy, step, span, picked),
        "device": any(row.device == row.device for row in rows),
        "costs": any(row.flops == row.flops for row in rows),
    }  # fmt: skip


def _part(
    reader: TraceReader, table: StepTable, step: Step, span: str
) -> tuple[Any, tuple[int, int], str]:
    """The steps that are summed, the first and the last of them, and a word where they are others."""
    if span == "all":
        return reader, (int(table.num[0]), int(table.num[-1])), ""
    if span == "last":
        upto = table.num[table.num <= step.num][-LAST:]
        first = int(upto[0])
        return Part(reader, {step.kind: range(first, step.num + 1)}), (first, step.num), ""
    num, note = step.timed_at, ""
    if num != step.num:
        note = f"The times of step {step.num} were thinned away; those of step {num} are shown."
    return Part(reader, {step.kind: range(num, num + 1)}), (num, num), note


def heaviest(
    reader: TraceReader, graph: Graph, by: str, step: Step, modules: Collection[str] = ()
) -> dict[str, str]:
    """Per group the card that a click selects: its slowest op, a backward op by its forward one.

    A module that has a card is selected as such; one that is drawn as its only op by that op.
    """
    times = step.dur_ns
    out = {}
    for key, (own, inside) in groups(reader, graph, by, step.shape_set).items():
        every = own if len(own) else inside
        if key in modules and key != TOP:
            out[key] = f"s:{key}"
        elif len(every) and len(times) == graph.n:
            out[key] = card_of(graph, int(every[int(np.argmax(times[every]))]))
    return out


def members(reader: TraceReader, graph: Graph, by: str, step: Step) -> dict[str, list[int]]:
    """The forward ops of each group, so that a card that is chosen elsewhere marks its row."""
    if graph.n > CARDS:
        return {}  # in a graph of this size only the slowest of each group does
    found = groups(reader, graph, by, step.shape_set)
    return {key: own[graph.twin[own] < 0].tolist() for key, (own, _) in found.items()}


def card_of(graph: Graph, node: int) -> str:
    """The card that shows a node: a backward op stands on the card of its forward op."""
    twin = int(graph.twin[node])
    return f"n{twin if twin >= 0 else node}"


def families(reader: TraceReader, graphs: Longs) -> dict[str, str]:
    """The family of every op by its name."""
    found: dict[str, str] = {}
    for id in graphs.tolist()[:FEW_GRAPHS]:
        for op in np.unique(reader.graph(id).op).tolist():
            info = reader.op(op)
            found[info.name] = info.family if info.family in schema.FAMILIES else "other"
    return found


def _row(
    row: Row, by: str, nodes: dict[str, str], families: dict[str, str]
) -> dict[str, Any]:  # fmt: skip
    out: dict[str, Any] = plain(row)
    out["id"] = row.key
    out["node"] = nodes.get(row.key)
    if families:
        name = row.key.removeprefix("\u2202").partition(" ")[0]
        out["family"] = families.get(name, "other")
    if by == "phase":
        out["phase"] = row.key
    return out


def tree(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Scopes with their depth and parent, each above what is inside it, siblings by time.

    >>> tree([{"key": "(top)", "total": 9}, {"key": "a.b", "total": 2}, {"key": "a", "total": 3}])[2]
    {'key': 'a.b', 'total': 2, 'depth': 2, 'parent': 'a', 'leaf': True}
    """
    known = {row["key"] for row in rows}
    children: dict[str | None, list[dict[str, Any]]] = {}
    for row in rows:
        parent = _parent(row["key"], known)
        row["parent"] = parent
        children.setdefault(parent, []).append(row)
    out: list[dict[str, Any]] = []
    todo = [(row, 0) for row in reversed(children.get(None, []))]
    while todo:  # a stack and no recursion: scopes may be nested deeper than Python allows
        row, depth = todo.pop()
        inside = children.get(row["key"], [])
        row["depth"] = depth
        out.append({**row, "parent": row["parent"], "leaf": not inside})
        todo += [(child, depth + 1) for child in reversed(inside)]
    return [_ordered(row) for row in out]


def _ordered(row: dict[str, Any]) -> dict[str, Any]:
    tail = {name: row.pop(name) for name in ("depth", "parent", "leaf")}
    return row | tail


def _parent(key: str, known: set[str]) -> str | None:
    if key == TOP:
        return None
    parts = key.split(".")
    for k in range(len(parts) - 1, 0, -1):
        path = ".".join(parts[:k])
        if path in known:
            return path
    return TOP if TOP in known else None


def _busy(rows: list[Row], by: str) -> float:
    """Nanoseconds in ops: what the groups sum to, modules without what is inside them."""
    return float(sum(row.self if by == "scope" else row.total for row in rows))


def _total(rows: list[Row], by: str) -> dict[str, Any]:
    """The row under the table. Sums only: an average of percentiles means nothing."""
    top = next((row for row in rows if row.key == TOP), None) if by == "scope" else None
    if top is not None:
        out = {name: plain(getattr(top, name)) for name in (*_SUMS, "device")}
        out["self"] = _busy(rows, by)
    else:
        out = {name: _sum([getattr(row, name) for row in rows]) for name in (*_SUMS, "device")}
    words = {
        "op": "op",
        "scope": "module",
        "line": "line",
        "shape": "op and shape",
        "phase": "phase",
    }
    plural = "ops and shapes" if by == "shape" else f"{words[by]}s"
    count = len(rows)
    return out | {
        "id": "total",
        "key": f"{units.count(count)} {words[by] if count == 1 else plural}",
    }


def _sum(values: list[float]) -> float | None:
    known = [v for v in values if v == v]
    return sum(known) if known else None


def _line(
    steps: int, wall: int, busy: float, step: Step, span: str, picked: tuple[int, int]
) -> str:
    """``540 steps, 764 ms in all: 73.1 % in ops, 26.9 % between them``"""
    kind = "" if step.kind == "train" else f"{step.kind} "
    if span == "step" or steps == 1:
        text = f"{kind}step {picked[0]}, {units.ns(wall)}"
    elif span == "last":
        text = f"{kind}steps {picked[0]} to {picked[1]}, {units.ns(wall)} in all"
    else:
        text = f"{units.count(steps)} {kind}steps, {units.ns(wall)} in all"
    if not wall:
        return text
    share = min(busy / wall, 1.0)
    return f"{text}: {units.share(share)} in ops, {units.share(1 - share)} between them"
