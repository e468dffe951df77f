"""The language of conditions: what it means, and what it says about what it cannot read."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from graphscope.analysis.conditions import (
    DEPTH,
    FUNCTIONS,
    LENGTH,
    SCALARS,
    TENSORS,
    ConditionError,
    parse,
)
from graphscope.errors import GraphScopeError

KNOWN = {
    ("norm", "grad"): 12.0, ("norm", "weight"): 4.0, ("norm", "update"): 2e-4, ("min", "value"): -1.0,
    ("nan", "value"): 0.0, ("inf", "value"): 3.0, ("mean", "grad"): math.nan, ("", "loss"): 0.5, ("", "step"): 7.0,
}  # fmt: skip


def asks(function, name):
    return KNOWN.get((function, name))


@pytest.mark.parametrize(
    "text, holds",
    [
        ("norm(grad) > 10", True),
        ("norm(grad)>=12 and norm(grad)<=12.0", True),
        ("any nan", False),
        ("any inf", True),
        ("any nonfinite in value", True),
        ("min(value) < 0", True),
        ("update/weight < 1e-4", True),
        ("update / weight > 1e-3", False),
        ("not loss > 1", True),
        ("loss > 1 or step == 7", True),
        ("loss > 1 or step == 7 and loss > 1", False),  # and binds closer than or
        ("(loss > 1 or step == 7) and loss > 0", True),
        ("1 + 2 * 3 == 7 and (1 + 2) * 3 == 9 and -2 - -3 == 1", True),
        ("8 / 4 / 2 == 1 and 8 - 4 - 2 == 2", True),
        ("1 / 0 > 1e300 and -1 / 0 < 0", True),
        ("0 / 0 == 0 / 0", False),
        ("mean(grad) > 0 or mean(grad) <= 0", False),  # NaN compares as false
        ("max(grad) > 0", False),  # not known: neither true
        ("not max(grad) > 0", False),  # nor false
        ("max(grad) > 0 or loss < 1", True),
        ("not (max(grad) > 0 and loss > 1)", True),
        ("((norm(grad))) > ((10))", True),
        ("\tloss\n< 1 ", True),
    ],
)
def test_what_it_means(text, holds):
    assert parse(text).holds(asks) is holds


def test_it_says_what_it_asks_about():
    found = parse("any nan in grad or norm(update) > 1 and loss > step")
    assert found.tensors == {"grad", "update"} and found.scalars == {"loss", "step"}


@pytest.mark.parametrize(
    "text, at, why",
    [
        ("", 0, "is empty"),
        ("norm(grad) > ", 13, "missing at the end"),
        ("norm(grad > 3", 10, "')' is missing"),
        ("nrom(grad) > 3", 0, "did you mean norm"),
        ("norm(gard) > 3", 5, "a tensor is one of"),
        ("norm > 3", 5, "norm(grad)"),
        ("loss", 0, "a number is no condition"),
        ("loss > 3 4", 9, "not expected after"),
        ("1 < loss < 3", 9, "only two numbers"),
        ("any", 3, "nan, inf, nonfinite"),
        ("any nan in loss", 11, "a tensor is one of"),
        ("loss > $", 7, "means nothing"),
        ("loss = 3", 5, "means nothing"),
        ("(loss > 3", 9, "a parenthesis is open"),
        ("loss > 3 and", 12, "missing at the end"),
        ("import > 3", 0, "unknown"),
        ("loss.__class__ > 3", 4, "means nothing"),
        ("loss > and", 7, "belongs here"),
    ],
)
def test_a_caret_stands_under_the_place(text, at, why):
    with pytest.raises(ConditionError, match=".") as found:
        parse(text)
    said, line, caret = str(found.value).split("\n")
    assert why in said
    assert line[2:] == text[:90].replace("\t", " ")
    assert caret.index("^") - 2 == at


def test_limits():
    parse("(" * (DEPTH - 1) + "loss > 1" + ")" * (DEPTH - 1))
    for text in ("(" * 300 + "1 < 2" + ")" * 300, "not " * 200 + "1 < 2", "-" * 300 + "1 < 2"):
        with pytest.raises(ConditionError, match="nested more than 50 deep"):
            parse(text)
    with pytest.raises(ConditionError, match="too long"):
        parse("1 < 2 or " * 2000 + "1 < 2")
    long = " or ".join(["1 < 2"] * 110)
    assert len(long) <= LENGTH and parse(long).holds(asks)
    with pytest.raises(ConditionError) as found:
        parse("1 < 2 or " * 100 + "$")
    assert len(str(found.value)) < 300


numbers = st.one_of(
    st.floats(0, 1e6).map(lambda x: (repr(x), lambda: x)),
    st.sampled_from([*SCALARS]).map(lambda n: (n, lambda: KNOWN["", n])),
    st.sampled_from(TENSORS).map(lambda n: (n, lambda: KNOWN.get(("norm", n)))),
    st.tuples(st.sampled_from(FUNCTIONS), st.sampled_from(TENSORS)).map(
        lambda p: (f"{p[0]}({p[1]})", lambda: KNOWN.get(p))
    ),
)


def _both(a, b, run):
    x, y = a(), b()
    return None if x is None or y is None else run(x, y)


comparisons = st.tuples(numbers, st.sampled_from(["<", ">", "<=", ">="]), numbers).map(
    lambda p: (
        f"{p[0][0]} {p[1]} {p[2][0]}",
        lambda: _both(
            p[0][1],
            p[2][1],
            {
                "<": lambda x, y: x < y,
                ">": lambda x, y: x > y,
                "<=": lambda x, y: x <= y,
                ">=": lambda x, y: x >= y,
            }[p[1]],
        ),
    )
)


def _or(values):
    return True if True in values else None if None in values else False


def _and(values):
    return False if False in values else None if None in values else True


conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(
            lambda p: (f"({p[0][0]}) or ({p[1][0]})", lambda: _or([p[0][1](), p[1][1]()]))
        ),
        st.tuples(inner, inner).map(
            lambda p: (f"({p[0][0]}) and ({p[1][0]})", lambda: _and([p[0][1](), p[1][1]()]))
        ),
        inner.map(lambda p: (f"not ({p[0]})", lambda: None if (t := p[1]()) is None else not t)),
    ),
    max_leaves=8,
)


@given(conditions)
def test_it_means_what_it_was_built_from(pair):
    text, truth = pair
    if len(text) <= LENGTH:
        assert parse(text).holds(asks) is (truth() is True)


@given(st.text(max_size=80))
@example("\ud800 > 1")
@example("1e999999 > 0")
@example("٣ < ٤")
def test_any_text_is_read_or_refused(text):
    try:
        parse(text).holds(asks)
    except GraphScopeError:
        pass


pieces = st.sampled_from(
    ["norm", "(", ")", "grad", "value", "<", ">", "and", "or", "not", "any", "nan", "in", "1", "-", "/", "*", "loss", " "]
)  # fmt: skip


@given(st.lists(pieces, max_size=30).map(" ".join))
def test_any_row_of_words_is_read_or_refused(text):
    try:
        parse(text).holds(asks)
    except ConditionError as error:
        assert "^" in str(error)
