"""Where the first number that was not finite came from: the op, its inputs, the line, the way to the loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from graphscope.analysis.why import why
from graphscope.trace import schema

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Entry, Finding, Graph, Site, Step, ValueStep

RULE = "nonfinite"
NAMES = ("neg_inf", "negative", "zero", "positive", "pos_inf", "nan")


@dataclass(frozen=True)
class Trail:
    """One loss or gradient that is not finite, followed back to where it began.

    what: "loss" or "gradient of w". phase: "forward", "backward", or "given": it was not finite when the step began.
    node: the op (or, negative, the port) where it began; None if that is not known, and ``note`` says why.
    slot: of the input whose gradient it was, in a backward; else -1.
    why: one sentence with the numbers. inputs, output, incoming: ranges and counts (see ``analysis.why``).
    path: the values (and in a backward: those whose gradients) it went through, from ``node`` on.
    """

    step: int
    kind: str
    graph: int
    what: str
    phase: str = ""
    node: int | None = None
    slot: int = -1
    op: str = ""
    why: str = ""
    inputs: tuple[Mapping[str, Any] | None, ...] = ()
    output: Mapping[str, Any] | None = None
    incoming: Mapping[str, Any] | None = None
    path: tuple[int, ...] = ()
    site: Site | None = None
    note: str = ""
    title: str = ""
    names: tuple[str, ...] = field(default=())
    """What the inputs are called."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"site": None if self.site is None else self.site._asdict()}


def trail(reader: TraceReader, step: int | None = None, kind: str = "train") -> Trail | None:
    """The first trail of a run, or the one of a step; None if everything was finite, as far as it was seen.

    What the recorder found when it happened is taken; a trace without that is searched in its statistics.
    """
    for finding in reader.findings():
        if finding.rule != RULE or finding.data.get("kind", kind) != kind:
            continue
        if step is None or finding.step == step:
            return _noted(reader, finding, kind)
    table = reader.steps(kind)
    bad = [int(num) for num in table.num[table.nonfinite]]
    if step is not None:
        bad = [num for num in bad if num == step]
    return _searched(reader, bad[0], kind) if bad else None


def trails(reader: TraceReader) -> list[Trail]:
    """All that the recorder noted, oldest first."""
    return [
        _noted(reader, finding, str(finding.data.get("kind", "train")))
        for finding in reader.findings()
        if finding.rule == RULE
    ]


def _noted(reader: TraceReader, finding: Finding, kind: str) -> Trail:
    data = finding.data
    try:
        step: Step | None = reader.step(finding.step, kind)
    except ValueError:  # the step is not in the file yet, or was lost
        step = None
    graph = None if step is None else reader.graph(step.graph)
    facts: dict[str, Any] = {
        "what": str(data.get("what", "loss")), "why": str(data.get("why", "")),
        "note": str(data.get("note", "")), "title": finding.title,
    }  # fmt: skip
    if graph is None or "phase" not in data:
        return Trail(finding.step, kind, -1 if step is None else step.graph, **facts)
    node = finding.node if _inside(graph, finding.node) else None
    path = tuple(int(v) for v in data.get("path", ()) if _inside(graph, v))
    names = () if node is None or node < 0 else tuple(_label(graph, v) for v in graph.inputs(node))
    return Trail(
        finding.step, kind, graph.id, phase=str(data["phase"]), node=node, slot=int(data.get("slot", -1)),
        op=str(data.get("op", "")), inputs=tuple(data.get("inputs", ())), output=data.get("output"),
        incoming=data.get("incoming"), path=path, site=_site(graph, node, path), names=names, **facts,
    )  # fmt: skip


def _inside(graph: Graph, v: Any) -> bool:
    return isinstance(v, int) and -graph.n_ports <= v < graph.n


def _label(graph: Graph, v: int) -> str:
    return graph.label(v) if v >= 0 else graph.port_label(-1 - v)


def _site(graph: Graph, node: int | None, path: tuple[int, ...]) -> Site | None:
    for v in (node, *path):  # what came in broken is shown where it was used first
        if v is not None and v >= 0:
            site = graph.site_of(v)
            if site is not None:
                return site
    return None


# ---------------------------------------------------------------- from statistics alone


def _searched(reader: TraceReader, num: int, kind: str) -> Trail:
    """The earliest op of a step that was given finite numbers only, by the statistics of that step."""
    step = reader.step(num, kind)
    graph, values = reader.graph(step.graph), reader.values(num, kind)
    if values is None or values.num != num:
        note = f"statistics of values were not taken in {kind} step {num}"
        return Trail(num, kind, graph.id, "loss", note=note, title="The loss is not finite")
    for i in range(graph.n):
        if graph.phase[i] != schema.FORWARD or _whole(values.get(i)):
            continue
        given = graph.inputs(i)
        port = next((v for v in given if v < 0 and not _whole(values.get(v))), None)
        if port is not None:
            return _trail(
                graph, step, values, port, "given", "it was not finite when the step began"
            )
        if all(_whole(values.get(v)) for v in given):
            spec = reader.spec(step.spec_id(i))
            entries = [values.get(v) for v in given]
            said = why(graph.op_name(i), entries, values.get(i), spec.dtype)
            return _trail(graph, step, values, i, "forward", said)
    note = "every recorded value of the step is finite but its loss"
    return Trail(num, kind, graph.id, "loss", note=note, title="The loss is not finite")


def _trail(graph: Graph, step: Step, values: ValueStep, node: int, phase: str, said: str) -> Trail:
    given = graph.inputs(node) if node >= 0 else []
    path = tuple(onward(graph, node, values))
    return Trail(
        step.num, step.kind, graph.id, "loss", phase, node, -1,
        graph.op_name(node) if node >= 0 else graph.port_label(-1 - node), said,
        tuple(ranges(values.get(v)) for v in given), ranges(values.get(node)), None, path,
        _site(graph, node, path), "", "The loss is not finite", tuple(_label(graph, v) for v in given),
    )  # fmt: skip


def onward(graph: Graph, node: int, values: ValueStep) -> list[int]:
    """From a broken value on through values that are broken too, to the last of them."""
    path, seen = [node], {node}
    while True:
        following = (
            u for u in graph.users(path[-1])
            if u not in seen and graph.phase[u] == schema.FORWARD and not _whole(values.get(u))
        )  # fmt: skip
        step = next(following, None)
        if step is None:
            return path
        seen.add(step)
        path.append(step)


def _whole(entry: Entry | None) -> bool:
    return entry is None or entry.health_word == "ok"


def ranges(entry: Entry | None) -> dict[str, Any] | None:
    """A tensor's statistics in the form of a finding's."""
    if entry is None:
        return None
    numbers = {"count": entry.count, "min": entry.min, "max": entry.max, "mean": entry.mean}
    plain = {k: v if v == v and abs(v) != float("inf") else None for k, v in numbers.items()}
    return plain | dict(zip(NAMES, (int(n) for n in entry.health), strict=True))
