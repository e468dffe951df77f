"""Frames of a figure: the order in which the ops ran, nothing before it is known, nothing moves."""

from __future__ import annotations

import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import graphscope as gs
from graphscope.errors import UsageError
from graphscope.export.figure import Figure, figure_of_graph
from graphscope.export.play import BACKWARD, FORWARD, grouped, moments, start
from graphscope.view.drawing import Cluster, Drawing, Rect, Text
from tests.view.handmade import Hand, blocks, tiny

HOSTILE = "\\evil{}</script><script>alert(1)</script>&%$#_^~\"'"
STYLES = ("graph", "circuit", "modules", "math", "forward", "reverse")


def net(lib: object = gs) -> dict[str, object]:
    """The two-layer ReLU net of the course, on numbers that are easy to follow."""
    t = lib.tensor  # type: ignore[attr-defined]
    x, y = t([[1.0, 2.0]]), t([[1.0]])
    w1 = t([[0.5, -1.0], [0.3, 0.8]], requires_grad=True)
    w2 = t([[1.0], [2.0]], requires_grad=True)
    h = x.mm(w1).clamp(min=0)
    y_pred = h.mm(w2)
    h.retain_grad(), y_pred.retain_grad()
    loss = (y_pred - y).pow(2).sum()
    loss.backward()
    return {"x": x, "y": y, "w1": w1, "w2": w2, "h": h, "y_pred": y_pred, "loss": loss}


def drawn(**options: object) -> Figure:
    made = net()
    x, y, w1, w2, h, y_pred, loss = made.values()  # noqa: F841  the figure takes its names from here
    return gs.draw(loss, title="two layers", **options)


def hostile() -> Figure:
    hand = Hand()
    x = hand.port(HOSTILE, "input", (2, 2))
    w = hand.port("w", "parameter", (2, 2))
    h = hand.node("mm", [x, w], (2, 2), name=HOSTILE)
    hand.node("relu", [h], (2, 2), name=HOSTILE[::-1])
    hand.backward()
    return figure_of_graph(hand.graph(), hand, hand.one_step(), hand.some_values(), title=HOSTILE)


def card(drawing: Drawing, id: str) -> str:
    found = next(i for i in drawing.items if isinstance(i, Cluster) and i.id == id)
    return " ".join(m.text for m in found.marks if isinstance(m, Text))


def test_one_moment_per_op_in_the_order_of_the_run() -> None:
    played = moments(drawn())
    forward = [m.says for m in played if m.phase == FORWARD]
    assert forward == [
        "mm(x, w1)",
        "h = clamp(mm)",
        "y_pred = mm(h, w2)",
        "sub(y_pred, y)",
        "square(sub)",
        "loss = sum(square)",
    ]
    back = [m for m in played if m.phase == BACKWARD]
    assert [m.phase for m in played] == [FORWARD] * 6 + [BACKWARD] * 7
    assert back[0].says == "∂loss/∂square through sum"
    assert [m.nodes[0] for m in played] == list(range(13))


def test_blank_before_it_is_known() -> None:
    figure = drawn()
    played = [start(figure), *moments(figure)]
    view = figure.view
    assert view is not None
    ids = {node.label: node.id for node in view.nodes}
    final = {name: card(figure.drawing, id) for name, id in ids.items()}
    assert "2.30" in final["y_pred"] and "∂ 2.60" in final["y_pred"]
    for k, moment in enumerate(played):
        told = {name: card(moment.drawn(figure), id) for name, id in ids.items()}
        assert ("2.30" in told["y_pred"]) == (k >= 3)
        assert ("1.69" in told["loss"]) == (k >= 6)
        assert ("∂ 2.60" in told["y_pred"]) == (k >= 9)
        assert "∂ 0" not in " ".join(told.values())
        for name, text in told.items():
            assert all(word in final[name].split() for word in text.split() if word != "·")
    assert told == {name: card(figure.frame(), id) for name, id in ids.items()}


