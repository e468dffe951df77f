"""A run as one page: what it shows, that nothing in it can run or load, and that it is small."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from graphscope.cli import main
from graphscope.export import report
from graphscope.trace.reader import TraceReader
from tests import golden


def page_of(name: str, folder: Path, step: int = -1) -> str:
    text, _ = report.page(TraceReader(golden.build(name, folder)), step)
    return text


class Outline(HTMLParser):
    """Headings, and what a page would load or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.heads: list[str] = []
        self.loads: list[str] = []
        self.scripts = 0
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._in = tag
        self.scripts += tag == "script"
        self.loads += [
            v or "" for k, v in given.items() if k in ("src", "href", "srcset", "action")
        ]
        assert not any(k.startswith("on") for k in given), (tag, attrs)

    def handle_data(self, data: str) -> None:
        if self._in == "h2":
            self.heads.append(data.strip())
            self._in = ""


def test_it_tells_everything_of_a_run(tmp_path: Path) -> None:
    text = page_of("digits_like", tmp_path)
    found = Outline(text)
    assert found.heads == [
        "Findings", "Curves", "Where a step's time goes", "Graph", "Time line of a step", "Ops", "Source lines",
        "Memory", "About this run",
    ]  # fmt: skip
    assert "Not shown" not in text
    assert found.scripts == 1 and all(
        s.startswith("data:image/svg+xml;base64,") for s in found.loads
    )
    assert len(text) < 5_000_000


def test_parts_of_the_steps_stand_with_their_shares(tmp_path: Path) -> None:
    text = page_of("tiny", tmp_path)
    shares = [float(x) for x in re.findall(r'style="width:([\d.]+)%"', text)]
    assert shares and sum(shares) == pytest.approx(100, abs=0.1)


def test_a_failed_run_begins_with_its_exception(tmp_path: Path) -> None:
    text = page_of("failed", tmp_path)
    assert Outline(text).heads[0] == "The program ended with an exception"


def test_lines_of_code_stand_without_the_indentation_that_all_have() -> None:
    text = "def f():\n    for x in y:\n        a = x\n\n        b = 2\n        c = 3\n"
    reader = SimpleNamespace(source=lambda file: text)
    told = report._code(reader, "f.py", 4)  # type: ignore[arg-type]
    assert re.findall(r"<i>(\d+)</i>([^<]*)</span>", told) == [
        ("2", "for x in y:"), ("3", "    a = x"), ("4", ""), ("5", "    b = 2"), ("6", "    c = 3"),
    ]  # fmt: skip


def test_a_run_without_a_step_says_so(tmp_path: Path) -> None:
    text = page_of("empty", tmp_path)
    assert "no training step was recorded" in text and "Memory" not in Outline(text).heads


def test_names_of_a_hostile_run_are_text(tmp_path: Path) -> None:
    text = page_of("hostile", tmp_path)
    assert golden.HOSTILE not in text and "&lt;script&gt;alert(1)" in text
    found = Outline(text)
    assert found.scripts == 1 and "javascript:" not in " ".join(found.loads)


def test_only_the_two_scripts_of_ours_may_run(tmp_path: Path) -> None:
    text = page_of("tiny", tmp_path)
    policy = re.search(r'Content-Security-Policy"\s+content="([^"]+)"', text)
    assert policy is not None and policy[1].startswith("default-src 'none'")
    assert policy[1].count("sha256-") == 2
    assert "script-src 'unsafe" not in policy[1] and "http" not in policy[1]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = golden.build("tiny", tmp_path)
    assert main(["export", str(run), "--to", str(tmp_path / "report.html")]) == 0
    assert "open it with any browser, offline" in capsys.readouterr().out
    assert main(["export", str(run), "--to", str(tmp_path / "b.report.html"), "--step", "1"]) == 0
    assert "Graph" in (tmp_path / "b.report.html").read_text("utf-8")
