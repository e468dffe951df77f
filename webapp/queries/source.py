"""The user's code with what each line costs: time forward and backward, calls, bytes, values, findings."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from graphscope import units
from graphscope.analysis.aggregate import is_call, output_bytes, pick
from graphscope.errors import TraceError
from graphscope.trace import schema
from graphscope.view.encode import gradient_text, reach, value_text
from graphscope.view.source import Source
from graphscope.webapp.queries.code import blocks_of, lines_of, marks_of
from graphscope.webapp.queries.findings import SEVERITIES
from graphscope.webapp.queries.graph import look
from graphscope.webapp.queries.node import value_of
from graphscope.webapp.queries.ops import SPANS, _part, card_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphscope.analysis.doctor import Finding
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Floats, Graph, Step, ValueStep

OPS = 60  # ops of one line that are listed
FILES = 200


def code_json(
    reader: TraceReader, num: int | None, file: str = "", node: str = "", local: bool = False
) -> dict[str, Any]:
    """One file's text: the one that is asked for, else the node's, else the one that takes most time.

    local: whether the page is on this machine, so that its editor can open the file.
    Raises: TraceError when the file is none of the run's.
    """
    step = look(reader, num)
    graph = reader.graph(step.graph)
    files = files_of(reader, graph, step)
    at = _site(graph, node) if node else None
    wanted = file or (at[0] if at else "") or (files[0]["file"] if files else "")
    if wanted not in [f["file"] for f in files]:
        if wanted:
            raise TraceError(f"This run has no file {units.clip(wanted, 80)}.")
        return {"file": "", "files": [], "lines": [], "marks": [], "blocks": [], "line": None}
    text = reader.source(wanted)
    return {
        "file": wanted,
        "files": files,
        "lines": [] if text is None else lines_of(text),
        "marks": [] if text is None else marks_of(text, wanted),
        "blocks": [] if text is None else blocks_of(text, wanted),
        "line": at[1] if at and at[0] == wanted else None,
        "editor": editor_link(wanted) if local else None,
        "missing": text is None,
    }


def files_of(reader: TraceReader, graph: Graph, step: Step) -> list[dict[str, Any]]:
    """The files in which ops ran, most time first, then those that were only kept as text."""
    spent: dict[str, float] = {}
    times = step.dur_ns.astype(float)
    sites, at = np.unique(graph.site[: len(times)], return_inverse=True)
    for id, ns in zip(sites.tolist(), np.bincount(at, times).tolist(), strict=True):
        site = reader.site(id) if id >= 0 else None
        if site is not None:
            spent[site.file] = spent.get(site.file, 0.0) + ns
    for name in reader.sources():
        spent.setdefault(name, 0.0)
    ranked = sorted(spent.items(), key=lambda item: (-item[1], item[0]))[:FILES]
    shorts = short_names([name for name, _ in ranked])
    whole = float(step.wall_ns) or 1.0
    return [
        {"file": name, "short": shorts[name], "share": min(ns / whole, 1.0)} for name, ns in ranked
    ]


def short_names(files: list[str]) -> dict[str, str]:
    """The last part of each path, with its folder where two files have the same name.

    >>> short_names(["/a/net.py", "/b/net.py", "/b/run.py"])
    {'/a/net.py': 'a/net.py', '/b/net.py': 'b/net.py', '/b/run.py': 'run.py'}
    """
    names = [PurePath(file).name for file in files]
    out = {}
    for file, name in zip(files, names, strict=True):
        parent = PurePath(file).parent.name
        out[file] = f"{parent}/{name}" if names.count(name) > 1 and parent else name
    return out


def editor_link(file: str) -> str | None:
    """``vscode://file/...`` of a file that is really there; the page adds ``:line`` and follows it on a click."""
    path = Path(file)
    try:
        if not path.is_absolute() or not path.is_file():
            return None
    except (OSError, ValueError):
        return None
    text = path.as_posix()
    return "vscode://file" + ("" if text.startswith("/") else "/") + quote(text, safe="/:")


def lines_json(
    reader: TraceReader,
    num: int | None,
    file: str,
    span: str = "all",
    found: Sequence[Finding] = (),
) -> dict[str, Any]:
    """What each line of a file costs a step, and its ops with their values at the step that is looked at.

    Times are nanoseconds of a mean step, bytes what its outputs take, ``calls`` its ops a step.
    found: what the doctor says of the run.
    Raises: TraceError when there is no such step or span.
    """
    if span not in SPANS:
        raise TraceError("There is no such range of steps.")
    step = look(reader, num)
    graph = reader.graph(step.graph)
    part, picked, note = _part(reader, reader.steps(step.kind), step, span)
    costs, steps, wall = line_costs(part, step.kind)
    out: dict[int, dict[str, Any]] = {}
    for site_id, row in costs.items():
        site = reader.site(site_id)
        if site is None or site.file != file:
            continue
        mine = out.setdefault(
            site.line, {"forward": 0.0, "backward": 0.0, "calls": 0.0, "bytes": 0}
        )
        for name, value in row.items():
            mine[name] += value
    for row in out.values():
        row["share"] = (row["forward"] + row["backward"]) * steps / wall if wall else 0.0
    values = reader.values(step.num, step.kind)
    _add_ops(Source(graph, reader, step.specs), step, values, file, out)
    return {
        "file": file, "step": step.num, "span": span, "first": picked[0], "last": picked[1], "steps": steps,
        "note": note, "value_step": None if values is None else values.num,
        "lines": out, "findings": _findings(graph, file, found),
    }  # fmt: skip


