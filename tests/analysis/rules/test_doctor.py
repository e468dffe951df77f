"""The doctor itself: patience, re-arming, what is new, settings, muting, and rules that fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphscope as gs
from graphscope.analysis.doctor import Doctor, Finding, findings, stands
from graphscope.analysis.rules.case import Case
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.trace.format import find_run
from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter
from tests.golden import META, build, entries, tiny_numbers, tiny_sketch
from tests.golden_sketch import Dictionary

Check = Callable[[Case, Mapping[str, float]], Any]


def rule(id: str, check: Check, **options: Any) -> Rule:
    given = {"severity": "warning", "topic": "training", "means": "M.", "fix": "F.", "title": id}
    return Rule(id=id, check=check, **(given | options))


def doctor(path: Path, *rules: Rule, **options: Any) -> Doctor:
    options.setdefault("settings", {})
    return Doctor(TraceReader(path), rules=rules, **options)


def at(*steps: int, key: str = "") -> Check:
    """Hits at these steps, whenever they are new."""

    def check(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
        for num in case.fresh_values():
            if num in steps:
                yield Hit(num, f"hit at {num}", {"num": num}, case.graphs()[-1], (5,), key=key)

    return check


class Growing:
    """A trace like tiny that grows step by step."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer = w = TraceWriter(path, META | {"run": "growing"})
        self.sketch, self.loss = tiny_sketch(Dictionary(w, "train.py", "a\nb\n"))
        self.sketch.write(0)
        self.sketch.write_shapes(0, 0)
        self.rng = np.random.default_rng(0)
        self.table = tiny_numbers(self.rng.normal(size=(3, 5)), self.rng.normal(size=(5, 2)))
        self.n = 0
        w.commit()

    def grow(self, steps: int = 1) -> None:
        for _ in range(steps):
            begin, dur, wall = self.sketch.times(self.rng, 2_000)
            self.writer.add_step(
                self.n, "train", self.n, 0, 0, t0_ns=1000 * self.n, loss=1.0, live0=0, begin_ns=begin,
                dur_ns=dur, wall_ns=wall, rec_ns=0,
            )  # fmt: skip
            self.writer.add_values(self.n, entries(self.table))
            self.n += 1
        self.writer.commit()


@pytest.fixture
def growing(tmp_path: Path) -> Iterator[Growing]:
    made = Growing(tmp_path / "growing.gscope")
    yield made
    made.writer.close()


# ---------------------------------------------------------------- patience


def test_patience_counts_hits_in_a_row(growing: Growing) -> None:
    growing.grow(10)
    never = doctor(growing.path, rule("r", at(0, 1, 3, 4, 6), on="values", patience=3))
    assert never.update() == []
    (found,) = doctor(growing.path, rule("r", at(2, 3, 4), on="values", patience=3)).update()
    assert (found.first_step, found.last_step, found.count) == (2, 4, 3)
    assert not found.active  # the checks behind step 4 were clear


def test_a_finding_clears_and_is_armed_again(growing: Growing) -> None:
    d = doctor(growing.path, rule("r", at(1, 2, 6, 7, 8, 9), on="values", patience=2))
    growing.grow(4)
    assert [f.active for f in d.update()] == [False]
    growing.grow(3)  # one hit, at step 6, is not enough again
    assert [(f.active, f.last_step) for f in d.update()] == [(False, 2)]
    growing.grow(3)
    assert [(f.active, f.first_step, f.last_step, f.count) for f in d.update()] == [(True, 1, 9, 6)]


@pytest.mark.parametrize("by", [1, 3, 7, 20])
def test_how_often_one_looks_changes_nothing(growing: Growing, by: int) -> None:
    rules = (
        rule("a", at(0, 1, 2, 5, 9, 10, 11, 12, 19), on="values", patience=3),
        rule("b", at(4, 5, key="x"), on="values", patience=2),
    )
    d = doctor(growing.path, *rules)
    while growing.n < 20:
        growing.grow(min(by, 20 - growing.n))
        d.update()
    whole = doctor(growing.path, *rules).update()
    assert [f.to_dict() for f in d.findings] == [f.to_dict() for f in whole]


