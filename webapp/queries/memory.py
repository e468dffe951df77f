"""What the Memory page asks for: the memory of one step over its time, who holds it at a moment, and the run's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.analysis import lifetime
from graphscope.analysis.growth import growth, leaks
from graphscope.analysis.holders import OF_PORT, full_label, held_at, line_of, what
from graphscope.analysis.timeline import curves
from graphscope.errors import TraceError
from graphscope.trace import schema
from graphscope.webapp.queries.clock import KINDS, groups
from graphscope.webapp.queries.graph import look
from graphscope.webapp.queries.lod import highest

if TYPE_CHECKING:
    from graphscope.analysis.holders import Held
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Longs, Step
    from graphscope.webapp.queries.clock import Clock

POINTS = 1500
ROWS = 200
STEPS = 1500
OFF = "memory was not recorded in this run (memory=False)"
SWITCH = "with torch.profile(memory=True):   # the default\n    train()"
# What stays is below, what comes and goes above.
ORDER = (
    "parameter", "optimizer state", "buffer", "input", "other", "saved for backward", "activation", "gradient",
    "temporary",
)  # fmt: skip


def step_json(reader: TraceReader, num: int | None) -> dict[str, Any]:
    """One step: bytes alive over its time, stacked by category, the peak with its holders, pools of devices.

    Raises: TraceError when there is no such step.
    """
    step = look(reader, num)
    graph = reader.graph(step.graph)
    told: dict[str, Any] = {"step": step.num, "kind": step.kind, "status": step.status}
    why = not_recorded(reader, step)
    if why:
        return told | {"recorded": False, "why": why, "switch": SWITCH}
    stacks = curves(reader, step)
    live = _sum(stacks, graph.n)
    at = np.maximum.accumulate(np.maximum(step.begin_ns, 0))
    wall = max(int(step.wall_ns), int(at[-1] + step.dur_ns[-1]))
    kept = np.arange(graph.n)
    if graph.n > POINTS:
        kept = np.union1d(highest(at, live, max(1.0, 2 * wall / POINTS)), live.argmax())
    peak = int(live.argmax())
    names = [name for name in ORDER if name in stacks]
    names += [name for name in stacks if name not in ORDER]
    texts: dict[str, int] = {}

    def text(word: str) -> int:
        return texts.setdefault(units.clip(word, 120), len(texts))

    return told | {
        "recorded": True,
        "note": _note(step),
        "wall": wall,
        "at": at[kept].tolist(),
        "node": kept.tolist(),
        "op": [text(what(graph, i)) for i in kept.tolist()],
        "line": [text(line_of(graph, i)) for i in kept.tolist()],
        "texts": list(texts),
        "stacks": [[name, stacks[name][kept].tolist()] for name in names],
        "phases": _phases(graph, step, at),
        "peak": peak,
        "peak_bytes": int(live[peak]),
        "pools": _pools(reader, step),
        "ops": graph.n,
    } | at_json(reader, step.num, peak)  # fmt: skip


def at_json(reader: TraceReader, num: int | None, node: int) -> dict[str, Any]:
    """The buffers alive while a node runs, largest first, and their sums by category, module and line.

    Raises: TraceError when the step has no such node, or its memory was not recorded.
    """
    step = look(reader, num)
    graph = reader.graph(step.graph)
    if not 0 <= node < graph.n:
        raise TraceError(f"Step {step.num} has no op {node}.")
    why = not_recorded(reader, step)
    if why:
        raise TraceError(why)
    sizes = lifetime.nbytes(reader, step)
    ports = lifetime.port_bytes(graph, step, sizes)
    before = max(int(step.live0), ports)
    total = int(lifetime.live_bytes(step, sizes)[node]) - int(step.live0) + before
    held = held_at(reader, step, node, sizes, total)
    line = line_of(graph, node)
    op = what(graph, node)
    largest = next((h for h in held if h.value is not None), None)
    return {
        "moment": {
            "node": node,
            "t": int(max(step.begin_ns[node], 0)),
            "bytes": total,
            "text": f"{units.bytes_(total)} while {op}{f' ({line})' if line else ''} runs",
            "time": f"{units.ns(max(int(step.begin_ns[node]), 0))} into step {step.num}",
            "id": card_id(graph, node),
        },
        "rows": [_row(graph, h, total) for h in held[:ROWS]],
        "more": max(0, len(held) - ROWS),
        "largest": None if largest is None else _row(graph, largest, total),
        "by": {group: _by(held, group, total) for group in ("category", "module", "line")},
    }


def run_json(reader: TraceReader, clock: Clock) -> dict[str, Any]:
    """Bytes alive when each training step began, by category, and at most in it, over the run; what stays and grows."""
    why = "memory was not recorded" if reader.header().get("memory") == "off" else ""
    kind = KINDS[0] if (clock.kind == 0).any() or not len(clock) else KINDS[1]
    mine = clock.kind == KINDS.index(kind)
    num, live, peak = clock.num[mine], clock.live[mine], clock.peak[mine]
    edges = groups(len(num), STEPS)
    starts = edges[:-1]
    out: dict[str, Any] = {"recorded": not why, "why": why, "kind": kind, "steps": len(num)}
    out |= {"num": num[starts].tolist(), "last": num[edges[1:] - 1].tolist()}
    for name, column in (("live", live), ("peak", peak)):
        out[name] = np.maximum.reduceat(column, starts).tolist() if len(starts) else []
    out["stacks"] = _over(reader, kind, num[starts], np.array(out["live"], np.int64))
    if len(num):
        most = int(peak.argmax())
        out["most"] = [int(num[most]), int(peak[most]), units.bytes_(int(peak[most]))]
    out["survivors"] = [
        {
            "op": leak.op,
            "line": leak.line,
            "module": leak.module,
            "per_step": units.bytes_(leak.per_step),
            "steps": units.count(leak.steps),
        }
        for leak in leaks(reader, kind)[:20]
    ]
    trend = growth(reader, kind, known=(num, live))
    if trend is None:
        out["growth"] = {"grows": False, "text": "too few steps to say whether memory grows"}
    elif trend.grows:
        text = (
            f"memory grows by {units.bytes_(trend.per_step)} a step: from {units.bytes_(trend.first)} at step "
            f"{trend.first_step} to {units.bytes_(trend.last)} at step {trend.last_step}. Something keeps tensors "
            "across steps; a loss that is summed without .item() does."
        )
        out["growth"] = {"grows": True, "text": text}
    else:
        text = f"steps leave no more behind than they found (steps {trend.first_step} to {trend.last_step})"
        out["growth"] = {"grows": False, "text": text}
    return out


def _over(reader: TraceReader, kind: str, num: Longs, live: Longs) -> list[list[Any]]:
    """``[category, bytes when each of these steps began]``, what stays below; their sum is ``live``.

    Memory is looked at now and then: between two looks a category keeps its size, and what came since is what steps
    leave behind, where that is known, else "other". Before the first look there is what the first step used.
    """
    looks = reader.alive(kind)
    if not looks or not len(num):
        return []
    seen = np.unique(np.concatenate([nums for nums, _ in looks.values()]))
    at = np.searchsorted(seen, num) - 1  # the last look that ended before the step began
    found: dict[str, Longs] = {}
    for category, (nums, sizes) in looks.items():
        column = np.zeros(len(seen) + 1, np.int64)  # its last entry: before the first look
        column[np.searchsorted(seen, nums)] = sizes
        found[category.replace("_", " ")] = column[at]
    if at[0] < 0:
        for category, size in _used(reader, kind, int(num[0])).items():
            column = found.setdefault(category, np.zeros(len(num), np.int64))
            column[at < 0] = size
    total = sum(found.values(), start=np.zeros(len(num), np.int64))
    less = np.where(total > live, live / np.maximum(total, 1), 1.0)  # what was freed since
    found = {name: (column * less).astype(np.int64) for name, column in found.items()}
    rest = live - sum(found.values(), start=np.zeros(len(num), np.int64))
    left = leaks(reader, kind, often=2) if rest.any() else []
    came = np.where(at >= 0, rest, 0)
    for k, leak in enumerate(left):  # the last one takes what is there to the byte
        share = leak.per_step / sum(x.per_step for x in left[k:])
        mine = (came * share).astype(np.int64)
        found[leak.category] = found.get(leak.category, 0) + mine
        came, rest = came - mine, rest - mine
    found["other"] = found.get("other", 0) + rest
    names = [n for n in ORDER if n in found] + [n for n in found if n not in ORDER]
    return [[name, found[name].tolist()] for name in names if found[name].any()]


def _used(reader: TraceReader, kind: str, num: int) -> dict[str, int]:
    """By category, bytes of what a step used that was there before it."""
    found: dict[str, int] = {}
    try:
        step = reader.step(num, kind)
        graph, sizes = reader.graph(step.graph), lifetime.nbytes(reader, step)
    except TraceError:
        return found  # of a damaged file the rest is shown
    for k in range(graph.n_ports):
        if graph.port_kind(k) != "constant" and k not in step.fresh:
            category = OF_PORT[graph.port_kind(k)]
            found[category] = found.get(category, 0) + int(sizes[graph.n + k])
    return found


def not_recorded(reader: TraceReader, step: Step) -> str:
    """Why a step has no memory to show; empty when it has."""
    if reader.header().get("memory") == "off":
        return OFF
    if not len(step.freed):
        return f"step {step.num} ran no op"
    if (step.freed == schema.NO_MEMORY).all() and not step.live0:
        return f"no op of step {step.num} made memory of its own"
    return ""


def card_id(graph: Graph, value: int | None) -> str | None:
    """The card that stands for a buffer: of a gradient, the value that it is the gradient of."""
    if value is None:
        return None
    if value >= 0 and graph.phase[value] == schema.BACKWARD and graph.twin[value] >= 0:
        inputs, slot = graph.inputs(int(graph.twin[value])), int(graph.slot[value])
        value = inputs[slot] if 0 <= slot < len(inputs) else int(graph.twin[value])
    return f"n{value}" if value >= 0 else f"p{-1 - value}"


def _row(graph: Graph, held: Held, total: int) -> dict[str, Any]:
    return {
        "label": units.clip(full_label(held), 120),
        "size": units.bytes_(held.nbytes),
        "bytes": held.nbytes,
        "share": held.nbytes / max(total, 1),
        "share_text": units.share(held.nbytes / max(total, 1)),
        "shape": held.shape,
        "category": held.category,
        "line": units.clip(held.line, 60),
        "why": held.why,
        "id": card_id(graph, held.value),
    }


def _by(held: list[Held], group: str, total: int) -> list[dict[str, Any]]:
    sums: dict[str, int] = {}
    for h in held:
        key = getattr(h, group) or ("(top)" if group == "module" else "(before the step)")
        sums[key] = sums.get(key, 0) + h.nbytes
    order = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    return [
        {
            "key": units.clip(key, 120),
            "size": units.bytes_(size),
            "share": size / max(total, 1),
            "share_text": units.share(size / max(total, 1)),
        }
        for key, size in order[:40]
    ]


def _phases(graph: Graph, step: Step, at: Longs) -> list[list[Any]]:
    """Stretches of one phase: name, begin, end in ns since the step began."""
    edge = np.flatnonzero(np.diff(graph.phase)) + 1
    starts, stops = np.append(0, edge), np.append(edge, graph.n)
    return [
        [schema.PHASES[int(graph.phase[a])], int(at[a]), int(at[b - 1] + step.dur_ns[b - 1])]
        for a, b in zip(starts.tolist(), stops.tolist(), strict=True)
    ][:2000]


def _pools(reader: TraceReader, step: Step) -> list[dict[str, Any]]:
    """The memory pools of the devices that worked in a step."""
    return [
        {
            "device": pool.device,
            "bars": [
                ["in use when the step began", pool.used, units.bytes_(pool.used)],
                ["in use at most", pool.peak, units.bytes_(pool.peak)],
                ["workspace of one op at most", pool.workspace, units.bytes_(pool.workspace)],
                ["held from the device", pool.reserved, units.bytes_(pool.reserved)],
            ],
        }
        for pool in reader.devices(step.id)
    ]


def _sum(stacks: dict[str, Longs], n: int) -> Longs:
    return sum(stacks.values(), np.zeros(n, np.int64))


def _note(step: Step) -> str:
    if step.looked:
        return ""
    return "When a buffer dies is taken from the last step of the same graph whose buffers were followed."
