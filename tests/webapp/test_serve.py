"""Starting and ending: ports, the address that is printed, Ctrl-C, and the process beside a training."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from graphscope.errors import UsageError
from graphscope.webapp.launch import dashboard
from graphscope.webapp.serve import serve
from tests import golden


@pytest.fixture
def folder(tmp_path):
    golden.build("tiny", tmp_path)
    return tmp_path


def get(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()


def test_port_zero_takes_a_free_one_and_says_which(folder, capsys):
    server = serve(folder, port=0, block=False)
    try:
        assert server.url in capsys.readouterr().out
        assert urlsplit(server.url).port not in (0, None)
        assert [run["run"] for run in json.loads(get(server.url + "api/runs"))] == ["tiny"]
    finally:
        server.stop()


def test_stop_frees_the_port(folder):
    server = serve(folder, port=0, block=False)
    server.stop()
    server.stop()
    with pytest.raises(OSError):
        get(server.url + "api/runs")


def test_a_taken_port_is_said_and_the_next_is_taken(folder, capsys):
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        first.listen()
        port = first.getsockname()[1]
        server = serve(folder, port=port, block=False)
        try:
            assert f"Port {port} is taken" in capsys.readouterr().out
            assert urlsplit(server.url).port > port
        finally:
            server.stop()


def test_an_address_that_is_not_ours_is_a_sentence(folder):
    with pytest.raises(UsageError, match=r"203\.0\.113\.1"):
        serve(folder, host="203.0.113.1", port=0, block=False)


def test_localhost_is_one_address_and_one_port(folder):
    server = serve(folder, host="localhost", port=0, block=False)
    try:
        assert get(server.url + "api/runs").startswith("[")
    finally:
        server.stop()


def test_other_addresses_ask_for_the_token(folder, capsys):
    server = serve(folder, host="0.0.0.0", port=0, token="secret-of-the-test", block=False)
    try:
        said = capsys.readouterr().out
        assert "token=secret-of-the-test" in said and "others" in said.lower()
        local = f"http://127.0.0.1:{urlsplit(server.url).port}/"
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(local + "api/runs")
        refused.value.close()
        assert refused.value.code == 401
    finally:
        server.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT for one process")
def test_ctrl_c_ends_it_quietly_with_zero(folder):
    command = [sys.executable, "-m", "graphscope.webapp", str(folder), "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    try:
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line
        get(line.split()[-1] + "api/runs")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
        assert process.returncode == 0 and "Traceback" not in err, err
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_dashboard_runs_beside_and_ends(folder):
    board = dashboard(folder)
    try:
        assert board.url.endswith("/") and board.url in repr(board)
        assert "graphscope" in get(board.url + "graph").lower()
    finally:
        board.stop()
    board.stop()
    with pytest.raises(OSError):
        get(board.url + "api/runs")


def test_dashboard_starts_before_the_folder_exists(tmp_path):
    board = dashboard(tmp_path / "runs")
    try:
        assert json.loads(get(board.url + "api/runs")) == []
        golden.build("one_step", tmp_path / "runs")
        assert json.loads(get(board.url + "api/runs"))[0]["run"] == "one_step"
    finally:
        board.stop()


def test_dashboard_ends_with_the_program_that_started_it(folder):
    program = (
        "import sys; from graphscope.webapp.launch import dashboard\n"
        "board = dashboard(sys.argv[1]); print(board.url, flush=True); import os; os._exit(1)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, timeout=60
    )
    url = done.stdout.split()[-1]
    for _ in range(50):
        try:
            get(url + "api/runs")
        except OSError:
            return
        time.sleep(0.1)
    pytest.fail("the dashboard outlived the program")
