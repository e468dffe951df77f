"""Figures: what is in the file, and that nothing in a name gets out of its text."""

from __future__ import annotations

import io
import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image

from graphscope.errors import UsageError
from graphscope.export import EXPORTERS, exporter_for
from graphscope.export.figure import Figure, figure_of_graph, figure_of_run
from graphscope.export.png import png_bytes
from graphscope.trace.reader import TraceReader
from graphscope.view import text as fonts
from graphscope.view.drawing import Cluster, Drawing, Rect, Text
from graphscope.view.drawing import Path as Line
from tests.golden import build as golden
from tests.view.handmade import Hand, blocks, mlp, tiny

SVG = "{http://www.w3.org/2000/svg}"


def figure(hand: Hand, **options: object) -> Figure:
    return figure_of_graph(hand.graph(), hand, hand.one_step(), hand.some_values(), **options)  # type: ignore[arg-type]


def texts(svg: str) -> list[str]:
    return ["".join(t.itertext()) for t in ET.fromstring(svg).iter(f"{SVG}text")]


def test_svg_has_selectable_text() -> None:
    svg = figure(tiny(), title="two layers").svg
    found = texts(svg)
    for expected in ("two layers", "relu", "mm", "64×32", "W1", "linear algebra"):
        assert expected in found
    assert any(t.startswith("∂ ") for t in found) and any("±" in t for t in found)
    assert "<script" not in svg and "href" not in svg and "url(" not in svg


def test_save_by_suffix(tmp_path: Path) -> None:
    drawn = figure(tiny())
    for exporter in EXPORTERS:
        if exporter.of == "plot":
            continue  # for charts, see test_pgfplots
        path = tmp_path / f"out{exporter.suffix.upper()}"
        assert drawn.save(path) == str(path)
        assert path.stat().st_size > 300
    assert (tmp_path / "out.PDF").read_bytes().startswith(b"%PDF")
    assert exporter_for("a.bmp") is None


def test_equal_figures_are_equal_files(tmp_path: Path) -> None:
    for suffix in ("svg", "pdf", "png"):
        one, two = tmp_path / f"1.{suffix}", tmp_path / f"2.{suffix}"
        figure(mlp()).save(one)
        figure(mlp()).save(two)
        assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    ("path", "said"),
    [("out.bmp", "'.bmp'"), ("out", "no suffix"), ("missing/out.svg", "does not exist")],
)
def test_bad_paths_are_explained(path: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        figure(tiny()).save(tmp_path / path)


def test_bad_options_are_explained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="SVG takes no options"):
        figure(tiny()).save(tmp_path / "a.svg", dpi=300)
    with pytest.raises(UsageError, match="dpi"):
        figure(tiny()).save(tmp_path / "a.png", dpi=0)
    with pytest.raises(UsageError, match="megapixels"):
        figure(tiny()).save(tmp_path / "a.png", dpi=100_000)
    with pytest.raises(UsageError, match="'values'"):
        figure(tiny(), show=("values",))
    with pytest.raises(UsageError, match="theme"):
        figure(tiny(), theme="neon")
    with pytest.raises(UsageError, match="width"):
        figure(tiny(), width=-1)


def test_show_chooses_what_stands_on_cards() -> None:
    bare = texts(figure(tiny(), show=("name",), legend=False).svg)
    assert "h" in bare and not any("±" in t or "∂" in t or "×" in t for t in bare)
    with_site = texts(figure_of_graph(tiny().graph(), tiny(), show=("name", "op", "site")).svg)
    assert any("train.py:10" in t for t in with_site)


def test_width_scales() -> None:
    drawn = figure(tiny(), width=900)
    assert drawn.width == pytest.approx(900)
    assert ET.fromstring(drawn.svg).get("width") == "900"


def test_before_backward_says_not_yet() -> None:
    hand = Hand()
    hand.node("relu", [hand.port("x", "input", (3, 3))], (3, 3))
    found = texts(figure(hand).svg)
    assert "∂ ·" in found and "∂ 0" not in found


def test_notebook() -> None:
    drawn = figure(tiny())
    assert drawn._repr_svg_() == drawn.svg and drawn.svg in drawn._repr_html_()
    assert "Figure" in repr(drawn)


def test_png_has_glyphs() -> None:
    """The renderer drops all text silently when the font is not found: compare with and without."""
    drawn = figure(tiny(), title="a title")
    image = Image.open(io.BytesIO(png_bytes(drawn.drawing, 96))).convert("L")
    assert image.size == (round(drawn.width), round(drawn.height))
    # The title's place holds nothing but the title: dark pixels there are glyphs.
    dark = sum(image.crop((20, 18, 120, 42)).histogram()[:90])
    assert dark > 60


