"""The CuPy adapter's marks, against a stand-in for CuPy that answers as its documentation says."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from graphscope.engine.backend_cupy import CupyBackend
from graphscope.record.clocks import Clock, StepMarks

NOT_READY = 600


class Runtime:
    """CUDA events on a device that needs 100 us for whatever is asked of it."""

    def __init__(self):
        self.calls = []
        self.made = 0
        self.at = {}
        self.tail = 0.0  # ms
        self.now = 0.0

    def eventCreateWithFlags(self, flags):
        assert flags == 0  # with timing
        self.made += 1
        return 1_000 + self.made

    def eventRecord(self, event, stream):
        self.calls.append((event, stream))
        self.at[event] = max(self.tail, self.now)

    def eventQuery(self, event):
        return 0 if self.at[event] <= self.now else NOT_READY

    def eventSynchronize(self, event):
        self.now = max(self.now, self.at[event])

    def eventElapsedTime(self, begin, end):
        assert self.eventQuery(begin) == self.eventQuery(end) == 0
        return float(np.float32(self.at[end] - self.at[begin]))


class Pool:
    used = 0

    def used_bytes(self):
        return self.used

    def total_bytes(self):
        return 1 << 20

    def get_limit(self):
        return 0


class Hook:
    active: list = []

    def __enter__(self):
        self.active.append(self)
        return self

    def __exit__(self, *error):
        self.active.remove(self)


@pytest.fixture
def cupy():
    Hook.active = []
    runtime, pool = Runtime(), Pool()
    stream = SimpleNamespace(ptr=77)
    cuda = SimpleNamespace(
        runtime=runtime, MemoryHook=Hook, get_current_stream=lambda: stream, get_elapsed_time=None
    )
    return SimpleNamespace(
        cuda=cuda, ndarray=type("ndarray", (), {}), get_default_memory_pool=lambda: pool, pool=pool
    )


def test_marks_are_recorded_on_the_current_stream_and_used_again(cupy):
    backend = CupyBackend(cupy)
    runtime = cupy.cuda.runtime
    backend.host_ns = lambda: (
        5_000_000 + round(runtime.now * 1e6)
    )  # the host's clock began elsewhere
    clock = Clock(backend, memory=True)
    for _ in range(5):
        step = StepMarks({cupy.ndarray: clock})
        for node in range(10):
            t0 = backend.host_ns()
            runtime.now += 0.01
            runtime.tail = max(runtime.tail, runtime.now) + 0.1
            step.told.append((node, clock, *clock.mark(t0), backend.host_ns()))
        assert not step.passed
        waited = backend.sync_count
        step.wait()
        assert step.passed and backend.sync_count == waited + 1
        step.end()
        step.on_device = True
        column, (row,) = step.read(10, backend.host_ns())
        # As long as the device is busy each op took what the device needs, in float32 milliseconds.
        np.testing.assert_allclose(column[1:10], 100_000, atol=100)
        assert column[11:].tolist() == [0] * 9
        # The first found an idle device: all from its begin on the host, since a launch cannot be seen.
        assert abs(int(column[0]) - 110_000) < 300 and column[10] < 300
        assert row.device == "cuda:0" and abs(row.busy_ns - 1_010_000) < 1_000
    assert {stream for _, stream in runtime.calls} == {77}
    assert runtime.made == 11  # ten and the one that the next step begins from
    clock.close()
    assert len(Hook.active) == 1  # the backend's own, for the peak


def test_a_step_in_which_the_program_stood_is_told_as_if_it_had_not(cupy):
    backend = CupyBackend(cupy)
    runtime = cupy.cuda.runtime
    backend.host_ns = lambda: 5_000_000 + round(runtime.now * 1e6)
    clock = Clock(backend, memory=False)
    begin = backend.host_ns()
    step = StepMarks({cupy.ndarray: clock})
    for node in range(4):
        if node == 2:  # 3 s, in the middle
            runtime.now += 3_000.0
            begin += 3_000_000_000
            step.waited(3_000_000_000)
        t0 = backend.host_ns()
        runtime.now += 0.01
        runtime.tail = max(runtime.tail, runtime.now) + 0.1
        step.told.append((node, clock, *clock.mark(t0), backend.host_ns()))
        runtime.now += 0.2
    step.wait()
    step.end()
    step.on_device = True
    column, (row,) = step.read(4, begin)
    dur, idle = column[:4].astype(int), column[4:8].astype(int)
    np.testing.assert_allclose(dur, 110_000, atol=2_000)
    assert idle.sum() < 1_000_000  # the pause is none of the device's waiting
    high, low = column[12:16].astype(object), column[8:12].astype(object)
    began = [int(a) * (1 << 32) + int(b) - (1 << 62) for a, b in zip(low, high, strict=True)]
    np.testing.assert_allclose(began, [0, 210_000, 420_000, 630_000], atol=150_000)
    assert row.idle_ns < 1_000_000 and abs(row.busy_ns - 440_000) < 8_000
    clock.close()


def test_the_hook_counts_what_is_used_and_the_workspace(cupy):
    backend = CupyBackend(cupy)
    clock = Clock(backend, memory=True)
    (hook,) = [h for h in Hook.active if h is not backend._hook]
    step = StepMarks({cupy.ndarray: clock})

    def malloc(size):
        hook.malloc_postprocess(
            device_id=0, size=size, mem_size=size, mem_ptr=4096, pmem_id=size
        )  # by keyword, as CuPy does

    malloc(512)
    malloc(2048)  # taken by the op for itself
    hook.free_postprocess(device_id=0, mem_size=2048, mem_ptr=4096, pmem_id=2048)
    step.told.append((0, clock, *clock.mark(0), 0))
    malloc(1024)
    step.told.append((1, clock, *clock.mark(0), 0))
    cupy.pool.used = 1536
    step.end()
    (pool,) = step.pools.values()
    assert pool == (0, 1 << 20, 512 + 2048, 2048)
    assert clock.used == 1536  # what CuPy says, for the next step
    clock.close()