@pytest.mark.parametrize("style", STYLES)
def test_nothing_moves(style: str) -> None:
    figure = drawn(style=style)
    played = [start(figure), *moments(figure)]
    frames = [m.drawn(figure) for m in played]
    assert {(d.width, d.height, d.scale) for d in frames} == {
        (figure.drawing.width, figure.drawing.height, figure.drawing.scale)
    }
    # what stands there before anything is new stands in the same place in every frame
    still = {i.id: body(i) for i in frames[0].items if isinstance(i, Cluster) and body(i)}
    assert still
    for drawing in frames[1:]:
        for item in drawing.items:
            if isinstance(item, Cluster) and item.id in still:
                assert still[item.id] <= body(item), item.id


def test_no_colour_and_no_sign_tells_too_early() -> None:
    hand = tiny()
    broken = hand.some_values(nan_at=(1,))
    figure = figure_of_graph(hand.graph(), hand, hand.one_step(), broken, color="grad")
    first, last = start(figure).drawn(figure), moments(figure)[-1].drawn(figure)
    fills = [
        {i.id: i.marks[0].fill for i in d.items if isinstance(i, Cluster)} for d in (first, last)
    ]  # type: ignore[union-attr]
    assert len(set(fills[0].values())) == 1 < len(set(fills[1].values()))
    # the hatch of what is not finite, and the strip of time, come with the number
    count = [sum(len(i.marks) for i in d.items if isinstance(i, Cluster)) for d in (first, last)]
    assert count[0] < count[1] / 2


def body(cluster: Cluster) -> set[tuple[float, ...]]:
    return {(m.x, m.y, m.w, m.h) for m in cluster.marks if isinstance(m, Rect) and m.h > 20}


def test_a_gradient_is_known_with_its_last_part() -> None:
    x = gs.tensor(3.0, requires_grad=True)
    y = x * x + x
    y.backward()
    played = [m for m in moments(gs.draw(y)) if m.phase == BACKWARD]
    parts = [m for m in played if "∂x" in m.says]
    assert [m.says.rpartition("(")[2] for m in parts] == [f"{k} of 3 parts)" for k in (1, 2, 3)]
    assert [-1 in m.grads for m in parts] == [False, False, True]


def test_before_backward_only_the_forward_ops_play() -> None:
    x = gs.tensor(3.0, requires_grad=True)
    y = x * x
    figure = gs.draw(y)
    played = moments(figure)
    assert [m.phase for m in played] == [FORWARD] and not played[-1].grads


def test_a_shut_scope_plays_as_one() -> None:
    hand = blocks(3, back=True)
    figure = figure_of_graph(hand.graph(), hand, hand.one_step(), hand.some_values(), opened=())
    played = moments(figure)
    shown = {node.id for node in figure.view.nodes}  # type: ignore[union-attr]
    assert len(played) < hand.graph().n and {m.card for m in played} <= shown
    assert any(len(m.nodes) > 1 for m in played)


def test_long_plays_are_grouped() -> None:
    figure = drawn()
    played = moments(figure)
    fewer = grouped(played, 6)
    assert len(fewer) <= 6 and fewer[-1].grads == played[-1].grads
    assert [n for m in fewer for n in m.nodes] == [n for m in played for n in m.nodes]
    assert grouped(played, 100) == played


# ---------------------------------------------------------------- files


def test_steps_writes_frames_and_what_shows_them(tmp_path: Path) -> None:
    out = tmp_path / "out"
    paths = drawn().steps(out, "backprop", formats=("svg", "pdf", "png", "tikz"))
    assert len(paths) == 13 * 4 and Path(paths[0]).name == "backprop-001.svg"
    listed = json.loads((out / "backprop.steps.json").read_text())
    assert {p.name for p in out.iterdir()} == {*listed["files"], "backprop.steps.json"}
    assert [f["phase"] for f in listed["frames"]] == ["forward"] * 6 + ["backward"] * 7
    sizes = {
        (r.get("width"), r.get("height"))
        for r in (ET.parse(p).getroot() for p in sorted(out.glob("*.svg")))
    }
    assert len(sizes) == 1
    tex = (out / "backprop.tex").read_text()
    assert r"\includegraphics<13>[" in tex and "{\\gsfolder backprop-013.pdf}" in tex
    page = ET.fromstring((out / "backprop.html").read_text().partition("-->")[2])
    assert [i.get("src") for i in page.iter("img")][-1] == "backprop-013.svg"
    assert "fragment" in (page.find(".//img").get("class") or "")  # type: ignore[union-attr]


