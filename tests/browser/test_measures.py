"""The dashboard's benchmark (tests/bench/dashboard.py) measures what it says: its kinds of measure, once each."""

from pathlib import Path

from playwright.sync_api import Browser

from tests.bench import dashboard, dashboard_live
from tests.bench.browser import Bench


def test_a_measure_of_each_kind(browser: Browser, address: str, runs: Path) -> None:
    held = Bench(browser, address, runs)
    assert 0 < dashboard.click_to_panel(held) < 20_000
    assert 0 < dashboard.paint(held, "home", warm=True) < 20_000
    assert 0.01 < dashboard.weight(held, "home") < 20
    assert 0 < dashboard_live.address_known(held) < 60_000
