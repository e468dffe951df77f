"""Whole runs (or some of their steps) as files of other tools: the list of formats, by suffix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from graphscope.export import chrome, memory_viz, report, rows, speedscope, tensorboard
from graphscope.trace.reader import TraceReader

Write = Callable[[TraceReader, Path, "Sequence[int] | None"], dict[str, int]]


@dataclass(frozen=True)
class RunExporter:
    """A format: how its files end, what opens them, and what writes them."""

    suffix: str
    opened_by: str
    write: Write


# The longest suffix that fits is taken, so x.speedscope.json is not a trace-event file.
RUN_EXPORTERS: tuple[RunExporter, ...] = (
    RunExporter(".speedscope.json", "speedscope.app", speedscope.write),
    RunExporter(".json", "Perfetto (ui.perfetto.dev), chrome://tracing", chrome.write),
    RunExporter(".csv", "spreadsheets, one row per op", rows.write_csv),
    RunExporter(".parquet", "pandas, polars, DuckDB, one row per op", rows.write_parquet),
    RunExporter(".pickle", "PyTorch's memory viewer (pytorch.org/memory_viz)", memory_viz.write),
    RunExporter(".report.html", "any browser, offline", report.write),
    RunExporter(".tb", "TensorBoard (a folder of event files)", tensorboard.write),
)


def run_exporter_for(path: Path | str) -> RunExporter | None:
    """The exporter for a file name; None when no suffix fits. ``folder/`` is TensorBoard's too."""
    name = str(path).lower()
    if name.endswith(("/", "\\")):
        return RUN_EXPORTERS[-1]
    # speedscope.json alone is what people call such a file
    name = "/" + name.replace("\\", "/")
    fits = [e for e in RUN_EXPORTERS if name.endswith((e.suffix, "/" + e.suffix[1:]))]
    return max(fits, key=lambda e: len(e.suffix), default=None)
