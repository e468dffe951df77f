"""Indexing, gather, scatter and their relatives beside torch: values, gradients, dtypes and errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphscope as gs
from graphscope.trace.reader import TraceReader
from tests.parity.beside import LAYOUTS, arrays, check

torch = pytest.importorskip("torch")
array = arrays()
X = array(4, 3, 5)
I = np.array([[1, 0, 2], [2, 2, 0]])  # noqa: E741 - as in torch's documentation
MASK = X > 0

# ---------------------------------------------------------------- brackets

INDICES = {
    "int": lambda t: 1,
    "negative": lambda t: (-1, -2),
    "slice": lambda t: slice(1, 3),
    "steps": lambda t: (slice(None, None, 2), Ellipsis, slice(-3, None)),
    "beyond": lambda t: slice(2, 99),
    "none": lambda t: (None, 0, None, Ellipsis, None),
    "two ellipses": lambda t: (0, Ellipsis, 0, Ellipsis),
    "empty tuple": lambda t: (),
    "numpy int": lambda t: (np.int64(2), np.int32(1)),
    "0-d tensor": lambda t: (t.tensor(2), slice(None), t.tensor(-1)),
    "tensor in slice": lambda t: slice(t.tensor(1), t.tensor(3)),
    "list": lambda t: [0, 2, 2],
    "list of one": lambda t: [1],
    "empty list": lambda t: [],
    "nested lists": lambda t: [[0, 1], [2, 0]],
    "list with slice": lambda t: [0, slice(1, 2)],
    "range": lambda t: range(1, 3),
    "numpy array": lambda t: np.array([[0, 3], [1, 1]]),
    "int32": lambda t: t.tensor([0, 3], dtype=t.int32),
    "negative array": lambda t: t.tensor([-1, 0, -4]),
    "array behind": lambda t: (slice(None), [2, 0]),
    "array in the middle": lambda t: (Ellipsis, [2, 0], slice(1, 3)),
    "two arrays": lambda t: ([0, 3, 1], [2, 0, 0]),
    "two that broadcast": lambda t: (t.tensor([[0], [3]]), t.tensor([2, 0, 1])),
    "two apart": lambda t: ([0, 3], slice(None), [4, 1]),
    "three": lambda t: ([0, 3], [1, 1], [4, 1]),
    "two behind": lambda t: (slice(1, None), [2, 1], [4, 1]),
    "int beside array": lambda t: (0, slice(None), [1, 4]),
    "array beside int": lambda t: ([1, 2], 0, slice(None)),
    "none between arrays": lambda t: ([0, 3], None, [1, 2]),
    "ellipsis of nothing between arrays": lambda t: ([0, 3], [1, 2], Ellipsis, [0, 4]),
    "mask": lambda t: t.tensor(MASK),
    "mask of rows": lambda t: t.tensor([True, False, True, True]),
    "mask list": lambda t: [True, False, False, True],
    "mask of two dimensions": lambda t: t.tensor(MASK[:, :, 0]),
    "mask behind": lambda t: (slice(None), t.tensor(MASK[0])),
    "mask and array": lambda t: (t.tensor([True, False, True, False]), [1, 2]),
    "true": lambda t: True,
    "false": lambda t: (False, 0),
    "0-d mask": lambda t: t.tensor(True),
    "true and array": lambda t: (True, [0, 1]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", INDICES)
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
def test_getting(name, layout):
    make = INDICES[name]
    for dtype in ("float64", "float32"):
        check([X], lambda t, f, x: x[make(t)] * 2, dtype, layout)


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
def test_setting(name):
    make = INDICES[name]

    def set_to(value):
        def run(t, f, x, *v):
            y = x * 1
            y[make(t)] = v[0] if v else value
            return y

        return run

    check([X], set_to(3.5))
    if name not in (
        "two arrays",
        "negative array",
        "list",
        "numpy array",
    ):  # repeated places: no order
        got = X[0:0] if name == "false" else torch.tensor(X)[make(torch)].numpy()
        check([X, array(*got.shape)], set_to(None))
        check([X, array(*got.shape[-1:])], set_to(None))


def test_setting_where_nothing_is_recorded_writes_the_memory():
    for make in (
        lambda t: (0, [1, 2]),
        lambda t: (slice(1, 3), t.tensor(MASK[0])),
        lambda t: [0, 3],
    ):
        results = []
        for t in (gs, torch):
            x = t.tensor(X)
            base = x
            x[make(t)] = 7
            x[1, ..., 2] = t.arange(3)
            results.append(base.numpy())
        np.testing.assert_array_equal(*results)


def test_writing_through_a_view_with_arrays_reaches_the_base():
    x = gs.zeros(3, 4)
    x[1:][:, [0, 2]] = 1.0  # the arrays write a copy here, as in torch
    x[1:, [0, 2]] = 2.0
    np.testing.assert_array_equal(x.numpy(), [[0, 0, 0, 0], [2, 0, 2, 0], [2, 0, 2, 0]])
    view = x[2]
    view[[1, 1]] = 5.0
    assert x[2, 1].item() == 5


ERRORS = [
    (lambda t, x: x[4], IndexError, "index 4 lies outside of dimension 0, which has size 4"),
    (lambda t, x: x[0, -4], IndexError, "index -4 lies outside of dimension 1, which has size 3"),
    (lambda t, x: x[[0, 9]], IndexError, "index 9 lies outside of dimension 0, which has size 4"),
    (lambda t, x: x[0, 0, 0, 0], IndexError, "too many indices: 4 for 3 dimensions"),
    (lambda t, x: x[::-1], ValueError, "a slice with step -1"),
    (lambda t, x: x[1.5], IndexError, "only integers, slices"),
    (lambda t, x: x[t.tensor([0.5])], IndexError, "a tensor of float32 is no index"),
    (lambda t, x: x[t.ones(2, dtype=t.bool)], IndexError, "a mask of shape [2] does not fit [4, 3, 5]"),
    (lambda t, x: x[[0, 1], [0, 1, 2]], IndexError, "shape mismatch: index tensors go together"),
    (lambda t, x: x.sum()[0], IndexError, "a 0-d tensor has no dimension to index"),
    (lambda t, x: x["a"], TypeError, None),
    (lambda t, x: t.gather(x, 1, t.tensor([[[5]]])), RuntimeError, "index 5 lies outside of dimension 1, which has size 3"),
    (lambda t, x: t.gather(x, 1, t.tensor([[[-1]]])), RuntimeError, "index -1 lies outside of dimension 1, which has size 3"),
    (lambda t, x: t.gather(x, 0, t.tensor([0])), RuntimeError, "need equally many dimensions"),
    (lambda t, x: t.gather(x, 0, t.zeros(1, 1, 1)), RuntimeError, "the index is float32"),
    (lambda t, x: t.gather(x, 0, t.zeros(1, 9, 1, dtype=t.int64)), RuntimeError, "in dimension 1: 9 places, 3 are there"),
    (lambda t, x: t.scatter(x, 0, t.tensor([[[4]]]), x), RuntimeError, "index 4 lies outside of dimension 0, which has size 4"),
    (lambda t, x: t.scatter(x, 0, t.tensor([[[0]]]), x.float()), RuntimeError, "src float32; convert one"),
    (lambda t, x: t.index_select(x, 7, t.tensor([0])), IndexError, "dim 7 does not exist: a tensor of 3 dimensions takes a dim in -3..2"),
    (lambda t, x: t.index_select(x, 0, t.tensor([-1])), IndexError, None),
    (lambda t, x: t.take(x, t.tensor([60])), IndexError, None),
    (lambda t, x: t.index_put(x, (t.tensor([0]), t.tensor([3])), t.tensor(1.0).double(), True), IndexError, "index 3 lies outside of dimension 1, which has size 3"),
    (lambda t, x: t.index_add(x, 0, t.tensor([4]), x[:1]), RuntimeError, "index 4 lies outside of dimension 0, which has size 4"),
    (lambda t, x: x.masked_fill(x, 0.0), RuntimeError, None),
    (lambda t, x: x.masked_fill(x > 0, t.ones(2)), RuntimeError, "the value has the shape (2,)"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors_are_of_torchs_type_and_say_the_values_and_the_line(case):
    function, kind, words = ERRORS[case]
    with pytest.raises(kind):
        function(torch, torch.tensor(X))
    with pytest.raises(kind) as caught:
        function(gs, gs.tensor(X))
    if words is not None:
        assert words in str(caught.value)
    if case < 11:
        assert "test_indexing.py:" in str(caught.value)


# ---------------------------------------------------------------- random brackets


@st.composite
def expressions(draw):
    """A shape and an index for it, as plain data that both libraries and numpy can be given."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    parts = []
    arrays_shape = draw(st.sampled_from([(2,), (3,), (2, 2), (1,), (2, 1)]))
    for n in shape[: draw(st.integers(1, len(shape)))]:
        kind = draw(st.sampled_from("slice int array mask none whole".split()))
        if kind == "slice":
            step = draw(st.sampled_from([None, 1, 2]))
            ends = st.one_of(st.none(), st.integers(-n - 1, n + 1))
            parts.append(slice(draw(ends), draw(ends), step))
        elif kind == "int":
            parts.append(draw(st.integers(-n, n - 1)))
        elif kind == "array":
            size = int(np.prod(arrays_shape))
            values = draw(st.lists(st.integers(-n, n - 1), min_size=size, max_size=size))
            parts.append(np.array(values).reshape(arrays_shape))
        elif kind == "mask":
            flags = draw(st.lists(st.booleans(), min_size=n, max_size=n))
            # As many as broadcast with the index arrays.
            if sum(flags) not in (1, arrays_shape[-1]):
                flags = [True] + [False] * (n - 1)
            parts.append(np.array(flags))
        elif kind == "none":
            parts += [None, slice(None)]
        else:
            parts.append(slice(None))
    if draw(st.booleans()):
        parts.append(Ellipsis)
    return shape, parts


