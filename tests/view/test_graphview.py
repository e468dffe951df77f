"""Geometry of placed graphs, for Graphviz and for our own layering alike."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import numpy as np
import pytest

from graphscope.view import GraphView, ViewState, arrange, build, dot, graphview
from graphscope.view.edges import edge_weight
from graphscope.view.visible import AllBut
from tests.view.handmade import Hand, blocks, chain, mlp, tiny


@pytest.fixture(params=["graphviz", "own"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run a test with both layout engines, nothing remembered from the other."""
    if request.param == "own":
        monkeypatch.setattr(dot, "SERVER", NoGraphviz())
    arrange.clear()
    yield request.param
    arrange.clear()


class NoGraphviz:
    def layout(self, dot: str, limit_s: float = 2.0) -> None:
        return None


def view_of(hand: Hand, **state: object) -> GraphView:
    return build(hand.graph(), hand, ViewState(**state), specs=hand.specs)  # type: ignore[arg-type]


def hub(n: int) -> Hand:
    hand = Hand()
    start = x = hand.node("relu", [hand.port("x", "input", (4, 4))], (4, 4))
    for i in range(n):
        x = hand.node("add", [x, start], (4, 4)) if i % 3 == 0 else hand.node("relu", [x], (4, 4))
    return hand


def two_paths() -> Hand:
    """A scope that is entered twice, and a parameter used in two places."""
    hand = Hand()
    x = hand.port("x", "input", (8, 8))
    w = hand.port("w", "parameter", (8, 8))
    for k in range(2):
        x = hand.node("mm", [x, w], (8, 8), "net.a")
        x = hand.node("relu", [x], (8, 8), "net.a")
        x = hand.node("add", [x, w], (8, 8), "net.b", name=f"y{k}")
        x = hand.node("relu", [x], (8, 8), "net.b")
    return hand


GRAPHS = {
    "empty": Hand,
    "one": lambda: chain(1),
    "ten": lambda: chain(10),
    "hundred": lambda: chain(100),
    "tiny": tiny,
    "mlp": mlp,
    "nested": lambda: blocks(2, 2),
    "hub": lambda: hub(60),
    "two_paths": two_paths,
}


def boxes(view: GraphView) -> list[tuple[str, float, float, float, float]]:
    return [(n.id, n.x, n.y, n.x + n.w, n.y + n.h) for n in view.nodes]


@pytest.mark.parametrize("name", GRAPHS)
def test_geometry(name: str, engine: str) -> None:
    view = view_of(GRAPHS[name]())
    x0, y0, x1, y1 = view.bounds
    groups = {g.id: g for g in view.groups}
    for (a, ax, ay, aX, aY), (b, bx, by, bX, bY) in itertools.combinations(boxes(view), 2):
        assert aX <= bx + 0.5 or bX <= ax + 0.5 or aY <= by + 0.5 or bY <= ay + 0.5, (a, b)
    for node in view.nodes:
        assert x0 <= node.x and node.x + node.w <= x1 and y0 <= node.y and node.y + node.h <= y1
        if node.group:
            g = groups[f"s:{node.group}"]
            assert g.x < node.x and node.x + node.w < g.x + g.w
            assert g.y < node.y and node.y + node.h < g.y + g.h
    for group in view.groups:
        parent = groups.get(f"s:{group.id[2:].rpartition('.')[0]}")
        if parent is not None:
            assert parent.x < group.x and group.x + group.w < parent.x + parent.w
            assert parent.y < group.y and group.y + group.h < parent.y + parent.h
    for one, other in itertools.combinations(view.groups, 2):
        if not one.id.startswith(other.id + ".") and not other.id.startswith(one.id + "."):
            apart = one.x + one.w <= other.x or other.x + other.w <= one.x
            assert apart or one.y + one.h <= other.y or other.y + other.h <= one.y


@pytest.mark.parametrize("name", GRAPHS)
def test_lines_touch_their_cards(name: str, engine: str) -> None:
    view = view_of(GRAPHS[name]())
    by_id = {n.id: n for n in view.nodes}
    for edge in view.edges:
        assert len(edge.points) % 3 == 1 and len(edge.points) >= 4
        for id, (x, y) in ((edge.src, edge.points[0]), (edge.dst, edge.points[-1])):
            node = by_id[id]
            assert node.x - 1.5 <= x <= node.x + node.w + 1.5, (edge.src, edge.dst)
            assert node.y - 1.5 <= y <= node.y + node.h + 1.5, (edge.src, edge.dst)
        assert 1.5 <= edge.weight <= 5


