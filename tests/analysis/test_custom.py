"""Numbers that a program hung on its nodes, and how far an update moved a parameter."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs
from graphscope.analysis import custom
from graphscope.analysis.updates import update_ratios
from graphscope.errors import UsageError
from graphscope.trace.reader import TraceReader


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> TraceReader:
    """Two steps of w <- w - 0.5 g on three numbers, with an overlay logged in each."""
    path = tmp_path_factory.mktemp("custom") / "run.gscope"
    w = gs.tensor([[1.0, 2.0, 2.0]], requires_grad=True)
    optimizer = gs.optim.SGD([w], lr=0.5)
    with gs.profile(path=path, values="full") as p:
        for k in range(2):
            optimizer.zero_grad()
            loss = (w * gs.tensor([[0.3, 0.0, 0.4]])).sum()
            loss.backward()
            optimizer.step()
            p.overlay("weight", {"w": 0.25 * (k + 1), "mul": 9.0}, unit="kg")
            p.step()
    return TraceReader(path)


def test_an_overlay_is_found_under_its_name_at_its_step(reader: TraceReader) -> None:
    assert custom.names(reader) == ["weight"]
    first, last = custom.at(reader, "weight", 0), custom.at(reader, "weight", 99)
    assert first is not None and last is not None
    assert (first.unit, first.numbers["w"], last.numbers["w"]) == ("kg", 0.25, 0.5)
    assert custom.at(reader, "nothing", 0) is None


def test_names_keys_cards_and_modules_find_their_values(reader: TraceReader) -> None:
    graph = reader.graph(reader.step().graph)
    mul = next(i for i in range(graph.n) if graph.op_name(i) == "mul")
    w = next(-1 - k for k in range(graph.n_ports) if graph.port_kind(k) == "parameter")
    assert custom.by_value(graph, {graph.key(mul): 1.0}) == {mul: 1.0}
    assert custom.by_value(graph, {f"n{mul}": 2.0, f"p{-1 - w}": 3.0}) == {mul: 2.0, w: 3.0}
    assert custom.by_value(graph, {graph.port_path(-1 - w): 4.0}) == {w: 4.0}
    assert custom.by_value(graph, {"no such node": 1.0}) == {}


def test_what_is_no_dictionary_of_numbers_is_refused() -> None:
    for wrong in ({"w": "heavy"}, 3, [1, 2]):
        with pytest.raises(UsageError, match="dictionary from nodes to numbers"):
            custom.text(wrong)
    assert custom.text({"a": float("nan")}) == '{"unit": "", "nodes": {"a": "nan"}}'


def test_the_ratio_of_update_to_parameter(reader: TraceReader) -> None:
    """Step 0: w = (1, 2, 2), rms sqrt(3); moved by 0.5 (0.3, 0, 0.4), rms sqrt(0.0625 / 3)."""
    step = reader.step(0)
    graph = reader.graph(step.graph)
    ratios = update_ratios(graph, reader.values(0))
    assert list(ratios.values()) == pytest.approx([np.sqrt(0.0625 / 3) / np.sqrt(3)], rel=1e-5)
    assert update_ratios(graph, None) == {}
