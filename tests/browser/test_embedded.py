"""The dashboard where people are: in a notebook on another port, and through a tunnel from another machine."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from graphscope.webapp.launch import Dashboard
from graphscope.webapp.serve import serve
from tests import golden


class Answering:
    """Stands for the dashboard's process: it runs."""

    stdin = stdout = None

    def poll(self) -> None:
        return None

    def terminate(self) -> None: ...

    def wait(self, seconds: float = 0) -> None: ...


@pytest.fixture
def notebook(address: str) -> Iterator[str]:
    """A page of another origin on this machine that shows what a cell's last value says of itself."""
    cell = Dashboard(Answering(), f"{address}/")
    text = f"<!doctype html><title>notebook</title>{cell._repr_html_()}".encode()

    class Cell(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cell) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
    cell.stop()


def test_in_a_notebook(notebook: str, visit: Callable[..., Page]) -> None:
    page = visit("/", at=notebook)
    frame = page.frame_locator("iframe")
    expect(frame.locator("[data-card=parts] tbody, #notice h1").first).to_be_visible()
    frame.locator("#run").click()
    frame.locator("#gs-run-list [title=tiny]").click()
    expect(frame.locator("[data-card=loss-tile] h2")).to_have_text("Loss at step 2")
    frame.locator(".gs-rail a[data-page=graph]").click()
    expect(frame.locator(".gs-board")).to_have_attribute("data-step", "2")


@pytest.fixture
def finished(tmp_path: Path) -> Iterator[str]:
    """Where a folder with one finished run is served."""
    golden.build("tiny", tmp_path)
    server = serve(tmp_path, port=0, block=False)
    yield server.url.rstrip("/")
    server.stop()


def test_the_next_training(finished: str, tmp_path: Path, visit: Callable[..., Page]) -> None:
    """Where nothing was chosen the page goes on with the run that begins; where something was, it offers it."""
    page = visit("/", at=finished)
    expect(page.locator("#run")).to_have_text("tiny")
    chosen = visit("/home?run=tiny", at=finished)
    expect(chosen.locator("[data-card=loss-tile] h2")).to_have_text("Loss at step 2")
    golden.build("live", tmp_path)
    expect(page.locator("#run")).to_have_text("live")
    expect(page.locator(".gs-run-newer")).to_be_hidden()
    offer = chosen.get_by_role("button", name="live is being recorded: show it")
    expect(offer).to_be_visible()
    expect(chosen.locator("#run")).to_have_text("tiny")
    offer.click()
    expect(chosen.locator("#run")).to_have_text("live")
    expect(offer).to_be_hidden()


@pytest.fixture
def tunnel(address: str) -> Iterator[str]:
    """What ``ssh -L 9000:127.0.0.1:8050 machine`` does: another port that leads to the dashboard's."""
    to = urlsplit(address)
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:  # the other side has gone
            pass

    def carry(near: socket.socket) -> None:
        with closing(near), closing(socket.create_connection((to.hostname, to.port))) as far:
            back = threading.Thread(target=pump, args=(far, near), daemon=True)
            back.start()
            pump(near, far)
            back.join()

    def accept() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=carry, args=(near,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://localhost:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_through_a_tunnel(tunnel: str, visit: Callable[..., Page]) -> None:
    page = visit("/home?run=digits_like", at=tunnel)
    expect(page.locator("[data-card=parts] tbody")).to_be_visible()
    page.locator(".gs-rail a[data-page=graph]").click()
    expect(page.locator(".gs-board")).to_have_attribute("data-step", "59")
    # What changes something passes too: it comes from our own page, under the name that was asked for.
    headers = {
        "Content-Type": "application/json",
        "Origin": tunnel,
        "X-Graphscope-Token": page.evaluate("() => gs.token()"),
    }
    body = json.dumps({"run": "tiny", "kind": "no such", "data": {}}).encode()
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(f"{tunnel}/api/command", body, headers))
    with refused.value as answer:
        assert answer.code == 400 and "no such" in json.load(answer)["error"]
