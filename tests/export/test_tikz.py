"""TikZ: nothing of a name is read as TeX, and pdflatex sets what the SVG shows."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from graphscope.export.figure import figure_of_run
from graphscope.export.tikz import escape, tikz_text
from graphscope.trace.reader import TraceReader
from graphscope.view.drawing import Drawing, Path, Polygon, Rect, Text
from tests import golden


@pytest.mark.parametrize(
    "text, tex",
    [
        ("w_1", r"w\_1"),
        ("x<y", r"x\ensuremath{<}y"),
        (r"\evil{}", r"\textbackslash{}evil\{\}"),
        ("50% & $x$ #1 ~^", r"50\% \& \$x\$ \#1 \textasciitilde{}\textasciicircum{}"),
        ("α", r"\ensuremath{\alpha}"),
        ("Σ", r"\ensuremath{\Sigma}"),
        ("Α", r"\ensuremath{A}"),
        ("x₁", r"x\ensuremath{_{1}}"),
        ("64×32", r"64\ensuremath{\times}32"),
        ("a\nb\u202e", "a b"),
        ("--", "{-}{-}"),
        ("猫", "?"),
    ],
)
def test_names_are_inert(text, tex):
    assert escape(text) == tex


def test_every_escaped_sign_leaves_balanced_braces():
    every = "".join(chr(c) for c in range(32, 0x2FF)) + "".join(chr(c) for c in range(0x370, 0x400))
    tex = escape(every)
    plain = re.sub(r"\\[\\{}]", "", tex)
    assert plain.count("{") == plain.count("}")
    assert tex.isascii()


def test_marks_become_paths():
    drawing = Drawing(
        40, 20, "#FFFFFF",
        items=[
            Rect(1, 2, 10, 5, 2, "#1B5FC1", "#000000", 2, (2, 1)),
            Path(((0, 0), (1, 1), (2, 1), (3, 0)), stroke="#000000"),
            Polygon(((0, 0), (1, 0), (0, 1)), "#000000"),
            Text(3, 9, "w_1", 12, "#000000", "middle"),
            Rect(0, 0, 1, 1),
        ],
    )  # fmt: skip
    text = tikz_text(drawing)
    assert "(1,2) rectangle (11,7)" in text and "rounded corners=1.5bp" in text
    assert "dash pattern=on 1.5bp off 0.75bp" in text
    assert "(0,0) .. controls (1,1) and (2,1) .. (3,0)" in text
    assert r"anchor=base," in text and r"{w\_1}" in text
    assert "-- cycle;" in text
    assert text.count(r"\begin") == text.count(r"\end") == 1


@pytest.fixture(scope="module", params=["tiny", "hostile", "failed", "digits_like"])
def figure(request, tmp_path_factory):
    path = golden.build(request.param, tmp_path_factory.mktemp("tikz"))
    with TraceReader(path) as reader:
        return figure_of_run(reader, 2)


def test_saved_by_suffix(figure, tmp_path):
    figure.save(tmp_path / "f.tikz")
    figure.save(tmp_path / "f.tex")
    picture, document = ((tmp_path / name).read_text() for name in ("f.tikz", "f.tex"))
    assert picture in document and r"\documentclass" not in picture
    assert picture.isascii()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_pdflatex_sets_it_on_one_page_with_selectable_text(figure, tmp_path):
    figure.save(tmp_path / "f.tex")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "f.tex"],
        cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    pypdf = pytest.importorskip("pypdf")
    pages = pypdf.PdfReader(tmp_path / "f.pdf").pages
    assert len(pages) == 1
    assert float(pages[0].mediabox.width) == pytest.approx(figure.width * 0.75, abs=1)
    assert float(pages[0].mediabox.height) == pytest.approx(figure.height * 0.75, abs=1)
    assert "relu" in pages[0].extract_text() or "matmul" in pages[0].extract_text()
