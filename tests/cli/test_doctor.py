"""``graphscope doctor``: what it prints, its exit codes, and that a run cannot steer the terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from graphscope import cli
from tests.golden import build

BROKEN = """\
import graphscope as gs
x, w = gs.randn(8, 4), gs.randn(4, 1, requires_grad=True)
with gs.profile("runs/broken"):
    for _ in range(5):
        loss = (x @ w).square().mean()
        loss.backward()
        with gs.no_grad():
            w -= 0.01 * w.grad
"""
FAILING = """\
import graphscope as gs
w = gs.randn(4, 1, requires_grad=True)
with gs.profile("runs/failing"):
    for k in range(3):
        h = gs.randn(8, 5 if k == 2 else 4) @ w
        h.mean().backward()
"""


def call(capsys: Any, *words: Any) -> tuple[int, str, str]:
    code = cli.main(["doctor", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def program(folder: Path, name: str, text: str) -> Path:
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, f"{name}.py"], cwd=folder, capture_output=True, timeout=120)
    return folder / "runs" / f"{name}.gscope"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: Any) -> Path:
    return program(tmp_path_factory.mktemp("broken"), "broken", BROKEN)


def test_an_error_that_stands_is_code_1(capsys: Any, broken: Path) -> None:
    code, out, err = call(capsys, broken)
    assert (code, err) == (1, "")
    assert "Gradients are never cleared" in out and "missing-zero-grad" in out
    assert "broken.py:8" in out and ">     8 |             w -= 0.01 * w.grad" in out
    assert "fix: Clear the gradients" in out and "1 error" in out and "rules looked" in out


def test_json(capsys: Any, broken: Path) -> None:
    code, out, _ = call(capsys, broken, "--json")
    data = json.loads(out)
    first = data["findings"][0]
    assert code == 1 and data["run"] == "broken" and data["rules"] > 40
    assert first["id"] == "missing-zero-grad" and first["active"] and first["first_step"] == 1
    assert first["code"] == "w -= 0.01 * w.grad" and first["site"]["line"] == 8
    assert set(first) >= {
        "severity",
        "detail",
        "means",
        "fix",
        "link",
        "source",
        "evidence",
        "nodes",
    }


def test_mute(capsys: Any, broken: Path) -> None:
    code, out, _ = call(capsys, broken, "--mute", "missing-zero-grad")
    assert code == 0 and "never cleared" not in out
    code, out, _ = call(capsys, broken, "--mute", "missing-zero-gard")
    assert code == 1 and "did you mean 'missing-zero-grad'?" in out
    (broken.parent / "graphscope.toml").write_text('[rules]\nmute = ["missing-zero-grad"]\n')
    try:
        assert call(capsys, broken)[0] == 0
        code, out, _ = call(capsys, broken, "--all")
        assert code == 1 and "never cleared" in out
    finally:
        (broken.parent / "graphscope.toml").unlink()


def test_a_failed_run_opens_at_the_failing_op(capsys: Any, tmp_path: Path) -> None:
    path = program(tmp_path, "failing", FAILING)
    code, out, _ = call(capsys, path)
    assert code == 1 and out.startswith("ERROR  The program stopped with an exception")
    assert "failing.py:5" in out and "(8, 5)" in out
    data = json.loads(call(capsys, path, "--json")[1])["findings"][0]
    assert data["nodes"] and data["nodes"][0] >= 0 and data["graph"] >= 0


def test_nothing_found_is_code_0(capsys: Any, tmp_path: Path) -> None:
    code, out, err = call(capsys, build("empty", tmp_path))
    assert (code, err) == (0, "") and out.startswith("Nothing found.")


@pytest.mark.parametrize("words", [[], ["nowhere"], ["--mute"], ["."]])
def test_misuse_is_one_line_and_code_2(
    capsys: Any, tmp_path: Path, monkeypatch: Any, words: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, *words)
    assert (
        code == 2 and out == "" and err.count("\n") == 1 and err.startswith("graphscope doctor: ")
    )


def test_the_list_of_rules(capsys: Any) -> None:
    code, out, _ = call(capsys, "--rules")
    assert code == 0 and "missing-zero-grad" in out and "nonfinite" in out


def test_texts_of_a_run_do_not_steer_the_terminal(capsys: Any, tmp_path: Path) -> None:
    from graphscope.trace.writer import TraceWriter

    path = tmp_path / "x.gscope"
    w = TraceWriter(path, {"run": "x"})
    w.add_finding(
        0,
        "odd",
        "error",
        -1,
        "\x1b[31m[bold]red[/bold]\x1b[2J",
        {"text": "\x1b]0;owned\x07 [link=x]y"},
    )
    w.close()
    code, out, _ = call(capsys, path)
    assert code == 1 and "\x1b" not in out and "\x07" not in out
    assert "[bold]red[/bold]" in out and "[link=x]y" in out  # and no markup either
