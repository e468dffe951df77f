"""The two sides of the Compare page: which runs or steps they are, and their facts in one table."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.analysis.steps import peak_bytes, step_flops
from graphscope.errors import TraceError
from graphscope.trace import schema
from graphscope.webapp.queries.graph import look
from graphscope.webapp.queries.home import command_text

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Step, StepTable

# What changes with every run, or is said elsewhere on the page.
_SKIP = frozenset(
    ("run", "state", "heartbeat", "ended", "t0_unix_ns", "format", "memory", "control", "error", "pid", "process", "cost")
)  # fmt: skip
_WORDS = {
    "created": "begun",
    "argv": "command",
    "device_time": "clock of the device",
    "host": "machine",
    "max_size": "trace at most",
}
RECENT = 1000  # steps that a typical one is the median of
TEXT = 300
Cells = list[dict[str, Any]]


@dataclass
class Side:
    """A run with the step that stands for it, or a step of a run."""

    reader: TraceReader
    run: str
    step: Step
    graph: Graph
    table: StepTable
    alone: bool
    """Whether it is meant as this one step and not as the run."""

    @property
    def name(self) -> str:
        return f"step {self.step.num}" if self.alone else self.run


def sides(
    reader: TraceReader,
    run: str,
    vs: str,
    num: int | None,
    other: Callable[[str], TraceReader],
) -> tuple[Side, Side]:
    """A, what is compared with (``vs``: a run, or ``step:N`` of this run), and B, what is looked at.

    Raises: TraceError when there is no such run or step, or both are the same.
    """
    kind, _, rest = vs.partition(":")
    now = _looked(reader, run, num)
    if kind == "step" and rest.isascii() and rest.isdigit() and len(rest) < 16:
        was = reader.step(int(rest), now.kind)
        if was.num == now.num:
            raise TraceError(f"Step {now.num} against itself: choose another step for A or for B.")
        return _side(reader, run, was, True), _side(reader, run, now, True)
    if vs == run:
        raise TraceError(f"{units.clip(run, 60)} against itself: choose another run for A.")
    second = other(vs)
    was = _typical(second, _looked(second, vs, None))
    return _side(second, vs, was, False), _side(reader, run, _typical(reader, now), False)


def _looked(reader: TraceReader, run: str, num: int | None) -> Step:
    if not len(reader.steps()) and not len(reader.steps("eval")):
        raise TraceError(
            f"The run {units.clip(run, 60)} has no step yet; there is nothing to compare."
        )
    return look(reader, num)


def _typical(reader: TraceReader, looked: Step) -> Step:
    """The step that stands for a run: the last of its most common graph in its most common shapes.

    The one that is looked at, if it is such a one: a last batch that is smaller, or a step that raised,
    says little about a run.
    """
    table = reader.steps(looked.kind)
    whole = table.ended("ok")
    pool = whole if whole.any() else np.ones(len(table), bool)
    graph = int(np.bincount(table.graph[pool]).argmax())
    pool &= table.graph == graph
    shapes = int(np.bincount(table.shape_set[pool]).argmax())
    if (looked.graph, looked.shape_set) == (graph, shapes) and looked.status == "ok":
        return looked
    return reader.step(int(table.num[pool & (table.shape_set == shapes)][-1]), looked.kind)


def _side(reader: TraceReader, run: str, step: Step, alone: bool) -> Side:
    return Side(reader, run, step, reader.graph(step.graph), reader.steps(step.kind), alone)


def facts(a: Side, b: Side) -> Cells:
    """Rows ``{group, name, a, b, same}`` in words; the reader wants those that differ first."""
    rows: Cells = []
    for group, make in (("result", _results), ("work", _work), ("settings", _settings)):
        left, right = make(a), make(b)
        for name in dict.fromkeys([*left, *right]):
            one, two = left.get(name, units.MISSING), right.get(name, units.MISSING)
            rows.append({"group": group, "name": name, "a": one, "b": two, "same": one == two})
    if a.alone:
        rows = [row for row in rows if row["group"] != "settings" or not row["same"]]
    return rows


def _results(side: Side) -> dict[str, str]:
    step, table = side.step, side.table
    if side.alone:
        # A loss that is NaN comes out of the file as no loss (SQLite has no NaN).
        loss = math.nan if step.loss is None and step.nonfinite else step.loss
        out = {"loss": units.loss(loss), "status": step.status}
        return out | {"time": units.ns(step.wall_ns), "graph": f"graph {step.graph}"}
    finite = np.isfinite(table.loss)
    out = {"state": side.reader.state(), "steps": units.count(len(table))}
    if finite.any():
        best = int(np.where(finite, table.loss, np.inf).argmin())
        # A loss that is NaN comes out of the file as no loss: its step is marked.
        out["last loss"] = units.loss(table.loss[np.flatnonzero(finite | table.nonfinite)[-1]])
        out["best loss"] = f"{units.loss(table.loss[best])} at {units.count(int(table.num[best]))}"
    first_wild = np.flatnonzero(table.nonfinite)
    if len(first_wild):
        out["not finite"] = f"from step {units.count(int(table.num[first_wild[0]]))}"
    out["time of a step"] = units.ns(float(np.median(table.wall_ns[-RECENT:])))
    if table.wall_ns.sum() > 0 and table.rec_ns.any():
        out["recording cost"] = units.share(float(table.rec_ns.sum()) / float(table.wall_ns.sum()))
    return out


def _work(side: Side) -> dict[str, str]:
    graph, step, reader = side.graph, side.step, side.reader
    one = _only(side.table, step.num)
    specs = [reader.spec(int(step.spec_id(v))) for v in range(-graph.n_ports, graph.n)]
    parameters = [
        reader.spec(int(step.spec_id(-1 - k)))
        for k in range(graph.n_ports)
        if graph.port_kind(k) == "parameter"
    ]
    count = sum(int(np.prod(spec.shape, dtype=np.int64)) for spec in parameters)
    work = float(step_flops(reader, one)[0])
    out = {
        "operations of a step": units.MISSING if work != work else units.flops(work),
        "peak memory": units.bytes_(int(peak_bytes(reader, one, step.kind)[0])),
        "ops": units.count(graph.n),
        "parameters": units.count(count),
        "devices": ", ".join(sorted({spec.device for spec in specs})) or units.MISSING,
        "dtypes": ", ".join(sorted({spec.dtype for spec in parameters})) or units.MISSING,
    }
    for device in reader.devices(step.id):
        name = units.clip(device.device, 40)
        out[f"busy, {name}"] = units.ns(device.busy_ns)
        out[f"peak of the pool, {name}"] = units.bytes_(device.peak)
    return out


def _only(table: StepTable, num: int) -> Any:
    from graphscope.analysis.part import _rows

    return _rows(table, table.num == num)


def _settings(side: Side) -> dict[str, str]:
    """Hyper-parameters that the program logged, those of the optimizer's ops, then the meta table."""
    out: dict[str, str] = {}
    for media in side.reader.media("hparams"):
        out |= _flat(_json(media.data.decode("utf-8", "replace")))
    graph = side.graph
    for i in np.flatnonzero(graph.phase == schema.UPDATE).tolist()[:1]:
        given = _json(graph.params_text(i))
        out |= {f"{graph.op_name(i)} {name}": text for name, text in _flat(given).items()}
    for key, value in side.reader.header().items():
        if key in _SKIP or not value:
            continue
        what, _, device = key.partition(":")
        if (
            what in ("max_size", "memory_total")
            and value.isascii()
            and value.isdigit()
            and len(value) < 16
        ):
            value = units.bytes_(int(value))
            key = f"memory of {device}" if device else key
        elif key == "argv":
            value = command_text(value)
        out[_WORDS.get(key, key)] = units.clip(value, TEXT)
    return {units.clip(name, 80): text for name, text in out.items()}


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text else {}
    except ValueError:
        return {}


def _flat(given: Any) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    given = given.get("hparams", given) if isinstance(given.get("hparams", given), dict) else given
    return {
        str(name): units.number(value) if isinstance(value, float) else units.clip(str(value), TEXT)
        for name, value in given.items()
    }
