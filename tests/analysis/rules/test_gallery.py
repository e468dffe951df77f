"""The gallery of broken trainings: each is found by the right rule at the right line, and its cure is silent."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from graphscope.analysis.doctor import findings
from graphscope.trace.format import find_run
from graphscope.trace.reader import TraceReader

FOLDER = Path(__file__).resolve().parents[3] / "examples" / "broken"
RULE = {
    "vanishing_sigmoid": "vanishing-with-depth",
    "dead_relu": "dead-relu",
    "bad_init": "unfit-init",
    "high_learning_rate": "loss-diverging",
    "forgotten_zero_grad": "missing-zero-grad",
    "log_of_zero": "nonfinite",
    "broadcast_bug": "broadcast-in-loss",
    "overfit": "overfitting",
    "detached_branch": "unreached-parameter",
    "input_bound": "input-bound",
}


def run(name, folder, monkeypatch, *options):
    """What the doctor says of an example that ran in an empty folder."""
    path = FOLDER / f"{name}.py"
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", [str(path), *options])
    runpy.run_path(str(path), run_name="__main__")
    with TraceReader(find_run(Path("runs") / f"broken-{name}")) as reader:
        return [f for f in findings(reader) if f.active]


def marked(name):
    """The line that says of itself that it is wrong."""
    lines = (FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()
    (line,) = [k for k, text in enumerate(lines, 1) if "# WRONG" in text]
    return line


def test_every_example_is_here():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(RULE)


@pytest.mark.parametrize("name", RULE)
def test_the_doctor_finds_it_at_its_line(name, tmp_path, monkeypatch, capsys):
    said = run(name, tmp_path, monkeypatch)
    mine = [f for f in said if f.id == RULE[name]]
    assert mine, [str(f) for f in said]
    assert {Path(f.site.file).name for f in mine} == {f"{name}.py"}
    assert {f.site.line for f in mine} == {marked(name)}
    assert capsys.readouterr().out, "an example says something"


@pytest.mark.parametrize("name", RULE)
def test_its_cure_is_silent(name, tmp_path, monkeypatch):
    said = run(name, tmp_path, monkeypatch, "--fixed")
    assert [str(f) for f in said if f.id == RULE[name] or f.severity != "info"] == []
