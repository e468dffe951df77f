"""The straight path of a row: one function written for it at import, with nothing left to decide.

A row's facts (how many inputs, who keeps what, whether it broadcasts) are fixed, so each is written
into the text of a function instead of being asked at every call. The texts can be read:
``print(straight.source(row))``, and tracebacks show their lines. What a straight path does not do
(other kinds of arrays, promotion, Python lists) it hands over to ``dispatch.call``.

Where there is a C compiler the plain case runs in C (``_straight.c``): ``RUN`` gives the output, or None before
anything was done, and then the lines below it do the same. Two thirds of what an op costs beside its kernel are so
spared, and it touches less memory after a kernel that has swept the caches.
"""

from __future__ import annotations

import inspect
import linecache
import os
from collections.abc import Callable
from typing import Any

from graphscope.engine import in_c
from graphscope.engine.compiled import Compiled
from graphscope.engine.numbered import UNNUMBERED
from graphscope.engine.op import Op, Plan

# Positional names as torch spells them: ``torch.tanh(input)``, ``torch.mul(input, other)``.
NAMES = {1: ("input",), 2: ("input", "other")}
# The names of a straight path; a row's params stand beside them.
_LOCALS = frozenset(
    "input other a b r aux out node plan params rec t0 t1 e0 e1 sa sb key error".split()
)
_REQUIRED = inspect.Parameter.empty
_FOLDER = os.path.dirname(os.path.abspath(__file__))
codes = Compiled(__file__)


def is_straight(row: Op) -> bool:
    """Whether a straight path can be written for this row."""
    return (
        row.n in NAMES
        and row.inputs != ("*",)
        and not (row.multi or row.writes or row.mask_first or row.tail)
        and not (row.view and row.n > 1)
        and (isinstance(row.kernel, str) or not _leaves_out(row))
        and not _LOCALS.intersection(row.params)
    )


def _leaves_out(row: Op) -> bool:
    """Whether an input may be left out (a bias, a mask)."""
    signature = inspect.signature(row.kernel).parameters.values()  # type: ignore[arg-type]
    return any(p.name in row.inputs and p.default is not _REQUIRED for p in signature)


def source(row: Op) -> str:
    """The text of the row's straight path."""
    names = NAMES[row.n]
    arrays = ("a", "b")[: row.n]
    given = ", ".join(names)
    params = list(row.params)
    asked = [p if row.params[p] is _REQUIRED else f"{p}=DEFAULT_{p}" for p in params]
    passed = "".join(f", {p}={p}" for p in params)
    lines = [f"def {row.name}({', '.join([*names, *(['*'] if params else []), *asked])}):"]
    add = lines.append
    if in_c.is_able(row):
        add(f"    out = RUN({', '.join([*names, *params])})")
        add("    if out is not None:")
        add("        return out")
    if row.broadcast and row.n == 2:
        # A Python number becomes a 0-d array that is kept: numpy takes half of the time for it.
        add("    if type(other) is float or type(other) is int:")
        add("        other = number(other, input)")
    add("    try:")
    lines += [f"        {a} = {x}._a" for a, x in zip(arrays, names, strict=True)]
    add("    except AttributeError:")
    add(f"        return general(ROW, {given}{passed})")
    if row.n == 2:
        strange = "type(a) is not ndarray or type(b) is not ndarray"
        if row.broadcast:
            strange += " or a.dtype is not b.dtype"
    else:
        strange = "type(a) is not ndarray"
    if row.floats:
        strange += ' or a.dtype.kind != "f"'
    add(f"    if {strange}:")
    add(f"        return general(ROW, {given}{passed})")
    tuple_of = f"({given},)" if row.n == 1 else f"({given})"
    if params:
        add(f"    params = {{{', '.join(f'{p!r}: {p}' for p in params)}}}")
    add("    rec = dispatch._rec")
    add("    if rec is not None:")
    add("        t0 = clock()")
    add("    try:")
    first = "" if in_c.takes_arrays_only(row) else "np, "
    add(f"        {'r, aux' if row.aux else 'r'} = KERNEL({first}{', '.join(arrays)}{passed})")
    add("    except Exception as error:")
    add(
        f"        raise failed(ROW, error, {tuple_of}, rec{', params' if params else ''}) from error"
    )
    add("    if rec is not None:")
    add("        t1 = clock()")
    add("    if type(r) is not ndarray:")
    add("        r = asarray(r)")
    add("    out = new(Tensor)")
    add("    out._a = r")
    if row.wants:
        lines += _with_graph(row, names, arrays)
    else:
        lines += ["    out._rg = False", "    out._node = None", "    plan = PLAN0"]
    lines += [
        "    out._k = 0",
        *(["    out._rid = 0"] if UNNUMBERED else []),
        "    out._grad = None",
        "    out._name = None",
        "    out._ext = None",
    ]
    if row.view:
        add(f"    out._of = (input, ROW, {'params' if params else '{}'})")
        if row.wants:
            add("    if node is not None and input._node is not None:")
            add("        register_view(input, out)")
    lines += _recorded(row, names, given)
    add("    return out")
    return "\n".join(lines) + "\n"


def _edge(e: str, x: str) -> list[str]:
    return [
        f"{e} = {x}._node",
        f"if {e} is None:",
        f"    {e} = {x}",
        f"elif {e}.nout != 1:",
        f"    {e} = ({e}, {x}._k)",
    ]


def _saved(row: Op, plan: Plan, arrays: tuple[str, ...]) -> str:
    kept = [a if k else "None" for a, k in zip(arrays, plan.kept, strict=True)]
    aux = "aux" if plan.keep_aux else "None"
    return f"({', '.join(kept)}, {'r' if plan.keep_out else 'None'}, {aux})"


