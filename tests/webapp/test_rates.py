"""Marks and a curve of the learning rate, of programs that log nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphscope as gs
import graphscope.nn.functional as F
from graphscope import nn, optim
from graphscope.analysis.rates import Rates, changed_at
from graphscope.optim import lr_scheduler
from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter
from graphscope.webapp.queries.events import events_of
from graphscope.webapp.queries.kept import Kept
from graphscope.webapp.queries.scalars import series
from graphscope.webapp.queries.strip import strip_json
from tests import golden


def train(path: Path, steps: int, schedule: Any = None, before: Any = None, log: Any = None) -> Any:
    """A run of an optimizer with a schedule; ``before(step, optimizer)`` is the program's own doing."""
    gs.manual_seed(0)
    net, x, y = nn.Linear(3, 2), gs.randn(5, 3), gs.randn(5, 2)
    with gs.profile(path, values="off") as p:
        optimizer = optim.SGD(net.parameters(), lr=0.1)
        scheduler = schedule(optimizer) if schedule else None
        for k in range(steps):
            if before:
                before(k, optimizer)
            loss = F.mse_loss(net(x), y)
            if log:
                p.scalar(log, optimizer.param_groups[0]["lr"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if scheduler:
                scheduler.step()
    return p.path


def marks(path: Any) -> list[tuple[int, str]]:
    """Of the curves; those of the strip are the same."""
    with TraceReader(path) as reader:
        found = [e for e in events_of(reader, series(reader)) if e[1] == "lr"]
        strip = [
            (e["step"], e["kind"], e["text"])
            for e in strip_json(reader)["events"]
            if e["kind"] == "lr"
        ]
    assert strip == found
    return [(step, text) for step, _, text in found]


def test_drops_are_marked_and_the_rate_is_a_curve(tmp_path):
    path = train(tmp_path / "r", 50, lambda o: lr_scheduler.MultiStepLR(o, [20, 40], 0.1))
    assert marks(path) == [(20, "lr 0.1 to 0.01"), (40, "lr 0.01 to 0.001")]
    with TraceReader(path) as reader:
        found = series(reader)
        assert list(found) == ["loss", "lr"]
        at, values, _ = found["lr"]
        assert np.interp([0, 19, 20, 39, 40, 49], at, values) == pytest.approx(
            [0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
        )


def test_an_assignment_says_between_which_steps_it_was(tmp_path):
    def before(k: int, optimizer: Any) -> None:
        if k == 20:
            optimizer.param_groups[0]["lr"] = 0.02

    path = train(tmp_path / "r", 50, before=before)
    assert marks(path) == [(32, "lr 0.1 to 0.02 (between steps 17 and 32)")]


def test_a_warm_up_is_no_event_and_the_drop_behind_it_is_one(tmp_path):
    def factor(k: int) -> float:
        return min(1.0, (k + 1) / 60) if k < 100 else 0.1

    path = train(tmp_path / "r", 130, lambda o: lr_scheduler.LambdaLR(o, factor))
    assert marks(path) == [(100, "lr 0.1 to 0.01")]


def test_a_schedule_written_by_hand_is_no_event(tmp_path):
    def before(k: int, optimizer: Any) -> None:
        optimizer.param_groups[0]["lr"] = 0.1 * (1 - k / 200)

    path = train(tmp_path / "r", 150, before=before)
    assert marks(path) == []
    with TraceReader(path) as reader:
        at, values, _ = series(reader)["lr"]
    assert len(at) >= 8
    np.testing.assert_allclose(
        np.interp(np.arange(128), at, values), 0.1 * (1 - np.arange(128) / 200), atol=1e-3
    )


def test_what_the_program_logs_itself_is_told_once(tmp_path):
    def drop(optimizer):
        return lr_scheduler.MultiStepLR(optimizer, [20], 0.1)

    path = train(tmp_path / "a", 30, drop, log="lr")
    assert marks_of_curves(path) == [(20, "lr 0.1 to 0.01")]
    with TraceReader(path) as reader:
        assert len(series(reader)["lr"][0]) == 30, "the program's own points"
    path = train(tmp_path / "b", 30, drop, log="train/lr")
    assert marks_of_curves(path) == [(20, "train/lr 0.1 to 0.01")]
    with TraceReader(path) as reader:
        assert list(series(reader)) == ["loss", "lr", "train/lr"]


def marks_of_curves(path: Any) -> list[tuple[int, str]]:
    with TraceReader(path) as reader:
        found = events_of(reader, series(reader), (), Kept().rates(reader))
    return [(step, text) for step, kind, text in found if kind == "lr"]


def test_of_a_running_program_only_new_rates_are_read(tmp_path, monkeypatch):
    w = TraceWriter(tmp_path / "a.gscope", golden.META)
    with TraceReader(tmp_path / "a.gscope") as reader:
        kept, asked, read = Kept(), [], reader.facts
        monkeypatch.setattr(reader, "facts", lambda since=0: asked.append(since) or read(since))
        for k in range(3):
            w.add_scalar("x", k, 0.0, 0)
            w.add_fact(
                -1,
                "rate",
                json.dumps(["SGD", 0, 0, k, 0.5**k, None if not k else 2 * 0.5**k, k, k]),
            )
            w.commit()
            kept.series(reader)
            assert kept.series(reader)["lr"][1].tolist() == [0.5**n for n in range(k + 1)]
        assert asked == [0, 1, 2]
        monkeypatch.undo()
        assert kept.rates(reader).series().keys() == {"lr"}
    w.close()


@pytest.mark.parametrize(
    "data",
    [
        "7", "[]", "null", '["SGD", 0, 0, 1e400, 1, 1, 1, 1]', '["SGD", 0, 0, -5, 1, null, -5, 1]', '{"a": 1}',
        '["SGD", "x", 0, 1, 1, null, 1, 1]', '["SGD", 0, 0, 99999999999999999999999, 1, 1, 1, 1]',
        '["SGD", 0, 0, 3, "<b>", null, 3, 1]', '["SGD", 0, 0, 3, 1, 2, 99, -1]', '["SGD", [], 0, 3, 1, 2, 9, 1]',
    ],
)  # fmt: skip
def test_rows_that_are_none_of_ours(tmp_path, data):
    w = TraceWriter(tmp_path / "a.gscope", golden.META)
    w.add_fact(-1, "rate", data)
    w.add_fact(-1, "rate", '["SGD", 0, 0, 2, 0.1, null, 0, 5]')
    w.add_fact(-1, "rate", data)
    w.close()
    with TraceReader(tmp_path / "a.gscope") as reader:
        assert series(reader)["lr"][1].tolist() == [0.1]
        assert Rates().read(reader).jumps() == []


def test_a_short_warm_up_is_no_event(tmp_path):
    path = train(tmp_path / "r", 40, lambda o: lr_scheduler.LinearLR(o, 0.1, total_iters=8))
    assert marks(path) == []


def test_changes_that_stick_out():
    steps = np.arange(300)
    restarts = 0.05 * (1 + np.cos(np.pi * (steps % 100) / 100))
    assert changed_at(steps, restarts).tolist() == [100, 200]
    assert changed_at(steps, np.linspace(1, 0, 300)).tolist() == []
    assert changed_at(steps, 0.9**steps).tolist() == []
    assert changed_at(steps, np.where(steps < 20, 1.0, 0.5 ** (steps - 19))).tolist() == []
    per_epoch = 0.5 ** (steps // 10)
    assert changed_at(steps, per_epoch).tolist() == [], "thirty of them are a schedule"
    assert changed_at(steps[:50], per_epoch[:50]).tolist() == [10, 20, 30, 40]
