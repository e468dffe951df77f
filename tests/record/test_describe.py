"""Statistics of extreme numbers, and the line of a wait for data."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import graphscope as gs
from graphscope.record.statistics import describe
from graphscope.trace.reader import TraceReader
from graphscope.utils.data import DataLoader, TensorDataset


def test_squares_that_overflow_are_no_warning():
    """The sum of squares of float32 numbers of 1e30 is infinite; the numbers are not."""
    entry = describe(np.array([1e30, -1e30, 3e30], np.float32), False)
    assert entry.health.tolist() == [0, 1, 0, 2, 0, 0]
    assert np.isclose(entry.rms, (11 / 3) ** 0.5 * 1e30)


def test_the_wait_for_data_has_the_line_of_the_loop(tmp_path):
    loader = DataLoader(TensorDataset(gs.randn(8, 2)), batch_size=4)
    w = gs.randn(2, 1, requires_grad=True)
    with gs.profile(tmp_path / "run") as p:
        for (x,) in loader:  # here
            (x @ w).sum().backward()
    with TraceReader(p.path) as reader:
        graph = reader.graph(0)
        site = graph.site_of(graph.keys.index("|load_batch|0|d"))
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    assert site is not None and site.file == __file__ and lines[site.line - 1].endswith("# here")
