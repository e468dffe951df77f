"""The routes of live control: leave a command, ask what became of it, look at an opened tensor.

The guard of ``security`` has been passed by then: our own page, JSON, the token. What a command may say is
checked in ``trace.commands``, here for a quick answer and again by the program that obeys.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from io import BytesIO
from typing import Any

import numpy as np
from flask import Flask, Response, jsonify, request, send_file

from graphscope.errors import GraphScopeError, TraceError, UsageError
from graphscope.trace import commands, opened
from graphscope.webapp.queries.opened import tensor_json

BODY = 64 << 10  # bytes of a request
ANSWER = 500  # characters of a text that is quoted back


def register(server: Flask, source: Any) -> None:
    """Add the routes. ``source`` is the run directory."""

    def trace() -> Any:
        run = request.args.get("run", "")
        file = source.files().get(run)
        if file is None:
            raise TraceError(f"There is no run {run[:60]!r}.")
        return file

    def command() -> dict[str, Any]:
        given = _body()
        run, kind, data = given.get("run"), given.get("kind"), given.get("data", {})
        if not isinstance(run, str) or not isinstance(kind, str):
            raise UsageError("A command says run and kind, as texts, and data.")
        file = source.files().get(run)
        if file is None:
            raise UsageError(f"There is no run {run[:60]!r}.")
        cleaned = commands.check(kind, data)
        source.reader(run)  # a damaged file is none to write into
        return {"id": commands.send(file, kind, cleaned)}

    def status() -> dict[str, Any]:
        return {"status": commands.status(trace(), _id())}

    def whole() -> dict[str, Any]:
        file, id = trace(), _id()
        array, facts = opened.load(file, id)
        before = opened.load(file, id, True)[0] if facts.get("before") else None
        asked = {k: request.args.get(k, "") for k in ("slice", "row", "col", "compare")}
        return tensor_json(array, facts, before, **asked)

    def download() -> Response:
        array, facts = opened.load(trace(), _id())
        file = BytesIO()
        np.save(file, np.asarray(array), allow_pickle=False)
        file.seek(0)
        name = f"node{facts.get('node')}-{facts.get('of')}-step{facts.get('step')}.npy"
        safe = "".join(c for c in name if c.isalnum() or c in "-._")
        return send_file(
            file, mimetype="application/octet-stream", as_attachment=True, download_name=safe
        )

    add = server.add_url_rule
    add("/api/command", "gs_command", _json(command, 400), methods=["POST"])
    add("/api/command", "gs_command_status", _json(status, 404), methods=["GET"])
    add("/api/tensor/whole", "gs_tensor_whole", _json(whole, 404))
    add("/api/tensor/npy", "gs_tensor_npy", _refusing(download))


def _body() -> dict[str, Any]:
    """The request's JSON object. Raises: UsageError for anything else."""
    if (request.content_length or 0) > BODY:
        raise UsageError(f"A command has at most {BODY >> 10} KiB.")
    text = request.stream.read(BODY + 1)
    if len(text) > BODY:
        raise UsageError(f"A command has at most {BODY >> 10} KiB.")
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError("A command is a JSON object.") from None
    if not isinstance(given, dict):
        raise UsageError("A command is a JSON object.")
    return given


def _id() -> int:
    given = request.args.get("id", "")
    if not (given.isascii() and given.isdigit() and len(given) < 16):
        raise TraceError(f"A command's number is a whole number, not {given[:40]!r}.")
    return int(given)


def _json(answer: Callable[[], dict[str, Any]], wrong: int) -> Callable[[], tuple[Response, int]]:
    """Errors that we raise on purpose become a sentence, with the status ``wrong``."""

    @wraps(answer)
    def route() -> tuple[Response, int]:
        try:
            return jsonify(answer()), 200
        except GraphScopeError as error:
            return jsonify({"error": str(error)[:ANSWER]}), wrong

    return route


def _refusing(answer: Callable[[], Response]) -> Callable[[], Any]:
    @wraps(answer)
    def route() -> Any:
        try:
            return answer()
        except GraphScopeError as error:
            return jsonify({"error": str(error)[:ANSWER]}), 404

    return route
