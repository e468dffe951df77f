"""Anomaly mode: every node remembers the line that made it, and a gradient with NaN names that line.

Lines are noted by an observer in front of the recorder, so a program without anomaly mode pays nothing.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from graphscope.engine import dispatch, versions
from graphscope.engine.frames import user_frame
from graphscope.engine.tape import Node
from graphscope.errors import AutogradError

_lines: WeakKeyDictionary[Node, tuple[Any, int]] = WeakKeyDictionary()
_state = {"on": False, "check_nan": True}


class Noter:
    """An observer that notes the user's line of each node and hands everything on to ``inner``."""

    # What the generated paths compare by themselves: nothing is ever as expected here, so they call op().
    i = 0
    plan = ((None, 0, 0, None),)

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    @property
    def values(self) -> bool:
        """Whether the recorder wants statistics in this step."""
        return self.inner is not None and bool(self.inner.values)

    def stopped(self, error: Exception) -> None:
        """Something in ``op`` failed: it is an error of the program's, or of the recorder behind."""
        raise error

    def op(
        self, row: Any, params: Any, a: Any, b: Any, rest: Any, out: Any, t0: int, t1: int, node: Any
    ) -> None:  # fmt: skip
        """Note the line, then tell the recorder, if one is on."""
        if node is not None:
            note(node)
        if self.inner is not None:
            self.inner.op(row, params, a, b, rest, out, t0, t1, node)

    def __getattr__(self, name: str) -> Any:
        inner = self.__dict__.get("inner")
        return _nothing if inner is None else getattr(inner, name)


def _nothing(*args: Any, **kwargs: Any) -> None:
    """What a recorder that is off does with an event."""


def note(node: Node) -> None:
    """Remember the line of the user's program that is running as the one that made ``node``."""
    frame = user_frame(2)
    if frame is not None:
        _lines[node] = (frame.f_code, frame.f_lasti)


def start() -> Noter:
    """Note lines from now on."""
    noter = Noter(dispatch.recorder())
    dispatch.set_recorder(noter)
    return noter


def stop(noter: Noter) -> None:
    """Take a noter out again, wherever it stands in front of a recorder."""
    at = dispatch.recorder()
    if at is noter:
        dispatch.set_recorder(noter.inner)
        return
    while isinstance(at, Noter):
        if at.inner is noter:
            at.inner = noter.inner
            return
        at = at.inner


def line_of(node: Node) -> str:
    """Where the forward op of ``node`` was called, or an empty text if nobody noted it."""
    found = _lines.get(node)
    if found is not None:
        return versions.place(found)
    asked = getattr(dispatch.recorder(), "line_of", None)
    where = asked(node) if asked is not None else None
    return versions.place_of_line(*where) if where else ""


def enabled() -> bool:
    """Whether anomaly mode is on."""
    return _state["on"]


def check_nan_enabled() -> bool:
    """Whether anomaly mode also looks for NaN in every gradient."""
    return _state["check_nan"]


def switch(on: bool, check_nan: bool) -> None:
    """Turn anomaly mode on or off."""
    if on and not _state["on"]:
        versions.hold()
        _state["noter"] = start()  # type: ignore[assignment]
    elif not on and _state["on"]:
        versions.release()
        stop(_state.pop("noter"))  # type: ignore[arg-type]
    _state["on"], _state["check_nan"] = on, check_nan


def check_nan(node: Node, slot: int, name: str, g: Any) -> None:
    """Raise if the gradient of an input holds NaN. Raises: AutogradError naming the forward line."""
    a = getattr(g, "_a", g)
    a = getattr(a, "primal", a)
    if a is None or a.dtype.kind != "f" or not bool((a != a).any()):
        return
    line = line_of(node)
    raise AutogradError(
        f"backward: {node.name()} returned nan values in its {slot}th output: the gradient of {name!r} of the op "
        f"{node.row.name!r}, shape {tuple(a.shape)}, holds NaN. The op was called in "
        f"{line or 'a line that was not noted (the forward ran before anomaly mode was on)'}. Look for a division "
        "by 0, a log or sqrt of 0, or an overflow in its inputs"
    )


def overwritten(node: Node, position: int, array: Any, write: versions.Write) -> AutogradError:
    """The error for a saved value that was overwritten: both ops, both lines."""
    names = [*node.row.inputs, "its result", "its helper value"]
    if node.row.inputs == ("*",):
        names = ["an input", "its result", "its helper value"]
    n = node.row.n
    which = names[position] if position < len(names) else names[-1]
    what = which if position >= n or node.row.inputs == ("*",) else f"the input {which!r}"
    size = f"{tuple(array.shape)} {array.dtype}"
    line = line_of(node)
    if line:
        forward = f"computed in {line}"
    else:
        forward = "to see its line, record the program or run it under autograd.detect_anomaly()"
    wrote = versions.place(write.frame) or "a line that was not noted (an optimizer's step)"
    return AutogradError(
        f"backward: a value that a gradient needs was overwritten in place before the gradient was computed: "
        f"the gradient of {node.row.name!r} ({node.name()}, {forward}) needs {what}, {size}, as it "
        f"was then, but {write.row.name!r} has overwritten that memory since, in {wrote} (version "
        f"{write.count}). Compute a new tensor there instead of writing in place, or clone() the value before"
    )
