"""Programs that do something wrong and their sound twins: each rule of the doctor fires on one and not on the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import graphscope as gs
from graphscope.analysis.doctor import Doctor, Finding
from graphscope.trace.reader import TraceReader

Program = Callable[[Any], None]


@dataclass(frozen=True)
class Pair:
    """``bad(p)`` and ``good(p)`` run under a profile ``p``.

    rule: which fires on ``bad``, and alone of its severity. severity: if its hit weighs other than the rule
    says. wrong: a remark that marks the line to be found (None: it has no line).
    also: rules of the same severity that are right to fire as well.
    """

    rule: str
    bad: Program
    good: Program
    severity: str = ""
    wrong: str | None = "# wrong"
    also: frozenset[str] = frozenset()
    options: dict[str, Any] = field(default_factory=dict)
    name: str = ""

    @property
    def id(self) -> str:
        return f"{self.rule}{f'-{self.name}' if self.name else ''}"


def found_in(program: Program, folder: Path, **options: Any) -> list[Finding]:
    """What the doctor finds in a program (an exception of its own ends it, as it would a training)."""
    gs.manual_seed(0)
    with gs.profile(folder / program.__name__, **options) as p:
        program(p)
    reader = TraceReader(p.path)
    try:
        return Doctor(reader, settings={}).update()
    finally:
        reader.close()


def line_of(finding: Finding) -> str:
    """The source line of a finding."""
    if finding.site is None:
        return ""
    return Path(finding.site.file).read_text(encoding="utf-8").splitlines()[finding.site.line - 1]


def check_bad(pair: Pair, folder: Path) -> Finding:
    found = found_in(pair.bad, folder, **pair.options)
    mine = [f for f in found if f.id == pair.rule]
    assert mine, f"{pair.rule} did not fire; found: {_said(found)}"
    worst = mine[0]
    if pair.severity:
        assert worst.severity == pair.severity, _said(mine)
    others = [
        f
        for f in found
        if f.id != pair.rule and f.severity == worst.severity and f.id not in pair.also
    ]
    assert not others, f"also at its level: {_said(others)}"
    assert not [f for f in found if f.id == "rule-failed"], _said(found)
    if pair.wrong is not None:
        assert pair.wrong in line_of(worst), f"{worst.site}: {line_of(worst)!r}"
    return worst


def check_good(pair: Pair, folder: Path) -> None:
    found = found_in(pair.good, folder, **pair.options)
    assert not [f for f in found if f.id in (pair.rule, "rule-failed")], _said(found)
    assert not [f for f in found if f.severity == "error"], _said(found)


def _said(found: Sequence[Finding]) -> str:
    return "\n".join(f"{f.id} {f.key}: {f}" for f in found) or "nothing"
