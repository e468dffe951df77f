"""Derivatives of functions: whole Jacobians and Hessians, and their products with vectors.

Example:
    >>> import graphscope as gs
    >>> from graphscope.autograd.functional import jacobian
    >>> jacobian(lambda x: x * x, gs.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphscope.engine.backward import grad
from graphscope.engine.explain import at_line
from graphscope.engine.modes import enable_grad
from graphscope.engine.tensor import Tensor
from graphscope.errors import AutogradError, DTypeError, ShapeError
from graphscope.ops import functions as fn

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def _tuple(given: Any, what: str, name: str) -> tuple[tuple[Tensor, ...], bool]:
    several = isinstance(given, (tuple, list))
    found = tuple(given) if several else (given,)
    for i, t in enumerate(found):
        if not isinstance(t, Tensor):
            where = f" at index {i}" if several else ""
            raise at_line(
                DTypeError,
                f"{name}: {what}{where} is {type(t).__name__}; give a tensor, or several in a tuple",
            )
    return found, several


def _inputs(given: Any, create_graph: bool, name: str) -> tuple[tuple[Tensor, ...], bool]:
    """Fresh inputs that want a gradient: with ``create_graph`` they hang on the given ones."""
    found, several = _tuple(given, "input", name)
    fresh = []
    for t in found:
        x: Any = t
        if create_graph:
            fresh.append(x.view_as(x) if x._rg else x.detach().requires_grad_())
        else:
            fresh.append(x.detach().requires_grad_())
    return tuple(fresh), several


def _call(
    func: Callable[..., Any], inputs: tuple[Tensor, ...], name: str
) -> tuple[tuple[Tensor, ...], bool]:
    return _tuple(func(*inputs), "output", name)


def _vectors(
    v: Any, like: tuple[Tensor, ...], what: str, several: bool, name: str
) -> tuple[Tensor, ...]:
    if v is None:
        if len(like) != 1 or like[0]._a.size != 1:
            shapes = [tuple(t._a.shape) for t in like]
            raise at_line(
                AutogradError,
                f"{name}: which direction? Without v the {what} must be a single number, and its shapes are {shapes}; "
                "pass v in those shapes",
            )
        return (fn_ones(like[0]),)
    found, many = _tuple(v, "v", name)
    if len(found) != len(like):
        raise at_line(
            AutogradError,
            f"{name}: v has {len(found)} tensors for {len(like)} {what}s; give one for each",
        )
    for i, (a, b) in enumerate(zip(found, like, strict=True)):
        if a._a.shape != b._a.shape:
            raise at_line(
                ShapeError,
                f"{name}: tensor {i} of v is {tuple(a._a.shape)}, the {what} that it belongs to {tuple(b._a.shape)}; they "
                "need one shape",
            )
    return found


def fn_ones(like: Tensor) -> Tensor:
    """Ones in the shape, dtype and device of a tensor."""
    from graphscope.engine.backward import dispatch_ones

    return Tensor(dispatch_ones(like._a))


def _zeros(shape: tuple[int, ...], like: Tensor) -> Tensor:
    if type(like._a) is np.ndarray:
        return Tensor(np.zeros(shape, like._a.dtype))
    from graphscope.engine.backend import backend_of_type

    return Tensor(backend_of_type(type(like._a)).asarray(np.zeros(shape, like._a.dtype)))


def _strict(found: Any, strict: bool, name: str, inputs: Any) -> None:
    if strict and any(g is None for g in found):
        i = next(i for i, g in enumerate(found) if g is None)
        raise at_line(
            AutogradError,
            f"{name}: nothing that the function returns was computed from input {i} {tuple(inputs[i]._a.shape)}; with "
            "strict=False its derivatives are zeros",
        )


def _filled(found: Any, inputs: Any) -> tuple[Tensor, ...]:
    return tuple(
        _zeros(tuple(x._a.shape), x) if g is None else g for g, x in zip(found, inputs, strict=True)
    )


def _out(values: tuple[Any, ...], several: bool, create_graph: bool) -> Any:
    kept = tuple(v if create_graph else v.detach() for v in values)
    return kept if several else kept[0]


def _grad(
    outputs: tuple[Tensor, ...], inputs: tuple[Tensor, ...], seeds: Any, create_graph: bool, retain: bool = True
) -> tuple[Any, ...]:  # fmt: skip
    """``grad`` that takes outputs without a graph: their gradients are None."""
    used = [(o, s) for o, s in zip(outputs, seeds, strict=True) if o._rg]
    if not used:
        return (None,) * len(inputs)
    outs, given = zip(*used, strict=True)
    return grad(outs, inputs, given, retain, create_graph, allow_unused=True)


# ---------------------------------------------------------------- products with vectors


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:  # fmt: skip
    """The outputs of ``func`` and v' J, one pass backward. v has the outputs' shapes."""
    with enable_grad():
        xs, many_in = _inputs(inputs, create_graph, "vjp")
        ys, many_out = _call(func, xs, "vjp")
        vs = _vectors(v, ys, "output", many_out, "vjp")
        found = _grad(ys, xs, vs, create_graph)
        _strict(found, strict, "vjp", xs)
    return _out(ys, many_out, create_graph), _out(_filled(found, xs), many_in, create_graph)


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:  # fmt: skip
    """The outputs of ``func`` and J v, by going backward twice. v has the inputs' shapes."""
    with enable_grad():
        xs, many_in = _inputs(inputs, create_graph, "jvp")
        vs = _vectors(v, xs, "input", many_in, "jvp")
        ys, many_out = _call(func, xs, "jvp")
        # <u, J v> = <J' u, v>: the gradient of the right side with respect to u.
        us = tuple(_zeros(tuple(y._a.shape), y).requires_grad_() for y in ys)
        pulled = _grad(ys, xs, us, True)
        _strict(pulled, strict, "jvp", xs)
        used = [(g, w) for g, w in zip(pulled, vs, strict=True) if g is not None and g._rg]
        if used:
            gs, ws = zip(*used, strict=True)
            found = grad(gs, us, ws, True, create_graph, allow_unused=True)
        else:
            found = (None,) * len(us)
    return _out(ys, many_out, create_graph), _out(_filled(found, ys), many_out, create_graph)


