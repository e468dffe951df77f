"""A run that fails in one of its first steps: who holds its memory, by name, with numbers from paper.

The weight is 8 x 16 float32, 512 B, and so are its gradient and its momentum; a batch of 4 is 256 B, what the layer makes of
it 128 B, and the loss 4 B.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import graphscope as gs
from graphscope import nn, optim
from graphscope.analysis.holders import step_memory
from graphscope.errors import GraphScopeError
from graphscope.trace.reader import TraceReader
from graphscope.webapp.queries.clock import clock
from graphscope.webapp.queries.memory import at_json, run_json, step_json

WEIGHT, BATCH, MADE, LOSS = 512, 256, 128, 4


def train(path: Path, fails_in: int, how: str = "forward", keep: bool = False) -> TraceReader:
    """A run that fails in this step: in its forward, or in the gradient of its relu."""
    gs.manual_seed(0)
    net = nn.Linear(16, 8, bias=False)
    sgd, x, kept = optim.SGD(net.parameters(), lr=0.01, momentum=0.9), gs.randn(4, 16), []
    with pytest.raises((GraphScopeError, ZeroDivisionError)), gs.profile(path, values="off") as p:
        for k in range(fails_in + 1):
            h = net(x).relu()
            if keep:
                kept.append(h)
            if k == fails_in and how == "forward":
                h @ x
            if k == fails_in:
                h.register_hook(lambda g: 1 / 0)
            loss = h.sum()
            loss.backward()
            sgd.step()
            sgd.zero_grad(set_to_none=False)
    return TraceReader(p.path)


def held(reader: TraceReader) -> dict[str, tuple[str, int]]:
    """What holds the peak of the last step: by name its category and bytes. Two ways of asking agree."""
    memory = step_memory(reader)
    told = step_json(reader, None)
    assert memory.peak == told["peak_bytes"] == sum(h.nbytes for h in memory.holders)
    rows = at_json(reader, None, told["peak"])["rows"]
    assert [row["bytes"] for row in rows] == [h.nbytes for h in memory.holders]
    return {h.label: (h.category, h.nbytes) for h in memory.holders}


def stacks(reader: TraceReader) -> dict[str, list[int]]:
    """The memory over the run, by category."""
    told = run_json(reader, clock(reader))
    found = dict(told["stacks"])
    assert [sum(column) for column in zip(*found.values(), strict=True)] == told["live"]
    return found


@pytest.mark.parametrize("how", ["forward", "backward"])
def test_the_first_step(tmp_path: Path, how: str) -> None:
    with train(tmp_path / "run", 0, how) as reader:
        assert reader.steps("train").status == ["failed"]
        found = held(reader)
        assert found["net.weight"] == ("parameter", WEIGHT) and found["x"] == ("input", BATCH)
        assert found["h"] == ("saved for backward", MADE) and "other" not in {
            c for c, _ in found.values()
        }
        assert stacks(reader) == {"parameter": [WEIGHT], "input": [BATCH]}


@pytest.mark.parametrize("how", ["forward", "backward"])
def test_the_second_step(tmp_path: Path, how: str) -> None:
    with train(tmp_path / "run", 1, how) as reader:
        assert reader.steps("train").status == ["ok", "failed"]
        found = held(reader)
        # What is there from the step before, and was not used before it failed, has its name all the same.
        assert found["net.weight"] == ("parameter", WEIGHT) and found["x"] == ("input", BATCH)
        assert found["buf of net.weight"] == ("optimizer state", WEIGHT)
        assert found["grad of net.weight"] == ("gradient", WEIGHT)
        assert found["loss"] == ("activation", LOSS)
        last = next(h for h in step_memory(reader).holders if h.category == "activation")
        assert (last.label, last.nbytes, last.why) == ("h", MADE, "left by the step before")
        assert {name for name, (category, _) in found.items() if category == "other"} == set()
        assert not [name for name in found if "earlier" in name]
        there = stacks(reader)
        assert "other" not in there
        assert [there[name][1] for name in ("parameter", "optimizer state", "gradient", "input", "activation")] == [
            WEIGHT, WEIGHT, WEIGHT, BATCH, MADE + LOSS,
        ]  # fmt: skip


@pytest.mark.parametrize("fails_in", [3, 5, 12, 15])
def test_a_leak_that_fills_the_memory_within_the_first_steps(tmp_path: Path, fails_in: int) -> None:
    with train(tmp_path / "run", fails_in, keep=True) as reader:
        memory = step_memory(reader)
        by = dict(memory.by("category"))
        found = stacks(reader)
    assert "other" not in by, memory.table()
    # h of every step before is kept, with what it keeps: nothing else; and of the step itself what it made.
    of_step = 2 * MADE
    assert by["activation"] + by.get("saved for backward", 0) + by.get(
        "temporary", 0
    ) == pytest.approx(fails_in * MADE + LOSS + of_step, abs=8)
    if fails_in > 5:
        left = next(h for h in memory.holders if h.label == "relu of earlier steps")
        assert (
            left.line.startswith("test_early_failures.py:") and left.nbytes >= (fails_in - 4) * MADE
        )
    assert "other" not in found
    assert found["activation"][fails_in] == pytest.approx(fails_in * MADE + LOSS, abs=8)
