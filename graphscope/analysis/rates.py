"""The learning rates of a run as its recorder saw them (``record/rates.py``): curves, and where they jumped."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from graphscope import units
from graphscope.errors import TraceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphscope.trace.reader import TraceReader

RATE = "rate"  # the name of its facts
MOST = 12  # a rate that changes more often follows a schedule: then only what sticks out is a jump
FARTHEST = 1 << 60  # steps and nanoseconds that a trace may hold
Series = tuple["NDArray[np.int64]", "NDArray[np.float64]", "NDArray[np.int64]"]


class Rate(NamedTuple):
    """From training step ``step`` on a group has the rate ``value``; NaN where its optimizer is no more."""

    step: int
    value: float
    before: float | None
    """What it was just before; None at the beginning."""
    since: int
    """The first step that may have had it already: ``step``, where that is known."""
    wall: int
    """Nanoseconds since the run began."""


class Jump(NamedTuple):
    """A rate became another one."""

    tag: str
    step: int
    before: float
    value: float
    since: int

    @property
    def words(self) -> str:
        return words(self.before, self.value)

    @property
    def text(self) -> str:
        """What a mark says; where the program set it itself, steps in between may not have been looked at."""
        about = f" (between steps {self.since} and {self.step})" if self.since < self.step else ""
        return f"{units.clip(self.tag, 40)} {self.words}{about}"


def words(before: float, value: float) -> str:
    """How a change is told, without a tag.

    >>> words(0.1, 0.01)
    '0.1 to 0.01'
    """
    return f"{float(before):.4g} to {float(value):.4g}"


@dataclass
class Group:
    """A group of parameters of one optimizer, with one row for each step at which its rate was told."""

    optimizer: str
    number: int
    """In the order in which the run came to know the optimizers."""
    group: int
    rows: list[Rate] = field(default_factory=list)
    tag: str = "lr"


class Rates:
    """What a trace tells of them; ``read`` again reads on."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, int], list[Rate]] = {}
        self._names: dict[int, str] = {}
        self._read = 0
        self._end: tuple[int, int] | None = None  # the newest training step, and when it began
        self._at: Any = None
        self._series: dict[str, Series] | None = None
        self._lock = threading.Lock()

    def read(self, reader: TraceReader, revision: dict[str, Any] | None = None) -> Rates:
        """Take what the trace has that was not read before; returns itself. revision: the reader's, if at hand."""
        card = revision or reader.revision()
        at = card["steps"], card["scalars"], card["state"]
        with self._lock:
            if at == self._at:
                return self
            try:
                for id, _, name, data in reader.facts(self._read):
                    self._read = id
                    if name == RATE:
                        self.take(data)
                if self._rows:
                    self._end = _end(reader, card)
            except TraceError:
                pass  # of a damaged file there are the rates that can be read
            self._at, self._series = at, None
        return self

    def take(self, data: Any) -> None:
        """A row of the trace's facts of that name."""
        try:
            optimizer, number, group, step, value, before, since, wall = data
            of = int(number), int(group)
            rate = float("nan") if value is None else float(value)
            was = None if before is None else float(before)
            new = Rate(int(step), rate, was, min(int(since), int(step)), int(wall))
        except (TypeError, ValueError, OverflowError):
            return  # no row of ours
        rows = self._rows.setdefault(of, [])
        last = rows[-1].step if rows else 0
        if not last <= new.step < FARTHEST or not 0 <= new.wall < FARTHEST:
            return
        self._names[of[0]] = str(optimizer)
        if rows and last == new.step:  # schedules of several parts set it several times
            first = rows.pop()
            new = new._replace(before=first.before, since=min(first.since, new.since))
        rows.append(new)

    def groups(self) -> list[Group]:
        """All groups under names as torch's users give them: ``lr``, or ``lr/Adam/group 0`` where there are several."""
        with self._lock:
            found = [
                Group(self._names[number], number, group, list(rows))
                for (number, group), rows in sorted(self._rows.items())
                if rows
            ]
        if len(found) > 1:
            places: Counter[str] = Counter()
            words: dict[int, str] = {}
            for one in found:
                if one.number not in words:
                    places[one.optimizer] += 1
                    k = places[one.optimizer]
                    words[one.number] = one.optimizer if k == 1 else f"{one.optimizer} {k}"
                one.tag = f"lr/{words[one.number]}/group {one.group}"
        return found

    def series(self) -> dict[str, Series]:
        """A curve of each group, as of a logged scalar: where the rate stood still it is drawn level."""
        if self._series is None:
            self._series = {one.tag: _curve(one.rows, self._end) for one in self.groups()}
        return dict(self._series)

    def jumps(self) -> list[Jump]:
        """Where the rates became other ones, by step; nothing of a schedule that moves them all the time."""
        found = []
        for one in self.groups():
            triples = zip(one.rows, one.rows[1:], [*one.rows[2:], None], strict=False)
            rows = {row.step: row for a, row, b in triples if not _moves(a, row, b)}
            steps, values, _ = _curve(one.rows, self._end)
            among = np.array([step in rows for step in steps.tolist()], bool)
            for k in changed_at(steps, values, among).tolist():
                since = rows[int(steps[k])].since
                found.append(
                    Jump(one.tag, int(steps[k]), float(values[k - 1]), float(values[k]), since)
                )
        return sorted(found, key=lambda jump: (jump.step, jump.tag))


