"""What the doctor says of a run: one doctor per run, asked again only when there is something new.

Rules run in this process, in a thread of their own, at most once a second and run, and with a small share
of a processor while the run goes on: a page that polls never waits for them, and ten tabs cost what one does.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphscope import units
from graphscope.analysis.trail import trail
from graphscope.errors import GraphScopeError
from graphscope.webapp.queries.places import Places, source_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphscope.analysis.doctor import Finding
    from graphscope.trace.reader import TraceReader
    from graphscope.webapp.queries.graph import Views

RUNS = 16
EVERY = 1.0  # seconds between two looks at one run, and more where a look takes long:
SHARE = 0.003  # of a processor is what the rules of a run may take, which trains meanwhile
LONGEST = 8.0  # seconds between two looks at most: findings are never older than that
FEW = 8  # steps with values that are looked at in one look meanwhile, evenly chosen; when it is over, all are
EARLY = 0.4  # of the time that a run was looked at: what goes wrong in the beginning is said soon
PATIENCE = 0.3  # seconds that the first question waits for the first answer; then the card says when it came
SEVERITIES = ("error", "warning", "info")
TRAIL = "nonfinite"  # the rule whose findings have a trail


@dataclass
class _Patient:
    """One run and what is known of it."""

    reader: TraceReader
    doctor: Any = None  # made by the first look: the rules are many modules
    lock: threading.Lock = field(default_factory=threading.Lock)
    done: threading.Event = field(default_factory=threading.Event)
    seen: Any = None  # the revision that was last looked at
    first: float = 0.0  # when it was first looked at
    begun: float = -1e9
    pause: float = EVERY
    busy: bool = False
    going_on: bool = False
    version: int = 0
    found: list[Finding] = field(default_factory=list)
    problem: str = ""


def doctor_of(reader: TraceReader) -> Any:
    """A doctor with the settings that count for the run."""
    from graphscope.analysis.doctor import Doctor

    return Doctor(reader)


class Doctors:
    """The doctors of the runs that are looked at."""

    def __init__(self, make: Callable[[TraceReader], Any] = doctor_of) -> None:
        self._make = make
        self._patients: OrderedDict[str, _Patient] = OrderedDict()
        self._lock = threading.Lock()

    def nudge(self, reader: TraceReader, revision: Any) -> dict[str, Any]:
        """Have a look in the background when the revision is new; the counter that pages compare.

        ``{doctor, errors, warnings}``: a number that grows whenever the findings changed, and how many
        findings stand.
        """
        patient = self._patient(reader)
        with patient.lock:
            waited = time.monotonic() - patient.begun
            going_on = isinstance(revision, tuple) and "live" in revision
            pause = patient.pause if going_on else EVERY
            if patient.seen != revision and not patient.busy and waited >= pause:
                patient.busy, patient.begun, patient.seen = True, time.monotonic(), revision
                patient.going_on = going_on
                patient.first = patient.first or patient.begun
                threading.Thread(
                    target=self._examine, args=(patient,), name="graphscope-doctor", daemon=True
                ).start()
            standing = Counter(f.severity for f in patient.found if f.active)
            return {
                "doctor": patient.version,
                "errors": standing["error"],
                "warnings": standing["warning"],
            }

    def known(self, reader: TraceReader) -> _Patient:
        """What is known of a run without asking for more."""
        return self._patient(reader)

    def found(self, reader: TraceReader, revision: Any) -> _Patient:
        """What is known now; the first question waits a moment for the first answer."""
        patient = self._patient(reader)
        self.nudge(reader, revision)
        patient.done.wait(PATIENCE)
        return patient

    def wait(self, reader: TraceReader) -> None:
        """Until no look is under way: for tests and for exports."""
        patient = self._patient(reader)
        while patient.busy:
            time.sleep(0.005)

    def _patient(self, reader: TraceReader) -> _Patient:
        name = str(reader.path)
        with self._lock:
            patient = self._patients.get(name)
            if patient is None or patient.reader is not reader:
                patient = self._patients[name] = _Patient(reader)
            self._patients.move_to_end(name)
            while len(self._patients) > RUNS:
                self._patients.popitem(last=False)
            return patient

    def _examine(self, patient: _Patient) -> None:
        problem, found = "", patient.found
        used = time.thread_time()
        try:
            from graphscope.analysis.rules.case import MOST_VALUES

            if patient.doctor is None or _has_left_out(patient):
                patient.doctor = self._make(patient.reader)
            case = getattr(patient.doctor, "case", None)
            if case is not None:
                case.most_values = FEW if patient.going_on else MOST_VALUES
            found = list(patient.doctor.update())
        except GraphScopeError as error:
            problem = str(error)
        except Exception as error:  # a fault of ours: said on the page, the rest goes on
            problem = f"The rules failed ({type(error).__name__}: {error})."
        with patient.lock:
            rest, age = (time.thread_time() - used) / SHARE, time.monotonic() - patient.first
            patient.pause = max(EVERY, min(rest, EARLY * age, LONGEST))
            if found != patient.found or problem != patient.problem or not patient.done.is_set():
                patient.version += 1
            patient.found, patient.problem, patient.busy = found, problem, False
        patient.done.set()


def _has_left_out(patient: _Patient) -> bool:
    """Whether the run is over, and some of its steps were not looked at because it went on: it is judged once more."""
    case = getattr(patient.doctor, "case", None)
    return case is not None and case.left_out and not patient.going_on and case.most_values == FEW


def findings_json(reader: TraceReader, views: Views, patient: _Patient) -> dict[str, Any]:
    """The findings with cards, source lines and words; how many rules looked, and which could not judge."""
    with patient.lock:
        found, version, problem = patient.found, patient.version, patient.problem
        ready = patient.done.is_set()
    table = _Graphs(reader, views)
    rules = list(getattr(patient.doctor, "rules", ()))
    unjudged = dict(getattr(patient.doctor, "unjudged", {}))
    titles = {rule.id: rule.title for rule in rules}
    return {
        "doctor": version,
        "ready": ready,
        "problem": problem,
        "rules": len(rules),
        "unjudged": [
            {"id": id, "title": titles.get(id, id), "why": units.clip(str(why), 200)}
            for id, why in unjudged.items()
        ],
        # Where NaN began stands first: nothing else is worth reading before it.
        "findings": [
            _finding(reader, table, finding)
            for finding in sorted(found, key=lambda f: not (f.id == TRAIL and f.active))
        ],
    }


class _Graphs:
    """Cards of the graphs that findings name; each graph is folded once."""

    def __init__(self, reader: TraceReader, views: Views) -> None:
        self.reader, self.views = reader, views
        self._known: dict[tuple[str, int], Places | None] = {}

    def places(self, finding: Finding) -> Places | None:
        """The cards of a finding's graph, at the newest of its steps."""
        key = (finding.kind, finding.graph)
        if key not in self._known:
            self._known[key] = self._make(finding)
        return self._known[key]

    def _make(self, finding: Finding) -> Places | None:
        try:
            step = self.reader.step(max(finding.last_step, -1), finding.kind)
            if finding.graph not in (-1, step.graph):
                return None
            return Places(self.reader, self.views, self.reader.graph(step.graph), step)
        except GraphScopeError:
            return None


