"""The routes of the Curves page's other tabs: distributions, pictures, texts and hyper-parameters."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, jsonify, request

from graphscope.errors import GraphScopeError, TraceError
from graphscope.webapp.api import as_json
from graphscope.webapp.queries.distributions import Distributions
from graphscope.webapp.queries.logged import hparams_json, image_of, logged_json
from graphscope.webapp.runs import RunDirectory


def register(server: Flask, source: RunDirectory) -> None:
    """Add ``/api/distributions``, ``/api/logged``, ``/api/hparams`` and ``/api/image``."""
    kept = Distributions()

    def distributions() -> dict[str, Any]:
        given = request.args
        find = given.get("find", "")[:200].casefold()
        reader = source.reader(given.get("run", ""))
        return kept.answer(
            reader, given.get("what") or "parameters", find, given.get("hist") == "1"
        )

    def logged() -> dict[str, Any]:
        return logged_json(source.reader(request.args.get("run", "")))

    def hparams() -> dict[str, Any]:
        given = request.args
        first = given.get("run", "")
        readers = {first: source.reader(first)}
        problems = []
        for run in dict.fromkeys(given.getlist("with")[:100]):
            try:
                readers[run] = source.reader(run)
            except GraphScopeError as error:
                problems.append(str(error))
        return hparams_json(readers) | {"problems": problems}

    def image() -> Any:
        text = request.args.get("id", "")
        try:
            if not (text.isascii() and text.isdigit() and len(text) < 16):
                raise TraceError("There is no such picture.")
            data = image_of(source.reader(request.args.get("run", "")), int(text))
        except GraphScopeError as error:
            return jsonify({"error": str(error)}), 404
        return Response(data, content_type="image/png")

    for name, route in (("distributions", distributions), ("logged", logged), ("hparams", hparams)):
        server.add_url_rule(f"/api/{name}", f"gs_{name}", as_json(route))
    server.add_url_rule("/api/image", "gs_image", image)
