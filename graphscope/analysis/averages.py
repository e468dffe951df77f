"""The table of key averages: its columns, in base units and in words, and torch's names for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from graphscope import units
from graphscope.analysis.tabular import Tabular, plain, rate, text_table
from graphscope.errors import UsageError


@dataclass
class Row:
    """One line of the table. Times are nanoseconds, rates are per second."""

    key: str
    calls: int
    total: float
    self: float
    mean: float
    p50: float
    p95: float
    share: float
    forward: float
    backward: float
    bytes: int
    device: float = np.nan
    """Time on the device, from up to 100 steps; NaN where none was measured."""
    flops: float = np.nan
    """Arithmetic operations of all calls; NaN where the trace does not say."""
    traffic: float = np.nan
    """Bytes read and written by all calls."""
    flops_s: float = np.nan
    """Achieved rates: over the device's time where that was measured, else over the host's."""
    bytes_s: float = np.nan

    def __getattr__(self, name: str) -> Any:
        """Torch's names; its times are microseconds, and 0 where nothing was measured."""
        column = ALIASES.get(name)
        if column is None:
            raise AttributeError(f"a row of key averages has no {name!r}")
        value = getattr(self, column)
        if column in _TIMES:
            return 0.0 if value != value else value / 1e3
        return value


# Torch's names of columns.
ALIASES = {
    "cpu_time_total": "total",
    "self_cpu_time_total": "self",
    "cpu_time": "mean",
    "cpu_time_avg": "mean",
    "count": "calls",
    "cpu_memory_usage": "bytes",
    "self_cpu_memory_usage": "bytes",
    "device_time_total": "device",
    "self_device_time_total": "device",
    "cuda_time_total": "device",
    "self_cuda_time_total": "device",
    "device_memory_usage": "bytes",
    "self_device_memory_usage": "bytes",
    "self_cuda_memory_usage": "bytes",
    "cuda_memory_usage": "bytes",
}
_TIMES = ("total", "self", "mean", "p50", "p95", "forward", "backward", "device")
_PER_CALL = ("mean", "p50", "p95")
_ORDER = (
    "calls", "total", "self", "mean", "p50", "p95", "share", "forward", "backward", "device", "flops",
    "flops_s", "traffic", "bytes_s", "bytes",
)  # fmt: skip
_DROP = (
    "traffic", "p50", "forward", "backward", "p95", "flops", "bytes", "bytes_s", "flops_s", "device", "self", "calls",
)  # fmt: skip
# Columns that would only repeat another.
_SAME = {"scope": (), "phase": ("self", "forward", "backward")}
_UNKNOWN_HIDES = ("device", "flops", "traffic", "flops_s", "bytes_s")
_HEAD = {"flops_s": "FLOP/s", "bytes_s": "B/s", "flops": "FLOP"}


@dataclass
class KeyAverages(Tabular):
    """Sums and averages per key over the steps of a run.

    ``total``, ``calls``, ``flops`` and ``traffic`` count every step, also those whose columns were thinned
    away; ``p50``, ``p95`` and ``device`` come from a sample of up to 100 steps. A *call* is one run of an op
    when grouped by op or shape, and one step's time in it when grouped by scope, line or phase. ``self``
    leaves out the modules inside a module. ``share`` is of the steps' wall time, ``bytes`` is what the
    outputs of one step take. Where shapes change from step to step (a last, smaller batch), sizes are
    those of the most common ones, and operations are counted for each.
    """

    group_by: str
    steps: int
    wall_ns: int
    rows: list[Row]

    def sorted(self, sort_by: str = "total") -> list[Row]:
        """The rows by one column, largest first (by ``key``: A to Z). Torch's names of columns work too.

        Raises: UsageError when there is no such column.
        """
        column = _column(sort_by)
        if column == "key":
            return sorted(self.rows, key=lambda row: row.key)
        return sorted(self.rows, key=lambda row: (-_order(getattr(row, column)), row.key))

    def table(self, sort_by: str = "total", row_limit: int = 20, width: int = 120) -> str:
        """The table as text, ``row_limit`` rows of it (-1: all)."""
        rows = self.sorted(sort_by)
        shown = rows if row_limit < 0 else rows[:row_limit]
        hidden = _SAME.get(self.group_by, ("self",))
        names = [name for name in _ORDER if name not in hidden]
        for name in _UNKNOWN_HIDES:
            if all(np.isnan(getattr(row, name)) for row in self.rows):
                names.remove(name)
        times = [getattr(row, name) for name in _TIMES if name in names for row in shown]
        small = [getattr(row, name) for name in _PER_CALL for row in shown]
        unit = dict.fromkeys(_TIMES, units.unit_of(times))
        unit |= dict.fromkeys(_PER_CALL, units.unit_of(small))
        head = [self.group_by, *(_HEAD.get(name, name) for name in names)]
        cells = [[row.key, *(_cell(row, name, unit) for name in names)] for row in shown]
        lines = text_table(head, cells, width, [_HEAD.get(name, name) for name in _DROP])
        steps = f"{units.count(self.steps)} step{'' if self.steps == 1 else 's'}"
        lines.append(f"{steps}, {units.ns(self.wall_ns)} in all")
        if len(shown) < len(rows):
            lines[-1] += f"; {len(rows) - len(shown)} more rows not shown"
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for JSON; NaN becomes None."""
        head = {"group_by": self.group_by, "steps": self.steps, "wall_ns": self.wall_ns}
        return head | {"rows": [plain(row) for row in self.sorted()]}

    def columns(self) -> list[str]:
        return [f.name for f in fields(Row)]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.sorted())

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return self.table()


def _cell(row: Row, name: str, unit: dict[str, str]) -> str:
    value = getattr(row, name)
    if name in unit:
        return (
            ""
            if value != value and name == "device"
            else units.ns(value, unit[name])
            if value
            else "0"
        )
    if name in ("flops_s", "bytes_s"):
        return rate(value, name.removesuffix("_s"))
    if value != value:
        return ""
    words = {"calls": units.count, "share": units.share, "flops": units.flops}
    return words.get(name, units.bytes_)(value)


def _column(name: str) -> str:
    column = ALIASES.get(name, name)
    names = [f.name for f in fields(Row)]
    if column not in names:
        raise UsageError(f"There is no column {name!r} to sort by; there are {', '.join(names)}.")
    return column


def _order(x: float) -> float:
    return -np.inf if x != x else float(x)
