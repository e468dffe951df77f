"""Tensors as text, character for character as torch prints them.

One format for all elements: it is chosen from those that are shown. Whole floats end in a point, others
have ``precision`` digits, and the scientific form comes in where the values span more than three
orders of magnitude or are very large or small.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.print_options import Options, options

PREFIX = "tensor("


def tensor_repr(t: Any) -> str:
    """``tensor([1., 2.], requires_grad=True)``."""
    o = options()
    a = np.asarray(t._host())
    facts = []
    if t.device.type != "cpu":
        facts.append(f"device='{t.device}'")
    default = dtypes.get_default_dtype()
    if a.size == 0:
        body = "[]"
        if a.ndim != 1:
            facts.append(f"size={tuple(a.shape)}")
        if t.dtype is not default:
            facts.append(f"dtype={t.dtype}")
    else:
        body = array_text(a, len(PREFIX), o)
        if t.dtype not in (default, dtypes.int64, dtypes.bool_):
            facts.append(f"dtype={t.dtype}")
    if t._node is not None:
        facts.append(f"grad_fn=<{t._node.name()}>")
    elif t._rg:
        facts.append("requires_grad=True")
    return _with_facts(PREFIX + body, facts, o.linewidth)


def array_text(a: Any, indent: int, o: Options) -> str:
    """The nested brackets of an array's elements, its lines indented for the text before it."""
    if a.dtype == np.float16:
        a = a.astype(np.float32)
    short = a.size > o.threshold
    shown = _ends(a, o.edgeitems) if short else a
    write, width = _format(shown, o)
    return _brackets(a, indent, short, lambda v: str(write(v)).rjust(width), width, o)


def _ends(a: Any, edge: int) -> Any:
    """The elements that a summary shows: the first and last few along each dimension."""
    for axis, n in enumerate(a.shape):
        if n > 2 * edge:
            a = a.take([*range(edge), *range(n - edge, n)], axis)
    return a


def _format(a: Any, o: Options) -> tuple[Callable[[Any], str], int]:
    """How to write one element, and the width that all of them get."""
    if a.dtype.kind != "f":
        return str, max((len(str(v)) for v in a.ravel().tolist()), default=1)
    used = a[np.isfinite(a) & (a != 0)]
    whole = bool((used == np.ceil(used)).all())
    size = np.abs(used).astype(np.float64)
    largest, smallest = float(size.max(initial=0.0)), float(size.min(initial=math.inf))
    far = used.size > 0 and largest / smallest > 1000.0
    scientific = far or largest > 1e8 or (not whole and smallest < 1e-4)
    if o.sci_mode is not None and used.size:
        scientific = o.sci_mode

    def exponent(v: float) -> str:
        return f"{v:.{o.precision}e}"

    def plain(v: float) -> str:
        if not whole:
            return f"{v:.{o.precision}f}"
        return f"{v:.0f}." if math.isfinite(v) else f"{v:.0f}"

    # nan, inf and zeros take part in the format but not in the width.
    write = exponent if scientific else plain
    width = max((len(write(v)) for v in used.tolist()), default=1)
    return write, width


def _brackets(
    a: Any, indent: int, short: bool, write: Callable[[Any], str], width: int, o: Options
) -> str:
    if a.ndim == 0:
        return str(write(a.item()))
    n = a.shape[0]
    cut = short and n > 2 * o.edgeitems
    first, last = (range(o.edgeitems), range(n - o.edgeitems, n)) if cut else (range(n), range(0))
    if a.ndim > 1:
        parts = [_brackets(a[i], indent + 1, short, write, width, o) for i in first]
        parts += ["..."] if cut else []
        parts += [_brackets(a[i], indent + 1, short, write, width, o) for i in last]
        between: str = "," + "\n" * (a.ndim - 1) + " " * (indent + 1)
        return "[" + between.join(parts) + "]"
    values = [write(a[i].item()) for i in first]
    if cut:
        values += [" ...", *(write(a[i].item()) for i in last)]
    per_line = max(1, (o.linewidth - indent) // (width + 2))
    lines = [", ".join(values[i : i + per_line]) for i in range(0, len(values), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _with_facts(text: str, facts: list[str], linewidth: int) -> str:
    """The facts behind the values, each on the same line if it still fits there."""
    used = len(text) - text.rfind("\n") + 1
    for fact in facts:
        if used + len(fact) + 2 > linewidth:
            text += ",\n" + " " * len(PREFIX) + fact
            used = len(PREFIX) + len(fact)
        else:
            text += ", " + fact
            used += len(fact) + 2
    return text + ")"