def test_what_lasts_does_not_clear(growing: Growing) -> None:
    growing.grow(5)
    (found,) = doctor(growing.path, rule("r", at(1), on="values", lasting=True)).update()
    assert found.active


def test_run_rules_say_what_holds_now(growing: Growing) -> None:
    def odd(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
        last = int(case.steps().num[-1])
        if last % 2:
            yield Hit(last, "odd")

    d = doctor(growing.path, rule("r", odd, on="run"))
    growing.grow(2)
    assert [f.active for f in d.update()] == [True]
    growing.grow(1)
    assert [f.active for f in d.update()] == [False]


def test_nothing_new_costs_nothing(growing: Growing) -> None:
    calls = []

    def check(case: Case, settings: Mapping[str, float]) -> list[Hit]:
        calls.append(case.round)
        return []

    growing.grow(3)
    d = doctor(growing.path, rule("r", check, on="run"), rule("v", check, on="values"))
    d.update()
    version, n = d.version, len(calls)
    for _ in range(5):
        d.update()
    assert (d.version, len(calls)) == (version, n)
    growing.grow()
    d.update()
    assert len(calls) > n


# ---------------------------------------------------------------- what a finding is


def test_a_graph_finding_counts_its_steps(growing: Growing) -> None:
    def check(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
        yield Hit(-1, "always", graph=0, nodes=(5,), key=case.graph(0).key(5))

    d = doctor(growing.path, rule("r", check))
    growing.grow(3)
    (found,) = d.update()
    assert (found.first_step, found.last_step, found.count) == (0, 2, 3)
    assert found.site is not None and found.site.line == 10
    growing.grow(3)  # no new graph: the rule is not asked, and its steps are counted all the same
    (found,) = d.update()
    assert (found.last_step, found.count) == (5, 6)


def test_worst_first(growing: Growing) -> None:
    growing.grow(4)
    rules = (
        rule("mild", at(3), on="values", severity="info"),
        rule("gone", at(1), on="values", severity="error"),
        rule("later", at(3), on="values", severity="error"),
        rule("middle", at(3), on="values"),
    )
    d = doctor(growing.path, *rules)
    assert [f.id for f in d.update()] == ["later", "middle", "mild", "gone"]
    assert stands(d.findings) and not stands(d.findings[1:])


def test_to_dict_is_json(growing: Growing) -> None:
    growing.grow(1)

    def check(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
        evidence = {
            "nan": float("nan"),
            "n": np.int64(3),
            "a": np.arange(2),
            "deep": [{"x": np.inf}],
        }
        yield Hit(0, "d", evidence, 0, (5,))

    (found,) = doctor(growing.path, rule("r", check)).update()
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["evidence"]["nan"] == "nan" and data["evidence"]["a"] == [0, 1]
    assert data["site"]["line"] == 10 and data["nodes"] == [5]
    assert "train.py:10" in str(found)


def test_what_the_recorder_noted_is_there(growing: Growing) -> None:
    growing.writer.add_finding(0, "control", "info", 2, "Paused", {"text": "paused at step 0"})
    growing.grow(1)
    (found,) = doctor(growing.path).update()
    assert (found.id, found.detail, found.nodes) == ("control", "paused at step 0", (2,))


# ---------------------------------------------------------------- rules that fail


def test_a_rule_that_raises_is_told_and_stops_no_other(growing: Growing) -> None:
    def broken(case: Case, settings: Mapping[str, float]) -> list[Hit]:
        raise KeyError("no such thing")

    growing.grow(1)
    d = doctor(growing.path, rule("broken", broken), rule("r", at(0), on="values"))
    found = {f.id: f for f in d.update()}
    assert set(found) == {"rule-failed", "r"}
    failure = found["rule-failed"]
    assert failure.severity == "info" and "broken" in failure.title
    assert "KeyError" in failure.detail and "test_doctor.py" in failure.detail


def test_rules_without_anything_to_judge_say_so(tmp_path: Path, growing: Growing) -> None:
    def few(case: Case, settings: Mapping[str, float]) -> list[Hit]:
        case.missed = "fewer than 20 steps"
        return []

    empty = doctor(build("empty", tmp_path), rule("r", at(), on="values"), rule("g", few))
    assert empty.update() == []
    assert empty.unjudged["r"] == "no step was recorded"
    growing.grow(1)
    d = doctor(growing.path, rule("g", few), rule("r", at(), on="values"))
    d.update()
    assert d.unjudged == {"g": "fewer than 20 steps"}


# ---------------------------------------------------------------- settings


def settings_check(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    yield Hit(-1, f"limit {settings['limit']:g}", key="net.weight", graph=0, nodes=(5,))


LIMITED = rule("limited", settings_check, settings={"limit": 3.0})


def test_settings_of_the_file_beside_the_run(growing: Growing) -> None:
    growing.grow(1)
    text = '[rules.limited]\nlimit = 7\nseverity = "error"\n'
    (growing.path.parent / "graphscope.toml").write_text(text, encoding="utf-8")
    d = doctor(growing.path, LIMITED, settings=None)
    (found,) = d.update()
    assert (found.detail, found.severity) == ("limit 7", "error")
    assert d.settings_file == growing.path.parent.resolve() / "graphscope.toml"


def test_settings_of_a_pyproject_above(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.graphscope.rules]\nmute = ["limited:net.*"]\n', encoding="utf-8"
    )
    (tmp_path / "runs").mkdir()
    path = build("tiny", tmp_path / "runs")
    assert doctor(path, LIMITED, settings=None).update() == []
    assert len(doctor(path, LIMITED, settings=None, all=True).update()) == 1


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"limted": {"limit": 1}}, "no rule 'limted'; did you mean 'limited'?"),
        ({"limited": {"limitt": 1}}, "no setting of it; there are limit, patience, severity"),
        ({"limited": {"limit": "3"}}, "must be a number"),
        ({"limited": {"severity": "fatal"}}, "must be one of error, warning, info, off"),
        ({"limited": {"patience": 0}}, "must be a number of checks"),
        ({"limited": 3}, "must be a table"),
        ({"mute": "limited"}, "mute must be a list"),
        ({"mute": ["limitet"]}, "did you mean 'limited'?"),
    ],
)
def test_settings_that_make_no_sense_are_told(tmp_path: Path, table: Any, says: str) -> None:
    found = doctor(build("tiny", tmp_path), LIMITED, settings=table).update()
    assert found[0].detail == "limit 3"
    assert found[1].id == "settings" and says in found[1].detail