def test_a_shorter_run_leaves_no_frames_of_a_longer_one(tmp_path: Path) -> None:
    drawn().steps(tmp_path, "b", formats="svg")
    (tmp_path / "b-099.svg").write_text("mine")
    (tmp_path / "b-000.txt").write_text("mine")
    x = gs.tensor(3.0, requires_grad=True)
    y = x * x
    gs.draw(y).steps(tmp_path, "b", formats="svg")
    assert sorted(p.name for p in tmp_path.glob("b-*")) == ["b-000.txt", "b-001.svg", "b-099.svg"]


@pytest.mark.parametrize(
    "told", ["{", "[]", '{"files": 3}', '{"files": ["../b-001.svg", "note.md", "x/b-002.svg", 7]}']
)
def test_only_own_frames_are_taken_away(told: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for path in (tmp_path / "b-001.svg", out / "note.md"):
        path.write_text("mine")
    (out / "b.steps.json").write_text(told)
    drawn().steps(out, "b", formats="svg")
    assert (tmp_path / "b-001.svg").read_text() == "mine" and (out / "note.md").exists()


def test_slides_of_somebody_else_stay(tmp_path: Path) -> None:
    (tmp_path / "talk.tex").write_text("\\documentclass{beamer}")
    with pytest.raises(UsageError, match="something else than steps"):
        drawn().steps(tmp_path, "talk")
    assert [p.name for p in tmp_path.iterdir()] == ["talk.tex"]


@pytest.mark.parametrize(
    ("folder", "options", "said"),
    [
        ("out", dict(formats="gif"), "formats are svg, pdf, png, tikz"),
        ("out", dict(formats=()), "cannot be written as nothing"),
        ("out", dict(name="a/b"), "letters, digits"),
        ("out", dict(name="x}\\input{y"), "letters, digits"),
        ("out", dict(dpi=100), "dpi, of the format png"),
        ("no/such", dict(), "does not exist"),
    ],
)
def test_mistakes_are_explained(
    folder: str, options: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        drawn().steps(tmp_path / folder, **options)
    assert not list(tmp_path.iterdir())


def test_a_drawing_has_no_steps(tmp_path: Path) -> None:
    picture = Figure(Drawing(40, 20, "#FFFFFF", items=[Rect(4, 4, 32, 12, fill="#1B5FC1")]))
    for call in (
        lambda: picture.steps(tmp_path),
        lambda: picture.save(tmp_path / "x.gif"),
        lambda: picture.save(tmp_path / "x.html"),
    ):
        with pytest.raises(UsageError, match="no graph"):
            call()


def test_hostile_names_are_inert(tmp_path: Path) -> None:
    hostile().steps(tmp_path, "h", formats=("svg", "pdf"), captions=True)
    tex = (tmp_path / "h.tex").read_text()
    for line in tex.splitlines():
        code, _, comment = line.partition("%")
        assert "evil" not in code
    html = (tmp_path / "h.html").read_text()
    assert "<script" not in html and "</script" not in html
    for path in tmp_path.glob("*.svg"):
        assert not [e for e in ET.parse(path).iter() if e.tag.endswith("script")]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
@pytest.mark.parametrize("format", ["pdf", "tikz"])
def test_beamer_takes_them(format: str, tmp_path: Path) -> None:
    hostile().steps(tmp_path, "h", formats=format)
    (tmp_path / "talk.tex").write_text(
        "\\documentclass{beamer}\\usepackage{tikz}\\usepackage[T1]{fontenc}\\usepackage{textcomp}\n"
        "\\begin{document}\\begin{frame}\\input{h}\\end{frame}\\end{document}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "talk.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    if "beamer.cls' not found" in done.stdout:
        pytest.skip("beamer is not installed")
    assert done.returncode == 0, done.stdout[-2000:]
    from pypdf import PdfReader

    assert len(PdfReader(tmp_path / "talk.pdf").pages) == len(moments(hostile()))