def _scalar(ys: tuple[Tensor, ...], name: str) -> Tensor:
    if len(ys) != 1 or ys[0]._a.size != 1:
        raise at_line(
            AutogradError,
            f"{name}: second derivatives are of one number, and the function returned the shapes "
            f"{[tuple(y._a.shape) for y in ys]}; sum it up",
        )
    return ys[0]


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:  # fmt: skip
    """The value of ``func`` and v' H, with H its matrix of second derivatives."""
    with enable_grad():
        xs, many_in = _inputs(inputs, create_graph, "vhp")
        vs = _vectors(v, xs, "input", many_in, "vhp")
        ys, many_out = _call(func, xs, "vhp")
        _scalar(ys, "vhp")
        slope = _grad(ys, xs, (None,), True)
        _strict(slope, strict, "vhp", xs)
        used = [(g, w) for g, w in zip(slope, vs, strict=True) if g is not None and g._rg]
        if used:
            gs, ws = zip(*used, strict=True)
            found = grad(gs, xs, ws, True, create_graph, allow_unused=True)
        else:
            found = (None,) * len(xs)
        _strict(found, strict, "vhp", xs)
    return _out(ys, many_out, create_graph), _out(_filled(found, xs), many_in, create_graph)


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:  # fmt: skip
    """The value of ``func`` and H v; H is symmetric, so it is ``vhp``."""
    return vhp(func, inputs, v, create_graph, strict)


# ---------------------------------------------------------------- whole matrices


