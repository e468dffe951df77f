"""The charts of a recorded run as figures: loss, timeline of a step, memory of a step, time by op.

Each function reads the little table that its chart needs, and gives a ``Figure``. The options of all:
``theme``, ``title``, ``subtitle``, ``width``, ``font``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.analysis.aggregate import GROUPS, device_time, is_call, keys, pick, ran
from graphscope.analysis.holders import StepMemory, step_memory
from graphscope.analysis.rates import Rates, with_rates
from graphscope.analysis.spans import Span, host_intervals, spans
from graphscope.errors import UsageError
from graphscope.export import pgfplots
from graphscope.export.figure import Figure
from graphscope.trace.reader import TraceReader
from graphscope.view.charts import bars as bar_chart
from graphscope.view.charts import loss as loss_chart
from graphscope.view.charts import memory as memory_chart
from graphscope.view.charts import timeline as timeline_chart

if TYPE_CHECKING:
    from graphscope.trace.records import Graph

DOT = "  \u00b7  "


def loss(
    readers: Sequence[TraceReader], *, tag: str | None = None, kind: str = "train", **options: Any
) -> Figure:
    """The loss of one run or several over their steps; ``tag`` shows a recorded number instead."""
    curves = []
    for reader in readers:
        if tag is not None:
            table = reader.scalars(tag).get(tag) or Rates().read(reader).series().get(tag)
            if table is None:
                known = ", ".join(sorted(with_rates(reader))) or "none"
                raise UsageError(
                    f"{name_of(reader)} has no numbers tagged {tag!r}; there are: {known}."
                )
            steps, values = table[0].tolist(), table[1].tolist()
        else:
            all_steps = reader.steps(kind)
            there = np.isfinite(all_steps.loss) | all_steps.nonfinite
            steps, values = all_steps.num[there].tolist(), all_steps.loss[there].tolist()
        curves.append(loss_chart.Curve(name_of(reader), steps, values))
    said = []
    if len(curves) == 1:
        finite = [
            (v, n) for v, n in zip(curves[0].values, curves[0].steps, strict=True) if np.isfinite(v)
        ]
        if finite and tag is None:
            least = min(finite)
            said = [
                f"{units.count(len(finite))} step{'s' if len(finite) != 1 else ''}",
                f"least {units.loss(least[0])} at step {units.count(least[1])}",
            ]
    _head(options, tag or "Loss", readers, said)
    look = options.pop("theme", "light")
    figure = Figure(loss_chart.chart(curves, look, of=tag or "loss", **options), theme=look)
    plotted = [(c.name, c.steps, c.values) for c in curves]
    figure.plot = pgfplots.of_curves(plotted, tag or "loss", options["title"], look)
    return figure


def timeline(reader: TraceReader, step: int = -1, *, kind: str = "train", **options: Any) -> Figure:
    """One step as lanes: data, forward, backward and update, each by module and by op."""
    facts = reader.step(step, kind)
    graph = reader.graph(facts.graph)
    found = list(spans(graph, facts))
    zero = found[0].begin
    lanes = _lanes(graph, found, zero)
    wall = float(found[0].end - zero)
    spent = sum(bar.end - bar.begin for lane in lanes for bar in lane.ops)
    said = [
        units.ns(wall),
        f"{units.share(spent / wall if wall else 0)} in ops",
        "the rest is Python",
    ]
    if facts.timed_at != facts.num:
        said.append(f"times of step {units.count(facts.timed_at)}")
    _head(options, f"Step {units.count(facts.num)}", [reader], said)
    look = options.pop("theme", "light")
    figure = Figure(timeline_chart.chart(lanes, wall, look, **options), theme=look)
    rows = [(lane.phase, [(b.begin, b.end) for b in lane.ops]) for lane in lanes]
    figure.plot = pgfplots.of_lanes(rows, options["title"], look)
    return figure


def _lanes(graph: Graph, found: list[Span], zero: int) -> list[timeline_chart.Lane]:
    """Ops and modules by phase. Of nested modules the outermost rank that has several is shown."""
    ops: dict[str, list[Span]] = {phase: [] for phase in timeline_chart.LANES}
    modules: dict[str, list[Span]] = {phase: [] for phase in timeline_chart.LANES}
    phase = ""
    for span in found:
        if span.kind == "phase":
            phase = span.name
        elif span.kind in ("op", "module"):
            (ops if span.kind == "op" else modules)[phase].append(span)
    lanes = []
    for phase in timeline_chart.LANES:
        ranks: dict[int, list[Span]] = {}
        for span in modules[phase]:
            ranks.setdefault(span.depth, []).append(span)
        shown: list[Span] = []
        for depth in sorted(ranks):
            shown = ranks[depth]
            if len({span.name for span in shown}) > 1:
                break
        lanes.append(timeline_chart.Lane(phase, _bars(shown, zero), _bars(ops[phase], zero)))
    return lanes


def _bars(found: Sequence[Span], zero: int) -> list[timeline_chart.Bar]:
    return [timeline_chart.Bar(s.name, s.begin - zero, s.end - zero) for s in found]


def memory(reader: TraceReader, step: int = -1, *, kind: str = "train", **options: Any) -> Figure:
    """The bytes alive through one step, its peak, and the buffers that make up the peak."""
    facts = reader.step(step, kind)
    graph = reader.graph(facts.graph)
    told = step_memory(reader, facts.num, kind)
    begin, end = host_intervals(facts)
    zero = min(facts.t0_ns, int(begin[0])) if graph.n else facts.t0_ns
    wall = float(max(facts.wall_ns, int(end[-1]) - zero if graph.n else 0))
    phases = [
        memory_chart.Stretch(s.name, s.begin - zero, s.end - zero)
        for s in spans(graph, facts)
        if s.kind == "phase"
    ]
    held = _held(told)
    said = [f"peak {units.bytes_(told.peak)}"]
    if told.line:
        said.append(f"at {told.line}")
    said.append(f"{units.bytes_(told.start)} before the step, {units.bytes_(told.end)} after")
    _head(options, f"Memory of step {units.count(facts.num)}", [reader], said)
    look = options.pop("theme", "light")
    drawing = memory_chart.chart(
        (begin - zero).tolist(), told.curve.tolist(), wall, phases, held, told.at, look,
        start=float(told.start), **options,
    )  # fmt: skip
    figure = Figure(drawing, theme=look)
    figure.plot = pgfplots.of_memory(
        (begin - zero).tolist(), told.curve.tolist(), options["title"], look
    )
    return figure


def _held(told: StepMemory) -> list[memory_chart.Held]:
    """The buffers of the peak, largest first; where no few of them make it up, sums by category."""
    largest = sum(h.nbytes for h in told.holders[: memory_chart.LARGEST])
    if 2 * largest >= told.peak:
        return [
            memory_chart.Held(h.label, h.nbytes, _why(h.category, h.shape)) for h in told.holders
        ]
    counts = Counter(h.category for h in told.holders)
    return [
        memory_chart.Held(
            name, size, f"{units.count(counts[name])} buffer{'s' * (counts[name] > 1)}"
        )
        for name, size in told.by("category")
    ]


def _why(category: str, shape: str) -> str:
    return f"{category}, {shape}" if shape else category


def ops(reader: TraceReader, *, kind: str = "train", by: str = "op", **options: Any) -> Figure:
    """Mean time in a step by op (or scope, line, phase, shape), by phase, host and device."""
    if by not in GROUPS:
        raise UsageError(f"Cannot sum time by {by!r}; there are {', '.join(GROUPS)}.")
    table = reader.steps(kind)
    steps = max(len(table), 1)
    rows = [
        bar_chart.Bar(
            key, *_parts(row, steps),
            round(row[CALLS] / steps), row[DEVICE] / steps if row[DEVICE] else None,
        )
        for key, row in _spent(reader, kind, by).items()
        if any(row)
    ]  # fmt: skip
    wall = int(table.wall_ns.sum()) / steps
    said = [f"mean of {units.count(len(table))} step{'s' if len(table) != 1 else ''}"]
    said.append(f"{units.ns(wall)} a step")
    _head(options, f"Time by {'operation' if by == 'op' else by}", [reader], said)
    look = options.pop("theme", "light")
    figure = Figure(bar_chart.chart(rows, look, **options), theme=look)
    largest = sorted(rows, key=lambda bar: -bar.total)[:15]
    parts = [(bar.name, (bar.forward, bar.backward, bar.update, bar.data)) for bar in largest]
    figure.plot = pgfplots.of_bars(parts, bar_chart.PARTS, options["title"], look)
    return figure


CALLS, DEVICE = 4, 5


def _parts(row: Sequence[float], steps: int) -> tuple[float, float, float, float]:
    """Forward, backward, update and data of one step."""
    data, forward, backward, update = (spent / steps for spent in row[:4])
    return forward, backward, update, data


def _spent(reader: TraceReader, kind: str, by: str) -> dict[str, list[float]]:
    """Per key the nanoseconds of all steps in each phase, the calls, and the device's nanoseconds."""
    table = reader.steps(kind)
    sums: dict[str, list[float]] = {}
    for id in np.unique(table.graph).tolist():
        mine = table.graph == id
        graph, moments = reader.graph(id), reader.moments(id)
        mean, count = moments["mean"], ran(table, mine, moments)
        if not moments["n"] or not graph.n:
            continue
        calls = (is_call(graph) * count).tolist()
        device = device_time(reader, graph, pick(table, mine), kind)
        shapes = int(np.bincount(table.shape_set[mine]).argmax())
        phases = graph.phase.tolist()
        for i, key in enumerate(keys(reader, graph, by, shapes)):
            row = sums.setdefault(key, [0.0] * 6)
            row[phases[i]] += float(mean[i]) * count
            row[CALLS] += calls[i]
            if device is not None:
                row[DEVICE] += float(device[i]) * count
    return sums


def overlay(reader: TraceReader, step: int = -1, by: str = "time", **options: Any) -> Figure:
    """The graph of one step, coloured by time, memory or gradient, with its legend."""
    from graphscope.export.figure import figure_of_run

    words = {"time": "time", "memory": "memory", "grad": "grad", "gradient": "grad"}
    if by not in words:
        raise UsageError(
            f"there is no overlay {by!r}: a graph can be coloured by time, memory or grad."
        )
    return figure_of_run(reader, step, color=words[by], **options)


def name_of(reader: TraceReader) -> str:
    """What a run is called: its own name, else its file's."""
    return str(reader.header().get("run") or Path(reader.path).stem)


def _head(
    options: dict[str, Any], title: str, readers: Sequence[TraceReader], said: Sequence[str]
) -> None:
    """Title and subtitle, unless the caller gave his own."""
    if len(readers) == 1:
        said = [name_of(readers[0]), *said]
    options["title"] = options.get("title") or title
    options["subtitle"] = options.get("subtitle") or DOT.join(said)


CHARTS: Mapping[str, Any] = {"loss": loss, "timeline": timeline, "memory": memory, "ops": ops}
