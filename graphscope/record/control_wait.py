"""The program stands still: it waits for a command, says so in its terminal, and can be resumed there."""

from __future__ import annotations

import os
import sys
import threading
from time import monotonic
from time import perf_counter_ns as clock
from typing import Any

SHORT = 0.1  # seconds of one wait: Ctrl-C is noticed between two
CHECK = 0.5  # between two looks whether the file is still there


def say(text: str) -> None:
    """A line in the program's terminal."""
    try:
        print(f"graphscope: {text}", file=sys.stderr, flush=True)
    except (OSError, ValueError):  # nobody reads it
        pass


def wait(control: Any, stops: Any) -> int:
    """Wait until the state is no longer "paused"; returns the nanoseconds.

    Whatever happens to the file, the dashboard or the terminal, it returns: when the trace is gone or cannot
    be written, after the time that was asked for, or by Ctrl-C.
    """
    began, since = clock(), monotonic()
    in_main = threading.current_thread() is threading.main_thread()
    control.someone = max(control.someone, since)
    keys: Keys | None = None
    checked, told = since, False
    try:
        while control.state == "paused":
            why = ""
            try:
                if not told:
                    told = True
                    control.announce()
                    keys = Keys(in_main)
                    say(
                        f"{where(control.at)}. Resume it in the dashboard{keys.hint}{_until(control)}."
                    )
                control.wake.wait(SHORT)
                control.wake.clear()
                if control.todo:
                    stops.work()
                    control.partial.again()
                why = keys.pressed() if keys is not None else ""
                now = monotonic()
                if now - checked > CHECK:
                    checked = now
                    why = why or _given_up(control, now, since)
            except KeyboardInterrupt:
                why = "resumed by Ctrl-C; once more ends the program"
            if why:
                say(why)
                control.resume()
                control.announce()
    finally:
        if control.state == "paused":  # an exception goes through here: nobody waits any more
            control.resume()
    return clock() - began


def _given_up(control: Any, now: float, since: float) -> str:
    lost = control.lost
    if lost:
        control.free()
        control.ended = True
        return f"{lost}, so no command can come; the program goes on"
    if control.resume_after is not None and now - since > control.resume_after:
        return f"resumed after {control.resume_after:g} s"
    if control.resume_alone is not None and now - control.someone > control.resume_alone:
        return f"resumed: nobody has looked for {control.resume_alone:g} s"
    return ""


def _until(control: Any) -> str:
    if control.resume_after is not None:
        return f"; it goes on by itself after {control.resume_after:g} s"
    if control.resume_alone is not None:
        return f"; it goes on when nobody has looked for {control.resume_alone:g} s"
    return ""


def where(at: dict[str, Any]) -> str:
    """``paused in step 12 at op 17 of 35 (relu in net.1, train.py:9): breakpoint 1``."""
    of = f" of {at['n']}" if at["n"] else ""
    op = f"gradient of {at['op']}" if at["grad"] else at["op"]
    scope = f" in {at['scope']}" if at["scope"] else ""
    line = f", {os.path.basename(at['file'])}:{at['line']}" if at["file"] else ""
    kind = "" if at["kind"] == "train" else f"{at['kind']} "
    return f"paused in {kind}step {at['step']} at op {at['i'] + 1}{of} ({op}{scope}{line}): {at['why']}"


class Keys:
    """Enter in the program's own terminal, if it has one and stands in its foreground."""

    def __init__(self, in_main: bool) -> None:
        self.fd = -1
        try:
            fd = sys.stdin.fileno()
            if in_main and os.isatty(fd) and hasattr(os, "tcgetpgrp"):
                self.fd = fd
        except (AttributeError, OSError, ValueError):  # no stdin, or one that is no file
            pass
        ways = [" or press Enter here"] if self.fd >= 0 else []
        ways += [" or press Ctrl-C once"] if in_main else []
        self.hint = ",".join(ways)

    def pressed(self) -> str:
        """Why to resume, when Enter was pressed."""
        if self.fd < 0:
            return ""
        import select

        try:
            # In the background a read would stop the whole process.
            if os.tcgetpgrp(self.fd) != os.getpgrp() or not select.select([self.fd], [], [], 0)[0]:
                return ""
            if os.read(self.fd, 4096):
                return "resumed by Enter"
        except (OSError, ValueError):
            pass
        self.fd = -1  # the terminal was closed
        return ""


def drop_into_pdb(at: dict[str, Any]) -> None:
    """Python's debugger at the user's line that runs; ``c`` goes on, ``q`` ends the program."""
    from graphscope.record.debugging import interact

    say(where(at))
    interact()
