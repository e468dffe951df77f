"""The figure as one HTML page: complete, small, inert, and with the right numbers. What it does: tests/browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphscope as gs
from graphscope.export.figure import Figure
from graphscope.export.over_steps import figure_over_steps
from graphscope.export.play import moments
from graphscope.export.player import page as player
from graphscope.export.player.facts import mathml
from graphscope.trace.reader import TraceReader
from tests import golden
from tests.export.test_play import HOSTILE, STYLES, drawn, hostile, net


class Page(HTMLParser):
    """Tags, attributes and the texts of a page, as a browser splits them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}))

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.tags[-1][0] if self.tags else "", []).append(data)

    @property
    def data(self) -> Any:
        return json.loads(self.texts["script"][0])


def page_of(figure: Figure, tmp_path: Path) -> tuple[str, Page]:
    figure.save(tmp_path / "x.html")
    text = (tmp_path / "x.html").read_text("utf-8")
    return text, Page(text)


@pytest.mark.parametrize("style", STYLES)
def test_one_small_file_that_asks_for_nothing(style: str, tmp_path: Path) -> None:
    text, page = page_of(drawn(style=style), tmp_path)
    assert len(text.encode()) < 200_000
    assert not re.findall(r"""(?:src|href|url|import)\s*[=(]\s*["']?(?!["']?#g\d)""", text)
    addresses = set(re.findall(r"https?://[^\s\"'<)]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"}
    assert "eval(" not in text and "innerHTML" not in text and "new Function" not in text
    assert not [t for t, a in page.tags for name in a if name.startswith("on") or name == "style"]


def test_the_policy_names_exactly_our_script_and_style(tmp_path: Path) -> None:
    _, page = page_of(drawn(), tmp_path)
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy
    for name, text in (
        ("style", page.texts["style"][0]),
        ("script", next(t for t in page.texts["script"] if "use strict" in t)),
    ):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy


def test_hostile_names_stay_names(tmp_path: Path) -> None:
    text, page = page_of(hostile(), tmp_path)
    assert [t for t, _ in page.tags].count("script") == 2 and text.count("</script") == 2
    assert any(HOSTILE[:6] in t for t in page.texts["text"])
    assert HOSTILE in {card["name"] for card in page.data["cards"]}
    assert page.texts["title"][0] == HOSTILE


@pytest.mark.parametrize(
    "tex",
    [
        r"\href{javascript:alert(1)}{x}",
        r"\frac{x}{",
        "<script>alert(1)</script>",
        r"\text{<img src=x onerror=alert(1)>}",
        "\x00\ud800",
        r"\unknown{x}",
        "x" * 5000,
        r"\style{background:url(http://a)}{x} \class{a}{b}",
    ],
)
def test_formulas_are_harmless(tex: str) -> None:
    made = mathml(tex)
    tags = Page(made).tags
    assert tags[0][0] == "math" and not {t for t, _ in tags} & {"script", "img", "a", "style"}
    assert not [
        n for _, a in tags for n in a if n in ("href", "style", "class") or n.startswith("on")
    ]


def test_formulas_are_formulas() -> None:
    assert "<mfrac>" in mathml(r"\frac{1}{1 + e^{-x}}") and "<msup>" in mathml("e^{{x}}")


def states(play: dict[str, Any], slots: int) -> list[list[int]]:
    row, out = [-1] * slots, []
    for frame in play["frames"]:
        row = row.copy()
        for slot, variant in zip(frame["d"][::2], frame["d"][1::2], strict=True):
            row[slot] = variant
        out.append(row)
    return out


def said(data: dict[str, Any], row: list[int]) -> list[str]:
    """The texts of a frame."""
    marks = [m for s, v in zip(data["slots"], row, strict=True) if v >= 0 for m in s["v"][v]]
    return [data["marks"][m][4] for m in marks if data["marks"][m][0] == "text"]


@pytest.mark.parametrize("style", STYLES)
def test_the_frames_are_those_of_the_figure(style: str, tmp_path: Path) -> None:
    figure = drawn(style=style)
    data = page_of(figure, tmp_path)[1].data
    played = moments(figure)
    told = states(data["plays"][0], len(data["slots"]))
    assert len(told) == len(played) + 1
    for row, moment in zip(told[1:], played, strict=True):
        shown = {m.text for m in moment.drawn(figure).marks() if hasattr(m, "text")}
        assert shown - {"two layers"} == {t for t in said(data, row) if t in shown} - {"two layers"}


def test_the_quiz_knows_whose_gradient_a_slot_shows(tmp_path: Path) -> None:
    for style in ("graph", "circuit"):
        data = page_of(drawn(style=style), tmp_path)[1].data
        frames = data["plays"][0]["frames"]
        hidden = {slot for frame in frames for slot in frame["q"][::2]}
        assert hidden and all(data["slots"][slot]["o"] >= 0 for slot in hidden)
        assert not frames[5]["q"] and frames[-1]["q"]


def test_numbers_equal_torchs(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    true = net(torch)
    data = page_of(drawn(), tmp_path)[1].data
    cards = {
        card["name"]: n
        for card, n in zip(data["cards"], data["plays"][0]["numbers"][0], strict=True)
    }
    for name in ("w1", "w2", "h"):
        for key, tensor in (("v", true[name].detach()), ("g", true[name].grad)):  # type: ignore[attr-defined]
            shown = np.array(
                [[float(x.replace("−", "-")) for x in row] for row in cards[name][key]["m"]]
            )
            np.testing.assert_allclose(shown, tensor.numpy(), rtol=6e-3)
    assert float(cards["loss"]["v"]["x"]) == pytest.approx(true["loss"].item())  # type: ignore[attr-defined]
    assert float(cards["y_pred"]["g"]["x"]) == pytest.approx(true["y_pred"].grad.item())  # type: ignore[attr-defined]


def test_before_backward_the_page_says_so(tmp_path: Path) -> None:
    x = gs.tensor(3.0, requires_grad=True)
    y = x * x
    data = page_of(gs.draw(y), tmp_path)[1].data
    numbers = data["plays"][0]["numbers"][0]
    assert all("g" not in n and "not run" in n["none"] for n in numbers)


def test_both_themes_are_those_of_the_figure(tmp_path: Path) -> None:
    text, page = page_of(drawn(), tmp_path)
    style = page.texts["style"][0]
    light, dark = drawn().drawing, drawn(theme="dark").drawing
    shades = dict(re.findall(r"--(c\d+):(#\w+)", style.partition("}")[0]))
    night = dict(
        re.findall(r"--(c\d+):(#\w+)", style.partition("prefers-color-scheme")[2].partition("}")[0])
    )
    assert set(shades) == set(night)
    pairs = {(shades[k], night[k]) for k in shades}
    fills = lambda d: [getattr(m, "fill", "") or getattr(m, "colour", "") for m in d.marks()]
    assert {p for p in zip(fills(light), fills(dark), strict=True) if p[0]} <= pairs
    assert "data-theme" not in text.partition("<head>")[0]
    assert 'data-theme="dark"' in page_of(drawn(theme="dark"), tmp_path)[0].partition("<head>")[0]


def test_over_training_steps(tmp_path: Path) -> None:
    golden.build("tiny", tmp_path)
    with TraceReader(tmp_path / "tiny.gscope") as reader:
        figure = figure_over_steps(reader)
        data = page_of(figure, tmp_path)[1].data
        ops, training = data["plays"]
        assert [f["p"] for f in training["frames"]] == [f"step {n}" for n in reader.value_steps()]
        loss = next(k for k, card in enumerate(data["cards"]) if card["name"] == "loss")
        for numbers, num in zip(training["numbers"], reader.value_steps(), strict=True):
            assert float(numbers[loss]["v"]["x"]) == pytest.approx(reader.step(num).loss, rel=1e-5)
    rows = states(training, len(data["slots"]))
    assert rows[-1] != rows[0] and len(ops["frames"]) == len(moments(figure)) + 1


def test_a_page_over_many_steps_stays_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden.build("tiny", tmp_path)
    with TraceReader(tmp_path / "tiny.gscope") as reader:
        figure = figure_over_steps(reader)
        num, says, each = figure.history[0]
        figure.history = tuple((k, says, each) for k in range(9))
        whole = len(player.page(figure).encode())
        monkeypatch.setattr(player, "LARGEST", whole - 1)
        assert 3 < len(re.findall(r'"p":"step ', player.page(figure))) < 9


def test_equal_figures_are_equal_pages(tmp_path: Path) -> None:
    assert page_of(drawn(), tmp_path)[0] == page_of(drawn(), tmp_path)[0]


def test_without_a_script_the_finished_figure_is_there(tmp_path: Path) -> None:
    figure = drawn()
    _, page = page_of(figure, tmp_path)
    shown = {t for t in page.texts["text"] if t.strip()}
    assert {m.text for m in figure.drawing.marks() if hasattr(m, "text")} - {"two layers"} <= shown
