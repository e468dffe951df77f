"""Who may talk to the dashboard. It is a local program that will be able to steer a training.

Against pages of other sites in the same browser: the Host header must name this machine (DNS
rebinding), requests that change something must come from our own page, be JSON and carry a token
that only our page knows. Against scripts in names out of a trace: a content security policy that
allows no inline script at all.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
from collections.abc import Callable, Collection, Iterable
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

COOKIE = "graphscope"
CONTROL = "/api/control/"
COMMAND = "/api/command"  # asking what became of one needs no token
# Who may show the dashboard in a frame: a notebook that is served by this machine too, on whatever port, and the
# windows of VS Code, whose addresses no web page can have.
LOCAL = (
    "'self' http://localhost:* http://127.0.0.1:* https://localhost:* https://127.0.0.1:*"
    " vscode-webview: vscode-file:"
)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Answer = tuple[str, Headers, bytes]


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or address without port) can only be this machine."""
    if host.lower() in ("localhost", "localhost."):
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


def host_name(value: str) -> str:
    """The name in a Host header: ``[::1]:80`` -> ``::1``; empty when it makes no sense."""
    try:
        return urlsplit(f"//{value}").hostname or ""
    except ValueError:
        return ""


class Guard:
    """A WSGI application that checks every request before ``inside`` answers it, and marks every answer."""

    def __init__(
        self,
        inside: Callable[[Environ, Any], Iterable[bytes]],
        token: str,
        hosts: Collection[str],
        gate: bool = False,
    ) -> None:
        """
        Args:
            token: what requests that control a run must carry.
            hosts: names besides the loopback ones under which the dashboard may be asked for.
            gate: demand the token for everything (for addresses that others can reach).
        """
        self._inside = inside
        self._token = token
        self._hosts = {h.lower() for h in hosts}
        self._gate = gate
        self._marks = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Content-Security-Policy": _policy("'self'" if gate else LOCAL),
            "Cross-Origin-Resource-Policy": "same-origin",
        }

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        marks = self._marks
        if environ.get("PATH_INFO", "").startswith("/api/"):
            marks = marks | {"Cache-Control": "no-store"}
        ours = {name.lower() for name in marks}

        def marked(status: str, headers: Headers, error: Any = None) -> Any:
            kept = [pair for pair in headers if pair[0].lower() not in ours]
            return start_response(status, kept + list(marks.items()), error)

        refusal = self._refusal(environ)
        if refusal is None:
            return self._inside(environ, marked)
        status, headers, body = refusal
        marked(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def _refusal(self, environ: Environ) -> Answer | None:
        """What a request gets that is not let in; None lets it in."""
        name = host_name(environ.get("HTTP_HOST", ""))
        if not (is_loopback(name) or name.lower() in self._hosts):
            return _no(
                "403 Forbidden", "This dashboard is asked for under a name that it does not know."
            )
        changes = environ["REQUEST_METHOD"] not in _SAFE
        if changes:
            if not _own_origin(environ):
                return _no("403 Forbidden", "Only the dashboard's own page may change something.")
            kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
            if kind != "application/json":
                return _no(
                    "415 Unsupported Media Type", "A request that changes something is JSON."
                )
        path = environ.get("PATH_INFO", "")
        steers = path.startswith(CONTROL) or (path == COMMAND and changes)
        if steers and not self._knows(environ):
            return _no("403 Forbidden", "This needs the dashboard's token; reload the page.")
        return self._at_gate(environ) if self._gate else None

    def _at_gate(self, environ: Environ) -> Answer | None:
        """The token comes once in the address, then lives in a cookie that scripts cannot read."""
        given = parse_qs(environ.get("QUERY_STRING", "")).get("token", [""])[0]
        if environ["REQUEST_METHOD"] == "GET" and _same(given, self._token):
            # One slash: an address that begins with two leads to another machine.
            path = "/" + quote(environ.get("PATH_INFO", "").lstrip("/").encode("latin-1"))
            cookie = f"{COOKIE}={quote(self._token, safe='')}; HttpOnly; Path=/; SameSite=Strict"
            return "302 Found", [("Location", path), ("Set-Cookie", cookie)], b""
        for pair in environ.get("HTTP_COOKIE", "").split(";"):
            name, _, held = pair.strip().partition("=")
            if name == COOKIE and _same(held, quote(self._token, safe="")):
                return None
        if self._knows(environ):
            return None
        return _no(
            "401 Unauthorized",
            "Open the full address that graphscope printed; it ends with ?token=...",
        )

    def _knows(self, environ: Environ) -> bool:
        return _same(environ.get("HTTP_X_GRAPHSCOPE_TOKEN", ""), self._token)


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())


def _policy(frames: str) -> str:
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",  # plotly and React set style attributes
            "img-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            f"frame-ancestors {frames}",
        )
    )


def _own_origin(environ: Environ) -> bool:
    """Browsers say where a request comes from; a program such as curl says nothing and may pass."""
    origin = environ.get("HTTP_ORIGIN")
    if (
        origin is not None
        and origin != f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}"
    ):
        return False
    return environ.get("HTTP_SEC_FETCH_SITE", "none") in ("same-origin", "none")


def _no(status: str, sentence: str) -> Answer:
    body = json.dumps({"error": sentence}).encode()
    return status, [("Content-Type", "application/json")], body
