"""Deaths on paper: four nodes, two die, one is a view."""

from array import array
from types import SimpleNamespace
from typing import Any

from graphscope.record.deaths import Deaths, freed_column
from graphscope.trace.schema import NO_MEMORY, SURVIVED


def deaths(died: list[int], counts: list[int], refs: list[Any]) -> Deaths:
    return Deaths(array("i", died).tobytes(), array("i", counts).tobytes(), refs)


def test_a_column_on_paper() -> None:
    graph = SimpleNamespace(deaths=None, other=None)
    alive = object()
    refs = [alive, alive, None, alive]
    # value 0 had died when node 2 was done, value 3 after the last node
    seen = deaths([0, 3], [0, 0, 1, 1], refs)
    freed = freed_column(graph, seen)
    assert freed is not None and freed.tolist() == [1, SURVIVED, NO_MEMORY, 3]
    assert seen.living == [1]
    assert freed_column(graph, deaths([0, 3], [0, 0, 1, 1], refs)) is None  # as planned
    late = freed_column(graph, deaths([0], [0, 0, 0, 1], refs))
    assert late is not None and late.tolist() == [2, SURVIVED, NO_MEMORY, SURVIVED]
    assert freed_column(graph, deaths([0], [0, 0, 0, 1], refs)) is late


def test_nothing_dies_before_it_is_born() -> None:
    graph = SimpleNamespace(deaths=None, other=None)
    freed = freed_column(graph, deaths([1], [0, 1], [object(), object()]))
    assert freed is not None and freed.tolist() == [SURVIVED, 1]