def jacobian(
    func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False,
    vectorize: bool = False, strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """All partial derivatives: for an output and an input a tensor of shape output.shape + input.shape.

    strategy: one pass backward for each element of the outputs, or ("forward-mode", with ``vectorize``) one
    forward for each element of the inputs.
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise at_line(
            AutogradError,
            f'jacobian: strategy is "reverse-mode" or "forward-mode", not {strategy!r}',
        )
    if strategy == "forward-mode":
        return _jacobian_forward(func, inputs, create_graph, vectorize)
    with enable_grad():
        xs, many_in = _inputs(inputs, create_graph, "jacobian")
        ys, many_out = _call(func, xs, "jacobian")
        rows = []
        for y in ys:
            parts: list[list[Tensor]] = [[] for _ in xs]
            flat: Any = fn.reshape(y, -1)
            for j in range(y._a.size):
                found = _grad((flat[j],), xs, (None,), create_graph)
                _strict(found, strict, "jacobian", xs)
                for part, g in zip(parts, _filled(found, xs), strict=True):
                    part.append(g)
            rows.append(
                tuple(
                    fn.reshape(fn.stack(part), (*y._a.shape, *x._a.shape))
                    if part
                    else _zeros((*y._a.shape, *x._a.shape), x)
                    for part, x in zip(parts, xs, strict=True)
                )
            )
    kept = tuple(_out(row, many_in, create_graph) for row in rows)
    return kept if many_out else kept[0]


def _jacobian_forward(func: Any, inputs: Any, create_graph: bool, vectorize: bool) -> Any:
    from graphscope.autograd.forward_ad import dual_level, make_dual, unpack_dual

    if not vectorize:
        raise NotImplementedError(
            'jacobian with strategy="forward-mode" needs vectorize=True, as in torch'
        )
    if create_graph:
        raise NotImplementedError(
            'jacobian with strategy="forward-mode" has no create_graph=True, as in torch'
        )
    xs, many_in = _tuple(inputs, "input", "jacobian")
    xs = tuple(x.detach() for x in xs)
    columns: list[list[tuple[Tensor, ...]]] = []
    ys: tuple[Tensor, ...] = ()
    many_out = False
    for i, x in enumerate(xs):
        column = []
        for j in range(x._a.size):
            direction = _zeros((x._a.size,), x)
            direction._a[j] = 1
            with dual_level():
                given = [
                    make_dual(t, fn.reshape(direction, tuple(t._a.shape))) if k == i else t
                    for k, t in enumerate(xs)
                ]
                ys, many_out = _call(func, tuple(given), "jacobian")
                moved = [unpack_dual(y) for y in ys]
            ys = tuple(m.primal for m in moved)
            column.append(
                tuple(
                    _zeros(tuple(m.primal._a.shape), x) if m.tangent is None else m.tangent.detach()
                    for m in moved
                )
            )
        columns.append(column)
    rows = []
    for k, y in enumerate(ys):
        row = []
        for x, column in zip(xs, columns, strict=True):
            whole = fn.stack([c[k] for c in column], -1)
            row.append(fn.reshape(whole, (*y._a.shape, *x._a.shape)))
        rows.append(tuple(row) if many_in else row[0])
    return tuple(rows) if many_out else rows[0]


def hessian(
    func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False,
    vectorize: bool = False, outer_jacobian_strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The second derivatives of a function with one value: the Jacobian of its gradient."""
    xs, many_in = _tuple(inputs, "input", "hessian")
    if outer_jacobian_strategy not in ("reverse-mode", "forward-mode"):
        raise at_line(
            AutogradError,
            f'hessian: outer_jacobian_strategy is "reverse-mode" or "forward-mode", not {outer_jacobian_strategy!r}',
        )

    def slope(*given: Tensor) -> tuple[Tensor, ...]:
        with enable_grad():
            fresh = tuple(x if x._rg else x.requires_grad_() for x in given)
            ys, _ = _call(func, fresh, "hessian")
            _scalar(ys, "hessian")
            found = _grad(ys, fresh, (None,), True)
            _strict(found, strict, "hessian", fresh)
            return _filled(found, fresh)

    found = jacobian(slope, xs, create_graph, strict, vectorize)
    return found if many_in else found[0][0]
