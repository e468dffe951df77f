"""A window of the timeline: the ops of some steps in lanes, their modules, devices and memory, bounded.

The answer is a head (JSON) and columns; ``pack`` makes one binary message of both. A window of more ops than
fit into ``BYTES`` is sent with what is too narrow to see merged, so that a run of any size opens as fast as a small one.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.analysis import lifetime
from graphscope.analysis.spans import host_intervals
from graphscope.errors import TraceError
from graphscope.trace import schema
from graphscope.webapp.queries.clock import KINDS
from graphscope.webapp.queries.flame import LANES, Flame, Flames
from graphscope.webapp.queries.lod import highest, merge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Step
    from graphscope.webapp.queries.clock import Clock

BYTES = 1_000_000  # of an answer in which ops come one by one; beyond, what cannot be seen apart is merged
STEPS = 300
AROUND = 6_000  # ops of the steps beside the chosen one
POINTS = 4_000  # of the memory curve
PIXELS = 1400
NARROW = 0.7  # px
_OTHER = 1  # the text for what has no room in the table of texts


@dataclass
class _Columns:
    """What is gathered step by step, as lists of arrays that are joined at the end."""

    parts: dict[str, list[NDArray[Any]]] = field(default_factory=dict)

    def add(self, **columns: Any) -> None:
        for name, column in columns.items():
            self.parts.setdefault(name, []).append(np.asarray(column))

    def get(self, name: str, dtype: str = "<i8") -> NDArray[Any]:
        found = self.parts.get(name)
        return np.concatenate(found).astype(dtype) if found else np.zeros(0, dtype)


@dataclass
class Window:
    """A part of the timeline: what ``head`` says in words, ``columns`` in numbers."""

    head: dict[str, Any]
    columns: dict[str, NDArray[Any]]


class _Sizes(dict[int, int]):
    """How many ops each graph has; a graph is read when it is asked for."""

    def __init__(self, reader: TraceReader) -> None:
        super().__init__()
        self._reader = reader

    def __missing__(self, graph: int) -> int:
        self[graph] = self._reader.graph(graph).n
        return self[graph]


def around(clock: Clock, sizes: dict[int, int], num: int | None, kind: str = "train") -> tuple[int, int, int]:  # fmt: skip
    """The position of a step, and of the first and behind the last of the steps to show with it.

    Raises: TraceError when there is no such step.
    """
    at = clock.place(num, kind)
    if at is None and num is None:
        at = clock.place(None, "eval")
    if at is None:
        raise TraceError("There is no step yet." if num is None else f"There is no step {num}.")
    a = b = at
    room = AROUND - sizes[int(clock.graph[at])]
    while b - a < 40 and room > 0 and (a > 0 or b < len(clock) - 1):
        if a > 0:
            a -= 1
            room -= sizes[int(clock.graph[a])]
        if b < len(clock) - 1 and room > 0:
            b += 1
            room -= sizes[int(clock.graph[b])]
    return at, a, b + 1


def window(
    reader: TraceReader,
    clock: Clock,
    flames: Flames,
    first: float | None = None,
    last: float | None = None,
    num: int | None = None,
    kind: str = "train",
    most: int = BYTES,
    pixels: int = PIXELS,
) -> Window:
    """The ops between two times, or without times around a step (None: the newest).

    Raises: TraceError when there is no such step.
    """
    sizes = _Sizes(reader)
    if first is None or last is None:
        at, a, b = around(clock, sizes, num, kind)
        view = float(clock.end[at] - clock.begin[at])
    else:
        a, b = clock.within(first, last)
        if b - a > STEPS:  # the page shows step blocks there; the middle is what it looks at
            a, b = (a + b - STEPS) // 2, (a + b + STEPS) // 2
        at = (a + b) // 2 if b > a else None
        view = (last - first) / 3
    used = clock.graph[a:b]
    total = sum(sizes[int(g)] for g in used)
    guess = 18 * total + 30 * sum(sizes[int(g)] for g in np.unique(used))
    least = 0.0 if guess <= most else NARROW * max(view, 1.0) / pixels
    while True:
        made = _gather(reader, clock, flames, a, b, least)
        if least == 0 or sum(column.nbytes for column in made.columns.values()) <= most:
            break
        least *= 2
    made.head |= {
        "from": int(clock.end[a - 1]) if a > 0 else 0,
        "to": int(clock.begin[b]) if b < len(clock) else int(max(made.head["end"], 0)),
        "first": a == 0,
        "last": b >= len(clock),
        "chosen": -1 if at is None else at - a,
        "least": least,
        "ops": total,
    }
    return made


def _gather(
    reader: TraceReader, clock: Clock, flames: Flames, a: int, b: int, least: float
) -> Window:
    ops, mods, devs, mems = _Columns(), _Columns(), _Columns(), _Columns()
    tables: dict[int, tuple[Flame, list[NDArray[Any]]]] = {}
    steps: list[list[Any]] = []
    devices: list[str] = []
    end = 0
    for place, at in enumerate(range(a, b)):
        step = reader.step(int(clock.num[at]), KINDS[clock.kind[at]])
        graph = reader.graph(step.graph)
        flame = flames.get(reader, graph, step)
        key = id(flame)
        begin, stop = host_intervals(step)
        wall = max(step.wall_ns, int(stop[-1]) - step.t0_ns if graph.n else 0)
        end = max(end, step.t0_ns + wall)
        steps.append(_told(step, wall))
        row = flame.lane.astype(np.int64) * 256 + flame.depth
        bars = merge(begin, stop, row, least)
        lone = bars.count == 1
        tables.setdefault(key, (flame, []))[1].append(bars.first)
        ops.add(
            begin=bars.begin, dur=bars.end - bars.begin, node=bars.first, step=np.full(len(lone), place),
            table=np.full(len(lone), list(tables).index(key)), count=bars.count, busy=bars.busy,
        )  # fmt: skip
        if len(flame.first):
            m_begin, m_end = begin[flame.first], stop[flame.stop - 1]
            level = flame.level * 8 + flame.module_lane
            found = merge(m_begin, m_end, level, least)
            mods.add(
                begin=found.begin, dur=found.end - found.begin, step=np.full(len(found.first), place),
                module=found.first, table=np.full(len(found.first), list(tables).index(key)),
                depth=flame.level[found.first], lane=flame.module_lane[found.first], count=found.count,
            )  # fmt: skip
        _on_devices(reader, graph, step, place, list(tables).index(key), least, devices, devs)
        _alive(reader, graph, step, begin, mems)
    return _finish(steps, tables, ops, mods, devs, mems, devices, end)


def _told(step: Step, wall: int) -> list[Any]:
    # A loss that is NaN comes out of the file as no loss (SQLite has no NaN).
    loss = math.nan if step.loss is None and step.nonfinite else step.loss
    return [
        step.num, step.kind, step.t0_ns, wall, step.status, step.rec_ns, step.timed_at,
        None if loss is None else units.loss(loss), step.graph,
    ]  # fmt: skip


def _on_devices(
    reader: TraceReader, graph: Graph, step: Step, place: int, table: int, least: float,
    devices: list[str], out: _Columns,
) -> None:  # fmt: skip
    """What ran on devices, one row per stream: an op that begins before the row is free lies in the next."""
    if step.dev_ns is None:
        return
    host, _ = host_intervals(step)
    free: dict[str, int] = {}
    begin, dur, node, row = [], [], [], []
    for i in np.flatnonzero(step.dev_ns > 0).tolist():
        name = reader.spec(step.spec_id(i)).device
        if name == "cpu" and graph.inputs(i):  # a copy to the host
            name = reader.spec(step.spec_id(graph.inputs(i)[0])).device
        base, k, at = name, 1, int(host[i])
        if step.dev_begin_ns is not None:
            at = step.t0_ns + int(step.dev_begin_ns[i])
            while at < free.get(name, 0):
                k += 1
                name = f"{base} stream {k}"
        at = max(at, free.get(name, 0))
        free[name] = at + int(step.dev_ns[i])
        if name not in devices:
            devices.append(name)
        begin.append(at)
        dur.append(int(step.dev_ns[i]))
        node.append(i)
        row.append(devices.index(name))
    if not begin:
        return
    starts, rows = np.array(begin, np.int64), np.array(row, np.int64)
    bars = merge(starts, starts + np.array(dur, np.int64), rows, least)
    out.add(
        begin=bars.begin, dur=bars.end - bars.begin, node=np.array(node)[bars.first],
        step=np.full(len(bars.first), place), table=np.full(len(bars.first), table),
        lane=rows[bars.first], count=bars.count,
    )  # fmt: skip


def _alive(reader: TraceReader, graph: Graph, step: Step, begin: Any, out: _Columns) -> None:
    """Bytes alive while each op runs, and as many at the step's end as at its last op."""
    if not graph.n or not (step.freed != schema.NO_MEMORY).any():
        return
    sizes = lifetime.nbytes(reader, step)
    before = max(int(step.live0), lifetime.port_bytes(graph, step, sizes))
    out.add(at=begin, live=lifetime.live_bytes(step, sizes) - int(step.live0) + before)


