"""A machine without an idle processor: a page is told less often."""

import os

import pytest

from graphscope.webapp import api_live, crowded
from graphscope.webapp.crowded import Crowd


class Machine:
    """Two processors of which so much is idle."""

    def __init__(self):
        self.now, self.idle, self.ticks = 0.0, 1.0, [0.0, 0.0]

    def run(self, seconds, idle):
        self.now += seconds
        self.ticks[0] += 200 * seconds * idle
        self.ticks[1] += 200 * seconds

    def crowd(self):
        return Crowd(lambda: tuple(self.ticks), lambda: self.now)


def test_it_is_crowded_while_nothing_is_idle():
    machine = Machine()
    crowd = machine.crowd()
    assert not crowd.is_here()  # nothing is known yet
    for idle, busy in ((0.0, True), (0.1, True), (0.5, False), (0.13, False), (0.02, True)):
        machine.run(crowded.LOOK, idle)
        assert crowd.is_here() is busy
    machine.run(0.1, 1.0)
    assert crowd.is_here()  # looked at a moment ago
    machine.run(60.0, 0.0)
    assert not crowd.is_here()  # nobody asked for a minute
    machine.run(crowded.LOOK, 0.0)
    assert crowd.is_here()


def test_where_the_processors_do_not_tell(monkeypatch):
    def fails():
        raise OSError

    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    for load, busy in ((3.9, False), (4.0, True)):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, 0, 0), raising=False)
        assert Crowd(fails).is_here() is busy
    monkeypatch.delattr(os, "getloadavg")
    assert Crowd(fails).is_here() is False


@pytest.mark.skipif(not os.path.exists("/proc/stat"), reason="Linux tells of its processors there")
def test_this_machine_tells():
    idle, whole = crowded._times()
    assert 0 <= idle <= whole and whole > 0


@pytest.mark.parametrize("every, crowd, slack", [(500, True, 2), (500, False, 1), (300, True, 1)])
def test_only_a_page_that_shows_a_fast_run_is_told_less_often(monkeypatch, every, crowd, slack):
    monkeypatch.setattr(Crowd, "is_here", lambda self: crowd)
    assert api_live.slack(Crowd(), every / 1e3) == slack


def test_a_question_waits_for_twice_its_pace(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(api_live.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(api_live._Wish, "_made", lambda self, *given: "new")

    def ask(slack):
        wish = api_live._Wish("steps~1~/api/home?run=a", "1000@1500")
        return wish.answer(None, {"steps": 2}, {}, slack)

    assert ask(1) == "new" and ask(2) == "false"