def given_to(library, parts):
    return tuple(library.tensor(p) if isinstance(p, np.ndarray) else p for p in parts)


@settings(max_examples=150, deadline=None)
@given(expressions())
def test_random_gets_equal_torchs(case):
    shape, parts = case
    x = np.random.default_rng(0).normal(size=shape)
    check([x], lambda t, f, a: a[given_to(t, parts)] * 1)
    arrays_in = [p for p in parts if isinstance(p, np.ndarray)]
    if not arrays_in or not any(isinstance(p, int) for p in parts):
        ours = gs.tensor(x)[given_to(gs, parts)].numpy()
        if sorted(ours.shape) == sorted(x[tuple(parts)].shape):
            np.testing.assert_array_equal(np.sort(ours, None), np.sort(x[tuple(parts)], None))
    if not arrays_in:
        np.testing.assert_array_equal(gs.tensor(x)[given_to(gs, parts)].numpy(), x[tuple(parts)])


@settings(max_examples=150, deadline=None)
@given(expressions(), st.booleans())
def test_random_sets_equal_torchs(case, recorded):
    shape, parts = case
    x = np.random.default_rng(0).normal(size=shape)

    def put(t, f, a):
        b = a * 1 if recorded else a.detach().clone()
        b[given_to(t, parts)] = 2.5
        return b

    check([x], put, grad=recorded)


