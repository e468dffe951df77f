"""Learning rates as the trace tells them: noted where a schedule sets one, and in steps that are looked at anyway.

Nothing is done for it in other steps. What ``scheduler.step()`` and ``load_state_dict`` set is known at once, and holds
from the next training step on; what a program writes into a group itself is seen in the next step that is looked at, and
the row says since which step it may have been so. A rate that is a tensor is left alone: its number would have to be
fetched.

A schedule may set another rate before every step. Of a group the first ``ALL`` changes are told, then those that are a
``1 / ALL`` of the run apart, and sudden ones (by a twentieth at least), of which there may be ``ALL`` too: 100,000 steps of
a cosine are some thousand rows of 60 bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from numbers import Real
from time import perf_counter_ns as clock
from typing import Any
from weakref import ref

from graphscope.engine import dispatch, living
from graphscope.engine.follow import SPAN

ALL = 128
SUDDEN = 0.05
ASKED = 256  # parameters of an optimizer that are asked whether the step used them
NO_GRAPH = -1  # a rate belongs to none


class _Group:
    """What is known of the rate of one group of parameters."""

    __slots__ = ("value", "seen", "told", "due", "rows", "jumps")

    def __init__(self, value: float, step: int) -> None:
        self.value = self.told = value
        self.seen = step  # the last step in which it was looked at
        self.due = 0  # the step from which on any change is told
        self.rows = self.jumps = 0


class _Followed:
    """An optimizer, and whether it has a part in the run: others of the program, or of an earlier one, may live on."""

    __slots__ = ("there", "name", "number", "groups")

    def __init__(self, optimizer: Any) -> None:
        self.there = ref(optimizer)
        self.name = type(optimizer).__name__
        self.number = -1  # it has made no step since the run came to know it
        self.groups: dict[int, _Group] = {}
        optimizer._moved = False


class Rates:
    """The rates of one run."""

    def __init__(self, note: Callable[[tuple[Any, ...]], None]) -> None:
        self.note = note
        self._followed: dict[int, _Followed] = {}
        self._many = 0
        self._begun = 0  # when the recorder was started

    def look(self, base: int) -> None:
        """The backward of a step that is looked at begins: with which rates will it be updated?

        At its end it would be too late: a step ends when the next one begins, which may have another rate.
        """
        recorder = dispatch.recorder()
        self._begun, step = recorder.t_start, recorder.num["train"]
        for key, one in list(self._followed.items()):
            if one.there() is None:
                self._over(key, step)
        for optimizer in _living():
            if self._of(optimizer) is not None or _has_part(optimizer, base):
                self._see(optimizer, step, False)

    def close(self) -> None:
        """A step that was looked at ends: which optimizers took part?"""
        for one in self._followed.values():
            if one.number < 0 and (optimizer := one.there()) is not None and optimizer._moved:
                self._take_in(one)

    def changed(
        self, recorder: Any, optimizer: Any, were: Sequence[Any] = (), quiet: bool = False
    ) -> None:
        """Rates of the groups were set, and the next training step is the first that has them.

        were: what they were just before, of which another than the last one known was somebody else's doing.
        quiet: what set them leaves a mark of its own.
        """
        # After its backward a step only updates; the program is in it until the next one begins.
        step = recorder.num["train"] + recorder.after
        self._begun = recorder.t_start
        self._see(optimizer, step, True, were, quiet)

    def _of(self, optimizer: Any) -> _Followed | None:
        one = self._followed.get(id(optimizer))
        return one if one is not None and one.there() is optimizer else None

    def _see(
        self, optimizer: Any, step: int, exact: bool, were: Sequence[Any] = (), quiet: bool = False
    ) -> None:
        one = self._followed.get(id(optimizer))
        if one is None or one.there() is not optimizer:
            self._over(id(optimizer), step)
            one = self._followed[id(optimizer)] = _Followed(optimizer)
        if one.number < 0:
            if optimizer._moved:
                self._take_in(one)
            else:
                one.groups.clear()  # what they were before counts for nothing
        groups = one.groups
        for k, group in enumerate(optimizer.param_groups):
            rate = group.get("lr")
            if type(rate) is not float:
                if not isinstance(rate, Real):
                    continue
                rate = float(rate)
            known = groups.get(k)
            if known is None:
                known = groups[k] = _Group(rate, step)
                if one.number >= 0:
                    self._tell(one, k, known, None, step)
                continue
            before = known.value
            if were and were[k] != before:
                self._set(one, k, known, float(were[k]), max(step - 1, 0), known.seen + 1)
            elif step < known.due and abs(rate - before) <= SUDDEN * abs(before):
                known.value, known.seen = rate, step  # a schedule of every step
                continue
            if rate != known.value:
                self._set(one, k, known, rate, step, step if exact else known.seen + 1, quiet)
            else:
                known.seen = step
                if not exact and rate != known.told and _is_worth(known):
                    self._tell(one, k, known, rate, step)  # where a schedule came to rest

    def _set(
        self, one: Any, k: int, known: _Group, rate: float, step: int, since: int, quiet: bool = False
    ) -> None:  # fmt: skip
        before, known.value, known.seen = known.value, rate, step
        if _is_worth(known, before) and (rate == rate or before == before):
            self._tell(one, k, known, rate if quiet else before, min(since, step))

    def _take_in(self, one: _Followed) -> None:
        one.number = self._many
        self._many += 1
        for k, known in one.groups.items():
            self._tell(one, k, known, None, known.seen)

    def _over(self, key: int, step: int) -> None:
        """An optimizer is no more."""
        one = self._followed.pop(key, None)
        if one is not None and one.number >= 0:
            for k in one.groups:
                self._row(one, k, step, None, None, step)

    def _tell(
        self, one: _Followed, k: int, known: _Group, before: float | None, since: int
    ) -> None:
        known.told = known.value
        known.rows += 1
        if known.rows >= ALL:
            known.due = known.seen + known.seen // ALL
        self._row(one, k, known.seen, known.value, before, since)

    def _row(self, one: _Followed, k: int, step: int, *rest: Any) -> None:
        data = [one.name, one.number, k, step, *rest, clock() - self._begun]
        self.note(("fact", NO_GRAPH, "rate", json.dumps(data)))


def _living() -> Iterator[Any]:
    """The optimizers of the program, in the order in which they were made."""
    try:
        found = list(living.optimizers)
    except RuntimeError:  # one is made at this very moment, by another thread
        found = []
    return iter(sorted(found, key=lambda optimizer: optimizer._made))


def _has_part(optimizer: Any, base: int) -> bool:
    """Whether the running step used any of its parameters: an optimizer of another model may live on."""
    params = chain.from_iterable(group["params"] for group in optimizer.param_groups)
    return any(not (p._rid - base) >> SPAN for p in islice(params, ASKED))


def _is_worth(known: _Group, before: float | None = None) -> bool:
    """Whether a rate that is another one than was told is told; ``before``: than it was just before."""
    if known.seen >= known.due:
        return True
    if before is not None and abs(known.value - before) > SUDDEN * abs(before):
        known.jumps += 1
        return known.jumps <= ALL
    return False
