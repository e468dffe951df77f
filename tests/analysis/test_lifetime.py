"""Memory over a step, by hand."""

import numpy as np
import pytest

from graphscope.analysis import lifetime
from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter
from tests.golden import build


@pytest.fixture
def hand(tmp_path):
    """a = f(w) 100 B; v = view of a; b = g(v) 40 B, needs v; c = h(b) 8 B stays; w has 16 B."""
    w = TraceWriter(tmp_path / "hand.gscope")
    w.add_string(0, "")
    w.add_string(1, "w")
    w.add_op(0, "f", "other")
    sizes = [100, 100, 40, 8, 16]
    for id, size in enumerate(sizes):
        w.add_spec(id, (size // 4,), "float32", size, "cpu")
    row = [0, 1, 0, -1, -1, -1, -1, 0]
    edges = [[0, 0, -1], [1, 0, 0], [2, 0, 1], [3, 0, 2]]
    freed = [2, -2, 3, -1]
    w.add_graph(0, "d", "train", -1, -1, [row] * 4, edges, [[1, 1, 0, -1]], [[0, 2]], None, freed)
    w.add_shape_set(0, 0, [0, 1, 2, 3, 4])
    w.add_step(0, "train", 0, 0, 0, begin_ns=[0] * 4, dur_ns=[1] * 4, live0=20)
    w.add_step(1, "train", 1, 0, 0, begin_ns=[0] * 4, dur_ns=[1] * 4, live0=20, freed=[0, -2, 0, 9])
    w.close()
    with TraceReader(w.path) as reader:
        yield reader


def test_live_bytes(hand):
    step = hand.step(0)
    sizes = lifetime.nbytes(hand, step)
    assert sizes.tolist() == [100, 100, 40, 8, 16]
    assert lifetime.live_bytes(step, sizes).tolist() == [120, 120, 160, 68]


def test_peak_and_its_holders(hand):
    peak = lifetime.peak(hand.graph(0), hand.step(0), hand)
    assert (peak.node, peak.nbytes, peak.other) == (2, 160, 4)
    assert [(h.value, h.nbytes, h.born, h.dies) for h in peak.holders] == [
        (0, 100, 0, 2), (2, 40, 2, 3), (-1, 16, -1, -1),
    ]  # fmt: skip
    assert peak.holders[0].kept_for == [2] and peak.holders[2].label == "w"


def test_deaths_that_cannot_be_do_no_harm(hand):
    step = hand.step(1)
    live = lifetime.live_bytes(step, lifetime.nbytes(hand, step))
    assert live.tolist() == [120, 20, 60, 28]


def test_golden_memory_is_sound(tmp_path):
    for name in ("tiny", "digits_like", "failed"):
        with TraceReader(build(name, tmp_path)) as reader:
            step = reader.step(0)
            graph = reader.graph(step.graph)
            live = lifetime.live_bytes(step, lifetime.nbytes(reader, step))
            peak = lifetime.peak(graph, step, reader)
            assert (live > 0).all() and peak.nbytes == live.max() == live[peak.node]
            held = sum(h.nbytes for h in peak.holders if h.value >= 0)
            assert step.live0 + held == peak.nbytes
            assert np.all(np.diff([-h.nbytes for h in peak.holders]) >= 0)