def _finding(reader: TraceReader, graphs: _Graphs, finding: Finding) -> dict[str, Any]:
    places = graphs.places(finding) if finding.nodes else None
    cards = [places.place(v) for v in finding.nodes[:12]] if places is not None else []
    seen: dict[str, dict[str, str]] = {}
    for card in cards:
        if card is not None:
            seen.setdefault(card["id"], card)
    mute = finding.id if not finding.key else f"{finding.id}:{finding.key}"
    return {
        "id": finding.id,
        "key": units.clip(finding.key, 200),
        "title": units.clip(finding.title, 200),
        "severity": finding.severity if finding.severity in SEVERITIES else "info",
        "topic": finding.topic,
        "active": finding.active,
        "detail": units.clip(finding.detail, 1000),
        "means": finding.means,
        "fix": finding.fix,
        "link": finding.link if finding.link.startswith(("https://", "http://")) else "",
        "source": finding.source,
        "steps": steps_text(finding),
        "kind": finding.kind,
        "first_step": finding.first_step,
        "last_step": finding.last_step,
        "count": finding.count,
        "cards": list(seen.values()),
        "more": max(0, len(finding.nodes) - 12),
        "code": source_json(reader, finding.site),
        "mute": f"mute = [{_toml(mute)}]",
        "trail": _trail(reader, places, finding),
    }