@pytest.mark.parametrize("name", ["ten", "tiny", "mlp", "nested"])
def test_forward_goes_down(name: str, engine: str) -> None:
    view = view_of(GRAPHS[name]())
    by_id = {n.id: n for n in view.nodes}
    for edge in view.edges:
        a, b = by_id[edge.src], by_id[edge.dst]
        if a.kind == "param":
            assert a.x + a.w < b.x, "parameters stand at the left of their op"
        else:
            assert a.y + a.h < b.y


@pytest.mark.parametrize("name", ["mlp", "nested", "hub"])
def test_lines_keep_off_cards(name: str, engine: str) -> None:
    view = view_of(GRAPHS[name]())
    for edge in view.edges:
        for x, y in samples(edge.points):
            for id, ax, ay, bx, by in boxes(view):
                if id not in (edge.src, edge.dst):
                    assert not (ax + 1 < x < bx - 1 and ay + 1 < y < by - 1), (
                        edge.src,
                        edge.dst,
                        id,
                    )


def samples(
    points: tuple[tuple[float, float], ...], steps: int = 12
) -> Iterator[tuple[float, float]]:
    for k in range(0, len(points) - 1, 3):
        a, b, c, d = points[k : k + 4]
        for i in range(steps + 1):
            t = i / steps
            u = 1 - t
            yield tuple(  # type: ignore[misc]
                u**3 * a[j] + 3 * u * u * t * b[j] + 3 * u * t * t * c[j] + t**3 * d[j]
                for j in (0, 1)
            )


def test_lines_run_on_into_groups(engine: str) -> None:
    """A line into a group is one unbroken spline down to the card inside."""
    view = view_of(mlp())
    edge = next(e for e in view.edges if e.src == "p0")
    target = view.node(edge.dst)
    assert target is not None and target.group == "net"
    assert edge.points[-1][1] == pytest.approx(target.y, abs=1.5)


def test_card_size_and_pitch() -> None:
    view = view_of(chain(3))
    ys = sorted(n.y for n in view.nodes)
    assert {(n.w, n.h) for n in view.nodes} == {(184.0, 72.0)}
    assert [round(b - a) for a, b in itertools.pairwise(ys)] == [108, 108, 108]


def test_twins_and_trivial_constants_are_folded() -> None:
    view = view_of(tiny())
    assert {n.id for n in view.nodes} == {"p0", "p1", "n0", "n1", "n2", "n3"}
    card = view.node("n0")
    assert card is not None and card.label == "h" and card.op == "mm"
    assert len(card.members) == 3, "one forward op and a gradient for each of its two inputs"
    assert card.shape == "64×32" and card.site == "train.py:10"
    unrolled = view_of(tiny(), unrolled=True)
    assert len(unrolled.nodes) > len(view.nodes)


def test_equal_layers_are_folded_and_can_be_opened() -> None:
    hand = blocks(24)
    shut = view_of(hand, opened=frozenset({"model", "model.layers"}))
    folded = shut.node("s:model.layers.0")
    assert folded is not None and folded.fold == 24 and folded.label == "layers.0–23"
    assert sum(m >= 0 for m in folded.members) == 24 * 10
    one_open = frozenset({"model", "model.layers", "model.layers.0"})
    half = view_of(hand, opened=one_open)
    rest = half.node("s:model.layers.1")
    assert rest is not None and rest.fold == 23
    assert any(g.id == "s:model.layers.0" for g in half.groups)


def test_auto_opens_as_deep_as_stays_readable() -> None:
    assert view_of(mlp()).opened == {"net"}
    assert "model.layers" not in view_of(blocks(400)).opened
    for count in (3, 30, 300):
        assert len(view_of(blocks(count)).nodes) <= 300


def test_a_module_of_one_op_is_a_card() -> None:
    card = view_of(mlp()).node("n0")
    assert card is not None and (card.label, card.op, card.scope) == ("fc1", "linear", "net.fc1")


