"""Device times on the pretend GPU, to the nanosecond, against sums on paper."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import graphscope as gs
from graphscope.analysis import breakdown
from graphscope.engine.sim_device import Costs
from graphscope.record.clocks import Clock, StepMarks
from graphscope.trace.reader import TraceReader
from tests.record.virtual import COSTS, on, virtual

# An op on 8 float32 numbers: two arrays of 32 bytes moved, 8 operations.
ONE = 100 + 64 // 4 + 8 // 2


def recorded(tmp_path, monkeypatch, program, costs=COSTS, steps=1, **options):
    """(reader, sim) of a program that was recorded in virtual time; it gets the device and a profile."""
    with virtual(monkeypatch, costs) as sim:
        given = program(sim)
        next(given)  # what it makes once
        sim.synchronize()
        with gs.profile(tmp_path / "run", **{"values": "off", **options}) as p:
            for _ in range(steps):
                next(given)
                p.step()
    return TraceReader(p.path), sim


def names(reader, step):
    graph = reader.graph(step.graph)
    return [graph.op_name(i) for i in range(graph.n)]


def test_an_op_of_five_microseconds_shows_five_microseconds(tmp_path, monkeypatch):
    costs = Costs(
        launch=1_000, latency=5_000, bandwidth=10**9, rate=10**9
    )  # and a byte's and a flop's ns
    exact = 5_000 + 1 + 1

    def program(sim):
        a = on(sim, np.ones(8))
        while True:
            b = a.exp()
            b.exp()
            yield

    reader, _ = recorded(tmp_path, monkeypatch, program, costs, steps=5)
    for k in range(5):
        step = reader.step(k)
        assert names(reader, step) == ["exp", "exp"]
        assert step.dev_ns.tolist() == [exact, exact]
        assert step.dur_ns.tolist() == [1_000, 1_000]  # the host only launches


def test_the_host_runs_ahead_and_a_queue_has_no_gaps(tmp_path, monkeypatch):
    def program(sim):
        a = on(sim, np.ones(8))
        while True:
            for _ in range(5):
                a = a.exp()
            yield

    reader, _ = recorded(tmp_path, monkeypatch, program)
    step = reader.step(0)
    assert step.dev_ns.tolist() == [ONE] * 5
    assert step.begin_ns.tolist() == [0, 10, 20, 30, 40]
    # Only the first finds an idle device, until it has been launched.
    assert step.idle_ns.tolist() == [10, 0, 0, 0, 0]
    assert step.dev_begin_ns.tolist() == [10 + k * ONE for k in range(5)]
    assert step.wall_ns == 50  # the step was over for the host long before the device had done it
    (device,) = reader.devices(step.id)
    assert (device.device, device.busy_ns, device.idle_ns) == ("sim", 5 * ONE, 10)
    assert breakdown.device_parts(step) == (5 * ONE, 10, 0)


def test_a_slow_host_leaves_the_device_idle(tmp_path, monkeypatch):
    def program(sim):
        a = on(sim, np.ones(8))
        while True:
            a = a.exp()
            sim.device.spend(1_000)
            a = a.exp()
            yield

    reader, _ = recorded(tmp_path, monkeypatch, program, steps=6)
    for k in range(1, 6):
        step = reader.step(k)
        assert step.dev_ns.tolist() == [ONE, ONE]
        # The step before left an op that takes until ONE, so the first is done at 2 * ONE; the second is
        # launched at 10 + 1000 + 10.
        assert step.idle_ns.tolist() == [0, 1_020 - 2 * ONE]
        assert breakdown.launch_bound(step).tolist() == [False, True]


def test_work_of_the_step_before_delays_the_first_op(tmp_path, monkeypatch):
    def program(sim):
        a = on(sim, np.ones(8))
        while True:
            for _ in range(3):
                a.exp()
            yield

    reader, _ = recorded(tmp_path, monkeypatch, program, steps=4)
    for k in range(4):
        step = reader.step(k)
        begun = 10 + 3 * k * ONE  # on the run's clock
        assert (step.t0_ns + step.dev_begin_ns).tolist() == [begun, begun + ONE, begun + 2 * ONE]
        assert step.idle_ns.tolist() == [0 if k else 10, 0, 0]


def test_views_take_no_time_and_an_op_of_several_kernels_takes_all_of_theirs(tmp_path, monkeypatch):
    def program(sim):
        a = on(sim, np.ones((2, 4)))
        while True:
            a.reshape(8).exp()
            gs.softmax(a, 1)
            yield

    reader, sim = recorded(tmp_path, monkeypatch, program)
    step = reader.step(0)
    assert names(reader, step) == ["reshape", "exp", "softmax"]
    assert step.dev_ns[:2].tolist() == [0, ONE]
    kernels = sim.device.default_stream.log[-5:]
    assert [w.name for w in kernels] == ["max", "subtract", "exp", "add", "divide"]
    assert step.dev_ns[2] == kernels[-1].end - kernels[0].begin


def test_backward_is_timed_op_by_op_also_when_the_step_repeats(tmp_path, monkeypatch):
    def program(sim):
        a = on(sim, np.ones(8), grad=True)
        while True:
            a.exp().sum().backward()
            a.grad = None
            yield

    reader, _ = recorded(tmp_path, monkeypatch, program, steps=12)
    seen = {}
    for k in range(12):
        step = reader.step(k)
        graph = reader.graph(step.graph)
        assert [(graph.op_name(i), int(graph.phase[i])) for i in range(graph.n)] == [
            ("exp", 1), ("sum", 1), ("sum", 2), ("exp", 2),
        ]  # fmt: skip
        seen.setdefault(tuple(step.dev_ns.tolist()), []).append(k)
        # the gradient of exp: g times out, g in two forms, 3 arrays of 32 bytes
        assert step.dev_ns[0] == ONE and step.dev_ns[3] == 100 + 96 // 4 + 4
    assert len(seen) == 1


def test_streams_overlap(tmp_path, monkeypatch):
    def program(sim):
        a = on(sim, np.ones(8))
        side = sim.new_stream()
        while True:
            a.exp()
            sim.set_stream(side)
            a.exp()
            sim.set_stream(sim.default_stream())
            a.exp()
            yield

    reader, _ = recorded(tmp_path, monkeypatch, program)
    step = reader.step(0)
    assert step.dev_ns.tolist() == [ONE] * 3
    assert step.dev_begin_ns.tolist() == [10, 20, 10 + ONE]


def test_off_records_no_device_times(tmp_path, monkeypatch):
    def program(sim):
        a = on(sim, np.ones(8))
        while True:
            a.exp()
            yield

    reader, sim = recorded(tmp_path, monkeypatch, program, device_time="off")
    step = reader.step(0)
    assert step.dev_ns is None and step.idle_ns is None
    assert breakdown.device_parts(step) is None and not breakdown.launch_bound(step).any()


def test_isolated_waits_for_each_op_and_interval_for_none(tmp_path, monkeypatch):
    def program(sim):
        a = on(sim, np.ones(8))
        while True:
            before = sim.sync_count
            a.exp().exp().exp()
            waits.append(sim.sync_count - before)
            yield

    for mode, expected in (("interval", 0), ("isolated", 3)):
        waits: list[int] = []
        reader, _ = recorded(tmp_path, monkeypatch, program, steps=3, device_time=mode)
        assert waits[1:] == [expected] * 3
        assert reader.header()["device_time"] == mode
        step = reader.step(2)
        assert step.dev_ns.tolist() == [ONE] * 3
    assert step.idle_ns.tolist() == [10, 10, 10]


def test_marks_are_used_again(tmp_path, monkeypatch):
    def program(sim):
        a = on(sim, np.ones(8))
        while True:
            for _ in range(10):
                a.exp()
            a.sum().item()
            yield

    with virtual(monkeypatch) as sim:
        given = program(sim)
        with gs.profile(tmp_path / "run", values="off") as p:
            for k in range(200):
                next(given)
                p.step()
                if k % 10 == 9:
                    p.flush()
    assert len(sim.device.events) < 300


def test_reading_marks_never_waits_until_the_end(tmp_path, monkeypatch):
    with virtual(monkeypatch) as sim:
        a = on(sim, np.ones(8))
        sim.synchronize()
        sim.device.no_sync = True
        with gs.profile(tmp_path / "run", values="off") as p:
            for _ in range(50):
                a.exp()
                p.step()
            waited = sim.sync_count
            sim.device.no_sync = False
        assert waited == 1  # the one above
    with TraceReader(p.path) as reader:
        assert len(reader.steps()) == 50


# ---------------------------------------------------------------- copies and the parts of a step


def test_reads_are_copies_with_bytes_and_direction(tmp_path, monkeypatch):
    def program(sim):
        w = on(sim, np.ones((4, 4)), grad=True)
        while True:
            x = gs.ones(2, 4).to("sim")
            loss = (x @ w).sum()
            loss.backward()
            w.grad = None
            loss.item()
            w.tolist()
            str(x)
            w.detach().cpu()
            yield

    reader, _ = recorded(tmp_path, monkeypatch, program, steps=8)
    for k in range(8):
        step = reader.step(k)
        graph = reader.graph(step.graph)
        found = breakdown.copies(reader, step)
        assert [(graph.op_name(c.node), c.direction, c.nbytes) for c in found] == [
            ("to_device", "to device", 32), ("to_host", "to host", 4), ("to_host", "to host", 64),
            ("to_host", "to host", 32), ("to_device", "to host", 64),
        ]  # fmt: skip
        # a copy takes 1000 + bytes/2 on the device; one to the host is waited for
        assert [c.dev_ns for c in found] == [1016, 1002, 1032, 1016, 1032]
        assert step.loss == 32.0  # read by the program, so known without another copy
        parts = breakdown.breakdown(graph, step)
        assert sum(parts[:-1]) == parts.wall == step.wall_ns
        assert parts.copies == sum(c.dur_ns for c in found) > 1002 + 1032 + 1016 + 1032
    nums, table = breakdown.breakdown_table(reader)
    np.testing.assert_array_equal(table.sum(axis=1), reader.steps().wall_ns)
    assert (table[:, breakdown.PARTS.index("copies")] > 4_000).all()


def test_a_read_between_steps_makes_no_step(tmp_path, monkeypatch):
    with virtual(monkeypatch) as sim:
        w = on(sim, np.ones(4), grad=True)
        with gs.profile(tmp_path / "run", values="off") as p:
            for _ in range(5):
                loss = w.exp().sum()
                loss.backward()
                w.grad = None
                p.step()
                loss.item()
    with TraceReader(p.path) as reader:
        assert len(reader.steps()) == 5


def test_the_gradient_of_a_copy_is_a_copy(tmp_path, monkeypatch):
    def program(sim):
        w = gs.ones(4, requires_grad=True)
        while True:
            w.to("sim").exp().sum().backward()
            w.grad = None
            yield

    reader, _ = recorded(tmp_path, monkeypatch, program, steps=3)
    step = reader.step(2)
    found = breakdown.copies(reader, step)
    assert [(c.direction, c.nbytes) for c in found] == [("to device", 16), ("to host", 16)]


def test_python_is_what_is_left(tmp_path, monkeypatch):
    def program(sim):
        a = on(sim, np.ones(8))
        while True:
            a.exp()
            sim.device.spend(700)
            a.exp()
            sim.device.spend(300)
            yield

    reader, _ = recorded(tmp_path, monkeypatch, program, steps=2)
    step = reader.step(1)
    parts = breakdown.breakdown(reader.graph(step.graph), step)
    assert parts.forward == 20 and parts.wall == 1_020
    assert parts.python + parts.recorder == 1_000


# ---------------------------------------------------------------- what a graph is, threads, windows


def test_the_same_net_on_two_devices_is_two_graphs(tmp_path, monkeypatch):
    with virtual(monkeypatch) as sim, gs.profile(tmp_path / "run", values="off") as p:
        for k in range(8):
            a = gs.ones(8) if k < 4 else on(sim, np.ones(8))
            a.exp().tanh()
            p.step()
    with TraceReader(p.path) as reader:
        graphs = reader.steps().graph.tolist()
        assert len(set(graphs[:4])) == len(set(graphs[4:])) == 1 and graphs[0] != graphs[4]
        devices = {reader.spec(int(id)).device for id in reader.step(0).specs}
        assert devices == {"cpu"} and reader.step(0).dev_ns is None
        assert {reader.spec(int(id)).device for id in reader.step(5).specs} == {"sim"}


def test_a_device_that_starts_in_the_middle_of_a_run(tmp_path, monkeypatch):
    from graphscope.engine import backend

    before = dict(backend.BACKENDS)
    for kind, found in before.items():
        if found.name != "cpu":
            del backend.BACKENDS[kind]
    try:
        with gs.profile(tmp_path / "run", values="off") as p:
            assert type(p._recorder).__name__ == "Recorder"
            for _ in range(3):
                gs.ones(4).exp()
                p.step()
            x = gs.ones(4).exp().to("sim")
            assert type(p._recorder).__name__ == "DeviceRecorder"
            x.exp()
            p.step()
    finally:
        backend.BACKENDS.clear()
        backend.BACKENDS.update(before)
    with TraceReader(p.path) as reader:
        step = reader.step(3)
        assert names(reader, step) == ["exp", "to_device", "exp"]
        assert step.dev_ns[0] == 0 and (step.dev_ns[1:] > 0).all()


def test_ops_of_other_threads_are_counted_and_not_mixed_in(tmp_path, monkeypatch):
    with virtual(monkeypatch) as sim:
        a = on(sim, np.ones(8))
        with gs.profile(tmp_path / "run", values="off") as p:
            a.exp()
            other = threading.Thread(target=lambda: a.tanh().tolist())
            other.start()
            other.join()
            a.exp()
    with TraceReader(p.path) as reader:
        assert names(reader, reader.step(0)) == ["exp", "exp"]
        assert reader.header()["foreign_ops"] == "2"


def test_what_runs_between_windows_belongs_to_no_op(tmp_path, monkeypatch):
    with virtual(monkeypatch) as sim:
        a = on(sim, np.ones(8))
        sim.synchronize()
        when = gs.profiler.schedule(wait=1, warmup=0, active=1, repeat=3)
        with gs.profile(tmp_path / "run", values="off", schedule=when) as p:
            for _ in range(6):
                a.exp()
                p.step()
    with TraceReader(p.path) as reader:
        assert len(reader.steps()) == 3
        for k in range(3):
            assert reader.step(k).dev_ns.tolist() == [ONE]


class Cuda:
    """A device that knows differences of marks only, as CUDA does; its clock began long before the host's."""

    name = "cuda:0"
    ahead = 10**12

    def __init__(self):
        self.now = 1_000
        self.tail = 0
        self.marks = [0]

    def event(self):
        self.marks.append(0)
        return len(self.marks) - 1

    def mark(self, event):
        self.marks[event] = max(self.tail, self.now) + self.ahead
        return 7

    def passed(self, event):
        return self.marks[event] - self.ahead <= self.now

    def between_ns(self, begin, end):
        return self.marks[end] - self.marks[begin]

    def passed_at(self, event):
        return None

    def issued_ns(self):
        return None

    def host_ns(self):
        return self.now

    def memory_stats(self):
        from graphscope.engine.backend import MemoryStats

        return MemoryStats(0, 0, 0, None)


