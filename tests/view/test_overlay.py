"""Every overlay through the one mechanism: which cards have a colour, and what the legend says."""

from __future__ import annotations

from typing import Any

import pytest

from graphscope.view import GraphView, build
from graphscope.view.overlay import OVERLAYS, overlay
from graphscope.view.palette import THEMES
from tests.view.handmade import tiny

LIGHT = THEMES["light"]


@pytest.fixture(scope="module")
def view() -> GraphView:
    hand = tiny()
    return build(hand.graph(), hand, specs=hand.specs)


def cards(**facts: Any) -> dict[str, dict[str, Any]]:
    """``n0=3`` is the number (or word) of card n0 under the key ``key``."""
    key = facts.pop("key")
    return {id: {key: told} for id, told in facts.items()}


def test_a_scale_says_both_ends_with_their_unit_and_where_they_are(view: GraphView) -> None:
    over = overlay(view, cards(key="fwd_ns", n0=2000, n1=500, n2=0, n3=1000), "forward")
    assert over.legend.title == "forward time" and over.legend.scaling == "linear"
    assert over.legend.ends == ("0 ns", "2.00 \u00b5s")
    assert [id for id, _ in over.legend.tops] == ["n2", "n0"]
    assert over.fills["n0"] == LIGHT.time[-1] and over.fills["n2"] == LIGHT.time[0]
    assert set(over.fills) == {"n0", "n1", "n2", "n3"}


def test_a_logarithmic_scale_has_its_middle_at_the_geometric_mean(view: GraphView) -> None:
    over = overlay(view, cards(key="update", n0=1e-4, n1=1e-3, n2=1e-2), "update")
    assert over.legend.scaling == "log10" and over.legend.ends == ("1.00e\u22124", "0.0100")
    assert over.fills["n1"] == LIGHT.heat("time", 0.5)
    assert "n3" not in over.fills  # it has none: that is no zero


def test_health_tells_four_states(view: GraphView) -> None:
    told = {
        "n0": {"zeros": 0.1}, "n1": {"zeros": 0.95}, "n2": {"health": "nan"}, "n3": {"health": "inf"},
    }  # fmt: skip
    over = overlay(view, told, "health")
    assert [name for _, name in over.legend.entries] == [
        "finite",
        "over 90% zeros",
        "infinite",
        "NaN",
    ]
    assert len(set(over.fills.values())) == 4 and over.fills["n2"] == LIGHT.nonfinite


def test_devices_and_findings_are_names(view: GraphView) -> None:
    over = overlay(view, cards(key="device", n0="cpu", n1="cuda:0"), "device")
    assert [name for _, name in over.legend.entries] == ["cpu", "cuda:0"]
    over = overlay(view, cards(key="finding", n0="none", n1="error", n2="warning"), "findings")
    assert [name for _, name in over.legend.entries] == ["error", "warning", "none"]
    assert over.fills["n1"] == LIGHT.states["failed"]


def test_logged_numbers_of_both_signs_stand_around_zero(view: GraphView) -> None:
    over = overlay(view, cards(key="custom", n0=-1.0, n1=3.0, n2=0.0), "custom:tilt", unit="mm")
    assert over.legend.title == "tilt (mm)" and over.legend.ends == ("\u22123.00 mm", "3.00 mm")
    assert over.fills["n2"] == LIGHT.heat("signed", 0.5) and over.fills["n1"] == LIGHT.signed[-1]
    over = overlay(view, cards(key="custom", n0=2.0, n1=float("nan")), "custom:x")
    assert set(over.fills) == {"n0"}


@pytest.mark.parametrize("mode", [*OVERLAYS, "custom:<script>"])
@pytest.mark.parametrize("look", ["light", "dark"])
def test_nothing_recorded_is_a_legend_without_colours(
    view: GraphView, mode: str, look: str
) -> None:
    over = overlay(view, {}, mode, look)
    assert over.legend.title and len(over.legend.title) < 80
    if mode not in ("family",):
        assert over.legend.ends == ("", "") and not over.fills