def test_positions_are_stable_between_steps_and_builds() -> None:
    hand = mlp()
    first, again = view_of(hand), view_of(hand)
    assert first.to_json() == again.to_json()
    arrange.clear()
    graphview._structures.clear()
    assert view_of(hand).to_json() == first.to_json()


def test_digest_tells_open_scopes_apart() -> None:
    hand = mlp()
    assert view_of(hand).digest != view_of(hand, opened=frozenset()).digest
    assert view_of(hand).digest == view_of(hand, opened=frozenset({"net"})).digest


def test_first_look_fits_the_width() -> None:
    start = view_of(mlp()).start
    assert 0.5 <= start["zoom"] <= 1


@pytest.mark.parametrize("make", [lambda: blocks(700), lambda: chain(10_000)])
def test_ten_thousand_ops(make: object) -> None:
    hand = make()  # type: ignore[operator]
    began = time.perf_counter()
    view = view_of(hand)
    assert len(view.nodes) <= 300
    assert time.perf_counter() - began < 5, "1 to 2 s on an idle machine; this one may be busy"


def test_a_thousand_flat_ops_become_stretches(engine: str) -> None:
    view = view_of(chain(1000))
    assert [n.label for n in view.nodes if n.kind == "scope"][0] == "ops 1-200"
    opened = view_of(chain(1000), opened=frozenset({"ops 201-400"}))
    assert len([n for n in opened.nodes if n.kind == "op"]) == 200


HOSTILE = ["<script>", '"];evil[', "\\evil{}", "n" * 80, "\u202egnp.exe", "x" * 10_000, "\x00\n"]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_do_not_reach_graphviz(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Spy(NoGraphviz):
        def layout(self, dot: str, limit_s: float = 2.0) -> None:
            seen.append(dot)

    monkeypatch.setattr(dot, "SERVER", Spy())
    arrange.clear()
    hand = Hand()
    x = hand.port(name, "input", (2, 2))
    for _ in range(3):
        w = hand.port(name, "parameter", (2, 2))
        x = hand.node(name, [x, w], (2, 2), f"net.{name.replace('.', '')}", name=name)
        x = hand.node("relu", [x], (2, 2), "net")
    view_of(hand)
    arrange.clear()
    assert seen and all(set(text) <= set(ALLOWED) for text in seen)


ALLOWED = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 \n{}[]<>/=":;->._'


def test_edge_weight_grows_with_size() -> None:
    assert [edge_weight(n) for n in (1, 100, 10_000, 10**12)] == [1.5, 1.5, 2.5, 5.0]


def test_everything_open_is_a_page_and_not_a_thread() -> None:
    """Two thousand ops in a row stand in columns, in their frames, and no line runs through a card."""
    hand = chain(2000)
    view = build(hand.graph(), hand, ViewState(opened=AllBut()), specs=hand.specs)
    assert len(view.nodes) == 2001 and not any(n.kind == "scope" for n in view.nodes)
    x0, y0, x1, y1 = view.bounds
    assert 0.1 < (x1 - x0) / (y1 - y0) < 4, "and not 2,000 cards of 108 px below each other"
    groups = {g.id: g for g in view.groups}
    low = np.array([(n.x, n.y) for n in view.nodes])
    high = low + np.array([(n.w, n.h) for n in view.nodes])
    for node in view.nodes:
        if node.group:
            g = groups[f"s:{node.group}"]
            assert g.x < node.x and node.x + node.w < g.x + g.w
            assert g.y < node.y and node.y + node.h < g.y + g.h
    order = np.lexsort((low[:, 1], low[:, 0]))
    columns = np.split(order, np.flatnonzero(np.diff(low[order, 0]) > 1) + 1)
    for column in columns:
        assert (high[column[:-1], 1] < low[column[1:], 1]).all()
    place = {n.id: k for k, n in enumerate(view.nodes)}
    for edge in view.edges:
        at = np.array([*samples(edge.points, 6)])
        hit = ((at[:, None] > low[None] + 1) & (at[:, None] < high[None] - 1)).all(axis=2)
        hit[:, [place[edge.src], place[edge.dst]]] = False
        assert not hit.any(), (edge.src, edge.dst)
