"""Reads everything that a trace offers, as pages do."""

from __future__ import annotations

from pathlib import Path

from graphscope.analysis import breakdown, lifetime
from graphscope.analysis.aggregate import GROUPS, key_averages
from graphscope.analysis.ceilings import Ceilings
from graphscope.analysis.compare import compare, compare_steps
from graphscope.analysis.roofline import roofline
from graphscope.analysis.steps import steps
from graphscope.analysis.timeline import memory_timeline
from graphscope.errors import TraceError, UsageError
from graphscope.trace.reader import TraceReader


def walk(path: Path) -> int:
    """Every part on its own; returns how many could be read. Only TraceError may come out."""
    with TraceReader(path) as reader:
        parts = [
            reader.header,
            reader.state,
            reader.revision,
            reader.steps,
            reader.value_steps,
            reader.scalars,
            reader.texts,
            reader.media,
            reader.media_list,
            lambda: reader.medium(1),
            reader.findings,
            lambda: reader.source("train.py"),
            lambda: breakdown.breakdown_table(reader),
            lambda: steps(reader).table(),
            lambda: memory_timeline(reader).table(),
            lambda: roofline(reader, ceilings=Ceilings(1e9, 1e9, 1e9, 1, 0.0)).table(),
            lambda: compare(reader, reader).table(),
            lambda: compare_steps(reader, 0, 1).table(),
        ]
        parts += [lambda g=g: key_averages(reader, g).table() for g in GROUPS]
        parts += [lambda g=g: _graph(reader, g) for g in range(2)]
        parts += [lambda n=n: _step(reader, n) for n in (-1, 0, 1, 2)]
        good = 0
        for part in parts:
            try:
                part()
                good += 1
            except (TraceError, UsageError):  # a sentence either way
                pass
        return good


def _graph(reader: TraceReader, id: int) -> None:
    graph = reader.graph(id)
    reader.moments(id)
    for i in range(graph.n):
        assert isinstance(graph.label(i), str)
        graph.op_info(i), graph.site_of(i), graph.scope_path(i), graph.params_text(i)
        graph.inputs(i), graph.users(i), graph.backward_of(i), graph.key(i), graph.kept_for(i)
    for k in range(graph.n_ports):
        graph.port_label(k), graph.port_kind(k), graph.scope_path(-1 - k)


def _step(reader: TraceReader, num: int) -> None:
    step = reader.step(num)
    graph = reader.graph(step.graph)
    breakdown.breakdown(graph, step)
    lifetime.peak(graph, step, reader)
    reader.columns("dur_ns", [step.num])
    values = reader.values(step.num)
    for key in values or ():
        entry = values.get(*key) if values else None
        assert entry is not None
        repr((entry.mean, entry.item, entry.health_word, entry.thumb and entry.thumb.array()))
