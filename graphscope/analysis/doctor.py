"""What is wrong with a run: rules look at its trace, and what they find stands here, worst first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from graphscope.analysis.prescription import Prescription, prescription, settings_for
from graphscope.analysis.rules import RULES
from graphscope.analysis.rules.case import Case
from graphscope.analysis.rules.rule import SEVERITIES, Hit, Rule
from graphscope.errors import TraceError, UsageError
from graphscope.trace.missing import missing
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Site


@dataclass
class Finding:
    """One thing that is wrong, where, since when, and what to do about it.

    detail: the numbers that fired it. means: what that does to a training. fix: what to change.
    nodes: values of ``graph`` (ports are negative); the first is the one to show.
    first_step, last_step: of ``kind``; -1 for what holds without a step. count: in how many steps.
    active: whether it was still so when last looked at. on: what the rule looks at ("graph", "run", "steps",
    "values"; "noted" for what the recorder wrote down).
    """

    id: str
    title: str
    severity: str
    topic: str
    detail: str
    means: str
    fix: str
    link: str = ""
    source: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    first_step: int = -1
    last_step: int = -1
    count: int = 0
    graph: int = -1
    nodes: tuple[int, ...] = ()
    site: Site | None = None
    kind: str = "train"
    key: str = ""
    active: bool = True
    on: str = "graph"

    def to_dict(self) -> dict[str, Any]:
        """Plain texts, lists and numbers, for JSON (NaN and infinities as texts)."""
        found: dict[str, Any] = {k: _plain(v) for k, v in asdict(self).items()}
        found["site"] = None if self.site is None else self.site._asdict()
        return found

    def __str__(self) -> str:
        where = f" ({Path(self.site.file).name}:{self.site.line})" if self.site else ""
        return f"{self.severity}: {self.title}{where}: {self.detail}"


@dataclass
class _State:
    """One finding as it grows: hits in a row so far, and what is shown of it."""

    streak: int = 0
    since: int = -1
    finding: Finding | None = None


class Doctor:
    """Looks at a run, and again when it has grown: ``update()`` costs next to nothing when it has not.

    settings: the table of a settings file (``analysis.prescription``); None reads the one that counts for
    the run. mute: ids of rules, or ``id:pattern`` for findings whose key fits the pattern.
    all: also what the settings mute.

        doctor = Doctor(reader)
        for finding in doctor.update():
            print(finding)
    """

    def __init__(
        self,
        reader: TraceReader,
        settings: Mapping[str, Any] | None = None,
        mute: Sequence[str] = (),
        rules: Sequence[Rule] | None = None,
        all: bool = False,
    ) -> None:
        self.reader = reader
        self.rules = RULES if rules is None else tuple(rules)
        self.case = Case(reader)
        self.everything = all
        problem = ""
        self.settings_file: Path | None = None
        if settings is None:
            try:
                settings, self.settings_file = settings_for(Path(reader.path))
            except UsageError as error:
                settings, problem = {}, str(error)
        self.told: Prescription = prescription(self.rules, settings, mute)
        if problem:
            self.told.problems.append(problem)
        self.version = 0
        """Grows whenever the findings changed."""
        self.unjudged: dict[str, str] = {}
        """Rules that had nothing to look at, by id, and what they missed."""
        self._states: dict[tuple[str, str, str], _State] = {}
        self._failed: dict[str, Finding] = {}
        self._findings: list[Finding] = []
        self._lines: dict[str, list[str]] = {}

    @property
    def findings(self) -> list[Finding]:
        """What was found so far, worst first."""
        return self._findings

    def update(self) -> list[Finding]:
        """Look at what is new since the last time; all findings so far, worst first."""
        if not self.case.update():
            return self._findings
        for rule in self.rules:
            if self.told.is_off(rule) and not self.everything:
                continue
            if rule.on == "graph" and not self.case.new_graph:
                self._recount(rule)
                continue
            self.case.missed = self._nothing(rule)
            try:
                # Whatever a rule does wrong is told and stops no other rule.
                hits = list(rule.check(self.case, self.told.settings(rule)))
                if rule.on in ("graph", "run"):
                    self._replace(rule, hits)
                else:
                    self._follow(rule, hits)
                self._failed.pop(rule.id, None)
                self.unjudged.pop(rule.id, None)
                if self.case.missed and not hits:
                    self.unjudged[rule.id] = self.case.missed
            except TraceError:
                raise  # the file, not the rule
            except Exception as error:
                self._failed[rule.id] = _failure(rule, error)
        self._list()
        return self._findings

    def _nothing(self, rule: Rule) -> str:
        """Why a rule cannot judge, whatever it does; empty when there is something to look at."""
        case = self.case
        if not any(len(case.steps(kind)) for kind in ("train", "eval")):
            return "no step was recorded"
        if rule.on == "values" and not any(case.value_steps(kind) for kind in rule.kinds):
            return "no values were recorded"
        if rule.on == "graph" and not case.graphs("train") and not case.graphs("eval"):
            return "no whole step was recorded"
        return ""

    # ---------------------------------------------------------------- hits become findings

    def _replace(self, rule: Rule, hits: list[Hit]) -> None:
        """These hits, and no others, hold now."""
        held = {(hit.kind, hit.key): hit for hit in hits}
        for (kind, key), hit in held.items():
            state = self._states.setdefault((rule.id, kind, key), _State())
            state.finding = found = self._made(rule, hit, state.finding)
            if rule.on == "graph":
                state.since = hit.step
                self._count(state, {h.graph for h in hits if (h.kind, h.key) == (kind, key)})
            else:
                found.count = 1
        for (id, kind, key), state in self._states.items():
            if id == rule.id and (kind, key) not in held and state.finding and not rule.lasting:
                state.finding.active = False

    def _count(self, state: _State, graphs: set[int]) -> None:
        """Of what is wrong with a graph as such: the steps that used it, from the hit's own on."""
        found = state.finding
        assert found is not None
        table = self.case.steps(found.kind)
        nums = table.num[np.isin(table.graph, sorted(graphs)) & (table.num >= state.since)]
        found.evidence = {**found.evidence, "graphs": sorted(graphs)}
        if len(nums):
            found.first_step, found.last_step, found.count = int(nums[0]), int(nums[-1]), len(nums)

    def _recount(self, rule: Rule) -> None:
        for (id, _, _), state in self._states.items():
            if id == rule.id and state.finding is not None and state.finding.active:
                self._count(state, set(state.finding.evidence.get("graphs", ())))

    def _follow(self, rule: Rule, hits: list[Hit]) -> None:
        """Count hits in a row, check by check, whatever the rounds were."""
        patience = self.told.patience(rule)
        for kind in rule.kinds:
            checks = self.case.fresh(kind) if rule.on == "steps" else self.case.fresh_values(kind)
            table: dict[str, dict[int, Hit]] = {}
            for hit in hits:
                if hit.kind == kind:
                    table.setdefault(hit.key, {})[hit.step] = hit
            known = [key for (id, k, key) in self._states if (id, k) == (rule.id, kind)]
            for key in dict.fromkeys([*known, *table]):
                state = self._states.setdefault((rule.id, kind, key), _State())
                of_key = table.get(key, {})
                for num in sorted({*checks, *of_key}):
                    self._check(rule, state, of_key.get(num), patience)

    def _check(self, rule: Rule, state: _State, hit: Hit | None, patience: int) -> None:
        if hit is None:
            state.streak = 0
            if state.finding is not None and not rule.lasting:
                state.finding.active = False
            return
        if not state.streak:
            state.since = hit.step
        state.streak += 1
        if state.streak < patience:
            return
        before = state.finding
        state.finding = self._made(rule, hit, before)
        if before is None:
            state.finding.first_step = state.since
        state.finding.count += state.streak if state.streak == patience else 1

    def _made(self, rule: Rule, hit: Hit, before: Finding | None) -> Finding:
        site = hit.site
        if site is None and hit.graph >= 0:
            site = self.case.wires(hit.graph).site(*hit.nodes)
        return Finding(
            rule.id, rule.title, self.told.severity(rule, hit.severity), rule.topic, hit.detail, rule.means,
            hit.fix or rule.fix, rule.link, rule.source, dict(hit.evidence),
            hit.step if before is None else before.first_step, hit.step,
            0 if before is None else before.count, hit.graph, tuple(hit.nodes), site, hit.kind, hit.key,
            on=rule.on,
        )  # fmt: skip

    # ---------------------------------------------------------------- the list

    def _list(self) -> None:
        """Standing before cleared, then by severity, then in the order of the rules and of time."""
        place = {rule.id: k for k, rule in enumerate(self.rules)}
        found = [state.finding for state in self._states.values() if state.finding is not None]
        found += self._failed.values()
        found += self._noted()
        if self.told.problems:
            found.append(_confused(self.told.problems, self.settings_file))
        if not self.everything:
            found = [f for f in found if not self._mute(f)]
        rank = {name: k for k, name in enumerate(SEVERITIES)}
        found.sort(
            key=lambda f: (
                not f.active, rank.get(f.severity, len(rank)), place.get(f.id, len(place)), f.first_step,
                f.kind, f.key,
            )
        )  # fmt: skip
        self._findings = found
        self.version += 1

    def _noted(self) -> list[Finding]:
        """What the recorder itself wrote down while the program ran."""
        known = {rule.id for rule in self.rules}
        found = [
            Finding(
                what.id, what.title, "info", "structure", what.detail,
                "Sums, shares and counts are of what was recorded.", what.fix, key=what.id, on="noted",
            )
            for what in missing(self.case.header)
        ]  # fmt: skip
        for row in self.reader.findings():
            if row.rule in known:
                continue  # a rule of ours says it, with more about it
            severity = row.severity if row.severity in SEVERITIES else "info"
            text = str(row.data.get("text", ""))
            found.append(
                Finding(
                    row.rule, row.title, severity, "training", text or row.title, "", "", evidence=row.data,
                    first_step=row.step, last_step=row.step, count=1,
                    nodes=(row.node,) if row.node >= 0 else (), key=str(row.id),
                )
            )  # fmt: skip
        return found

    def _mute(self, finding: Finding) -> bool:
        if finding.severity == "off":
            return True
        return self.told.is_mute(finding.id, finding.key, self.line(finding.site))

    def line(self, site: Site | None) -> str:
        """The source line of a place, as the trace has it."""
        if site is None:
            return ""
        if site.file not in self._lines:
            text = self.reader.source(site.file)
            if text is None:
                return ""  # it may still come
            self._lines[site.file] = text.splitlines()
        lines = self._lines[site.file]
        return lines[site.line - 1] if 0 < site.line <= len(lines) else ""


