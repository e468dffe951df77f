"""What a person changes while a program trains, opens, and writes by hand into its file."""

from __future__ import annotations

import json
import sqlite3
import time

import numpy as np
import pytest

import graphscope as gs
from graphscope import nn
from graphscope.errors import TraceError, UsageError
from graphscope.trace import commands, opened
from graphscope.trace.reader import TraceReader
from tests.record.driving import network, train


def events(path):
    return [text for tag, _, text, _ in TraceReader(path).texts() if tag == "event"]


def test_the_learning_rate_is_set_between_two_updates(tmp_path):
    rates = []

    def drive(d):
        d.send("pause")
        d.paused()
        assert [g["lr"] for g in d.control["groups"]][-1] == 0.1
        group = d.control["groups"][-1]["group"]
        assert d.send("set_lr", group=group, value=0.01).startswith("done: learning rate of group")
        assert d.until(lambda c: c["groups"][-1]["lr"] == 0.01)
        assert "there is no parameter group 999" in d.send("set_lr", group=999, value=1)
        d.send("resume")
        d.send("set_lr", group=group, value=0.02)  # while it runs, too
        d.until(lambda c: c["groups"][-1]["lr"] == 0.02)

    def body(net, x, y, k):
        return nn.functional.cross_entropy(net(x), y)

    run = train(tmp_path, drive, body=body)
    assert [e.partition(" from ")[2] or e for e in events(run.path)] == [
        "paused",
        "0.100 to 0.0100",
        "0.0100 to 0.0200",
    ]
    found = TraceReader(run.path).findings()
    assert [(f.rule, f.severity) for f in found if f.rule == "control"] == [("control", "info")] * 2
    assert not rates


def test_a_tunable_is_a_number_that_can_be_changed(tmp_path):
    gs.tunable("noise-test", 0.5, low=0, high=1)
    noise = gs.tunable("noise-test", 0.7)
    assert noise.value == 0.5 and noise + 1 == 1.5 and 1 - noise == 0.5 and -noise == -0.5
    assert noise < 1 and noise == 0.5 and float(noise) == 0.5 and f"{noise:.2f}" == "0.50"
    assert (gs.ones(2) * noise).tolist() == [0.5, 0.5] == (noise * gs.ones(2)).tolist()
    assert (noise - gs.ones(2)).tolist() == [-0.5, -0.5] and (
        gs.ones(2) / noise
    ).dtype is gs.float32
    with pytest.raises(UsageError, match="between 0 and 1"):
        gs.tunable("noise-other", 2, low=0, high=1)

    def drive(d):
        told = next(t for t in d.control["tunables"] if t["name"] == "noise-test")
        assert told == {"name": "noise-test", "value": 0.5, "low": 0, "high": 1}
        assert (
            d.send("set", name="noise-test", value=0.25) == "done: noise-test from 0.500 to 0.250"
        )
        assert d.send("set", name="noise-test", value=7).startswith(
            "refused: noise-test lies between"
        )
        assert "there is no tunable 'other'" in d.send("set", name="other", value=7)

    def body(net, x, y, k):
        return nn.functional.cross_entropy(net(x * noise), y)

    run = train(tmp_path, drive, body=body)
    assert noise.value == 0.25
    graphs = TraceReader(run.path).graphs()
    assert len(graphs) <= 2  # a number is a value, and no structure


def test_a_module_is_frozen_and_trained_again(tmp_path):
    def drive(d):
        assert "nothing would be trained" in d.send("freeze", module="net")
        assert "there is no module 'net.9'" in d.send("freeze", module="net.9")
        assert d.send("freeze", module="net.0") == "done: 2 parameters of net.0 are frozen"
        assert d.send("freeze", module="net.0").startswith(
            "refused: freeze: net.0 is frozen already"
        )
        first = d.reader.revision()["last_step"]
        d.until(lambda c: c["frozen"] == ["net.0"] and d.reader.revision()["last_step"] > first + 5)
        middle = d.reader.revision()["last_step"]
        assert d.send("unfreeze", module="net.0") == "done: net.0 is trained again"
        d.until(lambda c: d.reader.revision()["last_step"] > middle + 8)
        assert "is not frozen" in d.send("unfreeze", module="net.0")
        return first + 3, first + 5

    run = train(tmp_path, drive)
    a, b = run.result
    np.testing.assert_array_equal(run.weights[a][0], run.weights[b][0])
    assert (run.weights[a][2] != run.weights[b][2]).any()
    assert (run.weights[b][0] != run.weights[-1][0]).any()
    assert events(run.path) == ["net.0 frozen", "net.0 trained again"]


def test_a_tensor_is_opened_whole(tmp_path):
    def drive(d):
        d.send("pause")
        d.paused()
        d.go("step", by="phase")
        d.go("step", by="phase")
        found = {}

        def open_(**asked):
            id = commands.send(d.path, "open", asked)
            status = d.answer(id)
            return status, opened.load(d.path, id) if status.startswith("done") else None

        for name, asked in (
            ("value", {"node": "n0"}),
            ("grad", {"node": "n0", "grad": True}),
            ("weight", {"node": "p1"}),
        ):
            status, got = open_(**asked)
            assert status.startswith("done: 16×6" if name != "weight" else "done: 6×8"), status
            found[name] = np.array(got[0])
        assert "has not run yet in this step" in open_(node="n14")[0]
        assert open_(node="p99")[0].startswith("refused: p99")
        d.go("step", by="iteration", times=2)
        _, (now, facts) = open_(node="n0")
        newest = max(int(p.stem) for p in opened.folder_of(d.path).glob("*.json"))
        old, _ = opened.load(d.path, newest, True)
        assert facts["before"] and (old != now).any()
        np.testing.assert_array_equal(old, found["value"])  # as it was in the step before
        d.go("step", by="iteration")
        d.send("resume")
        status, got = open_(node="n0")  # while it runs: when it is computed next
        assert status.startswith("done: 16×6") and got[0].shape == (16, 6)
        assert open_(node="n77")[0].startswith("refused: the step that ended has only 15 ops")
        return found

    run = train(tmp_path, drive)
    assert (run.result["value"] != 0).all() and run.result["grad"].shape == (16, 6)
    with pytest.raises(TraceError, match="not open"):
        opened.load(run.path, 10**9)


