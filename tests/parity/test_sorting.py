"""Order beside torch: sort, topk, kthvalue, searchsorted and their relatives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphscope as gs
from tests.parity.beside import LAYOUTS, arrays, check

torch = pytest.importorskip("torch")
array = arrays()
X = array(3, 6, 2)
TIES = np.array([[2.0, 1, 2, 3, 1], [0, 0, 0, 0, 0], [5, 4, 3, 2, 1]])

FUNCTIONS = {
    "sort": ([X], lambda t, f, x: t.sort(x)),
    "sort down": ([X], lambda t, f, x: x.sort(1, descending=True)),
    "sort ties": ([TIES], lambda t, f, x: t.sort(x, stable=True)),
    "sort ties down": ([TIES], lambda t, f, x: t.sort(x, descending=True, stable=True)),
    "sort 0-d": ([array()], lambda t, f, x: t.sort(x)),
    "sort nothing": ([array(0, 3)], lambda t, f, x: t.sort(x, 0)),
    "argsort": ([X], lambda t, f, x: t.argsort(x, dim=1)),
    "argsort ties": ([TIES], lambda t, f, x: t.argsort(x, descending=True, stable=True)),
    "msort": ([X], lambda t, f, x: t.msort(x)),
    "topk": ([X], lambda t, f, x: t.topk(x, 2, 1)),
    "topk all": ([X], lambda t, f, x: x.topk(6, dim=1)),
    "topk none": ([X], lambda t, f, x: x.topk(0, dim=1)),
    "topk smallest": ([X], lambda t, f, x: t.topk(x, k=3, dim=1, largest=False)),
    "topk 0-d": ([array()], lambda t, f, x: t.topk(x, 1)),
    "kthvalue": ([X], lambda t, f, x: t.kthvalue(x, 3, 1)),
    "kthvalue keepdim": ([X], lambda t, f, x: x.kthvalue(1, dim=0, keepdim=True)),
    "kthvalue 0-d": ([array()], lambda t, f, x: t.kthvalue(x, 1)),
    "searchsorted": ([np.sort(X[0, :, 0]), X], lambda t, f, s, x: t.searchsorted(s, x)),
    "searchsorted rows": ([np.sort(TIES), np.round(X[..., 0])], lambda t, f, s, x: t.searchsorted(s, x)),
    "searchsorted rows right": (
        [np.sort(TIES), np.round(X[..., 0])], lambda t, f, s, x: t.searchsorted(s, x, right=True),
    ),
    "searchsorted side": ([np.array([1.0, 1, 2]), TIES], lambda t, f, s, x: t.searchsorted(s, x, side="right")),
    "searchsorted int32": ([np.array([1.0, 1, 2]), TIES], lambda t, f, s, x: t.searchsorted(s, x, out_int32=True)),
    "searchsorted number": ([np.array([1.0, 1, 2])], lambda t, f, s: t.searchsorted(s, 1.5)),
    "searchsorted sorter": (
        [np.array([3.0, 1, 2]), TIES], lambda t, f, s, x: t.searchsorted(s, x, sorter=t.argsort(s)),
    ),
    "bucketize": ([TIES, np.array([1.0, 2, 4])], lambda t, f, x, b: t.bucketize(x, b)),
    "bucketize right": ([TIES, np.array([1.0, 2, 4])], lambda t, f, x, b: t.bucketize(x, b, right=True)),
    "isin": ([TIES, np.array([1.0, 4])], lambda t, f, x, b: t.isin(x, b)),
    "isin not": ([TIES, np.array([1.0, 4])], lambda t, f, x, b: t.isin(x, b, invert=True)),
    "isin number": ([TIES], lambda t, f, x: t.isin(x, 3)),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore:torch.searchsorted")
def test_functions(name, layout):
    inputs, function = FUNCTIONS[name]
    for dtype in ("float64", "float32"):
        check(inputs, function, dtype, layout)


@pytest.mark.parametrize("descending", [False, True])
def test_nan_is_the_largest(descending):
    x = np.array([1.0, np.nan, -np.inf, np.inf, np.nan, 0.0])
    check([x], lambda t, f, x: t.sort(x, descending=descending, stable=True), grad=False)
    check([x], lambda t, f, x: t.topk(x, 3, largest=descending).values, grad=False)


def test_integers_and_flags():
    for a in (np.array([3, 1, 2, 1]), np.array([True, False, True]), np.array([200, 3], np.uint8)):
        check([a], lambda t, f, x: t.sort(x, descending=True, stable=True), grad=False)
        if a.dtype != bool:
            check([a], lambda t, f, x: t.topk(x, 2).values, grad=False)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.data())
def test_topk_and_kthvalue_are_parts_of_the_sorted_values(values, data):
    x = gs.tensor(np.array(values, np.float64))
    k = data.draw(st.integers(1, len(values)))
    top = gs.topk(x, k)
    np.testing.assert_array_equal(top.values.numpy(), np.sort(values)[::-1][:k])
    np.testing.assert_array_equal(x[top.indices].numpy(), top.values.numpy())
    assert len(set(top.indices.tolist())) == k
    value, at = gs.kthvalue(x, k)
    assert value.item() == np.sort(values)[k - 1] == values[at.item()]


def test_results_have_torchs_names_and_text():
    x = [[3.0, 1.0], [0.5, 2.0]]
    for name, call in (("sort", ()), ("topk", (1,)), ("kthvalue", (1,))):
        ours, theirs = (getattr(t, name)(t.tensor(x), *call) for t in (gs, torch))
        assert repr(ours) == repr(theirs)
        assert ours.values is ours[0] and ours.indices is ours[1]


def test_errors():
    x = gs.zeros(2, 3)
    with pytest.raises(RuntimeError, match="k=4, and dimension 1 has 3 elements"):
        x.topk(4)
    with pytest.raises(RuntimeError, match="k=0, and dimension 1 has 3 elements"):
        x.kthvalue(0)
    with pytest.raises(
        IndexError, match=r"dim 2 does not exist: a tensor of 2 dimensions takes a dim in -2\.\.1"
    ):
        x.sort(2)
    with pytest.raises(RuntimeError, match="side='top' is unknown; choose 'left' or 'right'"):
        gs.searchsorted(x[0], x, side="top")