def findings(
    reader: TraceReader, settings: Mapping[str, Any] | None = None, mute: Sequence[str] = ()
) -> list[Finding]:
    """What is wrong with a run, worst first."""
    return Doctor(reader, settings, mute).update()


def stands(found: Iterable[Finding], severity: str = "error") -> bool:
    """Whether a finding of this severity was still true when last looked at."""
    return any(f.active and f.severity == severity for f in found)


def _failure(rule: Rule, error: Exception) -> Finding:
    trace, line = error.__traceback__, None
    while trace is not None:
        line, trace = (trace.tb_frame.f_code.co_filename, trace.tb_lineno), trace.tb_next
    where = f" ({Path(line[0]).name}:{line[1]})" if line else ""
    return Finding(
        "rule-failed", f"The rule {rule.id} failed", "info", rule.topic,
        f"{type(error).__name__}: {error}{where}",
        "This is a bug of GraphScope's, not of the program; all other rules have looked.",
        f'Please report it; mute = ["{rule.id}"] stops the rule.', evidence={"rule": rule.id}, key=rule.id,
    )  # fmt: skip


def _confused(problems: list[str], file: Path | None) -> Finding:
    return Finding(
        "settings", "Some settings of the rules make no sense", "info", "structure", "; ".join(problems),
        "What makes no sense is not used: the rules look with their own thresholds.",
        f"Correct {file if file is not None else 'the settings'}.", evidence={"problems": list(problems)},
    )  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, (np.integer, np.bool_)):
        return value.item()
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else str(float(value))
    if isinstance(value, np.ndarray):
        return [_plain(v) for v in value.tolist()]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value
