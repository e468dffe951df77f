"""The result of a comparison: its lines, its text, and what in it is a regression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphscope import units
from graphscope.analysis.tabular import Tabular, nanoseconds, plain, printable, text_table

SAME, FASTER, SLOWER = "no difference shown", "faster", "slower"
ONLY_A, ONLY_B = "only in A", "only in B"
EXACT = {"calls": "calls", "bytes": "bytes", "flops": "operations", "traffic": "bytes moved"}


@dataclass
class Side:
    """One run's figures for a key: counts of one step, and nanoseconds of one step in it.

    bytes: what the outputs take. flops, traffic: operations and bytes moved; None where the trace does not say.
    """

    calls: int = 0
    bytes: int = 0
    p25: float = np.nan
    p50: float = np.nan
    p75: float = np.nan
    samples: int = 0
    flops: int | None = None
    traffic: int | None = None


@dataclass
class Difference:
    """One line of the comparison."""

    key: str
    a: Side
    b: Side
    verdict: str

    @property
    def ratio(self) -> float:
        """Time in B over time in A: 2 means that B takes twice as long."""
        return float(self.b.p50 / self.a.p50) if self.a.p50 else float("nan")

    def flat(self) -> dict[str, Any]:
        """One dictionary, with ``a_`` and ``b_`` before the figures of the sides."""
        sides = {"a": plain(self.a), "b": plain(self.b)}
        found = {f"{name}_{k}": v for name, side in sides.items() for k, v in side.items()}
        return {"key": self.key, "ratio": plain(self.ratio), "verdict": self.verdict} | found


@dataclass
class Structure:
    """Whether the runs ran the same ops. ``first`` is the first node that differs, by its key."""

    same: bool
    nodes_a: int
    nodes_b: int
    first: str | None = None
    only_a: dict[str, int] = field(default_factory=dict)
    only_b: dict[str, int] = field(default_factory=dict)
    tensors: list[str] = field(default_factory=list)
    """What the same ops compute in other shapes or dtypes."""

    def sentences(self) -> list[str]:
        """The structure in words."""
        if self.same:
            few = f"{units.count(self.nodes_a)} op{'' if self.nodes_a == 1 else 's'}"
            if not self.tensors:
                return [f"Both run the same {few} a step."]
            rest = len(self.tensors) - 2
            more = f"; and {units.count(rest)} more" if rest > 0 else ""
            listed = "; ".join(printable(text) for text in self.tensors[:2])
            return [f"Both run the same {few} a step, on other tensors: {listed}{more}."]
        text = [
            f"They differ: {units.count(self.nodes_a)} ops a step in A, {units.count(self.nodes_b)} in B."
        ]
        if self.first is not None:
            text.append(
                f"The first that differs: {printable(self.first.replace('|', ' ').strip())}"
            )
        for name, only in (("A", self.only_a), ("B", self.only_b)):
            if only:
                most = sorted(only.items(), key=lambda item: (-item[1], item[0]))[:6]
                text.append(
                    f"Only in {name}: " + ", ".join(f"{printable(k)} x{n}" for k, n in most)
                )
        return text


@dataclass
class Comparison(Tabular):
    """Two sides: their steps, their structure, and a line per op (or module, line, phase, shape)."""

    name_a: str
    name_b: str
    group_by: str
    step: Difference
    structure: Structure
    rows: list[Difference]

    def sorted(self) -> list[Difference]:
        """The largest claimed change in time first, then what shows no difference."""
        return sorted(self.rows, key=lambda row: (row.verdict == SAME, -_change(row), row.key))

    def records(self) -> list[dict[str, Any]]:
        return [row.flat() for row in (*self.sorted(), self.step)]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON; NaN becomes None."""

        def row(d: Difference) -> dict[str, Any]:
            return {
                "key": d.key, "a": plain(d.a), "b": plain(d.b), "ratio": plain(d.ratio), "verdict": d.verdict,
            }  # fmt: skip

        return {
            "a": self.name_a, "b": self.name_b, "group_by": self.group_by, "step": row(self.step),
            "structure": plain(self.structure), "rows": [row(d) for d in self.sorted()],
        }  # fmt: skip

    def table(self, row_limit: int = 20, width: int = 120, whole: bool = True) -> str:
        """The comparison as text; ``whole``: with a row of the whole step."""
        lines = [
            f"A: {printable(self.name_a)}",
            f"B: {printable(self.name_b)}",
            *self.structure.sentences(),
            "",
        ]
        shown = self.sorted()
        cut = shown if row_limit < 0 else shown[:row_limit]
        rows = [*cut, self.step] if whole else cut
        times = nanoseconds(t for row in rows for t in (row.a.p50, row.b.p50))
        head = ["calls A", "calls B", "A a step", "B a step", "B / A", "verdict"]
        words = [
            [
                row.key, units.count(row.a.calls), units.count(row.b.calls), times[2 * k], times[2 * k + 1],
                units.number(row.ratio) if row.ratio == row.ratio else "", row.verdict,
            ]
            for k, row in enumerate(rows)
        ]  # fmt: skip
        extra = []
        for name, title in (("flops", "FLOP"), ("traffic", "moved")):
            pairs = [[getattr(side, name) for side in (row.a, row.b)] for row in rows]
            if all(x is None for pair in pairs for x in pair):
                continue
            alike = all(a == b for a, b in pairs)
            extra += [title] if alike else [f"{title} A", f"{title} B"]
            text = units.flops if name == "flops" else units.bytes_
            for k, pair in enumerate(pairs):
                words[k] += ["" if x is None else text(x) for x in (pair[:1] if alike else pair)]
        head = [self.group_by, *head, *extra]
        drop = (
            ("moved", "moved A", "moved B"), ("FLOP", "FLOP A", "FLOP B"), ("calls A", "calls B"),
        )  # fmt: skip
        lines += text_table(head, words, width, drop, left=("verdict",))
        if len(cut) < len(shown):
            rest = len(shown) - len(cut)
            lines.append(f"{rest} more row{'' if rest == 1 else 's'} not shown")
        return "\n".join(lines)

    def __iter__(self) -> Iterator[Difference]:
        return iter(self.sorted())

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return self.table()


def _change(row: Difference) -> float:
    a, b = (0.0 if x != x else x for x in (row.a.p50, row.b.p50))
    return abs(b - a)


def regressions(now: Comparison, tolerance: float) -> list[str]:
    """What got worse from A to B, one sentence each; empty when nothing did.

    Ops, wiring, calls, bytes and operations must be equal; the step's time may grow by ``tolerance`` (0.2: by a
    fifth), and more only counts where the spreads do not overlap.
    """
    found = []
    s = now.structure
    if not s.same:
        found.append("The ops of a step differ. " + " ".join(s.sentences()))
    for row in (now.step, *(now.rows if s.same else ())):
        for what, word in EXACT.items():
            was, is_ = getattr(row.a, what), getattr(row.b, what)
            if was is not None and is_ is not None and was != is_:
                found.append(f"{row.key}: {word} {was:,} in A, {is_:,} in B.")
    for row in (now.step, *now.rows):
        if row.verdict == SLOWER and row.ratio > 1 + tolerance:
            times = f"{units.ns(row.a.p50)} in A, {units.ns(row.b.p50)} in B a step"
            found.append(
                f"{row.key}: {times}, {row.ratio:.2f} times as long (allowed {1 + tolerance:.2f})."
            )
    return found
