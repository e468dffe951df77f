"""What a run does not have, though nothing in its file is damaged: said wherever its numbers are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from graphscope.trace.thinned import sentence
from graphscope.units import count


class Missing(NamedTuple):
    """One thing that is not in a trace, in words."""

    id: str
    title: str
    detail: str
    fix: str

    def __str__(self) -> str:
        return f"{self.detail} {self.fix}".strip()


def missing(header: Mapping[str, str]) -> list[Missing]:
    """What is not there, by what the meta table says."""
    found = []
    text = header.get("recording_stopped")
    if text is not None:
        found.append(
            Missing(
                "recording-stopped", "The recording stopped before the program did",
                f"What came later is missing: the recorder stopped by an error of its own ({text}).",
                "That is a fault of GraphScope's; please report it.",
            )
        )  # fmt: skip
    text = header.get("writing_stopped")
    if text is not None:
        found.append(
            Missing(
                "writing-stopped", "The trace ends before the program did",
                f"What came later is missing, since nothing more could be written: {text}.",
                "Make room, or record to another disk; a max_size keeps a trace small.",
            )
        )  # fmt: skip
    if dropped := _number(header, "dropped_steps"):
        found.append(
            Missing(
                "dropped-steps", "Steps are missing",
                f"{count(dropped)} {'step is' if dropped == 1 else 'steps are'} missing: the disk was full, or too "
                "slow for them.",
                "Record to another disk, or with values='off'.",
            )
        )  # fmt: skip
    if ops := _number(header, "foreign_ops"):
        found.append(
            Missing(
                "other-threads", "Other threads computed too",
                f"{count(ops)} {'op' if ops == 1 else 'ops'} of other threads {'is' if ops == 1 else 'are'} missing, "
                "here and in the sums: a run records the thread that began it.",
                "Begin it in the thread that you want to see; one thread is recorded at a time.",
            )
        )  # fmt: skip
    if (thinned := sentence(dict(header))) is not None:
        found.append(
            Missing(
                "thinned", "Older steps were thinned out", thinned, "A larger max_size keeps more."
            )
        )
    return found


def _number(header: Mapping[str, str], key: str) -> int:
    try:
        return int(header.get(key, "0"))
    except ValueError:
        return 0
