"""Pause, step, resume: through the file alone, and without a trace in the result."""

from __future__ import annotations

import sqlite3
import threading
import time

import numpy as np
import pytest

import graphscope as gs
from graphscope import nn
from graphscope.engine.backend import BACKENDS, backend_of
from graphscope.engine.dispatch import NEVER
from graphscope.errors import UsageError
from graphscope.record.on_device import DeviceRecorder
from graphscope.record.recorder import Recorder
from graphscope.trace import commands
from graphscope.trace.reader import TraceReader
from tests.record.driving import train

OPS = ["linear", "relu", "linear", "cross_entropy"]
BACK = ["cross_entropy", "linear", "linear", "linear", "relu", "linear", "linear"]


@pytest.fixture(params=[Recorder, DeviceRecorder], ids=["host", "a device was started"])
def kind(request):
    """The kind of recorder that a program of numpy arrays has: a device changes it also where none is used."""
    before = {k: b for k, b in BACKENDS.items() if b.name != "cpu"}
    for k in before:
        del BACKENDS[k]
    if request.param is DeviceRecorder:
        backend_of("sim")
    yield request.param
    for k in [k for k, b in BACKENDS.items() if b.name != "cpu"]:
        del BACKENDS[k]
    BACKENDS.update(before)


def same(a, b, least=10):
    n = min(len(a.weights), len(b.weights))
    assert n > least
    for mine, other in zip(a.weights[:n], b.weights[:n], strict=True):
        for p, q in zip(mine, other, strict=True):
            np.testing.assert_array_equal(p, q)


def test_pause_step_and_resume_leave_the_result_as_it_was(tmp_path, kind):
    def drive(d):
        d.send("pause")
        at = d.paused()
        assert at["end"] and at["i"] == at["n"] - 1
        step = at["step"]
        seen, read = [], []
        for i in range(11):
            at = d.go("step", by="op")
            assert (at["step"], at["i"]) == (step + 1, i)
            seen.append((at["op"], at["grad"]))
            row, values = d.reader.step(), d.reader.values()
            assert row.status == "paused" and row.num == step + 1 and values.num == step + 1
            assert np.count_nonzero(row.dur_ns) == i + 1 and len(row.dur_ns) == 15
            read.append({(v, k) for v, k in values if v >= 0})
        assert [op for op, grad in seen if not grad] == OPS
        assert [op for op, grad in seen if grad] == BACK
        assert read[3] == {(v, "v") for v in range(4)}  # nothing that did not run yet
        assert {(2, "g"), (1, "g"), (0, "g")} <= read[-1]
        assert len(d.reader.steps()) == step + 1  # the table of steps waits for its end
        at = d.go("step", by="phase")
        assert at["phase"] == "update" and at["end"]
        at = d.go("step", by="module")
        assert (at["step"], at["i"], at["scope"]) == (step + 2, 0, "net.0")
        at = d.go("step", by="module")
        assert at["scope"] == "net.1"
        at = d.go("step", by="phase")
        assert (at["i"], at["why"]) == (3, "the end of forward")
        at = d.go("step", by="phase")
        assert (at["i"], at["why"]) == (10, "the end of backward")
        at = d.go("step", by="iteration")
        assert (at["step"], at["end"]) == (step + 2, True)
        at = d.go("step", by="iteration", times=3)
        assert at["step"] == step + 5
        at = d.go("run_to", node="n6")
        assert (at["step"], at["i"]) == (step + 6, 6)
        at = d.go("step", by="op", times=4)
        assert at["i"] == 10
        assert d.send("resume") == "done: it runs"
        d.until(lambda c: c["state"] == "running")
        last = d.reader.revision()["last_step"]
        d.until(lambda c: d.reader.revision()["last_step"] > last + 5)

    watched = train(tmp_path, drive)
    plain = train(tmp_path, steps=len(watched.weights), name="plain", pace=0)
    same(watched, plain)
    with_control, without = TraceReader(watched.path), TraceReader(plain.path)
    assert set(with_control.steps().status) == {"ok"}
    assert len(with_control.steps()) == len(watched.weights)
    assert with_control.graphs() == without.graphs()
    control = with_control.revision()["control"]
    assert control["on"] is False and control["state"] == "running" and control["at"] is None


