"""The styles of a figure: their numbers are torch's, and nothing overlaps, from 1 op to 1,000."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

import graphscope as gs
from graphscope import units
from graphscope.errors import UsageError
from graphscope.export.figure import Figure
from graphscope.view.drawing import Cluster, Drawing, Formula, Rect, Text
from graphscope.view.styles import STYLES
from tests.export.drawn import NAMES, Deep, neuron, numbers, textbook
from tests.view.faults import faults

ALL = [style.name for style in STYLES]
SVG = "{http://www.w3.org/2000/svg}"


def said(drawing: Drawing | Cluster) -> list[str]:
    """Every text and the TeX of every formula."""
    marks = drawing.marks() if isinstance(drawing, Drawing) else drawing.marks
    return [
        m.text if isinstance(m, Text) else m.tex for m in marks if isinstance(m, (Text, Formula))
    ]


def cards(figure: Figure | Drawing) -> dict[str, list[str]]:
    drawing = figure.drawing if isinstance(figure, Figure) else figure
    return {item.id: said(item) for item in drawing.items if isinstance(item, Cluster)}


def test_circuit_of_the_neuron_says_what_torch_says() -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = neuron(), neuron(torch)
    locals().update(ours)
    w0, x0, w1, x1, w2 = (ours[k] for k in ("w0", "x0", "w1", "x1", "w2"))
    a, b, c, d, e, g, h, f = (ours[k] for k in "abcdeghf")
    figure = gs.draw(f, style="circuit")
    found = cards(figure)
    assert len(found) == 13
    by_name = {texts[0]: texts for id, texts in found.items() if id[0] == "p"}
    by_name |= dict(zip("abcdeghf", (found[f"n{k}"] for k in range(8)), strict=True))
    for name, tensor in theirs.items():
        value, gradient = units.number(tensor.item()), units.number(tensor.grad.item())
        assert value in by_name[name], name
        assert gradient in by_name[name], name
    # The numbers of the lecture: f = 0.12, and gradients of -0.1, 0.1, 0.1, -0.2 and 0.1.
    assert [round(t.grad.item(), 1) for t in (w0, x0, w1, x1, w2)] == [-0.1, 0.1, 0.1, -0.2, 0.1]
    # Local derivatives: a product's are the other factor, 1/x has -1/x^2.
    assert {"-1.00".replace("-", units.MINUS), "1.00"} <= set(by_name["a"])
    assert units.number(-1 / theirs["h"].item() ** 2) in by_name["f"]
    assert [a, b, c, d, e, g, h] and [x0, x1]


def test_explain_says_one_sentence_per_kind_of_gate() -> None:
    w = gs.tensor(2.0, requires_grad=True)
    v = gs.tensor(3.0, requires_grad=True)
    f = gs.maximum(w * v + w, v) * w
    plain, told = gs.draw(f, style="circuit"), gs.draw(f, style="circuit", explain=True)
    sentences = [t for t in said(told.drawing) if "gradient" in t and t.endswith(".")]
    for word in ("distributes", "swaps", "routes"):
        assert sum(word in s for s in sentences) == 1
    assert not any("routes" in t for t in said(plain.drawing))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own import
def test_forward_mode_has_every_intermediate_number() -> None:
    torch = pytest.importorskip("torch")
    x, y, f = textbook()
    assert (f.item(), x.grad.item()) == pytest.approx((55.33, 78.50), abs=0.01)
    for wrt, seed in (("x", (1.0, 0.0)), (y, (0.0, 1.0))):
        figure = gs.draw(f, style="forward", wrt=wrt)
        with torch.autograd.forward_ad.dual_level():
            make = torch.autograd.forward_ad.make_dual
            tx = make(torch.tensor(2.0), torch.tensor(seed[0]))
            ty = make(torch.tensor(3.0), torch.tensor(seed[1]))
            v2, v3 = ty * tx, torch.exp(tx)
            steps = [tx**3, v2, v3, v2 * v3]
            steps += [steps[0] + steps[3]]
            steps += [steps[4] + ty]
            duals = [torch.autograd.forward_ad.unpack_dual(s) for s in steps]
        found = cards(figure)
        for k, dual in enumerate(duals):
            pair = [units.number(dual.primal.item()), units.number(dual.tangent.item())]
            assert all(number in found[f"n{k}"] for number in pair), (wrt, k)
            in_table = [t for t in said(figure.drawing) if t in {f"= {n}" for n in pair}]
            assert len(in_table) >= 2 or pair[0] == pair[1]
    assert any(r"\dot{x}" in t for t in said(figure.drawing))


def test_reverse_mode_has_every_adjoint() -> None:
    torch = pytest.importorskip("torch")
    x, y, f = textbook()
    tx, ty, tf = textbook(torch)
    texts = said(gs.draw(f, style="reverse").drawing)
    for tensor in (tx, ty):
        assert f"= {units.number(tensor.grad.item())}" in texts
    assert (
        r"\bar{x} = \bar{v}_{1} \cdot 3\,x^{2} + \bar{v}_{2} \cdot y + \bar{v}_{3} \cdot v_{3}"
        in texts
    )
    assert f"= {units.number(tf.item())}" in texts and x is not y


def test_math_has_formulas_and_the_chain_rule_of_a_path() -> None:
    x, y, f = textbook()
    texts = said(gs.draw(f, style="math", path=("x", "f")).drawing)
    assert "v_{1} = x^{3}" in texts and r"\bar{v}_{4} = \bar{v}_{5}" in texts
    chain = next(t for t in texts if t.startswith(r"\frac{d f}{d x}"))
    assert chain.count(r"\cdot ") == 3 and chain.endswith(r"\cdots")
    product = next(t for t in texts if " = " in t and t[0].isdigit())
    factors = [float(n) for n in product.partition(" = ")[0].split(r" \cdot ")]
    expected = 1.0
    for factor in factors:
        expected *= factor
    assert float(product.partition(" = ")[2]) == pytest.approx(expected, rel=0.01)
    assert gs.draw(f, style="math", path=(y, f)).svg  # tensors for names
    with pytest.raises(UsageError, match="no path leads"):
        gs.draw(f, style="math", path=("f", "x"))


def test_modules_count_parameters_and_fold_repeats() -> None:
    net, x = Deep(24), gs.randn(2, 4)
    total = sum(p.numel() for p in net.parameters())
    texts = said(gs.draw(net, x, style="modules").drawing)
    block = sum(p.numel() for p in net.layers[0].parameters())
    assert f"{units.count(total)} parameters" in texts
    assert "\u00d724" in texts and f"24 \u00d7 {block} parameters" in texts
    assert "Block" in texts and "2\u00d78" in texts
    shut, one, all_ = (
        gs.draw(net, x, style="modules", collapse=c).view.nodes for c in (0, 1, ["layers.3"])
    )
    assert len(shut) == 4 and len(one) == 4 and len(all_) > 60
    with pytest.raises(UsageError, match="there is no scope 'encoder'"):
        gs.draw(net, x, style="modules", collapse=["encoder"])


def test_drawing_a_model_leaves_it_as_it_was() -> None:
    net = gs.nn.Sequential(gs.nn.Linear(3, 4), gs.nn.BatchNorm1d(4), gs.nn.Dropout(0.5))
    x = gs.randn(8, 3)
    mean, state = net[1].running_mean.tolist(), gs.get_rng_state().tolist()
    gs.draw(net, x, style="modules")
    assert net[1].running_mean.tolist() == mean and gs.get_rng_state().tolist() == state
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in net.modules())
    with pytest.raises(UsageError, match="pass its input too"):
        gs.draw(net)


@pytest.mark.parametrize("style", ALL)
def test_before_backward_there_is_no_gradient_and_no_zero(style: str) -> None:
    x = gs.tensor(2.0, requires_grad=True)
    y = x * x + 1.0
    texts = said(gs.draw(y, style=style).drawing)
    if style in ("graph", "circuit", "reverse"):
        assert "no gradient yet: call backward() first" in texts
    assert not {"0", "0.00", "\u2202 0"} & set(texts)


SIZES = [(1, "print"), (10, "light"), (10, "dark"), (100, "light"), (1000, "light")]


@pytest.mark.parametrize(("n", "theme"), SIZES)
@pytest.mark.parametrize("style", ALL)
def test_no_overlap_and_no_cut_text(style: str, n: int, theme: str) -> None:
    if n == 1000 and style in ("math", "forward", "reverse"):
        with pytest.raises(UsageError, match="style='graph'"):
            gs.draw(numbers(400), style=style)
        return
    large = theme == "dark"
    if style == "modules":
        gs.manual_seed(0)
        figure = gs.draw(
            Deep(n // 5), gs.randn(2, 4), style=style, theme=theme, collapse=2, font="large" if large else "normal"
        )  # fmt: skip
    else:
        y = numbers(n)
        figure = gs.draw(y, style=style, theme=theme, font="large" if large else "normal")
    assert faults(figure.drawing) == []


@pytest.mark.parametrize("style", ALL)
def test_a_hundred_ops_take_well_under_a_second(style: str) -> None:
    y = numbers(100)
    gs.draw(numbers(5), style=style)  # fonts and layout engine start up
    took = []
    for _ in range(2):
        start = time.perf_counter()
        gs.draw(y, style=style)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.9


def hostile() -> Any:
    made = []
    for k, name in enumerate(NAMES):
        leaf = gs.tensor(1.0 + k / 7, requires_grad=True)
        leaf._name = name
        made.append(leaf)
    y = made[0] * made[1]
    for leaf in made[2:]:
        y = y + leaf * gs.sin(y)
    y.backward()
    return y


@pytest.mark.parametrize("style", ALL)
def test_hostile_names_in_every_format(style: str, tmp_path: Path) -> None:
    title = "\\evil{} $x<y$ & \u03b1"
    figure = gs.draw(hostile(), style=style, title=title, explain=style == "circuit")
    assert faults(figure.drawing) == []
    for suffix in ("svg", "pdf", "png", "tex", "tikz", "dot", "mmd"):
        figure.save(tmp_path / f"a.{suffix}")
    svg = ET.parse(tmp_path / "a.svg").getroot()
    assert not [e for e in svg.iter() if e.tag.removeprefix(SVG) in ("script", "a", "image")]
    tex = (tmp_path / "a.tex").read_text(encoding="utf-8")
    body = "".join(line for line in tex.splitlines() if not line.startswith("%"))
    assert "\\evil" not in body
    if style in ("circuit", "math") and shutil.which("pdflatex"):
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "a.tex"],
            cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-800:]


def test_formulas_can_be_selected(tmp_path: Path) -> None:
    x, y, f = textbook()
    figure = gs.draw(f, style="math")
    svg = ET.fromstring(figure.svg)
    labels = {g.get("aria-label") for g in svg.iter(f"{SVG}g")} - {None}
    assert "v_{1} = x^{3}" in labels
    assert "v_{1} = x^{3}" in {"".join(t.itertext()) for t in svg.iter(f"{SVG}text")}
    pypdf = pytest.importorskip("pypdf")
    figure.save(tmp_path / "a.pdf")
    assert "v_{1} = x^{3}" in pypdf.PdfReader(tmp_path / "a.pdf").pages[0].extract_text()


def test_frames_keep_the_boxes_and_blank_the_unknown() -> None:
    x, y, f = textbook()
    for style in ALL:
        figure = gs.draw(f, style=style)
        empty = figure.frame(values=(), grads=())
        some = figure.frame(values={-1, 0}, grads=(), fresh=[0])
        whole = figure.frame()
        assert said(whole) == said(figure.drawing)
        for frame in (empty, some):
            assert (frame.width, frame.height) == (whole.width, whole.height)
            assert list(cards(frame)) == list(cards(whole))
        if style in ("graph", "circuit", "forward", "reverse"):
            assert "8.00" not in " ".join(said(empty)) and "8.00" in " ".join(said(some))
        rings = [m for m in some.marks() if isinstance(m, Rect) and not m.fill and m.width > 1.5]
        assert rings


def test_options_are_checked_in_words() -> None:
    x, y, f = textbook()
    for options, told in (
        ({"style": "cube"}, "graph, circuit, modules, math, forward, reverse"),
        ({"colour": "red"}, "no option 'colour'"),
        ({"direction": "left"}, "down, right, up"),
        ({"style": "circuit", "direction": "down"}, "runs to the right"),
        ({"font": "huge"}, "normal or large"),
        ({"collapse": -1}, "no depth"),
        ({"highlight": ["fx"]}, "nothing in this graph is called 'fx'"),
        ({"highlight": 3}, "neither a name nor a list"),
        ({"path": "x"}, "no path"),
        ({"wrt": "x"}, "style='forward'"),
        ({"style": "forward", "wrt": "exp"}, "no leaf that requires grad; there are x, y"),
    ):
        with pytest.raises(UsageError, match=re.escape(told)):
            gs.draw(f, **options)


def test_highlight_by_name_op_and_tensor() -> None:
    x, _, f = textbook()
    for wanted, count in (("x", 1), ("add", 1), (x, 1), (["x", "exp"], 2), ("f", 1)):
        figure = gs.draw(f, highlight=wanted)
        rings = [m for m in figure.drawing.marks() if isinstance(m, Rect) and m.width == 2.5]
        # one of the two additions carries the caller's name and is still an add
        assert len(rings) == count + (wanted == "add")


@pytest.mark.parametrize("direction", ["down", "right", "up"])
def test_directions(direction: str) -> None:
    gs.manual_seed(1)
    figure = gs.draw(Deep(2), gs.randn(2, 4), direction=direction, collapse=2)
    assert faults(figure.drawing) == []
    view = figure.view
    assert view is not None
    ops = sorted((n for n in view.nodes if n.id[0] == "n"), key=lambda n: n.main)
    first, last = ops[0], ops[-1]
    if direction == "right":
        assert last.x > first.x + first.w
    else:
        assert (last.y > first.y) == (direction == "down")


def test_families_have_patterns_on_paper() -> None:
    """Without colours the strips of two families still differ."""
    from graphscope.view.palette import theme
    from graphscope.view.pattern import PATTERNS, bar

    paper = theme("print")
    looks = {
        family: tuple((m.y, m.w, m.h, m.fill) for m in bar(0, 0, 4, 60, 6, family, paper) if isinstance(m, Rect))
        for family in PATTERNS
    }  # fmt: skip
    assert set(PATTERNS) == set(paper.families) and len(set(looks.values())) == len(PATTERNS)
    fills = {fill for look in looks.values() for *_, fill in look}
    assert fills <= {"", paper.ink}
