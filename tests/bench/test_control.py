"""The benchmark of idle control runs, and looking for commands costs microseconds."""

from __future__ import annotations

from time import thread_time_ns

import graphscope as gs
from tests.bench import control


def test_the_benchmark_runs(capsys):
    assert control.main(["--blocks", "1", "--seconds", "0.02", "--program", "chain"]) > 0
    assert "control=True, idle" in capsys.readouterr().out


def test_a_look_at_the_file_is_nearly_free(tmp_path):
    with gs.profile(tmp_path / "x", control=True) as p:
        controller = p._recorder.control
        controller.poll()
        best = 1 << 60
        for _ in range(20):
            t = thread_time_ns()
            for _ in range(20):
                controller.poll()
            best = min(best, (thread_time_ns() - t) / 20)
    # ten times a second: 100 us were 0.1 % of the time; it takes about 4
    assert best < 100_000
