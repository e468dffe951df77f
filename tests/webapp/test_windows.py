"""What is drawn of a long curve: no spike is lost, whatever the window and the room."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphscope.webapp.queries.windows import between, calm, cut, parts, peaks, shrink

numbers = st.floats(-1e6, 1e6) | st.sampled_from([np.nan, np.inf, -np.inf])


@settings(deadline=None, max_examples=60)
@given(
    values=st.lists(numbers, min_size=1, max_size=400),
    limit=st.integers(1, 60),
    ends=st.tuples(st.integers(0, 400), st.integers(0, 400)),
)
def test_every_window_keeps_its_extremes_and_its_first_that_is_not_finite(values, limit, ends):
    y = np.array(values)
    low, high = sorted(ends)
    x = np.arange(len(y))
    kept = cut(x, y, limit, (low, high))
    assert (np.diff(kept) > 0).all() and {0, len(y) - 1} <= set(kept.tolist())
    first, last = between(x, low, high)
    inside = y[first:last]
    shown = y[[k for k in kept if first <= k < last]]
    for good, drawn in ((np.isfinite(inside), np.isfinite(shown)),):
        assert good.any() == drawn.any() and good.all() == drawn.all()
        if good.any():
            assert shown[drawn].max() == inside[good].max()
            assert shown[drawn].min() == inside[good].min()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=3000), st.integers(2, 100))
def test_a_curve_is_bounded(values, limit):
    assert len(shrink(np.array(values), limit)) <= 2 * limit + 4


def test_a_spike_of_one_point_in_200_000_survives_and_its_neighbourhood_comes_with_the_zoom():
    y = np.zeros(200_000)
    y[123_456] = 9.0
    kept = shrink(y, 1000)
    assert 123_456 in kept and len(kept) < 2100
    window = cut(np.arange(200_000), y, 1000, (123_400, 123_500))
    assert set(range(123_400, 123_501)) <= set(window.tolist())


def test_between_by_hand():
    x = np.array([0, 10, 20, 30])
    assert between(x, 12, 25) == (1, 4)  # 10 and 30 go on
    assert between(x, -5, 100) == (0, 4) and between(x, 40, 50) == (3, 4)


def test_a_restarted_run_has_parts():
    assert parts(np.array([0, 1, 2, 1, 2, 3])) == [(0, 3), (3, 6)]
    assert parts(np.arange(5)) == [(0, 5)] and parts(np.array([3, 3, 3])) == [(0, 3)]
    assert parts(np.tile([0, 1], 50)) == [(0, 100)]  # steps that jump about are no restarts


def test_the_calm_part_by_hand():
    # Middle half 1 to 3, so what is beyond 3 + 3 * 2 = 9 is outside.
    y = np.array([1.0, 1, 2, 2, 3, 3, 8.9, 9.1, 500.0])
    low, high = np.percentile(y, (25, 75))
    fence = high + 3 * (high - low)
    assert calm(y) == (1.0, y[y <= fence].max())
    assert calm(np.arange(10.0)) is None and calm(np.array([1.0, 900.0])) is None


def test_the_calm_part_of_a_log_axis_leaves_out_what_has_no_logarithm():
    y = np.array([1.0, 1.1, 1.2, 1.3, 1.1, 1.2, -5.0, 0.0, 1e9])
    assert calm(y, log=True) == (pytest.approx(1.0), pytest.approx(1.3))


def test_peaks_are_the_worst_of_each_stretch():
    y = np.array([1.0, 9.0, 5.0, 1.0, -4.0, 20.0, 1.0])
    assert peaks(y, 0.0, 2.0) == [(5, True), (1, True), (4, False)]
    assert peaks(y, 0.0, 2.0, most=1) == [(5, True)] and peaks(np.ones(3), 0, 2) == []
