"""What the recorder notes for the doctor beside the graph: gradients from before, optimizers, modes, reads."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

import graphscope as gs
import graphscope.nn.functional as F
from graphscope import nn, optim
from graphscope.trace.reader import TraceReader
from tests.golden import build


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3)
        self.spare = nn.Linear(2, 2)

    def forward(self, x: Any) -> Any:
        return self.last(self.drop(self.first(x).relu()))


def facts(path: Any, name: str) -> list[tuple[int, Any]]:
    reader = TraceReader(path)
    try:
        return [(graph, data) for _, graph, what, data in reader.facts() if what == name]
    finally:
        reader.close()


def steps(
    net: Any, n: int = 5, clear: Any = True, evaluate: bool = False, read: Any = None
) -> None:
    x, y = gs.randn(6, 4), gs.randint(0, 3, (6,))
    optimizer = optim.SGD([*net.first.parameters(), *net.spare.parameters()], lr=0.1)
    for _ in range(n):
        loss = F.cross_entropy(net(x), y)
        if clear:
            optimizer.zero_grad(set_to_none=clear == "none")
            net.last.zero_grad()
        loss.backward()
        optimizer.step()
        if read:
            read(loss)
        if evaluate:
            net.eval()
            with gs.no_grad():
                net(x)
            net.train()


def test_program(tmp_path: Path) -> None:
    with gs.profile(tmp_path / "r") as p:
        net = Net()
        steps(net)
    (_, found), *_ = facts(p.path, "program")
    reader = TraceReader(p.path)
    graph = reader.graph(0)
    names = [graph.port_path(k) for group in found["groups"] for k in group[3]]
    reader.close()
    assert found["roots"] == {"net": True}
    assert found["layers"] == {"net.drop": ["Dropout", True, True]}
    assert found["unused"] == ["net.spare.weight", "net.spare.bias"]
    assert found["idle"] == ["net.spare.weight", "net.spare.bias"]  # the optimizer has them
    assert names == ["net.first.weight", "net.first.bias"]
    assert found["twice"] == []


def test_modes_are_those_of_the_step(tmp_path: Path) -> None:
    """A step ends when the next one begins, and by then the model may be in the mode of that."""
    with gs.profile(tmp_path / "r") as p:
        net = Net()
        steps(net, evaluate=True)
    reader = TraceReader(p.path)
    kinds = {id: reader.graph(id).kind for id in reader.graphs()}
    reader.close()
    by_kind = {kinds[graph]: data for graph, data in facts(p.path, "program")}
    assert by_kind["train"]["roots"] == {"net": True}


def test_gradients_from_before(tmp_path: Path) -> None:
    for clear, expected in ((False, True), ("none", False)):
        with gs.profile(tmp_path / f"r{clear}") as p:
            steps(Net(), clear=clear)
        noted = facts(p.path, "carried")
        assert bool(noted) is expected
    assert len(facts(tmp_path / "rFalse.gscope", "carried")) <= 4  # and not in every step


def test_what_python_reads(tmp_path: Path) -> None:
    ways = (
        lambda t: t.item(), float, bool, lambda t: t.detach().numpy(), str, lambda t: f"{t:.3f}",
        lambda t: t.tolist(),
    )  # fmt: skip
    for k, way in enumerate(ways):
        with gs.profile(tmp_path / f"r{k}") as p:
            net = Net()
            steps(net, read=way)
        ((_, found), *_) = facts(p.path, "reads")
        reader = TraceReader(p.path)
        graph = reader.graph(0)
        assert [graph.op_name(row[0]) for row in found["values"]] == ["cross_entropy"], k
        assert found["values"][0][1] == __file__
        reader.close()


def test_two_optimizers_with_one_parameter(tmp_path: Path) -> None:
    with gs.profile(tmp_path / "r") as p:
        net = nn.Linear(4, 3)
        a, b = optim.SGD(net.parameters(), lr=0.1), optim.Adam([net.bias])
        for _ in range(2):
            net(gs.randn(5, 4)).sum().backward()
            a.step()
            b.step()
    (_, found), *_ = facts(p.path, "program")
    assert [(name, len(where)) for _, name, where in found["twice"]] == [("net.bias", 2)]


def test_modules_that_are_reached_through_a_variable_have_its_name(tmp_path: Path) -> None:
    with gs.profile(tmp_path / "r") as p:
        net = Net()
        for _ in range(2):
            net.last(net.first(gs.randn(5, 4)).relu()).sum().backward()
    reader = TraceReader(p.path)
    graph = reader.graph(0)
    assert [graph.scope_path(i) for i in range(3)] == ["net.first", "", "net.last"]
    reader.close()


def test_modules_of_one_class_without_a_name_are_told_apart(tmp_path: Path) -> None:
    layers = [nn.Linear(4, 4), nn.Linear(4, 4)]
    with gs.profile(tmp_path / "r") as p:
        x = gs.randn(5, 4)
        for k in range(2):
            x = layers[k](x)
        x.sum().backward()
    reader = TraceReader(p.path)
    graph = reader.graph(0)
    assert [graph.scope_path(i) for i in range(2)] == ["linear", "linear-2"]
    reader.close()


def test_a_changing_graph_is_not_described_for_ever(tmp_path: Path) -> None:
    with gs.profile(tmp_path / "r") as p:
        net = Net()
        for k in range(80):
            x = gs.randn(5, 4)
            for _ in range(k):
                x = x.tanh()
            net(x).sum().backward()
    assert len(facts(p.path, "program")) == 64


def test_a_file_from_before_the_table_is_whole(tmp_path: Path) -> None:
    path = build("tiny", tmp_path)
    db = sqlite3.connect(path)
    db.execute("DROP TABLE facts")
    db.commit()
    db.close()
    reader = TraceReader(path)
    assert reader.facts() == [] and reader.graph(0).n
    reader.close()


def test_facts_that_are_damaged_are_told(tmp_path: Path) -> None:
    from graphscope.errors import TraceError

    path = build("tiny", tmp_path)
    db = sqlite3.connect(path)
    db.execute("INSERT INTO facts (graph, name, data) VALUES (0, 'program', '{')")
    db.commit()
    db.close()
    reader = TraceReader(path)
    with pytest.raises(TraceError, match="the facts of a graph cannot be read"):
        reader.facts()
    reader.close()
