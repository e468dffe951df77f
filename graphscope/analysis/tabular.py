"""What every table of results can do: text in a terminal, plain lists, CSV, pandas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from graphscope import units
from graphscope.errors import UsageError

GAP = 3  # blanks between columns: one on either side, and a divider


class Tabular:
    """A table of dataclass rows. Numbers are in base units: nanoseconds, bytes, operations."""

    def records(self) -> list[dict[str, Any]]:
        """The rows as dictionaries; NaN and infinities become None."""
        return [plain(row) for row in self]  # type: ignore[attr-defined]

    def columns(self) -> list[str]:
        """The names of the columns."""
        rows = self.records()
        return list(rows[0]) if rows else []

    def to_csv(self, path: Path | str | None = None) -> str:
        """The table as CSV text (also written to ``path``); empty where a number is not known."""
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, self.columns(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.records())
        if path is not None:
            Path(path).write_text(out.getvalue(), encoding="utf-8", newline="")
        return out.getvalue()

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame``. Raises: UsageError when pandas is not installed."""
        try:
            import pandas  # type: ignore[import-untyped,unused-ignore]
        except ImportError as error:
            raise UsageError(
                "to_pandas() needs pandas, which is not installed (pip install pandas); "
                "to_dict() and to_csv() need nothing."
            ) from error
        return pandas.DataFrame(self.records(), columns=self.columns())


def plain(row: Any) -> Any:
    """A dataclass, list or dictionary as JSON takes it."""
    if is_dataclass(row) and not isinstance(row, type):
        return {f.name: plain(getattr(row, f.name)) for f in fields(row)}
    if isinstance(row, Mapping):
        return {k: plain(v) for k, v in row.items()}
    if isinstance(row, (list, tuple)):
        return [plain(v) for v in row]
    if isinstance(row, float):
        return row if row - row == 0 else None
    if hasattr(row, "tolist"):
        return row.tolist()
    return row


def text_table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    width: int = 120,
    drop: Sequence[str | tuple[str, ...]] = (),
    left: Sequence[str] = (),
) -> list[str]:
    """Lines of a table whose first column is a name.

    Where ``width`` does not suffice, the columns in ``drop`` go in this order, and the first column is
    shortened; never a number. Columns in a tuple go together. ``left``: columns that hold words.
    """
    from rich import box  # it takes 30 ms, and many programs print no table
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [list(row) for row in rows]
    wide = [max(map(cell_len, [name, *(row[k] for row in cells)])) for k, name in enumerate(head)]
    shown = list(range(1, len(head)))
    for item in drop:
        if 24 + sum(wide[k] + GAP for k in shown) > width:
            together = (item,) if isinstance(item, str) else item
            shown = [k for k in shown if head[k] not in together]
    room = max(width - sum(wide[k] + GAP for k in shown), 12)
    lines = box.Box("    \n    \n \u2500\u2500 \n    \n    \n    \n    \n    \n")
    table = Table(box=lines, pad_edge=False, show_edge=False)
    for k in [0, *shown]:
        words = k == 0 or head[k] in left
        table.add_column(Text(head[k]), justify="left" if words else "right", no_wrap=True)
    for row in cells:
        name = printable(row[0], min(48, room - 1))
        table.add_row(*[Text(text) for text in (name, *(row[k] for k in shown))])
    out = io.StringIO()
    # As wide as it comes out: what does not fit was left out above, and no number is ever cut.
    console = Console(file=out, width=10_000, color_system=None, legacy_windows=False)
    console.print(table, no_wrap=True, crop=False)
    return [line.rstrip() for line in out.getvalue().rstrip("\n").split("\n")]


def printable(key: str, width: int = 48) -> str:
    """Control characters and direction marks would garble the terminal."""
    text = "".join(c if c.isprintable() else "\ufffd" for c in key)
    return units.clip(text, width)


def nanoseconds(values: Iterable[float]) -> list[str]:
    """A column of times in one unit; empty where unknown, 0 where nothing."""
    times = list(values)
    unit = units.unit_of([t for t in times if t == t])
    return ["" if t != t else units.ns(t, unit) if t else "0" for t in times]


def rate(x: float, kind: str) -> str:
    """Operations (``kind="flops"``) or bytes a second as text; bytes in powers of 1000, as rates are.

    >>> rate(2.5e9, "flops"), rate(2.5e9, "bytes"), rate(float("nan"), "bytes")
    ('2.50 GFLOP/s', '2.50 GB/s', '')
    """
    if x != x:
        return ""
    text = units.flops(x) if x else "0 FLOP"
    return f"{text}/s" if kind == "flops" else f"{text.removesuffix('FLOP')}B/s"
