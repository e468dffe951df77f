"""What each command does: the part of the controller that obeys, in the writer's thread."""

from __future__ import annotations

from time import monotonic
from typing import Any

from graphscope.errors import UsageError

PATIENCE = 0.5  # a pause comes at the end of a step; in a longer one at the next op


class Want:
    """What the program's thread is asked to do: stop at the next "op", "module", "phase", "iteration" or "node"."""

    __slots__ = ("kind", "times", "scope", "node", "after", "why")

    def __init__(
        self,
        kind: str,
        why: str,
        times: int = 1,
        scope: str = "",
        node: int = -1,
        after: float = 0.0,
    ) -> None:
        self.kind, self.why, self.times, self.scope = kind, why, times, scope
        self.node, self.after = node, after


class Orders:
    """The commands, by name; ``graphscope.trace.commands`` has checked what they say."""

    recorder: Any
    breakpoints: Any
    want: Want | None
    at: dict[str, Any] | None
    state: str
    slow_ms: float
    stopping: bool
    wake: Any
    watch: Any
    free_want: Any

    def _pause(self, id: int, data: Any) -> str:
        if self.state == "paused":
            return "it waits already"
        self.pause_soon("asked for")
        return "it stops at the end of this step" if self.want and self.want.after else "it stops"

    def pause_soon(self, why: str) -> None:
        """Stop where a step ends, since there everything of it is known; in a long step at the next op."""
        self.want = Want("iteration", why, after=monotonic() + PATIENCE)
        self.state = "pausing"
        self.watch()

    def _resume(self, id: int, data: Any) -> str:
        was = self.state
        self.resume()
        return "it runs" if was == "paused" else "it was running"

    def resume(self) -> None:
        """Go on; breakpoints and slow motion stay."""
        self.free_want()
        self.wake.set()

    def _stop(self, id: int, data: Any) -> str:
        self.stopping = True
        self.resume()
        self.watch()
        return "it stops for good"

    def _here(self, id: int, data: Any) -> str:
        return ""

    def _step(self, id: int, data: Any) -> str:
        kind, at = data.get("by", "op"), self.at or {}
        self.resume()
        self.want = Want(kind, f"one {kind}", data.get("times", 1), scope=str(at.get("scope", "")))
        self.watch()
        return ""

    def _run_to(self, id: int, data: Any) -> str:
        if data["node"] < 0:
            raise UsageError("run_to: the program runs to an op (n12), not to what it begins with")
        self.resume()
        self.want = Want("node", f"n{data['node']} was asked for", node=data["node"])
        self.watch()
        return ""

    def _slow(self, id: int, data: Any) -> str:
        self.slow_ms = data["ms"]
        if self.state != "paused":
            self.state = "slow" if self.slow_ms else "running"
            self.at = self.at if self.slow_ms else None
        self.watch()
        return f"{self.slow_ms:g} ms for each op" if self.slow_ms else "at full speed"

    def _break_add(self, id: int, data: dict[str, Any]) -> str:
        scope = data.pop("scope", None)
        made = self.breakpoints.add(**{"module": scope, **data})
        self.watch()
        return f"breakpoint {made.id}: {made.text_of()}"

    def _break_set(self, id: int, data: Any) -> str:
        self.breakpoints.get(data["id"]).enabled = data["enabled"]
        self.watch()
        return "on" if data["enabled"] else "off"

    def _break_del(self, id: int, data: Any) -> str:
        self.breakpoints.get(data["id"])
        del self.breakpoints.all[data["id"]]
        return ""

    def _watch(self, id: int, data: Any) -> str:
        node = {data["node"]}
        before = self.recorder.watched
        self.recorder.watched = before | node if data.get("on", True) else before - node
        return "its whole tensor is kept in steps with statistics" if data.get("on", True) else ""

    def _level(self, id: int, data: Any) -> str:
        modes = {"times": "off", "values": "auto", "everything": "full"}
        if data["value"] == "off":
            raise UsageError(
                "level off: a program that is not recorded cannot be told to record again; use times"
            )
        self.recorder.mode = modes[data["value"]]
        self.recorder.armed = None  # the running step may have to end in another way now
        return f"from the next step on: {data['value']}"
