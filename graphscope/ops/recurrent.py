"""One step of a recurrent network: the product with the state before, and what the gates make of it.

A cell's activations are an output of its row beside the new state. So they are computed once, backward
finds them, and second derivatives flow through them like through any output.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from graphscope.engine.op import Op
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError
from graphscope.ops.samples import arrays


def _recur(xp: Any, x: Any, h: Any, w: Any) -> Any:
    out = h.dot(w.mT)
    out += x
    return out


def _recur_rule(x: tuple[int, ...], h: tuple[int, ...], w: tuple[int, ...]) -> tuple[int, int]:
    if h[-1] != w[-1] or x[-1] != w[0] or x[0] != h[0]:
        raise ShapeError(
            f"the state {h} and the projected input {x} do not fit the recurrent weight {w}: the state needs "
            f"{w[-1]} columns, the input {w[0]}, and both one number of rows"
        )
    return (x[0], w[0])


recur = Op(
    "recur", _recur, tex=r"{x} + {w}\,{h}", family="linalg", shape=_recur_rule,
    vjp=dict(
        x=lambda F, g: g,
        h=lambda F, g, w: F.mm(g, w),
        w=lambda F, g, h: F.mm(g.mT, h),
    ),
    flops=lambda x, h, w: 2 * h.size * w.shape[0],
    samples=(arrays((3, 8), (3, 2), (8, 2)), arrays((1, 3), (1, 3), (3, 3)), arrays((0, 8), (0, 2), (8, 2))),
    errors=(((3, 8), (3, 4), (8, 2), "do not fit the recurrent weight"),),
    doc="A projected input plus the state times the recurrent weight.",
)  # fmt: skip


def _sum(*parts: Any) -> Any:
    """The sum of those that are there; None if none is."""
    total = None
    for p in parts:
        if p is not None:
            total = p if total is None else total + p
    return total


def _parts(a: Any, n: int) -> list[Any]:
    """A matrix cut into n of equal width; n times None for None."""
    if a is None:
        return [None] * n
    width = a.shape[1] // n
    return [a[:, k * width : (k + 1) * width] for k in range(n)]


# ---------------------------------------------------------------- LSTM


@lru_cache(maxsize=32)
def _lstm_scales(xp: Any, size: int, dtype: str) -> tuple[Any, Any]:
    """Factor and summand that make sigmoids of a tanh for the gates i, f and o, and nothing for g."""
    scale, shift = xp.full(4 * size, 0.5, dtype), xp.full(4 * size, 0.5, dtype)
    scale[2 * size : 3 * size] = 1
    shift[2 * size : 3 * size] = 0
    return scale, shift


def _lstm(xp: Any, gates: Any, c: Any) -> tuple[Any, Any, Any, Any]:
    # sigmoid(x) = tanh(x / 2) / 2 + 1/2, so one tanh serves all four gates.
    scale, shift = _lstm_scales(xp, c.shape[1], gates.dtype.name)
    acts = gates * scale
    xp.tanh(acts, out=acts)
    acts *= scale
    acts += shift
    i, f, new, o = _parts(acts, 4)
    c = f * c
    c += i * new
    t = xp.tanh(c)
    return o * t, c, acts, t


def _lstm_cell_grad(g: Any, out: Any) -> Any:
    """d(loss) / d(new cell state), from all ways in which it is used."""
    gh, gc, _, gt = g
    t = out[3]
    through = _sum(None if gh is None else gh * _parts(out[2], 4)[3], gt)
    return _sum(gc, None if through is None else through * (1 - t * t))


def _lstm_gates_fast(gh: Any, gc: Any, c: Any, out: Any) -> Any:
    """``_lstm_gates`` on plain arrays, written in place: a third less time."""
    acts, t = out[2], out[3]
    i, f, new, o = _parts(acts, 4)
    d = t * t
    d -= 1
    d *= gh
    d *= o
    d = -d if gc is None else gc - d
    slopes = 1 - acts
    slopes *= acts  # the derivative of the sigmoids
    di, df, dn, do = _parts(slopes, 4)
    di *= d * new
    df *= d * c
    dn[...] = 1 - new * new
    dn *= d * i
    do *= gh * t
    return slopes


def _lstm_gates(F: Any, g: Any, c: Any, out: Any) -> Any:
    if g[0] is not None and g[2] is None and g[3] is None and not isinstance(c, Tensor):
        return _lstm_gates_fast(g[0], g[1], c, out)
    i, f, new, o = _parts(out[2], 4)
    ai, af, an, ao = _parts(g[2], 4)
    d = _lstm_cell_grad(g, out)
    if d is None:
        d = 0 * c
    do = _sum(None if g[0] is None else g[0] * out[3], ao)
    if do is None:
        do = 0 * c
    size = c.shape[1]
    return F.cat(
        _sum(d * new, ai) * (i * (1 - i)), _sum(d * c, af) * (f * (1 - f)), _sum(d * i, an) * (1 - new * new),
        do * (o * (1 - o)), axis=1, sizes=(size,) * 4,
    )  # fmt: skip


def _lstm_c(F: Any, g: Any, c: Any, out: Any) -> Any:
    d = _lstm_cell_grad(g, out)
    return 0 * c if d is None else d * _parts(out[2], 4)[1]


def _lstm_rule(gates: tuple[int, ...], c: tuple[int, ...]) -> None:
    if gates[0] != c[0] or gates[1] != 4 * c[1]:
        raise ShapeError(
            f"an LSTM cell needs four gates for each of its {c[1]} cells; the gates are {gates}, the state {c}"
        )


lstm_cell = Op(
    "lstm_cell", _lstm, tex=r"\mathrm{{lstm}}({gates}, {c})", multi=True, shape=_lstm_rule,
    vjp=dict(gates=_lstm_gates, c=_lstm_c), flops=lambda gates, c: 9 * gates.size,
    samples=(arrays((3, 8), (3, 2)), arrays((0, 8), (0, 2))),
    errors=(((3, 8), (3, 3), "needs four gates"),),
    doc="Gates i, f, g, o before their functions, and the cell state, to the new state, the new cell state "
        "and the activations.",
)  # fmt: skip


# ---------------------------------------------------------------- GRU


def _gru(xp: Any, x: Any, hidden: Any, h: Any) -> tuple[Any, Any]:
    size = h.shape[1]
    half = x.dtype.type(0.5)
    acts = x + hidden
    both, new = acts[:, : 2 * size], acts[:, 2 * size :]
    both *= half
    xp.tanh(both, out=both)
    both *= half
    both += half
    r, z = both[:, :size], both[:, size:]
    xp.multiply(r, hidden[:, 2 * size :], out=new)
    new += x[:, 2 * size :]
    xp.tanh(new, out=new)
    out = h - new
    out *= z
    out += new
    return out, acts


def _gru_parts(g: Any, hidden: Any, h: Any, out: Any) -> tuple[Any, Any, Any, Any]:
    r, z, new = _parts(out[1], 3)
    ar, az, an = _parts(g[1], 3)
    g0 = g[0]
    dn = _sum(None if g0 is None else g0 * (1 - z), an) * (1 - new * new)
    dz = _sum(None if g0 is None else g0 * (h - new), az) * (z * (1 - z))
    dr = _sum(dn * _parts(hidden, 3)[2], ar) * (r * (1 - r))
    return dr, dz, dn, r


def _gru_x(F: Any, g: Any, hidden: Any, h: Any, out: Any) -> Any:
    dr, dz, dn, _ = _gru_parts(g, hidden, h, out)
    return F.cat(dr, dz, dn, axis=1, sizes=(h.shape[1],) * 3)


def _gru_hidden(F: Any, g: Any, hidden: Any, h: Any, out: Any) -> Any:
    dr, dz, dn, r = _gru_parts(g, hidden, h, out)
    return F.cat(dr, dz, dn * r, axis=1, sizes=(h.shape[1],) * 3)


def _gru_h(F: Any, g: Any, h: Any, out: Any) -> Any:
    return 0 * h if g[0] is None else g[0] * _parts(out[1], 3)[1]


def _gru_rule(x: tuple[int, ...], hidden: tuple[int, ...], h: tuple[int, ...]) -> None:
    if x != hidden or x[0] != h[0] or x[1] != 3 * h[1]:
        raise ShapeError(
            f"a GRU cell needs three gates for each of its {h[1]} cells, from the input and from the state; they "
            f"are {x} and {hidden}, the state {h}"
        )


gru_cell = Op(
    "gru_cell", _gru, tex=r"\mathrm{{gru}}({x}, {hidden}, {h})", multi=True, shape=_gru_rule,
    vjp=dict(x=_gru_x, hidden=_gru_hidden, h=_gru_h), flops=lambda x, hidden, h: 9 * x.size,
    samples=(arrays((3, 6), (3, 6), (3, 2)), arrays((0, 6), (0, 6), (0, 2))),
    errors=(((3, 6), (3, 6), (3, 3), "needs three gates"),),
    doc="Gates r, z, n from the input and from the state, to the new state and the activations.",
)  # fmt: skip

ROWS = [recur, lstm_cell, gru_cell]
