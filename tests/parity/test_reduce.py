"""Reductions, scans, moments, norms and order statistics beside torch's: values, gradients, dtypes, errors."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs
from tests.parity.beside import LAYOUTS, arrays, check, torch

array = arrays(31)
M, C, V, S = array(3, 4), array(2, 3, 4), array(6), array()
INF = float("inf")
HOLES = np.where(array(3, 5) > 1, np.nan, array(3, 5))
ZEROS = np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 5.0], [1.0, -2.0, 4.0]])
TIES = np.array([[1.0, 3.0, 3.0, 2.0], [0.0, 0.0, -1.0, 0.0], [2.0, 2.0, 2.0, 2.0]])

# input, f(library, tensor)
CASES = {
    "sum": (C, lambda t, x: x.sum() + x.sum(1).sum() + x.sum((0, -1), keepdim=True) + t.sum(x, dim=[1], keepdim=True)),
    "sum_none": (C, lambda t, x: x.sum(()) + x.sum(dim=None) + x.sum(axis=0, keepdims=True)),
    "sum_0d": (S, lambda t, x: x.sum() + x.sum(0) + x.sum(-1, keepdim=True)),
    "sum_empty": (array(0, 3), lambda t, x: x.sum(0) + x.sum()),
    "mean": (C, lambda t, x: x.mean() + x.mean(1).sum() + x.mean((0, -1), keepdim=True) + x.mean(axis=2, keepdims=True)),
    "mean_empty": (array(0, 3), lambda t, x: (x.mean(0), x.mean(1), x.mean())),
    "prod": (M, lambda t, x: (x.prod(), x.prod(1), x.prod(0, keepdim=True))),
    "prod_zeros": (ZEROS, lambda t, x: (x.prod(), x.prod(1), x.prod(0))),
    "prod_empty": (array(2, 0), lambda t, x: (x.prod(), x.prod(1))),
    "nansum": (HOLES, lambda t, x: (t.nansum(x), x.nansum(1), x.nansum((0, 1), keepdim=True))),
    "nanmean": (HOLES, lambda t, x: (t.nanmean(x), x.nanmean(1), x.nanmean(0, keepdim=True))),
    "var": (C, lambda t, x: (x.var(), x.var(1), x.var((0, 2), keepdim=True), t.var(x, 0, False), x.var(unbiased=False))),
    "var_correction": (C, lambda t, x: (t.var(x, dim=1, correction=0), t.var(x, (0, 1), correction=2.5), x.var(False))),
    "var_few": (array(3, 1), lambda t, x: (x.var(0), x.std(0))),
    "std": (C, lambda t, x: (x.std(), x.std(1), x.std((0, 2), keepdim=True), t.std(x, dim=0, correction=0))),
    "std_equal": (TIES, lambda t, x: x.std(1)),
    "var_mean": (C, lambda t, x: (t.var_mean(x), t.var_mean(x, 1), t.var_mean(x, dim=(0, 2), correction=0, keepdim=True))),
    "std_mean": (C, lambda t, x: (t.std_mean(x), t.std_mean(x, 1), t.std_mean(x, -1, keepdim=True)[1], t.std_mean(x, 0)[0])),
    "amax": (C, lambda t, x: (x.amax(), x.amax(1), x.amin((0, 2), keepdim=True), t.amin(x, -1))),
    "amax_ties": (TIES, lambda t, x: (x.amax(1), x.amin(1), x.max(), x.min())),
    "max": (C, lambda t, x: (x.max(), x.max(1), x.min(-1, keepdim=True), t.max(x, dim=0), x.max(1)[1])),
    "max_other": (M, lambda t, x: (t.max(x, -x), x.min(other=x * 2))),
    "max_0d": (S, lambda t, x: (x.max(), x.max(0), x.min(-1))),
    "max_ties": (TIES, lambda t, x: x.max(1).values),
    "aminmax": (C, lambda t, x: (t.aminmax(x), x.aminmax(dim=1, keepdim=True))),
    "arg": (C, lambda t, x: (x.argmax(), x.argmax(1), x.argmin(-1, keepdim=True), x.argmin(), t.argmax(x, dim=0))),
    "any_all": (np.round(C), lambda t, x: (x.any(), x.all(1), (x > 0).any((0, 1)), (x > 9).any(-1, keepdim=True), t.all(x != 0))),
    "count_nonzero": (np.round(C), lambda t, x: (x.count_nonzero(), t.count_nonzero(x, 1), x.count_nonzero((0, 2)))),
    "logsumexp": (C, lambda t, x: (x.logsumexp(1), t.logsumexp(x, (0, 2), keepdim=True), t.logsumexp(x * 500, -1))),
    "logsumexp_inf": (np.array([[-INF, -INF], [-INF, 1.0]]), lambda t, x: x.logsumexp(1)),
    "logsumexp_empty": (array(0, 3), lambda t, x: (x.logsumexp(0), x.logsumexp(1))),
    "norm": (C, lambda t, x: (x.norm(), t.norm(x, dim=1), x.norm(2, (0, 2), True), t.norm(x, "fro"), t.norm(x, p="fro", dim=(0, 1)))),
    **{f"norm_{p}": (C, lambda t, x, p=p: (t.norm(x, p), x.norm(p, 1), x.norm(p, dim=(0, 2), keepdim=True))) for p in (1, 1.5, 3, INF, -INF)},
    "norm_zeros": (ZEROS * 0, lambda t, x: (t.norm(x), t.norm(x, 1), t.norm(x, 3, 1), t.norm(x, INF, 1))),
    "norm_some_zeros": (ZEROS, lambda t, x: (t.norm(x, 1.5, 1), t.norm(x, 3, 0), t.norm(x, 1, 1))),
    "dist": (M, lambda t, x: (t.dist(x, x * 0.3), t.dist(x, -x, 1), x.dist(x * 2, 3))),
    "renorm": (M, lambda t, x: t.renorm(x, 2, 0, 1.0)),
    "cumsum": (C, lambda t, x: (x.cumsum(0), t.cumsum(x, -1), x.cumsum(dim=1))),
    "cumsum_0d": (S, lambda t, x: x.cumsum(0) + x.cumprod(0)),
    "cumprod": (C, lambda t, x: (x.cumprod(0), t.cumprod(x, -1))),
    "cumprod_zeros": (ZEROS, lambda t, x: (x.cumprod(0), x.cumprod(1))),
    "cummax": (TIES, lambda t, x: (x.cummax(1), t.cummin(x, 0), x.cummax(-1).indices)),
    "logcumsumexp": (C, lambda t, x: (x.logcumsumexp(1), t.logcumsumexp(x * 300, -1))),
    "diff": (C, lambda t, x: (t.diff(x), x.diff(2, 1), x.diff(dim=0, prepend=x[:1] * 2), t.diff(x, append=x[..., :1]))),
    "median": (array(3, 5), lambda t, x: (x.median(), x.median(1), t.median(x, dim=0, keepdim=True))),
    "median_even": (C, lambda t, x: (x.median(), x.median(-1).values)),
    "median_nan": (HOLES, lambda t, x: (x.median(1).values, x.nanmedian(1).values, t.nanmedian(x))),
    "mode": (TIES, lambda t, x: (x.mode().values, t.mode(x, 0, True).values)),
    "quantile": (array(3, 7), lambda t, x: (x.quantile(0.3), t.quantile(x, 0.9, dim=1, keepdim=True), x.quantile(t.tensor([0.1, 0.5], dtype=x.dtype), 0))),
    **{f"quantile_{how}": (array(3, 7), lambda t, x, how=how: t.quantile(x, 0.4, dim=1, interpolation=how)) for how in ("lower", "higher", "midpoint", "nearest")},
    "nanquantile": (HOLES, lambda t, x: (t.nanquantile(x, 0.4, 1), x.nanquantile(0.6), t.quantile(x, 0.5, 1))),
    "cdist": (C, lambda t, x: tuple(t.cdist(x, x[:, :2] * 0.5 + 1, p) for p in (2.0, 1.0, 3.0, INF))),
    "histc": (array(30), lambda t, x: (t.histc(x, 7, -1, 1), x.histc(5), t.histc(x, bins=4, min=0, max=2))),
    "named": (C, lambda t, x: x.max(dim=1).values + x.min(1).values + x.median(dim=1).values),
}  # fmt: skip


def many(names):
    return pytest.mark.parametrize("name", list(names))


@many(CASES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_reductions(name, dtype, layout):
    x, function = CASES[name]
    # float32: float32 sums of squares and of exponentials are rounded in another order
    check([x], lambda t, f, v: function(t, v), dtype, layout, factor=3.0)


# ---------------------------------------------------------------- integers and flags

WHOLE = {
    "int64": np.array([[3, 0, 2], [0, 0, 7]]),
    "int32": np.array([[3, 0, 2], [0, -4, 7]], np.int32),
    "uint8": np.array([[3, 0, 200], [0, 100, 7]], np.uint8),
    "bool": np.array([[True, False, True], [False, False, True]]),
}
OF_WHOLE = {
    "sum": lambda t, x: (x.sum(), x.sum(1), x.sum(0, dtype=t.float32)),
    "prod": lambda t, x: (x.prod(), x.prod(1)),
    "cumsum": lambda t, x: (x.cumsum(1), x.cumprod(0), x.cumsum(0, dtype=t.float64)),
    "any": lambda t, x: (x.any(), x.all(), x.any(1), x.all(0, keepdim=True)),
    "count": lambda t, x: (x.count_nonzero(), x.count_nonzero(1)),
    "mean": lambda t, x: (x.mean(dtype=t.float32), x.float().var()),
    "max": lambda t, x: (x.max(), x.min(), x.max(1), x.amax(0), x.amin()),
    "nansum": lambda t, x: t.nansum(x),
    "diff": lambda t, x: t.diff(x),
    "unique": lambda t, x: (t.unique(x), t.unique(x, return_inverse=True, return_counts=True)),
    "unique_rows": lambda t, x: t.unique(x, return_inverse=True, return_counts=True, dim=0),
    "consecutive": lambda t, x: (
        t.unique_consecutive(x), t.unique_consecutive(x, return_inverse=True, return_counts=True),
        t.unique_consecutive(x, dim=1, return_counts=True),
    ),
    "argmax": lambda t, x: (x.long().argmax(), x.long().argmax(1)),
    "median": lambda t, x: (x.long().median(), x.long().median(1).values, x.long().mode(1).values),
    "cummax": lambda t, x: x.long().cummax(1),
    "bincount": lambda t, x: (
        t.bincount(x.long().flatten().abs()), x.long().abs().reshape(-1).bincount(minlength=300),
        t.bincount(x.long().abs().flatten(), weights=t.linspace(0, 1, 6)),
    ),
    "logsumexp": lambda t, x: x.float().logsumexp(0),
}  # fmt: skip


@many(OF_WHOLE)
@pytest.mark.parametrize("kind", list(WHOLE))
def test_integers_and_flags(name, kind):
    check([WHOLE[kind]], lambda t, f, x: OF_WHOLE[name](t, x), "float32", grad=False)


def test_the_norm_of_order_0_counts():
    check([np.round(C)], lambda t, f, v: (t.norm(v, 0), v.norm(0, 1)), grad=False)


def test_nan_decides_extremes():
    x = np.array([[1.0, np.nan, 3.0], [np.nan, 2.0, np.nan]])
    check(
        [x],
        lambda t, f, v: (
            v.max(),
            v.max(1),
            v.min(1),
            v.amax(0),
            v.argmax(1),
            v.argmin(),
            v.cummax(1),
        ),
        grad=False,
    )


# ---------------------------------------------------------------- errors and results

ERRORS = {
    "sum_dim": (IndexError, lambda t: t.ones(2).sum(dim=5)),
    "sum_twice": (RuntimeError, lambda t: t.ones(2, 2).sum(dim=(0, 0))),
    "mean_int": (RuntimeError, lambda t: t.tensor([1]).mean()),
    "var_int": (RuntimeError, lambda t: t.tensor([1, 2]).var()),
    "amax_empty": (RuntimeError, lambda t: t.zeros(0).amax()),
    "amax_dim_empty": (IndexError, lambda t: t.zeros(0, 2).amax(0)),
    "max_empty": (RuntimeError, lambda t: t.zeros(0).max()),
    "max_dim_empty": (IndexError, lambda t: t.zeros(0, 2).max(0)),
    "argmax_empty": (IndexError, lambda t: t.zeros(0).argmax()),
    "argmax_dim_empty": (IndexError, lambda t: t.zeros(0, 2).argmax(0)),
    "median_empty": (IndexError, lambda t: t.zeros(0, 2).median(0)),
    "norm_int": (RuntimeError, lambda t: t.tensor([1, 2]).norm()),
    "cumsum_dim": (IndexError, lambda t: t.ones(2).cumsum(1)),
    "quantile_q": (RuntimeError, lambda t: t.ones(2).quantile(1.5)),
    "quantile_int": (RuntimeError, lambda t: t.tensor([1, 2]).quantile(0.5)),
    "cdist": (RuntimeError, lambda t: t.cdist(t.ones(2, 3), t.ones(2, 4))),
    "bincount": (RuntimeError, lambda t: t.bincount(t.tensor([-1]))),
    "histc": (RuntimeError, lambda t: t.histc(t.ones(3), bins=0)),
    "diff": (RuntimeError, lambda t: t.diff(t.tensor(1.0))),
}


@many(ERRORS)
def test_errors_have_torchs_type_and_say_more(name):
    kind, function = ERRORS[name]
    with pytest.raises(kind):
        function(torch)
    with pytest.raises(kind) as caught:
        function(gs)
    assert len(str(caught.value)) > 20


def test_results_of_two_are_named_as_in_torch():
    for name in ("max", "min", "median", "mode", "cummax", "nanmedian"):
        ours, theirs = (getattr(t, name)(t.tensor([[1.0, 3.0, 2.0]]), 1) for t in (gs, torch))
        assert ours._fields == ("values", "indices") if hasattr(ours, "_fields") else True
        assert repr(ours) == repr(theirs)
    assert repr(gs.aminmax(gs.tensor([1.0, 2.0]))) == repr(torch.aminmax(torch.tensor([1.0, 2.0])))


def test_variance_does_not_cancel():
    x = np.array([1e8 + 1, 1e8 + 2, 1e8 + 3], np.float64)
    assert gs.tensor(x).var().item() == 1.0
    big = gs.tensor(np.float32([4096.0, 4097.0, 4098.0]))
    assert big.var().item() == 1.0


def test_second_derivatives_are_torchs():
    for x, function in [
        (ZEROS, lambda t, v: v.prod(1)), (ZEROS, lambda t, v: v.cumprod(1)), (M, lambda t, v: v.std(1)),
        (M, lambda t, v: v.norm(3, 1)), (M, lambda t, v: v.logcumsumexp(1)), (M, lambda t, v: t.var_mean(v, 1)[0]),
    ]:  # fmt: skip
        got = []
        for library in (gs, torch):
            v = library.tensor(x, requires_grad=True)
            (g,) = library.autograd.grad((function(library, v) ** 2).sum(), [v], create_graph=True)
            (gg,) = library.autograd.grad((g**2).sum(), [v])
            got.append(gg.numpy())
        np.testing.assert_allclose(*got, rtol=1e-9, atol=1e-9)
