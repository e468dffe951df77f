"""Einstein's notation: what a user writes becomes one explicit equation for the row."""

from __future__ import annotations

from functools import lru_cache
from string import ascii_letters, ascii_lowercase, ascii_uppercase
from typing import Any

from graphscope.engine.dispatch import as_tensor, call
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, ShapeError
from graphscope.ops import einsum as es
from graphscope.ops.dims import dim_of

__all__ = ["einsum", "tensordot"]

_LETTERS = ascii_uppercase + ascii_lowercase


@lru_cache(maxsize=1024)
def explicit(equation: str, ranks: tuple[int, ...]) -> str:
    """The equation with letters for ``...`` and with its output written out: ``"...ij,jk"`` for ranks
    (3, 2) becomes ``"aij,jk->aik"``.

    Raises: ShapeError for what is no equation, or does not fit the operands' numbers of dimensions.
    """
    left, arrow, out = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    for term in (*terms, out):
        odd = set(term.replace("...", "")) - set(ascii_letters)
        if odd or term.count("...") > 1:
            raise at_line(
                ShapeError,
                f"einsum: invalid subscript {min(odd, default='...')!r} in {equation!r}; subscripts are letters "
                "and at most one '...' for each operand",
            )
    if len(terms) != len(ranks):
        raise at_line(
            ShapeError,
            f"einsum: the equation {equation!r} has {len(terms)} operands, but {len(ranks)} were provided",
        )
    free = [c for c in _LETTERS if c not in equation]
    widest, filled = 0, []
    for k, (term, rank) in enumerate(zip(terms, ranks, strict=True)):
        named = len(term.replace("...", ""))
        if "..." not in term and named != rank or named > rank:
            raise at_line(
                ShapeError,
                f"einsum: operand {k} has {rank} dimensions, and {equation!r} gives it {named} subscripts; write one for "
                "each dimension, or '...' for those that are left",
            )
        widest = max(widest, rank - named) if "..." in term else widest
    dots = "".join(free[:widest])
    for term, rank in zip(terms, ranks, strict=True):
        spare = rank - len(term.replace("...", ""))
        filled.append(term.replace("...", dots[widest - spare :]))
    if arrow:
        result = out.replace("...", dots)
    else:
        count = "".join(t.replace("...", "") for t in terms)
        result = dots + "".join(sorted(c for c in set(count) if count.count(c) == 1))
    for c in result:
        if result.count(c) > 1:
            raise at_line(
                ShapeError,
                f"einsum: {equation!r} has {c!r} twice after the arrow; name it once, diagonals are not written",
            )
        if not any(c in t for t in filled):
            raise at_line(
                ShapeError,
                f"einsum: {equation!r} has {c!r} after the arrow only; take it from an operand, or leave it out",
            )
    return f"{','.join(filled)}->{result}"


def _from_lists(args: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """``einsum(a, [0, 1], b, [1, 2], [0, 2])`` as an equation and operands."""

    def text(subscripts: Any) -> str:
        return "".join("..." if s is Ellipsis else _LETTERS[s] for s in subscripts)

    pairs = len(args) // 2
    equation = ",".join(text(args[2 * k + 1]) for k in range(pairs))
    if len(args) % 2:
        equation += "->" + text(args[-1])
    return equation, [args[2 * k] for k in range(pairs)]


def einsum(*args: Any) -> Tensor:
    """Sum of products over the indices of an equation: ``einsum("bij,bjk->bik", a, b)``.

    An index that the output lacks is summed; one that repeats in an operand takes its diagonal; ``...``
    stands for any dimensions, which broadcast; without ``->`` the indices that appear once remain, sorted.
    Raises: ShapeError where an index has two sizes, DTypeError for operands of different dtypes.
    """
    if not args:
        raise at_line(ShapeError, "einsum: no arguments; call it like einsum('ij,jk->ik', a, b)")
    if isinstance(args[0], str):
        equation, operands = args[0], list(args[1:])
        if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
            operands = list(operands[0])
    else:
        equation, operands = _from_lists(args)
    if not operands:
        raise at_line(
            ShapeError,
            f"einsum: the equation {equation!r} comes without tensors; call it like einsum('ij,jk->ik', a, b)",
        )
    tensors = [as_tensor(x) for x in operands]
    kinds = {t._a.dtype for t in tensors}
    if len(kinds) > 1:
        names = " and ".join(sorted(k.name for k in kinds))
        raise at_line(
            DTypeError, f"einsum: expected operands of one dtype, but got {names}; use .to(dtype)"
        )
    return call(es.einsum, *tensors, eq=explicit(equation, tuple(t._a.ndim for t in tensors)))


def tensordot(a: Any, b: Any, dims: Any = 2) -> Tensor:
    """Sums of products over dimensions of both: the last ``dims`` of a with the first of b, or lists.

    Raises: ShapeError where the sizes differ.
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if not 0 <= dims <= min(a._a.ndim, b._a.ndim):
            raise at_line(
                ShapeError,
                f"tensordot expects dims in 0..{min(a._a.ndim, b._a.ndim)}, but got dims={dims}",
            )
        left, right = list(range(a._a.ndim - dims, a._a.ndim)), list(range(dims))
    else:
        left = [dim_of(d, a._a.ndim) for d in dims[0]]
        right = [dim_of(d, b._a.ndim) for d in dims[1]]
    if len(left) != len(right):
        raise at_line(
            ShapeError,
            f"tensordot: dims={dims!r} pairs {len(left)} with {len(right)} dimensions; name as many of both",
        )
    for i, j in zip(left, right, strict=True):
        if a._a.shape[i] != b._a.shape[j] and 1 not in (a._a.shape[i], b._a.shape[j]):
            raise at_line(
                ShapeError,
                f"tensordot: dim {i} of {tuple(a._a.shape)} has size {a._a.shape[i]} and dim {j} of {tuple(b._a.shape)} "
                f"{b._a.shape[j]}; they are summed together, so make them equal or pass other dims",
            )
    one = list(_LETTERS[: a._a.ndim])
    two = list(_LETTERS[a._a.ndim : a._a.ndim + b._a.ndim])
    for i, j in zip(left, right, strict=True):
        two[j] = one[i]
    out = [c for k, c in enumerate(one) if k not in left] + [
        c for k, c in enumerate(two) if k not in right
    ]
    return einsum(f"{''.join(one)},{''.join(two)}->{''.join(out)}", a, b)
