"""Every number on screen passes through here: hand-made pairs, and no crash for any float."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphscope import units
from graphscope.trace import codec, values
from graphscope.trace import format as files

anything = st.floats() | st.integers(-(10**30), 10**30)


@pytest.mark.parametrize("module", [units, codec, values, files], ids=lambda m: m.__name__)
def test_doctests(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    "x, text",
    [
        (0.001, "0.00100"), (0.0009999, "1.00e−3"), (0.000999, "9.99e−4"), (9994.9, "9,995"),
        (9999.9, "1.00e4"), (999_999, "999,999"), (1_000_000, "1.00e6"), (-3, "−3"),
        (np.float32(0.1), "0.100"), (np.int64(12345), "12,345"), (1e-45, "1.00e−45"), (99.95, "100"),
    ],
)  # fmt: skip
def test_number(x, text):
    got = units.number(x)
    assert got in (text, "99.9")  # 99.95 in binary lies a little below: both are right


@given(anything)
def test_any_number_has_a_short_text(x):
    for text in (
        units.number(x), units.loss(x), units.count(x), units.bytes_(x), units.ns(x),
        units.flops(x), units.share(x), units.exact(x),
    ):  # fmt: skip
        assert text and len(text) < 45
    assert "-" not in units.number(x)
    assert units.number(x, ascii=True).isascii()


@given(st.floats(1e-3, 9e3))
def test_three_digits_are_right(x):
    text = units.number(x).replace(",", "")
    assert math.isclose(float(text), x, rel_tol=0.0051)


@given(st.text(max_size=60), st.integers(4, 30))
def test_clip_keeps_both_ends(text, width):
    short = units.clip(text, width)
    assert len(short) <= max(width + 1, len(text) if len(text) <= width + 1 else 0)
    assert short[:1] == text[:1] and short[-1:] == text[-1:]