def _with_graph(row: Op, names: tuple[str, ...], arrays: tuple[str, ...]) -> list[str]:
    """Lines that make the node, one branch for each set of inputs that want a gradient."""
    wanted = sum(1 << w.slot for w in row.wants)
    masks = [m for m in (3, 1, 2) if m <= wanted and m & ~wanted == 0 and m < 1 << row.n]
    any_wants = " or ".join(f"{x}._rg" for i, x in enumerate(names) if wanted >> i & 1)
    if any_wants.count("_rg") > 1:
        any_wants = f"({any_wants})"
    # The result of such a row may be integer, and then has no gradient.
    floating = ' and r.dtype.kind == "f"' if row.params or not row.broadcast else ""
    lines = [f"    if {any_wants} and enabled(){floating}:", "        node = Node()"]
    for n, mask in enumerate(masks):
        plan = row.plan(mask)
        inside = "        "
        if len(masks) > 1:
            test = " and ".join(f"{x}._rg" for i, x in enumerate(names) if mask >> i & 1)
            lines.append(
                "        else:" if n == len(masks) - 1 else f"        {'el' if n else ''}if {test}:"
            )
            inside += "    "
        body = [f"plan = PLAN{mask}"]
        edges = []
        for i, x in enumerate(names):
            if mask >> i & 1:
                body += _edge(f"e{i}", x)
                edges.append(f"e{i}")
        body.append(f"node.edges = ({', '.join(edges)}{',' if len(edges) == 1 else ''})")
        body.append(f"node.saved = {_saved(row, plan, arrays)}")
        if len(edges) == row.n:
            body.append("node.others = None")
        else:
            i = 0 if mask == 2 else 1
            # Held weakly, so that nothing is kept alive for a drawing; a 0-d constant costs nothing.
            body.append(
                f"node.others = ({i}, {names[i]} if {arrays[i]}.ndim == 0 else ref({names[i]}))"
            )
        lines += [inside + line for line in body]
    shapes = "None"
    if row.broadcast:
        lines += ["        sa = a.shape", "        sb = b.shape"]
        shapes = "None if sa == sb else (sa, sb)"
    lines += [
        "        node.plan = plan",
        f"        node.params = {'params' if row.params else 'None'}",
        f"        node.shapes = {shapes}",
        "        node.seq = next(order)",
        "        node.g = None",
        *(["        node.rid = 0"] if UNNUMBERED else []),
        "        node.hooks = None",
        "        node.nout = 1",
        "        out._rg = True",
        "        out._node = node",
        "    else:",
        "        plan = PLAN0",
        "        out._rg = False",
        "        out._node = node = None",
    ]
    return lines


def _recorded(row: Op, names: tuple[str, ...], given: str) -> list[str]:
    """Lines that tell the recorder. A step that repeats is compared with the one before, without a call into it."""
    second = names[1] if row.n == 2 else "None"
    key = f"({', '.join(row.static)}{',' if len(row.static) == 1 else ''})"
    node = "node" if row.wants else "None"
    seen = f"input, {second}, out, {node}, t0, t1"
    lines = ["    if rec is not None:", "        try:"]
    if _on_track(row):
        lines.append(f"            if not follow(rec, plan, {seen}):")
    else:
        lines.append(f"            key = {key}")
        lines.append(f"            if not follow_like(rec, plan, key, r, {seen}):")
        key = "key"
    told = f"ROW, {key}, input, {second}, (), out, t0, t1, {node}"
    lines += [
        f"                if not note_op(rec, {told}):",
        f"                    rec.op({told})",
    ]
    return [*lines, *_FENCE]


_FENCE = (
    "        except Exception as error:  # a bug of the recorder's must not stop the program",
    "            broken(rec, error)",
)


def follows_on_track(row: Op) -> bool:
    """Whether a repeated op of this row is known by its inputs alone: shape and dtype follow from theirs."""
    return is_straight(row) and _on_track(row)


def _on_track(row: Op) -> bool:
    steady = row.broadcast or row.jvp == "elementwise" or row.name == "mm"
    return bool(steady and not row.params and not row.view)


def straighten(row: Op, kernel: Callable[..., Any], names: dict[str, Any]) -> Callable[..., Any]:
    """Write, compile and return the straight path of a row; ``names`` is what its text refers to."""
    text = source(row)
    # A file name inside the package, so that a user's line is never looked for in it. The module of the
    # engine is meant by no one else, and linecache keeps what is given to it without a time.
    path = os.path.join(_FOLDER, "straight", f"{row.name}.py")
    linecache.cache[path] = (len(text), None, text.splitlines(True), path)
    # __name__: warnings of numpy belong to this module, where they are silenced (engine/quiet.py)
    scope = {**names, "__name__": __name__, "ROW": row, "KERNEL": kernel, "PLAN0": row.plan(0)}
    if not in_c.takes_arrays_only(row):
        scope["KERNEL"] = row.kernel
    scope |= {f"DEFAULT_{p}": default for p, default in row.params.items()}
    if in_c.is_able(row):
        scope["RUN"] = in_c.straight(row, scope["KERNEL"], like=not _on_track(row))
    scope |= {f"PLAN{mask}": row.plan(mask) for mask in range(1, 1 << row.n)}
    exec(codes.code(text, path), scope)  # noqa: S102 - our own text
    made: Callable[..., Any] = scope[row.name]
    made.__doc__ = row.doc
    made.__qualname__ = row.name
    made.__module__ = "graphscope"
    return made
