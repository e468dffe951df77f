"""Parts of a graph, worked out on paper for the graph of the golden trace tiny.

x, w1 -> n0 matmul -> n1 h -> n2 out (w2) -> n3 sub (y) -> n4 pow -> n5 loss; ports p0 x, p1 w1, p2 w2, p3 y.
"""

from __future__ import annotations

import pytest

from graphscope.trace.reader import TraceReader
from graphscope.view import GraphView, ViewState, build, focus
from graphscope.view.source import Source
from graphscope.view.structure import structure
from tests import golden
from tests.view.handmade import blocks, mlp


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> TraceReader:
    return TraceReader(golden.build("tiny", tmp_path_factory.mktemp("focus")))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("near:n2:1", "n1 n2 n3 p2"),
        ("near:n2:2", "n0 n1 n2 n3 n4 p2 p3"),
        ("near:p0", "n0 p0"),
        ("loss:p2", "n2 n3 n4 n5 p2"),
        ("loss:n5", "n5"),
        ("from:p1", "n0 n1 n2 n3 n4 n5 p1"),
        ("from:p3", "n3 n4 n5 p3"),
        ("into:n1", "n0 n1 p0 p1"),
        ("into:p0", "p0"),
    ],
)
def test_the_cards_of_a_focus(reader: TraceReader, text: str, ids: str) -> None:
    step = reader.step()
    view = build(reader.graph(step.graph), reader, ViewState(focus=text), specs=step.specs)
    assert " ".join(sorted(node.id for node in view.nodes)) == ids
    assert view.focus == text
    assert {e.src for e in view.edges} | {e.dst for e in view.edges} <= set(ids.split())


@pytest.mark.parametrize("text", ["near:n99:1", "loss:s:nowhere", "sideways:n1", "near:", "<b>"])
def test_what_is_not_there_shows_the_whole_graph(reader: TraceReader, text: str) -> None:
    step = reader.step()
    view = build(reader.graph(step.graph), reader, ViewState(focus=text), specs=step.specs)
    assert len(view.nodes) == 10 and view.focus == ""


def test_a_scope_that_is_left_out_is_gone_and_kept_ones_open_and_shut() -> None:
    hand = mlp(3)
    graph = hand.graph()

    def look(opened: frozenset[str] | None) -> GraphView:
        state = ViewState(focus="near:n2:1", opened=opened)
        return build(graph, hand, state, specs=hand.specs)

    opened = look(frozenset({"net"}))
    assert [group.id for group in opened.groups] == ["s:net"]
    assert {"h1", "h2", "fc2"} <= {node.label for node in opened.nodes}
    assert not any("loss" in node.label for node in opened.nodes)
    assert [node.id for node in look(frozenset()).nodes] == ["s:net"]
    state = ViewState(focus="from:s:net", opened=frozenset())
    view = build(graph, hand, state, specs=hand.specs)
    assert {node.label for node in view.nodes} == {"net", "loss"}


def test_narrowing_keeps_the_structure_sound() -> None:
    """Every card is in its home, every home exists, hosts and links stay within."""
    hand = blocks(4, back=True)
    whole = structure(hand.graph(), Source(hand.graph(), hand, hand.specs))
    for keep in ({0}, set(range(0, len(whole.cards), 3)), set(range(len(whole.cards)))):
        part = focus.narrowed(whole, keep)
        assert len(part.cards) == len(keep)
        inside = [c for scope in part.scopes.values() for c in scope.cards]
        assert sorted(inside) == list(range(len(keep)))
        for index, card in enumerate(part.cards):
            assert index in part.scopes[card.home].cards
            assert card.host < len(keep)
        for path, scope in part.scopes.items():
            assert all(part.scopes[child].parent == path for child in scope.children)
        assert part.scopes[""].ops == sum(card.kind == "op" for card in part.cards)
        assert all(max(a, b) < len(keep) for a, b, _ in part.links)
