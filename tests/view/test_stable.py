"""The same graph gives the same picture, and an added node moves only its neighbours."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from graphscope.export.figure import figure_of_graph
from graphscope.view import arrange
from tests.view.handmade import Hand


def program(n: int, at: int = -1, how: str = "") -> Hand:
    """``n`` named ops with skips; beside op ``at`` one more, as a leaf or in the line."""
    choose = random.Random(3)
    hand = Hand()
    values = [hand.port("x", "input", (4, 4)), hand.port("w", "parameter", (4, 4))]
    for k in range(n):
        inputs = [values[-1]]
        if k % 3 == 2:
            inputs.append(values[choose.randrange(max(0, len(values) - 6), len(values) - 1)])
        if k == at and how == "between":
            inputs[0] = hand.node("relu", [inputs[0]], (4, 4), name="new")
        op = "add" if len(inputs) > 1 else "relu"
        values.append(hand.node(op, inputs, (4, 4), name=f"t{k}"))
        if k == at and how == "beside":
            hand.node("relu", [values[-1]], (4, 4), name="new")
    return hand


def places(hand: Hand) -> dict[str, tuple[float, float]]:
    view = figure_of_graph(hand.graph(), hand).view
    assert view is not None
    return {node.label: (node.x, node.y) for node in view.nodes}


def test_same_graph_same_picture() -> None:
    before = places(program(30))
    arrange.clear()
    assert places(program(30)) == before


@pytest.mark.parametrize("how", ["beside", "between"])
@pytest.mark.parametrize("n", [10, 30, 60])
def test_an_added_node_moves_only_its_neighbours(n: int, how: str) -> None:
    """What lies before the node and what lies after it keep their shapes; few boxes at the seam do not."""
    before = places(program(n))
    for at in range(1, n, max(1, n // 6)):
        after = places(program(n, at, how))
        shifts = Counter(
            (round(after[name][0] - x), round(after[name][1] - y))
            for name, (x, y) in before.items()
        )
        kept = sum(count for _, count in shifts.most_common(2))
        assert len(before) - kept <= 6, shifts