@settings(max_examples=60, deadline=None)
@given(expressions())
def test_random_accumulation_equals_torchs(case):
    shape, parts = case
    at = [p for p in parts if isinstance(p, np.ndarray) and p.dtype.kind == "i"]
    if not at:
        return
    n = min(shape)
    at = [a % n for a in at][: len(shape)]
    x = np.random.default_rng(0).normal(size=shape)
    v = np.random.default_rng(1).normal(size=(*at[0].shape, *shape[len(at) :]))

    def put(t, f, a, b):
        return t.index_put(a, tuple(map(t.tensor, at)), b, accumulate=True)

    check([x, v], put)


# ---------------------------------------------------------------- speed's other paths, graphs, devices


@pytest.mark.parametrize("repeats", ["few", "many", "uneven"])
def test_large_gradients_take_each_way_of_adding(repeats):
    r = np.random.default_rng(0)
    n = 600
    i = {
        "few": r.permutation(1000)[:n],
        "many": r.integers(0, 5, n),
        "uneven": r.zipf(1.5, n) % 1000,
    }[repeats]
    check([r.normal(size=(1000, 16)), i], lambda t, f, w, i: w[i] * w[i])


def test_another_batch_of_indices_is_the_same_graph(tmp_path):
    w = gs.ones(10, 3, requires_grad=True)
    with gs.profile(path=tmp_path / "a") as p:
        for k in range(4):
            at = gs.tensor([k, k + 1])
            (w[at] * w[k : k + 2, [0, 2]].sum()).sum().backward()
            p.step()
    assert TraceReader(p.path).graphs() == [0]


def test_an_index_out_of_range_on_a_device_is_reported_when_the_host_waits():
    x = gs.arange(6.0).to("sim")
    y = x[gs.tensor([1, 7]).to("sim")]
    with pytest.raises(IndexError, match="outside of dimension 0, which has size 6"):
        y.cpu()
    z = gs.gather(x, 0, gs.tensor([-1]).to("sim"))
    with pytest.raises(IndexError, match="an index lies outside of dimension 0"):
        z.tolist()
    assert x[gs.tensor([1, -1]).to("sim")].tolist() == [1, 5]
