"""The dashboard as a WSGI application: the page, the answers, Dash, and the guard at the door.

The page and its two files need a few light modules only. What answers (Flask, numpy, everything that reads
traces) and what draws tables and charts (Dash) are applications of their own, made when they are first asked
for: so a browser reads the page while the rest is still being imported.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from graphscope.webapp import islands, libs, security
from graphscope.webapp.index import Index
from graphscope.webapp.part import Part

if TYPE_CHECKING:
    from dash import Dash
    from flask import Flask

    from graphscope.webapp.runs import RunDirectory

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
CALM = 1.0  # seconds in which the processor is for the first page and its numbers
_OF_PAGE = "HTTP_X_GRAPHSCOPE_PAGE"  # the header with which the page's own script asks
_SENTENCES = ("400", "404")
_FOR_EVER = "private, max-age=31536000, immutable"  # the address names this very content


class App:
    """What ``create_app`` returns: call it as a WSGI application, or take ``server`` to test it."""

    def __init__(
        self, source: RunDirectory | Path | str, token: str, hosts: Collection[str], gate: bool
    ) -> None:
        self._source = source
        self._index = Index(token)
        self._answers = Part(self._make_answers)
        self._dash = Part(self._make_dash)
        self._guarded = security.Guard(self._inside, token, hosts, gate)
        self.ending = threading.Event()  # set it, and answers that would go on for a while end

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["graphscope.ending"] = self.ending
        return self._guarded(environ, start_response)

    @property
    def server(self) -> Flask:
        """The Flask application of the answers; what it is asked goes through the whole of this one."""
        server: Flask = self._answers.get()[0]
        return server

    def warm(self) -> None:
        """Make what answers, so that no question need wait for it; first what is asked first."""
        others = self._answers.get()[2]
        time.sleep(CALM)
        others.get()

    @property
    def dash(self) -> Dash:
        """The Dash application of the tables and charts."""
        return self._dash.get()[0]

    def _inside(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO") or "/"
        if path.startswith("/api/"):
            answers: Wsgi = self._answers.get()[1]
            return answers(
                environ, _quiet(start_response) if _OF_PAGE in environ else start_response
            )
        if path.startswith(islands.PREFIX):
            drawn: Wsgi = self.dash.server
            return drawn(environ, start_response)
        return self._page(path, environ, start_response)

    def _page(self, path: str, environ: dict[str, Any], start: Any) -> list[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _send(environ, start, "405 Method Not Allowed", "text/plain", b"")
        query = environ.get("QUERY_STRING", "")
        if path == "/":
            where = f"/home?{query}" if query else "/home"
            return _send(environ, start, "302 Found", "text/plain", b"", ("Location", where))
        if path == libs.CHARTS:
            known = query == libs.charts_address().partition("?")[2]
            keep = ("Cache-Control", _FOR_EVER if known else "no-cache")
            return _send(environ, start, "200 OK", "text/javascript", libs.charts(), keep)
        if path.startswith("/assets/"):
            now = self._index.bundle.now()
            if path not in now.bodies:
                return _send(
                    environ, start, "404 Not Found", "text/plain", b"There is no such file."
                )
            known = parse_qs(query).get("v") == [now.digests[path]]
            kind = "text/css" if path.endswith(".css") else "text/javascript"
            keep = ("Cache-Control", _FOR_EVER if known else "no-cache")
            return _send(environ, start, "200 OK", kind, now.bodies[path], keep)
        page, drawn = self._index.page(path), self._dash.made
        if page.wants == "tables" and drawn is None:  # it will be asked for in a moment
            threading.Thread(target=self._tables, name="graphscope-dash", daemon=True).start()
        body = self._index.html(page, drawn and drawn[1])
        return _send(environ, start, "200 OK", "text/html", body, ("Cache-Control", "no-cache"))

    def _tables(self) -> None:
        """Dash, after what answers: the page shows the first rows without it."""
        self._answers.get()[2].get()
        self._dash.get()

    def _make_dash(self) -> tuple[Dash, tuple[str, list[str]]]:
        made = islands.make()
        return made, islands.wanted(made)

    def _make_answers(self) -> tuple[Flask, Wsgi, Part[Flask]]:
        from graphscope.webapp.answers import make

        server, others = make(self._source)
        inside = server.wsgi_app
        server.wsgi_app = self  # type: ignore[method-assign]
        return server, inside, others


def create_app(
    source: RunDirectory | Path | str,
    *,
    token: str | None = None,
    hosts: Collection[str] = (),
    gate: bool = False,
) -> App:
    """The dashboard over a folder of runs (or one trace), as a WSGI application.

    Args:
        token: what requests that control a run must carry; random when not given.
        hosts: names besides localhost under which the page may be asked for.
        gate: demand the token for everything, for addresses that others can reach.
    """
    return App(source, token or secrets.token_urlsafe(24), hosts, gate)


def _quiet(start_response: Any) -> Any:
    """What is answered with a sentence is no fault of the page: its browser would note every one as an error.

    The page is told 200 and reads the status out of a header; whoever else asks gets the status itself.
    """

    def started(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
        if status[:3] in _SENTENCES:
            status, headers = "200 OK", [*headers, ("X-Graphscope-Status", status[:3])]
        return start_response(status, headers, error)

    return started


def _send(
    environ: dict[str, Any], start: Any, status: str, kind: str, body: bytes, *more: tuple[str, str]
) -> list[bytes]:
    length = ("Content-Length", str(len(body)))
    start(status, [("Content-Type", f"{kind}; charset=utf-8"), length, *more])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
