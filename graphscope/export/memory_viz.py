"""The memory of a step as a snapshot that PyTorch's memory viewer opens (pytorch.org/memory_viz).

Source of the format: torch/cuda/_memory_viz.py's reader of ``torch.cuda.memory._snapshot()`` pickles: lists
of allocations and frees with addresses, sizes, times and stack frames. Our addresses are made up (a trace
keeps none): each living buffer has its own range.
"""

from __future__ import annotations

import heapq
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graphscope import units
from graphscope.analysis import lifetime
from graphscope.analysis.spans import host_intervals, module_of, steps_in_order
from graphscope.export.files import writing
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Graph, Step

PAGE = 512


class Addresses:
    """Gives out address ranges that do not overlap while they live; freed ones are used again."""

    def __init__(self) -> None:
        self._top = 0x7F0000000000
        self._free: dict[int, list[int]] = {}

    def take(self, size: int) -> int:
        """An address for ``size`` bytes."""
        pages = -(-max(size, 1) // PAGE)
        if self._free.get(pages):
            return heapq.heappop(self._free[pages])
        at = self._top
        self._top += pages * PAGE
        return at

    def give(self, address: int, size: int) -> None:
        """The range may be used again."""
        heapq.heappush(self._free.setdefault(-(-max(size, 1) // PAGE), []), address)


def write(
    reader: TraceReader, path: Path | str, steps: Sequence[int] | None = None
) -> dict[str, int]:
    """Write the snapshot of these training steps (default: the last one); says what is in it."""
    every = [key for key in steps_in_order(reader) if key[0] == "train"]
    wanted = None if steps is None else set(steps)
    chosen = every[-1:] if wanted is None else [key for key in every if key[1] in wanted]
    data = snapshot(reader, chosen)
    with writing(path, binary=True) as out:
        pickle.dump(data, out, protocol=4)
    return {"steps": len(chosen), "events": len(data["device_traces"][0])}


def snapshot(reader: TraceReader, chosen: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """The pickle's content: what lived before the first step, then every birth and death."""
    events: list[dict[str, Any]] = []
    addresses = Addresses()
    held: list[tuple[int, int, list[dict[str, Any]]]] = []  # what survives to the end
    for n, (kind, num) in enumerate(chosen):
        step = reader.step(num, kind)
        graph = reader.graph(step.graph)
        if not n:
            held += _before(reader, graph, step, addresses, events)
        held += _step(reader, graph, step, addresses, events)
    return {
        "segments": _segments(held),
        "device_traces": [events],
        "allocator_settings": {},
        "external_annotations": [],
    }


def _event(action: str, address: int, size: int, frames: Any, ns: int) -> dict[str, Any]:
    return {
        "action": action, "addr": address, "size": size, "stream": 0, "frames": frames, "time_us": ns // 1000,
    }  # fmt: skip


def _frames(graph: Graph, v: int) -> list[dict[str, Any]]:
    """The op, then its module: the viewer shows the first ones largest."""
    if v < 0:
        k = -1 - v
        return [
            {
                "name": f"{graph.port_kind(k)} {graph.port_path(k)}",
                "filename": "before the step",
                "line": 0,
            }
        ]
    site = graph.site_of(v)
    what = graph.op_name(v) + (" (gradient)" if graph.phase[v] == schema.BACKWARD else "")
    name = f"{graph.name(v)} = {what}" if graph.name(v) else what
    frames = [
        {"name": name, "filename": site.file if site else "", "line": site.line if site else 0}
    ]
    module = module_of(graph, v)
    if module:
        frames.append({"name": f"module {module}", "filename": "", "line": 0})
    for node in graph.kept_for(v)[:3]:
        frames.append(
            {"name": f"kept for the gradient of {graph.label(node)}", "filename": "", "line": 0}
        )
    return frames


def _before(
    reader: TraceReader,
    graph: Graph,
    step: Step,
    addresses: Addresses,
    events: list[dict[str, Any]],
) -> list[tuple[int, int, list[dict[str, Any]]]]:
    held = []
    known = 0
    for k in range(graph.n_ports):
        size = reader.spec(step.spec_id(-1 - k)).nbytes
        if graph.port_kind(k) == "constant" or not size or k in step.fresh:
            continue
        frames, at = _frames(graph, -1 - k), addresses.take(size)
        events.append(_event("alloc", at, size, frames, step.t0_ns))
        held.append((at, size, frames))
        known += size
    rest = step.live0 - known
    if rest > 0:
        frames = [
            {
                "name": f"other tensors, {units.bytes_(rest)}",
                "filename": "before the step",
                "line": 0,
            }
        ]
        at = addresses.take(rest)
        events.append(_event("alloc", at, rest, frames, step.t0_ns))
        held.append((at, rest, frames))
    return held


def _step(
    reader: TraceReader,
    graph: Graph,
    step: Step,
    addresses: Addresses,
    events: list[dict[str, Any]],
) -> list[tuple[int, int, list[dict[str, Any]]]]:
    begin, end = host_intervals(step)
    sizes = lifetime.nbytes(reader, step)
    dying: dict[int, list[int]] = {}
    for i, freed in enumerate(step.freed.tolist()):
        if freed >= 0:
            dying.setdefault(max(freed, i), []).append(i)
    alive: dict[int, tuple[int, list[dict[str, Any]]]] = {}
    for i in range(graph.n):
        for k in [k for k, node in step.fresh.items() if node == i]:
            size, frames = int(sizes[graph.n + k]), _frames(graph, -1 - k)
            alive[-1 - k] = (addresses.take(size), frames)
            events.append(_event("alloc", alive[-1 - k][0], size, frames, int(begin[i])))
        size = int(sizes[i])
        if size and step.freed[i] != schema.NO_MEMORY:
            frames = _frames(graph, i)
            alive[i] = (addresses.take(size), frames)
            events.append(_event("alloc", alive[i][0], size, frames, int(begin[i])))
        for j in dying.get(i, ()):
            if j not in alive:
                continue
            at, frames = alive.pop(j)
            events.append(_event("free_requested", at, int(sizes[j]), frames, int(end[i])))
            events.append(_event("free_completed", at, int(sizes[j]), frames, int(end[i])))
            addresses.give(at, int(sizes[j]))
    return [(at, int(sizes[i]), frames) for i, (at, frames) in alive.items()]


def _segments(held: list[tuple[int, int, list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    """One segment over everything that is alive at the end, with inactive blocks between."""
    if not held:
        return []
    blocks, at = [], min(address for address, _, _ in held)
    base = at
    for address, size, frames in sorted(held, key=lambda h: h[0]):
        if address > at:
            blocks.append(_block("inactive", at, address - at, []))
        blocks.append(_block("active_allocated", address, size, frames))
        at = address + size
    total = -(-(at - base) // PAGE) * PAGE
    if base + total > at:
        blocks.append(_block("inactive", at, base + total - at, []))
    live = sum(size for _, size, _ in held)
    return [
        {
            "device": 0, "address": base, "total_size": total, "allocated_size": live, "active_size": live,
            "requested_size": live, "stream": 0, "segment_type": "large", "segment_pool_id": (0, 0),
            "is_expandable": False, "frames": [], "blocks": blocks,
        }
    ]  # fmt: skip


def _block(state: str, address: int, size: int, frames: Any) -> dict[str, Any]:
    return {
        "address": address,
        "size": size,
        "requested_size": size,
        "state": state,
        "frames": frames,
    }
