"""Formulas as outlines: the same whether put together from parts or set at once, and never a command of a name's."""

from __future__ import annotations

import pytest

from graphscope.view import mathline, typeset
from graphscope.view.drawing import Formula, Text

LINES = (
    r"v_{12} = v_{3} \cdot w", r"\bar{x} \mathrel{+=} \bar{v}_{2} \cdot y", r"x^{3} + y", r"-\bar{v}_{5}",
    r"\mathrm{y\_pred} = \mathrm{hidden}\,W_{2}", r"\dot{v}_{4} = \dot{v}_{2} \cdot v_{3}", "3.14", r"e^{v_{2}}",
)  # fmt: skip


@pytest.mark.parametrize("tex", LINES)
def test_lines_from_parts_look_like_lines_set_at_once(tex: str) -> None:
    parts, whole = mathline.line(tex, typeset._set), typeset._set(tex)
    assert parts is not None and whole is not None
    assert parts[0] == pytest.approx(whole[0], rel=0.25)
    assert parts[1] == pytest.approx(whole[1], abs=0.2 * typeset.UNIT)
    assert parts[2] == pytest.approx(whole[2], abs=0.2 * typeset.UNIT)
    assert sum(map(len, parts[3])) == sum(map(len, whole[3]))  # as many outlines


def test_what_is_not_a_plain_line_is_left_to_the_typesetter() -> None:
    for tex in (r"\frac{1}{2}", r"\sqrt{x}", r"\sum x", "a'"):
        assert mathline.line(tex, typeset._set) is None
        assert isinstance(typeset.formula(0, 0, tex, 14, "#000000"), Formula)


def test_a_formula_that_cannot_be_set_is_a_text() -> None:
    mark = typeset.formula(0, 0, r"\left( x", 14, "#000000", room=60)
    assert isinstance(mark, (Text, Formula)) and mark.width <= 60


def test_room_and_anchors() -> None:
    tex = r"v_{1} = v_{2} \cdot v_{3}"
    free = typeset.formula(100, 50, tex, 20, "#000000")
    tight = typeset.formula(100, 50, tex, 20, "#000000", room=30, anchor="end")
    assert isinstance(free, Formula) and isinstance(tight, Formula)
    assert tight.width == pytest.approx(30) and tight.x == pytest.approx(70)
    assert typeset.measure(tex, 20)[0] == pytest.approx(free.width)


@pytest.mark.parametrize(
    ("name", "tex"),
    [("w1", "w_{1}"), ("w_12", "w_{12}"), ("x", "x"), ("y_pred", r"\mathrm{y\_pred}"), ("\u03b1", r"\alpha{}")],
)  # fmt: skip
def test_names(name: str, tex: str) -> None:
    assert typeset.name_tex(name) == tex


@pytest.mark.parametrize(
    "name", ["\\evil{}", "a}b{c", "$x$", "50%", "#1", "^^41", "~", "a&b", "n" * 80]
)
def test_no_name_is_a_command(name: str) -> None:
    tex = typeset.name_tex(name)
    assert typeset.harmless(tex) and len(tex) < 200
    assert "\\evil" not in tex


@pytest.mark.parametrize(
    "tex", [r"\input{x}", r"\write18{x}", "a^^5cb", "$", "}{", r"\csname a\endcsname", "%"]
)
def test_strange_tex_is_not_harmless(tex: str) -> None:
    assert not typeset.harmless(tex)
