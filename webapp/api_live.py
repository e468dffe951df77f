"""The revision card of the watched run and, with it, what the page shows of it: one request where there were many.

What a page would ask for comes along in the same answer, where it is new: a request of its own costs browser and
server more than most of these answers do.

    /api/live?run=digits&also=run,steps~digits|41~/api/home?run=digits

``also`` may stand there several times: counters of the card, their values when the page was last told, and a
question. The card then has ``also``, a list with one entry each: null when those counters have not moved, else
``{"status": 200, "data": the answer}`` (``"packed"``, as base64, where it is columns and no JSON). ``with`` are the
runs that are drawn beside the watched one, as in the page's address; the card then has ``others``, which changes when
one of them was written to.

``for=5`` lets the answer go on for so many seconds: a line for each card, sent when there is news (at most every
``every`` milliseconds; ``pace`` has that for each ``also``, and behind ``@`` how long ago it was answered; false stands
where it is not yet its turn), or once a second. To hear a line costs a browser a fifth of what a request does.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from flask import Flask, Response, request

from graphscope.errors import GraphScopeError
from graphscope.webapp.crowded import Crowd
from graphscope.webapp.queries.card import live_json
from graphscope.webapp.runs import RunDirectory

ALONG = frozenset(
    f"/api/{name}"
    for name in ("findings", "home", "logged", "memory", "memory/run", "node", "ops", "roof", "step", "strip", "timeline",
                 "timeline/blocks", "values")
)  # fmt: skip
"""What may come along: questions about a run. None of them changes anything or needs the token."""
PACKED = "application/octet-stream"
MOST = 8
OTHERS = 50  # runs beside the watched one whose news are told
STREAMS = 3  # answers that go on at once: each holds a thread, and a browser has six connections for all its tabs
LONGEST = 15.0  # seconds that an answer goes on: who went away is noticed by then
SHARE = 0.005  # of a processor is what one question of a page may take: what costs more than its pace allows waits
LATEST = 5.0  # seconds that such a question waits at most
READ = 1.0  # seconds: a question with a shorter pace is one that shows every step, and is not kept back
AT_ONCE = frozenset(("state", "control_rev"))  # they wait for no pace: a program that stops
HEART = 1.0  # seconds between two lines when there is no news
FAST = 0.5  # seconds from which on a page shows steps that nobody tells apart
LOOK = 0.03  # seconds between two looks at the file
TOLD = "graphscope.told"  # in a question's environment: what it noted of its answers in this stream
ENDING = "graphscope.ending"  # in a request's environment: the event that says that serving ends


class _Wish:
    """One ``also`` of a page."""

    def __init__(self, text: str, pace: str) -> None:
        names, _, rest = text.partition("~")
        self.seen, _, url = rest.partition("~")
        self.names = names.split(",")
        self.path, _, self.query = url.partition("?")
        least, _, age = pace.partition("@")
        self.pace = self.least = _number(least, 0.0, 60_000) / 1e3  # seconds
        self.asked = time.monotonic() - _number(age, 0.0, 60_000) / 1e3 if age else float("-inf")
        self.stands = self._stands(self.seen.split("|"))
        self.memory: dict[str, str] = {}

    def answer(
        self, server: Flask, card: dict[str, Any], environ: dict[str, Any], slack: int = 1
    ) -> str:
        """Its part of a line, as JSON; it waits for so many times its pace."""
        now, values = time.monotonic(), [told(card.get(name)) for name in self.names]
        counters, stands = "|".join(values), self._stands(values)
        if counters == self.seen:
            return "null"
        if now - self.asked < slack * self.pace and stands == self.stands:
            return "false"
        self.stands, used = stands, time.thread_time()
        self.seen, self.asked = counters, now
        try:
            return self._made(server, environ)
        finally:
            if self.least >= READ:
                self.pace = max(self.least, min((time.thread_time() - used) / SHARE, LATEST))

    def _stands(self, values: list[str]) -> list[str]:
        """Those counters that wait for no pace."""
        pairs = zip(self.names, values, strict=False)
        return [value for name, value in pairs if name in AT_ONCE]

    def _made(self, server: Flask, environ: dict[str, Any]) -> str:
        if self.path not in ALONG:
            return '{"status":404,"data":{"error":"There is no such question."}}'
        own = environ | {
            "PATH_INFO": self.path, "QUERY_STRING": self.query, "REQUEST_METHOD": "GET", TOLD: self.memory,
        }  # fmt: skip
        with server.request_context(own):
            answer = server.full_dispatch_request()
        if answer.mimetype == PACKED:
            text = base64.b64encode(answer.get_data()).decode()
            return f'{{"status":{answer.status_code},"packed":"{text}"}}'
        return f'{{"status":{answer.status_code},"data":{answer.get_data(as_text=True).strip()}}}'


def register(server: Flask, source: RunDirectory) -> None:
    """Add ``/api/live``."""
    places = threading.Semaphore(STREAMS)
    crowd = Crowd()

    def live() -> tuple[Response, int]:
        given = request.args
        run, others = given.get("run", ""), given.get("with", "").split(",")
        beside = [unquote(name) for name in others if name][:OTHERS]
        paces = given.get("pace", "").split(",")
        wishes = [
            _Wish(text, paces[k] if k < len(paces) else "")
            for k, text in enumerate(given.getlist("also")[:MOST])
        ]
        environ = {
            k: v for k, v in request.environ.items() if not k.startswith(("werkzeug.", "flask."))
        }
        every = _number(given.get("every", ""), 200, 5000) / 1e3

        def line() -> str:
            card = live_json(source, run)
            if beside:
                card["others"] = source.written(beside)
            text = server.json.dumps(card)
            if not wishes:
                return text
            times = slack(crowd, every)
            parts = ",".join(wish.answer(server, card, environ, times) for wish in wishes)
            return f'{text[:-1]},"also":[{parts}]}}'

        def stamp() -> object:
            return source.names(), source.written([run, *beside])

        begun, before = time.monotonic(), stamp()  # what is written while a card is made is news
        try:
            first = line()
        except GraphScopeError as error:
            return _json(server.json.dumps({"error": str(error)})), 404
        span = _number(given.get("for", ""), 0.0, LONGEST)
        if not span:
            return _json(first), 200
        until = begun + span
        ending = environ.get(ENDING) or threading.Event()

        def lines() -> Iterator[str]:
            yield first + "\n"
            if not places.acquire(blocking=False):
                return  # the page asks again
            try:
                seen, made = before, begun
                while _news(
                    stamp, seen, made + every * slack(crowd, every), made + HEART, until, ending
                ):
                    seen, made = stamp(), time.monotonic()
                    yield line() + "\n"
            except GraphScopeError:
                return  # asked again, the page is told why
            finally:
                places.release()

        return _json(lines()), 200

    server.add_url_rule("/api/live", "gs_live", live)


def _news(
    stamp: Callable[[], object],
    seen: object,
    due: float,
    latest: float,
    until: float,
    ending: threading.Event,
) -> bool:
    """Waits until it is ``due``, then for a write, ``latest`` without one. False when it is time to end."""
    wait = max(due - time.monotonic(), LOOK)
    while time.monotonic() + wait < until and not ending.wait(wait):
        if time.monotonic() >= latest or stamp() != seen:
            return True
        wait = LOOK
    return False


def slack(crowd: Crowd, every: float) -> int:
    """How many times its pace a page waits for each line: where steps come faster than anybody reads, and a training needs
    all processors, twice."""
    return 2 if every >= FAST and crowd.is_here() else 1


def _number(text: str, low: float, high: float) -> float:
    """A number of the address within its bounds; the lower one where there is none."""
    try:
        return min(max(float(text), low), high)
    except ValueError:
        return low


def told(value: Any) -> str:
    """A counter as the page's script writes it.

    >>> told(None), told(True), told(7)
    ('', 'true', '7')
    """
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _json(text: str | Iterator[str]) -> Response:
    return Response(text, mimetype="application/json")
