"""The formula of an op and of its gradients, and the same with this node's own numbers in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphscope import units
from graphscope.view.encode import value_text

if TYPE_CHECKING:
    from graphscope.trace.records import Entry, Graph, ValueStep
    from graphscope.view.source import Source

TERMS = 3  # of a sum, before it is cut short
_PRODUCTS = {"matmul": False, "mm": False, "linear": True}
"""Ops that are a matrix product, and whether the second factor is transposed (and a bias added)."""


def formula_json(
    graph: Graph,
    source: Source,
    values: ValueStep | None,
    value: int,
    index: list[int] | None = None,
) -> dict[str, Any] | None:
    """Equations as TeX, what the letters stand for here, and one element computed (``filled``)."""
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
    letters = [*zip(info.inputs, graph.inputs(value), strict=False), ("y", value)]
    names = []
    for letter, v in letters:
        shape = source.shape(v)
        entry = values.get(v, "v") if values is not None else None
        names.append(
            {
                "letter": letter,
                "name": units.clip(graph.label(v), 40),
                "shape": units.shape(shape) if shape is not None else "",
                "value": value_text(entry),
            }
        )
    gradient = values.get(value, "g") if values is not None else None
    return {
        "equations": equations,
        "gradients": gradients,
        "names": names,
        "arrives": units.number(gradient.rms) if gradient is not None else "",
        "filled": filled(graph, values, value, index),
    }


def plain_tex(text: str) -> str:
    """TeX of a template in which ``{x}`` is an input and doubled braces are TeX's own.

    >>> plain_tex("e^{{{x}}}"), plain_tex("{a} + {b}")
    ('e^{{x}}', '{a} + {b}')
    """
    return text.replace("{{", "{").replace("}}", "}") if "{{" in text else text


def filled(
    graph: Graph, values: ValueStep | None, value: int, index: list[int] | None = None
) -> dict[str, Any] | None:
    """One element of the result with the numbers that it is made of; None where they were not kept.

    ``index`` is its place; without one, the element of the largest size.
    """
    if values is None:
        return None
    out = _whole(values.get(value, "v"))
    if out is None or not out.size:
        return None
    place = _place(out, index)
    if place is None:
        return None
    info = graph.op_info(value)
    given = [
        _whole(values.get(v, "v")) if v in _known(values) else None for v in graph.inputs(value)
    ]
    names = info.inputs[: len(given)]
    if info.name in _PRODUCTS:
        right = _product(given, place, _PRODUCTS[info.name])
    elif info.family == "pointwise" and info.tex:
        right = _pointwise(info.tex, names, given, graph, value, place, out.shape)
    else:
        right = None
    if right is None:
        return None
    at = f"_{{{','.join(map(str, place))}}}" if place else ""
    return {"index": list(place), "tex": f"y{at} = {right} = {_n(out[place])}"}


def _known(values: ValueStep) -> set[int]:
    return {v for v, kind in values if kind == "v"}


def _whole(entry: Entry | None) -> NDArray[np.float32] | None:
    """All numbers of a tensor, if the trace has them all."""
    if entry is None or entry.thumb is None or entry.thumb.values.size != entry.count:
        return None
    return entry.thumb.array()


def _place(out: NDArray[Any], index: list[int] | None) -> tuple[int, ...] | None:
    if index is None:
        size = np.where(np.isfinite(out), np.abs(out), -1.0)
        return tuple(int(k) for k in np.unravel_index(int(size.argmax()), out.shape))
    inside = len(index) == out.ndim and all(
        0 <= k < n for k, n in zip(index, out.shape, strict=True)
    )
    return tuple(index) if inside else None


def _product(
    given: list[NDArray[np.float32] | None], place: tuple[int, ...], turned: bool
) -> str | None:
    if len(given) < 2 or given[0] is None or given[1] is None or len(place) != 2:
        return None
    x, w = given[0], given[1].T if turned else given[1]
    if x.ndim != 2 or w.ndim != 2 or x.shape[1] != w.shape[0]:
        return None
    i, j = place
    terms = [rf"{_n(a)} \cdot {_n(b, True)}" for a, b in zip(x[i], w[:, j], strict=True)]
    text = " + ".join(terms[:TERMS]) + (r" + \cdots" if len(terms) > TERMS else "")
    if turned and len(given) > 2 and given[2] is not None:
        text += f" + {_n(given[2][j], True)}"
    return text


def _pointwise(
    tex: str, names: list[str], given: list[NDArray[np.float32] | None], graph: Graph, value: int,
    place: tuple[int, ...], shape: tuple[int, ...],
) -> str | None:  # fmt: skip
    numbers: dict[str, str] = {}
    for name, array, v in zip(names, given, graph.inputs(value), strict=False):
        if array is None:
            constant = graph.port_const(-1 - v) if v < 0 else None
            if constant is None:
                return None
            numbers[name] = units.clip(constant, 20)
            continue
        if np.broadcast_shapes(array.shape, shape) != shape:
            return None
        numbers[name] = _n(np.broadcast_to(array, shape)[place], True)
    # {x} inside of TeX's own doubled braces is the input all the same.
    text = re.sub(r"\{(\w+)\}", lambda found: numbers.get(found[1], found[0]), tex)
    if text == tex and numbers:
        return None  # it does not say where its inputs stand
    return plain_tex(text)


def _n(x: Any, inner: bool = False) -> str:
    """Three digits; a negative number inside of a formula stands in parentheses."""
    text = units.number(float(x), ascii=True)
    return f"({text})" if inner and text.startswith("-") else text
