"""Statistics of extreme numbers, and the line of a wait for data."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import graphscope as gs
from graphscope.record import statistics
from graphscope.record.statistics import describe
from graphscope.trace.entries import Entry
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


def both(a: np.ndarray) -> tuple[Entry, Entry]:
    """The statistics by the compiled function and by numpy."""
    flat = statistics.sample(a)
    return describe(a, False), statistics.in_numpy(flat.reshape(-1), a.size)


FLOATS = st.one_of(
    st.floats(width=32),
    st.sampled_from([0.0, -0.0, 1.0, 3e38, -3e38, 1e-45, np.nan, np.inf, -np.inf]),
)


@pytest.mark.skipif(statistics.numbers is None, reason="no compiled module")
@settings(deadline=None)
@given(
    st.lists(FLOATS, min_size=1, max_size=70), st.sampled_from(["f4", "f8", ">f4", "f2"]),
    st.integers(-3, 3).filter(bool), st.integers(1, 40),
)  # fmt: skip
@example([1.0290625181064385e-25], "f4", 1, 1)
@example([1e-19, -1e-20], "f4", 1, 30)
def test_the_compiled_statistics_are_those_of_numpy(items, dtype, step, times):
    with np.errstate(over="ignore"):
        a = np.tile(np.array(items, "f4"), times).astype(dtype)[::step]
    by_c, by_numpy = both(a)
    assert by_c.health.tolist() == by_numpy.health.tolist()
    assert by_c.health.sum() == a.size
    assert by_c.hist.tolist() == by_numpy.hist.tolist()
    assert (by_c.lo, by_c.hi) == (by_numpy.lo, by_numpy.hi)
    most = max(abs(by_numpy.lo), abs(by_numpy.hi), 1e-30)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(by_c.stats / most, by_numpy.stats / most, rtol=1e-4, atol=1e-4)
    assert by_c.stats[[0, 3, 4, 6, 7]].tolist() == pytest.approx(
        by_numpy.stats[[0, 3, 4, 6, 7]].tolist(), rel=0, abs=0, nan_ok=True
    )


@pytest.mark.skipif(statistics.numbers is None, reason="no compiled module")
@pytest.mark.parametrize(
    "size", [8192, 8193, 20_000, statistics.EXACT, statistics.EXACT + 1, 700_001]
)
@pytest.mark.parametrize("bad", [None, np.nan, np.inf])
def test_large_arrays_are_drawn_from_alike(size, bad):
    a = np.random.default_rng(size).normal(3, 2, size).astype(np.float32)
    if bad is not None:
        a[:: size // 7] = bad
    for array in (a, a[: size // 2 * 2].reshape(2, -1).T, a.astype(np.float64)):
        by_c, by_numpy = both(array)
        assert by_c.health.tolist() == by_numpy.health.tolist()
        assert by_c.hist.tolist() == by_numpy.hist.tolist()
        np.testing.assert_allclose(by_c.stats, by_numpy.stats, rtol=1e-4)


def test_what_c_counts_on_paper():
    a = np.array([-2, 0, 1, 5, np.nan, np.inf, -np.inf, -np.inf], np.float32)
    entry = describe(a, False)
    assert entry.health.tolist() == [2, 1, 1, 2, 1, 1]
    assert (entry.count, entry.mean, entry.min, entry.max, entry.absmax) == (8, 1.0, -2.0, 5.0, 5.0)
    assert np.isclose(entry.std, 6.5**0.5) and np.isclose(entry.rms, 7.5**0.5)
    assert entry.hist.sum() == 4 and entry.hist[0] == entry.hist[-1] == 1


@pytest.mark.parametrize("bad", [[], [np.nan, -np.inf]])
def test_a_large_mean_leaves_the_spread_exact(bad):
    a = np.array([*(1e8 + np.tile([-1.0, 1.0], 500)), *bad])
    for entry in both(a):
        assert np.isclose(entry.std, 1.0)


@pytest.mark.skipif(statistics.numbers is None, reason="no compiled module")
def test_the_compiled_function_leaves_what_it_does_not_know():
    numbers = statistics.numbers
    for a in (np.arange(3), np.ones(3, ">f8"), np.ones(3, bool), np.ones((4, 4), np.float32)[:, ::2], np.ones(0),
              np.array(["2020-01-01"], "M8[D]")):  # fmt: skip
        assert numbers(a, a.size) is None
    with pytest.raises(TypeError):
        numbers(np.ones(2), "many")
    a = np.ones(8)
    before = sys.getrefcount(a)
    for _ in range(100):
        numbers(a, 8)
        numbers(np.arange(3), 3)
    assert sys.getrefcount(a) == before
    a.resize(16, refcheck=False)  # raises where a buffer was not given back


def test_transposed_arrays_are_not_copied():
    a = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32).transpose(2, 0, 1)
    assert np.shares_memory(statistics.sample(a), a)
