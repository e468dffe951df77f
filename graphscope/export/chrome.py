"""A run as a trace-event file, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

Source of the format: "Trace Event Format", Chromium project (complete events, flow events, counters).
One row holds the host's steps, phases, modules and ops; one row per device holds what ran there. An arrow
leads from every forward op to its gradients, and counters show memory and loss.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from graphscope import units
from graphscope.analysis import lifetime
from graphscope.analysis.spans import calls, host_intervals, steps_in_order
from graphscope.export.files import writing
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Graph, Step

HOST, DEVICE = 1, 2
EVENTS = 200_000  # what a viewer still opens quickly; more steps only on demand


def write(
    reader: TraceReader, path: Path | str, steps: Sequence[int] | None = None
) -> dict[str, int]:
    """Write the run, or only the training steps of these numbers; says what is in the file.

    Without ``steps``, the newest ones that make up about 200,000 events.
    """
    chosen = select(reader, steps)
    count = 0
    with writing(path) as out:
        out.write('{"displayTimeUnit": "ns",\n"otherData": ')
        json.dump(_about(reader, chosen), out)
        out.write(',\n"traceEvents": [\n')
        for event in events(reader, chosen):
            out.write((",\n" if count else "") + json.dumps(event, separators=(",", ":")))
            count += 1
        out.write("\n]}\n")
    return {"steps": len(chosen), "events": count}


def select(reader: TraceReader, nums: Sequence[int] | None) -> list[tuple[str, int]]:
    """The steps to write: those asked for, or as many of the newest as ``EVENTS`` allows."""
    every = steps_in_order(reader)
    if nums is not None:
        wanted = set(nums)
        return [(kind, num) for kind, num in every if kind == "train" and num in wanted]
    sizes = {}
    for kind in ("train", "eval"):
        table = reader.steps(kind)
        for num, graph in zip(table.num.tolist(), table.graph.tolist(), strict=True):
            sizes[kind, num] = reader.graph(graph).n * 3 + 8
    left = EVENTS
    chosen: list[tuple[str, int]] = []
    for key in reversed(every):
        left -= sizes[key]
        if left < 0 and chosen:
            break
        chosen.append(key)
    return chosen[::-1]


def _about(reader: TraceReader, chosen: list[tuple[str, int]]) -> dict[str, Any]:
    header = reader.header()
    keep = ("run", "engine", "version", "created", "python", "numpy", "backend")
    return {k: header[k] for k in keep if k in header} | {
        "steps": len(chosen),
        "steps in the run": len(reader.steps("train")) + len(reader.steps("eval")),
    }


def events(reader: TraceReader, chosen: Iterable[tuple[str, int]]) -> Iterator[dict[str, Any]]:
    """Every event, metadata first."""
    run = reader.header().get("run", "run")
    yield _meta("process_name", HOST, 0, name=f"{run}: host")
    yield _meta("process_sort_index", HOST, 0, sort_index=0)
    yield _meta("thread_name", HOST, 1, name="python")
    devices: dict[str, int] = {}
    flow = 0
    for kind, num in chosen:
        step = reader.step(num, kind)
        graph = reader.graph(step.graph)
        yield from _host(reader, graph, step)
        yield from _device(reader, graph, step, devices)
        for event in _flows(graph, step, flow):
            flow += event["ph"] == "f"
            yield event
        yield from _counters(reader, graph, step)


def _meta(name: str, pid: int, tid: int, /, **args: Any) -> dict[str, Any]:
    return {"ph": "M", "name": name, "pid": pid, "tid": tid, "args": args}


def _us(ns: int) -> float:
    return ns / 1000


def _host(reader: TraceReader, graph: Graph, step: Step) -> Iterator[dict[str, Any]]:
    for span in calls(graph, step):
        event = {
            "ph": "X", "name": span.name, "cat": span.kind, "pid": HOST, "tid": 1,
            "ts": _us(span.begin), "dur": _us(max(span.end - span.begin, 0)),
        }  # fmt: skip
        if span.kind == "op":
            event["name"] = _op_name(graph, span.node)
            event["args"] = _facts(reader, graph, step, span.node)
        elif span.kind == "step":
            event["args"] = {
                "status": step.status,
                "loss": _finite(step.loss),
                "timings of step": step.timed_at,
            }
        yield event


def _op_name(graph: Graph, i: int) -> str:
    """A gradient's name says of which op and of which input it is."""
    name = graph.op_name(i)
    if graph.phase[i] != schema.BACKWARD:
        return name
    inputs = graph.op_info(i).inputs
    slot = int(graph.slot[i])
    if inputs == ["*"] and slot >= 0:  # any number of them
        return f"d {name} / d input {slot}"
    return f"d {name} / d {inputs[slot]}" if 0 <= slot < len(inputs) else f"d {name}"


