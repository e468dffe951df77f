"""The facts of one node as rows of the inspector: times, sizes, arguments, and why its memory is alive."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from graphscope import units
from graphscope.trace import schema

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Step
    from graphscope.view.source import Source

Fact = tuple[str, str]


def facts(reader: TraceReader, graph: Graph, source: Source, step: Step, value: int) -> list[Fact]:
    """(name, text) in the order in which they are shown."""
    found: list[Fact] = []
    spec = source.spec(value)
    if value >= 0:
        found += _times(reader, graph, step, value)
    failed = value >= 0 and bool(graph.flags[value] & schema.FAILED)
    if failed:
        found.append(("result", "none: it failed"))
    elif spec is not None:
        found.append(("shape", units.shape(spec.shape)))
        found.append(("output size" if value >= 0 else "size", units.bytes_(spec.nbytes)))
        found.append(("dtype", spec.dtype))
        found.append(("device", spec.device))
    if value >= 0:
        if graph.flags[value] & schema.VIEW:
            found.append(("memory", "a view: shares its input's memory"))
        elif graph.flags[value] & schema.INPLACE:
            found.append(("memory", "written in place"))
        told = arguments(graph.params_text(value))
        if told:
            found.append(("arguments", told))
    keepers = graph.kept_for(value)
    if keepers:
        names = [f"\u2202 of {where(graph, k)}" for k in keepers[:3]]
        more = f" and {len(keepers) - 3} more" if len(keepers) > 3 else ""
        found.append(("kept alive by", "; ".join(names) + more))
    if value >= 0 and value < len(step.freed) and not failed:
        found += _death(graph, step, value)
    return found


def _times(reader: TraceReader, graph: Graph, step: Step, value: int) -> list[Fact]:
    found: list[Fact] = []
    back = [b for b, _ in graph.backward_of(value)]
    # A step that was broken off has times up to where it stopped.
    ran = [b for b in back if b < len(step.dur_ns)]
    forward_ns = int(step.dur_ns[value]) if value < len(step.dur_ns) else 0
    backward_ns = sum(int(step.dur_ns[b]) for b in ran)
    # No call takes no time at all: it raised, or the program waits before it.
    for pass_, ns in (("forward", forward_ns), ("backward", backward_ns)):
        found.append((f"CPU time, {pass_}", units.ns(ns) if ns else units.MISSING))
    if step.dev_ns is not None and len(step.dev_ns) == graph.n:
        device = int(step.dev_ns[value]) + sum(int(step.dev_ns[b]) for b in back)
        found.append(("device time", units.ns(device)))
    if step.wall_ns:
        found.append(
            ("share of step", units.share(min((forward_ns + backward_ns) / step.wall_ns, 1.0)))
        )
    costs = reader.costs(step.shape_set)
    if costs is not None and len(costs[0]) == graph.n:
        flops = int(costs[0][value])
        if flops:
            text = units.flops(flops)
            if forward_ns:
                text += f", {units.flops(flops / forward_ns * 1e9)}/s"
            found.append(("arithmetic, forward", text))
    return found


def _death(graph: Graph, step: Step, value: int) -> list[Fact]:
    """How long the buffer of a value lives: until which op, or beyond the step."""
    freed = int(step.freed[value])
    if freed == schema.NO_MEMORY:
        return []
    if freed == schema.SURVIVED:
        return [("lives", "on after the step")]
    if freed <= value or freed >= graph.n:
        return [("lives", "no longer than its op")]
    phase = schema.PHASES[int(graph.phase[freed])]
    return [("lives until", f"{where(graph, freed)}, {phase}")]


def arguments(text: str) -> str:
    """``stride=(1, 1), groups=1`` out of the JSON that the trace holds."""
    try:
        given = json.loads(text) if text else {}
    except ValueError:
        given = text
    if isinstance(given, dict):
        given = ", ".join(f"{name}={value}" for name, value in given.items())
    return units.clip(str(given), 160)


def where(graph: Graph, node: int) -> str:
    """``relu (train.py:8)``; a backward node is told by its forward op."""
    twin = int(graph.twin[node])
    node = twin if twin >= 0 else node
    site = graph.site_of(node)
    line = f" ({site.file.replace(chr(92), '/').rpartition('/')[2]}:{site.line})" if site else ""
    return f"{graph.op_name(node)}{line}"
