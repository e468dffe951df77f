"""The numbers of many cards as columns: they say what the tables say, and what is known is not said again."""

import json

import pytest

from graphscope.trace.reader import TraceReader
from graphscope.webapp.queries import graph, told
from graphscope.webapp.queries.diff import diff_values_json
from graphscope.webapp.queries.graph import Views, Wish
from graphscope.webapp.queries.values import values_json
from tests import golden


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    found = {n: TraceReader(golden.build(n, folder)) for n in ("digits_like", "failed", "hostile")}
    yield found
    for reader in found.values():
        reader.close()


def unpacked(answer):
    """As the page does it (assets/js/columns.js)."""
    columns, cards = answer["columns"], []
    for k in range(answer["count"]):
        color, on = columns["fill"]["of"][columns["fill"]["at"][k] if columns["fill"]["at"] else 0]
        bars = {name: [int(c, 16) for c in columns[name][k]] for name in ("vh", "gh")}
        card = {"v": columns["v"][k], "g": columns["g"][k], "share": columns["share"][k] / 1e6}
        cards.append(card | bars | {"color": color, "on": on} | columns["rare"].get(str(k), {}))
    return dict(zip(columns["id"], cards, strict=True))


@pytest.mark.parametrize(
    ("run", "wish", "color"),
    [
        ("digits_like", Wish(opened="all"), "family"),
        ("digits_like", Wish(opened="none"), "time"),
        ("digits_like", Wish(mode="unrolled"), "grad"),
        ("digits_like", Wish(vs="step:3"), "change"),
        ("failed", Wish(), "family"),
        ("failed", Wish(step=6), "health"),
        ("hostile", Wish(opened="all"), "memory"),
    ],
)
def test_columns_say_what_the_tables_say(readers, run, wish, color):
    reader, views = readers[run], Views()
    if wish.vs:
        answer = diff_values_json(reader, views, wish, readers.__getitem__, color)
    else:
        answer = values_json(reader, views, wish, color)
    cards = unpacked(json.loads(told.text(answer)))
    assert list(cards) == list(answer["nodes"])
    for id, card in answer["nodes"].items():
        mine = cards[id]
        for name in ("v", "g", "vh", "gh", "color", "on", "failed", "operands"):
            assert mine.get(name) == card.get(name), (id, name)
        assert mine["share"] == pytest.approx(card["share"] or 0, abs=1e-6)
        assert mine.get("strip", []) == card["strip"]
        assert mine.get("health", "ok") == card["health"]
        assert mine.get("was", {}).get("v") == card.get("was", {}).get("v")


def test_what_is_known_is_not_said_again(readers):
    """Two steps between which no values were taken differ in their times alone."""
    reader, views, known = readers["digits_like"], Views(), {}
    answers = [
        json.loads(told.text(values_json(reader, views, Wish(step=num, opened="all")), known))
        for num in (55, 56, 56)
    ]
    assert {a["value_step"] for a in answers} == {55}
    assert sorted(answers[0]["columns"]) == ["fill", "g", "gh", "id", "rare", "share", "v", "vh"]
    assert list(answers[1]["columns"]) == ["share"] and answers[2]["columns"] == {}
    assert answers[1]["sums"] == known and set(known) == set(answers[0]["columns"])
    assert len(json.dumps(answers[1])) < len(json.dumps(answers[0])) / 4


def test_numbers_are_made_once_for_the_steps_that_show_the_same(readers, monkeypatch):
    made, real = [], graph.numbers
    monkeypatch.setattr(graph, "numbers", lambda *a: made.append(a[1].num) or real(*a))
    reader, views = readers["digits_like"], Views()
    for num in (55, 56, 57, 54):
        values = values_json(reader, views, Wish(step=num, opened="all"))
        plain = values_json(reader, Views(), Wish(step=num, opened="all"))
        assert values == plain, num
        made.pop()
    assert made == [55, 54]
