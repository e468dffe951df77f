"""Whether the program behind a run is still there."""

import os
import subprocess
import sys

import pytest

from graphscope.trace import alive
from graphscope.trace.reader import TraceReader
from tests import golden

pytestmark = pytest.mark.skipif(not alive.mark(), reason="this system has no /proc")


def test_a_program_is_there_until_it_is_killed():
    code = "from graphscope.trace.alive import mark; print(mark(), flush=True); input()"
    program = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with program:
        mark = program.stdout.readline().strip()
        assert mark and not alive.gone(mark)
        program.kill()
        os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)  # a zombie: nobody has reaped it
        assert alive.gone(mark)
    assert alive.gone(mark)


def test_a_number_that_was_given_out_again_is_another_program():
    machine, pid, began = alive.mark().split(":")
    assert not alive.gone(f"{machine}:{pid}:{began}")
    assert alive.gone(f"{machine}:{pid}:{int(began) + 1}")


@pytest.mark.parametrize("mark", ["", "x", "::", "0123:1:2", "<script>:1:1"])
def test_of_elsewhere_nothing_is_claimed(mark):
    assert not alive.gone(mark)


def test_the_reader_says_so_at_once(tmp_path, monkeypatch):
    with TraceReader(golden.build("live", tmp_path)) as reader:
        assert reader.state() == "live" and reader.revision()["gone"] is False
        monkeypatch.setattr(alive, "_began", lambda pid: "")
        assert reader.state() == "stale" and reader.revision()["gone"] is True
