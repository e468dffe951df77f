"""What a rule may ask: one run's facts, each computed once however many rules want it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from graphscope.analysis.rates import RATE, Rates
from graphscope.analysis.rules.wires import Wires
from graphscope.trace.records import Graph, Longs, StepTable, ValueStep

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader

_T = TypeVar("_T")
KINDS = ("train", "eval")
PAUSED = "paused"
MOST_VALUES = 512  # steps with values that are looked at in one round, at a millisecond each
MOST_GRAPHS = 12  # of a program whose graph changes in every step, the newest are looked at


@dataclass
class Seen:
    """The steps of one kind that were read, and which of them are new in this round."""

    table: StepTable
    values: list[int] = field(default_factory=list)
    fresh: int = 0
    fresh_values: int = 0
    used: dict[int, int] = field(default_factory=dict)
    """Graphs of whole steps, in the order of their last use, and how many steps each has."""


class Case:
    """The facts of one run for the rules; grows while the run does.

    ``update()`` begins a round: it reads what is new, and says whether there is anything. Within a round
    nothing changes, so that all rules see one state of the run.
    """

    def __init__(self, reader: TraceReader) -> None:
        self.reader = reader
        self.round = 0
        self.header: dict[str, str] = {}
        self.new_graph = False
        """Whether this round may show more of the graphs than the rounds before: a new one, new facts about
        one, twice as many steps, or the end of the program."""
        self.missed = ""
        """A rule that has too little to judge by says so here (Doctor.unjudged)."""
        self.most_values = MOST_VALUES
        """Steps with values that are looked at in one round; a page that watches a run asks for fewer."""
        self.left_out = False
        """Whether there were more."""
        self._seen = {kind: Seen(reader.steps(kind, since=1 << 62)) for kind in KINDS}
        self._wires: dict[int, Wires] = {}
        self._values: dict[tuple[int, str], ValueStep | None] = {}
        self._kept: dict[Any, Any] = {}
        self._card: Any = None
        self._mark: Any = None
        self._facts: dict[tuple[int, str], list[Any]] = {}
        self._last_fact = 0
        self.rates = Rates()
        self._graphs: dict[str, list[int]] = {kind: [] for kind in KINDS}

    def update(self) -> bool:
        """Read what is new; False when nothing is, and the round before still stands."""
        header = self.reader.header()
        card = (
            self.reader.revision() | {"state": self.reader.state(header), "age": 0},
            {k: v for k, v in header.items() if k != "heartbeat"},
        )
        card[0].pop("heartbeat_age", None)
        if card == self._card and self.round:
            return False
        self._card, self.header = card, header
        self.round += 1
        self._values.clear()
        before = {kind: set(ids) for kind, ids in self._graphs.items()}
        for kind in KINDS:
            self._read(kind)
        told = self._read_facts()
        mark = (self.over, *(len(self._seen[kind].table).bit_length() for kind in KINDS))
        self.new_graph = (
            told
            or mark != self._mark
            or any(set(ids) - before[kind] for kind, ids in self._graphs.items())
        )
        self._mark = mark
        return True

    def _read_facts(self) -> bool:
        new = self.reader.facts(self._last_fact)
        for id, graph, name, data in new:
            self._last_fact = id
            if name == RATE:
                self.rates.take(data)
            else:
                self._facts.setdefault((graph, name), []).append(data)
        return any(name != RATE for _, _, name, _ in new)

    def facts(self, graph: int, name: str) -> list[Any]:
        """What the recorder noted of a graph beside its columns (``record/facts.py``), oldest first."""
        return self._facts.get((graph, name), [])

    def _read(self, kind: str) -> None:
        seen = self._seen[kind]
        seen.fresh = len(seen.table)
        newest = seen.values[-1] if seen.values else -1
        last = int(seen.table.id[-1]) if len(seen.table) else -1
        new = self.reader.steps(kind, since=last)
        # A step in which the program is paused is not over; its row will be written again.
        if PAUSED in new.status:
            new = _part(new, new.status.index(PAUSED))
        if len(new):
            seen.table = _joined(seen.table, new) if len(seen.table) else new
        # Of steps that were read: what was written in between, or belongs to a step that runs, comes later.
        until = int(seen.table.num[-1]) if len(seen.table) else -1
        seen.values = [num for num in self.reader.value_steps(kind) if num <= until]
        seen.fresh_values = int(np.searchsorted(seen.values, newest, side="right"))
        # The last step of a program is partial if it did not end with an update; an evaluation never does.
        good = ("ok",) if kind == "train" else ("ok", "partial")
        backwards = new.graph[new.ended(*good)][::-1]
        if (
            len(backwards) and (backwards == backwards[0]).all()
        ):  # as nearly always: nothing to sort
            ids, at, times = backwards[:1], np.zeros(1, int), np.array([len(backwards)])
        else:
            ids, at, times = np.unique(backwards, return_index=True, return_counts=True)
        for k in np.argsort(-at).tolist():  # in the order of their last use
            graph = int(ids[k])
            seen.used[graph] = seen.used.pop(graph, 0) + int(times[k])
        self._graphs[kind] = list(seen.used)

    # ---------------------------------------------------------------- steps

    def steps(self, kind: str = "train") -> StepTable:
        """All steps read so far."""
        return self._seen[kind].table

    def fresh(self, kind: str = "train") -> list[int]:
        """The numbers of the steps that are new in this round."""
        seen = self._seen[kind]
        return [int(num) for num in seen.table.num[seen.fresh :]]

    def value_steps(self, kind: str = "train") -> list[int]:
        """The numbers of the steps whose values were taken."""
        return self._seen[kind].values

    def fresh_values(self, kind: str = "train") -> list[int]:
        """Those of them that are new in this round; of very many, evenly chosen ones with the first and the last."""
        seen = self._seen[kind]
        new = seen.values[seen.fresh_values :]
        if len(new) <= self.most_values:
            return new
        self.left_out = True
        return [new[k] for k in np.linspace(0, len(new) - 1, self.most_values).astype(int).tolist()]

    def values(self, num: int, kind: str = "train") -> ValueStep | None:
        """The statistics of a step, or the nearest before it of the same graph (kept for the round)."""
        key = (num, kind)
        if key not in self._values:
            if len(self._values) > 64:
                self._values.clear()
            self._values[key] = self.reader.values(num, kind)
        return self._values[key]

    @property
    def loss(self) -> tuple[Longs, Any]:
        """Step numbers and losses of the training steps that have one."""
        table = self.steps()
        has = ~np.isnan(table.loss) | table.nonfinite
        return table.num[has], table.loss[has]

    @property
    def over(self) -> bool:
        """Whether the program has ended: what did not happen by now never will."""
        return self.reader.state(self.header) != "live"

    # ---------------------------------------------------------------- graphs

    def graphs(self, kind: str = "train") -> list[int]:
        """Ids of the graphs that whole steps used, at most 12, in the order of their last use."""
        return self._graphs[kind][-MOST_GRAPHS:]

    def counts(self, kind: str = "train") -> dict[int, int]:
        """How many steps used each graph."""
        ids, n = np.unique(self.steps(kind).graph, return_counts=True)
        return dict(zip(ids.tolist(), n.tolist(), strict=True))

    def graph(self, id: int) -> Graph:
        return self.wires(id).graph

    def wires(self, id: int) -> Wires:
        """What follows from a graph's structure: parameters, roots, reach (each computed once)."""
        found = self._wires.get(id)
        if found is None:
            found = self._wires[id] = Wires(self.reader, self.reader.graph(id), self._specs(id))
            if len(self._wires) > 4 * MOST_GRAPHS:
                del self._wires[next(iter(self._wires))]
        return found

    def last_step(self, graph: int, kind: str = "train") -> int:
        """The number of the newest step of a graph; -1 when there is none."""
        at = np.flatnonzero(self.steps(kind).graph == graph)
        return int(self.steps(kind).num[at[-1]]) if len(at) else -1

    def first_step(self, graph: int, kind: str = "train") -> int:
        """The number of the first step of a graph; -1 when there is none."""
        at = np.flatnonzero(self.steps(kind).graph == graph)
        return int(self.steps(kind).num[at[0]]) if len(at) else -1

    def shape_sets(self, graph: int, kind: str = "train") -> dict[int, int]:
        """How many steps of a graph had each set of shapes."""
        table = self.steps(kind)
        ids, n = np.unique(table.shape_set[table.graph == graph], return_counts=True)
        return dict(zip(ids.tolist(), n.tolist(), strict=True))

    def _specs(self, graph: int) -> Any:
        """Spec ids of a graph's most common set of shapes."""
        for kind in KINDS:
            sets = self.shape_sets(graph, kind)
            if sets:
                return self.reader.specs_of(max(sets, key=lambda s: (sets[s], -s)))
        return None

    # ---------------------------------------------------------------- the rest

    def keep(self, name: Any, make: Callable[[], _T]) -> _T:
        """Something of a rule's own that lives as long as the case: made at the first call."""
        if name not in self._kept:
            self._kept[name] = make()
        found: _T = self._kept[name]
        return found


def _part(table: StepTable, upto: int) -> StepTable:
    return StepTable(**{f.name: getattr(table, f.name)[:upto] for f in fields(StepTable)})


def _joined(a: StepTable, b: StepTable) -> StepTable:
    columns: dict[str, Any] = {}
    for f in fields(StepTable):
        one, two = getattr(a, f.name), getattr(b, f.name)
        columns[f.name] = one + two if isinstance(one, list) else np.concatenate([one, two])
    return StepTable(**columns)
