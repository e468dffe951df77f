"""Where the program stops: asked by a controlled recorder at each op, in the program's own thread."""

from __future__ import annotations

from time import monotonic
from typing import Any

import numpy as np

from graphscope.record.breakpoints import Breakpoint, Event
from graphscope.record.control_kept import Kept
from graphscope.record.control_wait import drop_into_pdb, wait
from graphscope.record.names import PARAMETER
from graphscope.record.step import SPAN
from graphscope.trace.schema import BACKWARD, FORWARD, UPDATE


class Stops(Kept):
    """What the program's thread knows of the running step while it is watched."""

    def __init__(self, control: Any) -> None:
        super().__init__()
        self.control = control
        # Nanoseconds by which the ops so far have to be moved: they ran before a wait.
        self.owed = 0
        self._slept = 0.0
        self._stood = (-1, -1)  # where the program stood last: the end of a phase is no other place

    # ---------------------------------------------------------------- what is kept

    @property
    def sees_values(self) -> bool:
        """Whether everything is looked at: somebody steps, waits or goes slowly."""
        control = self.control
        return control.want is not None or bool(control.slow_ms) or control.state == "paused"

    def before(self, rec: Any) -> None:
        """In the middle of a step that repeats: from here on it is looked at op by op."""
        want = self.control.want
        if want is not None and want.after and monotonic() < want.after:
            return  # it stops at the end of a step that is looked at from its begin on
        if self.sees_values:
            rec.timed = rec.look = False  # what is held to be looked at dies later than it would
            if rec.told is not None:
                rec._leave_track()
                rec.values = rec.extra = True

    # ---------------------------------------------------------------- events

    def op(self, rec: Any, row: Any, a: Any, out: Any, node: Any) -> None:
        """A forward or update op ran."""
        self.settle_times(rec)
        if node is not None:
            self._tip = node
        many = type(out) is tuple
        first = rec.i - (len(out) if many else 1)
        for k, x in enumerate(out if many else (out,)):
            self.keep(first + k, "v", x._a)
        arrays: dict[str, Any] = {"value": (out[0] if many else out)._a}
        if row.writes and a._rg and a._node is None:
            arrays["weight"] = a._a
            before = self._before.get(id(a))
            if before is not None:
                arrays["update"] = lambda: a._a - before
        self._ask(rec, first, row.name, rec.scope, rec.phase, arrays)

    def grad(self, rec: Any, node: Any, g: Any) -> None:
        """A gradient was computed."""
        i, twin = rec.i - 1, node.rid - rec.base
        scope = rec.key(twin)[4] if not twin >> SPAN and rec.is_op(twin) else 0
        self._ask(rec, i, node.row.name, scope, BACKWARD, {"grad": g}, twin)

    def leaf(self, rec: Any, v: int | None, tensor: Any, g: Any) -> None:
        """A leaf has all of its gradient: what conditions ask about ``grad`` and ``weight`` together."""
        if v is not None:
            self.keep(v, "g", g)
        needs = self.control.breakpoints.needs
        if "weight" in needs and "grad" in needs:
            scope = rec.port_items[-1 - v][2][2] if v is not None else rec.scope
            self._ask(rec, rec.i - 1, "leaf", scope, BACKWARD, {"grad": g, "weight": tensor._a})

    def loss(self, rec: Any) -> None:
        """The loss is known."""
        found = self._hit(rec, rec.i - 1, "loss", 0, FORWARD, {}) if rec.loss is not None else None
        if found is not None:
            self.pause(rec, rec.i - 1, _why(found))

    def settle_times(self, rec: Any) -> None:
        """Move what was measured before a wait at the end of the last step behind it."""
        if self.owed:
            owed, self.owed = self.owed, 0
            _shift(rec, owed)

    # ---------------------------------------------------------------- decisions

    def _ask(
        self, rec: Any, i: int, op: str, scope: int, phase: int, arrays: dict[str, Any], twin: int = -1
    ) -> None:  # fmt: skip
        control = self.control
        if control.todo and phase != UPDATE:
            self.work()
        found = self._hit(rec, i, op, scope, phase, arrays, twin)
        want = control.want
        if found is not None:
            self.pause(rec, i, _why(found))
        elif want is not None and self._reached(rec, want, i, scope):
            self.pause(rec, i, want.why)
        elif control.slow_ms:
            self._slowly(rec, i)
        if control.stopping and rec.phase != UPDATE:
            self.stop_for_good(rec)

    def _hit(
        self, rec: Any, i: int, op: str, scope: int, phase: int, arrays: dict[str, Any], twin: int = -1
    ) -> Breakpoint | None:  # fmt: skip
        breakpoints = self.control.breakpoints
        if not breakpoints.all:
            return None

        def made() -> Event:
            at = twin if 0 <= twin < i else i
            line = rec.line(at) if 0 <= at < rec.i else -1
            site = rec.sites.lines[line][:2] if line >= 0 else None
            changed = rec.diverged >= 0 and rec.predicted is not None
            num = rec.num[rec.kind or "train"]
            return Event(
                op, rec.names.texts[scope], site, phase, num, rec.seq, rec.loss, changed, arrays
            )

        found: Breakpoint | None = breakpoints.hit(made)
        return found

    def _reached(self, rec: Any, want: Any, i: int, scope: int) -> bool:
        if want.kind == "op":
            want.times -= 1
            return bool(want.times <= 0)
        if want.kind == "module":
            return bool(rec.names.texts[scope] != want.scope)
        if want.kind == "node":
            return bool(i == want.node)
        return bool(want.after and monotonic() > want.after)

    def phase_ends(self, rec: Any, phase: str) -> None:
        """Forward, backward or update is over."""
        if phase == "forward" and "update" in self.control.breakpoints.needs:
            self._snapshot(rec)
        want = self.control.want
        here = rec.seq, rec.i
        if want is not None and want.kind == "phase" and rec.i and here != self._stood:
            self.pause(rec, rec.i - 1, f"the end of {phase}")

    def step_ends(self, rec: Any) -> None:
        """All ops of the step ran."""
        control = self.control
        if control.todo:
            self.work()
        want = control.want
        if want is None:
            return
        if want.kind == "iteration" and want.times > 1:
            want.times -= 1
        elif want.kind in ("iteration", "phase"):
            why = "the end of the step" if want.kind == "phase" else want.why
            # Asked for in the middle of a step that was not looked at: the next one is, from its begin on.
            if not (want.after and not rec.values and monotonic() < want.after):
                self.pause(rec, rec.i - 1, why, True)

    def stop_for_good(self, rec: Any) -> None:
        """Leave the training, where that was asked."""
        control = self.control
        if control.stopping:
            from graphscope.record.control import Stopped

            control.stopping = False
            control.event("stopped", rec)
            raise Stopped(control)

    def work(self) -> None:
        """Do what has to be done in this thread, and answer."""
        control = self.control
        while control.todo:
            id, task = control.todo.popleft()
            try:
                said = task()
            except (
                Exception
            ) as problem:  # the program's own objects may refuse what is done to them
                control.answer(id, f"refused: {problem}")
            else:
                control.answer(id, f"done: {said}")
        control.announce()

    # ---------------------------------------------------------------- standing still

    def pause(self, rec: Any, i: int, why: str, at_end: bool = False) -> None:
        """Wait here until somebody resumes."""
        control = self.control
        control.at = self.place(rec, i, why, at_end)
        self._stood = rec.seq, rec.i
        self._describe_kept(rec)
        rec.pump.wait_for_devices()  # what is told of the pause comes behind the steps before it
        control.partial.put(rec, control.at)
        if control.pdb:
            at = control.at
            control.free_want()
            drop_into_pdb(at)
            return
        if control.state == "pausing" or control.want is None:  # and no step of a debugger
            control.mark("paused" if control.state == "pausing" else f"paused: {why}", rec)
        control.want, control.state = None, "paused"
        rec.values = rec.extra = True
        if rec.told is not None:
            rec._leave_track()
        waited = wait(control, self)
        if at_end:
            return  # the wait lies between two steps
        _shift(rec, waited)

    def place(self, rec: Any, i: int, why: str, at_end: bool = False) -> dict[str, Any]:
        """Where the program is, as the meta row ``control`` says it."""
        key: Any = rec.key(i) if 0 <= i < rec.i else ()
        twin = key[1] if len(key) == 4 else -1
        line = rec.line(twin if twin >= 0 else i) if key else -1
        forward = rec.key(twin) if twin >= 0 else key
        scope = rec.names.texts[forward[4]] if len(forward) == 8 else ""
        phase = 0 if len(key) == 1 else BACKWARD if len(key) == 4 else key[5] if key else rec.phase
        graph = rec.predicted
        follows = graph is not None and rec.diverged < 0
        file, number, func = rec.sites.lines[line] if line >= 0 else ("", 0, "")
        kind = rec.kind or "train"
        return {
            "step": rec.num[kind], "kind": kind, "i": i, "n": graph.n if follows else i + 1 if at_end else None,
            "op": key[0].name if len(key) > 1 else "load_batch", "grad": len(key) == 4,
            "node": twin if twin >= 0 else i, "scope": scope, "phase": ("data", "forward", "backward", "update")[phase],
            "file": file, "line": number, "func": func, "why": why, "end": at_end,
        }  # fmt: skip

    def _slowly(self, rec: Any, i: int) -> None:
        control = self.control
        control.at, control.state = self.place(rec, i, "slow motion"), "slow"
        now = monotonic()
        if (
            now - self._slept > 0.2
        ):  # the page shows it moving, and the file is not written for every op
            self._slept = now
            control.partial.put(rec, control.at)
            control.announce()
        before = monotonic()
        control.wake.wait(control.slow_ms / 1e3)
        control.wake.clear()
        _shift(rec, int((monotonic() - before) * 1e9))

    def _snapshot(self, rec: Any) -> None:
        """The parameters as they are before they are updated."""
        for item in rec.port_items:
            x = item[0]()
            if x is not None and item[2][1] == PARAMETER:
                self._before[id(x)] = np.array(x._a) if type(x._a) is np.ndarray else x._a.copy()


def _why(found: Breakpoint) -> str:
    return f"breakpoint {found.id}: {found.text_of()}"


def _shift(rec: Any, by: int) -> None:
    """Move what ran so far: the program waited, and that time is in no op and no step."""
    if rec.told is None:
        rec.shift(by)
    else:
        for k in range(rec.i):
            rec.begin[k] += by
            rec.end[k] += by
    rec.t0 += by
    rec.waited += by
    if rec.marks is not None and rec.marks.on_device:
        rec.marks.waited(by)
