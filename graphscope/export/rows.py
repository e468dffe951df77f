"""A run as a plain table, one row per op and step: CSV for spreadsheets, Parquet for data frames."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graphscope import units
from graphscope.analysis import lifetime
from graphscope.analysis.breakdown import launch_bound
from graphscope.analysis.spans import host_intervals, module_of, steps_in_order
from graphscope.errors import UsageError
from graphscope.export.files import writing
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Graph, Step

COLUMNS = (
    "kind", "step", "node", "phase", "op", "gradient_of", "module", "variable", "file", "line", "inputs", "output",
    "dtype", "device", "bytes", "begin_ns", "host_ns", "device_ns", "freed_after", "live_bytes", "idle_before_ns",
    "launch_bound", "flops", "bytes_moved",
)  # fmt: skip


def write_csv(
    reader: TraceReader, path: Path | str, steps: Sequence[int] | None = None
) -> dict[str, int]:
    """Write all steps whose timings were kept (or the training steps of these numbers) as CSV, UTF-8.

    A text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    count = 0
    with writing(path) as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(COLUMNS)
        for row in rows(reader, steps):
            table.writerow([_harmless(x) if isinstance(x, str) else x for x in row])
            count += 1
    return {"rows": count}


def write_parquet(
    reader: TraceReader, path: Path | str, steps: Sequence[int] | None = None
) -> dict[str, int]:
    """The same as a Parquet file. Raises: UsageError when pyarrow is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError(
            "Parquet files are written by the package pyarrow, which is not installed. Install it, "
            "or export to .csv instead."
        ) from error
    table = list(rows(reader, steps))
    columns = list(zip(*table, strict=True)) or [()] * len(COLUMNS)
    with writing(path, binary=True) as out:
        pyarrow.parquet.write_table(
            pyarrow.table(
                {name: pyarrow.array(column) for name, column in zip(COLUMNS, columns, strict=True)}
            ),
            out,
        )
    return {"rows": len(table)}


def rows(reader: TraceReader, steps: Sequence[int] | None = None) -> Iterator[tuple[Any, ...]]:
    """The rows. A step whose own timing columns were thinned away is left out: they are another step's."""
    wanted = None if steps is None else set(steps)
    texts: dict[tuple[int, int], list[tuple[Any, ...]]] = {}
    for kind, num in steps_in_order(reader):
        if wanted is not None and (kind != "train" or num not in wanted):
            continue
        step = reader.step(num, kind)
        if step.timed_at != num:
            continue
        graph = reader.graph(step.graph)
        key = (step.graph, step.shape_set)
        if key not in texts:
            texts[key] = [_facts(reader, graph, step, i) for i in range(graph.n)]
        begin, end = host_intervals(step)
        live = lifetime.live_bytes(step, lifetime.nbytes(reader, step)) if graph.n else np.zeros(0)
        bound = launch_bound(step)
        costs = reader.costs(step.shape_set)
        if costs is not None and len(costs[0]) != graph.n:
            costs = None
        for i, facts in enumerate(texts[key]):
            device_ns = None if step.dev_ns is None else int(step.dev_ns[i])
            idle_ns = None if step.idle_ns is None else int(step.idle_ns[i])
            freed = int(step.freed[i])
            yield (
                kind, num, i, *facts, int(begin[i]), int(end[i] - begin[i]), device_ns,
                freed if freed >= 0 else None, int(live[i]), idle_ns, None if idle_ns is None else bool(bound[i]),
                *((None, None) if costs is None else (int(costs[0][i]), int(costs[1][i]))),
            )  # fmt: skip


def _facts(reader: TraceReader, graph: Graph, step: Step, i: int) -> tuple[Any, ...]:
    """What is the same in every step of this graph and these shapes."""
    spec = reader.spec(step.spec_id(i))
    site = graph.site_of(i)
    twin = int(graph.twin[i])
    inputs = ", ".join(units.shape(reader.spec(step.spec_id(v)).shape) for v in graph.inputs(i))
    owns = not int(graph.flags[i]) & (schema.VIEW | schema.INPLACE)
    return (
        schema.PHASES[int(graph.phase[i])], graph.op_name(i), twin if twin >= 0 else None,
        module_of(graph, i), graph.name(i) or "", site.file if site else "", site.line if site else None,
        inputs, units.shape(spec.shape), spec.dtype, spec.device, spec.nbytes if owns else 0,
    )  # fmt: skip


def _harmless(text: str) -> str:
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
