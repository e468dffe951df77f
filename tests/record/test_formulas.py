"""Gradients as formulas, found by running vjps on symbols."""

from __future__ import annotations

import pytest

from graphscope.ops import TABLE
from graphscope.record.formulas import gradient_formulas


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_row_ends_and_names_only_its_inputs(name: str) -> None:
    # setitem and conv2d once ran for ever here: tuple() of an unknown shape
    found = gradient_formulas(TABLE[name])
    assert set(found) <= set(TABLE[name].inputs)


def test_formulas_on_paper() -> None:
    assert gradient_formulas(TABLE["mul"]) == {
        "a": r"\bar{a} = \bar{y} \odot b",
        "b": r"\bar{b} = \bar{y} \odot a",
    }
    assert gradient_formulas(TABLE["mm"])["a"] == r"\bar{a} = \bar{y}\,b^T"
    assert gradient_formulas(TABLE["tanh"])["x"] == (
        r"\bar{x} = \bar{y} \odot \left(1 - y \odot y\right)"
    )
