"""Device times of recorded ops on a real GPU, against an outer pair of events, and what taking them costs."""

from __future__ import annotations

import json
import os
import statistics
import time

import pytest

import graphscope as gs
from graphscope.analysis import breakdown
from graphscope.engine.backend import available, backend_of
from graphscope.trace.reader import TraceReader

pytestmark = pytest.mark.gpu
if not available("cuda"):
    pytest.skip(
        "needs CuPy and an NVIDIA GPU; the same is tested in virtual time in tests/record/test_device.py",
        allow_module_level=True,
    )


@pytest.fixture
def gpu():
    return backend_of("cuda")


def test_the_times_of_ops_add_up_to_an_outer_pair_of_events(tmp_path, gpu):
    a = gs.randn(2048, 2048, device="cuda")
    a @ a
    gpu.synchronize()
    begin, end = (gs.cuda.Event(enable_timing=True) for _ in range(2))
    with gs.profile(tmp_path / "run", values="off") as p:
        for _ in range(3):
            waits = gpu.sync_count
            begin.record()
            for _ in range(100):
                a @ a
            end.record()
            assert gpu.sync_count == waits  # nobody waited for the device
            p.step()
            end.synchronize()
    outer = begin.elapsed_time(end) * 1e6
    with TraceReader(p.path) as reader:
        step = reader.step(2)
        inside = int(step.dev_ns.sum()) + int(step.idle_ns[1:].sum())
        print(f"outer pair {outer / 1e3:.0f} us, {len(step.dev_ns)} ops {inside / 1e3:.0f} us")
        assert inside == pytest.approx(outer, rel=0.01)
        assert (step.dev_begin_ns[1:] >= step.dev_begin_ns[:-1]).all()
        assert (step.dev_begin_ns >= 0).all()  # no op runs before it was issued


def test_small_ops_are_launch_bound_and_large_ones_are_not(tmp_path, gpu):
    small, large = gs.ones(256, device="cuda"), gs.ones(4096, 4096, device="cuda")
    gs.tanh(small), large @ large
    gpu.synchronize()
    with gs.profile(tmp_path / "run", values="off") as p:
        for _ in range(4):
            for _ in range(20):
                gs.tanh(small)
                time.sleep(0.001)  # the device is through long before the next
            p.step()
        for _ in range(20):
            large @ large
        p.step()
    with TraceReader(p.path) as reader:
        bound = breakdown.launch_bound(reader.step(3))
        assert bound[1:].all()
        assert not breakdown.launch_bound(reader.step(4))[1:].any()


def test_copies_have_bytes_and_time(tmp_path, gpu):
    host = gs.ones(1 << 20)
    host.cuda()
    with gs.profile(tmp_path / "run", values="off") as p:
        for _ in range(3):
            x = host.cuda()
            x.sum().item()
            p.step()
    with TraceReader(p.path) as reader:
        step = reader.step(2)
        up, down = breakdown.copies(reader, step)
        assert (up.direction, up.nbytes) == ("to device", 4 << 20)
        assert (down.direction, down.nbytes) == ("to host", 4)
        parts = breakdown.breakdown(reader.graph(step.graph), step)
        assert sum(parts[:-1]) == parts.wall and parts.copies > 0


def test_the_pool_is_in_the_trace(tmp_path, gpu):
    x = gs.ones(1 << 20, device="cuda")
    with gs.profile(tmp_path / "run", values="off") as p:
        for _ in range(3):
            y = x + x
            del y
            p.step()
    with TraceReader(p.path) as reader:
        (pool,) = reader.devices(reader.step(2).id)
        assert pool.peak - pool.used == 4 << 20
        assert pool.reserved >= pool.peak


def test_what_it_costs(tmp_path, gpu):
    """A step of 1,000 small ops: recording off, without device times, with them, and isolated."""
    x = gs.ones(256, device="cuda")

    def run(mode):
        walls = []
        p = None if mode is None else gs.profile(tmp_path / mode, values="off", device_time=mode)
        if p is not None:
            p.start()
        for _ in range(25):
            gpu.synchronize()
            t = time.perf_counter()
            y = x
            for _ in range(1_000):
                y = y.tanh()
            if p is not None:
                p.step()
            walls.append(time.perf_counter() - t)
        if p is not None:
            p.stop()
        return statistics.median(walls[5:]) * 1e6

    found = {str(mode): round(run(mode)) for mode in (None, "off", "interval", "isolated")}
    found["device times add"] = round(found["interval"] / found["off"] - 1, 3)
    print(json.dumps({"us per 1,000 small ops": found}))
    if os.environ.get("OUT"):
        with open(os.path.join(os.environ["OUT"], "device_time.json"), "w") as f:
            json.dump(found, f)
    assert found["interval"] <= 1.15 * found["off"]