def test_a_file_that_is_no_toml(tmp_path: Path) -> None:
    (tmp_path / "graphscope.toml").write_text("mute = [", encoding="utf-8")
    found = doctor(build("tiny", tmp_path), LIMITED, settings=None).update()
    assert "cannot be read" in found[1].detail


@pytest.mark.parametrize("mute", ["limited", "limited:net.weight", "limited:net.*", "lim*"])
def test_mute(tmp_path: Path, mute: str) -> None:
    path = build("tiny", tmp_path)
    assert doctor(path, LIMITED, mute=[mute]).update() == []
    assert doctor(path, LIMITED, mute=["limited:other"]).update()


@pytest.mark.parametrize(
    ("remark", "muted"),
    [
        ("# graphscope: mute limited", True),
        ("# graphscope: mute two-linears, limited", True),
        ("# graphscope: mute", True),
        ("# graphscope: mute two-linears", False),
        ("# mute limited", False),
    ],
)
def test_mute_on_the_line(tmp_path: Path, remark: str, muted: bool) -> None:
    w = TraceWriter(tmp_path / "x.gscope", META)
    sketch, _ = tiny_sketch(Dictionary(w, "train.py", "\n" * 9 + f"loss = 1  {remark}\n"))
    sketch.write(0)
    sketch.write_shapes(0, 0)
    begin, dur, wall = sketch.times(np.random.default_rng(0), 1000)
    w.add_step(0, "train", 0, 0, 0, t0_ns=0, loss=1.0, live0=0, begin_ns=begin, dur_ns=dur, wall_ns=wall, rec_ns=0)  # fmt: skip
    w.close()
    assert (doctor(tmp_path / "x.gscope", LIMITED).update() == []) is muted


