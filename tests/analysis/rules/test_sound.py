"""Precision: on sound trainings no rule of structure warns, and no rule at all says error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import graphscope as gs
from graphscope import nn, optim
from graphscope.analysis.doctor import findings
from graphscope.datasets import digits
from graphscope.trace.reader import TraceReader
from graphscope.utils.data import DataLoader, TensorDataset
from tests.analysis.rules import sound_programs
from tests.analysis.rules.driver import found_in

ROOT = Path(__file__).parents[3]
# These look at what a program costs or how it converges, and six steps of a toy may well deserve it.
STRUCTURE = {"structure"}
EXACT = {
    "kept-across-steps",
    "float64-by-accident",
    "computed-twice",
    "unused-output",
    "rule-failed",
}


@pytest.mark.parametrize("program", sound_programs.ALL, ids=lambda f: f.__name__)
def test_a_sound_training(program: Any, tmp_path: Path) -> None:
    found = found_in(program, tmp_path)
    loud = [
        f for f in found
        if f.severity == "error" or f.id in EXACT or (f.topic in STRUCTURE and f.severity != "info")
    ]  # fmt: skip
    assert not loud, "\n".join(map(str, loud))


def digits_training(p: Any, last: Any = None) -> None:
    x, y, x_test, y_test = digits()
    batches = DataLoader(TensorDataset(x[:800], y[:800]), batch_size=32, shuffle=True)
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10),
        *([last] if last is not None else []),
    )  # fmt: skip
    loss_of, optimizer = nn.CrossEntropyLoss(), optim.Adam(net.parameters(), lr=3e-3)
    for _ in range(2):
        for images, labels in batches:
            optimizer.zero_grad()
            loss = loss_of(net(images), labels)
            loss.backward()
            optimizer.step()
        with gs.no_grad():
            (net(x_test).argmax(1) == y_test).float().mean().item()


def test_digits(tmp_path: Path) -> None:
    found = found_in(digits_training, tmp_path)
    assert [f for f in found if f.severity != "info" and f.topic in ("structure", "training")] == []


def test_a_relu_behind_the_last_layer_is_a_bug(tmp_path: Path) -> None:
    with gs.profile(tmp_path / "r") as p:
        digits_training(p, nn.ReLU())
    found = findings(TraceReader(p.path), {})
    assert [f.id for f in found if f.severity == "error"] == ["activation-on-logits"]


# What the seed programs do wrong is known.
KNOWN = {"images.py": {"activation-on-logits"}}


@pytest.mark.parametrize("name", ["dynamic", "gradients", "images", "modules"])
def test_the_programs_of_the_course(name: str, tmp_path: Path) -> None:
    script = ROOT / "tests" / "seeds" / "programs" / f"{name}.py"
    words = [
        sys.executable,
        "-m",
        "graphscope.cli",
        "run",
        "--as-torch",
        "--out",
        str(tmp_path / name),
        str(script),
    ]
    env = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{script.parent}"}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    reader = TraceReader(tmp_path / f"{name}.gscope")
    found = findings(reader, {})
    reader.close()
    errors = {f.id for f in found if f.severity == "error"}
    assert errors == KNOWN.get(f"{name}.py", set()), "\n".join(map(str, found))
    assert "rule-failed" not in {f.id for f in found}