def test_where_only_differences_are_known_the_clocks_are_joined():
    cuda = Cuda()
    clock = Clock(cuda, memory=False)
    step = StepMarks({int: clock})
    for _ in range(3):  # the host takes 10, the device 100: it falls behind
        t0 = cuda.now
        cuda.now += 10
        cuda.tail = max(cuda.tail, cuda.now) + 100
        step.told.append((len(step.told), clock, *clock.mark(t0), cuda.now))
    assert not step.passed
    cuda.now = 5_000
    assert step.passed
    step.on_device = True
    column, (row,) = step.read(3, 1_000)
    # launched at 1010, 1020 and 1030; the first has its launch in it, since CUDA does not tell when that was
    assert column.tolist() == [110, 100, 100, 0, 0, 0]
    assert (row.start_ns, row.busy_ns, row.idle_ns) == (0, 310, 0)
    for k in range(4):  # now it waits for the host each time
        step = StepMarks({int: clock})
        t0 = cuda.now
        cuda.now += 10
        cuda.tail = cuda.now + 3
        step.told.append((0, clock, *clock.mark(t0), cuda.now))
        cuda.now += 1_000
        step.on_device = True
        column, (row,) = step.read(1, t0)
        # from the op's begin on the host to its end on the device; before that it was idle since 1310 or
        # since the op before, 1010 ago
        assert column.tolist() == [13, 1_000 - 3 if k else 5_000 - 1_310]
        assert step.told[0][4] == t0


