"""The JSON routes of the frame: runs, what is new, curves, step strip, overview and findings."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, Response, current_app, jsonify, request
from werkzeug.exceptions import HTTPException

from graphscope.errors import GraphScopeError, TraceError
from graphscope.webapp import api_live
from graphscope.webapp.queries.findings import findings_json, ribbon
from graphscope.webapp.queries.home import home_json
from graphscope.webapp.queries.scalars import scalars_json
from graphscope.webapp.queries.step import step_json
from graphscope.webapp.queries.strip import strip_json
from graphscope.webapp.runs import RunDirectory
from graphscope.webapp.shared import revision_of


def register(server: Flask, source: RunDirectory) -> None:
    """Add the routes of the frame and of Home."""

    def scalars() -> dict[str, Any]:
        run = request.args.get("run", "")
        return {"run": run, "tags": scalars_json(source.reader(run), request.args.get("tag"))}

    def runs() -> list[dict[str, Any]]:
        return source.runs()

    def strip() -> Any:
        reader, shared = source.reader(request.args.get("run", "")), source.shared
        revision = revision_of(reader)
        shared.doctors.nudge(reader, revision)
        marked = ribbon(shared.doctors.known(reader))
        return shared.so_far.once(
            reader,
            "strip",
            (revision, tuple(marked)),
            lambda _: said(strip_json(reader, shared.so_far, marked, shared.scalars.rates(reader))),
        )

    def findings() -> dict[str, Any]:
        reader, shared = source.reader(request.args.get("run", "")), source.shared
        patient = shared.doctors.found(reader, revision_of(reader))
        return findings_json(reader, shared.views, patient)

    def home() -> Any:
        reader, shared = source.reader(request.args.get("run", "")), source.shared
        return shared.so_far.once(
            reader,
            "home",
            revision_of(reader),
            lambda _: said(home_json(reader, shared.so_far, shared.views)),
        )

    def step() -> dict[str, Any]:
        reader, shared = source.reader(request.args.get("run", "")), source.shared
        text = request.args.get("step", "")
        num = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
        return step_json(reader, shared.so_far, shared.scalars.series(reader), num)

    server.add_url_rule("/api/runs", "gs_runs", as_json(runs))
    api_live.register(server, source)
    server.add_url_rule("/api/scalars", "gs_scalars", as_json(scalars))
    server.add_url_rule("/api/strip", "gs_strip", as_json(strip))
    server.add_url_rule("/api/home", "gs_home", as_json(home))
    server.add_url_rule("/api/step", "gs_step", as_json(step))
    server.add_url_rule("/api/findings", "gs_findings", as_json(findings))


def unknown(server: Flask) -> None:
    """Everything else under /api/ is a 404 in JSON."""

    def nothing(rest: str) -> dict[str, Any]:
        raise TraceError("There is no such question.")

    server.add_url_rule("/api/<path:rest>", "gs_nothing", as_json(nothing))


def faults(server: Flask) -> None:
    """What goes wrong is said in JSON."""
    server.register_error_handler(Exception, _broken)


class Said(str):
    """An answer as JSON already: ten tabs that ask for the same get the same text."""


def said(answer: Any) -> Said:
    """An answer that several will ask for."""
    return Said(current_app.json.dumps(answer))


def as_json(answer: Callable[..., Any]) -> Callable[..., tuple[Response, int]]:
    """Errors that we raise on purpose become a sentence; the page shows it where it asked."""

    @wraps(answer)
    def route(**given: Any) -> tuple[Response, int]:
        try:
            found = answer(**given)
            if isinstance(found, Said):
                return Response(found, mimetype="application/json"), 200
            return jsonify(found), 200
        except GraphScopeError as error:
            return jsonify({"error": str(error)}), 404

    return route


def _broken(error: Exception) -> Any:
    """A fault of ours: the log gets the traceback, the page a sentence."""
    ours = request.path.startswith("/api/")
    if isinstance(error, HTTPException):
        return (jsonify({"error": f"{error.name}."}), error.code) if ours else error
    if not ours:
        raise error
    current_app.logger.exception("GET %s failed", request.path)
    sentence = f"The dashboard failed at this question ({type(error).__name__}); see its terminal."
    return jsonify({"error": sentence}), 500
