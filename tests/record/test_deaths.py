"""Deaths on paper: four nodes, two die, one is a view."""

from types import SimpleNamespace

from graphscope.record.deaths import freed_column
from graphscope.trace.schema import NO_MEMORY, SURVIVED


def test_a_column_on_paper() -> None:
    graph = SimpleNamespace(deaths=None, other=None)
    alive = object()
    refs = [alive, alive, None, alive]
    # value 0 had died when node 2 was done, value 3 after the last node
    dead = {0: None, 3: None}
    assert freed_column(graph, dead, [0, 0, 1, 1], refs) == [1, SURVIVED, NO_MEMORY, 3]
    assert freed_column(graph, dead, [0, 0, 1, 1], refs) is None  # as planned
    late = freed_column(graph, {0: None}, [0, 0, 0, 1], refs)
    assert late == [2, SURVIVED, NO_MEMORY, SURVIVED]
    assert freed_column(graph, {0: None}, [0, 0, 0, 1], refs) is late


def test_nothing_dies_before_it_is_born() -> None:
    graph = SimpleNamespace(deaths=None, other=None)
    assert freed_column(graph, {1: None}, [0, 1], [object(), object()]) == [SURVIVED, 1]
