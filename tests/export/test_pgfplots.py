"""Charts as pgfplots: the chart's own numbers, names that stay names, and LaTeX that compiles."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

import graphscope as gs
from graphscope.errors import UsageError
from graphscope.export import charts
from graphscope.export.pgfplots import MOST, Plot, Series, pgfplots_text
from graphscope.trace.reader import TraceReader
from tests import golden

KINDS = ("loss", "timeline", "memory", "ops")


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    with TraceReader(golden.build("digits_like", tmp_path_factory.mktemp("pgf"))) as reader:
        yield reader


def figure(reader, kind):
    return charts.CHARTS[kind]([reader] if kind == "loss" else reader)


def coordinates(text):
    return [
        [tuple(float(v) for v in pair.split(",")) for pair in re.findall(r"\(([^()]*)\)", block)]
        for block in re.findall(r"coordinates \{(.*?)\};", text)
    ]


def test_the_loss_is_in_it_number_by_number(reader, tmp_path):
    figure(reader, "loss").save(tmp_path / "loss.pgfplots")
    (points,) = coordinates((tmp_path / "loss.pgfplots").read_text())
    steps = reader.steps("train")
    assert [x for x, _ in points] == steps.num.tolist()
    assert [y for _, y in points] == pytest.approx(steps.loss.tolist(), rel=1e-5)


def test_bars_sum_to_the_time_of_the_op(reader, tmp_path):
    figure(reader, "ops").save(tmp_path / "ops.pgfplots")
    text = (tmp_path / "ops.pgfplots").read_text()
    first = sum(points[0][0] for points in coordinates(text))
    from graphscope.analysis.aggregate import key_averages

    largest = key_averages(reader).sorted("total")[0]
    assert first == pytest.approx(largest.total / len(reader.steps("train")) / 1e3, rel=1e-3)
    assert "xbar stacked" in text and r"\addlegendentry{backward}" in text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_sets_it(reader, tmp_path, kind):
    figure(reader, kind).save(tmp_path / "c.pgfplots")
    (tmp_path / "d.tex").write_text(
        "\\documentclass{article}\\usepackage{textcomp,pgfplots}\\pgfplotsset{compat=1.14}"
        "\\begin{document}\\input{c.pgfplots}\\end{document}"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "d.tex"],
        cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-1500:]


def test_what_tex_cannot_read_is_left_out():
    text = pgfplots_text(
        Plot(
            "a_b",
            "50%",
            [Series(r"\evil{}", [(0, 1), (1, float("nan")), (2, float("inf")), (3, 2)])],
        )
    )
    assert coordinates(text) == [[(0, 1), (3, 2)]]
    assert r"a\_b" in text and r"50\%" in text and r"\textbackslash{}evil\{\}" in text
    many = pgfplots_text(Plot("x", "y", [Series("", [(k, k) for k in range(3 * MOST)])]))
    (points,) = coordinates(many)
    assert len(points) == MOST and points[0] == (0, 0) and points[-1][0] == 3 * MOST - 1


def test_a_graph_is_no_chart(tmp_path):
    x = gs.ones(2, requires_grad=True)
    with pytest.raises(UsageError, match="pgfplots draws charts"):
        gs.draw((x * 2).sum()).save(tmp_path / "g.pgfplots")
