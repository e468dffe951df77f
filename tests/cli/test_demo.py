"""``graphscope demo``: it learns, it records, it finds a port, and it ends cleanly."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from graphscope.cli import main
from graphscope.trace.reader import TraceReader


@pytest.mark.parametrize(
    "words,says",
    [
        (["--no-serve", "--no-train"], "nothing to do"),
        (["--no-train"], "no run in"),
        (["--port", "70000"], "no port"),
        (["--epochs", "0"], "not a positive number"),
        (["--epochs", "many"], "not a positive number"),
        (["--fast"], "unrecognized arguments: --fast"),
    ],
)
def test_mistakes_get_one_line_and_exit_code_2(words, says, capsys, tmp_path):
    assert main(["demo", "--runs", str(tmp_path / "runs"), *words]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_runs_that_is_a_file(capsys, tmp_path):
    (tmp_path / "runs").write_text("x")
    assert main(["demo", "--no-serve", "--runs", str(tmp_path / "runs")]) == 2
    assert "is a file" in capsys.readouterr().err


@pytest.mark.slow
def test_it_learns_records_and_returns(tmp_path):
    words = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "graphscope.cli",
        "demo",
        "--no-serve",
        "--runs",
        "runs",
    ]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = re.search(r"Test accuracy ([\d.]+)%", done.stdout)
    assert found and float(found[1]) >= 96
    assert "recording cost" in done.stdout
    reader = TraceReader(tmp_path / "runs" / "digits.gscope")
    assert reader.state() == "finished"
    count = re.search(r"after (\d+) steps", done.stdout)
    assert count and len(reader.steps("train").num) == int(count[1])
    scalars = reader.scalars()
    assert len(scalars["loss/train"][0]) == int(count[1])
    assert scalars["accuracy/test"][1][-1] >= 0.96


@pytest.fixture
def taken_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends Ctrl-C as a signal")
def test_it_serves_while_it_trains_and_ctrl_c_ends_it_cleanly(tmp_path, taken_port):
    words = [sys.executable, "-m", "graphscope.cli", "demo", "--epochs", "2", "--no-browser"]
    process = subprocess.Popen(
        [*words, "--port", str(taken_port)],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    seen = url = ""
    try:
        for line in process.stdout:
            seen += line
            found = re.search(r"http://127\.0\.0\.1:\d+/", line)
            if found and not url:
                url = found[0]
                # Printed before the training ends: the page answers already.
                with urllib.request.urlopen(url, timeout=20) as answer:
                    assert answer.status == 200
            if "Ctrl-C" in line:
                break
        assert url, seen
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
        seen += rest
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, seen
    assert f"Port {taken_port} is taken" in seen
    assert "Traceback" not in seen
    with pytest.raises(OSError):
        urllib.request.urlopen(url, timeout=5)
