"""What a recorded program leaves in its trace: structure, names, phases, memory, values, steps."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphscope as gs
from graphscope import nn, optim
from graphscope.engine import dispatch
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader


def two_layer(steps: int = 5, n: int = 8, path: Any = None, **options: Any) -> TraceReader:
    gs.manual_seed(0)
    x, y = gs.randn(n, 6), gs.randn(n, 2)
    w1 = gs.randn(6, 4, requires_grad=True)
    w2 = gs.randn(4, 2, requires_grad=True)
    with gs.profile(path, **options) as p:
        for _ in range(steps):
            y_pred = x.mm(w1).clamp(min=0).mm(w2)
            loss = (y_pred - y).pow(2).sum()
            loss.backward()
            with gs.no_grad():
                w1 -= 1e-3 * w1.grad
                w2 -= 1e-3 * w2.grad
                w1.grad.zero_()
                w2.grad.zero_()
    assert p.path is not None
    return TraceReader(p.path)


def test_a_repeated_step_is_one_graph(tmp_path: Path) -> None:
    reader = two_layer(path=tmp_path / "a")
    assert reader.graphs() == [0]
    table = reader.steps()
    assert list(table.num) == [0, 1, 2, 3, 4]
    assert set(table.status) == {"ok"}
    assert reader.state() == "finished"
    assert np.all(np.diff(table.loss) < 0)


def test_nodes_phases_and_twins(tmp_path: Path) -> None:
    graph = two_layer(path=tmp_path / "a").graph(0)
    forward = [graph.op_name(i) for i in range(graph.n) if graph.phase[i] == schema.FORWARD]
    assert forward == ["mm", "clamp", "mm", "sub", "square", "sum"]
    backward = [i for i in range(graph.n) if graph.phase[i] == schema.BACKWARD]
    # sum, square, sub (only y_pred wants a gradient), mm twice, clamp, mm (only w1)
    assert [(int(graph.twin[i]), int(graph.slot[i])) for i in backward] == [
        (5, 0), (4, 0), (3, 0), (2, 0), (2, 1), (1, 0), (0, 1),
    ]  # fmt: skip
    update = [graph.op_name(i) for i in range(graph.n) if graph.phase[i] == schema.UPDATE]
    assert update == ["mul", "sub_", "mul", "sub_", "fill_", "fill_"]


def test_names_come_from_the_users_variables(tmp_path: Path) -> None:
    graph = two_layer(path=tmp_path / "a").graph(0)
    assert [graph.port_name(k) for k in range(graph.n_ports)][:4] == ["x", "w1", "w2", "y"]
    assert graph.label(2) == "y_pred"
    assert graph.label(5) == "loss"
    assert graph.port_const(4) == "0.001"


def test_source_lines_are_the_users(tmp_path: Path) -> None:
    reader = two_layer(path=tmp_path / "a")
    graph = reader.graph(0)
    site = graph.site_of(0)
    assert site is not None and site.file == __file__
    text = reader.source(site.file)
    assert text is not None and "x.mm(w1)" in text.splitlines()[site.line - 1]
    twin = graph.site_of(12)
    assert twin is not None and twin.line == site.line


def test_what_is_kept_and_when_it_dies(tmp_path: Path) -> None:
    reader = two_layer(path=tmp_path / "a")
    graph, step = reader.graph(0), reader.step(3)
    kept = {(v, f) for v, f in graph.kept.tolist()}
    # x for d/dw1 of the first mm; h for clamp; w2 and the hidden layer for the second mm
    assert {(-1, 0), (0, 1), (1, 2), (-3, 2), (3, 4)} <= kept
    hidden = int(step.freed[1])
    assert graph.phase[hidden] == schema.BACKWARD  # the hidden layer lives until its mm went back
    assert step.freed[14] == schema.NO_MEMORY  # sub_ writes w1 in place
    assert reader.spec(int(step.specs[0])).shape == (8, 4)


def test_everything_has_samples_of_every_tensor_in_every_step(tmp_path: Path) -> None:
    """More of them than the pool of samples holds, which is for runs that choose their steps."""
    w = gs.ones(300, 300).requires_grad_()
    with gs.profile(tmp_path / "run", values="full") as p:
        for _ in range(60):
            (w * 2).tanh().mean().backward()
    with TraceReader(p.path) as reader:
        for num in (0, 30, 59):
            told = reader.values(num)
            assert told is not None and told.num == num
            assert [key for key in told.entries if told.entries[key].thumb is None] == []


def test_values_and_gradients_are_the_programs(tmp_path: Path) -> None:
    reader = two_layer(path=tmp_path / "a", values="full")
    step = reader.values(0)
    assert step is not None and step.num == 0
    gs.manual_seed(0)
    x, y = gs.randn(8, 6).numpy(), gs.randn(8, 2).numpy()
    w1, w2 = gs.randn(6, 4).numpy(), gs.randn(4, 2).numpy()
    y_pred = np.maximum(x @ w1, 0) @ w2
    entry = step.get(2, "v")
    assert entry is not None and entry.thumb is not None
    np.testing.assert_allclose(entry.thumb.values, y_pred.ravel(), rtol=1e-5)
    gradient = step.get(2, "g")
    assert gradient is not None and gradient.thumb is not None
    np.testing.assert_allclose(gradient.thumb.values, (2 * (y_pred - y)).ravel(), rtol=1e-4)
    of_w2 = step.get(-3, "g")
    assert of_w2 is not None and of_w2.thumb is not None
    want = np.maximum(x @ w1, 0).T @ (2 * (y_pred - y))
    np.testing.assert_allclose(of_w2.thumb.values, want.ravel(), rtol=1e-4)
    loss = step.get(5, "v")
    assert loss is not None and loss.item == pytest.approx(reader.step(0).loss)


def test_off_takes_no_values(tmp_path: Path) -> None:
    assert two_layer(path=tmp_path / "a", values="off").value_steps() == []


def test_times_lie_in_order_inside_the_step(tmp_path: Path) -> None:
    step = two_layer(path=tmp_path / "a").step(2)
    end = step.begin_ns + step.dur_ns
    assert np.all(step.dur_ns >= 0)
    assert np.all(np.diff(step.begin_ns) >= 0)
    assert end[-1] <= step.wall_ns * 1.01


def test_a_ragged_last_batch_and_own_slices_are_the_same_graph(tmp_path: Path) -> None:
    data = gs.randn(10, 3)
    w = gs.randn(3, 1, requires_grad=True)
    with gs.profile(tmp_path / "a") as p:
        for k in range(0, 10, 4):
            (data[k : k + 4] @ w).mean().backward()
    reader = TraceReader(p.path)
    assert len(reader.graphs()) == 1
    steps = [reader.step(k) for k in range(3)]
    assert steps[0].shape_set == steps[1].shape_set != steps[2].shape_set


def test_a_changed_graph_says_where_it_changed(tmp_path: Path) -> None:
    w = gs.ones(3, requires_grad=True)
    with gs.profile(tmp_path / "a") as p:
        for k in range(4):
            z = w * 2
            z = z.tanh() if k == 2 else z.relu()
            z.sum().backward()
    reader = TraceReader(p.path)
    assert [reader.step(k).graph for k in range(4)] == [0, 0, 1, 0]
    assert reader.graph(1).parent == 0
    assert reader.graph(1).diverged_at == 1


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.act = nn.ReLU()
        self.last = nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        return self.last(self.act(self.first(x)))


def train(path: Path, steps: int = 3) -> TraceReader:
    net = Net()
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    x, y = gs.randn(5, 3), gs.tensor([0, 1, 0, 1, 1])
    loss_of = nn.CrossEntropyLoss()
    with gs.profile(path) as p:
        for k in range(steps):
            optimizer.zero_grad()
            loss = loss_of(net(x), y)
            loss.backward()
            optimizer.step()
            p.scalar("loss", loss)
            with gs.no_grad():
                right = (net(x).argmax(1) == y).float().mean()
            p.scalar("accuracy", right, step=k)
    return TraceReader(p.path)


def test_scopes_parameters_and_evaluation(tmp_path: Path) -> None:
    reader = train(tmp_path / "a")
    graph = reader.graph(reader.step(1).graph)
    scopes = {graph.scope_path(i) for i in range(graph.n) if graph.phase[i] == schema.FORWARD}
    assert {"net.first", "net.act", "net.last"} <= scopes
    names = {graph.port_path(k) for k in range(graph.n_ports) if graph.port_kind(k) == "parameter"}
    assert names == {
        f"net.{layer}.{what}" for layer in ("first", "last") for what in ("weight", "bias")
    }
    assert len(reader.steps("train").num) == 3
    assert len(reader.steps("eval").num) == 3
    tags = reader.scalars()
    assert list(tags["accuracy"][0]) == [0, 1, 2]
    assert list(tags["loss"][0]) == [0, 1, 2]
    update = [graph.op_name(i) for i in range(graph.n) if graph.phase[i] == schema.UPDATE]
    assert update == ["sgd_"] * 4


def test_an_exception_leaves_a_failed_run_that_says_why(tmp_path: Path) -> None:
    w = gs.ones(3, 2, requires_grad=True)
    with pytest.raises(ValueError, match="the inner sizes"), gs.profile(tmp_path / "a") as p:
        for k in range(3):
            x = gs.ones(4, 3 if k < 2 else 5)
            (x * 2).mm(w).sum().backward()
    reader = TraceReader(p.path)
    assert reader.state() == "failed"
    assert "the inner sizes" in str(reader.header()["error"])
    last = reader.step(-1)
    assert last.status == "failed" and last.note and "the inner sizes" in last.note
    assert dispatch.recorder() is None


def test_not_a_number_is_flagged(tmp_path: Path) -> None:
    w = gs.tensor([-1.0], requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        with gs.profile(tmp_path / "a", values="full") as p:
            w.log().sum().backward()
    reader = TraceReader(p.path)
    assert reader.step(0).nonfinite
    entry = reader.values(0).get(0, "v")  # type: ignore[union-attr]
    assert entry is not None and entry.health[5] == 1


def test_ops_of_other_threads_are_counted_not_guessed(tmp_path: Path) -> None:
    w = gs.ones(3, requires_grad=True)
    with gs.profile(tmp_path / "a") as p:
        (w * 2).sum().backward()
        thread = threading.Thread(target=lambda: (gs.ones(3) * 2).sum())
        thread.start()
        thread.join()
    reader = TraceReader(p.path)
    assert reader.header()["foreign_ops"] == "2"
    assert reader.graph(0).n == 4


def test_two_runs_of_one_name_and_two_at_once(tmp_path: Path) -> None:
    a, b = two_layer(path=tmp_path / "run"), two_layer(path=tmp_path / "run")
    assert a.path != b.path
    w = gs.ones(2, requires_grad=True)
    with gs.profile(tmp_path / "outer") as outer:
        (w * 2).sum().backward()
        with gs.profile(tmp_path / "inner") as inner:
            (w * 3).tanh().sum().backward()
        (w * 2).sum().backward()
    assert len(TraceReader(outer.path).steps().num) == 2
    assert TraceReader(inner.path).graph(0).n == 6


def test_a_folder_that_cannot_be_written_warns_once_and_runs_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.warns(RuntimeWarning, match="runs on unrecorded"):
        with gs.profile(tmp_path / "file" / "run") as p:
            total = (gs.ones(3, requires_grad=True) * 2).sum()
            total.backward()
            p.scalar("loss", 1.0)
            p.step()
    assert total.item() == 6
    assert p.overhead == 0


def test_a_writer_that_fails_stops_recording_but_not_the_program(
    tmp_path: Path, monkeypatch: Any
) -> None:
    from graphscope.trace.writer import TraceWriter

    def full(self: Any) -> None:
        raise OSError("No space left on device")

    w = gs.ones(3, requires_grad=True)
    with pytest.warns(RuntimeWarning, match="No space left"):
        with gs.profile(tmp_path / "a") as p:
            monkeypatch.setattr(TraceWriter, "commit", full)
            for _ in range(20):
                (w * 2).sum().backward()
            p.flush()
    assert w.grad is not None and w.grad.tolist() == [40.0] * 3


def test_hostile_names_are_kept_as_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    net = nn.Sequential()
    net.add_module("<script>alert(1)<|script>", nn.Linear(2, 1))
    with gs.profile(tmp_path / "runs" / "x", name=evil) as p:
        p.scalar(evil, 1.0)
        net(gs.ones(1, 2)).sum().backward()
    reader = TraceReader(p.path)
    assert reader.header()["run"] == evil
    assert evil in reader.scalars()
    assert reader.graph(0).scope_path(0).endswith("<script>alert(1)<|script>")


def test_named_scopes_nest_and_cost_nothing_without_a_recorder(tmp_path: Path) -> None:
    @gs.scope("inner")
    def double(x: Any) -> Any:
        return x * 2

    double(gs.ones(2))
    w = gs.ones(2, requires_grad=True)
    with gs.profile(tmp_path / "a") as p:
        with gs.scope("outer"):
            z = double(w)
        z.sum().backward()
    graph = TraceReader(p.path).graph(0)
    assert [graph.scope_path(i) for i in range(2)] == ["outer.inner", ""]


def test_the_first_steps_of_a_run_have_statistics_whatever_they_cost(tmp_path: Path) -> None:
    """A training of half a second would have one or two value steps, and no rule about trends a thing to look at."""
    w = gs.ones(8, requires_grad=True)
    with gs.profile(tmp_path / "run", budget=1e-6) as p:
        for _ in range(120):
            (w * 2).tanh().sum().backward()
            w.grad = None
        recorder = p._recorder
        assert recorder is not None and recorder.early.left == []
    found = TraceReader(p.path).value_steps()
    assert {0, 2, 5, 11, 23, 47, 95} <= set(found) and len(found) < 20


def test_early_statistics_are_not_taken_where_they_are_slow(tmp_path: Path, monkeypatch) -> None:
    from graphscope.record import early

    monkeypatch.setattr(early, "MOST", -1)
    w = gs.ones(8, requires_grad=True)
    with gs.profile(tmp_path / "run", budget=1e-6) as p:
        for _ in range(120):
            (w * 2).tanh().sum().backward()
            w.grad = None
    assert not {5, 11, 23} <= set(TraceReader(p.path).value_steps())
