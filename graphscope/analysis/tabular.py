"""What every table of results can do: text in a terminal, plain lists, CSV, pandas."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from graphscope import units
from graphscope.errors import UsageError

GAP = 3  # blanks between columns


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
    cells = [list(row) for row in rows]
    wide = [max(map(cell_width, [name, *(row[k] for row in cells)])) for k, name in enumerate(head)]
    shown = list(range(1, len(head)))
    for item in drop:
        if 24 + sum(wide[k] + 3 for k in shown) > width:
            together = (item,) if isinstance(item, str) else item
            shown = [k for k in shown if head[k] not in together]
    room = max(width - sum(wide[k] + GAP for k in shown), 12)
    names = [printable(row[0], min(48, room - 1)) for row in cells]
    first = max([cell_width(head[0]), *map(cell_width, names)])
    lines = [_line(first, head[0], [_pad(head[k], wide[k], head[k] in left) for k in shown])]
    lines.append("\u2500" * min(max(first + sum(wide[k] + GAP for k in shown), 1), width))
    for name, row in zip(names, cells, strict=True):
        lines.append(_line(first, name, [_pad(row[k], wide[k], head[k] in left) for k in shown]))
    return [line.rstrip() for line in lines]


def cell_width(text: str) -> int:
    """How many columns of a terminal a text takes: two for an East Asian wide sign, none for an accent.

    >>> cell_width("relu"), cell_width("\u5c42"), cell_width("e\u0301")
    (4, 2, 1)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _pad(text: str, width: int, left: bool) -> str:
    room = " " * (width - cell_width(text))
    return text + room if left else room + text


def _line(first: int, name: str, cells: list[str]) -> str:
    return (" " * GAP).join([_pad(name, first, True), *cells])


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