def with_rates(reader: TraceReader) -> dict[str, Series]:
    """The curves that the program logged, and learning rates as the recorder saw them where it logged none so called."""
    return Rates().read(reader).series() | reader.scalars()


def changed_at(
    steps: NDArray[Any], values: NDArray[Any], among: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Where a rate became another one: the indices of all changes where they are few, else of those that stick out.

    A change does so that is a tenth of the rate at least, and four times as steep as what is before and behind it: a
    drop after a warm-up, a restart, but no part of a line or of a cosine. among: points that may count.

    >>> changed_at(np.arange(4), np.array([0.1, 0.1, 0.01, 0.01])).tolist()
    [2]
    >>> warm_up = np.minimum(np.arange(100) / 50, 1.0)
    >>> changed_at(np.arange(100), np.where(np.arange(100) < 80, warm_up, 0.1)).tolist()
    [80]
    """
    with np.errstate(invalid="ignore", over="ignore"):
        change = np.abs(np.diff(values))
        there = change != 0
        if among is not None:
            there &= among[1:]
        if there.sum() > MOST:
            steep = np.concatenate(([0.0], change / np.maximum(np.diff(steps), 1), [0.0]))
            large = np.maximum(np.abs(values[1:]), np.abs(values[:-1]))
            there &= (change >= 0.1 * large) & (steep[1:-1] >= 4 * steep[:-2])
            there &= steep[1:-1] >= 4 * steep[2:]
    at = np.flatnonzero(there) + 1
    return at if len(at) <= MOST else at[:0]


def _moves(before: Rate, row: Rate, behind: Rate | None) -> bool:
    """Whether a rate changed in the step before (or since) too, or does in the one behind: that is a way, and no jump."""
    return (before.before is not None and row.since <= before.step + 1) or (
        behind is not None and behind.since <= row.step + 1
    )


def _end(reader: TraceReader, revision: dict[str, Any]) -> tuple[int, int] | None:
    """The newest training step, and when the newest step of any kind began."""
    step = revision["last_step"]
    if step is None:
        return None
    for kind in ("train", "eval"):
        table = reader.steps(kind, since=int(revision["steps"]) - 2)
        if len(table):
            return int(step), int(table.t0_ns[-1])
    return None


def _curve(rows: list[Rate], end: tuple[int, int] | None) -> Series:
    steps: list[int] = []
    values: list[float] = []
    walls: list[int] = []

    def put(step: int, value: float, wall: int) -> None:
        steps.append(step)
        values.append(value)
        walls.append(max(wall, walls[-1] if walls else 0))

    gone = False
    for row in rows:
        if end is not None and row.step > end[0]:  # a step that has not come, or never came
            if row.before is not None and steps and row.since > end[0] > steps[-1]:
                put(end[0], row.before, end[1])
            break
        gone = row.value != row.value and row.before is None
        before = values[-1] if gone and values else row.before
        last = row.since - 1
        if before is not None and steps and last > steps[-1]:
            # The wall clock of that step is not in the row: between its neighbours, by its number.
            share = (last - steps[-1]) / (row.step - steps[-1])
            put(last, before, int(walls[-1] + share * (row.wall - walls[-1])))
        if not gone:
            put(row.step, row.value, row.wall)
    if end is not None and steps and not gone and end[0] > steps[-1]:
        put(end[0], values[-1], end[1])
    return np.array(steps, np.int64), np.array(values, np.float64), np.array(walls, np.int64)
