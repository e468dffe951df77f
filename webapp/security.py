"""Who may talk to the dashboard. It is a local program that will be able to steer a training.

Against pages of other sites in the same browser: the Host header must name this machine (DNS
rebinding), requests that change something must come from our own page, be JSON and carry a token
that only our page knows. Against scripts in names out of a trace: a content security policy that
allows no inline script but Dash's own.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, redirect, request

TOKEN_HEADER = "X-Graphscope-Token"
COOKIE = "graphscope"
CONTROL = "/api/control/"
COMMAND = "/api/command"  # asking what became of one needs no token
# Who may show the dashboard in a frame: a notebook that is served by this machine too, on whatever port.
LOCAL = "'self' http://localhost:* http://127.0.0.1:* https://localhost:* https://127.0.0.1:*"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


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


def protect(
    server: Flask, token: str, hosts: Collection[str], scripts: Collection[str], gate: bool = False
) -> None:
    """Check every request before it is answered, and mark every answer.

    Args:
        token: what requests that control a run must carry.
        hosts: names besides the loopback ones under which the dashboard may be asked for.
        scripts: CSP hashes of the inline scripts (``app.csp_hashes()``).
        gate: demand the token for everything (for addresses that others can reach).
    """
    allowed = {h.lower() for h in hosts}
    policy = _policy(scripts, LOCAL if not gate else "'self'")

    def refused() -> Any:
        name = host_name(request.host)
        if not (is_loopback(name) or name.lower() in allowed):
            return _no(403, "This dashboard is asked for under a name that it does not know.")
        if request.method not in _SAFE:
            if not _own_origin():
                return _no(403, "Only the dashboard's own page may change something.")
            if request.mimetype != "application/json":
                return _no(415, "A request that changes something is JSON.")
        steers = request.path.startswith(CONTROL) or (
            request.path == COMMAND and request.method not in _SAFE
        )
        if steers and not _same(request.headers.get(TOKEN_HEADER, ""), token):
            return _no(403, "This needs the dashboard's token; reload the page.")
        return _at_gate(token) if gate else None

    def marked(answer: Response) -> Response:
        headers = answer.headers
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Content-Security-Policy"] = policy
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if request.path.startswith("/api/"):
            headers["Cache-Control"] = "no-store"
        return answer

    server.before_request(refused)
    server.after_request(marked)


def _policy(scripts: Collection[str], frames: str) -> str:
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(("script-src 'self'", *scripts)),
            "style-src 'self' 'unsafe-inline'",  # plotly and React set style attributes
            "img-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            f"frame-ancestors {frames}",
        )
    )


def _own_origin() -> bool:
    """Browsers say where a request comes from; a program such as curl says nothing and may pass."""
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.host}":
        return False
    return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")


def _at_gate(token: str) -> Any:
    """The token comes once in the address, then lives in a cookie that scripts cannot read."""
    given = request.args.get("token", "")
    if _same(given, token) and request.method == "GET":
        answer = redirect(request.path)
        answer.set_cookie(COOKIE, token, httponly=True, samesite="Strict")
        return answer
    known = request.cookies.get(COOKIE, "") or request.headers.get(TOKEN_HEADER, "")
    if _same(known, token):
        return None
    return _no(401, "Open the full address that graphscope printed; it ends with ?token=...")


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())


def _no(status: int, sentence: str) -> tuple[Response, int]:
    return jsonify({"error": sentence}), status
