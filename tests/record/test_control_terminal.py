"""A paused program in its own terminal: it says so, Enter and Ctrl-C resume it, pdb opens at an op."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graphscope.trace.reader import TraceReader

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals of Unix")
PROGRAM = """
import sys
import graphscope as gs
from graphscope import nn, optim
net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
optimizer = optim.SGD(net.parameters(), lr=0.1)
x, y = gs.randn(8, 4), gs.randint(0, 2, (8,))
def train(steps):
    for k in range(steps):
        optimizer.zero_grad()
        out = net(x)
        loss = nn.functional.cross_entropy(out, y)
        loss.backward()
        optimizer.step()
"""
WAITS = (
    PROGRAM
    + """
gs.breakpoint("relu", step=3)
gs.breakpoint("relu", step=5)
with gs.profile(sys.argv[1], control=True) as p:
    train(8)
print("through", flush=True)
"""
)


def until(stream, text, seconds=20.0):
    """What the program says, up to and with ``text``."""
    said = b""
    end = time.monotonic() + seconds
    while text not in said:
        assert time.monotonic() < end, said
        said += os.read(stream, 4096)
    return said


def test_ctrl_c_resumes_once_and_then_ends_it(tmp_path):
    def start(name):
        command = [sys.executable, "-u", "-c", WAITS, str(tmp_path / name)]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=ROOT, **pipes)

    with start("once") as program:
        said = until(program.stderr.fileno(), b"Ctrl-C once")
        assert b"paused in step 3 at op 2 of 15 (relu in net.1, <string>:" in said
        assert b"Enter" not in said  # there is nobody to press it
        program.send_signal(signal.SIGINT)
        said = until(program.stderr.fileno(), b"paused in step 5")
        assert b"resumed by Ctrl-C; once more ends the program" in said
        program.send_signal(signal.SIGINT)
        assert program.stdout.read() == b"through\n" and program.wait(20) == 0
    reader = TraceReader(tmp_path / "once.gscope")
    assert reader.state() == "finished" and len(reader.steps()) == 8

    with start(
        "killed"
    ) as program:  # killed while it waits: the trace opens, and ends where it stood
        until(program.stderr.fileno(), b"Ctrl-C once")
        reader = TraceReader(tmp_path / "killed.gscope")
        end = time.monotonic() + 20
        while reader.revision()["control"]["state"] != "paused":
            assert time.monotonic() < end
            time.sleep(0.02)
        program.kill()
    reader = TraceReader(tmp_path / "killed.gscope")
    last = reader.step()
    assert (last.num, last.status) == (3, "paused") and "relu" in last.note
    assert len(reader.steps()) == 3 and reader.values(3).num == 3


def test_enter_resumes(tmp_path):
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-u", "-c", WAITS, str(tmp_path / "pty")])
    try:
        assert b"press Enter here" in until(terminal, b"Ctrl-C once")
        os.write(terminal, b"\n")
        assert b"resumed by Enter" in until(terminal, b"paused in step 5")
        os.write(terminal, b"\n")
        until(terminal, b"through")
    finally:
        os.waitpid(pid, 0)
        os.close(terminal)


def debugged(code, script, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + code, str(tmp_path / "debug")],
        cwd=ROOT, input=script, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done


def test_debug_opens_pdb_at_the_op(tmp_path):
    code = """
with gs.debug("relu", step=2, once=True, path=sys.argv[1]):
    train(4)
print("through")
"""
    done = debugged(code, "p ('k is', k)\nn\np ('out is', tuple(out.shape))\nc\n", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "('k is', 2)" in done.stdout and "('out is', (8, 2))" in done.stdout
    assert "through" in done.stdout
    assert "paused in step 2 at op 2 of 15 (relu in net.1" in done.stderr
    with_control = TraceReader(tmp_path / "debug.gscope")
    assert len(with_control.steps()) == 4

    quit = debugged(code, "q\n", tmp_path / "q")
    assert quit.returncode != 0 and "through" not in quit.stdout


def test_debug_opens_pdb_at_an_exception(tmp_path):
    code = """
def wrong():
    width = 7
    return net(gs.randn(8, width))
try:
    with gs.debug(path=sys.argv[1]):
        train(2)
        wrong()
except RuntimeError as error:
    print("raised", type(error).__name__)
"""
    done = debugged(code, "p ('width is', width)\nq\n", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "raised ShapeError" in done.stdout
    assert "width is" in done.stdout
    reader = TraceReader(tmp_path / "debug.gscope")
    assert reader.state() == "failed"
