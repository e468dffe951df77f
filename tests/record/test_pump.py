"""The pump by hand, without its thread: the order in which what was put reaches the writer."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import graphscope as gs
from graphscope.engine import dispatch
from graphscope.record.pump import Pump
from graphscope.record.recorder import Recorder


@pytest.fixture
def by_hand(tmp_path: Path) -> Any:
    """A pump whose thread never runs, a step for it, and the list of what its writer was told."""
    pump = Pump(tmp_path / "run.gscope", {})
    recorder = Recorder(pump, values="off", budget=0.05, memory=True, stacks=True)
    pump.recorder = recorder
    told: list[str] = []
    put = pump.writer._put

    def noted(sql: str, *row: Any) -> None:
        told.append(sql.split("INTO ")[-1].split()[0])
        put(sql, *row)

    steps = pump.writer.add_steps

    def stepped(*args: Any) -> None:
        told.append("steps")
        steps(*args)

    pump.writer._put, pump.writer.add_steps = noted, stepped  # type: ignore[method-assign]

    def step() -> None:
        before = dispatch.set_recorder(recorder)
        try:
            gs.ones(3, requires_grad=True).mul(2.0).sum().backward()
            recorder.close()
        finally:
            dispatch.set_recorder(before)

    yield SimpleNamespace(pump=pump, step=step, told=told)
    pump.writer.abandon()


def place(told: list[str], what: str) -> int:
    assert told.count(what) == 1, told
    return told.index(what)


def test_what_is_told_of_a_pause_comes_behind_the_steps_before_it(by_hand: Any) -> None:
    """A reader that sees "paused after step 1" must find step 1: also where the file is read in between."""
    pump = by_hand.pump
    pump.control = SimpleNamespace()  # somebody may stop the program
    by_hand.step()
    pump.notes.append(("text", "paused", 0, "after step 1"))
    assert len(pump.jobs) == 1 and not pump.recorder.due
    assert pump._drain() == 1
    assert not pump.jobs and place(by_hand.told, "steps") < place(by_hand.told, "texts")


def test_what_is_told_while_steps_are_packed_waits_for_the_next_writing(by_hand: Any) -> None:
    """It may be of a step that ended after the packing began: that comes with the next writing too."""
    pump = by_hand.pump
    pump.control = SimpleNamespace()
    by_hand.step()
    pump.notes.append(("text", "first", 0, ""))
    pack = pump._pack

    def packed(here: bool) -> None:
        pack(here)
        by_hand.step()
        pump.notes.append(("text", "second", 0, ""))

    pump._pack = packed
    assert pump._drain() == 1
    assert by_hand.told.count("texts") == 1 and len(pump.jobs) == len(pump.notes) == 1
    pump._pack = pack
    del by_hand.told[:]
    assert pump._drain() == 1
    assert place(by_hand.told, "steps") < place(by_hand.told, "texts")


def test_a_program_that_nobody_stops_is_not_packed_for_a_note(by_hand: Any) -> None:
    """Its steps are packed where they end; a logged number is no reason to pack them one by one."""
    pump = by_hand.pump
    by_hand.step()
    pump.notes.append(("text", "said", 0, ""))
    assert pump._drain() == 0
    assert len(pump.jobs) == 1 and by_hand.told.count("texts") == 1
