"""The dashboard's benchmark runs: its measures of a page, once."""

import pytest

pytest.importorskip("playwright")

from tests.bench import dashboard
from tests.bench.browser import bench

pytestmark = pytest.mark.browser


def test_a_measure_of_each_kind():
    try:
        with bench(("tiny", "digits_like"), large=False) as held:
            assert 0 < dashboard.click_to_panel(held) < 20_000
            assert 0 < dashboard.paint(held, "home", warm=True) < 20_000
            assert 0.01 < dashboard.weight(held, "home") < 20
    except RuntimeError as problem:
        pytest.skip(str(problem))
