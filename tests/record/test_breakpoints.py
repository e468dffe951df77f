"""Where a program stops: each field, hits, and statistics that conditions ask for."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs
from graphscope import nn
from graphscope.errors import UsageError
from graphscope.record.breakpoints import Breakpoint, Breakpoints, Event, statistic
from tests.record.driving import train


def event(op="relu", scope="net.1", site=("/home/me/train.py", 31), phase=1, step=3, **arrays):
    changed = arrays.pop("changed", False)
    return Event(op, scope, site, phase, step, step, 0.5, changed, arrays)


@pytest.mark.parametrize(
    "fields, hit",
    [
        ({"op": "relu"}, True),
        ({"op": "linear"}, False),
        ({"module": "net"}, True),
        ({"module": "net.1"}, True),
        ({"module": "1"}, True),
        ({"module": "net.10"}, False),
        ({"module": "et.1"}, False),
        ({"site": "31"}, True),
        ({"site": "train.py:31"}, True),
        ({"site": "me/train.py:31"}, True),
        ({"site": "rain.py:31"}, False),
        ({"site": "train.py:32"}, False),
        ({"step": 3}, True),
        ({"step": 4}, False),
        ({"graph_change": True}, False),
        ({"phase": "forward"}, True),
        ({"phase": "backward"}, False),
        ({"op": "relu", "condition": "min(value) < 0"}, True),
        ({"condition": "min(value) < -5"}, False),
        ({"condition": "norm(grad) > 0"}, False),
        ({"condition": "loss < 1", "step": 3}, True),
    ],
)
def test_all_fields_have_to_fit(fields, hit):
    assert Breakpoint(1, **fields).hit(event(value=np.array([-1.0, 2.0]))) is hit


def test_the_gradient_of_an_op_is_meant_only_if_it_is_asked_about():
    back = event(phase=2, grad=np.ones(3))
    assert not Breakpoint(1, op="relu").hit(back)
    assert Breakpoint(1, op="relu", phase="backward").hit(back)
    assert Breakpoint(1, op="relu", condition="norm(grad) > 1").hit(back)


def test_hits_once_and_off():
    third = Breakpoint(1, op="relu", hits=3)
    assert [third.hit(event()) for _ in range(5)] == [False, False, True, True, True]
    once = Breakpoint(1, op="relu", once=True, hits=2)
    assert [once.hit(event()) for _ in range(4)] == [False, True, False, False]
    assert once.count == 2 and not once.enabled
    step = Breakpoint(1, step=3)
    assert [step.hit(event()) for _ in range(3)] == [True, False, False]  # once a step


@pytest.mark.parametrize(
    "fields, text",
    [
        ({}, "needs a place"),
        ({"site": "train.py"}, "train.py:31"),
        ({"site": "train.py:0"}, "train.py:31"),
        ({"hits": 0, "op": "relu"}, "hit 1 or later"),
        ({"phase": "sideways"}, "one of"),
        ({"condition": "norm(grad"}, r"\^"),
    ],
)
def test_what_makes_no_sense_is_told(fields, text):
    with pytest.raises(UsageError, match=text):
        Breakpoint(1, **fields)
    if "phase" not in fields:
        said = {
            "when" if k == "condition" else "line" if k == "site" else k: v
            for k, v in fields.items()
        }
        with pytest.raises(UsageError, match=text):
            gs.breakpoint(**said)


def test_there_are_not_endlessly_many():
    many = Breakpoints()
    for _ in range(200):
        many.add(op="relu")
    with pytest.raises(UsageError, match="200 breakpoints already"):
        many.add(op="relu")


def test_statistics():
    a = np.array([[3.0, -4.0], [0.0, np.nan]], np.float32)
    assert statistic("size", a) == 4 and statistic("zeros", a) == 1 and statistic("nan", a) == 1
    assert statistic("inf", a) == 0 and statistic("item", a) is None
    assert np.isnan(statistic("norm", a))
    b = a[0]
    assert statistic("norm", b) == 5 and statistic("rms", b) == pytest.approx(12.5**0.5)
    assert (
        statistic("absmax", b) == 4 and statistic("min", b) == -4 and statistic("mean", b) == -0.5
    )
    assert statistic("max", np.zeros(0)) is None and statistic("norm", np.zeros(0)) == 0
    assert (
        statistic("mean", np.array([True, False])) == 0.5 and statistic("item", np.float64(2)) == 2
    )
    assert statistic("norm", lambda: np.array([3 + 4j])) == 5


def test_a_program_stops_at_each_kind(tmp_path):
    gs.breakpoint("relu", step=2, once=True)
    gs.breakpoint(when="update/weight > 0", step=4, once=True)
    gs.breakpoint(when="norm(grad)/norm(weight) > 0", module="net.2", step=5, once=True)
    gs.breakpoint(graph_change=True, step=6)
    gs.breakpoint(when="loss > 0", step=8, once=True)

    def body(net, x, y, k):
        h = net(x)
        if k == 6:
            h = h * 2
        return nn.functional.cross_entropy(h, y)

    def drive(d):
        assert [b["where"] for b in d.control["breakpoints"]] == ["program"] * 5
        stops = [d.paused()]
        for _ in range(4):
            stops.append(d.go("resume"))
        for b in d.control["breakpoints"]:
            assert d.send("break_del", id=b["id"]) == "done"
        assert d.send("break_add", site="driving.py:1", op="relu").startswith(
            "done: breakpoint 6: relu at"
        )
        assert d.send("break_set", id=6, enabled=False) == "done: off"
        d.send("resume")
        return [(a["step"], a["op"], a["phase"]) for a in stops]

    run = train(tmp_path, drive, body=body)
    assert run.result[0] == (2, "relu", "forward")
    assert run.result[1][0] == 4 and run.result[1][2] == "update"
    assert run.result[2][0] == 5 and run.result[2][2] == "backward"
    assert run.result[3][:2] == (6, "mul")  # the first op that differs
    assert run.result[4][0] == 8


def test_a_breakpoint_needs_a_recording_with_control(tmp_path):
    with gs.profile(tmp_path / "x"):
        with pytest.raises(UsageError, match="control=True"):
            gs.breakpoint("relu")
