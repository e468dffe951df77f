"""Colours are complete, readable, and ordered."""

from __future__ import annotations

import itertools

import pytest

from graphscope.errors import UsageError
from graphscope.trace.schema import FAMILIES
from graphscope.view.palette import THEMES, contrast, luminance, theme


@pytest.mark.parametrize("name", THEMES)
def test_text_is_readable_on_every_tint(name: str) -> None:
    look = theme(name)
    assert set(look.families) == set(FAMILIES)
    for colour in look.families.values():
        tint = look.tinted(colour)
        for text in (look.ink, look.ink2, look.value, look.gradient):
            assert contrast(text, tint) >= 4.5


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("scale", ["time", "memory"])
def test_heat_is_monotone_and_carries_text(name: str, scale: str) -> None:
    look = theme(name)
    steps = [look.heat(scale, k / 40) for k in range(41)]
    order = [luminance(c) for c in steps]
    down = order[0] > order[-1]
    assert all((a > b) is down for a, b in itertools.pairwise(order))
    assert all(contrast(look.on(c), c) >= 4 for c in steps)


def test_themes_pass_through_and_unknown_ones_are_explained() -> None:
    assert theme(THEMES["dark"]) is THEMES["dark"]
    with pytest.raises(UsageError, match="light, dark, print"):
        theme("neon")


def test_css_variables() -> None:
    variables = theme("dark").variables()
    assert variables["--gs-page"] == "#0F1217"
    assert variables["--gs-family-linalg"] == "#317AE2"
    assert all(key.startswith("--gs-") for key in variables)
