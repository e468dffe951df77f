"""Memory over the steps of a run: what is there when each begins, what stays, and a device's pool."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphscope as gs
from graphscope.analysis.growth import growth
from graphscope.analysis.holders import step_memory
from graphscope.cli import main
from graphscope.trace.reader import TraceReader
from tests.record.virtual import on, virtual

MATRIX = 4 * 16 * 8  # bytes of 16 x 8 float32
LOOKED = [0, 1, 2, 16, 32]


def recorded(path, step, steps=40, **options):
    with gs.profile(path, **{"values": "off", **options}) as p:
        for k in range(steps):
            step(k)
            p.step()
    return TraceReader(p.path)


def live(reader):
    return reader.steps().live0.tolist()


def test_gradients_and_optimizer_state_outlive_a_step(tmp_path):
    w = gs.ones(16, 8, requires_grad=True)
    x = gs.ones(4, 16)
    optimizer = gs.optim.Adam([w], lr=0.1)

    def step(k):
        optimizer.zero_grad()
        loss = (x @ w).sum()
        loss.backward()
        optimizer.step()

    with recorded(tmp_path / "run", step) as reader:
        # x, w; from the first step on w's gradient and Adam's two averages. The loss dies with its step;
        # Adam's count of steps is in no op, so its four bytes are not known.
        there = 4 * 4 * 16 + MATRIX
        assert live(reader)[1:] == [there + 3 * MATRIX] * 39
        assert growth(reader) is not None and not growth(reader).grows


def test_accumulated_gradients_are_counted_once(tmp_path):
    w = gs.ones(16, 8, requires_grad=True)

    def step(k):
        (w * w).sum().backward()

    with recorded(tmp_path / "run", step) as reader:
        assert live(reader)[1:] == [2 * MATRIX] * 39


def test_a_view_keeps_its_whole_memory_and_counts_once(tmp_path):
    kept = {}
    w = gs.ones(16, 8)

    def step(k):
        y = w + w
        kept["part"] = y[0]
        kept["again"] = y[1]

    with recorded(tmp_path / "run", step) as reader:
        assert set(live(reader)[1:]) == {2 * MATRIX}


def test_a_leak_has_its_line(tmp_path, capsys):
    kept = []
    w = gs.ones(16, 8, requires_grad=True)

    def step(k):
        y = w.exp()
        loss = y.sum()
        loss.backward()
        w.grad = None
        kept.append(y.detach())  # the mistake

    with recorded(tmp_path / "run", step, steps=100) as reader:
        sizes = live(reader)
        looked = {k: size for k, size in enumerate(sizes) if k - 1 in (0, 1, 2, 16, 32, 48, 64)}
        # k steps have left one matrix each when step k begins: also in those that nobody looked at
        assert looked == {k: MATRIX * (1 + k) for k in looked}
        assert sizes[4:17] == [MATRIX * (1 + k) for k in range(4, 17)]
        trend = growth(reader)
        assert trend.grows and trend.per_step == pytest.approx(MATRIX, rel=0.01)
        (leak,) = trend.leaks
        assert (leak.op, leak.per_step) == ("exp", MATRIX)
        assert leak.line.startswith("test_memory.py:")
        source = Path(__file__).read_text(encoding="utf-8").splitlines()
        assert source[int(leak.line.partition(":")[2]) - 1].strip() == "y = w.exp()"
    assert main(["memory", str(tmp_path / "run.gscope")]) == 0
    out = capsys.readouterr().out
    assert "Memory grows: 512 B a step" in out and f"made by exp ({leak.line}) and stays" in out


def test_a_variable_of_the_step_before_is_no_leak(tmp_path):
    kept = {}
    w = gs.ones(16, 8)

    def step(k):
        kept["before"] = kept.get("now")
        kept["now"] = w.exp()

    with recorded(tmp_path / "run", step, steps=100) as reader:
        # Of a step that was not looked at nothing is known: after step 16 only w and what it made itself.
        assert live(reader)[3:17] == [3 * MATRIX] * 14 and set(live(reader)[17:]) == {2 * MATRIX}
        assert not growth(reader).grows


def test_memory_off_counts_nothing(tmp_path):
    w = gs.ones(16, 8)
    with recorded(tmp_path / "run", lambda k: w.exp(), memory=False) as reader:
        assert live(reader) == [MATRIX] * 40  # what the step reads
        assert reader.survivors() == [] and reader.header()["memory"] == "off"


def test_the_trace_says_that_deaths_are_sampled(tmp_path):
    w = gs.ones(16, 8)
    with recorded(tmp_path / "run", lambda k: w.exp()) as reader:
        assert "every 16th" in reader.header()["memory"]
        assert [k for k in range(40) if reader.step(k).looked] == LOOKED


# ---------------------------------------------------------------- a device's pool


def test_the_pool_of_a_device_in_every_step(tmp_path, monkeypatch):
    with virtual(monkeypatch) as sim:
        w = on(sim, np.ones((16, 8)))  # 512 bytes: one grain of the pool

        def step(k):
            a = w.exp()  # a second grain
            a.tanh()  # a third, which dies at once

        with recorded(tmp_path / "run", step, steps=5) as reader:
            for k in range(5):
                (pool,) = reader.devices(reader.step(k).id)
                assert (pool.device, pool.used, pool.peak, pool.workspace) == ("sim", 512, 1_536, 0)
                assert pool.reserved == sim.memory_stats().reserved
            memory = step_memory(reader)
            assert [p.device for p in memory.pools] == ["sim"]
            assert "pool of sim: 512 B in use when it began" in memory.table()


def test_workspace_is_what_an_op_takes_and_gives_back(tmp_path, monkeypatch):
    with virtual(monkeypatch) as sim:
        w = on(sim, np.ones((16, 8)))
        events = []

        def step(k):
            with sim.hook(events.append):
                gs.softmax(w, 1)

        with recorded(tmp_path / "run", step, steps=3) as reader:
            used = high = 0
            for event in events[: len(events) // 3]:
                used += {"malloc": 1, "free": -1}.get(event.kind, 0) * event.allocated
                high = max(high, used)
            (pool,) = reader.devices(reader.step(1).id)
            assert pool.peak == 512 + high
            assert pool.workspace == high - 512 > 0  # the result stays until the op is over


def test_live_bytes_and_the_pool_agree_on_a_device(tmp_path, monkeypatch):
    with virtual(monkeypatch) as sim:
        w = on(sim, np.ones((16, 8)), grad=True)

        def step(k):
            w.grad = None
            (w * w).sum().backward()

        with recorded(tmp_path / "run", step) as reader:
            assert live(reader)[1:] == [2 * MATRIX] * 39
            for k in range(1, 40):
                (pool,) = reader.devices(reader.step(k).id)
                assert pool.used == 2 * 512


def test_memory_that_another_recorder_hooks_is_let_go_at_the_end(tmp_path, monkeypatch):
    with virtual(monkeypatch) as sim:
        w = on(sim, np.ones((16, 8)))
        recorded(tmp_path / "run", lambda k: w.exp(), steps=2).close()
        assert sim.device.pool.sinks == []


def test_what_was_there_before_has_its_category(tmp_path):
    w = gs.ones(16, 8, requires_grad=True)
    x = gs.ones(4, 16)
    optimizer = gs.optim.Adam([w], lr=0.1)

    def step(k):
        loss = (x @ w).sum()
        optimizer.zero_grad()  # after the forward: the gradient of the step before is still there then
        loss.backward()
        optimizer.step()

    with recorded(tmp_path / "run", step) as reader:
        before = reader.alive_before(reader.step(30).id)
        assert {k: v for k, v in before.items() if v} == {
            "parameter": MATRIX, "gradient": MATRIX, "optimizer_state": 2 * MATRIX, "input": 256,
        }  # fmt: skip
        assert sum(before.values()) == live(reader)[30]
        by = dict(step_memory(reader, 30).by("category"))
        assert by["parameter"] == MATRIX and by["optimizer state"] == 2 * MATRIX
        assert "other" not in by


def test_steps_of_two_kinds_in_turn(tmp_path):
    kept = {}
    w, b = gs.ones(16, 8, requires_grad=True), gs.ones(16, 8)

    def step(k):
        if k % 2:
            kept["odd"] = b.tanh()
        else:
            kept["loss"] = w.exp().sum()
            w.grad = None
            kept["loss"].backward()

    with recorded(tmp_path / "run", step, steps=60) as reader:
        # w, its gradient, what the loss needs no more but tanh's result, b; and the loss
        assert set(live(reader)[4:]) == {4 * MATRIX + 4}
