"""Threads: what other threads compute is counted and said, and runs in one process do not mix."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import graphscope as gs
from graphscope.cli import main
from graphscope.engine import dispatch
from graphscope.trace.missing import missing
from graphscope.trace.reader import TraceReader


def step(w: Any, depth: int) -> float:
    h = w
    for _ in range(depth):
        h = h.tanh()
    loss = h.sum()
    loss.backward()
    w.grad = None
    return float(loss.detach())


def sizes(path: Path | None) -> list[int]:
    """Number of nodes of each step of a run."""
    assert path is not None
    with TraceReader(path) as reader:
        assert reader.state() == "finished"
        return [reader.graph(int(g)).n for g in reader.steps().graph]


def test_ten_threads_beside_the_one_that_is_recorded(tmp_path: Path) -> None:
    """Right results in every thread; the run has the steps of its own, and the number of the other ops."""
    barrier = threading.Barrier(11)
    results: dict[int, float] = {}

    def work(k: int) -> None:
        w = gs.ones(4, requires_grad=True)
        barrier.wait(60)
        for _ in range(30):
            results[k] = step(w, k + 1)

    with gs.profile(tmp_path / "run", values="off") as p:
        threads = [threading.Thread(target=work, args=(k,)) for k in range(10)]
        for thread in threads:
            thread.start()
        w = gs.ones(4, requires_grad=True)
        barrier.wait(60)
        for _ in range(30):
            mine = step(w, 3)
        for thread in threads:
            thread.join(60)
    alone = {k: step(gs.ones(4, requires_grad=True), k + 1) for k in range(10)}
    assert results == alone and mine == alone[2]
    assert sizes(p.path) == [8] * 30  # three tanh and a sum, forward and backward
    assert p.path is not None
    with TraceReader(p.path) as reader:
        # Thread k: k + 2 ops and as many gradients, 30 times.
        assert reader.header()["foreign_ops"] == str(30 * sum(2 * (k + 2) for k in range(10)))


def test_two_runs_one_after_the_other(tmp_path: Path) -> None:
    paths = []
    for depth in (1, 4):
        with gs.profile(tmp_path / "run", values="off") as p:
            for _ in range(3):
                step(gs.ones(4, requires_grad=True), depth)
        paths.append(p.path)
    assert [sizes(path) for path in paths] == [[4] * 3, [10] * 3]


def test_a_run_within_a_run(tmp_path: Path) -> None:
    with gs.profile(tmp_path / "outer", values="off") as outer:
        step(gs.ones(4, requires_grad=True), 1)
        with gs.profile(tmp_path / "inner", values="off") as inner:
            step(gs.ones(4, requires_grad=True), 4)
        step(gs.ones(4, requires_grad=True), 2)
    assert sizes(outer.path) == [4, 6] and sizes(inner.path) == [10]
    assert dispatch.recorder() is None


@pytest.mark.parametrize("first_ends_first", [True, False])
def test_runs_of_two_threads_that_overlap(tmp_path: Path, first_ends_first: bool) -> None:
    """The one that began last records; it goes on where the other ends, and nobody records when both ended."""
    first = gs.profile(tmp_path / "first", values="off")
    second = gs.profile(tmp_path / "second", values="off")
    w = gs.ones(4, requires_grad=True)
    first.start()
    step(w, 1)
    ended, going = threading.Event(), threading.Event()

    def other() -> None:
        try:
            record()
        finally:
            going.set()

    def record() -> None:
        with pytest.warns(RuntimeWarning, match="one thread at a time"):
            second.start()
        v = gs.ones(4, requires_grad=True)
        for _ in range(3):
            step(v, 4)
        going.set()
        assert ended.wait(60)
        for _ in range(2):
            step(v, 4)
        second.stop()

    thread = threading.Thread(target=other)
    thread.start()
    assert going.wait(60)
    step(w, 1)  # not in the second run, which is another thread's; counted there
    if first_ends_first:
        first.stop()
    ended.set()
    thread.join(60)
    if not first_ends_first:
        step(w, 2)
        first.stop()
    assert dispatch.recorder() is None
    assert sizes(second.path) == [10] * 5
    assert sizes(first.path) == ([4] if first_ends_first else [4, 6])


def test_ops_of_other_threads_are_said_where_the_numbers_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the file while it runs, below every table, and by the doctor: with the count and what to do."""
    with gs.profile(tmp_path / "run", values="off") as p:
        for _ in range(3):
            step(gs.ones(4, requires_grad=True), 1)
        thread = threading.Thread(target=step, args=(gs.ones(4, requires_grad=True), 1))
        thread.start()
        thread.join(60)
        p.flush()
        assert p.path is not None
        with TraceReader(p.path) as reader:
            assert [m.id for m in reader.missing()] == ["other-threads"]
    said = "4 ops of other threads are missing"
    for command in (["table"], ["steps"], ["memory"]):
        assert main([*command, str(p.path)]) == 0
        assert said in capsys.readouterr().err
    main(["doctor", str(p.path)])
    out = " ".join(capsys.readouterr().out.split())
    assert said in out and "Begin it in the thread that you want to see" in out


def test_a_run_of_one_thread_says_nothing(tmp_path: Path) -> None:
    with gs.profile(tmp_path / "run", values="off") as p:
        step(gs.ones(4, requires_grad=True), 1)
    assert p.path is not None
    with TraceReader(p.path) as reader:
        assert reader.missing() == []
        assert [str(m) for m in missing({"dropped_steps": "1", "foreign_ops": "odd"})] == [
            "1 step is missing: the disk was full, or too slow for them. Record to another disk, or with "
            "values='off'."
        ]
        assert "ValueError: x" in str(missing({"recording_stopped": "ValueError: x"})[0])
