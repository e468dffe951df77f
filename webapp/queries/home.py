"""The Overview: how the training goes, where its time and memory go, and what recording costs."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.analysis.breakdown import PARTS, parts_table
from graphscope.analysis.steps import peak_bytes
from graphscope.errors import TraceError
from graphscope.trace.thinned import sentence
from graphscope.view.encode import failed_node
from graphscope.webapp.queries.answers import answers_json
from graphscope.webapp.queries.batch import batch_size
from graphscope.webapp.queries.graph import Views, look
from graphscope.webapp.queries.overhead import overhead_json
from graphscope.webapp.queries.places import Places
from graphscope.webapp.queries.strip import keep, points_json

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import StepTable
    from graphscope.webapp.queries.so_far import SoFar

RECENT = 50  # steps that "now" means
POINTS = 400
PEAKS = 100  # steps looked at per update: the newest, those that began with most, and evenly spread ones
_MEANS = {
    "data": "waiting for the next batch",
    "copies": "moving data between the computer's memory and the device",
    "forward": "the ops of your model and loss",
    "backward": "the gradients of these ops",
    "update": "the optimizer's step",
    "python": "in the interpreter between ops: your loop, logging, everything that is no op",
    "recorder": "what recording itself costs",
}


def home_json(reader: TraceReader, so_far: SoFar, views: Views) -> dict[str, Any]:
    """Everything on the Overview but the findings; texts are ready to be shown."""
    header = reader.header()
    table, kind = so_far.steps(reader), "train"
    if not len(table):
        table, kind = so_far.steps(reader, "eval"), "eval"
    told: dict[str, Any] = {
        "kind": kind,
        "steps": len(table),
        "file": _file(reader, header),
        "hparams": _hparams(reader),
        "traceback": header.get("traceback", "")[-20_000:],
        "thinned": sentence(header) or "",
    }
    if not len(table):
        return told
    value_steps = reader.value_steps(kind)
    step = look(reader, _usual(table) if kind == "train" else None)
    return told | {
        "last": int(table.num[-1]),
        "loss": _loss(table),
        "pace": _pace(reader, table),
        "parts": _parts(reader, table, kind),
        "answers": answers_json(reader, so_far, views, step),
        "memory": _memory(reader, so_far, table, kind),
        "device": _device(reader, table, kind),
        "overhead": overhead_json(table, value_steps, header),
    }


def _usual(table: StepTable) -> int:
    """The newest step of the shapes that most of the last steps had: an epoch often ends with a smaller batch."""
    shapes = table.shape_set[-RECENT:].tolist()
    usual = max(set(shapes), key=shapes.count)
    if 2 * shapes.count(usual) <= len(shapes) or table.status[-1] != "ok":
        usual = shapes[-1]
    return int(table.num[np.flatnonzero(table.shape_set == usual)[-1]])


def _loss(table: StepTable) -> dict[str, Any]:
    finite = np.isfinite(table.loss)
    kept = keep(table.loss, POINTS)
    seen = np.flatnonzero(finite | table.nonfinite)
    told: dict[str, Any] = {
        "last": units.loss(float(table.loss[seen[-1]])) if len(seen) else "",
        "step": int(table.num[seen[-1]]) if len(seen) else None,
        "points": points_json(table, kept) if finite.any() else [],
    }
    if finite.any():
        best = int(np.where(finite, table.loss, np.inf).argmin())
        told |= {"best": units.loss(float(table.loss[best])), "best_step": int(table.num[best])}
    broken = np.flatnonzero(table.nonfinite)
    told["nonfinite"] = int(table.num[broken[0]]) if len(broken) else None
    return told


def _pace(reader: TraceReader, table: StepTable) -> dict[str, Any]:
    """Steps and samples per second of the newest steps, from the begin of one step to that of the next.

    Not of a run's very first step where there are others: it warms everything up.
    """
    recent = slice(max(1 if len(table) > 3 else 0, len(table) - RECENT), None)
    t0, wall = table.t0_ns[recent], table.wall_ns[recent]
    span = float(t0[-1] + wall[-1] - t0[0])
    rate = len(t0) / span * 1e9 if span > 0 else float("nan")
    shapes = table.shape_set[recent].tolist()
    of = dict(zip(shapes, table.graph[recent].tolist(), strict=True))
    sizes = {id: batch_size(reader, id, graph) for id, graph in of.items()}
    samples = [sizes[id] for id in shapes]
    told: dict[str, Any] = {
        "steps_per_s": _rate(rate, "steps"),
        "per_step": units.ns(float(np.median(wall))),
        "of": len(t0),
    }
    if all(samples) and span > 0:
        told["samples_per_s"] = _rate(sum(n or 0 for n in samples) / span * 1e9, "samples")
        # The last batch of an epoch is often a smaller one.
        told["batch"] = units.count(max(set(samples), key=samples.count))
    seconds = np.maximum(table.wall_ns, 1) / 1e9
    kept = keep(seconds, POINTS)
    told["points"] = _points(table.num[kept], seconds[kept])
    return told


def _rate(rate: float, what: str) -> str:
    """``1,250 steps/s``: a rate is a count, and counts are written out."""
    return f"{units.count(round(rate)) if rate >= 1000 else units.number(rate)} {what}/s"


def _parts(reader: TraceReader, table: StepTable, kind: str) -> dict[str, Any]:
    recent = rows_of(table, max(0, len(table) - RECENT))
    newest = parts_of(reader, recent, kind)
    # A long run is summed from an even sample: a share to three digits needs no more.
    if len(table) > 5000:
        chosen = np.unique(np.linspace(0, len(table) - 1, 5000).astype(int))
        whole = parts_of(reader, rows_of(table, chosen), kind)
    else:
        whole = parts_of(reader, table, kind)
    return {"recent": newest, "run": whole}


def rows_of(table: StepTable, chosen: Any) -> StepTable:
    """Some rows of a table: from an index on, or those of an array of indices."""
    from dataclasses import fields

    where = np.arange(chosen, len(table)) if isinstance(chosen, int) else chosen
    columns: dict[str, Any] = {}
    for f in fields(table):
        column = getattr(table, f.name)
        columns[f.name] = [column[i] for i in where] if isinstance(column, list) else column[where]
    return type(table)(**columns)


def parts_of(reader: TraceReader, table: StepTable, kind: str) -> dict[str, Any]:
    """The parts of a mean step; they sum to its wall time."""
    parts = parts_table(reader, table, kind)
    timed = ~np.isnan(parts).any(axis=1)
    count = int(timed.sum())
    if not count:
        return {"steps": 0, "parts": [], "why": "No times were recorded in these steps."}
    sums = parts[timed].sum(axis=0)
    total = float(sums.sum())
    unit = units.unit_of([float(s) / count for s in sums])
    return {
        "steps": count,
        "wall": units.ns(total / count),
        "whole": units.ns(total),
        "parts": [
            {
                "part": name,
                "time": units.ns(float(s) / count, unit),
                "ns": float(s) / count,
                "fraction": float(s) / total if total else 0.0,
                "share": units.share(float(s) / total) if total else units.MISSING,
                "means": _MEANS[name],
            }
            for name, s in zip(PARTS, sums, strict=True)
            if s > 0 or name != "copies"
        ],
    }


def _memory(reader: TraceReader, so_far: SoFar, table: StepTable, kind: str) -> dict[str, Any]:
    """Alive after the newest step, and the most at once in it and in the run, as far as was looked."""

    def more(before: tuple[int, int, int, int] | None) -> tuple[int, int, int, int]:
        """Rows that were looked at; the most in one of them and its number; the newest one's."""
        seen, most, at, _ = before or (0, -1, -1, 0)
        new = np.arange(max(seen - 1, 0), len(table))  # the newest of then may have been being made
        if len(new) > 3 * PEAKS:
            full = new[np.argsort(-table.live0[new], kind="stable")[:PEAKS]]
            spread = new[np.linspace(0, len(new) - 1, PEAKS).astype(int)]
            new = np.unique(np.concatenate([full, spread, new[-PEAKS:]]))
        found = peak_bytes(reader, rows_of(table, new), kind)
        best = int(found.argmax())
        if found[best] > most:
            most, at = int(found[best]), int(table.num[new[best]])
        return len(table), most, at, int(found[-1])

    _, most, at, newest = so_far.once(reader, f"peaks of {kind}", int(table.id[-1]), more)
    if most <= 0:
        return {"why": "No memory was recorded in this run."}
    return {
        "now": units.bytes_(int(table.live0[-1])),
        "peak": units.bytes_(most),
        "peak_step": at,
        "last_peak": units.bytes_(newest),
    }


