"""What a program keeps from step to step is told at the peak with its line, and states with their parameter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import graphscope as gs
from graphscope import nn, optim
from graphscope.analysis import lifetime
from graphscope.analysis.holders import full_label, held_at, step_memory
from graphscope.cli import main
from graphscope.trace.reader import TraceReader


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Any:
    net = nn.Sequential(nn.Linear(32, 64), nn.Tanh(), nn.Linear(64, 1))
    sgd, x, kept = optim.SGD(net.parameters(), lr=0.01), gs.randn(64, 32), []
    with gs.profile(tmp_path_factory.mktemp("leak") / "run", values="off") as p:
        for _ in range(100):
            h = net[1](net[0](x))
            kept.append(h * 2)  # the leak
            sgd.zero_grad()
            net[2](h).square().mean().backward()
            sgd.step()
    return p.path


def leak_line() -> int:
    text = Path(__file__).read_text().splitlines()
    return 1 + next(k for k, line in enumerate(text) if line.endswith("# the leak"))


def test_what_steps_leave_behind_is_told_with_its_line(leaking: Path) -> None:
    with TraceReader(leaking) as reader:
        memory = step_memory(reader)
        timeline = gs.open_run(leaking).memory_timeline()
    left = [h for h in memory.holders if h.label == "mul of earlier steps"]
    assert len(left) == 1 and left[0].line == f"{Path(__file__).name}:{leak_line()}"
    assert left[0].category == "activation" and "left behind by" in left[0].why
    # 99 earlier steps left 16 KiB each; those of the few that were looked at are told by category.
    assert left[0].nbytes == pytest.approx(99 * 64 * 64 * 4, rel=0.1)
    assert dict(memory.by("category")).get("other", 0) < 0.02 * memory.peak
    assert sum(h.nbytes for h in memory.holders) == memory.peak
    assert sum(int(column[5]) for column in timeline.categories.values()) == timeline.rows[5].live
    assert timeline.categories.get("other", [0])[0] < 0.02 * memory.peak


def test_early_steps_are_not_charged_with_what_came_later(leaking: Path) -> None:
    with TraceReader(leaking) as reader:
        memory = step_memory(reader, 20)
    left = next(h for h in memory.holders if h.label == "mul of earlier steps")
    assert left.nbytes <= 20 * 64 * 64 * 4


def test_a_state_is_told_with_its_parameter_and_a_gradient_with_its_own_name(
    tmp_path: Path, capsys: Any
) -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    adam, x = optim.Adam(net.parameters()), gs.randn(5, 4)
    with gs.profile(tmp_path / "run", values="off") as p:
        for _ in range(6):
            adam.zero_grad()
            net(x).square().mean().backward()
            adam.step()
    assert p.path is not None
    with TraceReader(p.path) as reader:
        memory = step_memory(reader)
    states = {h.label: h for h in memory.holders if h.category == "optimizer state"}
    assert {"m of net.0.weight", "v of net.0.weight", "m of net.2.bias"} <= {*states}, states
    assert states["m of net.0.weight"].module == "net.0"
    assert dict(memory.by("module"))["net.0"] >= 3 * (4 * 8 + 8) * 4  # parameter and two states
    with TraceReader(p.path) as reader:  # at any moment of the step
        step = reader.step(-1)
        sizes = lifetime.nbytes(reader, step)
        every = {
            full_label(h)
            for node, live in enumerate(memory.curve.tolist())
            for h in held_at(reader, step, node, sizes, live)
        }
    assert {"grad of net.0.weight", "grad of net.2.bias"} <= every
    assert not [label for label in every if ".grad of" in label or ".m of" in label]
    assert main(["memory", str(p.path), "--top", "0"]) == 0
    assert "m of net.0.weight" in capsys.readouterr().out