def line_costs(part: Any, kind: str) -> tuple[dict[int, dict[str, float]], int, int]:
    """Per site id the mean costs of a step, the number of steps, and their wall time together."""
    steps = part.steps(kind)
    total = max(len(steps), 1)
    out: dict[int, dict[str, float]] = {}
    for id in np.unique(steps.graph).tolist():
        graph = part.graph(id)
        mine = steps.graph == id
        mean = _mean(part, steps, mine, id, kind)
        if mean is None or not graph.n:
            continue
        share = float(mine.sum()) / total
        sizes = output_bytes(
            part, graph, part.specs_of(int(np.bincount(steps.shape_set[mine]).argmax()))
        )
        back = graph.phase == schema.BACKWARD
        sites, at = np.unique(graph.site, return_inverse=True)
        columns = {
            "forward": np.bincount(at, mean * ~back) * share,
            "backward": np.bincount(at, mean * back) * share,
            "calls": np.bincount(at, is_call(graph)) * share,
            "bytes": np.bincount(at, sizes),
        }
        for k, site in enumerate(sites.tolist()):
            if site < 0:
                continue
            row = out.setdefault(site, dict.fromkeys(columns, 0.0))
            for name, column in columns.items():
                value = float(column[k])
                row[name] = max(row[name], value) if name == "bytes" else row[name] + value
    return out, len(steps), int(steps.wall_ns.sum())


def _mean(part: Any, steps: Any, mine: Any, id: int, kind: str) -> Floats | None:
    moments = part.moments(id)
    if int(moments["n"]):
        found: Floats = moments["mean"]
        return found
    columns = part.columns("dur_ns", pick(steps, mine), kind)
    columns = columns[~np.isnan(columns).any(axis=1)]
    return columns.mean(axis=0) if len(columns) else None


def _add_ops(
    source: Source, step: Step, values: ValueStep | None, file: str, out: dict[int, dict[str, Any]]
) -> None:
    """The forward ops of each line at this step, the slowest first."""
    graph, reader = source.graph, source.reader
    reached = reach(graph, None)
    found: dict[int, list[dict[str, Any]]] = {}
    took = step.dur_ns.astype(np.int64)
    here = {
        id: site.line
        for id in np.unique(graph.site).tolist()
        if id >= 0 and (site := reader.site(id)) is not None and site.file == file
    }
    of = graph.site.tolist()
    # A backward op stands on the card of its forward op.
    for i in np.flatnonzero(graph.twin[: len(took)] < 0).tolist():
        if of[i] not in here:
            continue
        back = sum(int(took[b]) for b, _ in graph.backward_of(i))
        row = {"node": i, "forward": int(took[i]), "backward": back}
        found.setdefault(here[of[i]], []).append(row)
    for number, rows in found.items():
        line = out.setdefault(
            number, {"forward": 0.0, "backward": 0.0, "calls": 0.0, "bytes": 0, "share": 0.0}
        )
        rows.sort(key=lambda row: -(row["forward"] + row["backward"]))
        line["count"] = len(rows)
        line["nodes"] = [f"n{row['node']}" for row in rows]
        line["ops"] = []
        for row in rows[:OPS]:
            i = row["node"]
            shape = source.shape(i)
            gradient = values.get(i, "g") if values is not None else None
            line["ops"].append(
                {
                    "id": card_of(graph, i),
                    "label": units.clip(graph.label(i), 60),
                    "op": graph.op_name(i),
                    "shape": units.shape(shape) if shape is not None else units.MISSING,
                    "v": value_text(values.get(i, "v") if values is not None else None),
                    "g": gradient_text(gradient, i, reached, values is not None),
                    "forward": row["forward"],
                    "backward": row["backward"],
                }
            )


def _findings(graph: Graph, file: str, found: Sequence[Finding]) -> list[list[Any]]:
    """(line, severity, words) of what stands against lines of this file, worst first."""
    out: dict[tuple[int, str], list[Any]] = {}
    for finding in found:
        if not finding.active:
            continue
        sites = [finding.site]
        if finding.graph == graph.id:
            sites += [graph.site_of(v) for v in finding.nodes[:OPS] if 0 <= v < graph.n]
        severity = finding.severity if finding.severity in SEVERITIES else "info"
        detail = f": {finding.detail}" if finding.detail else ""
        words = units.clip(f"{finding.title}{detail}", 300)
        for site in sites:
            if site is not None and site.file == file:
                out.setdefault((site.line, finding.id), [site.line, severity, words])
    return sorted(out.values(), key=lambda row: (row[0], SEVERITIES.index(row[1])))


def _site(graph: Graph, node: str) -> tuple[str, int] | None:
    try:
        value = value_of(node, graph)
    except TraceError:
        return None  # a module, or a node of another step: no line of its own
    if value < 0:
        return None
    site = graph.site_of(value)
    return None if site is None else (site.file, site.line)