def _device(reader: TraceReader, table: StepTable, kind: str) -> dict[str, Any]:
    """How busy the device was in the newest steps; on the cpu, how much of a step is in ops at all."""
    sums: dict[str, list[float]] = {}
    recent = table.id[-RECENT:].tolist()
    for id in recent[-10:]:
        for device in reader.devices(int(id)):
            row = sums.setdefault(device.device, [0.0, 0.0, 0.0, 0.0])
            row[0] += device.busy_ns
            row[1] += device.busy_ns + device.idle_ns
            row[2], row[3] = max(row[2], device.peak), max(row[3], device.reserved)
    if sums:
        name = max(sums, key=lambda key: sums[key][0])
        busy, whole, peak, held = sums[name]
        return {
            "name": name,
            "busy": units.share(busy / whole) if whole else units.MISSING,
            "fraction": busy / whole if whole else 0.0,
            "text": f"{name} busy",
            "detail": f"{units.bytes_(int(peak))} at most in use, {units.bytes_(int(held))} held",
        }
    parts = parts_table(reader, rows_of(table, max(0, len(table) - RECENT)), kind)
    timed = parts[~np.isnan(parts).any(axis=1)]
    if not len(timed):
        return {"name": "cpu", "busy": units.MISSING, "text": "device", "detail": "not measured"}
    at = [PARTS.index(name) for name in ("forward", "backward", "update")]
    inside = float(timed[:, at].sum() / max(timed.sum(), 1))
    return {
        "name": "cpu",
        "busy": units.share(inside),
        "fraction": inside,
        "text": "of a step in ops",
        "detail": "on the CPU; the rest is data, Python and recording",
    }


