"""What a page of the documentation shows is run: its Python blocks, one after the other, in an empty folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import graphscope as gs

DOCS = Path(__file__).resolve().parent.parent / "docs"


def blocks(page: str) -> list[str]:
    """The Python blocks of a page."""
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.S)


def test_the_profilers_page(
    tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    w = gs.ones(8, 4, requires_grad=True)
    x = gs.ones(16, 8)

    def step(batch: Any = x) -> Any:
        loss = batch.mm(w).tanh().sum()
        loss.backward()
        return loss

    def train() -> None:
        for _ in range(5):
            step()

    with gs.profile("runs/base"):
        train()
    names: dict[str, Any] = {
        "train": train, "step": step, "batches": [x] * 30, "fn": lambda a: a.tanh().sum(), "inputs": gs.ones(4, 4),
    }  # fmt: skip
    monkeypatch.setenv("GRAPHSCOPE_CUDA", "sim")
    found = blocks("profiler.md")
    assert len(found) >= 4
    for text in found:
        # A test on a busy machine can't ask for time; that is done in the profiler's own tests, on made-up times.
        exec(text.replace("tolerance=0.2", "tolerance=100"), names)  # noqa: S102 - our own documentation
    said = capsys.readouterr().out
    assert "tanh" in said and "mm" in said
    assert len(names["p"].windows) == 1  # of the schedule


README = DOCS.parent / "README.md"
TRAIN = """
import argparse
import torch
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=1)
w = torch.ones(8, 4, requires_grad=True)
for _ in range(5 * parser.parse_args().epochs):
    torch.ones(16, 8).mm(w).tanh().sum().backward()
    w.grad = None
"""


def test_the_front_page_in_python(
    tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    net = gs.nn.Sequential(gs.nn.Linear(8, 4), gs.nn.ReLU(), gs.nn.Linear(4, 3))
    a = gs.tensor([2.0], requires_grad=True)
    names: dict[str, Any] = {
        "net": net, "optimizer": gs.optim.SGD(net.parameters(), lr=0.1), "loss_of": gs.nn.CrossEntropyLoss(),
        "batches": [(gs.ones(5, 8), gs.zeros(5).long())] * 6, "f": (a * 3 + 1).sigmoid(),
    }  # fmt: skip
    found = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    assert len(found) >= 2
    for text in found:
        exec(text, names)  # noqa: S102 - our own documentation
    assert "net" in capsys.readouterr().out
    for name in ("two_layer.svg", "neuron.pdf", "backprop.html", "memory.svg"):
        assert (tmp_path / name).stat().st_size > 1_000
    assert [*(tmp_path / "out").glob("backprop*")]


def test_the_front_page_in_the_terminal(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    from graphscope.cli import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(TRAIN)
    for name in ("old", "new"):
        with gs.profile(f"runs/{name}"):
            for _ in range(5):
                gs.ones(2, 2, requires_grad=True).exp().sum().backward()
    text = README.read_text(encoding="utf-8").split("In the terminal:")[1].split("```")[1]
    lines = [line.split("#")[0].split() for line in text.strip().splitlines()]
    assert len(lines) >= 9 and all(words[0] == "graphscope" for words in lines)
    for words in lines:
        if (
            words[1] == "run"
        ):  # it takes over the program's own `import torch`, so in a process of its own
            subprocess.run(
                [sys.executable, "-m", "graphscope.cli", *words[1:]], check=True, timeout=120
            )
            continue
        assert main(words[1:]) in (0, 1), words  # 1: the doctor found something
        assert "Traceback" not in capsys.readouterr().err
    for name in ("graph.pdf", "report.html", "trace.json"):
        assert (tmp_path / name).stat().st_size > 500
