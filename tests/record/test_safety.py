"""What may happen to a program that is recorded: it forks, clocks jump, its file goes, it has many threads."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from contextlib import closing
from pathlib import Path

import pytest

import graphscope as gs
from graphscope.trace.missing import missing
from graphscope.trace.reader import TraceReader

FORKING = """
import os, sys
import graphscope as gs
w = gs.ones(3, requires_grad=True)
def train(n):
    for _ in range(n):
        (w * 2).sum().backward()
        w.grad = None
with gs.profile(sys.argv[1]) as p:
    train(20)
    child = os.fork()
    if child == 0:
        train(500)            # the child's: they must not be in the parent's file
        p.scalar("child", 1.0)
        p.step()
    else:
        train(20)
        p.flush()
        _, status = os.waitpid(child, 0)
        assert status == 0, status
if child == 0:
    sys.exit(0)               # an ordinary end, with all that an interpreter closes
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_leaves_the_parents_file_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORKING, str(tmp_path / "run")],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    (file,) = tmp_path.glob("*.gscope")
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    reader = TraceReader(file)
    assert reader.state() == "finished" and len(reader.steps()) == 40
    assert reader.scalars() == {}


def test_a_clock_that_is_set_back_does_not_make_a_run_look_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from graphscope.trace.writer import TraceWriter

    real = time.time
    writer = TraceWriter(tmp_path / "a.gscope", {})
    writer.commit()
    monkeypatch.setattr(time, "time", lambda: real() - 3600)
    time.sleep(0.6)
    writer.commit()
    reader = TraceReader(tmp_path / "a.gscope")
    assert abs(float(reader.header()["heartbeat"]) - time.time()) < 5
    assert reader.state() == "live"
    writer.close()


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be deleted")
def test_a_file_that_is_deleted_is_said_once_and_the_program_runs_on(tmp_path: Path) -> None:
    w = gs.ones(3, requires_grad=True)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with gs.profile(tmp_path / "run") as p:
            (w * 2).sum().backward()
            p.flush()
            assert p.path is not None
            p.path.unlink()
            until = time.monotonic() + 5
            while not said and time.monotonic() < until:
                (w * 2).sum().backward()
                time.sleep(0.01)
    assert len(said) == 1 and "deleted" in str(said[0].message)
    assert w.grad is not None and float(w.grad[0]) >= 4


def test_ten_threads_train_while_one_is_recorded(tmp_path: Path) -> None:
    def train(steps: int, out: list[float]) -> None:
        w = gs.ones(4, requires_grad=True)
        for _ in range(steps):
            (w * w).sum().backward()
            with gs.no_grad():
                w -= 0.1 * w.grad
            w.grad = None
        out.append(w.sum().item())

    alone: list[float] = []
    train(30, alone)
    together: list[float] = []
    with gs.profile(tmp_path / "run") as p:
        threads = [threading.Thread(target=train, args=(30, together)) for _ in range(10)]
        for thread in threads:
            thread.start()
        train(30, together)
        for thread in threads:
            thread.join()
    assert together == alone * 11
    reader = TraceReader(p.path)
    assert (len(reader.steps("train")), len(reader.steps("eval"))) == (30, 1), (
        "and the sum at the end"
    )
    assert len(reader.graphs()) == 2
    assert int(reader.header()["foreign_ops"]) > 10 * 30 * 4


def test_recording_keeps_no_variable_of_the_program_alive(tmp_path: Path) -> None:
    import weakref

    gone: list[bool] = []

    def train() -> None:
        w = gs.ones(4, requires_grad=True)
        last = None
        for _ in range(6):
            batch = gs.ones(4)
            loss = (w * batch).sum()
            loss.backward()
            gone.append(last is None or last() is None)
            last = weakref.ref(batch._a)
            del batch, loss
            w.grad = None

    with gs.profile(tmp_path / "run", values="off"):
        train()
    assert gone == [True] * 6


FILLING = """
import resource, sys, warnings
import graphscope as gs
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 24, 1 << 24))  # as a disk of so many bytes
w, x = gs.randn(64, 64).requires_grad_(), gs.randn(8, 64)
steps = 0
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    with gs.profile(sys.argv[1], values="full") as p:
        more = 100
        while more and steps < 50_000:
            w.grad = None
            x.mm(w).tanh().square().sum().backward()
            steps += 1
            more -= len(said) > 0
print(steps, [str(one.message) for one in said])
"""


@pytest.mark.skipif(os.name != "posix", reason="a file's size cannot be limited here")
def test_a_full_disk_is_said_once_and_the_trace_says_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "run.gscope"
    done = subprocess.run(
        [sys.executable, "-c", FILLING, str(path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    steps, said = done.stdout.split(" ", 1)
    assert said.count("GraphScope stopped recording") == said.count("'") // 2 == 1, said
    assert "full. The program runs on" in said or "error. The program runs on" in said
    with TraceReader(path) as reader:
        assert 10 < len(reader.steps("train")) < int(steps) - 99
        (lost,) = missing(reader.header())
        assert lost.id == "writing-stopped" and str(path) in lost.detail
        assert reader.header()["state"] == "finished" and reader.damage is None


BRIMFUL = """
import resource, sys
from pathlib import Path
from graphscope.trace.writer import TraceWriter
with TraceWriter(sys.argv[1], {}) as w:
    for k in range(50):
        w.add_text("note", k, "x" * 5000)
        w.commit()
    size = Path(sys.argv[1] + "-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))  # not one page more goes into the log
    print(w.last_words({"writing_stopped": "for a test"}))
"""


@pytest.mark.skipif(os.name != "posix", reason="a file's size cannot be limited here")
def test_last_words_find_room_in_a_log_that_is_full_to_the_brim(tmp_path: Path) -> None:
    path = tmp_path / "run.gscope"
    done = subprocess.run(
        [sys.executable, "-c", BRIMFUL, str(path)], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
    with TraceReader(path) as reader:
        assert reader.header()["writing_stopped"] == "for a test"


def test_what_cannot_even_be_said_is_let_go(tmp_path: Path) -> None:
    from graphscope.trace.writer import TraceWriter

    with TraceWriter(tmp_path / "a.gscope") as w:
        w.add_text("lost", 0, "nobody reads this")
        assert w.last_words({"writing_stopped": "for a test", "error": None}) and not w.waiting
        w._db.execute("PRAGMA query_only=ON")
        assert not w.last_words({"writing_stopped": "again"})
        w._db.execute("PRAGMA query_only=OFF")
    with TraceReader(tmp_path / "a.gscope") as reader:
        assert reader.header()["writing_stopped"] == "for a test"
        assert "error" not in reader.header() and not reader.texts()
