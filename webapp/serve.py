"""Serve the dashboard from this process, until Ctrl-C."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import webbrowser
from pathlib import Path
from typing import Any

from waitress import wasyncore

from graphscope.errors import UsageError

TRIES = 20
OUTBUF = 64 << 20  # bytes of one answer that may wait in memory
THREADS = 8  # a page asks for a handful of things at once; answers are short


class Server:
    """A dashboard that is being served. ``url`` is where; ``stop()`` ends it."""

    def __init__(self, server: Any, url: str) -> None:
        self._server = server
        self._thread: threading.Thread | None = None
        self._stopped = False
        self.url = url

    def run(self) -> None:
        """Serve in this thread until Ctrl-C or ``stop``."""
        try:
            self._server.run()
        except KeyboardInterrupt:  # between waitress's own loops
            pass
        finally:
            self._server.close()

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
        sockets = self._server._map
        # In the serving thread, which may be waiting for connections that a browser keeps open.
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
    from graphscope.webapp import security
    from graphscope.webapp.app import create_app

    open_to_others = not security.is_loopback(host)
    secret = token or secrets.token_urlsafe(24)
    # Bound to every address, the name under which we are asked is the reader's choice: the token guards.
    app = create_app(path, token=secret, hosts={host}, gate=open_to_others)
    if open_to_others:
        print(f"Others can reach {host}: the dashboard asks for its token. Prefer an ssh tunnel.")
    server = _bind(app, host, port)
    # While a browser reads the page. What fails here fails for whoever asks, too.
    threading.Thread(target=app.warm, name="graphscope-warm", daemon=True).start()
    try:
        return _announce(server, host, secret if open_to_others else "", open_browser, block)
    except KeyboardInterrupt:
        server.close()
        return Server(server, "")


def _announce(server: Any, host: str, secret: str, open_browser: bool, block: bool) -> Server:
    shown = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    where = f"http://{shown}:{server.effective_port}/"
    url = f"{where}?token={secret}" if secret else where
    print(f"Dashboard: {url}", flush=True)
    if open_browser:
        webbrowser.open(url)
    handle = Server(server, where)
    if not block:
        return handle.start()
    handle.run()
    return handle


def _bind(app: Any, host: str, port: int) -> Any:
    """A waitress server on ``port``, or on the next free one.

    Raises: UsageError when none is free.
    """
    import waitress

    # It warns whenever a request waits for a thread, which at start is every time.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
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
        return waitress.create_server(
            app,
            sockets=[listener],
            threads=THREADS,
            ident="graphscope",
            # Answers stay in memory: beyond this waitress writes them to a temporary file, which it
            # leaves open when the browser goes away in the middle of plotly's 5 MB.
            outbuf_overflow=OUTBUF,
        )
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
