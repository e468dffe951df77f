"""Printed tensors, character for character as torch prints them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import graphscope as gs

torch = pytest.importorskip("torch")

FLOATS = ("float16", "float32", "float64")
WHOLE = ("int8", "int16", "int32", "int64", "uint8", "bool")
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)


@pytest.fixture(autouse=True)
def _default_options():
    yield
    gs.set_printoptions(profile="default")
    torch.set_printoptions(profile="default")


def same(a, **wishes):
    ours, theirs = gs.tensor(a, **wishes), torch.tensor(a, **wishes)
    assert repr(ours) == repr(theirs)
    assert str(ours) == str(theirs)
    assert f"{ours}" == f"{theirs}"


def magnitudes(dtype):
    """Floats of all sizes, and those that change the format: inf, nan, zeros, whole and tiny ones."""
    values = [0.0, -0.0, 1.0, -1.0, 1e-4, 9.9e-5, 999.0, 1001.0, 1.5, np.inf, -np.inf, np.nan]
    values += [] if dtype == "float16" else [1e8, 1.01e8]
    special = st.sampled_from([float(np.dtype(dtype).type(v)) for v in values])
    plain = st.floats(-100, 100, width=16)
    wide = st.floats(allow_nan=False, width=np.dtype(dtype).itemsize * 8)
    return special | plain | wide


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_floats(data):
    dtype = data.draw(st.sampled_from(FLOATS))
    a = data.draw(hnp.arrays(dtype, SHAPES, elements=magnitudes(dtype)))
    same(a, requires_grad=data.draw(st.booleans()))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_integers_and_bools(data):
    a = data.draw(hnp.arrays(data.draw(st.sampled_from(WHOLE)), SHAPES))
    same(a)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_options(data):
    wishes = dict(
        precision=data.draw(st.integers(0, 8)),
        threshold=data.draw(st.sampled_from([0, 5, 20, float("inf")])),
        edgeitems=data.draw(st.integers(1, 4)),
        linewidth=data.draw(st.integers(10, 120)),
        sci_mode=data.draw(st.sampled_from([None, True, False])),
    )
    gs.set_printoptions(**wishes)
    torch.set_printoptions(**wishes)
    kind = data.draw(st.sampled_from(("float32", "float64", "int16", "bool")))
    elements = magnitudes(kind) if kind.startswith("f") else None
    shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=12)
    a = data.draw(hnp.arrays(kind, shapes, elements=elements, fill=st.just(0)))
    same(a)


@pytest.mark.parametrize("profile", ["default", "short", "full"])
def test_profiles(profile):
    gs.set_printoptions(profile=profile)
    torch.set_printoptions(profile=profile)
    same(np.linspace(-3, 3, 1200).reshape(30, 40))
    same(np.arange(5000))


@pytest.mark.parametrize("shape", [(1001,), (40, 40), (7, 3, 60), (2, 7, 7, 11), (1200, 1)])
def test_large_tensors_are_summarised(shape):
    rng = np.random.default_rng(0)
    same(rng.normal(size=shape).astype(np.float32))
    same(rng.integers(0, 100, shape))
    same(rng.normal(size=shape) > 0)


@pytest.mark.parametrize("dtype", [*FLOATS, *WHOLE])
def test_no_elements_and_no_dimensions(dtype):
    for shape in ((0,), (2, 0), (0, 3, 1), ()):
        same(np.zeros(shape, dtype))


def test_the_default_dtype_is_not_named():
    a = np.array([0.5, 1.0])
    gs.set_default_dtype(gs.float64)
    torch.set_default_dtype(torch.float64)
    try:
        same(a)
        same(a.astype(np.float32))
        same(np.zeros((0, 2)))
    finally:
        gs.set_default_dtype(gs.float32)
        torch.set_default_dtype(torch.float32)


def test_a_parameter_says_so():
    a = np.array([[0.25, -1.0]], np.float32)
    ours, theirs = gs.nn.Parameter(gs.tensor(a)), torch.nn.Parameter(torch.tensor(a))
    assert repr(ours) == repr(theirs)


def test_a_device_shows():
    assert repr(gs.ones(2, device="sim")) == "tensor([1., 1.], device='sim')"
    assert repr(gs.ones(2, 0, device="sim")) == "tensor([], device='sim', size=(2, 0))"


def test_printoptions_for_a_block():
    from graphscope.engine.print_options import printoptions

    with printoptions(precision=1):
        assert repr(gs.tensor([1.25])) == "tensor([1.2])"
    assert repr(gs.tensor([1.25])) == "tensor([1.2500])"
    with pytest.raises(ValueError, match="default, short, full"):
        gs.set_printoptions(profile="long")


FROM_OPS = {
    "add": lambda t, x: x + 1, "mul": lambda t, x: x * x, "rsub": lambda t, x: 1 - x, "rdiv": lambda t, x: 2 / x,
    "square": lambda t, x: x**2, "power": lambda t, x: x**2.5, "exponent": lambda t, x: 2**x, "both": lambda t, x: x**x,
    "neg": lambda t, x: -x, "exp": lambda t, x: x.exp(), "relu": lambda t, x: x.relu(), "sum": lambda t, x: x.sum(),
    "sum_dim": lambda t, x: x.sum(0), "mean": lambda t, x: x.mean(), "mean_dim": lambda t, x: x.mean(1),
    "max": lambda t, x: x.max(), "amax": lambda t, x: x.amax(0), "max_dim": lambda t, x: x.max(0)[0],
    "clamp": lambda t, x: x.clamp(min=0), "norm": lambda t, x: x.norm(), "view": lambda t, x: x.view(-1),
    "reshape": lambda t, x: x.reshape(9), "flatten": lambda t, x: x.flatten(), "T": lambda t, x: x.T,
    "transpose": lambda t, x: x.transpose(0, 1), "permute": lambda t, x: x.permute(1, 0), "expand": lambda t, x: x.expand(2, 3, 3),
    "select": lambda t, x: x[0], "slice": lambda t, x: x[1:], "column": lambda t, x: x[:, 1], "none": lambda t, x: x[None],
    "take": lambda t, x: x[[0, 2]], "mask": lambda t, x: x[x > 0.3], "mm": lambda t, x: x @ x, "mv": lambda t, x: x @ x[0],
    "cat": lambda t, x: t.cat([x, x]), "stack": lambda t, x: t.stack([x, x]), "double": lambda t, x: x.double(),
    "clone": lambda t, x: x.clone(), "softmax": lambda t, x: x.softmax(0), "where": lambda t, x: t.where(x > 0, x, x),
    "linear": lambda t, x: t.nn.functional.linear(x, x, x[0]), "mse": lambda t, x: t.nn.functional.mse_loss(x, x * 2),
    "cross_entropy": lambda t, x: t.nn.functional.cross_entropy(x, t.tensor([0, 1, 2])),
    "layer_norm": lambda t, x: t.nn.functional.layer_norm(x, (3,)), "sigmoid": lambda t, x: x.sigmoid(),
    "conv": lambda t, x: t.nn.functional.conv2d(x[None, None], x[None, None]), "half": lambda t, x: x.half(),
}  # fmt: skip


@pytest.mark.parametrize("name", FROM_OPS)
def test_grad_fn_has_torchs_name(name):
    made = []
    for t in (gs, torch):
        x = t.tensor([[0.5, 0.25, 1.0], [2.0, 0.125, 4.0], [0.0625, 0.5, 1.5]], requires_grad=True)
        y = FROM_OPS[name](t, x)
        made.append(
            (y.grad_fn.name(), repr(y.detach() * 0 + 1), repr(y).partition("grad_fn")[2].split())
        )
    assert made[0] == made[1]