def test_at_the_end_of_the_first_step_it_is_known_how_many_ops_it_had(tmp_path, kind):
    """Nothing was expected of it: no step was before."""
    asked = threading.Event()

    def drive(d):
        d.send("pause")
        asked.set()
        at = d.paused()
        assert (at["step"], at["i"], at["n"], at["end"]) == (0, 14, 15, True)
        at = d.go("step", by="op")
        assert (at["step"], at["i"], at["n"]) == (1, 0, 15)
        d.go("step", by="iteration")

    def body(net, x, y, k):
        asked.wait(20)  # the command comes before the first op
        return nn.functional.cross_entropy(net(x), y)

    run = train(tmp_path, drive, body=body)
    # Curves mark the pause; single steps are none of their own.
    told = [(tag, step, text) for tag, step, text, _ in TraceReader(run.path).texts()]
    assert told == [("event", 0, "paused")]


def test_the_time_of_a_pause_is_in_no_step(tmp_path, kind):
    def drive(d):
        d.send("pause")
        d.paused()
        at = d.go("step", by="op", times=3)
        time.sleep(0.7)
        d.send("resume")
        d.until(lambda c: d.reader.revision()["last_step"] > at["step"] + 3)
        return at["step"]

    run = train(tmp_path, drive)
    reader = TraceReader(run.path)
    table = reader.steps()
    assert table.wall_ns.max() < 500e6
    step = reader.step(run.result)
    begin = step.begin_ns
    assert begin[0] >= 0 and (np.diff(begin) >= 0).all() and begin[-1] < step.wall_ns
    # between the two steps is the wait
    gaps = table.t0_ns[1:] - table.t0_ns[:-1] - table.wall_ns[:-1]
    assert gaps.max() > 500e6


def test_when_nothing_is_asked_the_recorder_is_the_ordinary_one(tmp_path, kind):
    def drive(d):
        d.send("pause")
        d.paused()
        d.send("resume")
        before = d.reader.revision()["last_step"]
        d.until(lambda c: d.reader.revision()["last_step"] > before + 20)

    kinds = []

    def body(net, x, y, k):
        recorder = gs.engine.dispatch.recorder()
        kinds.append((type(recorder), recorder.plan is NEVER))
        return gs.nn.functional.cross_entropy(net(x), y)

    train(tmp_path, drive, body=body)
    assert kinds[0][0] is kind and kinds[-1][0] is kind
    assert any(one is not kind for one, _ in kinds)
    assert not all(never for _, never in kinds[-8:])


def test_the_very_first_step_is_a_graph_so_far(tmp_path):
    gs.breakpoint("linear", once=True)
    seen = []

    def drive(d):
        for n in (1, 2, 3, 4, 5):
            at = d.paused() if n == 1 else d.go("step", by="op")
            row = d.reader.step()
            assert at["n"] is None and row.status == "paused" and row.num == 0
            graph = d.reader.graph(row.graph)
            assert graph.n == n == len(row.dur_ns)
            seen.append(row.graph)
            assert graph.op_name(0) == "linear" and graph.scope_path(0) == "net.0"
            assert d.reader.values(0).get(0).count == 96
        assert len(set(seen)) == 5
        assert d.reader.graphs() == seen[-1:]  # those before are gone
        d.send("resume")
        d.until(lambda c: d.reader.revision()["last_step"] > 3)

    run = train(tmp_path, drive)
    reader = TraceReader(run.path)
    last = reader.step().graph
    assert last in reader.graphs() and reader.step(0).status == "ok"


def test_slow_motion_shows_where_it_is_and_ends(tmp_path):
    def drive(d):
        assert d.send("slow", ms=20) == "done: 20 ms for each op"
        first = d.until(lambda c: c["state"] == "slow" and c["at"])["at"]
        d.until(
            lambda c: c["at"] and (c["at"]["step"], c["at"]["i"]) != (first["step"], first["i"])
        )
        d.go("pause")
        assert d.send("slow", ms=0) == "done: at full speed"
        d.send("resume")
        d.until(lambda c: c["state"] == "running")

    run = train(tmp_path, drive)
    # A step takes a third of a second here, and the training ends with the commands.
    same(run, train(tmp_path, steps=len(run.weights), name="plain", pace=0), least=2)


def test_stop_leaves_the_block_and_the_program_goes_on(tmp_path):
    def at_once(d):
        d.send("stop")
        d.until(lambda c: not c["on"])

    run = train(tmp_path, at_once, steps=100_000)
    assert run.after_block and len(run.weights) < 100_000
    reader = TraceReader(run.path)
    assert reader.state() == "finished"
    assert [(t, x) for t, _, x, _ in reader.texts()] == [("event", "stopped")]

    def while_paused(d):
        d.send("pause")
        d.paused()
        d.send("stop")
        d.until(lambda c: not c["on"])

    assert train(tmp_path, while_paused, steps=100_000, name="again").after_block


