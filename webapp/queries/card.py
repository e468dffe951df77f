"""The revision card: what the top bar says, and counters that tell the views whether to ask again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope.errors import TraceError
from graphscope.units import count, number, share
from graphscope.units import ns as time_text
from graphscope.webapp.queries.home import failure
from graphscope.webapp.shared import revision_key

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import StepTable
    from graphscope.webapp.runs import RunDirectory

RECENT = 50  # steps that the time per step is the median of
WORDS = 1.0  # seconds between two of its words


def live_json(source: RunDirectory, run: str) -> dict[str, Any]:
    """The card of ``run``, or of the newest run when none is named.

    ``state``: none, damaged, waiting, live, stale, finished or failed.
    """
    files = source.names()
    # A number that changes when a run comes or goes: the page then asks for the list again.
    listed = hash(files) & 0xFFFFFFFF
    run = run or source.newest() or ""
    if not run:
        return {"run": None, "state": "none", "runs": listed, "folder": str(source.path)}
    try:
        reader = source.reader(run)
        card = reader.revision()
        header = reader.header()
    except TraceError as error:
        if run not in source.files():
            raise
        return {"run": run, "state": "damaged", "runs": listed, "message": str(error)}
    card |= {"run": run, "runs": listed, "title": header.get("run", run)}
    card["created"] = header.get("created")
    if card["state"] in ("live", "stale") and card["steps"] < 0:
        card["state"] = "waiting" if card["state"] == "live" else "stale"
    shared = source.shared
    card |= shared.doctors.nudge(reader, revision_key(card))
    if card["state"] == "failed":
        card["message"] = header.get("error") or "The program ended with an exception."
        card["failure"] = shared.so_far.once(
            reader, "failure", card["steps"], lambda _: failure(reader, shared.views)
        )
    if reader.damage:
        card["damage"] = reader.damage
    if card["state"] in ("live", "waiting"):
        # Words that are read: a second old they are still true.
        key = (card["state"], card["steps"] < 0, int(time.monotonic() / WORDS))
        return card | shared.so_far.once(
            reader, "pace", key, lambda _: _pace(_newest(reader, source, card), card)
        )
    # Nothing more will come: a long run is not summed up anew at every question.
    return card | source.once(
        run,
        (id(reader), card["steps"], card["state"]),
        lambda: _pace(shared.so_far.steps(reader), card),
    )


def _newest(reader: TraceReader, source: RunDirectory, card: dict[str, Any]) -> StepTable:
    """The steps that the pace is told of. Not all that are new: between two cards a small network makes a thousand."""
    steps = reader.steps(since=max(int(card["steps"]) - RECENT, -1))
    return steps if len(steps) else source.shared.so_far.steps(reader)


def _pace(steps: StepTable, card: dict[str, Any]) -> dict[str, Any]:
    """Texts: time per step and recording cost of the recent steps, the sum of a finished run."""
    whole = card["state"] == "finished"
    if not len(steps):
        return {}
    told = slice(None) if whole else slice(-RECENT, None)
    wall, cost = steps.wall_ns[told].astype(float), steps.rec_ns[told]
    out: dict[str, Any] = {"per_step": time_text(float(np.median(wall[-RECENT:])))}
    if wall.sum() > 0 and cost.any():
        out["cost"] = share(float(cost.sum()) / float(wall.sum()))
    if whole:
        took = float(steps.t0_ns[-1] + steps.wall_ns[-1] - steps.t0_ns[0])
        spanned = int(steps.num[-1] - steps.num[0]) + 1
        kept = "" if spanned == len(steps) else f" ({count(len(steps))} of them in the file)"
        words = f"{count(spanned)} step{'s' * (spanned != 1)}{kept} in {time_text(took)}"
        finite = np.isfinite(steps.loss)
        if finite.any():
            best = int(np.where(finite, steps.loss, np.inf).argmin())
            words += f", best loss {number(steps.loss[best], 4)} at {count(int(steps.num[best]))}"
        out["summary"] = words
    return out