def test_pdf_has_real_embedded_text(tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    path = tmp_path / "a.pdf"
    drawn = figure(tiny(), title="αβ title")
    drawn.save(path)
    page = pypdf.PdfReader(path).pages[0]
    found = page.extract_text()
    assert "relu" in found and "64×32" in found and "alphabeta title" in found
    assert float(page.mediabox.width) == pytest.approx(drawn.width * 0.75, abs=0.1)
    fonts_used = page["/Resources"]["/Font"].get_object().values()
    embedded = [f.get_object() for f in fonts_used]
    named = [f for f in embedded if "Vera" in str(f.get("/BaseFont"))]
    assert named and all("/FontFile2" in f["/FontDescriptor"] for f in named)


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize("make", [tiny, mlp, lambda: blocks(2, 2, back=True)])
def test_text_stays_in_its_card(make: object, theme: str) -> None:
    drawn = figure(make(), theme=theme)  # type: ignore[operator]
    assert drawn.view is not None
    for item in drawn.drawing.items:
        if not isinstance(item, Cluster):
            continue
        rects = [m for m in item.marks if isinstance(m, Rect)]
        frame = max(rects, key=lambda r: r.w * r.h)
        rows: dict[float, list[tuple[float, float]]] = {}
        for mark in item.marks:
            if isinstance(mark, Text) and mark.anchor != "middle":
                left = mark.x - (mark.width if mark.anchor == "end" else 0)
                assert frame.x + 4 <= left and left + mark.width <= frame.x + frame.w - 4, mark
                assert frame.y + mark.size * 0.7 < mark.y < frame.y + frame.h, mark
                rows.setdefault(mark.y, []).append((left, left + mark.width))
        for row in rows.values():
            for (_, end), (start, _) in itertools.pairwise(sorted(row)):
                assert end < start, "texts of a row overlap"


HOSTILE = [
    "<script>alert(1)</script>",
    '"];evil[',
    "\\evil{}",
    "]]>&lt;&#0;",
    "n" * 85,
    "\u202egnp.exe\u05d0\u05d1",
    "x" * 10_000,
    "\x00\x07\ud800",
    "' onload='alert(1)",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".png"])
def test_hostile_names_are_inert(name: str, suffix: str, tmp_path: Path) -> None:
    hand = Hand()
    x = hand.port(name, "input", (2, 2))
    w = hand.port(name, "parameter", (2, 2))
    for k in range(2):
        x = hand.node(name, [x, w], (2, 2), f"net.{name.replace('.', '_')}", name=f"{name}{k}")
    hand.backward()
    drawn = figure(hand, title=name, subtitle=name)
    root = ET.fromstring(drawn.svg)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "rect", "g", "path", "polygon", "text"}
    names = {key for element in root.iter() for key in element.attrib}
    assert not any(key.startswith("on") or "href" in key for key in names)
    ids = [g.get("id") for g in root.iter(f"{SVG}g")]
    assert len(ids) == len(set(ids)) and all(re.fullmatch(r"[\w-]+", i or "") for i in ids)
    assert max(len(t) for t in texts(drawn.svg)) <= fonts.LONGEST
    drawn.save(tmp_path / f"out{suffix}")


@pytest.mark.parametrize("name", ["tiny", "digits_like", "hostile", "one_step", "failed"])
def test_golden_runs_can_be_drawn(name: str, tmp_path: Path) -> None:
    with TraceReader(golden(name, tmp_path)) as reader:
        for theme in ("light", "dark"):
            drawn = figure_of_run(reader, theme=theme)
            ET.fromstring(drawn.svg)
            assert drawn.view is not None and drawn.view.nodes
        drawn.save(tmp_path / "out.pdf")


def test_a_failed_step_marks_the_op_that_raised(tmp_path: Path) -> None:
    with TraceReader(golden("failed", tmp_path)) as reader:
        assert "#C2263A" in figure_of_run(reader).svg


def test_marks_of_every_kind_paint(tmp_path: Path) -> None:
    line = Line(((0, 0), (5, 0), (5, 9), (9, 9)), stroke="#000000", dash=(2, 1))
    drawing = Drawing(20, 20, "#FFFFFF", items=[line, Rect(1, 1, 5, 5, 0, "", "#123456")])
    for suffix in ("svg", "pdf", "png"):
        Figure(drawing).save(tmp_path / f"a.{suffix}")