def test_a_paused_program_goes_on_after_a_while(tmp_path, capfd):
    def drive(d):
        d.send("pause")
        at = d.paused()
        d.until(lambda c: c["state"] == "running")
        assert at

    train(tmp_path, drive, control="1s")
    assert "resumed after 1 s" in capfd.readouterr().err


def test_a_paused_program_goes_on_when_nobody_looks(tmp_path, capfd):
    def drive(d):
        d.send("pause")
        d.paused()
        for _ in range(10):  # somebody looks for longer than that
            d.send("here")
            assert d.control["state"] == "paused"
            time.sleep(0.2)
        d.until(lambda c: c["state"] == "running")
        db = sqlite3.connect(d.path)
        assert db.execute("SELECT count(*) FROM commands WHERE kind = 'here'").fetchone() == (1,)
        db.close()

    train(tmp_path, drive, control=True, resume_after=None, resume_alone=1.2)
    assert "nobody has looked for 1.2 s" in capfd.readouterr().err


def test_a_deleted_file_leaves_nobody_waiting(tmp_path, capfd):
    def drive(d):
        d.send("pause")
        d.paused()
        for path in tmp_path.glob("run.gscope*"):
            path.unlink()

    with pytest.warns(RuntimeWarning, match="stopped recording into"):
        run = train(tmp_path, drive, steps=60, resume_after=None, control=True)
    assert run.after_block
    said = capfd.readouterr().err
    assert "run.gscope" in said and "so no command can come; the program goes on" in said


def test_two_at_once_are_served_in_order(tmp_path):
    def drive(d):
        ids = [commands.send(d.path, kind, {}) for kind in ("pause", "pause", "resume", "resume")]
        assert [d.answer(i).split(":")[0] for i in ids] == ["done"] * 4
        d.send("pause")
        d.paused()
        other = type(d)(d.path)
        first, second = other.send("resume"), d.send("resume")
        assert (first, second) == ("done: it runs", "done: it was running")

    train(tmp_path, drive)


def test_levels_and_watched_nodes(tmp_path):
    def drive(d):
        assert d.send("level", value="off").startswith("refused: level off")
        assert d.send("watch", node="n0").startswith("done")
        assert d.send("level", value="everything") == "done: from the next step on: everything"
        at = d.reader.revision()["last_step"] or 0
        d.until(lambda c: (d.reader.revision()["last_step"] or 0) > at + 5)

    run = train(tmp_path, drive)
    reader = TraceReader(run.path)
    entry = reader.values().get(0)
    assert list(entry.thumb.shape) == [16, 6] and list(entry.thumb.stride) == [1, 1]


@pytest.mark.parametrize(
    "options, text",
    [
        ({"control": "soon"}, "no time"),
        ({"control": True, "resume_after": -1}, "no time"),
        ({"resume_after": 5}, "belong to control=True"),
        ({"control": "5s", "resume_after": 5}, "in control alone"),
    ],
)
def test_options_that_make_no_sense(tmp_path, options, text):
    with pytest.raises(UsageError, match=text):
        gs.profile(tmp_path / "x", **options)


def test_a_long_step_is_stopped_in_its_middle_with_what_the_tape_holds(tmp_path):
    def body(net, x, y, k):
        h = net(x)
        for _ in range(4):
            time.sleep(0.25)
            h = h.tanh()
        return nn.functional.cross_entropy(h, y)

    def drive(d):
        d.until(lambda c: (d.reader.revision()["last_step"] or 0) >= 4)
        d.send("pause")
        at = d.paused()
        found = {v for v, kind in d.reader.values(at["step"]) if kind == "v"}
        assert d.reader.values(at["step"]).num == at["step"]
        return at, found

    run = train(tmp_path, drive, body=body, values="off")
    at, found = run.result
    if not at["end"]:  # it was stopped inside: what ran before anybody looked is there all the same
        ran = set(range(at["i"] + 1))
        assert at["i"] in found and {-1 - k for k in range(3)} <= found
        assert len(found & ran) >= len(ran) - 2
    assert TraceReader(run.path).step(at["step"]).status in ("ok", "partial")