def _trail(reader: TraceReader, places: Places | None, finding: Finding) -> dict[str, Any] | None:
    """Where what is not finite began: why, what came in, what came out, and the way to the loss."""
    if finding.id != TRAIL:
        return None
    found = trail(reader, finding.first_step, finding.kind)
    if found is None:
        return None
    cards = [places.place(v) for v in found.path[:60]] if places is not None else []
    path: dict[str, dict[str, str]] = {}
    for card in cards:
        if card is not None:
            path.setdefault(card["id"], card)
    rows = [
        (units.clip(name, 60), range_text(facts))
        for name, facts in zip(found.names, found.inputs, strict=False)
    ]
    if found.incoming is not None:
        rows.append(("the gradient that came in", range_text(found.incoming)))
    if found.output is not None:
        rows.append(("what came out", range_text(found.output)))
    return {
        "step": found.step,
        "what": found.what,
        "op": found.op,
        "why": found.why,
        "note": found.note,
        "ranges": rows,
        "path": list(path.values()),
        "more": max(0, len(found.path) - 60),
    }


def range_text(facts: Mapping[str, Any] | None) -> str:
    """``0 to 0.322, mean 0.108; 42 of 256 are 0``: what is remarkable about a tensor, in words."""
    if facts is None:
        return "not recorded"
    count = int(facts.get("count") or 0)
    low, high, mean = (facts.get(name) for name in ("min", "max", "mean"))
    bad = [
        f"{units.count(facts[name])} {word}"
        for name, word in (("nan", "NaN"), ("pos_inf", "+Inf"), ("neg_inf", "\u2212Inf"))
        if facts.get(name)
    ]
    if facts.get("zero") and 0 < facts["zero"] < count:
        bad.append(f"{units.count(facts['zero'])} are 0")
    if (
        low is None
        or high is None
        or count == sum(int(facts.get(name) or 0) for name in ("nan", "pos_inf", "neg_inf"))
    ):
        text = "no finite number"
    elif count == 1 or low == high:
        text = units.number(low)
    else:
        text = f"{units.number(low)} to {units.number(high)}, mean {units.number(mean)}"
    return text + (f"; of {units.count(count)}: {', '.join(bad)}" if bad else "")


def steps_text(finding: Finding) -> str:
    """``step 80``, ``steps 80 to 399, 212 times``; empty for what holds without a step."""
    if finding.first_step < 0:
        return ""
    word = "step" if finding.kind == "train" else f"{finding.kind} step"
    if finding.last_step <= finding.first_step:
        return f"{word} {units.count(finding.first_step)}"
    text = f"{word}s {units.count(finding.first_step)} to {units.count(finding.last_step)}"
    if 0 < finding.count <= finding.last_step - finding.first_step:
        text += ", once" if finding.count == 1 else f", {units.count(finding.count)} times"
    return text


def _toml(text: str) -> str:
    """A string as a TOML file has it: quotes, backslashes and what is not printable escaped.

    >>> _toml('a"b')
    '"a\\\\"b"'
    """
    out = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in out) + '"'


def ribbon(patient: _Patient) -> list[tuple[int, int, int, str]]:
    """``(first, last, severity, title)`` of findings that say *when*: 1 info, 2 warning, 3 error.

    What holds for the graph as such holds in every step; marked, it would drown what happened in one.
    """
    with patient.lock:
        found = list(patient.found)
    when = {
        rule.id for rule in getattr(patient.doctor, "rules", ()) if rule.on in ("steps", "values")
    }
    known = {rule.id for rule in getattr(patient.doctor, "rules", ())}
    rank = {"info": 1, "warning": 2, "error": 3}
    return [
        (f.first_step, f.last_step, rank.get(f.severity, 1), units.clip(f.title, 120))
        for f in found
        if f.first_step >= 0 and f.kind == "train" and (f.id in when or f.id not in known)
    ]


def worst(reader: Any, shared: Any) -> dict[str, str]:
    """By card, the worst severity of the findings that stand."""
    from graphscope.webapp.shared import revision_of  # which knows the doctors

    patient = shared.doctors.found(reader, revision_of(reader))
    found: dict[str, str] = {}
    for finding in findings_json(reader, shared.views, patient)["findings"]:
        for card in finding["cards"] if finding["active"] else ():
            had = found.get(card["id"], finding["severity"])
            found[card["id"]] = min(had, finding["severity"], key=SEVERITIES.index)
    return found
