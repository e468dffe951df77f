"""The revision card of the watched run and, with it, what the page shows of it: one request where there were many.

A page asks four times a second whether there is something new. What it would then ask for comes along in the same
answer, where it is new: a request of its own costs browser and server more than most of these answers do.

    /api/live?run=digits&also=run,steps~digits|41~/api/home?run=digits

``also`` may stand there several times: counters of the card, their values when the page was last told, and a
question. The card then has ``also``, a list with one entry each: null when those counters have not moved, else
``{"status": 200, "data": the answer}``. ``with`` are the runs that are drawn beside the watched one, as in the
page's address; the card then has ``others``, which changes when one of them was written to.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from flask import Flask, Response, request

from graphscope.errors import GraphScopeError
from graphscope.webapp.queries.card import live_json
from graphscope.webapp.runs import RunDirectory

ALONG = frozenset(
    f"/api/{name}"
    for name in ("findings", "home", "logged", "memory", "memory/run", "node", "ops", "roof", "step", "strip", "values")
)  # fmt: skip
"""What may come along: questions about a run. None of them changes anything or needs the token."""
MOST = 8
OTHERS = 50  # runs beside the watched one whose news are told


def register(server: Flask, source: RunDirectory) -> None:
    """Add ``/api/live``."""

    def live() -> tuple[Response, int]:
        try:
            card = live_json(source, request.args.get("run", ""))
            others = [unquote(name) for name in request.args.get("with", "").split(",") if name]
            if others:
                card["others"] = source.written(others[:OTHERS])
        except GraphScopeError as error:
            return _json(server.json.dumps({"error": str(error)})), 404
        text = server.json.dumps(card)
        asked = request.args.getlist("also")[:MOST]
        if asked:
            parts = ",".join(_along(server, card, one) for one in asked)
            text = f'{text[:-1]},"also":[{parts}]}}'
        return _json(text), 200

    server.add_url_rule("/api/live", "gs_live", live)


def _along(server: Flask, card: dict[str, Any], asked: str) -> str:
    """The JSON of one answer."""
    names, _, rest = asked.partition("~")
    seen, _, url = rest.partition("~")
    if "|".join(told(card.get(name)) for name in names.split(",")) == seen:
        return "null"
    path, _, query = url.partition("?")
    if path not in ALONG:
        return '{"status":404,"data":{"error":"There is no such question."}}'
    own = {k: v for k, v in request.environ.items() if not k.startswith(("werkzeug.", "flask."))}
    own |= {"PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": "GET"}
    with server.request_context(own):
        answer = server.full_dispatch_request()
    return f'{{"status":{answer.status_code},"data":{answer.get_data(as_text=True)}}}'


def told(value: Any) -> str:
    """A counter as the page's script writes it.

    >>> told(None), told(True), told(7)
    ('', 'true', '7')
    """
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _json(text: str) -> Response:
    return Response(text, mimetype="application/json")
