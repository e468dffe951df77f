"""Serving for real: ports, threads, processes, and a clean end."""

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from graphscope.errors import UsageError
from graphscope.webapp import serve
from graphscope.webapp.app import App
from graphscope.webapp.launch import START, dashboard


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def test_a_thread_serves_and_stops(runs, capsys):
    server = serve(runs, port=0, block=False)
    try:
        assert server.url in capsys.readouterr().out
        assert {entry["run"] for entry in fetch(server.url + "api/runs")} >= {"tiny", "failed"}
    finally:
        server.stop()
        server.stop()
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        fetch(server.url + "api/runs")


def test_a_taken_port_says_so_and_the_next_is_taken(runs, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = serve(runs, port=port, block=False)
        server.stop()
    assert f"Port {port} is taken, trying {port + 1}." in capsys.readouterr().out
    assert not server.url.endswith(f":{port}/")


def test_serving_ends_when_the_application_cannot_be_made(runs, monkeypatch, capsys):
    monkeypatch.setattr(App, "warm", lambda self: 1 / 0)
    with pytest.raises(UsageError, match="could not be loaded"):
        serve(runs, port=0)
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_an_address_that_is_not_ours(runs):
    with pytest.raises(UsageError, match="Cannot serve on 192.0.2.1"):
        serve(runs, host="192.0.2.1", port=0, block=False)


def test_other_addresses_demand_the_token(runs, capsys):
    server = serve(runs, host="0.0.0.0", port=0, token="word", block=False)
    try:
        said = capsys.readouterr().out
        assert "asks for its token" in said
        assert "?token=word" in said
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetch(server.url + "api/runs")
        assert refused.value.code == 401
        refused.value.close()
    finally:
        server.stop()


@pytest.mark.slow
def test_a_process_of_its_own(runs, capfd):
    board = dashboard(runs)
    try:
        assert fetch(board.url + "api/live?run=tiny")["state"] == "finished"
        # A cell that is run again shows the same one, and leaves no second process.
        assert dashboard(f"{runs}/../{runs.name}") is board
        assert f'src="{board.url}"' in board._repr_html_()
    finally:
        board.stop()
        board.stop()
    assert "has ended" in board._repr_html_()
    assert capfd.readouterr().err == ""
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        fetch(board.url + "api/runs")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to another process on Windows")
def test_ctrl_c_is_a_clean_end(runs):
    command = [sys.executable, "-m", "graphscope.webapp", str(runs), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline().startswith("Dashboard: http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=15)
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_the_page_waits_for_nothing_heavy(runs):
    """What serves the page is there at once; the engine, which the dashboard never uses, is never loaded."""
    code = START.replace(
        "from graphscope.webapp.__main__ import main\nsys.exit(main())",
        "import graphscope.webapp.__main__, graphscope.webapp.app\nprint(*sys.modules)\n"
        "from graphscope.webapp.answers import make\nothers = make('.')[1]\nprint(*sys.modules)\n"
        "others.get()\nprint(*sys.modules)",
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    page, home, all_pages = (set(line.split()) for line in told.stdout.splitlines())
    assert "graphscope.webapp.app" in page and "graphscope.trace.reader" in home
    assert "graphscope.webapp.api_compare" in all_pages
    assert not page & {"flask", "werkzeug", "numpy", "dash", "sqlite3"}
    assert "graphscope.analysis.rules" not in home
    assert not all_pages & {"dash", "dash_ag_grid", "plotly"}
    engine = re.compile(r"graphscope\.(engine|ops|record|nn|optim)\b")
    assert not [m for m in all_pages if engine.match(m)]
