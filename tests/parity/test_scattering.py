"""gather, scatter, index_add and their relatives beside torch, as functions and in place."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs
from tests.parity.beside import LAYOUTS, arrays, check

torch = pytest.importorskip("torch")
array = arrays()
X = array(4, 3, 5)
I = np.array([[1, 0, 2], [2, 2, 0]])  # noqa: E741 - as in torch's documentation
MASK = X > 0

ROWS = np.array([2, 0, 2])
FUNCTIONS = {
    "gather 0": ([X[..., 0], I[:, :]], lambda t, f, x, i: t.gather(x, 0, i)),
    "gather 1": ([X[..., 0], np.array([[2], [0], [1]])], lambda t, f, x, i: t.gather(x, 1, i)),
    "gather few": ([X, I[:1, :2, None]], lambda t, f, x, i: x.gather(2, i)),
    "gather 0-d": ([X[0, 0, 0], np.array([0, 0])], lambda t, f, x, i: t.gather(x, 0, i)),
    "gather nothing": ([X, np.zeros((0, 3, 5), int)], lambda t, f, x, i: t.gather(x, 0, i)),
    "scatter": ([X[..., 0], np.array([[1, 0, 2]]), array(1, 3)], lambda t, f, x, i, s: t.scatter(x, 0, i, s)),
    "scatter value": ([X[..., 0], I], lambda t, f, x, i: x.scatter(1, i, 1.5)),
    "scatter value=": ([X[..., 0], I], lambda t, f, x, i: t.scatter(x, 1, i, value=1.5)),
    "scatter add": ([X[..., 0], I, array(2, 3)], lambda t, f, x, i, s: t.scatter_add(x, 0, i, s)),
    "scatter add -1": ([X, I[:, :, None], array(2, 3, 1)], lambda t, f, x, i, s: x.scatter_add(-1, i, s)),
    "index_select": ([X, ROWS], lambda t, f, x, i: t.index_select(x, 0, i)),
    "index_select 2": ([X, ROWS], lambda t, f, x, i: x.index_select(-1, i)),
    "index_select 0-d": ([X, np.array(1)], lambda t, f, x, i: x.index_select(1, i)),
    "index_add": ([X, ROWS, array(3, 3, 5)], lambda t, f, x, i, s: t.index_add(x, 0, i, s)),
    "index_add alpha": ([X, ROWS, array(4, 3, 5)], lambda t, f, x, i, s: x.index_add(1, i, s, alpha=-2)),
    "index_copy": ([X, ROWS[:2], array(4, 2, 5)], lambda t, f, x, i, s: t.index_copy(x, 1, i, s)),
    "index_fill": ([X, ROWS], lambda t, f, x, i: t.index_fill(x, 1, i, 2.5)),
    "index_fill tensor": ([X, ROWS, array()], lambda t, f, x, i, v: x.index_fill(2, i, v)),
    "index_put": ([X, ROWS, array(3, 5)], lambda t, f, x, i, v: t.index_put(x, (i, t.tensor([0, 1, 2])), v)),
    "index_put add": ([X, ROWS, array(3, 5)], lambda t, f, x, i, v: x.index_put((i, i), v, accumulate=True)),
    "masked_fill": ([X, MASK], lambda t, f, x, m: t.masked_fill(x, m, -1)),
    "masked_fill rows": ([X, MASK[0, 0]], lambda t, f, x, m: x.masked_fill(m, float("-inf")).clamp(min=-9)),
    "masked_fill tensor": ([X, MASK[:, :1], array()], lambda t, f, x, m, v: x.masked_fill(m, v)),
    "masked_fill wider": ([X[0], MASK], lambda t, f, x, m: x.masked_fill(m, 0.5)),
    "masked_select": ([X, MASK], lambda t, f, x, m: t.masked_select(x, m)),
    "masked_select rows": ([X, MASK[0]], lambda t, f, x, m: x.masked_select(m)),
    "masked_scatter": ([X, MASK, array(60)], lambda t, f, x, m, s: x.masked_scatter(m, s)),
    "take": ([X, np.array([[0, 59], [-1, 7]])], lambda t, f, x, i: t.take(x, i)),
    "put": ([X, np.array([0, 59]), array(2)], lambda t, f, x, i, s: x.put(i, s) if hasattr(x, "put") else t.put(x, i, s)),
    "put add": ([X, np.array([7, 7]), array(2)], lambda t, f, x, i, s: t.put(x, i, s, accumulate=True)),
    "take_along_dim": ([X, np.array([[[1], [0], [3]]])], lambda t, f, x, i: t.take_along_dim(x, i, 0)),
    "take_along_dim flat": ([X, np.array([5, 3])], lambda t, f, x, i: t.take_along_dim(x.contiguous(), i)),
    "nonzero": ([X * MASK], lambda t, f, x: t.nonzero(x)),
    "nonzero tuple": ([X * MASK], lambda t, f, x: t.nonzero(x, as_tuple=True)),
    "nonzero 0-d": ([np.array(2.0)], lambda t, f, x: t.nonzero(x)),
    "nonzero 0-d tuple": ([np.array(2.0)], lambda t, f, x: x.nonzero(as_tuple=True)),
    "argwhere": ([MASK], lambda t, f, m: t.argwhere(m)),
    "where 1": ([MASK], lambda t, f, m: t.where(m)),
    "one_hot": ([I], lambda t, f, i: f.one_hot(i, 4)),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name, layout):
    inputs, function = FUNCTIONS[name]
    for dtype in ("float64", "float32"):
        check(inputs, function, dtype, layout)


@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("reduce", ["sum", "mean", "amax", "amin", "prod"])
def test_scatter_reduce(reduce, include_self):
    x, src = array(3, 4, low=0.5), array(3, 5, low=0.5)
    i = np.array([[0, 0, 1, 3, 0], [2, 2, 2, 2, 2], [1, 3, 1, 3, 1]])
    f = lambda t, f, x, i, s: t.scatter_reduce(x, 1, i, s, reduce, include_self=include_self)  # noqa: E731
    for dtype in ("float64", "float32"):
        check([x, i, src], f, dtype)
    zeros = src * np.array([0, 1, 1, 0, 1])
    check([x, i, zeros], f)
    if include_self:  # without it torch counts the overwritten element among the ties
        check([np.round(x), i, np.round(src)], f)
    whole = lambda a: (a * 4).astype(np.int64)  # noqa: E731
    check([whole(x), i, whole(src)], f, grad=False)


IN_PLACE = {
    "index_add_": lambda t, x: x.index_add_(0, t.tensor(ROWS), t.ones(3, 3, 5, dtype=x.dtype)),
    "index_copy_": lambda t, x: x.index_copy_(
        0, t.tensor(ROWS[:2]), t.ones(2, 3, 5, dtype=x.dtype)
    ),
    "index_fill_": lambda t, x: x.index_fill_(1, t.tensor(ROWS), 7),
    "index_put_": lambda t, x: x.index_put_((t.tensor(ROWS),), t.tensor(2.0, dtype=x.dtype)),
    "index_put_ add": lambda t, x: x.index_put_(
        (t.tensor(ROWS), t.tensor(ROWS)), t.ones(5, dtype=x.dtype), accumulate=True
    ),
    "masked_fill_": lambda t, x: x.masked_fill_(x > 0, 0),
    "masked_scatter_": lambda t, x: x.masked_scatter_(x > 0, t.arange(60).to(x.dtype)),
    "scatter_": lambda t, x: x.scatter_(0, t.tensor(I)[:, :, None], 9.0),
    "scatter_add_": lambda t, x: x.scatter_add_(
        0, t.tensor(I)[:, :, None], t.ones(2, 3, 1, dtype=x.dtype)
    ),
    "scatter_reduce_": lambda t, x: x.scatter_reduce_(
        0, t.tensor(I)[:, :, None], t.ones(2, 3, 1, dtype=x.dtype), "amax"
    ),
    "put_": lambda t, x: x.put_(t.tensor([3, 7]), t.ones(2, dtype=x.dtype)),
    "fill_diagonal_": lambda t, x: x[:3, :, 0].fill_diagonal_(5),
    "fill_diagonal_ wrap": lambda t, x: x[:, :2, 0].fill_diagonal_(5, wrap=True),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_forms_write_the_memory(name):
    results = []
    for t in (gs, torch):
        x = t.tensor(X)
        memory = x.numpy()
        IN_PLACE[name](t, x)
        assert np.shares_memory(memory, x.numpy())
        results.append(x.numpy())
    np.testing.assert_allclose(*results)
