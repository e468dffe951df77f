"""The pretend GPU: virtual times to the nanosecond, its own address space, its pool."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from graphscope.engine.backend_sim import SimBackend
from graphscope.engine.sim_device import Costs
from graphscope.errors import DeviceError, OutOfMemory

# launch 10, view 1, kernel 100 + bytes/4 + flops/2, copy 1000 + bytes/2
COSTS = Costs(
    launch=10, view=1, latency=100, bandwidth=4, rate=2, copy_latency=1000, copy_bandwidth=2
)


@pytest.fixture
def sim() -> SimBackend:
    return SimBackend(COSTS)


def clear(sim: SimBackend) -> None:
    sim.synchronize()
    sim.device.host_ns = sim.device.stream.tail = 0
    sim.device.stream.log.clear()
    sim.device.sync_count = 0


def test_an_op_takes_latency_and_bytes_and_flops(sim):
    a, b = (sim.asarray(np.ones(8, np.float32)) for _ in "ab")
    clear(sim)
    begin = sim.record()
    c = a + b
    end = sim.record()
    # 3 arrays of 32 bytes at 4 bytes/ns, 8 flops at 2/ns, begun when the host had issued it
    assert sim.device.stream.log[0].begin == 10
    assert sim.device.stream.log[0].end == 10 + 100 + 24 + 4
    assert sim.device.host_ns == 10
    assert not sim.query(end)
    sim.synchronize()
    assert sim.query(end)
    assert sim.elapsed_ns(begin, end) == 138
    assert sim.device.host_ns == 138
    assert sim.to_host(c).tolist() == [2.0] * 8


def test_the_stream_is_first_in_first_out_and_the_host_runs_ahead(sim):
    a = sim.asarray(np.ones(8, np.float32))
    clear(sim)
    for _ in range(3):
        a = a * 2.0  # 2 arrays of 32 bytes: 100 + 16 + 4
    log = sim.device.stream.log
    assert [w.issued for w in log] == [10, 20, 30]
    assert [(w.begin, w.end) for w in log] == [(10, 130), (130, 250), (250, 370)]


def test_a_slow_host_leaves_the_device_idle(sim):
    a = sim.asarray(np.ones(8, np.float32))
    clear(sim)
    a = a * 2.0
    sim.device.spend(1000)
    a = a * 2.0
    first, second = sim.device.stream.log
    assert second.begin - first.end == 1010 + 10 - 130


def test_two_streams_overlap_until_one_waits(sim):
    a = sim.asarray(np.ones(8, np.float32))
    clear(sim)
    main, side = sim.device.default_stream, sim.device.new_stream()
    _ = a * 2.0
    done = sim.device.record(main)
    sim.device.stream = side
    _ = a * 3.0
    assert side.log[0].begin == 20 < main.tail
    sim.device.wait(done, side)
    _ = a * 4.0
    assert side.log[1].begin == max(main.tail, side.log[0].end)


def test_a_matrix_product_is_charged_by_its_inner_size(sim):
    a, b = sim.asarray(np.ones((4, 8), np.float32)), sim.asarray(np.ones((8, 2), np.float32))
    clear(sim)
    a.dot(b)
    work = sim.device.stream.log[0]
    moved = 4 * (32 + 16 + 8)
    assert work.end - work.begin == 100 + moved // 4 + 2 * 4 * 8 * 2 // 2


def test_views_enqueue_nothing_and_share_memory(sim):
    a = sim.asarray(np.arange(6.0).reshape(2, 3))
    clear(sim)
    v = a.reshape(6)[2:4]
    assert sim.device.stream.log == []
    assert sim.device.host_ns == 2
    assert v.mem is a.mem
    assert v.base is a
    v[0] = 7.0
    assert sim.to_host(a)[0, 2] == 7.0
    assert sim.alloc_info(v).pointer == sim.alloc_info(a).pointer + 16


def test_transfers_are_counted_and_reading_waits(sim):
    a = sim.asarray(np.ones(8, np.float32))
    assert (sim.device.h2d_bytes, sim.sync_count) == (32, 0)
    assert sim.device.host_ns == 10
    assert float(a.sum()) == 8.0
    assert (sim.device.d2h_bytes, sim.sync_count) == (4, 1)
    sim.device.no_sync = True
    with pytest.raises(DeviceError, match="no_sync"):
        bool((a > 0).all())


@pytest.mark.parametrize(
    "mix",
    [
        lambda xp, d, h: d + h,
        lambda xp, d, h: h + d,
        lambda xp, d, h: xp.concatenate([d, h]),
        lambda xp, d, h: xp.matmul(d, h),
        lambda xp, d, h: xp.where(d > 0, d, h),
        lambda xp, d, h: d.dot(h),
        lambda xp, d, h: h.__iadd__(d),
        lambda xp, d, h: d.__setitem__(0, h[0:1]),
        lambda xp, d, h: np.asarray(d),
    ],
)
def test_host_and_device_do_not_mix(sim, mix):
    h = np.ones(4)
    with pytest.raises(DeviceError, match="Upload|to_host"):
        mix(sim.xp, sim.asarray(h), h)


def test_python_and_numpy_scalars_are_welcome_and_weak(sim):
    a = sim.asarray(np.ones(3, np.float32))
    assert (a * 2.5).dtype == np.float32
    assert (np.float32(2) * a).dtype == np.float32


def test_reductions_stay_on_the_device(sim):
    a = sim.asarray(np.arange(4.0))
    for r in (a.sum(), sim.xp.max(a), sim.xp.add.reduce(a), a[2]):
        assert isinstance(r, sim.array_type)
        assert r.shape == ()


def test_indices_wrap_silently_as_on_cupy_unless_switched_off(sim):
    a = sim.asarray(np.arange(4.0))
    i = sim.asarray(np.array([1, 5]))
    assert sim.to_host(a[i]).tolist() == [1.0, 1.0]
    sim.scatter_add(a, i, sim.asarray(np.array([10.0, 20.0])))
    assert sim.to_host(a).tolist() == [0.0, 31.0, 2.0, 3.0]
    sim.device.index_wrap = False
    with pytest.raises(IndexError):
        a[i]
    with pytest.raises(IndexError):
        a[4]  # a plain number out of range is an error everywhere


def test_ufunc_methods_that_cupy_lacks_are_missing(sim):
    a = sim.asarray(np.arange(4.0))
    with pytest.raises(TypeError, match="not on the device"):
        np.add.outer(a, a)
    with pytest.raises(TypeError, match="not on the device"):
        np.maximum.reduce(a)


# ---------------------------------------------------------------- memory


def test_the_pool_rounds_reuses_and_joins(sim):
    events = []
    with sim.hook(events.append):
        a, b = sim.xp.empty(100, np.uint8), sim.xp.empty(513, np.uint8)
        assert sim.memory_stats()[:3] == (512 + 1024, 1536, 1536)
        pointer = sim.alloc_info(b).pointer
        del b
        c = sim.xp.empty(500, np.uint8)  # best fit: the first half of b's place
        d = sim.xp.empty(1, np.uint8)
        assert sim.alloc_info(c).pointer == pointer
        assert sim.alloc_info(d).pointer == pointer + 512
        del c, d
        e = sim.xp.empty(1024, np.uint8)  # both halves have joined again
        assert sim.alloc_info(e).pointer == pointer
    assert [(k.kind, k.requested, k.allocated) for k in events] == [
        ("grow", 100, 512), ("malloc", 100, 512), ("grow", 513, 1024), ("malloc", 513, 1024), ("free", 0, 1024),
        ("malloc", 500, 512), ("malloc", 1, 512), ("free", 0, 512), ("free", 0, 512), ("malloc", 1024, 1024),
    ]  # fmt: skip
    assert events[3].memory == events[4].memory
    assert events[-1].memory == sim.alloc_info(e).memory
    del a, e
    assert sim.memory_stats().used == 0
    sim.device.pool.free_all_blocks()
    assert sim.memory_stats().reserved == 0


def test_a_view_keeps_the_memory_alive(sim):
    a = sim.xp.zeros(1000, np.uint8)
    v = a[10:]
    del a
    assert sim.memory_stats().used == 1024
    del v
    assert sim.memory_stats().used == 0


def test_the_limit_refuses_says_so_and_frees_what_it_can():
    events = []
    sim = SimBackend(limit=4096)
    a = sim.xp.zeros(3000, np.uint8)
    with sim.hook(events.append), pytest.raises(OutOfMemory, match="3,072 of 4,096 are in use"):
        sim.xp.zeros(2000, np.uint8)
    assert events[-1].kind == "oom"
    del a
    b = sim.xp.zeros(4000, np.uint8)  # the pool gives its free segment back first
    assert sim.memory_stats().reserved == 4096
    del b


def test_garbage_is_collected_before_memory_is_refused():
    sim = SimBackend(limit=4096)
    gc.disable()
    try:
        cycle: list = [sim.xp.zeros(3000, np.uint8)]
        cycle.append(cycle)
        del cycle
        sim.xp.zeros(3000, np.uint8)
    finally:
        gc.enable()


def test_size_zero_costs_nothing(sim):
    a = sim.xp.zeros((0, 3))
    assert (sim.memory_stats().used, a.shape) == (0, (0, 3))