def test_a_device_that_fails_stops_the_recording_and_not_the_program(tmp_path, monkeypatch):
    with virtual(monkeypatch) as sim:
        a = on(sim, np.ones(8))
        p = gs.profile(tmp_path / "run", values="off")
        with p, pytest.warns(RuntimeWarning, match="stopped recording"):
            a.exp()

            def broken(event):
                raise RuntimeError("the device is gone")

            monkeypatch.setattr(sim, "mark", broken)
            a.exp()
        assert a.exp().tolist()[0] == pytest.approx(np.e)
    with TraceReader(p.path) as reader:
        assert "the device is gone" in reader.header()["recording_stopped"]


def test_numpy_alone_needs_no_marks(tmp_path, monkeypatch):
    with virtual(monkeypatch) as sim:
        before = len(sim.device.events)
        w = gs.ones(4, requires_grad=True)
        with gs.profile(tmp_path / "run", values="off") as p:
            for _ in range(20):
                w.exp().sum().backward()
                w.grad = None
                p.step()
                assert w.sum().item() == 4
        assert (
            len(sim.device.events) - before == 2
        )  # where the device and where the recording began
    with TraceReader(p.path) as reader:
        for k in (0, 19):
            step = reader.step(k)
            assert step.dev_ns is None and reader.devices(step.id) == []


def test_statistics_are_no_part_of_the_times_of_ops(tmp_path, monkeypatch):
    def program(sim):
        w = on(sim, np.ones((4, 4)), grad=True)
        x = on(sim, np.ones((4, 4)))
        while True:
            (x @ w).tanh().sum().backward()
            w.grad = None
            yield

    reader, _ = recorded(tmp_path, monkeypatch, program, steps=4)
    alone = reader.step(3).dev_ns.tolist()
    reader, _ = recorded(tmp_path, monkeypatch, program, steps=4, values="full")
    assert len(reader.value_steps()) > 2
    step = reader.step(3)
    # The one of the gradient of sum has the upload of backward's first 1 in it; here that comes before.
    assert alone[3] == 1_002
    assert step.dev_ns.tolist() == [*alone[:3], 0, *alone[4:]]
    assert (np.diff(step.dev_begin_ns) >= 0).all()
