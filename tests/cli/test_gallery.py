"""``graphscope gallery``: a page of figures that is complete, offline, and survives a broken script."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from graphscope.cli import gallery, main
from graphscope.export.gallery import Entry, Script, page, plain_name

GOOD = '''"""A product.

Made for slide one.
"""

import graphscope as gs


def figures(look="light"):
    print("a script may print")
    x = gs.tensor(3.0, requires_grad=True)
    y = x * 2
    y.backward()
    return {"twice": gs.draw(y, theme=look, title="<b>y</b> & x")}
'''
BAD = '"""Breaks."""\n\n\ndef figures(look="light"):\n    raise ValueError("<img src=x onerror=alert(1)>")\n'


class Links(HTMLParser):
    """Every tag, and every place that a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.places: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.places += [v for k, v in attrs if k in ("href", "src", "srcset") and v]


def read(path: Path) -> Links:
    found = Links()
    found.feed(path.read_text(encoding="utf-8"))
    return found


def deck(folder: Path, **scripts: str) -> Path:
    folder.mkdir()
    for name, text in scripts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def test_two_figures_of_the_deck(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started = time.perf_counter()
    only = ["sum_graph", "sigmoid_neuron"]
    assert main(["gallery", str(tmp_path / "out"), "--only", *only]) == 0
    assert time.perf_counter() - started < 60
    assert "4 figures of 2 scripts" in capsys.readouterr().out
    found = read(tmp_path / "out" / "index.html")
    assert "script" not in found.tags and found.tags.count("figure") == 4
    assert len(found.places) > 40
    for place in found.places:
        assert not re.match(r"[a-z]+:|//|/", place), (
            "the page is offline and its links are relative"
        )
        assert (tmp_path / "out" / unquote(place)).stat().st_size > 200, place
    suffixes = {Path(place).suffix for place in found.places}
    assert suffixes >= {".svg", ".pdf", ".png", ".tikz", ".dot", ".mmd", ".html", ".gif", ".py"}
    text = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert re.search(r"4 figures from 2 scripts, built in [\d.]+ s", text)
    assert "prefers-color-scheme" in text and "001_ac00b92326d83d9e.txt" in text


def test_a_broken_script_is_reported_and_the_others_appear(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scripts = deck(
        tmp_path / "deck",
        good=GOOD,
        bad=BAD,
        worse="def figures(:\n",
        dead="import os\nos._exit(3)\n",
    )
    code = main(["gallery", str(tmp_path / "out"), "--deck", str(scripts), "--formats", "pdf"])
    out, err = capsys.readouterr()
    assert code == 1 and "1 figure of 1 script in" in out
    assert {line.split()[2] for line in err.splitlines()} == {"bad.py", "worse.py", "dead.py"}
    found = read(tmp_path / "out" / "index.html")
    assert found.tags.count("figure") == 1 and "img" in found.tags and "b" not in found.tags
    text = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "<img src=x" not in text and "&lt;img src=x onerror" in text
    assert "it ended with code 3" in text and "Made for slide one." in text
    assert sorted(p.suffix for p in (tmp_path / "out" / "files").iterdir()) == [
        ".pdf",
        *[".svg"] * 3,
    ]


def test_names_are_made_harmless() -> None:
    assert plain_name("../../etc/passwd") == "etc-passwd" and plain_name("") == "figure"
    assert plain_name('"><script>') == "script" and len(plain_name("x" * 500)) == 80
    hostile = Script("a.py", '"""</h2><script>alert(1)</script>"""', [
        Entry("x", "</figure><script>", {"light": "a&b.svg"}, {"pdf": 'x".pdf'})
    ], "boom <b>", 0.5)  # fmt: skip
    text = page([hostile], 1.0)
    assert "<script>" not in text and "<b>" not in text and 'x".pdf' not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--deck", "nowhere"], "nowhere is no folder"),
        (["--only", "sum_grph"], "has no script sum_grph"),
        (["--deck", "."], "no scripts"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["gallery", "out", *words]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_the_order_names_the_whole_deck() -> None:
    found = {p.stem for p in gallery.deck_folder(None).glob("*.py")} - gallery.HELPERS
    assert found == set(gallery.ORDER)
