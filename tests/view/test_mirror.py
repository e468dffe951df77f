"""Backward beside forward: an exact mirror image, and nothing that overlaps."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from graphscope.trace.reader import TraceReader
from graphscope.view import GraphView, ViewState, build
from graphscope.view.mirror import GAP, mirrored
from tests import golden
from tests.view.handmade import blocks, mlp, tiny


@pytest.mark.parametrize("make", [tiny, mlp, lambda: blocks(4, back=True)])
@pytest.mark.parametrize("opened", [None, frozenset()])
def test_no_card_touches_another(make: object, opened: frozenset[str] | None) -> None:
    hand = make()  # type: ignore[operator]
    graph = hand.graph()
    view = mirrored(build(graph, hand, ViewState(opened=opened), specs=hand.specs), graph)
    assert any(node.kind == "grad" for node in view.nodes)
    for a, b in itertools.combinations(view.nodes, 2):
        apart = a.x + a.w <= b.x or b.x + b.w <= a.x or a.y + a.h <= b.y or b.y + b.h <= a.y
        assert apart, (a.id, b.id)
    x0, y0, x1, y1 = view.bounds
    assert all(x0 <= n.x and n.x + n.w <= x1 and y0 <= n.y <= y1 for n in view.nodes)


def tiny_view(folder: Path) -> tuple[GraphView, GraphView]:
    reader = TraceReader(golden.build("tiny", folder))
    step = reader.step()
    graph = reader.graph(step.graph)
    plain = build(graph, reader, specs=step.specs)
    return plain, mirrored(plain, graph)


def test_tiny_has_a_gradient_beside_each_op_and_each_parameter(tmp_path: Path) -> None:
    plain, view = tiny_view(tmp_path)
    images = {node.id: node for node in view.nodes if node.kind == "grad"}
    # Of the inputs x and y nobody asks a gradient.
    assert set(images) == {"~n0", "~n1", "~n2", "~n3", "~n4", "~n5", "~p1", "~p2"}
    by_id = {node.id: node for node in plain.nodes}
    middle = (2 * plain.bounds[2] + GAP) / 2
    for id, image in images.items():
        own = by_id[id[1:]]
        assert image.y == own.y and image.twin == own.id
        assert image.x + image.w / 2 - middle == pytest.approx(middle - own.x - own.w / 2)


def test_gradients_run_the_other_way(tmp_path: Path) -> None:
    plain, view = tiny_view(tmp_path)
    lines = {(e.src, e.dst): e for e in view.edges}
    assert {("~n1", "~n0"), ("~n5", "~n4"), ("~n2", "~p2"), ("~n0", "~p1")} <= set(lines)
    assert ("~n3", "~p3") not in lines and ("~n0", "~p0") not in lines
    assert ("n5", "~n5") in lines  # the seed
    there, back = lines["n0", "n1"], lines["~n1", "~n0"]
    assert [y for _, y in back.points] == [y for _, y in reversed(there.points)]
    # Backward nodes belong to the image only as far as numbers go: forward time is zero there.
    image = view.node("~n2")
    assert image is not None and all(m > 5 for m in image.members)


def test_what_is_kept_alive_is_told_by_card(tmp_path: Path) -> None:
    _, view = tiny_view(tmp_path)
    # tiny's trace says that h (n1) is kept for its own gradient and for that of the second matmul (n2).
    assert {("n1", "~n1"), ("n1", "~n2")} <= set(view.saved)
    assert not {a for a, _ in view.saved} - {node.id for node in view.nodes}


def test_without_a_backward_pass_nothing_is_added() -> None:
    hand = blocks(2)
    graph = hand.graph()
    plain = build(graph, hand, specs=hand.specs)
    assert mirrored(plain, graph) is plain
