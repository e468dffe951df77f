"""Charts of recorded runs: from the file to the figure, from Python and from the command line."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphscope import figures, units
from graphscope.analysis.holders import step_memory
from graphscope.cli import main
from graphscope.errors import GraphScopeError, UsageError
from graphscope.trace.reader import TraceReader
from graphscope.view.drawing import Text
from tests.golden import build as golden
from tests.view.geometry import check

RUNS = ("tiny", "digits_like", "hostile", "one_step", "failed")
PICTURES = ("svg", "pdf", "png", "tikz", "tex")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    return {name: golden(name, folder) for name in (*RUNS, "empty")}


def texts(figure: Any) -> list[str]:
    return [m.text for m in figure.drawing.marks() if isinstance(m, Text)]


@pytest.mark.parametrize("name", RUNS)
def test_every_chart_of_every_run(name: str, runs: dict[str, Path]) -> None:
    for theme, font in (("light", "normal"), ("dark", "large"), ("print", "normal")):
        for chart in (figures.loss, figures.timeline, figures.memory, figures.ops):
            figure = chart(runs[name], theme=theme, font=font)  # type: ignore[operator]
            check(figure.drawing)
            svg = ET.fromstring(figure.svg)
            assert svg.get("width") and "<script" not in figure.svg
    assert figures.overlay(runs[name], by="memory").view is not None


def test_loss_is_the_runs_own(runs: dict[str, Path]) -> None:
    table = TraceReader(runs["digits_like"]).steps("train")
    least = int(np.nanargmin(table.loss))
    (subtitle,) = [t for t in texts(figures.loss(runs["digits_like"])) if "least" in t]
    assert f"least {units.loss(table.loss[least])} at step {table.num[least]}" in subtitle


def test_the_timeline_sums_to_the_steps_own_times(runs: dict[str, Path]) -> None:
    reader = TraceReader(runs["tiny"])
    step = reader.step(2)
    graph = reader.graph(step.graph)
    said = texts(figures.timeline(reader, 2))
    assert "Step 2" in said
    from graphscope.analysis.spans import host_intervals

    begin, end = host_intervals(step)
    for phase, name in ((1, "forward"), (2, "backward")):
        total = int((end - begin)[graph.phase == phase].sum())
        assert units.ns(total) in said and name in said


def test_memory_shows_the_peak_and_its_largest_holder(runs: dict[str, Path]) -> None:
    reader = TraceReader(runs["digits_like"])
    told = step_memory(reader, 30)
    said = texts(figures.memory(reader, 30))
    assert any(t.startswith(f"peak {units.bytes_(told.peak)}") for t in said)
    assert told.holders[0].label in said and units.bytes_(told.holders[0].nbytes) in said


def test_bars_are_the_mean_of_the_steps(runs: dict[str, Path]) -> None:
    reader = TraceReader(runs["tiny"])
    said = texts(figures.ops(reader))
    durations = np.array([reader.step(k).dur_ns for k in range(3)]).mean(axis=0)
    graph = reader.graph(reader.step(0).graph)
    sums: dict[str, float] = {}
    for i, time in enumerate(durations.tolist()):
        sums[graph.op_name(i)] = sums.get(graph.op_name(i), 0.0) + time
    unit = units.unit_of([max(sums.values())])
    for name, total in sums.items():
        assert name in said and units.ns(total, unit) in said


def test_a_run_may_be_named_in_many_ways(runs: dict[str, Path], tmp_path: Path) -> None:
    path = runs["tiny"]
    shutil.copy(path, tmp_path / "a.gscope")
    svg = figures.loss(path).svg
    for run in (str(path), str(path.with_suffix("")), TraceReader(path), tmp_path):
        assert figures.loss(run).svg == svg
    two = texts(figures.loss(path, runs["digits_like"]))
    assert "tiny" in two and "digits" in two


def test_mistakes_are_told(runs: dict[str, Path]) -> None:
    for call, said in (
        (lambda: figures.loss(3), "not int"),
        (lambda: figures.loss("nowhere"), "nowhere"),
        (lambda: figures.loss(runs["tiny"], tag="accuracy"), "no numbers tagged 'accuracy'"),
        (lambda: figures.timeline(runs["tiny"], 99), "99"),
        (lambda: figures.memory(runs["empty"]), "no train step"),
        (lambda: figures.ops(runs["tiny"], by="weather"), "weather"),
        (lambda: figures.overlay(runs["tiny"], by="taste"), "taste"),
        (lambda: figures.loss(runs["tiny"], theme="pink"), "pink"),
        (lambda: figures.loss(runs["tiny"]).save("x.dot"), "DOT"),
    ):
        with pytest.raises(GraphScopeError, match=said):
            call()


def test_two_steps_side_by_side(runs: dict[str, Path]) -> None:
    figure = figures.pair(runs["tiny"], 0, 2)
    check(figure.drawing)
    assert any(t.startswith("the two graphs are the same") for t in texts(figure))
    figure = figures.pair(runs["tiny"], 0, runs["digits_like"], 3)
    assert sum(t.startswith("only in") for t in texts(figure)) == 2


@pytest.mark.parametrize("chart", ["loss", "timeline", "memory", "ops"])
def test_the_command_saves_charts(
    chart: str, runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for suffix in PICTURES:
        target = tmp_path / f"{chart}.{suffix}"
        words = [
            "export",
            str(runs["tiny"]),
            "--chart",
            chart,
            "--to",
            str(target),
            "--theme",
            "print",
        ]
        assert main(words) == 0 and target.stat().st_size > 1000
    assert str(target) in capsys.readouterr().out


def test_the_command_tells_mistakes(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(runs["tiny"])
    for words, said in (
        (["--chart", "loss", "--to", "x.dot"], "makes a picture"),
        (["--chart", "loss", "--beside", "1", "--to", "x.svg"], "not both"),
        (["--beside", "1", "--steps", "0:2", "--to", "x.svg"], "--steps"),
        (["--beside", "77", "--to", "x.svg"], "77"),
        (["--chart", "weather", "--to", "x.svg"], "weather"),
    ):
        words = [w if w[:2] != "x." else str(tmp_path / w) for w in words]
        assert main(["export", run, *words]) == 2
        err = capsys.readouterr().err
        assert said in err and err.count("\n") == 1
    assert (
        main(["export", run, "--step", "0", "--beside", "2", "--to", str(tmp_path / "x.svg")]) == 0
    )


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
def test_charts_compile_in_latex(runs: dict[str, Path], tmp_path: Path) -> None:
    for name, figure in (
        ("memory", figures.memory(runs["hostile"])), ("ops", figures.ops(runs["hostile"])),
        ("pair", figures.pair(runs["tiny"], 0, runs["hostile"], 0)),
    ):  # fmt: skip
        figure.save(tmp_path / f"{name}.tex")
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"],
            cwd=tmp_path, capture_output=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


def test_an_unknown_kind_of_run_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        figures.open_run(None)