def _finish(
    steps: list[list[Any]], tables: dict[int, tuple[Flame, list[NDArray[Any]]]], ops: _Columns,
    mods: _Columns, devs: _Columns, mems: _Columns, devices: list[str], end: int,
) -> Window:  # fmt: skip
    texts: dict[str, int] = {"": 0, "\u2026": _OTHER}
    starts = [int(s[2]) for s in steps]
    base = min([*starts, *(int(c.min()) for c in (ops.get("begin"),) if len(c))], default=0)
    span = max([end, *((ops.get("begin") + ops.get("dur")).tolist()[-1:])], default=0) - base
    unit = 1
    while span / unit >= 2**32:
        unit *= 2
    rows, position = _nodes(tables, texts)
    out = {f"node_{k}": v for k, v in rows.items()}
    out |= _bars("op", ops, base, unit, position)
    out |= _bars("dev", devs, base, unit, position)
    out |= _bars("mod", mods, base, unit, None)
    flames = [flame for flame, _ in tables.values()]
    paths = [flames[t].path[m] for t, m in zip(mods.get("table"), mods.get("module"), strict=True)]
    order = np.argsort(ops.get("begin"), kind="stable")
    for name in [k for k in out if k.startswith("op_")]:
        out[name] = out[name][order]
    out["mod_path"] = np.array([_text(texts, p) for p in paths], "<u2")
    at, live = mems.get("at"), mems.get("live")
    if len(at) > POINTS:
        kept = highest(at, live, max(1.0, 2 * float(at[-1] - at[0]) / POINTS))
        at, live = at[kept], live[kept]
    out |= {"mem_at": ((at - base) // unit).astype("<u4"), "mem_live": live.astype("<f8")}
    head = {
        "base": base, "unit": unit, "end": end, "steps": steps, "lanes": list(LANES), "devices": devices,
        "texts": list(texts),
    }  # fmt: skip
    return Window(head, out)


def _bars(
    name: str, columns: _Columns, base: int, unit: int, position: list[Any] | None
) -> dict[str, NDArray[Any]]:
    out = {
        f"{name}_begin": ((columns.get("begin") - base) // unit).astype("<u4"),
        f"{name}_dur": (columns.get("dur") // unit).astype("<u4"),
        f"{name}_step": columns.get("step", "<u2"),
        f"{name}_count": columns.get("count", "<u4"),
    }
    if position is None:
        return out | {f"{name}_{k}": columns.get(k, "u1") for k in ("depth", "lane")}
    node, table = columns.get("node"), columns.get("table")
    row = np.zeros(len(node), "<u4")
    for t, places in enumerate(position):
        mine = table == t
        row[mine] = places[node[mine]]
    out[f"{name}_node"] = row
    if name == "dev":
        out["dev_lane"] = columns.get("lane", "u1")
    elif not (columns.get("count") == 1).all():
        out["op_busy"] = (columns.get("busy") // unit).astype("<u4")
    if (columns.get("count") == 1).all():
        del out[f"{name}_count"]  # nothing is merged: ones need not travel
    return out


def _nodes(
    tables: dict[int, tuple[Flame, list[NDArray[Any]]]], texts: dict[str, int]
) -> tuple[dict[str, NDArray[Any]], list[Any]]:
    """Facts of the nodes that have a bar of their own, and where each graph's nodes stand in them."""
    made, positions, offset = _Columns(), [], 0
    for flame, used in tables.values():
        nodes = np.unique(np.concatenate(used)) if used else np.zeros(0, np.int64)
        place = np.full(len(flame.lane) + 1, -1, np.int64)  # the last for "no twin", which is -1
        place[nodes] = np.arange(offset, offset + len(nodes))
        offset += len(nodes)
        positions.append(place)
        columns = {
            what: [_text(texts, getattr(flame, what)[i]) for i in nodes.tolist()]
            for what in ("name", "scope", "line", "shape", "variable")
        }
        made.add(
            index=nodes, twin=place[flame.twin[nodes]], card=flame.card[nodes], lane=flame.lane[nodes],
            depth=flame.depth[nodes], **columns,
        )  # fmt: skip
    out = {k: made.get(k, "<i4") for k in ("index", "twin", "card")}
    out |= {k: made.get(k, "u1") for k in ("lane", "depth")}
    out |= {k: made.get(k, "<u2") for k in ("name", "scope", "line", "shape", "variable")}
    return out, positions


def _text(texts: dict[str, int], text: str) -> int:
    found = texts.get(text)
    if found is None:
        if len(texts) >= 2**16:
            return _OTHER
        found = texts[text] = len(texts)
    return found


def pack(window: Window) -> bytes:
    """Head and columns as one message: length of the head, head, then the columns, each at a multiple of 8."""
    columns = {k: np.ascontiguousarray(v) for k, v in window.columns.items()}
    described = [[k, v.dtype.str.lstrip("<|"), len(v)] for k, v in columns.items()]
    head = json.dumps({**window.head, "columns": described}, separators=(",", ":"))
    data = head.encode("utf-8", "replace")
    data += b" " * (-(len(data) + 8) % 8)
    chunks = [len(data).to_bytes(8, "little"), data]
    for column in columns.values():
        raw = column.tobytes()
        chunks += [raw, b"\0" * (-len(raw) % 8)]
    return b"".join(chunks)
