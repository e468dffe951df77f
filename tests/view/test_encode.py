"""What cards say, and how they are coloured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphscope.errors import UsageError
from graphscope.trace import schema
from graphscope.view import ViewState, build
from graphscope.view.encode import bars, node_values, value_text
from graphscope.view.overlay import overlay
from tests.view.handmade import Hand, blocks, entry, mlp, tiny


def test_texts_histograms_and_times() -> None:
    hand = tiny()
    graph, step, values = hand.graph(), hand.one_step(), hand.some_values()
    view = build(graph, hand, specs=hand.specs)
    cards = node_values(graph, step, values, view)
    assert set(cards) == {node.id for node in view.nodes}
    card = cards["n0"]
    assert "±" in card["v"] and card["g"] not in ("", "—", "·")
    assert len(card["vh"]) == 12 and max(card["vh"]) == 12
    assert card["fwd_ns"] == step.dur_ns[0]
    assert card["bwd_ns"] == sum(step.dur_ns[i] for i, _ in graph.backward_of(0))
    assert card["share"] == pytest.approx((card["fwd_ns"] + card["bwd_ns"]) / step.wall_ns, 1e-3)
    assert card["bytes"] == 64 * 32 * 4
    assert "±" not in cards["n3"]["v"], "a scalar is the number itself"


def test_before_backward_a_gradient_is_not_yet() -> None:
    hand = Hand()
    x = hand.port("x", "input", (4,))
    hand.node("relu", [x], (4,))
    graph = hand.graph()
    cards = node_values(graph, None, hand.some_values(), build(graph, hand, specs=hand.specs))
    assert {card["g"] for card in cards.values()} == {"·"}


def test_not_reached_by_backward_is_a_dash() -> None:
    hand = Hand()
    x, y = hand.port("x", "input", (4,)), hand.port("y", "input", (4,))
    a = hand.node("relu", [x], (4,))
    hand.backward()
    b = hand.node("relu", [y], (4,))
    graph = hand.graph()
    cards = node_values(graph, None, None, build(graph, hand, specs=hand.specs))
    assert cards[f"n{b}"]["g"] == "—" and cards["p1"]["g"] == "—"
    assert cards[f"n{a}"]["g"] == "", "it has a gradient, of which no statistics were taken"


def test_in_a_step_that_is_held_a_gradient_that_comes_is_not_yet() -> None:
    hand = tiny()
    graph, step, values = hand.graph(), hand.one_step(), hand.some_values()
    values = replace(values, entries={k: e for k, e in values.entries.items() if k[1] != "g"})
    view = build(graph, hand, specs=hand.specs)
    backward = np.flatnonzero(graph.phase == schema.BACKWARD)
    for ran in (int(backward[0]), int(backward[1])):  # before backward, and after its first op
        dur = np.where(np.arange(graph.n) < ran, step.dur_ns, 0)
        cards = node_values(graph, replace(step, status="paused", dur_ns=dur), values, view)
        assert cards["n0"]["g"] == "·", ran
        whole = node_values(graph, step, values, view)
        assert whole["n0"]["g"] == "" and {k for k, c in whole.items() if c["g"] == "—"} == {
            k for k, c in cards.items() if c["g"] == "—"
        }


def test_non_finite() -> None:
    hand = mlp()
    graph = hand.graph()
    shut = build(graph, hand, ViewState(opened=frozenset()), specs=hand.specs)
    cards = node_values(graph, hand.one_step(), hand.some_values(nan_at=(2,)), shut)
    assert cards["s:net"]["health"] == "nan"
    everything = entry(np.array([1.0]), nan=True)
    everything.health[:] = (0, 0, 0, 0, 0, 5)
    everything.stats[0] = 5
    assert value_text(everything) == "NaN"


def test_bars() -> None:
    assert bars(None) == [] and bars(entry(np.array([3.0]))) == []
    heights = bars(entry(np.arange(24.0)))
    assert heights == [12] * 12


def test_a_closed_scope_adds_up_and_shows_its_parts() -> None:
    hand = mlp()
    graph, step = hand.graph(), hand.one_step()
    shut = build(graph, hand, ViewState(opened=frozenset()), specs=hand.specs)
    opened = build(graph, hand, specs=hand.specs)
    total = node_values(graph, step, None, shut)["s:net"]
    parts = [c for id, c in node_values(graph, step, None, opened).items() if id in INSIDE]
    assert total["fwd_ns"] == sum(p["fwd_ns"] for p in parts)
    assert total["strip"] == sorted(total["strip"], reverse=True) and len(total["strip"]) == 7


INSIDE = {f"n{i}" for i in range(7)}


@pytest.mark.parametrize("mode", ["family", "time", "memory", "grad"])
@pytest.mark.parametrize("look", ["light", "dark", "print"])
def test_overlays(mode: str, look: str) -> None:
    hand = blocks(2, 2, back=True)
    graph = hand.graph()
    view = build(graph, hand, specs=hand.specs)
    cards = node_values(graph, hand.one_step(), hand.some_values(nan_at=(3,)), view)
    over = overlay(view, cards, mode, look)
    assert over.fills and all(len(c) == 7 and c[0] == "#" for c in over.fills.values())
    assert over.legend.mode == mode and over.legend.title
    if mode != "family":
        assert all(over.legend.ends) and over.legend.scaling in ("linear", "log10")
    if mode == "grad":
        assert over.fills["n3"] == over.legend.nonfinite


def test_overlay_without_numbers_has_a_legend_still() -> None:
    hand = tiny()
    view = build(hand.graph(), hand, specs=hand.specs)
    assert overlay(view, {}, "time").legend.ends == ("", "")


def test_unknown_overlay() -> None:
    hand = tiny()
    view = build(hand.graph(), hand, specs=hand.specs)
    with pytest.raises(UsageError, match="family, time, memory, grad"):
        overlay(view, {}, "speed")
