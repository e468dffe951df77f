"""Whole tensors for whoever looks: written beside the trace on request."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.errors import UsageError
from graphscope.record.statistics import to_host
from graphscope.trace import opened

FOLLOWED = 8  # tensors whose value of the step before is kept, to compare
LARGEST = 64 << 20  # bytes of one of them


def _host(a: Any) -> Any:
    """A copy on the host, in a dtype that numpy can write by itself."""
    host = np.array(to_host(a))
    return host if host.dtype.kind in "fiubc" and host.dtype.isbuiltin else host.astype(np.float32)


class Opened:
    """Answers ``open``."""

    def __init__(self, control: Any) -> None:
        self.control = control
        self.asked: dict[
            tuple[int, str], int
        ] = {}  # for the next time that it is computed -> the command
        self._followed: dict[
            tuple[int, str], Any
        ] = {}  # what was opened -> its value in the step before

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for a tensor that has to be computed first."""
        return bool(self.asked)

    def command(self, id: int, data: dict[str, Any]) -> str | None:
        """Open a tensor: now if the program stands and has it, else when it is computed next."""
        v, kind = data["node"], "g" if data.get("grad") else "v"
        if self.control.state == "paused":
            self.control.todo.append((id, lambda: self._now(id, v, kind)))
            self.control.wake.set()
            return None
        if v < 0:
            self.control.todo.append((id, lambda: self._now(id, v, kind)))
        else:
            self.asked[v, kind] = id
        self.control.watch()
        return None

    def _now(self, id: int, v: int, kind: str) -> str:
        rec, stops = self.control.recorder, self.control.stops
        a = stops.array(rec, v, kind)
        if a is None:
            raise UsageError(_why_not(rec, v, kind))
        return self._save(id, v, kind, a)

    def _save(self, id: int, v: int, kind: str, a: Any) -> str:
        rec = self.control.recorder
        if a.nbytes > opened.LIMIT:
            raise UsageError(
                f"the tensor has {a.nbytes >> 20:,} MiB; up to {opened.LIMIT >> 20} MiB are opened"
            )
        step = rec.kind or "train"
        facts = {"node": v, "of": kind, "step": rec.num[step], "kind": step}
        before = self._followed.get((v, kind))
        array = _host(a)
        if before is not None and before.shape != array.shape:
            before = None
        opened.save(self.control.pump.path, id, array, facts, before)
        if (v, kind) not in self._followed and len(self._followed) < FOLLOWED:
            self._followed[v, kind] = None
        return f"{'×'.join(map(str, array.shape)) or 'one number'}, step {rec.num[step]}"

    def arrived(self, v: int, kind: str, a: Any) -> None:
        """An array was computed; somebody may have waited for it."""
        if self.asked and (v, kind) in self.asked:
            id = self.asked.pop((v, kind))
            try:
                said = self._save(id, v, kind, a)
            except Exception as problem:
                self.control.answer(id, f"refused: {problem}")
            else:
                self.control.answer(id, f"done: {said}")
            self.control.announce()

    def step_over(self, kept: Any) -> None:
        """The step is over: what was opened is kept, for comparing it with that of the next step."""
        stops, rec = self.control.stops, self.control.recorder
        for v, kind in self._followed:
            a = stops.array(rec, v, kind)
            if a is not None and a.nbytes <= LARGEST:
                self._followed[v, kind] = _host(a)
        for (v, kind), id in list(self.asked.items()):
            if v >= rec.i and rec.i:
                del self.asked[v, kind]
                self.control.answer(id, f"refused: the step that ended has only {rec.i} ops")


def _why_not(rec: Any, v: int, kind: str) -> str:
    what = "gradient" if kind == "g" else "value"
    if v < 0:
        if -1 - v >= len(rec.port_items):
            return f"p{-1 - v} has not been used in this step so far"
        return f"p{-1 - v} has no {what} at the moment"
    if v >= rec.i and kind == "v":
        return f"n{v} has not run yet in this step; run to it first"
    if kind == "g":
        return (
            f"the gradient of n{v} is not there: backward has not come by it yet, or asks for none"
        )
    return f"the value of n{v} is gone: it ran before anybody looked at this step; step on into the next one"
