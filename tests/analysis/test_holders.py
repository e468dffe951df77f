"""The memory of a step, with sizes added up on paper."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graphscope.analysis.growth import growth
from graphscope.analysis.holders import step_memory
from graphscope.cli import main
from graphscope.errors import UsageError
from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter
from tests import golden
from tests.golden_sketch import Dictionary


@pytest.fixture
def tiny(tmp_path):
    with TraceReader(golden.build("tiny", tmp_path)) as reader:
        yield reader


def test_the_peak_is_the_sum_of_what_is_alive(tiny):
    memory = step_memory(tiny)
    assert memory.peak == memory.curve.max() == sum(h.nbytes for h in memory.holders)
    for group in ("category", "module", "line"):
        assert sum(size for _, size in memory.by(group)) == memory.peak
    with pytest.raises(UsageError, match="category, module, line"):
        memory.by("colour")


def test_parameters_and_inputs_are_counted_once(tiny):
    by = dict(step_memory(tiny).by("category"))
    # w1 3x5, w2 5x2; x 4x3, y 4x2; float32
    assert by["parameter"] == 4 * (15 + 10)
    assert by["input"] == 4 * (12 + 8)


def test_why_says_which_gradient_needs_it(tiny):
    held = {h.label: h for h in step_memory(tiny).holders}
    assert "needed by the gradient of matmul (train.py:8)" in held["x"].why
    assert held["h"].why == "needed by the gradients of matmul (train.py:9), relu (train.py:8)"
    assert held["w2"].category == "parameter"
    assert any(label.startswith("grad of ") for label in held)


def with_memory(folder, sizes):
    path = folder / "grow.gscope"
    w = TraceWriter(path, golden.META | {"run": "grow"})
    s, _ = golden.tiny_sketch(Dictionary(w, "train.py", golden.TINY_SOURCE))
    s.write(0)
    s.write_shapes(0, 0)
    begin, dur, wall = s.times(np.random.default_rng(0), 2_000)
    for k, size in enumerate(sizes):
        w.add_step(
            k,
            "train",
            k,
            0,
            0,
            t0_ns=k * wall,
            begin_ns=begin,
            dur_ns=dur,
            wall_ns=wall,
            live0=size,
        )
    w.close()
    return TraceReader(path)


@pytest.mark.parametrize(
    "sizes, grows",
    [
        ([10_000 + 100 * k for k in range(40)], True),
        ([10_000] * 40, False),
        ([5_000, 8_000] + [10_000] * 38, False),  # an optimizer's state
        ([10_000 + 500 * (k % 2) for k in range(40)], False),
    ],
)
def test_growth_is_a_straight_line_up(tmp_path, sizes, grows):
    trend = growth(with_memory(tmp_path, sizes))
    assert trend is not None and trend.grows is grows
    if grows:
        assert trend.per_step == pytest.approx(100)


def test_growth_needs_steps(tmp_path):
    assert growth(with_memory(tmp_path, [1_000] * 5)) is None


def test_the_command(tmp_path, capsys):
    path = str(golden.build("digits_like", tmp_path))
    assert main(["memory", path, "--top", "3"]) == 0
    out = capsys.readouterr().out
    assert "step 59: peak" in out and "more buffers not shown" in out and "net.conv5.weight" in out
    assert main(["memory", path, "--json", "--by", "module"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert sum(data["by"].values()) == data["peak"]
    assert main(["memory", path, "--step", "999"]) == 2
    assert "no train step 999" in capsys.readouterr().err
    for name in ("hostile", "failed", "one_step"):
        assert main(["memory", str(golden.build(name, tmp_path))]) == 0
        assert "\u202e" not in capsys.readouterr().out
