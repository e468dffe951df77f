"""What the inspector says about one node at one step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from graphscope import units
from graphscope.errors import TraceError
from graphscope.trace import schema
from graphscope.view.encode import NOT_YET, gradient_text, reach, value_text
from graphscope.view.palette import FAMILY_NAMES
from graphscope.view.source import Source
from graphscope.webapp.queries.graph import Views, look
from graphscope.webapp.queries.tensor import tensor_json, thumb_json

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Step, ValueStep

Fact = tuple[str, str]
SAMPLES_BACK = 40  # value steps to look through for a sample
AROUND = 2  # source lines before and after


def node_json(reader: TraceReader, views: Views, num: int | None, id: str) -> dict[str, Any]:
    """Facts of a card ``n12`` (op), ``p3`` (port) or ``s:net.conv1`` (scope).

    Raises: TraceError when the step's graph has no such node.
    """
    step = look(reader, num)
    graph = reader.graph(step.graph)
    values = reader.values(step.num, step.kind)
    source = Source(graph, reader, step.specs)
    told = {"id": id, "step": step.num, "value_step": None if values is None else values.num}
    if id.startswith("s:"):
        return told | _scope(reader, views, graph, step, values, id[2:])
    value = value_of(id, graph)
    told |= _head(graph, source, value)
    card = next((c for c in views.structure(reader, graph, step).cards if c.id == id), None)
    if card is not None:
        told["label"] = card.label  # a module around one op is called by its own name
    told["tensors"] = _tensors(reader, graph, step, values, value)
    told["formula"] = _formula(graph, value)
    told["source"] = _source(reader, graph, value)
    told["facts"] = _facts(graph, source, step, value)
    told["note"] = _note(step, values)
    told["inputs"] = [_link(graph, source, v) for v in (graph.inputs(value) if value >= 0 else [])]
    users = [u for u in graph.users(value) if graph.phase[u] <= schema.FORWARD]
    told["outputs"] = [_link(graph, source, v) for v in users[:12]]
    return told


def value_of(id: str, graph: Graph) -> int:
    """The value that a card id stands for: ``n12`` is 12, ``p3`` is -4."""
    kind, digits = id[:1], id[1:]
    if kind in ("n", "p") and digits.isascii() and digits.isdigit() and len(digits) < 10:
        k = int(digits)
        if k < (graph.n if kind == "n" else graph.n_ports):
            return k if kind == "n" else -1 - k
    raise TraceError(f"This step has no node {units.clip(id, 40)}; it may belong to another step.")


def _head(graph: Graph, source: Source, value: int) -> dict[str, Any]:
    shape = source.shape(value)
    shape_text = units.shape(shape) if shape is not None else units.MISSING
    if value >= 0:
        info = graph.op_info(value)
        operands = [source.shape(v) for v in graph.inputs(value)]
        told = ", ".join(units.shape(s) if s is not None else "?" for s in operands)
        return {
            "kind": "op",
            "label": graph.label(value),
            "op": info.name,
            "family": info.family if info.family in schema.FAMILIES else "other",
            "family_name": FAMILY_NAMES.get(info.family, info.family),
            "scope": graph.scope_path(value),
            "signature": f"({told}) \u2192 {shape_text}",
            "doc": info.doc,
        }
    kind = graph.port_kind(-1 - value)
    family = "other" if kind in ("parameter", "buffer") else "data"
    return {
        "kind": "param" if family == "other" else "input",
        "label": graph.label(value),
        "op": kind.replace("_", " "),
        "family": family,
        "family_name": kind.replace("_", " "),
        "scope": graph.scope_path(value),
        "signature": shape_text,
        "doc": "",
    }


def _facts(graph: Graph, source: Source, step: Step, value: int) -> list[Fact]:
    facts: list[Fact] = []
    spec = source.spec(value)
    if value >= 0:
        back = [b for b, _ in graph.backward_of(value)]
        forward_ns = int(step.dur_ns[value])
        backward_ns = sum(int(step.dur_ns[b]) for b in back)
        facts.append(("CPU time, forward", units.ns(forward_ns)))
        facts.append(("CPU time, backward", units.ns(backward_ns) if back else units.MISSING))
        if step.dev_ns is not None and len(step.dev_ns) == graph.n:
            device = int(step.dev_ns[value]) + sum(int(step.dev_ns[b]) for b in back)
            facts.append(("device time", units.ns(device)))
        if step.wall_ns:
            spent = (forward_ns + backward_ns) / step.wall_ns
            facts.append(("share of step", units.share(spent)))
    if spec is not None:
        facts.append(("shape", units.shape(spec.shape)))
        facts.append(("output size" if value >= 0 else "size", units.bytes_(spec.nbytes)))
        facts.append(("dtype", spec.dtype))
        facts.append(("device", spec.device))
    if value >= 0:
        if graph.flags[value] & schema.VIEW:
            facts.append(("memory", "a view: shares its input's memory"))
        elif graph.flags[value] & schema.INPLACE:
            facts.append(("memory", "written in place"))
        arguments = _arguments(graph.params_text(value))
        if arguments:
            facts.append(("arguments", arguments))
    keepers = graph.kept_for(value)
    if keepers:
        names = [f"\u2202 of {_where(graph, k)}" for k in keepers[:3]]
        more = f" and {len(keepers) - 3} more" if len(keepers) > 3 else ""
        facts.append(("kept alive by", "; ".join(names) + more))
    return facts


def _arguments(text: str) -> str:
    """``stride=(1, 1), groups=1`` out of the JSON that the trace holds."""
    try:
        given = json.loads(text) if text else {}
    except ValueError:
        given = text
    if isinstance(given, dict):
        given = ", ".join(f"{name}={value}" for name, value in given.items())
    return units.clip(str(given), 160)


def _where(graph: Graph, node: int) -> str:
    """``relu (train.py:8)``; a backward node is told by its forward op."""
    twin = int(graph.twin[node])
    node = twin if twin >= 0 else node
    site = graph.site_of(node)
    line = f" ({_file(site.file)}:{site.line})" if site is not None else ""
    return f"{graph.op_name(node)}{line}"


def _note(step: Step, values: ValueStep | None) -> str:
    if values is None:
        return "No values were recorded in this run up to this step."
    if values.num != step.num:
        return f"Values were last taken in step {values.num}."
    return ""


def _source(reader: TraceReader, graph: Graph, value: int) -> dict[str, Any] | None:
    """The line that made the value, with two lines around it as they were when it ran."""
    site = graph.site_of(value) if value >= 0 else None
    if site is None:
        return None
    lines = (reader.source(site.file) or "").splitlines()
    first = max(site.line - AROUND, 1)
    shown = [
        [n, lines[n - 1][:300], n == site.line]
        for n in range(first, min(site.line + AROUND, len(lines)) + 1)
    ]
    return {
        "path": f"{site.file}:{site.line}",
        "short": f"{_file(site.file)}:{site.line}",
        "func": site.func,
        "lines": shown,
    }


def _file(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _formula(graph: Graph, value: int) -> dict[str, Any] | None:
    """The op and its gradients as TeX equations, and what the letters stand for here."""
    if value < 0:
        return None
    info = graph.op_info(value)
    equations = [f"y = {plain_tex(info.tex)}"] if info.tex else []
    gradients = [
        tex if "=" in tex else rf"\bar{{{name}}} = {plain_tex(tex)}"
        for name, tex in info.vjp_tex.items()
    ]
    if not equations and not gradients:
        return None
    inputs = zip(info.inputs, graph.inputs(value), strict=False)
    names = [(letter, units.clip(graph.label(v), 40)) for letter, v in inputs]
    names.append(("y", units.clip(graph.label(value), 40)))
    return {"equations": equations, "gradients": gradients, "names": names}


def plain_tex(text: str) -> str:
    """TeX of a template in which ``{x}`` is an input and doubled braces are TeX's own.

    >>> plain_tex("e^{{{x}}}"), plain_tex("{a} + {b}")
    ('e^{{x}}', '{a} + {b}')
    """
    return text.replace("{{", "{").replace("}}", "}") if "{{" in text else text


def _tensors(
    reader: TraceReader, graph: Graph, step: Step, values: ValueStep | None, value: int
) -> dict[str, Any]:
    ran = reach(graph)
    entry = values.get(value, "v") if values is not None else None
    gradient = values.get(value, "g") if values is not None else None
    if gradient is not None:
        why = ""
    elif not ran.ran:
        why = "Backward has not run in this step."
    elif value not in ran.values:
        why = "Backward does not come by here: no gradient is asked for."
    else:
        why = "Gradients were off (level: stats), or not taken in this step."
    missing = "No value was taken here." if values is not None else "Values were not recorded."
    told = {
        "v": tensor_json(entry, value_text(entry) or units.MISSING, missing),
        "g": tensor_json(gradient, gradient_text(gradient, value, ran, True) or NOT_YET, why),
    }
    for kind, there in (("v", entry), ("g", gradient)):
        if there is not None and there.thumb is None:
            told[kind]["thumb"] = _earlier_sample(reader, values, value, kind)
    return told


def _earlier_sample(
    reader: TraceReader, values: ValueStep | None, value: int, kind: str
) -> dict[str, Any] | None:
    """The newest sample of a tensor from before, with its step: samples are taken less often."""
    for _ in range(SAMPLES_BACK):
        if values is None or values.num <= 0:
            return None
        values = reader.values(values.num - 1, values.kind)
        entry = values.get(value, kind) if values is not None else None
        if entry is not None and entry.thumb is not None and values is not None:
            return {**thumb_json(entry.thumb), "step": values.num}
    return None


def _link(graph: Graph, source: Source, value: int) -> dict[str, Any]:
    shape = source.shape(value)
    return {
        "id": f"n{value}" if value >= 0 else f"p{-1 - value}",
        "label": units.clip(graph.label(value), 80),
        "shape": units.shape(shape) if shape is not None else "",
        "inside": graph.scope_path(value),
    }


def _scope(
    reader: TraceReader,
    views: Views,
    graph: Graph,
    step: Step,
    values: ValueStep | None,
    path: str,
) -> dict[str, Any]:
    """A scope as a whole: its time, its parameters and its slowest ops."""
    cards = [
        card
        for card in views.structure(reader, graph, step).cards
        if card.home == path or card.home.startswith(path + ".")
    ]
    if not cards:
        raise TraceError(f"This step has no scope {units.clip(path, 60)}.")
    spent = []
    for card in cards:
        if card.kind == "op":
            own = sum(int(step.dur_ns[m]) for m in card.members if 0 <= m < graph.n)
            spent.append((own, card))
    spent.sort(key=lambda pair: -pair[0])
    total = sum(own for own, _ in spent)
    weights = sum(card.elements for card in cards if card.kind == "param")
    facts: list[Fact] = [
        ("ops", units.count(len(spent))),
        ("parameters", units.count(weights)),
        ("CPU time", units.ns(total)),
    ]
    if step.wall_ns:
        facts.append(("share of step", units.share(total / step.wall_ns)))
    return {
        "kind": "scope",
        "label": path.rpartition(".")[2],
        "op": "scope",
        "family": "other",
        "family_name": "scope",
        "scope": path.rpartition(".")[0],
        "signature": f"{len(spent)} ops",
        "doc": "",
        "tensors": None,
        "formula": None,
        "source": None,
        "facts": facts,
        "note": _note(step, values),
        "inputs": [],
        "outputs": [],
        "slowest": [
            {
                "id": card.id,
                "label": units.clip(_within(path, card.scope, card.label), 80),
                "shape": units.ns(own),
                "inside": card.home,
            }
            for own, card in spent[:8]
        ],
    }


def _within(path: str, scope: str, label: str) -> str:
    """``conv1 / conv2d``: which of the equal names inside a scope is meant."""
    inner = scope[len(path) + 1 :]
    return f"{inner} / {label}" if inner and inner != label else label
