"""The dtype of every result, beside torch's: all pairs of dtypes, tensors, 0-d tensors and numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import graphscope as gs

torch = pytest.importorskip("torch")

NAMES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
NUMBERS = (True, 2, 2.5)
KINDS = ("tensor", "point", "number")

BINARY = {
    "add": lambda t, a, b: a + b,
    "sub": lambda t, a, b: a - b,
    "mul": lambda t, a, b: a * b,
    "div": lambda t, a, b: a / b,
    "floor_divide": lambda t, a, b: a // b,
    "remainder": lambda t, a, b: a % b,
    "pow": lambda t, a, b: a**b,
    "eq": lambda t, a, b: a == b,
    "less": lambda t, a, b: a < b,
    "where": lambda t, a, b: t.where(t.tensor([True, False]), a, b),
    "maximum": lambda t, a, b: t.maximum(a, b),
    "atan2": lambda t, a, b: t.atan2(a, b),
}


def operand(library, kind, name):
    if kind == "number":
        return name
    dtype = getattr(library, name)
    return (
        library.tensor([1, 2], dtype=dtype) if kind == "tensor" else library.tensor(2, dtype=dtype)
    )


def outcome(library, f, a, b):
    """dtype and values, or that the operation is refused."""
    try:
        got = f(library, a, b)
    except (RuntimeError, TypeError, ValueError):
        return "refused"
    return str(got.dtype), np.round(np.asarray(got.tolist(), float), 3).tolist()


def cases():
    for left, right in itertools.product(KINDS, KINDS):
        for a in NUMBERS if left == "number" else NAMES:
            for b in NUMBERS if right == "number" else NAMES:
                if "number" not in (left, right) or left != right:
                    yield left, a, right, b


@pytest.mark.parametrize("name", BINARY)
def test_binary(name):
    f = BINARY[name]
    different = []
    for left, a, right, b in cases():
        ours = outcome(gs, f, operand(gs, left, a), operand(gs, right, b))
        theirs = outcome(torch, f, operand(torch, left, a), operand(torch, right, b))
        # What torch refuses (such as % of bools) may have a result here; bool ** True is int8, as in numpy.
        if name == "pow" and b is True:
            continue
        if theirs not in (ours, "refused"):
            different.append(f"{name}({left} {a}, {right} {b}): {ours}, torch {theirs}")
    assert not different, f"{len(different)}: " + "\n".join(different[:10])


@pytest.mark.parametrize("form", ["cat", "stack"])
def test_joining(form):
    for a, b in itertools.product(NAMES, NAMES):
        ours = getattr(gs, form)([operand(gs, "tensor", a), operand(gs, "tensor", b)])
        theirs = getattr(torch, form)([operand(torch, "tensor", a), operand(torch, "tensor", b)])
        assert str(ours.dtype) == str(theirs.dtype), (a, b)


@pytest.mark.parametrize(
    "name", ["sum", "prod", "cumsum", "exp", "sqrt", "abs", "neg", "sigmoid", "relu", "floor", "argmax", "amax", "any"]
)  # fmt: skip
def test_one_input(name):
    def run(library, dtype):
        try:
            x = operand(library, "tensor", dtype)
            out = getattr(x, name)(0) if name == "cumsum" else getattr(x, name)()
        except (RuntimeError, TypeError, ValueError):
            return "refused"
        return str(out.dtype), np.round(np.asarray(out.tolist(), float), 2).tolist()

    for dtype in NAMES:
        assert run(torch, dtype) in (run(gs, dtype), "refused"), dtype


@pytest.mark.parametrize("name", ["mean", "var", "std"])
def test_means_are_of_floats(name):
    for dtype in NAMES:
        ours, theirs = operand(gs, "tensor", dtype), operand(torch, "tensor", dtype)
        if dtype.startswith("float"):
            assert str(getattr(ours, name)().dtype) == str(getattr(theirs, name)().dtype)
        else:
            for x in (ours, theirs):
                with pytest.raises(RuntimeError):
                    getattr(x, name)()


def test_result_type_promote_types_can_cast():
    for a, b in itertools.product(NAMES, NAMES):
        ours, theirs = (getattr(gs, a), getattr(gs, b)), (getattr(torch, a), getattr(torch, b))
        assert str(gs.promote_types(*ours)) == str(torch.promote_types(*theirs)), (a, b)
        assert gs.can_cast(*ours) == torch.can_cast(*theirs), (a, b)
    for left, a, right, b in cases():
        ours = gs.result_type(operand(gs, left, a), operand(gs, right, b))
        theirs = torch.result_type(operand(torch, left, a), operand(torch, right, b))
        assert str(ours) == str(theirs), (left, a, right, b)
    assert gs.result_type(1, 2.0) is gs.float32


def test_the_default_dtype_is_what_python_floats_become():
    for name in ("float64", "float16", "float32"):
        gs.set_default_dtype(getattr(gs, name))
        torch.set_default_dtype(getattr(torch, name))
        try:
            assert str(gs.get_default_dtype()) == str(torch.get_default_dtype())
            for make in (
                lambda t: t.tensor(1.5), lambda t: t.zeros(2), lambda t: t.tensor([1, 2]) / 2,
                lambda t: t.tensor([1, 2]) + 0.5, lambda t: t.arange(0, 1, 0.5), lambda t: t.full((2,), 1.0),
                lambda t: t.tensor([True]) * 1.5, lambda t: t.tensor([4]).sqrt(), lambda t: t.rand(2),
                lambda t: t.Tensor(2), lambda t: t.linspace(0, 1, 3), lambda t: t.eye(2),
            ):  # fmt: skip
                assert str(make(gs).dtype) == str(make(torch).dtype)
        finally:
            gs.set_default_dtype(gs.float32)
            torch.set_default_dtype(torch.float32)
    with pytest.raises(TypeError, match="floating"):
        gs.set_default_dtype(gs.int64)
    gs.set_default_dtype("float64")
    assert gs.get_default_dtype() is gs.float64
    gs.set_default_tensor_type("torch.FloatTensor")
    assert gs.get_default_dtype() is gs.float32


def test_numbers_beyond_the_dtype_wrap_around():
    for f in (
        lambda t: t.tensor([1], dtype=t.int8) + 300, lambda t: t.tensor([1], dtype=t.uint8) + (-1),
        lambda t: t.tensor([1], dtype=t.int8) * 1000, lambda t: t.tensor([0], dtype=t.uint8) - 1,
        lambda t: t.tensor([1e5]).half(), lambda t: t.tensor([300.0]).byte(), lambda t: t.tensor([1.0]) * 1e300,
    ):  # fmt: skip
        assert repr(f(gs)) == repr(f(torch))


def test_half_sums_in_float32():
    rng = np.random.default_rng(0)
    a = rng.uniform(0, 1, (64, 300)).astype(np.float16)
    ours, theirs = gs.tensor(a), torch.tensor(a)
    for f in (lambda x: x.sum(), lambda x: x.sum(1), lambda x: x.mean(0), lambda x: x.mean()):
        assert f(ours).dtype is gs.float16
        np.testing.assert_allclose(f(ours).tolist(), f(theirs).tolist(), rtol=1e-3)
    big = gs.full((70000,), 1.0, dtype=gs.float16)
    assert big.mean().item() == 1.0  # the sum alone is beyond float16


HALF = {
    "var": lambda t, x: x.var(1), "std": lambda t, x: x.std(), "norm": lambda t, x: x.norm(), "cumsum": lambda t, x: x.cumsum(1),
    "var_mean": lambda t, x: t.var_mean(x, 1)[0], "layer_norm": lambda t, x: t.nn.functional.layer_norm(x, (300,)),
    "mse": lambda t, x: t.nn.functional.mse_loss(x / 50, x / 100), "gelu": lambda t, x: t.nn.functional.gelu(x / 50),
    "mm": lambda t, x: (x / 50) @ x.T, "sum": lambda t, x: x.sum(0), "mean": lambda t, x: x.mean(), "softmax": lambda t, x: x.softmax(1),
}  # fmt: skip


@pytest.mark.parametrize("name", HALF)
def test_float16_beside_torchs(name):
    a = np.random.default_rng(0).normal(0, 200, (20, 300)).astype(np.float16)
    made = []
    for t in (gs, torch):
        x = t.tensor(a, requires_grad=True)
        y = HALF[name](t, x)
        y.sum().backward()
        made.append((y.detach().numpy(), x.grad.numpy()))
    for ours, theirs in zip(*made, strict=True):
        assert ours.dtype == theirs.dtype == np.float16
        np.testing.assert_allclose(ours.astype(float), theirs.astype(float), rtol=4e-3, atol=1e-3)


def test_limits():
    for name in ("float16", "float32", "float64"):
        assert repr(gs.finfo(getattr(gs, name))) == repr(torch.finfo(getattr(torch, name)))
        for fact in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype"):
            ours, theirs = gs.finfo(getattr(gs, name)), torch.finfo(getattr(torch, name))
            assert getattr(ours, fact) == getattr(theirs, fact), (name, fact)
    for name in ("uint8", "int8", "int16", "int32", "int64"):
        assert repr(gs.iinfo(getattr(gs, name))) == repr(torch.iinfo(getattr(torch, name)))
    assert gs.finfo() == gs.finfo(gs.float32)
    with pytest.raises(TypeError, match="iinfo"):
        gs.finfo(gs.int8)
    with pytest.raises(TypeError, match="finfo"):
        gs.iinfo(gs.float32)


def test_dtypes_that_numpy_has_not_can_be_named_and_not_used():
    assert repr(gs.bfloat16) == "torch.bfloat16" and gs.ones(2).dtype != gs.bfloat16
    for use in (
        lambda: gs.ones(2, dtype=gs.bfloat16), lambda: gs.ones(2).to(gs.bfloat16), lambda: gs.ones(2).bfloat16(),
        lambda: gs.tensor([1.0], dtype=gs.bfloat16),
    ):  # fmt: skip
        with pytest.raises(TypeError, match="float16"):
            use()
    with pytest.raises(TypeError, match="real and imaginary"):
        gs.tensor(1j)
    with pytest.raises(TypeError, match="two tensors"):
        gs.zeros(2, dtype=gs.complex64)


def test_facts_of_dtypes():
    for name in NAMES:
        ours, theirs = getattr(gs, name), getattr(torch, name)
        for fact in ("itemsize", "is_floating_point", "is_complex", "is_signed"):
            assert getattr(ours, fact) == getattr(theirs, fact), (name, fact)
        assert repr(ours) == repr(theirs)
    for name in ("half", "float", "double", "short", "int", "long", "bool"):
        assert str(getattr(gs, name)) == str(getattr(torch, name))


def test_integers_cannot_want_a_gradient():
    for make in (
        lambda: gs.tensor([1], requires_grad=True), lambda: gs.zeros(2, dtype=gs.int64, requires_grad=True),
        lambda: gs.ones(2).long().requires_grad_(), lambda: gs.arange(3, requires_grad=True),
    ):  # fmt: skip
        with pytest.raises(RuntimeError, match="only floating"):
            make()
