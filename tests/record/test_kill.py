"""A trainer that dies by kill -9 leaves a trace that opens, whole but for the last quarter second."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graphscope.trace.reader import TraceReader

PROGRAM = """
import sys, time
import graphscope as gs
w = gs.ones(20, 20, requires_grad=True)
x = gs.ones(4, 20)
with gs.profile(sys.argv[1]) as p:
    print("recording", flush=True)
    k = 0
    while True:
        loss = (x @ w).relu().sum()
        loss.backward()
        w.grad = None
        k += 1
        print(k, time.time(), flush=True)
        time.sleep(0.005)
"""


@pytest.mark.parametrize("chance", range(4))
def test_all_but_the_last_quarter_second_survives(tmp_path: Path, chance: int) -> None:
    with (tmp_path / "log").open("w") as log:
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path / "run")],
            stdout=log,
            cwd=Path(__file__).parents[2],
        )
    deadline = time.monotonic() + 30
    while "recording" not in (tmp_path / "log").read_text():
        assert time.monotonic() < deadline and program.poll() is None
        time.sleep(0.02)
    time.sleep(0.6 + random.Random(chance).random() * 0.5)
    program.send_signal(signal.SIGKILL)
    killed = time.time()
    program.wait()
    done = [line.split() for line in (tmp_path / "log").read_text().splitlines()[1:]]
    # The last line may be cut; a step counts as done a quarter second (and a slow machine's tenth) ago.
    old = [int(k) for k, at in (d for d in done[:-1] if len(d) == 2) if float(at) < killed - 0.35]
    reader = TraceReader(tmp_path / "run.gscope")
    steps = reader.steps()
    assert len(steps.num) >= len(old) > 20
    assert list(steps.num) == list(range(len(steps.num)))
    assert reader.state() in ("live", "stale")
    assert reader.step(-1).dur_ns.sum() > 0
    assert reader.damage is None
