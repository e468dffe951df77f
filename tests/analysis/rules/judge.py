"""What a test of a rule asks: that a broken training gives its finding and no other of its level, a sound one none."""

from __future__ import annotations

from pathlib import Path

from graphscope.analysis.doctor import Doctor, Finding
from graphscope.trace.reader import TraceReader


def findings(path: Path) -> list[Finding]:
    """What stands at the end of a run."""
    with TraceReader(path) as reader:
        return [f for f in Doctor(reader, settings={}).update() if f.active]


def found(path: Path, rule: str) -> Finding:
    """The finding of a rule, which must be there and alone at its level."""
    all_ = findings(path)
    mine = [f for f in all_ if f.id == rule]
    assert mine, f"{rule} is silent; there are {[str(f) for f in all_]}"
    others = [str(f) for f in all_ if f.severity == mine[0].severity and f.id != rule]
    assert not others, f"beside {rule}: {others}"
    one = mine[0]
    assert one.title and one.means and one.fix and one.source and one.link.startswith("https://")
    assert one.detail.endswith(".") and any(c.isdigit() for c in one.detail), one.detail
    assert one.evidence
    return one


def is_silent(path: Path, rule: str, severity: str) -> None:
    """Neither the rule nor any other finding of its level."""
    said = [str(f) for f in findings(path) if f.id == rule or f.severity == severity]
    assert not said, said
