"""Learning rates that the recorder sees by itself: schedules, assignments, several groups, and how much is kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphscope as gs
import graphscope.nn.functional as F
from graphscope import nn, optim
from graphscope.analysis.rates import Rates, with_rates
from graphscope.export import charts, tensorboard
from graphscope.export.report import page
from graphscope.optim import lr_scheduler
from graphscope.trace.reader import TraceReader


class Training:
    """A net of one layer, and steps of it."""

    def __init__(self) -> None:
        self.net = nn.Linear(3, 2)
        self.x, self.y = gs.randn(5, 3), gs.randn(5, 2)

    def step(self, *optimizers: Any) -> float:
        loss = F.mse_loss(self.net(self.x), self.y)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        return loss.item()


@pytest.fixture
def training() -> Training:
    gs.manual_seed(0)
    return Training()


def rates(path: Any) -> Rates:
    with TraceReader(path) as reader:
        return Rates().read(reader)


def told(path: Any) -> dict[str, list[tuple[int, float]]]:
    """By tag, what was told, without the points that only hold a value."""
    return {g.tag: [(r.step, r.value) for r in g.rows] for g in rates(path).groups()}


def test_a_schedule_of_drops_is_told_at_the_first_step_with_the_new_rate(tmp_path, training):
    with gs.profile(tmp_path / "r", values="off") as p:
        optimizer = optim.SGD(training.net.parameters(), lr=0.1)
        schedule = lr_scheduler.MultiStepLR(optimizer, [5, 700], gamma=0.1)
        used = []
        for _ in range(1000):
            used.append(optimizer.param_groups[0]["lr"])
            training.step(optimizer)
            schedule.step()
    assert told(p.path) == {"lr": [(0, 0.1), (5, pytest.approx(0.01)), (700, pytest.approx(0.001))]}
    assert used[4] == 0.1 and used[5] == pytest.approx(0.01)
    with TraceReader(p.path) as reader:
        steps, values, wall = Rates().read(reader).series()["lr"]
        assert not reader.scalars(), "the program logged nothing"
    assert steps.tolist() == [0, 4, 5, 699, 700, 999]
    assert values.tolist() == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])
    assert (wall[1:] >= wall[:-1]).all() and wall[0] >= 0


def ten_steps(training):
    """The rate drops in the middle, and behind the last."""
    optimizer = optim.SGD(training.net.parameters(), lr=0.1)
    schedule = lr_scheduler.StepLR(optimizer, 5)
    for _ in range(10):
        training.step(optimizer)
        schedule.step()


def test_what_the_schedule_sets_behind_the_last_step_is_of_no_step(tmp_path, training):
    with gs.profile(tmp_path / "r", values="off") as p:
        ten_steps(training)
    assert told(p.path)["lr"][-1] == (10, pytest.approx(0.001))
    steps, values, _ = rates(p.path).series()["lr"]
    assert steps.tolist() == [0, 4, 5, 9] and values.tolist() == pytest.approx(
        [0.1, 0.1, 0.01, 0.01]
    )
    assert [jump.step for jump in rates(p.path).jumps()] == [5]


def test_an_assignment_is_seen_in_the_next_step_that_is_looked_at(tmp_path, training):
    with gs.profile(tmp_path / "r", values="off") as p:
        optimizer = optim.Adam(training.net.parameters(), lr=0.01)
        for k in range(100):
            if k == 20:
                for group in optimizer.param_groups:
                    group["lr"] = 0.002
            training.step(optimizer)
    (group,) = rates(p.path).groups()
    assert [(r.step, r.value, r.before, r.since) for r in group.rows] == [
        (0, 0.01, None, 0),
        (32, 0.002, 0.01, 17),  # the first steps are looked at, and then every 16th
    ]


def test_an_assignment_before_a_scheduler_steps_is_none_of_its_doing(tmp_path, training):
    with gs.profile(tmp_path / "r", values="off") as p:
        optimizer = optim.SGD(training.net.parameters(), lr=0.1)
        schedule = lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.5)
        for k in range(14):
            if k == 6:
                optimizer.param_groups[0]["lr"] = 0.02
            training.step(optimizer)
            if k == 9:
                schedule.step()
    (group,) = rates(p.path).groups()
    assert [(r.step, r.value, r.before, r.since) for r in group.rows] == [
        (0, 0.1, None, 0), (9, 0.02, 0.1, 3), (10, 0.01, 0.02, 10),
    ]  # fmt: skip


def test_a_plateau_after_an_evaluation(tmp_path, training):
    with gs.profile(tmp_path / "r", values="off") as p:
        optimizer = optim.SGD(training.net.parameters(), lr=0.5)
        schedule = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.1)
        for epoch in range(3):
            for _ in range(4):
                training.step(optimizer)
            with gs.no_grad():
                training.net(training.x)
            schedule.step(1.0 if epoch < 2 else 0.5)
    assert told(p.path) == {"lr": [(0, 0.5), (8, 0.05)]}


def test_two_optimizers_and_two_groups(tmp_path, training):
    a, b = training.net.weight, training.net.bias
    with gs.profile(tmp_path / "r", values="off") as p:
        first = optim.SGD([{"params": [a]}], lr=0.1)
        second = optim.SGD([b], lr=0.2)
        for _ in range(3):
            training.step(first, second)
        first.param_groups[0]["lr"] = 0.05
        lr_scheduler.ExponentialLR(second, 0.5).step()
        for _ in range(40):
            training.step(first, second)
    assert told(p.path) == {
        "lr/SGD/group 0": [(0, 0.1), (16, 0.05)],
        "lr/SGD 2/group 0": [(0, 0.2), (3, 0.1)],
    }
    with gs.profile(tmp_path / "s", values="off") as p:
        both = optim.Adam([{"params": [a]}, {"params": [b], "lr": 0.3}], lr=0.1)
        training.step(both)
    assert told(p.path) == {"lr/Adam/group 0": [(0, 0.1)], "lr/Adam/group 1": [(0, 0.3)]}


def test_a_program_that_goes_on_loads_its_rate(tmp_path, training):
    state = None
    for k, name in enumerate("ab"):
        with gs.profile(tmp_path / name, values="off") as p:
            optimizer = optim.SGD(training.net.parameters(), lr=0.1)
            schedule = lr_scheduler.StepLR(optimizer, 3)
            if state is not None:
                optimizer.load_state_dict(state[0])
                schedule.load_state_dict(state[1])
            for _ in range(4):
                training.step(optimizer)
                schedule.step()
        state = optimizer.state_dict(), schedule.state_dict()
        if k == 0:
            assert told(p.path) == {"lr": [(0, 0.1), (3, pytest.approx(0.01))]}
    assert told(p.path) == {"lr": [(0, pytest.approx(0.01)), (2, pytest.approx(0.001))]}


def test_a_state_that_is_loaded_in_between(tmp_path, training):
    with gs.profile(tmp_path / "r", values="off") as p:
        optimizer = optim.SGD(training.net.parameters(), lr=0.1)
        best = optimizer.state_dict()
        for k in range(40):
            training.step(optimizer)
            if k == 24:
                best["param_groups"][0]["lr"] = 0.02
                optimizer.load_state_dict(best)
    assert told(p.path) == {"lr": [(0, 0.1), (25, 0.02)]}


def test_the_panel_of_the_dashboard_has_marks_of_its_own(tmp_path, training):
    from graphscope.record.control_changes import Changes

    class Control:
        todo: list[Any] = []

        def __init__(self, recorder: Any) -> None:
            self.recorder = recorder

        def watch(self) -> None: ...

        def event(self, text: str, recorder: Any) -> None: ...

    with gs.profile(tmp_path / "r", values="off") as p:
        optimizer = optim.SGD(training.net.parameters(), lr=0.1)
        training.step(optimizer)
        changes = Changes(Control(p._recorder))
        at = [group for _, group in changes.groups()].index(optimizer.param_groups[0])
        changes.set_lr(1, {"group": at, "value": 0.7})
        Control.todo.pop()[1]()
        training.step(optimizer)
    (group,) = rates(p.path).groups()
    assert [(r.step, r.value, r.before) for r in group.rows] == [(0, 0.1, None), (1, 0.7, 0.7)]


def test_no_optimizer_and_one_that_has_no_part_in_the_run(tmp_path, training):
    other = nn.Linear(2, 2)
    away = optim.SGD(other.parameters(), lr=0.1)
    with gs.profile(tmp_path / "r", values="off") as p:
        training.step()
        training.step()
        away.param_groups[0]["lr"] = 0.2
        training.step()
    assert told(p.path) == {} and rates(p.path).series() == {}


def test_a_rate_that_is_a_tensor_is_left_alone(tmp_path, training, monkeypatch):
    rate = gs.tensor(0.1)
    optimizer = optim.SGD(training.net.parameters(), lr=rate)
    fetched = []
    with gs.profile(tmp_path / "r", values="off") as p:
        schedule = lr_scheduler.StepLR(optimizer, 2)
        look = p._recorder.facts.rates.look
        monkeypatch.setattr(type(rate), "__float__", lambda t: fetched.append(t) or 0.0)
        look(p._recorder.base)
        monkeypatch.undo()
        for _ in range(4):
            training.step(optimizer)
            schedule.step()
    assert told(p.path) == {} and not fetched


def test_a_schedule_of_every_step_is_thinned(tmp_path, training):
    steps, used = 20_000, []
    with gs.profile(tmp_path / "r", values="off") as p:
        optimizer = optim.SGD(training.net.parameters(), lr=0.001)
        schedule = lr_scheduler.OneCycleLR(optimizer, 0.01, steps + 1)
        for _ in range(steps):
            used.append(optimizer.param_groups[0]["lr"])
            training.step(optimizer)
            schedule.step()
    (group,) = rates(p.path).groups()
    assert 200 < len(group.rows) < 1000
    assert all(row.value == pytest.approx(used[row.step]) for row in group.rows)
    at, values, _ = rates(p.path).series()["lr"]
    drawn = np.interp(np.arange(steps), at, values)
    assert np.abs(drawn - used).max() < 0.005 * 0.01
    with closing(sqlite3.connect(p.path)) as db:
        ((size,),) = db.execute("SELECT sum(length(data)) FROM facts WHERE name = 'rate'")
    assert size < 80_000


def test_a_drop_after_a_long_warm_up_is_told_at_its_step(tmp_path, training):
    with gs.profile(tmp_path / "r", values="off") as p:
        optimizer = optim.SGD(training.net.parameters(), lr=0.01)
        schedule = lr_scheduler.LambdaLR(
            optimizer, lambda k: min(1.0, (k + 1) / 2000) if k < 2501 else 0.1
        )
        for _ in range(2600):
            training.step(optimizer)
            schedule.step()
    rows = {row.step: row for row in rates(p.path).groups()[0].rows}
    assert rows[2501].value == pytest.approx(0.001) and rows[2501].before == pytest.approx(0.01)
    after = min(step for step in rows if step >= 1999)
    assert rows[after].value == pytest.approx(0.01) and after < 2100, "where it came to rest"


def test_a_rate_that_jumps_in_every_step_is_bounded(tmp_path, training):
    with gs.profile(tmp_path / "r", values="off") as p:
        optimizer = optim.SGD(training.net.parameters(), lr=0.01)
        schedule = lr_scheduler.LambdaLR(optimizer, lambda k: 1.0 + k % 2)
        for _ in range(5000):
            training.step(optimizer)
            schedule.step()
    assert len(rates(p.path).groups()[0].rows) < 800


def test_parts_of_one_schedule_change_it_once(tmp_path, training):
    with gs.profile(tmp_path / "r", values="off") as p:
        optimizer = optim.SGD(training.net.parameters(), lr=0.1)
        schedule = lr_scheduler.SequentialLR(
            optimizer,
            [
                lr_scheduler.ConstantLR(optimizer, 0.5, 100),
                lr_scheduler.ExponentialLR(optimizer, 0.5),
            ],
            milestones=[4],
        )
        for _ in range(6):
            training.step(optimizer)
            schedule.step()
    assert told(p.path) == {"lr": [(0, 0.05), (4, 0.1), (5, 0.05), (6, 0.025)]}


def test_an_optimizer_that_another_one_replaced(tmp_path, training):
    with gs.profile(tmp_path / "r", values="off") as p:
        optimizer = optim.SGD(training.net.parameters(), lr=0.1)
        for _ in range(3):
            training.step(optimizer)
        optimizer = optim.SGD(training.net.parameters(), lr=0.01)
        for _ in range(20):
            training.step(optimizer)
    curves = rates(p.path).series()
    assert list(curves) == ["lr/SGD/group 0", "lr/SGD 2/group 0"]
    first, second = curves.values()
    assert first[1].tolist() == [0.1, 0.1] and first[0][-1] < 16
    assert second[1].tolist() == [0.01, 0.01] and second[0].tolist() == [16, 22]


def test_a_program_that_evaluates_only(tmp_path, training):
    """Building everything and loading a state is no training."""
    optimizer = optim.SGD(training.net.parameters(), lr=0.1)
    state = optimizer.state_dict()
    training.step(optimizer)
    with gs.profile(tmp_path / "r", values="off") as p:
        optimizer.load_state_dict(state)
        lr_scheduler.StepLR(optimizer, 3)
        with gs.no_grad():
            training.net(training.x)
    assert told(p.path) == {}


def test_one_step_that_fails_behind_its_update(tmp_path, training):
    with pytest.raises(KeyError), gs.profile(tmp_path / "r", values="off") as p:
        optimizer = optim.SGD(training.net.parameters(), lr=0.1)
        training.step(optimizer)
        raise KeyError("x")
    assert told(p.path) == {"lr": [(0, 0.1)]}


def test_what_is_exported_has_the_curve(tmp_path, training):
    with gs.profile(tmp_path / "r", values="off") as p:
        ten_steps(training)
        p.scalar("mine", 1.0)
    with TraceReader(p.path) as reader:
        assert list(with_rates(reader)) == ["lr", "mine"]
        assert 'alt="lr' in page(reader)[0] or ">lr<" in page(reader)[0]
        figure = charts.loss([reader], tag="lr")
        assert figure.plot is not None and "lr" in figure.svg
        folder = tmp_path / "tb"
        tensorboard.write(reader, folder)
    (events,) = folder.rglob("events*")
    assert events.read_bytes().count(b"\n\x02lr") == 4  # held, dropped, held to the end


def test_a_fault_in_here_stops_the_recording_and_not_the_program(tmp_path, training, monkeypatch):
    from graphscope.record import rates as recorded

    optimizer = optim.SGD(training.net.parameters(), lr=0.1)
    with gs.profile(tmp_path / "r", values="off") as p:
        schedule = lr_scheduler.StepLR(optimizer, 1)
        training.step(optimizer)
        monkeypatch.setattr(recorded.Rates, "_see", lambda *a: 1 / 0)
        with pytest.warns(RuntimeWarning, match="stopped recording"):
            schedule.step()
        training.step(optimizer)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01)
    assert Path(p.path).exists()
