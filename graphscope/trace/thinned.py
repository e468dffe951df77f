"""What a trace says of the part of it that was thinned away (``trace.limit``), for those who read it."""

from __future__ import annotations

import json

from graphscope.units import bytes_, count

COUNTED = ("steps", "times", "values", "scalars", "texts", "media", "graphs")
_WORDS = {"times": "times of steps", "values": "value steps", "media": "logged pictures"}


def thinned_before(header: dict[str, str]) -> int | None:
    """The step before which the run was thinned; None where it was not, or where that cannot be read."""
    try:
        told = json.loads(header.get("thinned", ""))
        return int(told["before_step"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def sentence(header: dict[str, str]) -> str | None:
    """What of a run was thinned away, in one sentence; None where nothing was."""
    text = header.get("thinned")
    if text is None:
        return None
    try:
        told = json.loads(text)
        parts = [
            f"{count(int(told[what]))} {_WORDS.get(what, what)}"
            for what in COUNTED
            if int(told.get(what, 0))
        ]
        limit, upto = bytes_(int(told["limit"])), count(int(told["before_step"]))
        since = str(told["since"]).replace("T", " ").replace("Z", " UTC")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return "The trace was thinned to stay within its size; what went cannot be read any more."
    what = (
        ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + (parts[-1] if parts else "")
    )
    return f"To stay within {limit}, {what or 'nothing'} from before step {upto} were thinned out (since {since})."
