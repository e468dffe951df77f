"""Reads a trace, finished or still being written, from any thread."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from graphscope.trace import values
from graphscope.trace.alive import gone
from graphscope.trace.missing import Missing, missing
from graphscope.trace.records import ValueStep
from graphscope.trace.thinned import sentence
from graphscope.trace.timed import Timed

STALE_AFTER = 5.0


class TraceReader(Timed):
    """The facts of one run.

    Raises: TraceError when ``path`` is missing, empty, foreign, damaged or of a newer version.
    """

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self.header()

    # -- the run ----------------------------------------------------------------------------------

    def header(self) -> dict[str, str]:
        """The meta table: run, created, engine, state and so on."""
        return {str(k): str(v) for k, v in self._rows("SELECT key, value FROM meta")}

    def thinned(self) -> str | None:
        """What was thinned away to keep the file within its size, in one sentence; None where nothing was."""
        return sentence(self.header())

    def missing(self) -> list[Missing]:
        """What is not in this run though its file is whole: steps, ops of other threads, what was thinned away."""
        return missing(self.header())

    def heartbeat_age(self, header: dict[str, str] | None = None) -> float:
        """Seconds since the program last wrote."""
        text = (self.header() if header is None else header).get("heartbeat", "0")
        try:
            return max(0.0, time.time() - float(text))
        except ValueError:
            return float("inf")

    def state(self, header: dict[str, str] | None = None) -> str:
        """``live``, ``finished``, ``failed``, or ``stale``: running, but silent for 5 s or gone (killed)."""
        header = self.header() if header is None else header
        state = header.get("state", "running")
        if state in ("finished", "failed"):
            return state
        if gone(header.get("process", "")):
            return "stale"
        return "stale" if self.heartbeat_age(header) > STALE_AFTER else "live"

    def revision(self) -> dict[str, Any]:
        """A counter per table: equal revisions mean that there is nothing new to read."""
        header = self.header()
        counts = self._rows(  # one row, whatever there is
            "SELECT (SELECT max(id) FROM steps), (SELECT max(id) FROM scalars),"
            " (SELECT max(id) FROM graphs), (SELECT max(step) FROM tensors),"
            " (SELECT max(id) FROM findings), (SELECT max(id) FROM media), (SELECT max(id) FROM texts),"
            " (SELECT max(num) FROM steps WHERE kind = 'train')"
        )[0]
        names = ("steps", "scalars", "graphs", "tensors", "findings", "media", "texts")
        with self._decoding("a counter"):
            found = zip(names, counts, strict=False)
            card: dict[str, Any] = {k: -1 if v is None else int(v) for k, v in found}
        age = self.heartbeat_age(header)
        card |= control_of(header)
        state = self.state(header)
        return card | {
            "state": state,
            "gone": state == "stale" and gone(header.get("process", "")),
            "heartbeat_age": round(age, 3) if age < 1e9 else None,
            "last_step": counts[-1],
        }

    # -- values -----------------------------------------------------------------------------------

    def value_steps(self, kind: str = "train") -> list[int]:
        """The numbers of the steps in which statistics were taken."""
        sql = "SELECT s.num FROM tensors t CROSS JOIN steps s ON s.id = t.step WHERE s.kind = ?"
        rows = self._rows(sql + " ORDER BY s.num", kind, partial=True)
        with self._decoding("the list of value steps"):
            return [int(num) for (num,) in rows]

    def values(self, num: int = -1, kind: str = "train") -> ValueStep | None:
        """The statistics nearest to a step: at it or before it, and of the same graph."""
        step = self._step_row("num, graph, id", num, kind)
        if step is None:
            return None
        row = self._one(
            # From the step itself backwards: else the search begins at the end of a long run.
            "SELECT s.num, t.data FROM tensors t CROSS JOIN steps s ON s.id = t.step"
            " WHERE s.kind = ? AND s.num <= ? AND s.graph = ? AND t.step <= ? ORDER BY t.step DESC LIMIT 1",
            kind,
            *step,
        )
        if row is None:
            return None
        with self._decoding(f"the values of step {row[0]}"):
            return ValueStep(int(row[0]), kind, int(step[1]), values.decode(row[1]))


def control_of(header: dict[str, str]) -> dict[str, Any]:
    """``control``: what the program says of live control, and ``control_rev``, which counts what it said.

    Nothing of a run that takes no commands.
    """
    text = header.get("control")
    if text is None:
        return {}
    try:
        facts = json.loads(text)
        return {"control": facts, "control_rev": int(facts.get("rev", 0))}
    except (ValueError, AttributeError, TypeError, RecursionError):
        return {}
