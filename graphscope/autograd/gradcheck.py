"""Is a gradient right? Compared with finite differences, element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphscope.autograd.functional import _grad, _zeros
from graphscope.engine.explain import at_line
from graphscope.engine.modes import enable_grad
from graphscope.engine.tensor import Tensor
from graphscope.errors import AutogradError, RangeError, UsageError

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(AutogradError):
    """A gradient that is not what finite differences say."""


def gradcheck(
    func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
    raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False, check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False, check_forward_ad: bool = False,
    check_backward_ad: bool = True, fast_mode: bool = False, masked: bool | None = None,
) -> bool:  # fmt: skip
    """Compare the gradients of ``func`` with central differences of width ``eps``; True if they agree.

    Inputs should be float64: single precision has too few digits for differences. ``fast_mode`` compares
    along one random direction instead of element by element. Raises: GradcheckError where they differ,
    unless ``raise_exception`` is False.
    """
    given = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    try:
        _check(func, given, eps, atol, rtol, nondet_tol, check_undefined_grad, check_grad_dtypes,
               check_batched_grad, check_forward_ad, check_backward_ad, fast_mode)  # fmt: skip
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _check(
    func: Any, given: Any, eps: float, atol: float, rtol: float, nondet_tol: float, undefined: bool, dtypes: bool,
    batched: bool, forward: bool, backward: bool, fast: bool,
) -> None:  # fmt: skip
    wanted = [i for i, x in enumerate(given) if isinstance(x, Tensor) and x._rg]
    if not wanted:
        raise at_line(
            UsageError,
            f"gradcheck: none of {len(given)} inputs has requires_grad=True, so there is no gradient to check",
        )
    for i in wanted:
        _check_input(given[i], i)
    outs = _outputs(func, given)
    if not outs:
        return
    numeric = [[_numeric(func, given, i, k, eps) for k in range(len(outs))] for i in wanted]
    if backward:
        for k, y in enumerate(outs):
            found = _analytic(y, [given[i] for i in wanted], nondet_tol, dtypes)
            for at, i in enumerate(wanted):
                want = numeric[at][k]
                pair = (found[at], want)
                if fast:
                    pair = _along(*pair)
                _compare(
                    *pair,
                    atol,
                    rtol,
                    f"gradcheck: d output {k} / d input {i} is not what differences say",
                )
        if undefined:
            _unused(outs, [given[i] for i in wanted])
        if batched:
            _batches(outs, [given[i] for i in wanted], atol, rtol)
    if forward:
        for at, i in enumerate(wanted):
            for k, moved in enumerate(_pushed(func, given, i)):
                _compare(moved, numeric[at][k], atol, rtol,
                         f"gradcheck: d output {k} / d input {i} by forward mode is not what differences say")  # fmt: skip


def _check_input(x: Tensor, i: int) -> None:
    a = x._a
    if 0 in a.strides and a.size > 1 and any(s == 0 and n > 1 for s, n in zip(a.strides, a.shape, strict=True)):  # fmt: skip
        raise at_line(
            RangeError,
            f"gradcheck: elements of input {i} {a.shape} share memory (it was expanded), so none can be changed alone for "
            "a difference; pass its .contiguous()",
        )


def _outputs(func: Any, given: Any) -> list[Tensor]:
    with enable_grad():
        got = func(*given)
    outs = got if isinstance(got, (tuple, list)) else (got,)
    return [y for y in outs if isinstance(y, Tensor) and y._rg]


def _values(func: Any, given: Any) -> list[Any]:
    return [np.array(y._host(), copy=True) for y in _outputs(func, given)]


def _numeric(func: Any, given: Any, i: int, k: int, eps: float) -> Any:
    """The Jacobian of output k by central differences, of shape (input's size, output's size)."""
    x = given[i]._a
    rows = []
    for at in np.ndindex(*x.shape):
        before = x[at].copy() if hasattr(x[at], "copy") else x[at]
        x[at] = before + eps
        high = _values(func, given)[k]
        x[at] = before - eps
        low = _values(func, given)[k]
        x[at] = before
        rows.append(((high - low) / (2 * eps)).reshape(-1))
    n = _outputs(func, given)[k]._a.size
    return np.stack(rows) if rows else np.zeros((0, n))


def _analytic(y: Tensor, xs: list[Tensor], nondet_tol: float, dtypes: bool) -> list[Any]:
    columns: list[list[Any]] = [[] for _ in xs]
    for j in range(y._a.size):
        seed = _zeros((y._a.size,), y)
        seed._a[j] = 1
        seed = Tensor(seed._a.reshape(y._a.shape))
        found = _grad((y,), tuple(xs), (seed,), False)
        again = _grad((y,), tuple(xs), (seed,), False)
        for column, g, h, x in zip(columns, found, again, xs, strict=True):
            if dtypes and g is not None and g.dtype is not x.dtype:
                raise at_line(
                    GradcheckError,
                    f"gradcheck: the gradient is {g.dtype}, its input {x.dtype}; they must be equal",
                )
            a = np.zeros(x._a.shape) if g is None else np.asarray(g._host())
            b = np.zeros(x._a.shape) if h is None else np.asarray(h._host())
            if a.shape != tuple(x._a.shape):
                raise at_line(
                    GradcheckError,
                    f"gradcheck: the gradient has shape {a.shape}, its input {tuple(x._a.shape)}",
                )
            if a.size and np.abs(a - b).max() > nondet_tol:
                raise at_line(
                    GradcheckError,
                    f"gradcheck: the same backward gave two results that differ by {np.abs(a - b).max():.3g}, more than "
                    f"nondet_tol={nondet_tol}; does the function draw random numbers, or change what it saved?",
                )
            column.append(a.reshape(-1))
    return [
        np.stack(c, 1) if c else np.zeros((x._a.size, 0)) for c, x in zip(columns, xs, strict=True)
    ]


def _pushed(func: Any, given: Any, i: int) -> list[Any]:
    """The Jacobian of each output by forward mode."""
    from graphscope.autograd.forward_ad import dual_level, make_dual, unpack_dual

    x = given[i]
    columns: list[list[Any]] = []
    for j in range(x._a.size):
        direction = _zeros((x._a.size,), x)
        direction._a[j] = 1
        with dual_level():
            moved = list(given)
            moved[i] = make_dual(x.detach(), Tensor(direction._a.reshape(x._a.shape)))
            got = func(*moved)
            outs = got if isinstance(got, (tuple, list)) else (got,)
            floats = [
                unpack_dual(y) for y in outs if isinstance(y, Tensor) and y._a.dtype.kind == "f"
            ]
        columns.append(
            [
                np.zeros(p._a.size) if t is None else np.asarray(t.detach()._host()).reshape(-1)
                for p, t in floats
            ]
        )
    return [np.stack(c) for c in zip(*columns, strict=True)]


def _along(found: Any, want: Any) -> tuple[Any, Any]:
    """Both Jacobians seen along one random direction on each side."""
    r = np.random.default_rng(0)
    u, v = r.random(found.shape[0]), r.random(found.shape[1])
    return u @ found @ v, u @ want @ v


def _compare(found: Any, want: Any, atol: float, rtol: float, what: str) -> None:
    if not np.allclose(found, want, rtol, atol, equal_nan=True):
        gap = np.abs(found - want)
        worst = (
            np.unravel_index(int(np.nanargmax(gap)), gap.shape) if np.isfinite(gap).any() else ()
        )
        raise at_line(
            GradcheckError,
            f"{what}; farthest at {tuple(int(i) for i in worst)} (element of the input, of the output), tolerances "
            f"atol={atol:g}, rtol={rtol:g}\n  by differences:\n{want}\n  by the gradient:\n{found}\n",
        )


def _unused(outs: list[Tensor], xs: list[Tensor]) -> None:
    """A backward must take outputs without a gradient."""
    for y in outs:
        for g in _grad((y,), tuple(xs), (_zeros(tuple(y._a.shape), y),), False):
            if g is not None and (np.asarray(g._host()) != 0).any():
                raise at_line(
                    GradcheckError,
                    f"gradcheck: with a gradient of zeros for an output {tuple(y._a.shape)}, backward gave others than "
                    "zeros; multiply by the gradient that comes in",
                )


def _batches(outs: list[Tensor], xs: list[Tensor], atol: float, rtol: float) -> None:
    from graphscope.engine.backward import grad
    from graphscope.ops.functions import stack

    r = np.random.default_rng(0)
    for y in outs:
        seeds = [Tensor(r.random(y._a.shape).astype(y._a.dtype)) for _ in range(2)]
        whole = grad(y, xs, stack(seeds), True, allow_unused=True, is_grads_batched=True)
        for n, seed in enumerate(seeds):
            for g, h in zip(whole, _grad((y,), tuple(xs), (seed,), False), strict=True):
                if g is not None and h is not None:
                    _compare(
                        g._host()[n],
                        h._host(),
                        atol,
                        rtol,
                        "gradcheck: a batch of gradients differs",
                    )


def gradgradcheck(
    func: Callable[..., Any], inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6, atol: float = 1e-5,
    rtol: float = 1e-3, gen_non_contig_grad_outputs: bool = False, raise_exception: bool = True,
    nondet_tol: float = 0.0, check_undefined_grad: bool = True, check_grad_dtypes: bool = False,
    check_batched_grad: bool = False, check_fwd_over_rev: bool = False, check_rev_over_rev: bool = True,
    fast_mode: bool = False, masked: bool = False,
) -> bool:  # fmt: skip
    """Compare second derivatives: the gradients of ``func``'s gradients with finite differences."""
    given = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    if grad_outputs is None:
        r = np.random.default_rng(0)
        seeds = tuple(
            Tensor(r.normal(size=y._a.shape).astype(y._a.dtype), True)
            for y in _outputs(func, given)
        )
    else:
        seeds = tuple(grad_outputs) if isinstance(grad_outputs, (tuple, list)) else (grad_outputs,)
    n = len(given)

    def slope(*all_given: Any) -> tuple[Any, ...]:
        xs, vs = all_given[:n], all_given[n:]
        wanted = tuple(x for x in xs if isinstance(x, Tensor) and x._rg)
        with enable_grad():
            found = _grad(tuple(_outputs(func, xs)), wanted, vs, True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        slope, (*given, *seeds), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
        nondet_tol=nondet_tol, check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad, check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev, fast_mode=fast_mode,
    )  # fmt: skip