def _finite(x: float | None) -> float | str | None:
    """JSON has no NaN."""
    return x if x is None or x - x == 0 else str(x)


def _facts(reader: TraceReader, graph: Graph, step: Step, i: int) -> dict[str, Any]:
    spec = reader.spec(step.spec_id(i))
    site = graph.site_of(i)
    facts: dict[str, Any] = {
        "output": f"{units.shape(spec.shape)} {spec.dtype}",
        "inputs": [units.shape(reader.spec(step.spec_id(v)).shape) for v in graph.inputs(i)],
        "node": i,
    }
    if graph.name(i):
        facts["variable"] = graph.name(i)
    if site is not None:
        facts["line"] = f"{site.file}:{site.line}"
    if graph.params_text(i):
        facts["params"] = graph.params_text(i)
    return facts


def _device(
    reader: TraceReader, graph: Graph, step: Step, known: dict[str, int]
) -> Iterator[dict[str, Any]]:
    """The device's intervals: it cannot begin an op before the host asked for it, nor two at once."""
    if step.dev_ns is None:
        return
    begin, _ = host_intervals(step)
    free: dict[str, int] = {}
    for i in range(graph.n):
        took = int(step.dev_ns[i])
        if not took:
            continue
        name = reader.spec(step.spec_id(i)).device
        if name == "cpu" and graph.inputs(i):  # a copy to the host
            name = reader.spec(step.spec_id(graph.inputs(i)[0])).device
        at = int(begin[i])
        if step.dev_begin_ns is not None:
            at = step.t0_ns + int(step.dev_begin_ns[i])
            row, base = 2, name
            while at < free.get(name, 0):  # another stream
                name, row = f"{base} ({row})", row + 1
        if name not in known:
            known[name] = len(known) + 1
            yield _meta("process_name", DEVICE, 0, name="devices")
            yield _meta("thread_name", DEVICE, known[name], name=name)
        at = max(at, free.get(name, 0))
        free[name] = at + took
        yield {
            "ph": "X", "name": _op_name(graph, i), "cat": "device", "pid": DEVICE, "tid": known[name],
            "ts": _us(at), "dur": _us(took), "args": {"node": i, "waited us": _us(at - int(begin[i]))},
        }  # fmt: skip


def _flows(graph: Graph, step: Step, first: int) -> Iterator[dict[str, Any]]:
    begin, end = host_intervals(step)
    flow = first
    for i in range(graph.n):
        twin = int(graph.twin[i])
        if graph.phase[i] != schema.BACKWARD or twin < 0:
            continue
        # Both ends lie inside their op, and the second is bound to the op that encloses it.
        start = _us(int(begin[twin] + end[twin]) // 2)
        stop = max(_us(int(begin[i] + end[i]) // 2), start)
        head = {"name": "backward", "cat": "fwdbwd", "id": flow, "pid": HOST, "tid": 1}
        yield {"ph": "s", "ts": start, **head}
        yield {"ph": "f", "bp": "e", "ts": stop, **head}
        flow += 1


def _counters(reader: TraceReader, graph: Graph, step: Step) -> Iterator[dict[str, Any]]:
    begin, _ = host_intervals(step)
    if graph.n:
        live = lifetime.live_bytes(step, lifetime.nbytes(reader, step))
        before = None
        for i in range(graph.n):
            if live[i] != before:
                before = live[i]
                yield {
                    "ph": "C", "name": "memory", "pid": HOST, "tid": 1, "ts": _us(int(begin[i])),
                    "args": {"bytes": int(live[i])},
                }  # fmt: skip
    if step.loss is not None and step.loss - step.loss == 0 and step.kind == "train":
        yield {
            "ph": "C", "name": "loss", "pid": HOST, "tid": 1, "ts": _us(step.t0_ns + step.wall_ns),
            "args": {"loss": step.loss},
        }  # fmt: skip
