"""A step as nested intervals: the step, its phases, its modules, its ops. What timelines draw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Graph, Longs, Step

KINDS = ("step", "phase", "module", "op")


class Span(NamedTuple):
    """One interval on the host's clock, in nanoseconds since the run began."""

    name: str
    kind: str
    begin: int
    end: int
    depth: int
    node: int
    """The op's node; for a phase or module its first op, for a step -1."""


def host_intervals(step: Step) -> tuple[Longs, Longs]:
    """Begin and end of every op (ns since the run began), made free of overlap.

    Timings are stored in units of up to a few hundred nanoseconds, so that a neighbour may seem to begin
    before an op has ended. One thread runs one op at a time: the earlier one is cut.
    """
    begin = step.t0_ns + np.maximum.accumulate(np.maximum(step.begin_ns, 0))
    end = begin + np.maximum(step.dur_ns, 0)
    if len(begin) > 1:
        end[:-1] = np.minimum(end[:-1], begin[1:])
    return begin.astype(np.int64), end.astype(np.int64)


def module_of(graph: Graph, i: int) -> str:
    """The module that node ``i`` belongs to: a gradient's is the one of its forward op."""
    path = graph.scope_path(i)
    twin = int(graph.twin[i])
    return path or (graph.scope_path(twin) if twin >= 0 else "")


def spans(graph: Graph, step: Step) -> Iterator[Span]:
    """The step's intervals, parents before children, in the order in which they begin.

    Consecutive ops of one phase, and inside it of one module, are under one interval; a module that is
    entered again gets another.
    """
    begin, end = host_intervals(step)
    n = graph.n
    last = int(end[-1]) if n else step.t0_ns
    first = min(step.t0_ns, int(begin[0])) if n else step.t0_ns
    yield Span(
        f"{step.kind} step {step.num}", "step", first, max(first + step.wall_ns, last), 0, -1
    )
    if not n:
        return
    phase = graph.phase.tolist()
    modules = _module_column(graph)
    stop_phase = _run_ends(phase)
    at = 0
    while at < n:
        stop = stop_phase[at]
        yield Span(schema.PHASES[phase[at]], "phase", int(begin[at]), int(end[stop - 1]), 1, at)
        yield from _modules(graph, modules, begin, end, at, stop, 2, "")
        at = stop


def calls(graph: Graph, step: Step) -> Iterator[Span]:
    """The same with one interval for each call of an op: further outputs of one took no time of their own."""
    for span in spans(graph, step):
        if span.kind != "op" or not graph.flags[span.node] & schema.EXTRA:
            yield span


def _module_column(graph: Graph) -> list[str]:
    found: dict[tuple[int, int], str] = {}
    out = []
    scopes, twins = graph.scope.tolist(), graph.twin.tolist()
    for i, key in enumerate(zip(scopes, twins, strict=True)):
        text = found.get(key)
        if text is None:
            text = found[key] = module_of(graph, i)
        out.append(text)
    return out


def _run_ends(column: list[int]) -> list[int]:
    """For each position the first one behind it with another value."""
    ends = [len(column)] * len(column)
    for i in range(len(column) - 2, -1, -1):
        ends[i] = ends[i + 1] if column[i] == column[i + 1] else i + 1
    return ends


def _modules(
    graph: Graph, modules: list[str], begin: Longs, end: Longs, at: int, stop: int, depth: int, inside: str
) -> Iterator[Span]:  # fmt: skip
    """Ops at..stop, which all lie in the module ``inside``, with its children's intervals around them.

    A stack and no recursion: modules may be nested deeper than Python allows.
    """
    todo: list[tuple[int, int, int, str]] = [(at, stop, depth, inside)]
    while todo:
        at, stop, depth, inside = todo.pop()
        if at >= stop:
            continue
        child = _child(modules[at], inside)
        if child is None:
            yield Span(graph.op_name(at), "op", int(begin[at]), int(end[at]), depth, at)
            todo.append((at + 1, stop, depth, inside))
            continue
        last = at + 1
        while last < stop and _is_inside(modules[last], child):
            last += 1
        yield Span(child, "module", int(begin[at]), int(end[last - 1]), depth, at)
        todo.append((last, stop, depth, inside))
        todo.append((at, last, depth + 1, child))


def _is_inside(path: str, scope: str) -> bool:
    return path == scope or path.startswith(scope + ".")


def _child(path: str, inside: str) -> str | None:
    """The module just below ``inside`` on the way to ``path``; None when the path ends there."""
    if path == inside or (inside and not path.startswith(inside + ".")):
        return None
    rest = path[len(inside) + 1 :] if inside else path
    return (f"{inside}." if inside else "") + rest.split(".", 1)[0] if rest else None


def steps_in_order(
    reader: TraceReader, kinds: tuple[str, ...] = ("train", "eval")
) -> list[tuple[str, int]]:
    """(kind, number) of every step, in the order in which they ran."""
    rows: list[tuple[int, str, int]] = []
    for kind in kinds:
        table = reader.steps(kind)
        rows += zip(table.id.tolist(), [kind] * len(table), table.num.tolist(), strict=True)
    return [(kind, num) for _, kind, num in sorted(rows)]
