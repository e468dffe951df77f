"""Einstein sums as few matrix products as possible, planned once for each equation and shapes.

Two operands at a time: the indices that they share and keep are a batch, those that they share and
lose are the inner dimension, so each step is one GEMM (or a product of elements if nothing is summed).
The gradient of an operand is an einsum of the incoming gradient with the other operands.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import prod
from string import ascii_letters
from typing import Any, NamedTuple

from graphscope.engine.op import Op
from graphscope.errors import ShapeError
from graphscope.ops.samples import arrays


class _Ready(NamedTuple):
    """What is done to one operand first: axes of size 1 out, diagonals of repeated indices, sums."""

    squeeze: tuple[int, ...]
    diagonals: tuple[tuple[int, int], ...]
    sums: tuple[int, ...]


class _Step(NamedTuple):
    """Operands i and j become one: transpose and reshape each, multiply, reshape."""

    i: int
    j: int
    kind: str  # "gemm", "batched", "dots" (one number for each batch element) or "product"
    axes: tuple[tuple[int, ...], tuple[int, ...]]
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    out: tuple[int, ...]


class Plan(NamedTuple):
    """How to compute an equation for operands of certain shapes."""

    ready: tuple[_Ready, ...]
    steps: tuple[_Step, ...]
    order: tuple[int, ...]
    flops: int


def sizes_of(terms: list[str], shapes: Any) -> dict[str, int]:
    """The size of each index; 1 broadcasts. Raises: ShapeError where two sizes differ."""
    sizes: dict[str, int] = {}
    for k, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        for c, n in zip(term, shape, strict=True):
            have = sizes.get(c, 1)
            if have != 1 and n != 1 and have != n:
                raise ShapeError(
                    f"the subscript {c!r} stands for size {n} in operand {k} and for {have} in one before it; a "
                    "subscript has one size in all operands (or 1, which broadcasts)"
                )
            sizes[c] = n if have == 1 else have
    return sizes


def _ready(term: str, shape: Any, sizes: dict[str, int], elsewhere: set[str]) -> tuple[str, _Ready]:
    squeeze = _spread(term, shape, sizes)
    left = [c for k, c in enumerate(term) if k not in squeeze]
    diagonals = []
    for c in dict.fromkeys(left):
        while left.count(c) > 1:
            p = left.index(c)
            q = left.index(c, p + 1)
            diagonals.append((p, q))
            left = [x for k, x in enumerate(left) if k not in (p, q)] + [c]
    sums = tuple(k for k, c in enumerate(left) if c not in elsewhere)
    rest = "".join(c for c in left if c in elsewhere)
    return rest, _Ready(squeeze, tuple(diagonals), sums)


def _spread(term: str, shape: Any, sizes: dict[str, int]) -> tuple[int, ...]:
    """The axes of size 1 that broadcast: they take no part in the product."""
    return tuple(k for k, c in enumerate(term) if shape[k] == 1 and sizes[c] != 1)


def _step(i: int, j: int, a: str, b: str, keep: set[str], sizes: Any) -> tuple[str, _Step, int]:
    def shape(s: str) -> tuple[int, ...]:
        return tuple(sizes[c] for c in s)

    def axes(term: str, order: str) -> tuple[int, ...]:
        return tuple(term.index(c) for c in order)

    batch = "".join(c for c in a if c in b and c in keep)
    inner = "".join(c for c in a if c in b and c not in keep)
    m = "".join(c for c in a if c not in b)
    n = "".join(c for c in b if c not in a)
    nb, ni, nm, nn = (prod(shape(s)) for s in (batch, inner, m, n))
    out = batch + m + n
    cost = nb * nm * nn * ni * (2 if inner else 1)
    if not inner:
        shapes = (shape(batch + m) + (1,) * len(n), shape(batch) + (1,) * len(m) + shape(n))
        orders = (axes(a, batch + m), axes(b, batch + n))
        return out, _Step(i, j, "product", orders, shapes, shape(out)), cost
    if nm == nn == 1 and nb > 1:
        orders = (axes(a, batch + m + inner), axes(b, batch + n + inner))
        return out, _Step(i, j, "dots", orders, ((nb, ni), (nb, ni)), shape(out)), cost
    orders = (axes(a, batch + m + inner), axes(b, batch + inner + n))
    if nb == 1:
        return out, _Step(i, j, "gemm", orders, ((nm, ni), (ni, nn)), shape(out)), cost
    return out, _Step(i, j, "batched", orders, ((nb, nm, ni), (nb, ni, nn)), shape(out)), cost


@lru_cache(maxsize=1024)
def plan(eq: str, shapes: tuple[tuple[int, ...], ...]) -> Plan:
    """Plan an equation like ``"bij,bjk->bik"``: always the cheapest pair next.

    Raises: ShapeError where the sizes of an index differ.
    """
    left, out = eq.split("->")
    terms = left.split(",")
    sizes = sizes_of(terms, shapes)
    ready, now = [], []
    own = []
    for term, shape in zip(terms, shapes, strict=True):
        squeeze = _spread(term, shape, sizes)
        own.append({c for k, c in enumerate(term) if k not in squeeze})
    for k, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        elsewhere = set(out).union(*own[:k], *own[k + 1 :])
        rest, todo = _ready(term, shape, sizes, elsewhere)
        ready.append(todo)
        now.append(rest)
    steps, flops = [], 0
    while len(now) > 1:
        best = None
        for i, j in combinations(range(len(now)), 2):
            keep = set(out).union(*(t for k, t in enumerate(now) if k not in (i, j)))
            found = _step(i, j, now[i], now[j], keep, sizes)
            if best is None or found[2] < best[2]:
                best = found
        assert best is not None
        term, step, cost = best
        steps.append(step)
        flops += cost
        now = [t for k, t in enumerate(now) if k not in (step.i, step.j)] + [term]
    rest = "".join(c for c in now[0] if c in out)
    if rest != now[0]:
        raise ShapeError(f"einsum(): the equation {eq!r} loses an index")
    total = sum(prod(s) for s in shapes) if not steps else flops
    return Plan(tuple(ready), tuple(steps), tuple(now[0].index(c) for c in out), total)


def _prepared(x: Any, todo: _Ready) -> Any:
    if todo.squeeze:
        x = x.squeeze(axis=todo.squeeze)
    for p, q in todo.diagonals:
        x = x.diagonal(axis1=p, axis2=q)
    return x.sum(axis=todo.sums, dtype=x.dtype) if todo.sums else x


def _pair(xp: Any, a: Any, b: Any, step: _Step) -> Any:
    a = a.transpose(step.axes[0]).reshape(step.shapes[0])
    b = b.transpose(step.axes[1]).reshape(step.shapes[1])
    if step.kind == "gemm":
        got = a.dot(b)
    elif step.kind == "batched":
        got = xp.matmul(a, b)
    elif step.kind == "dots":
        got = xp.add.reduce(a * b, axis=1)
    else:
        return a * b
    return got.reshape(step.out)


def _einsum(xp: Any, *args: Any, eq: Any) -> Any:
    todo = plan(eq, tuple(a.shape for a in args))
    now = [_prepared(a, r) for a, r in zip(args, todo.ready, strict=True)]
    for step in todo.steps:
        j = now.pop(step.j)
        i = now.pop(step.i)
        now.append(_pair(xp, i, j, step))
    (out,) = now
    out = xp.asarray(out)
    if todo.order != tuple(range(len(todo.order))):
        out = out.transpose(todo.order)
    # One operand may have come through untouched, or as a view of itself.
    return out if todo.steps or any(r.sums for r in todo.ready) else out.copy()


def _gradient(F: Any, g: Any, args: Any, eq: str, k: int) -> Any:
    """d/d(operand k): the incoming gradient with the other operands.

    An index that nothing else has is spread by a vector of ones; a repeated one lies on a diagonal.
    """
    left, out = eq.split("->")
    terms = left.split(",")
    sizes = sizes_of(terms, [tuple(a.shape) for a in args])
    mine, shape = terms[k], tuple(args[k].shape)
    operands = [g, *(a for p, a in enumerate(args) if p != k)]
    inputs = [out, *(t for p, t in enumerate(terms) if p != k)]
    there = sizes_of(inputs, [tuple(a.shape) for a in operands])
    fresh = iter(c for c in ascii_letters if c not in eq)
    one = F.zero(g) + 1
    want = ""
    for c, n in zip(mine, shape, strict=True):
        if n == 1 and sizes[c] != 1:
            continue
        if c in want:
            new = next(fresh)
            operands.append(F.identity_like(g, n=n, m=n))
            inputs.append(new + c)
            want += new
            continue
        want += c
        if there.get(c, 0) != n:
            operands.append(F.broadcast_to(one, shape=(n,), was=()))
            inputs.append(c)
    got = F.einsum(*operands, eq=f"{','.join(inputs)}->{want}")
    return F.reshape(got, shape=shape, was=tuple(got.shape)) if len(want) != len(shape) else got


def _vjp(F: Any, g: Any, args: Any, eq: Any) -> list[Any]:
    # Not computed before it is asked for: often only one operand wants a gradient.
    return [lambda k=k: _gradient(F, g, args, eq, k) for k in range(len(args))]


einsum = Op(
    "einsum", _einsum, tex=r"\mathrm{{einsum}}", family="linalg", vjp={"*": _vjp}, jvp="multilinear",
    flops=lambda *args, eq: plan(eq, tuple(tuple(a.shape) for a in args)).flops,
    samples=(
        arrays((3, 4), (4, 5), eq="ij,jk->ki"),
        arrays((2, 3, 4), (2, 5, 4), eq="bqd,bkd->bqk"),
        arrays((3, 3), eq="ii->"), arrays((3, 3), eq="ii->i"), arrays((3, 4), eq="ij->j"),
        arrays((3, 4), (4,), (5, 3), eq="ij,j,ki->k"),
        arrays((1, 4), (3, 4), eq="ij,ij->i"), arrays((0, 4), (4, 2), eq="ij,jk->ik"),
        arrays((), (3,), eq=",i->i"), arrays((3,), (4,), eq="i,j->"),
    ),
    doc="Sums of products over indices.",
)  # fmt: skip

identity_like = Op(
    "identity_like", lambda xp, x, *, n, m: xp.eye(n, m, dtype=x.dtype), tex="I", family="other",
    samples=(arrays((2,), n=3, m=2),), doc="The identity of x's dtype and device.",
)  # fmt: skip

ROWS = [einsum, identity_like]
