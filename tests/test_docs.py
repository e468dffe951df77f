"""What a page of the documentation shows is run: its Python blocks, one after the other, in an empty folder."""

from __future__ import annotations

import re
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