def failure(reader: TraceReader, views: Views) -> dict[str, Any] | None:
    """Where a failed run broke: exception, step, op and line; None for a run that did not."""
    header = reader.header()
    if header.get("state") != "failed":
        return None
    told: dict[str, Any] = {"text": header.get("error") or "The program ended with an exception."}
    if header.get("error_file"):
        file = header["error_file"].replace("\\", "/").rpartition("/")[2]
        told["line"] = units.clip(f"{file}:{header.get('error_line', '?')}", 80)
    try:
        step = look(reader, None)
    except TraceError:  # it ended before its first step
        return told
    graph = reader.graph(step.graph)
    value = failed_node(graph, step)
    if value is None:
        return told | {"step": step.num}
    place = Places(reader, views, graph, step).place(value)
    told.setdefault("line", place["line"] if place else "")
    return told | {"step": step.num, "op": graph.op_name(value), "place": place}


def _file(reader: TraceReader, header: dict[str, str]) -> dict[str, Any]:
    """What was run, with what, and where the trace is."""
    path = reader.path
    size = 0
    for name in (str(path), f"{path}-wal"):
        try:
            size += os.stat(name).st_size
        except OSError:
            continue
    rows = [("file", str(path.resolve())), ("size", units.bytes_(size))]
    for key, label in (("argv", "command"), ("created", "began"), ("run", "name")):
        if header.get(key):
            rows.append(
                (
                    label,
                    units.clip(command_text(header[key]) if key == "argv" else header[key], 400),
                )
            )
    ended = header.get("ended", "")
    try:
        took = float(ended) - float(header.get("t0_unix_ns", "nan")) / 1e9
        if took > 0:
            rows.append(("took", units.ns(took * 1e9)))
    except ValueError:
        pass
    versions = [
        f"{name} {units.clip(header[key], 40)}"
        for key, name in (("python", "Python"), ("numpy", "NumPy"), ("version", "GraphScope"))
        if header.get(key)
    ]
    rows.append(("with", ", ".join(versions)))
    rows.append(("backend", units.clip(header.get("backend", units.MISSING), 40)))
    if header.get("host"):
        rows.append(("machine", units.clip(header["host"], 120)))
    return {"rows": rows, "read": time.time()}


def command_text(text: str) -> str:
    """The command as typed; older traces hold a JSON list."""
    try:
        given = json.loads(text)
    except ValueError:
        return text
    return " ".join(str(a) for a in given) if isinstance(given, list) else text


def _hparams(reader: TraceReader) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for media in reader.media("hparams"):
        try:
            given = json.loads(media.data)
        except ValueError:
            continue
        table = given.get("hparams") if isinstance(given, dict) else None
        for name, value in table.items() if isinstance(table, dict) else ():
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            text = units.number(value, 4) if number and isinstance(value, float) else str(value)
            found[units.clip(str(name), 60)] = units.clip(text, 120)
    return list(found.items())[:60]


def _points(nums: Any, values: Any) -> list[list[float | int | None]]:
    points: list[list[float | int | None]] = list(
        map(list, zip(nums.tolist(), values.tolist(), strict=True))
    )
    for row in np.flatnonzero(~np.isfinite(values)).tolist():
        points[row][1] = None
    return points
