"""Many steps at once, out of a trace: as columns, from stretches where there are some, else from their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from graphscope.trace import stretches
from graphscope.trace.described import Described
from graphscope.trace.rows import DAMAGE
from graphscope.trace.steps import StepTable
from graphscope.trace.stretches import ID, Columns, Packed

_END = 1 << 62  # above all ids
_PARTS = 8  # stretches, or as many rows, that are one table


class Stepped(Described):
    """The part of the reader that has many steps at once."""

    def steps(self, kind: str = "train", since: int = -1) -> StepTable:
        """The steps with an id above ``since``, oldest first; not the one in which the program stands."""
        parts = list(self._parts(kind, since))
        with self._decoding("the table of steps"):
            return stretches.table(parts)

    def tables(self, kind: str = "train", since: int = -1) -> Iterator[StepTable]:
        """The same steps, some ten thousand at a time: for who needs little of each, and not all at once."""
        parts = self._parts(kind, since)
        while some := [*islice(parts, _PARTS)]:
            with self._decoding("the table of steps"):
                yield stretches.table(some)

    def _parts(self, kind: str, since: int) -> Iterator[Columns | Packed]:
        last = since
        left = self._stretches(kind, since)[::-1]
        while left:
            some, first, upto = left.pop()  # whoever is done with it lets it go
            if first > last + 1:
                yield from self._between(kind, last, first)
            yield some
            last = upto
        yield from self._between(kind, last, _END)

    def _stretches(self, kind: str, since: int) -> list[tuple[Packed, int, int]]:
        """Stretches of a kind, as far as they have steps above ``since``, with the ids of their first and last step.

        What cannot be read is left out: its rows are there.
        """
        if self._one("SELECT 1 FROM sqlite_master WHERE name = 'stretches'") is None:
            return []  # a file from before that table
        found: list[tuple[Packed, int, int]] = []
        last = since

        def take(rows: list[tuple[Any, ...]]) -> None:
            nonlocal last
            for first, upto, blob in rows:
                try:
                    some = Packed(blob)
                    ids = some.column(ID)
                    if ids[0] != first or ids[-1] != upto or (np.diff(ids) <= 0).any():
                        continue
                    known = int(np.searchsorted(ids, last, "right"))
                    some.skip(known)
                except DAMAGE:
                    continue
                if len(some):
                    found.append((some, int(ids[known]), upto))
                    last = upto

        self._batches(
            take, 16,
            # Of a tail the last one that begins before it is enough: they do not overlap.
            "SELECT first, last, data FROM stretches WHERE kind = ? AND last > ? AND first >= coalesce("
            "(SELECT max(first) FROM stretches WHERE kind = ? AND first <= ?), 0) ORDER BY first",
            kind, since, kind, since,
        )  # fmt: skip
        return found

    def _between(self, kind: str, last: int, end: int) -> list[Columns]:
        """Steps out of their rows: those with ids above ``last`` and below ``end``."""
        found: list[Columns] = []
        sql = stretches.SELECT.format(of="+kind" if kind == "train" else "kind")

        def take(rows: list[tuple[Any, ...]]) -> None:
            if rows:
                found.append(stretches.of_rows(rows))

        with self._decoding("the table of steps"):
            if not self._batches(take, 4_096, sql, kind, last, end):
                # Damaged: one by one, up to where it is.
                upto = int(found[-1].ints[ID, -1]) if found else last
                take(self._rows(sql, kind, upto, end, partial=True))
        return found

    def timed(self, ids: Sequence[int]) -> list[int]:
        """Of these steps (by their ids) those whose times are kept."""
        found: list[int] = []
        for k in range(0, len(ids), 500):
            some = [int(id) for id in ids[k : k + 500]]
            marks = ", ".join("?" * len(some))
            sql = f"SELECT id FROM steps WHERE id IN ({marks}) AND chunk IS NOT NULL"
            found += [int(id) for (id,) in self._rows(sql, *some, partial=True)]
        return found

    def last_loss(self, kind: str = "train") -> float | None:
        """The newest step's loss: NaN where it was not finite, None where no step has one."""
        row = self._one(
            "SELECT loss, nonfinite FROM steps WHERE kind = ? AND (loss IS NOT NULL OR nonfinite)"
            " ORDER BY num DESC LIMIT 1",
            kind,
        )
        if row is None:
            return None
        with self._decoding("the last loss"):
            return float("nan") if row[0] is None else float(row[0])
