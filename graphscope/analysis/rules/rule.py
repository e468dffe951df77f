"""What a rule of the doctor is: a name, what it means, how to fix it, and a function that looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphscope.trace.records import Site

if TYPE_CHECKING:
    from graphscope.analysis.rules.case import Case

SEVERITIES = ("error", "warning", "info")
TOPICS = ("structure", "training", "performance", "memory")
# What one check of a rule is: a look at the graphs and at the run so far, at a step, or at a step whose
# values were taken.
OCCASIONS = ("graph", "run", "steps", "values")


@dataclass(frozen=True)
class Hit:
    """One place at one step where a rule fired.

    step: its number within ``kind``; -1 when the hit holds for the graph as such (else: from that step on).
    detail: one sentence with the numbers that fired it, in units.
    evidence: those numbers by name, raw.
    graph, nodes: where; the first node is the one to show (ports are negative, as everywhere).
    site: the user's line; where it is None, that of the first node that has one.
    fix: the change of this very code, if the rule can say it; else the rule's own ``fix`` stands.
    key: hits with one key are one finding over time (the parameter's name, the node's stable key).
    severity: if this hit weighs other than the rule says.
    """

    step: int
    detail: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    graph: int = -1
    nodes: tuple[int, ...] = ()
    site: Site | None = None
    fix: str = ""
    key: str = ""
    kind: str = "train"
    severity: str = ""


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong with a training.

    check: looks at a case and yields hits; ``settings`` are its thresholds, which a user may change.
    on: when it is asked, and what a hit then says.
        "graph": when there is a new graph; yields all hits that hold, of every graph.
        "run": when there is anything new; yields all hits that hold now.
        "steps", "values": when there are new steps (with values); yields hits for ``case.fresh(kind)``,
        or ``case.fresh_values(kind)``, and for these only. ``patience`` counts in them.
    kinds: of the steps that it looks at, for "steps" and "values".
    patience: how many hits in a row (of checks, for one key) it takes until it shows; a check without a
        hit arms it again.
    lasting: what happened once stays true (an exception); else a finding stands while the newest check hits.
    source: whose thresholds these are, for the page and the docs.
    about: what the settings mean, by name.
    """

    id: str
    title: str
    severity: str
    topic: str
    means: str
    fix: str
    check: Callable[[Case, Mapping[str, float]], Iterable[Hit]]
    settings: Mapping[str, float] = field(default_factory=dict)
    patience: int = 1
    source: str = ""
    link: str = ""
    on: str = "graph"
    kinds: tuple[str, ...] = ("train",)
    lasting: bool = False
    about: Mapping[str, str] = field(default_factory=dict)
