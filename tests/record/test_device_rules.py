"""The doctor on a device: programs recorded on the pretend GPU, whose every nanosecond is given."""

from __future__ import annotations

import numpy as np

import graphscope as gs
from graphscope.analysis.doctor import Doctor
from graphscope.engine import backend_sim
from graphscope.engine.sim_device import Costs
from graphscope.trace.reader import TraceReader
from tests.record.virtual import on, virtual

FAST = dict(
    launch=1_000, view=1, bandwidth=1_000, rate=1_000, copy_latency=1_000, copy_bandwidth=1_000
)


def said(tmp_path, monkeypatch, costs, step, steps=24):
    """Ids of the findings about time and memory of a program that calls ``step(x, w)``."""
    with virtual(monkeypatch, Costs(**costs)) as sim:
        x, w = on(sim, np.ones((8, 8))), on(sim, np.ones((8, 8)))
        w.requires_grad_()
        with gs.profile(tmp_path / "run", values="off") as p:
            for _ in range(steps):
                w.grad = None
                step(x, w).backward()
                p.step()
    with TraceReader(p.path) as reader:
        found = Doctor(reader, settings={}).update()
        assert reader.header()["memory_total:sim"].isdigit()
    return {f.id: f for f in found if f.topic in ("performance", "memory")}


def plain(x, w):
    return (x @ w).relu().sum()


def reads(x, w):
    y = (x @ w).relu()
    y.cpu()
    return y.sum()


def test_a_device_that_is_kept_busy_is_no_finding(tmp_path, monkeypatch):
    found = said(tmp_path, monkeypatch, FAST | dict(latency=200_000), plain)
    assert not found, [str(f) for f in found.values()]


def test_ops_that_are_shorter_than_their_launch(tmp_path, monkeypatch):
    found = said(tmp_path, monkeypatch, FAST | dict(launch=300_000, latency=5_000), plain)
    assert {"launch-bound", "idle-device"} <= set(found)
    assert found["launch-bound"].site.line == plain.__code__.co_firstlineno + 1
    assert found["idle-device"].evidence["busy"] < 0.2


def test_copies_in_every_step(tmp_path, monkeypatch):
    slow = FAST | dict(latency=50_000, copy_latency=900_000)
    found = said(tmp_path, monkeypatch, slow, reads)
    one = found["transfer-bound"]
    assert one.evidence["copies"] == 1 and one.evidence["share"] > 0.5
    assert one.site.line == reads.__code__.co_firstlineno + 2
    assert "transfer-bound" not in said(tmp_path, monkeypatch, slow, plain)


def test_memory_that_is_nearly_full(tmp_path, monkeypatch):
    monkeypatch.setattr(backend_sim, "PRETENDED_MEMORY", 2_500)
    found = said(tmp_path, monkeypatch, FAST | dict(latency=200_000), plain)
    assert set(found) == {"memory-near-limit"}, [str(f) for f in found.values()]
    one = found["memory-near-limit"]
    assert one.evidence["total"] == 2_500 and one.evidence["peak"] > 0.9 * 2_500
