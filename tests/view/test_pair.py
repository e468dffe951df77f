"""Two graphs side by side: equal parts at equal places, and every difference marked on its side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from graphscope.errors import UsageError
from graphscope.export.pair import pair_of_scenes
from graphscope.view.drawing import Cluster, Text
from graphscope.view.pair import CHANGED, ONLY, pair
from tests.view.geometry import check
from tests.view.handmade import Hand, blocks, chain, mlp, tiny


@dataclass
class Drawn:
    graph: Any
    reader: Any
    step: Any
    values: Any


def drawn(hand: Hand) -> Drawn:
    return Drawn(hand.graph(), hand, hand.one_step(), hand.some_values())


def deep(times: int, weight: str = "w", shape: tuple[int, ...] = (4, 4)) -> Hand:
    """A layer that is used ``times`` times, as in a net of random depth."""
    hand = Hand()
    x = hand.port("x", "input", (4, 4))
    w = hand.port(weight, "parameter", (4, 4))
    for _ in range(times):
        x = hand.node("mm", [x, w], shape, "net.middle")
        x = hand.node("relu", [x], shape, "net")
    hand.node("mean", [x], ())
    hand.backward()
    return hand


def test_equal_graphs_have_no_marks() -> None:
    for make in (tiny, mlp, lambda: blocks(2, 2), lambda: deep(2)):
        found = pair(drawn(make()), drawn(make()))
        assert found.equal and not any(half.absent for half in found.halves)


def test_a_longer_loop_is_marked_where_it_goes_on() -> None:
    found = pair(drawn(deep(1)), drawn(deep(3)))
    short, long = found.halves
    assert len(long.view.nodes) == len(short.view.nodes) + 4 == len(found.view.nodes)
    assert set(long.marks.values()) == {ONLY} and len(long.marks) == 4
    assert {n.id for n in short.absent} == set(long.marks) and not short.marks
    # from the first round straight to the end, on the short side only
    assert len(short.edges) == 1


def test_equal_parts_stand_at_equal_places() -> None:
    found = pair(drawn(deep(1)), drawn(deep(3)))
    places = [{n.id: (n.x, n.y, n.w, n.h) for n in half.view.nodes} for half in found.halves]
    common = places[0].keys() & places[1].keys()
    assert len(common) == len(places[0])
    assert all(places[0][id] == places[1][id] for id in common)


def test_another_parameter_is_another_card() -> None:
    found = pair(drawn(deep(1, "w2a")), drawn(deep(1, "w2b")))
    for half, name in zip(found.halves, ("w2a", "w2b"), strict=True):
        marked = [n.label for n in half.view.nodes if half.marks.get(n.id) == ONLY]
        assert marked == [name] and len(half.absent) == 1 and len(half.edges) == 1


def test_another_shape_is_a_change_and_shown_as_its_own() -> None:
    found = pair(drawn(deep(1)), drawn(deep(1, shape=(2, 4))))
    for half, shape in zip(found.halves, ("4\u00d74", "2\u00d74"), strict=True):
        changed = [n for n in half.view.nodes if half.marks.get(n.id) == CHANGED]
        assert {n.shape for n in changed} == {shape} and len(changed) == 2


def test_a_closed_module_that_differs_inside_is_a_change() -> None:
    found = pair(drawn(deep(1)), drawn(deep(3)), collapse=0)
    for half in found.halves:
        assert [half.marks[n.id] for n in half.view.nodes if n.kind == "scope"] == [CHANGED]


def test_numbers_are_each_sides_own() -> None:
    one, other = drawn(deep(1)), drawn(deep(3))
    found = pair(one, other)
    for half, side in zip(found.halves, (one, other), strict=True):
        for node in half.view.nodes:
            if node.kind == "op":
                assert side.graph.op_name(node.main) == node.op
                assert all(0 <= m < side.graph.n for m in node.members)


@pytest.mark.parametrize(
    "make",
    [lambda: (tiny(), mlp()), lambda: (deep(1), deep(4)), lambda: (blocks(1, 2), blocks(2, 2)),
     lambda: (chain(40), chain(55)), lambda: (Hand(), tiny())],
)  # fmt: skip
def test_geometry(make: Callable[[], tuple[Hand, Hand]]) -> None:
    for theme in ("light", "dark", "print"):
        for font in ("normal", "large"):
            a, b = make()
            figure = pair_of_scenes(
                drawn(a),
                drawn(b),
                ("step 3", "step " + "4" * 200),
                title="t" * 300,
                theme=theme,
                font=font,
            )
            check(figure.drawing)


def test_ids_are_unique_and_names_safe() -> None:
    one, other = deep(1, '"><script>'), deep(2, "\\evil{}")
    figure = pair_of_scenes(drawn(one), drawn(other), ("<b>", "&"))
    ids = [item.id for item in figure.drawing.items if isinstance(item, Cluster)]
    assert len(ids) == len(set(ids))
    assert "<script>" not in figure.svg and "<b>" not in figure.svg


def test_wide_pairs_stand_one_above_the_other() -> None:
    side = pair_of_scenes(drawn(deep(1)), drawn(deep(2)), stacked=False)
    below = pair_of_scenes(drawn(deep(1)), drawn(deep(2)), stacked=True)
    assert below.width < side.width and below.height > 1.8 * side.height - 200
    captions = [m for m in below.drawing.marks() if isinstance(m, Text) and m.text in "AB"]
    assert captions[0].x == captions[1].x


def test_wrong_options_are_told() -> None:
    for options in ({"show": "weather"}, {"width": -1}, {"theme": "pink"}, {"font": "huge"}):
        with pytest.raises(UsageError):
            pair_of_scenes(drawn(tiny()), drawn(tiny()), **options)  # type: ignore[arg-type]
