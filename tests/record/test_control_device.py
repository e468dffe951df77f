"""A training on a device is paused, stepped through and looked at like any other."""

from __future__ import annotations

import threading
import time

import numpy as np

import graphscope as gs
from graphscope.record.on_device import DeviceRecorder
from graphscope.trace import commands, opened
from graphscope.trace.reader import TraceReader
from tests.record.driving import Driver
from tests.record.virtual import on, virtual


def run(tmp_path, sim, name, drive=None, steps=300):
    through, problems, kinds = threading.Event(), [], set()
    r = np.random.default_rng(0)
    x, w = on(sim, r.standard_normal((8, 4))), on(sim, r.standard_normal((4, 3)), True)

    def other(path):
        try:
            drive(Driver(path))
        except BaseException as problem:
            problems.append(problem)
        through.set()

    weights = []
    with gs.profile(tmp_path / name, control="30s" if drive else False) as p:
        if drive:
            threading.Thread(target=other, args=(p.path,), daemon=True).start()
        for _ in range(steps):
            loss = (x @ w).relu().sum()
            loss.backward()
            with gs.no_grad():
                w -= 0.01 * w.grad
            w.grad = None
            p.step()
            weights.append(np.array(w._host()))
            kinds.add(type(gs.engine.dispatch.recorder()))
            if drive:
                time.sleep(0.005)
                if through.is_set():
                    break
    if problems:
        raise problems[0]
    return weights, p.path, kinds


def test_a_training_on_a_device_is_stepped_through(tmp_path, monkeypatch):
    def drive(d):
        d.send("pause")
        at = d.paused()
        seen = []
        for _ in range(5):
            at = d.go("step", by="op")
            seen.append((at["op"], at["grad"]))
        assert (
            seen[:3] == [("mm", False), ("relu", False), ("sum", False)] or seen[0][0] == "matmul"
        )
        assert seen[3][1] and seen[4][1]
        assert d.reader.step().status == "paused" and len(d.reader.values()) > 0
        id = commands.send(d.path, "open", {"node": "n1"})
        assert d.answer(id).startswith("done: 8×3")
        assert (opened.load(d.path, id)[0] >= 0).all()
        d.go("step", by="phase")
        d.send("resume")
        last = d.reader.revision()["last_step"]
        d.until(lambda c: d.reader.revision()["last_step"] > last + 4)

    with virtual(monkeypatch) as sim:
        mine, path, kinds = run(tmp_path, sim, "watched", drive)
        plain, _, ordinary = run(tmp_path, sim, "plain", steps=len(mine))
    for a, b in zip(mine, plain, strict=True):
        np.testing.assert_array_equal(a, b)
    assert ordinary == {DeviceRecorder} and DeviceRecorder in kinds and len(kinds) == 2
    reader = TraceReader(path)
    assert set(reader.steps().status) == {"ok"}
    assert reader.devices(reader.step().id)
