"""Measuring, cleaning and shortening of texts."""

from __future__ import annotations

import pytest
from reportlab.pdfbase.ttfonts import TTFont

from graphscope.view import text


def test_width_is_the_fonts_own() -> None:
    font = TTFont("check", str(text.font_file()))
    for sample in ("relu", "0.331 ± 0.492", "64×32", "∂ 8.70e−4"):
        assert text.width(sample, 11) == pytest.approx(font.stringWidth(sample, 11), abs=0.1)


def test_all_signs_of_our_numbers_are_there() -> None:
    for char in "0123456789.,−×±·∂µ—…%NaInfe+":
        assert text.covered(char), char


def test_what_is_missing_is_spelled() -> None:
    assert text.spelled("αβ W₁ xᵀ → é Σ") == "alphabeta W1 xT -> é Sigma"
    assert all(text.covered(c) for c in text.spelled("日本 \u05d0 ⟨∇⟩ ‖x‖ \U0001f600"))


@pytest.mark.parametrize("room", [10, 40, 80, 200])
@pytest.mark.parametrize(
    "name", ["relu", "encoder.layers.11.attention.out", "x" * 10_000, "日本語" * 30]
)
def test_fit_fits(name: str, room: float) -> None:
    shown = text.fit(name, 13, room, bold=True)
    assert text.width(shown, 13, bold=True) <= room or shown == "…"
    if text.width(text.clean(name), 13, bold=True) > room:
        assert "…" in shown


def test_control_and_direction_marks_are_dropped() -> None:
    assert text.clean("a\x00b\u202egnp\u2066\n\x1b[31m") == "abgnp [31m"
    assert text.clean("\ud800x") == "x"
