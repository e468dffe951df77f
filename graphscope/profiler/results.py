"""What a profile gives back, under torch's names."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from graphscope.analysis.aggregate import key_averages
from graphscope.analysis.averages import KeyAverages, Row
from graphscope.analysis.part import KINDS, Part
from graphscope.analysis.spans import steps_in_order
from graphscope.analysis.timeline import memory_timeline
from graphscope.errors import UsageError
from graphscope.profiler.events import EventList, events, folded
from graphscope.trace.reader import TraceReader

# Torch's columns that the table has under another name.
_SORT = {
    "name": "key", "device_time": "device", "cuda_time": "device", "xpu_time_total": "device",
    "self_xpu_time_total": "device",
}  # fmt: skip
_STACK_METRICS = ("self_cpu_time_total", "self_cuda_time_total", "self_xpu_time_total")


class Averages(KeyAverages):
    """The table of key averages with torch's arguments."""

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        max_shapes_column_width: int = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:
        """The table as text. Columns are as wide as they must be, and times choose their unit.

        Raises: UsageError for a column that there is none of.
        """
        text = super().table(_SORT.get(sort_by or "", sort_by) or "total", row_limit)
        return text if header is None else f"{header}\n{text}"

    def total_average(self) -> Row:
        """All rows as one."""
        total = Row("Total", 0, 0, 0, 0, float("nan"), float("nan"), 0, 0, 0, 0)
        for row in self.rows:
            total.calls += row.calls
            for name in ("total", "self", "forward", "backward", "share", "bytes"):
                setattr(total, name, getattr(total, name) + getattr(row, name))
        total.mean = total.total / max(total.calls, 1)
        return total

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds in all ops."""
        return sum(row.self for row in self.rows) / 1e3


class Results:
    """Reads the part of a trace that belongs to a profile."""

    def _place(self) -> tuple[Path, dict[str, range] | None]:
        """The trace, flushed, and which steps of it; None: all."""
        raise NotImplementedError

    @contextmanager
    def _part(self, merged: bool = False) -> Iterator[Any]:
        path, ranges = self._place()
        with TraceReader(
            path
        ) as reader:  # closed again: the run's last write wants the file for itself
            yield Part(reader, ranges, merged)

    def key_averages(
        self,
        group_by_input_shape: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> Averages:
        """Time, calls and memory per op, per op and shapes of its inputs, or per source line."""
        by = "line" if group_by_stack_n > 0 else "shape" if group_by_input_shape else "op"
        with self._part(merged=True) as part:
            found = key_averages(part, by)
        return Averages(**{f.name: getattr(found, f.name) for f in fields(found)})

    def total_average(self) -> Row:
        """All ops as one row."""
        return self.key_averages().total_average()

    def table(self, *args: Any, **options: Any) -> str:
        """The key averages as text."""
        return self.key_averages().table(*args, **options)

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds in all ops."""
        return self.key_averages().self_cpu_time_total

    def events(self) -> EventList:
        """Every step, phase, module and op that was recorded."""
        with self._part() as part:
            return EventList(events(part, steps_in_order(part), self._program_step), self)

    def _program_step(self, kind: str, num: int) -> int:
        """The program's own number of a recorded step."""
        return num

    def export_chrome_trace(self, path: str, use_python_export: bool = False) -> None:
        """A file for Perfetto (ui.perfetto.dev) and chrome://tracing; ``.gz`` is compressed."""
        from graphscope.export import chrome

        with self._part() as part:
            _write(path, lambda target: chrome.write(part, target))

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """One line per stack with its microseconds, as flame graph tools read them."""
        if metric not in _STACK_METRICS:
            raise UsageError(
                f"export_stacks: metric={metric!r} is none of {', '.join(_STACK_METRICS)}"
            )
        lines = folded(self.events(), lambda event: float(getattr(event, metric, 0.0)))
        text = "".join(f"{key} {value}\n" for key, value in sorted(lines.items()))
        Path(path).write_text(text, encoding="utf-8")

    def export_memory_timeline(self, path: str, device: str | None = None) -> None:
        """The memory of the last step as JSON: ``[times, sizes]``, microseconds and bytes per category.

        A ``.gz`` is compressed; the names of the categories stand in a third list.
        """
        if path.endswith((".html", ".raw.json.gz")):
            raise UsageError(
                f"export_memory_timeline writes .json and .json.gz, not {Path(path).name}. For a picture "
                "open the run in the dashboard, or export .pickle for PyTorch's memory viewer."
            )
        with self._part() as part:
            kind = next((k for k in KINDS if len(part.steps(k))), None)
            if kind is None:
                raise UsageError("export_memory_timeline: no step was recorded")
            num = int(part.steps(kind).num[-1])
            found = memory_timeline(part, num, kind)
            begin = part.step(num, kind).t0_ns
        names = list(found.categories)
        sizes = [[int(found.categories[n][k]) for n in names] for k in range(len(found))]
        data = [[(begin + row.t) / 1e3 for row in found], sizes, names]
        _write(path, lambda target: Path(target).write_text(json.dumps(data), encoding="utf-8"))


def _write(path: str, write: Any) -> None:
    """Have ``write`` make the file, and compress it if its name says so."""
    if not str(path).endswith(".gz"):
        write(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "file.json"
        write(plain)
        Path(path).write_bytes(gzip.compress(plain.read_bytes()))