def test_a_severity_of_off_mutes(tmp_path: Path) -> None:
    d = doctor(build("tiny", tmp_path), LIMITED, settings={"limited": {"severity": "off"}})
    assert d.update() == []


# ---------------------------------------------------------------- ways to ask


def test_profile_and_run_give_findings(tmp_path: Path) -> None:
    w = gs.randn(4, 1, requires_grad=True)
    with gs.profile(tmp_path / "r") as p:
        for _ in range(4):
            (gs.randn(8, 4) @ w).square().mean().backward()
            with gs.no_grad():
                w -= 0.01 * w.grad
        during = p.findings()
    assert [f.id for f in during if f.severity == "error"] == ["missing-zero-grad"]
    with gs.open_run(tmp_path / "r") as run:
        assert isinstance(run.findings()[0], Finding)
        assert not [f for f in run.findings(mute=["missing-zero-grad"]) if f.severity == "error"]
    assert findings(TraceReader(find_run(tmp_path / "r")))[0].id == "missing-zero-grad"


@pytest.mark.parametrize(
    "name", ["tiny", "digits_like", "hostile", "empty", "one_step", "failed", "live"]
)
def test_no_rule_fails_on_a_golden_trace(tmp_path: Path, name: str) -> None:
    found = findings(TraceReader(build(name, tmp_path)), {})
    assert not [f for f in found if f.id == "rule-failed"], found
    errors = {f.id for f in found if f.severity == "error"}
    assert errors <= ({"failed", "nonfinite", "nan"} if name in ("failed", "hostile") else set()), (
        found
    )


def test_a_thousand_parameters_are_looked_at_quickly(tmp_path: Path) -> None:
    import time

    path = build("many", tmp_path, n_ops=3000)
    t = time.perf_counter()
    findings(TraceReader(path), {})
    assert time.perf_counter() - t < 5.0


def test_a_step_in_which_the_program_is_paused_is_read_when_it_is_over(growing: Growing) -> None:
    growing.grow(3)
    paused = "UPDATE steps SET status = ? WHERE num = 2"
    growing.writer._db.execute(paused, ("paused",))
    growing.writer.commit()
    d = doctor(growing.path, rule("r", at(2), on="values"))
    assert d.update() == [] and d.case.steps().num.tolist() == [0, 1]
    growing.writer._db.execute(paused, ("ok",))
    growing.grow(1)
    assert [f.last_step for f in d.update()] == [2]
    assert d.case.steps().num.tolist() == [0, 1, 2, 3]


def test_half_a_file_is_looked_at_or_refused_in_a_sentence(tmp_path: Path) -> None:
    from graphscope.errors import TraceError

    whole = build("digits_like", tmp_path).read_bytes()
    for share in (0.3, 0.5, 0.7, 0.9, 0.99):
        path = tmp_path / f"half{share}.gscope"
        path.write_bytes(whole[: int(len(whole) * share)])
        try:
            found = findings(TraceReader(path), {})
        except TraceError as error:
            assert "damaged" in str(error)
        else:
            assert not [f for f in found if f.id == "rule-failed"], found
