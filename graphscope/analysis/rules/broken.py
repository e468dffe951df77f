"""Where the way of a gradient from the loss back to a parameter breaks, and what breaks it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphscope.analysis.rules.wires import Parameter, Wires
from graphscope.trace import schema
from graphscope.trace.records import Site

if TYPE_CHECKING:
    from graphscope.analysis.rules.case import Case

_CHOOSES = frozenset(
    {"argmax", "argmin", "argsort", "searchsorted", "one_hot", "nonzero", "bincount", "histc"}
)
_STEPS = frozenset({"round", "floor", "ceil", "sign", "trunc", "heaviside"})
_DETACH = re.compile(r"\.detach\(|\.detach_\(|\.data\b|\bdetach\(")
_MODE = re.compile(r"no_grad\s*\(|inference_mode\s*\(|set_grad_enabled\s*\(\s*False")
_LEAVES = re.compile(r"\.item\(|\.numpy\(|\.tolist\(|float\(|\btensor\(|np\.|numpy\.")


@dataclass(frozen=True)
class Break:
    """cause: "detach", "no_grad", "integer", "argmax", "python", "unused" or "cut". nodes: beside the edge."""

    cause: str
    text: str
    fix: str
    nodes: tuple[int, ...]
    site: Site | None

    def say(self, names: str, many: int = 1) -> str:
        ends = "s" if many == 1 else ""
        return f"{names} require{ends} a gradient and get{ends} none: {self.text}"


def broken_edge(case: Case, wires: Wires, p: Parameter) -> Break | None:
    """What is between a parameter that is used and the backward that did not come to it."""
    behind = wires.after(*wires.versions(p.value))
    # Where a gradient arrived at an op, and was not handed on to what depends on the parameter.
    for u in sorted(behind & wires.differentiated):
        for slot, v in enumerate(wires.inputs(u)):
            if (u, slot) in wires.slots or not (v in behind or wires.origin(v) == p.value):
                continue
            return _named(case, wires, p, v, u)
    return _outside(case, wires, p, behind)


def _named(case: Case, wires: Wires, p: Parameter, v: int, u: int) -> Break:
    """The gradient stops between ``v`` and its reader ``u``: at ``v`` itself, or on the way to it."""
    if v < 0 or wires.flags[v] & schema.WANTS_GRAD:
        return _cut(
            case, wires, v, u, f"{wires.what(v)} is detached before {wires.ops[u]} reads it"
        )
    # v has no gradient of its own: go back to the first op that should have had one.
    at, seen = v, {v}
    while True:
        back = [x for x in wires.inputs(at) if x >= 0 and x not in seen and _depends(wires, x, p)]
        wants = [x for x in back if wires.flags[x] & schema.WANTS_GRAD]
        if wants or not back:
            break
        at = back[0]
        seen.add(at)
    op, site = wires.ops[at], wires.site(at)
    where = _line(site)
    if op in _CHOOSES or op in _STEPS:
        return Break(
            "argmax", f"{op}{where} has no gradient (its result does not change with small changes of its input).",
            "Use a soft version (softmax, gumbel-softmax, a straight-through estimator), or compute the loss from "
            f"what goes into {op}.",
            (at, u), site,
        )  # fmt: skip
    if op == "cast" and not wires.dtype(at).startswith(("float", "bfloat")):
        return Break(
            "integer", f"the cast to {wires.dtype(at)}{where} has no gradient: integers do not change continuously.",
            "Stay in floating point up to the loss.", (at, u), site,
        )  # fmt: skip
    if not wires.dtype(at).startswith(("float", "bfloat")):
        return Break(
            "integer", f"{op}{where} gives {wires.dtype(at)}, which has no gradient.",
            "Stay in floating point up to the loss, and compare only for the accuracy.", (at, u), site,
        )  # fmt: skip
    line, above = _source(case, site)
    if _DETACH.search(line):
        return _cut(case, wires, at, u, f"what {op} makes is detached")
    if _MODE.search(above) or _MODE.search(line):
        return Break(
            "no_grad", f"{op}{where} runs under no_grad, so that nothing behind it has a gradient.",
            "Take the line out of the no_grad block, or say that the parameter is fixed: requires_grad_(False).",
            (at, u), site,
        )  # fmt: skip
    return Break(
        "cut", f"the gradient ends at {op}{where}, which ran under no_grad or on a detached tensor.",
        "Take the line out of the no_grad block, or the .detach() away.", (at, u), site,
    )  # fmt: skip


def _cut(case: Case, wires: Wires, v: int, u: int, text: str) -> Break:
    """The line is the one that says detach: that of the value, that of its reader, or one between them."""
    made, read = wires.site(v), wires.site(u, v)
    site = read
    if made is not None and read is not None and made.file == read.file:
        first, last = sorted((made.line, read.line))
        for line in range(first, last + 1):
            if _DETACH.search(_source(case, made._replace(line=line))[0]):
                site = made._replace(line=line)
                break
    return Break(
        "detach", f"{text}{_line(site)}.",
        "Take .detach() (or .data) away, or say that the parameter is fixed: requires_grad_(False).", (u, v), site,
    )  # fmt: skip


def _outside(case: Case, wires: Wires, p: Parameter, behind: set[int]) -> Break | None:
    """Nothing that is computed from the parameter is an input of the loss, as far as the graph says."""
    read = {
        int(row[0]): row for fact in case.facts(wires.graph.id, "reads") for row in fact["values"]
    }
    for i in sorted(behind):
        row = read.get(i)
        if row is None or not row[1]:
            continue
        site = Site(str(row[1]), int(row[2]), "")
        if _LEAVES.search(_source(case, site)[0]):
            return Break(
                "python", f"what is computed from it leaves the graph as a Python number or array{_line(site)}.",
                "Compute with tensors from the parameter to the loss.", (i,), site,
            )  # fmt: skip
    ends = [i for i in behind if not wires.users(i, schema.FORWARD)]
    last = max(ends, default=p.users[0])
    return Break(
        "unused", f"nothing that is computed from it{_line(wires.site(last))} goes into the loss.",
        "Use the result in the loss, or leave the computation out.", (last,), wires.site(last),
    )  # fmt: skip


def _depends(wires: Wires, v: int, p: Parameter) -> bool:
    return p.value in wires.before(v)


def _line(site: Site | None) -> str:
    if site is None:
        return ""
    return f" ({site.file.replace(chr(92), '/').rpartition('/')[2]}:{site.line})"


def _source(case: Case, site: Site | None) -> tuple[str, str]:
    """A line, and the heads of the blocks and the decorators that it stands in."""
    text = None if site is None else case.reader.source(site.file)
    if text is None or site is None:
        return "", ""
    lines = text.splitlines()
    if not 0 < site.line <= len(lines):
        return "", ""
    line = lines[site.line - 1]
    depth, heads = len(line) - len(line.lstrip()), []
    for above in reversed(lines[: site.line - 1]):
        inside = len(above) - len(above.lstrip())
        if above.strip() and (
            inside < depth or (inside == depth and above.lstrip().startswith("@"))
        ):
            heads.append(above)
            depth = inside
    return line, "\n".join(heads)
