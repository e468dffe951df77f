"""Serve the dashboard from this process, until Ctrl-C."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from graphscope.errors import UsageError

TRIES = 20
OUTBUF = 64 << 20  # bytes of one answer that may wait in memory
PATIENCE = 1.0  # seconds that answers under way have when serving ends
THREADS = 11  # a page asks for a handful of things at once; answers are short but for three (api_live.STREAMS)


class Server:
    """A dashboard that is being served. ``url`` is where; ``stop()`` ends it."""

    def __init__(self, server: Any, url: str, ending: Callable[[], None] = lambda: None) -> None:
        """``ending`` is called when serving is about to end."""
        self._server = server
        self._ending = ending
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._failed = False
        self.url = url

    def warm(self, make: Callable[[], None]) -> None:
        """Have the rest of the application made in the background; where that fails, serving ends."""

        def work() -> None:
            try:
                make()
            except BaseException:
                import traceback

                traceback.print_exc()
                self._failed = True
                self.stop()

        threading.Thread(target=work, name="graphscope-warm", daemon=True).start()

    def run(self) -> None:
        """Serve in this thread until Ctrl-C or ``stop``.

        Raises: UsageError when the application could not be made.
        """
        try:
            self._server.run()
        except KeyboardInterrupt:  # between waitress's own loops
            pass
        finally:
            self._server.close()
            self._ending()
        if self._failed:
            raise UsageError("The dashboard could not be loaded; the reason is above.")

    def start(self) -> Server:
        """Serve in a thread of its own."""
        self._thread = threading.Thread(target=self._quietly, name="graphscope-view", daemon=True)
        self._thread.start()
        return self

    def _quietly(self) -> None:
        try:
            self._server.run()
        except OSError:  # select on the socket that stop() has closed
            pass

    def stop(self) -> None:
        """End serving; a second call does nothing."""
        if self._stopped:
            return
        self._stopped = True
        from waitress import wasyncore

        # What is being answered ends first: waitress would complain in the log of an answer whose socket went.
        self._ending()
        until = time.monotonic() + PATIENCE
        while self._server.task_dispatcher.active_count > 0 and time.monotonic() < until:
            time.sleep(0.005)
        sockets = self._server._map
        # In the serving thread, which may be waiting for connections that a browser keeps open.
        with suppress(OSError):  # that thread was awake, and has done it already
            self._server.trigger.pull_trigger(lambda: wasyncore.close_all(sockets, ignore_all=True))
        if self._thread is not None:
            self._thread.join(5)
            self._thread = None
        self._server.task_dispatcher.shutdown()

    close = stop


def serve(
    path: Path | str,
    host: str = "127.0.0.1",
    port: int = 8050,
    open_browser: bool = False,
    token: str | None = None,
    block: bool = True,
) -> Server:
    """Serve the runs under ``path`` and print the address.

    Args:
        port: a taken port says so and the next one is tried; 0 takes any free one.
        token: the secret for ``host`` other than this machine; random when not given.
        block: serve here until Ctrl-C; False serves in a thread and returns at once.

    Raises: UsageError when no port is free or the address does not belong to this machine.
    """
    import secrets

    from graphscope.webapp import security

    open_to_others = not security.is_loopback(host)
    secret = token or secrets.token_urlsafe(24)
    if open_to_others:
        print(f"Others can reach {host}: the dashboard asks for its token. Prefer an ssh tunnel.")
    listener = _listening(host, port)
    try:
        # Told before the rest is imported: a browser may ask from here on, and waits in the socket's queue.
        where = _announce(listener, host, secret if open_to_others else "", open_browser)
        server, app = _made(path, listener, host, secret, open_to_others)
    except BaseException as error:
        listener.close()
        if isinstance(error, KeyboardInterrupt):
            raise SystemExit(0) from None
        raise
    handle = Server(server, where, app.ending.set)
    handle.warm(app.warm)
    if not block:
        return handle.start()
    handle.run()
    return handle


def _announce(listener: socket.socket, host: str, secret: str, open_browser: bool) -> str:
    shown = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    where = f"http://{shown}:{listener.getsockname()[1]}/"
    url = f"{where}?token={secret}" if secret else where
    print(f"Dashboard: {url}", flush=True)
    if open_browser:
        import webbrowser

        webbrowser.open(url)
    return where


def _made(path: Path | str, listener: socket.socket, host: str, secret: str, gate: bool) -> Any:
    """The waitress server, and the application that it serves."""
    import logging

    import waitress

    from graphscope.webapp.app import create_app

    # It warns whenever a request waits for a thread, which at start is every time.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    # Bound to every address, the name under which we are asked is the reader's choice: the token guards.
    app = create_app(path, token=secret, hosts={host}, gate=gate)
    server = waitress.create_server(
        app,
        sockets=[listener],
        threads=THREADS,
        ident="graphscope",
        # Answers stay in memory: beyond this waitress writes them to a temporary file, which it
        # leaves open when the browser goes away in the middle of plotly's 5 MB.
        outbuf_overflow=OUTBUF,
    )
    return server, app


def _listening(host: str, port: int) -> socket.socket:
    """A socket on ``port``, or on the next free one, on which the system takes connections.

    Raises: UsageError when none is free.
    """
    last = port if port == 0 else min(port + TRIES - 1, 65535)
    for candidate in range(port, last + 1):
        try:
            listener = _listener(host, candidate)
        except OSError as error:
            if not _is_taken(error):
                raise UsageError(f"Cannot serve on {host}: {error.strerror or error}.") from error
            if candidate < last:
                print(f"Port {candidate} is taken, trying {candidate + 1}.", flush=True)
            continue
        listener.listen()
        return listener
    raise UsageError(
        f"The ports {port} to {last} are all taken; choose another with --port, or 0 for any."
    )


def _listener(host: str, port: int) -> socket.socket:
    """One socket: a name with two addresses (localhost) is served on the first, which has one port.

    Bound here and not by waitress, which leaves sockets open when it fails.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        "127.0.0.1" if host == "localhost" else host, port, type=socket.SOCK_STREAM
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def _is_taken(error: OSError) -> bool:
    import errno

    return error.errno in (errno.EADDRINUSE, errno.EACCES)
