"""Creation, facts, methods and bridges of tensors, beside torch's."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import graphscope as gs

torch = pytest.importorskip("torch")

MADE = {
    "tensor": lambda t: t.tensor([[1, 2], [3, 4]]),
    "tensor_float": lambda t: t.tensor([1.5, 2]),
    "tensor_bools": lambda t: t.tensor([True, False]),
    "tensor_mixed": lambda t: t.tensor([True, 2.5]),
    "tensor_number": lambda t: t.tensor(7),
    "tensor_empty": lambda t: t.tensor([]),
    "tensor_empty_rows": lambda t: t.tensor([[]]),
    "tensor_array": lambda t: t.tensor(np.arange(3.0)),
    "tensor_arrays": lambda t: t.tensor(np.array([np.arange(2.0), np.arange(2.0)])),
    "tensor_numpy_float": lambda t: t.tensor(np.float64(3)),
    "tensor_numpy_floats": lambda t: t.tensor([np.float64(3), np.float64(4)]),
    "tensor_float32s": lambda t: t.tensor([np.float32(3)]),
    "tensor_tensors": lambda t: t.tensor([t.tensor(1), t.tensor(2)]),
    "tensor_of_tensors_and_numbers": lambda t: t.tensor([t.tensor(1.5), 2.0]),
    "tensor_of_leaves": lambda t: t.tensor([t.tensor(1.5, requires_grad=True).detach(), 2.0]),
    "tensor_of_doubles": lambda t: t.tensor([t.tensor(1.5, dtype=t.float64)]),
    "tensor_range": lambda t: t.tensor(range(3)),
    "tensor_dtype": lambda t: t.tensor([1.7, -2.7], dtype=t.int8),
    "tensor_below_zero": lambda t: t.tensor([1, -1], dtype=t.uint8),
    "tensor_large": lambda t: t.tensor(2**40),
    "as_tensor": lambda t: t.as_tensor([1, 2], dtype=t.float32),
    "as_tensor_array": lambda t: t.as_tensor(np.arange(3, dtype=np.int16)),
    "asarray": lambda t: t.asarray([1.0], dtype=t.float64),
    "from_numpy": lambda t: t.from_numpy(np.arange(3, dtype=np.uint8)),
    "frombuffer": lambda t: t.frombuffer(bytearray(8), dtype=t.int32),
    "scalar_tensor": lambda t: t.scalar_tensor(3),
    "zeros": lambda t: t.zeros(2, 3),
    "zeros_list": lambda t: t.zeros([2, 3], dtype=t.int32),
    "zeros_size": lambda t: t.zeros(size=(2,)),
    "zeros_shape": lambda t: t.zeros(t.ones(2, 1).shape),
    "zeros_point": lambda t: t.zeros(()),
    "ones": lambda t: t.ones(2, dtype=t.bool),
    "full": lambda t: t.full((2, 2), 3),
    "full_bool": lambda t: t.full((2,), True),
    "full_dtype": lambda t: t.full([2], 3, dtype=t.float16),
    "eye": lambda t: t.eye(3),
    "eye_wide": lambda t: t.eye(2, 4, dtype=t.int64),
    "arange": lambda t: t.arange(5),
    "arange_float": lambda t: t.arange(1, 2, 0.1),
    "arange_down": lambda t: t.arange(5, 0, -2),
    "arange_end": lambda t: t.arange(end=3),
    "arange_dtype": lambda t: t.arange(0, 5, 2, dtype=t.float32),
    "arange_double": lambda t: t.arange(0.0, 1.0, 0.1, dtype=t.float64),
    "arange_empty": lambda t: t.arange(0),
    "arange_tensor": lambda t: t.arange(t.tensor(3)),
    "linspace": lambda t: t.linspace(-1, 1, 7),
    "linspace_double": lambda t: t.linspace(0, 0.7, 11, dtype=t.float64),
    "linspace_one": lambda t: t.linspace(3, 4, 1),
    "linspace_none": lambda t: t.linspace(3, 4, 0),
    "linspace_steps": lambda t: t.linspace(start=0, end=10, steps=5),
    "logspace": lambda t: t.logspace(-1, 2, 4),
    "logspace_base": lambda t: t.logspace(0, 3, 4, base=2.0),
    "tril_indices": lambda t: t.tril_indices(3, 4, 1),
    "triu_indices": lambda t: t.triu_indices(3, 4, -1),
    "zeros_like": lambda t: t.zeros_like(t.ones(2, 3, dtype=t.int16)),
    "ones_like": lambda t: t.ones_like(t.zeros(2), dtype=t.float64),
    "full_like": lambda t: t.full_like(t.ones(2, dtype=t.int64), 7),
    "new_tensor": lambda t: t.ones(2, dtype=t.float64).new_tensor([1, 2]),
    "new_zeros": lambda t: t.ones(2, dtype=t.int32).new_zeros(2, 3),
    "new_ones": lambda t: t.ones(2).new_ones((3,), dtype=t.bool),
    "new_full": lambda t: t.ones(2, dtype=t.float16).new_full((2,), 3),
    "Tensor": lambda t: t.Tensor([1, 2]),
    "Tensor_none": lambda t: t.Tensor(),
    "Tensor_array": lambda t: t.Tensor(np.arange(3)),
    "FloatTensor": lambda t: t.FloatTensor([1, 2]),
    "LongTensor": lambda t: t.LongTensor([[1], [2]]),
    "BoolTensor": lambda t: t.BoolTensor([0, 1]),
    "DoubleTensor": lambda t: t.DoubleTensor([0.1]),
    "ByteTensor": lambda t: t.ByteTensor([255]),
    "out": lambda t: t.zeros(3, out=t.ones(3, dtype=t.int64)),
}  # fmt: skip


def same(ours, theirs):
    assert str(ours.dtype) == str(theirs.dtype)
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert ours.requires_grad == theirs.requires_grad
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=3e-7, atol=1e-7)


@pytest.mark.parametrize("name", MADE)
def test_creation(name):
    same(MADE[name](gs), MADE[name](torch))


def test_creation_with_a_wish_for_a_gradient():
    for make in (
        lambda t: t.tensor([1.0], requires_grad=True), lambda t: t.zeros(2, requires_grad=True),
        lambda t: t.linspace(0, 1, 3, requires_grad=True), lambda t: t.ones_like(t.ones(2), requires_grad=True),
        lambda t: t.arange(2.0, requires_grad=True), lambda t: t.eye(2, requires_grad=True),
        lambda t: t.ones(1).new_zeros(2, requires_grad=True), lambda t: t.full((1,), 2.0, requires_grad=True),
    ):  # fmt: skip
        same(make(gs), make(torch))
        assert make(gs).is_leaf


def test_memory_is_shared_or_not_as_in_torch():
    for t in (gs, torch):
        a = np.zeros(3, np.float32)
        assert t.from_numpy(a).numpy() is not None
        t.from_numpy(a)[0] = 1
        t.as_tensor(a)[1] = 1
        t.tensor(a)[2] = 1
        assert a.tolist() == [1, 1, 0]
        x = t.zeros(3)
        x.numpy()[0] = 5
        x.detach()[1] = 6
        x.data[2] = 7
        x.clone()[0] = 8
        assert x.tolist() == [5, 6, 7]
        assert t.as_tensor(x) is x
        assert x.to(t.float32) is x and x.float() is x and x.contiguous() is x and x.cpu() is x
        assert x.to(t.float32, copy=True) is not x
    strided = gs.empty_strided((2, 3), (1, 2))
    assert strided.stride() == (1, 2) and not strided.is_contiguous()


WRONG = {
    "ragged": lambda t: t.tensor([[1, 2], [3]]),
    "text": lambda t: t.tensor([1, "a"]),
    "none": lambda t: t.tensor(None),
    "negative": lambda t: t.zeros(-1),
    "overflow": lambda t: t.full((2,), 300, dtype=t.int8),
    "overflow in a list": lambda t: t.tensor([[1, 300]], dtype=t.int8),
    "backwards": lambda t: t.arange(1, 0),
    "no step": lambda t: t.arange(0, 1, 0),
    "not an array": lambda t: t.from_numpy([1]),
    "complex": lambda t: t.from_numpy(np.ones(2, "datetime64[s]")),
    "number": lambda t: t.Tensor(3.5),
    "no integers": lambda t: t.randint(5, 2, (2,)),
    "negative std": lambda t: t.ones(2).normal_(0, -1),
    "bounds": lambda t: t.ones(2).uniform_(2, 1),
    "too many": lambda t: t.multinomial(t.tensor([1.0, 0.5]), 3),
    "no weights": lambda t: t.multinomial(t.tensor([0.0, 0.0]), 1, True),
    "no probability": lambda t: t.bernoulli(t.tensor([1.5])),
    "item": lambda t: t.ones(2).item(),
    "bool": lambda t: bool(t.ones(2)),
    "bool of none": lambda t: bool(t.ones(0)),
    "int": lambda t: int(t.ones(2)),
    "len": lambda t: len(t.tensor(1)),
    "iter": lambda t: iter(t.tensor(1)),
    "index": lambda t: [1, 2][t.tensor(1.0)],
    "contains": lambda t: "a" in t.ones(2),
    "numpy": lambda t: t.ones(2, requires_grad=True).numpy(),
    "array": lambda t: np.asarray(t.ones(2, requires_grad=True)),
    "format": lambda t: f"{t.ones(2):.1f}",
    "size": lambda t: t.ones(2).size(1),
    "stride": lambda t: t.ones(2).stride(3),
    "mT": lambda t: t.ones(2).mT,
    "H": lambda t: t.ones(2, 2, 2).H,
    "imag": lambda t: t.ones(2).imag,
    "deepcopy": lambda t: copy.deepcopy(t.ones(2, requires_grad=True) * 2),
    "grad shape": lambda t: setattr(t.ones(2, requires_grad=True), "grad", t.ones(3)),
    "grad dtype": lambda t: setattr(t.ones(2, requires_grad=True), "grad", t.ones(2, dtype=t.float64)),
    "device": lambda t: t.device("nowhere"),
    "device index": lambda t: t.device("cuda:x"),
    "default": lambda t: t.set_default_dtype(t.int64),
    "randn of integers": lambda t: t.randn(2, dtype=t.int64),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_errors_have_torchs_types(name):
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        WRONG[name](torch)
    kind = RuntimeError if theirs.type is NotImplementedError else theirs.type
    with pytest.raises(kind) as ours:
        WRONG[name](gs)
    assert len(str(ours.value)) > 15


FACTS = {
    "plain": lambda t: t.arange(24).reshape(2, 3, 4),
    "strided": lambda t: t.arange(24).reshape(4, 6)[1::2, ::3],
    "transposed": lambda t: t.arange(6.0).reshape(2, 3).T,
    "point": lambda t: t.tensor(2.5),
    "empty": lambda t: t.zeros(2, 0, dtype=t.int16),
    "expanded": lambda t: t.ones(3, 1).expand(3, 4),
}


@pytest.mark.parametrize("name", FACTS)
def test_facts(name):
    ours, theirs = FACTS[name](gs), FACTS[name](torch)
    for fact in (
        "dim", "ndimension", "numel", "nelement", "element_size", "stride", "storage_offset", "is_contiguous",
        "is_floating_point", "is_complex", "is_signed", "tolist", "type", "get_device", "size", "is_pinned",
    ):  # fmt: skip
        assert getattr(ours, fact)() == getattr(theirs, fact)(), fact
    for fact in (
        "ndim",
        "nbytes",
        "itemsize",
        "is_cuda",
        "is_leaf",
        "requires_grad",
        "is_sparse",
        "output_nr",
    ):
        assert getattr(ours, fact) == getattr(theirs, fact), fact
    assert repr(ours.layout) == repr(theirs.layout)
    assert ours.untyped_storage().nbytes() == theirs.untyped_storage().nbytes()
    assert repr(ours.shape) == repr(theirs.shape)
    if ours.dim():
        assert ours.size(-1) == theirs.size(-1) and ours.stride(-1) == theirs.stride(-1)
        assert len(ours) == len(theirs)
    step = ours.data_ptr() - ours.untyped_storage().data_ptr() if ours.numel() else 0
    assert step == ours.storage_offset() * ours.element_size()


CAST = ("float", "double", "half", "long", "int", "short", "char", "byte", "bool")


@pytest.mark.parametrize("name", CAST)
def test_casts(name):
    for values in ([0.0, 1.7, 3.0], [0, 1, 100], [True, False, True]):
        same(getattr(gs.tensor(values), name)(), getattr(torch.tensor(values), name)())
        same(
            gs.tensor(values).to(getattr(gs, name if name not in ("char", "byte") else "int8")),
            torch.tensor(values).to(
                getattr(torch, name if name not in ("char", "byte") else "int8")
            ),
        )


def test_to_and_type():
    for t in (gs, torch):
        x = t.ones(2)
        assert x.to("cpu", t.int8).dtype is t.int8
        assert x.to(t.device("cpu"), dtype=t.float64, non_blocking=True).dtype is t.float64
        assert x.to(t.zeros(1, dtype=t.int32)).dtype is t.int32
        assert x.to(dtype=t.half, copy=True).dtype is t.float16
        assert x.type("torch.LongTensor").dtype is t.int64
        assert x.type(t.DoubleTensor).dtype is t.float64
        assert x.type(t.uint8).type() == "torch.ByteTensor"
        assert x.type_as(t.zeros(1, dtype=t.bool)).dtype is t.bool
        y = t.ones(2, requires_grad=True)
        (y.double() * 2).sum().backward()
        assert y.grad.dtype is t.float32 and y.grad.tolist() == [2, 2]
        assert t.tensor([[1, 2], [3, 4]]).T.tolist() == [[1, 3], [2, 4]]
        assert t.ones(2, 3, 4).mT.shape == (2, 4, 3)
        assert t.ones(2, 3).H.shape == t.ones(2, 3).adjoint().shape == (3, 2)
    with pytest.raises(ValueError, match="no argument"):
        gs.ones(2).to(dtyp=gs.int8)
    with pytest.raises(ValueError, match="dtype, a device or a tensor"):
        gs.ones(2).to(2.5)


def test_numbers_and_sequences():
    for t in (gs, torch):
        assert (
            int(t.tensor(2.7)),
            float(t.tensor(2)),
            complex(t.tensor(1.5)),
            bool(t.tensor([0.0])),
        ) == (2, 2.0, 1.5, False)
        assert [10, 20][t.tensor(1)] == 20
        assert f"{t.tensor(1.55555):.2f}" == "1.56" and f"{t.tensor(3)}" == "3"
        assert (
            2 in t.tensor([1, 2]) and 3 not in t.tensor([1, 2]) and t.tensor(1) in t.tensor([1, 2])
        )
        assert [x.item() for x in t.tensor([1, 2, 3])] == [1, 2, 3]
        assert [x.item() for x in reversed(t.tensor([1, 2, 3]))] == [3, 2, 1]
        assert len({t.ones(1), t.ones(1)}) == 2
        assert t.ones(2).apply_(lambda v: v + 1).tolist() == [2, 2]
        assert t.ones(2).map_(t.tensor([3.0, 4.0]), lambda a, b: a + b).tolist() == [4, 5]
        a, b = t.tensor([[1, 2], [3, 4]])
        assert b.tolist() == [3, 4]
        assert t.is_tensor(a) and not t.is_tensor(1)
        assert (
            t.numel(a) == 2 and t.is_nonzero(t.ones(1)) and t.is_signed(a) and t.is_same_size(a, b)
        )
        assert (
            t.typename(t.ones(1)) == "torch.FloatTensor"
            and t.typename("a") == "str"
            and t.get_device(a) == -1
        )
        assert (+a).tolist() == a.tolist() and t.detach(a).tolist() == a.tolist() and t.real(a) is a
        assert (
            t.pi > 3
            and t.e > 2
            and t.isinf(t.tensor(t.inf))
            and t.isnan(t.tensor(t.nan))
            and a[t.newaxis].dim() == 2
        )
        assert t.is_floating_point(t.ones(1)) and not t.is_complex(a)
        assert a.is_same_size(b) and not a.is_same_size(t.ones(3))


def test_size():
    for t in (gs, torch):
        s = t.Size([2, 3, 4])
        assert repr(s) == "torch.Size([2, 3, 4])" and s.numel() == 24 and s == (2, 3, 4)
        assert type(s[:2]) is type(s + (5,)) is type((5,) + s) is type(s * 2) is t.Size
        assert (
            s[-1] == 4
            and s[1:] == (3, 4)
            and (5,) + s == (5, 2, 3, 4)
            and hash(s) == hash((2, 3, 4))
        )
        assert type(pickle.loads(pickle.dumps(s))) is t.Size


def test_the_public_class_and_the_engines_are_one():
    x = gs.ones(2)
    assert (
        isinstance(x, gs.Tensor)
        and issubclass(gs.nn.Parameter, gs.Tensor)
        and not isinstance(1, gs.Tensor)
    )
    assert isinstance(x, gs.FloatTensor) and not isinstance(x, gs.LongTensor)
    assert not isinstance(gs.ones(2, device="sim"), gs.FloatTensor)
    assert gs.Tensor.add(x, x).tolist() == [2, 2]
    assert gs.Tensor(2, 3).shape == (2, 3) and gs.LongTensor(2).dtype is gs.int64
    assert gs.Tensor(gs.arange(2)).dtype is gs.int64
    gs.Tensor.twice = lambda self: self * 2
    try:
        assert x.twice().tolist() == [2, 2]
    finally:
        from graphscope.engine.tensor import Tensor

        del Tensor.twice

    for t in (gs, torch):
        v = t.autograd.Variable(t.ones(2), requires_grad=True)
        assert v.requires_grad and v.is_leaf and isinstance(v, t.autograd.Variable)
        assert t.autograd.Variable(t.arange(2)).tolist() == [0, 1]

    class Mine(gs.Tensor):
        pass

    assert isinstance(Mine([1.0]), Mine) and Mine([1.0]).tolist() == [1] and not isinstance(x, Mine)