def test_only_the_newest_tensors_are_kept_and_none_too_large(tmp_path, monkeypatch):
    path = tmp_path / "x.gscope"
    for k in range(opened.KEEP + 3):
        opened.save(path, k, np.zeros(2), {})
    assert len(list(opened.folder_of(path).glob("*.npy"))) == opened.KEEP
    monkeypatch.setattr(opened, "LIMIT", 8)
    with pytest.raises(TraceError, match="are opened"):
        opened.save(path, 99, np.zeros(2), {})
    (opened.folder_of(path) / "18.npy").write_bytes(b"nonsense")
    with pytest.raises(TraceError, match="cannot be read"):
        opened.load(path, 18)


HOSTILE = [
    ("drop table", "{}", "there is no command"),
    ("pause", "[1]", "no JSON object"),
    ("pause", "not json", "no JSON object"),
    ("pause", '{"a": 1}', "takes nothing"),
    ("pause", "[" * 15_000, "no JSON object"),
    ("pause", "{}" * 50_000, "characters; 20,000 are allowed"),
    ("break_add", json.dumps({"condition": "a" * 10_000}), "1,000 are allowed"),
    ("break_add", json.dumps({"condition": "(" * 400 + "1 < 2" + ")" * 400}), "nested more than 50 deep"),
    ("break_add", '{"condition": "__import__(1)"}', "is unknown"),
    ("break_add", "{}", "needs a place or a condition"),
    ("break_add", '{"site": "train.py"}', "is written train.py:31"),
    ("break_set", '{"id": 7, "enabled": true}', "there is no breakpoint 7"),
    ("break_del", '{"id": 7}', "there is no breakpoint 7"),
    ("run_to", '{"node": "n1e9"}', "must be a node"),
    ("run_to", '{"node": -3}', "runs to an op"),
    ("open", '{"node": "n3", "grad": 1}', "must be true or false"),
    ("set_lr", '{"group": 0, "value": NaN}', "must be finite"),
    ("set_lr", '{"group": -1, "value": 1}', "must not be below 0"),
    ("set_lr", '{"group": 1e400, "value": 1}', "must be a whole number"),
    ("slow", '{"ms": 1e9}', "between 0 and 60,000"),
    ("freeze", '{"module": "\\u0000"}', "there is no module"),
    ("set", '{"name": "x", "value": "0.1"}', "must be a number"),
    ("level", '{"value": ["off"]}', "must be one of"),
]  # fmt: skip


def test_rows_written_by_hand_do_no_harm_and_are_told_why(tmp_path):
    def drive(d):
        db = sqlite3.connect(d.path, isolation_level=None)
        add = "INSERT INTO commands (time, kind, data, status) VALUES (?,?,?,?)"
        ids = [db.execute(add, (0, kind, data, "new")).lastrowid for kind, data, _ in HOSTILE]
        db.execute(add, ("never", b"\xff\xfe", b"\xff" * 100, "new"))
        db.execute(add, (None or 0, "pause", "{}", "done already"))  # not waiting for an answer
        last = db.execute(add, (1e300, "resume", "{}", "new")).lastrowid
        assert d.answer(last).startswith("done")
        found = [d.answer(i) for i in ids]
        assert d.send("break_add", op="relu", once=True).startswith("done")
        d.paused()
        db.execute("DELETE FROM commands")
        time.sleep(0.5)
        assert d.send("resume") == "done: it runs"  # numbers begin anew
        db.close()
        return found

    run = train(tmp_path, drive)
    for (kind, _, text), status in zip(HOSTILE, run.result, strict=True):
        assert status.startswith("refused: ") and text in status, (kind, status)
    assert len(max(run.result, key=len)) < 1_000
    assert run.profile.path is not None and TraceReader(run.path).state() == "finished"


def test_a_run_that_takes_no_commands_says_so(tmp_path):
    run = train(tmp_path, steps=3)
    with pytest.raises(TraceError, match="takes no commands"):
        commands.send(run.path, "pause")
    with pytest.raises(TraceError, match="cannot be written"):
        commands.send(tmp_path / "none.gscope", "pause")
    assert not (tmp_path / "none.gscope").exists()
    controlled = train(tmp_path, steps=3, name="c", control=True)
    with pytest.raises(TraceError, match="it has ended"):
        commands.send(controlled.path, "pause")
    with pytest.raises(TraceError, match="no command 5"):
        commands.status(controlled.path, 5)


def test_a_broken_controller_lets_the_program_run(tmp_path):
    def drive(d):
        d.send("pause")
        d.paused()
        commands.send(d.path, "step", {})
        time.sleep(0.5)

    def body(net, x, y, k):
        control = gs.engine.dispatch.recorder().control
        control._kinds["step"] = lambda id, data: 1 / 0
        return nn.functional.cross_entropy(net(x), y)

    with pytest.warns(RuntimeWarning, match="live control ended: an error in live control itself"):
        run = train(tmp_path, drive, body=body, net=network())
    assert run.after_block
