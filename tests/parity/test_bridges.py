"""Tensors to and from numpy, DLPack, pickle and copies, beside torch's."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest

import graphscope as gs
from tests.parity.test_tensor import same

torch = pytest.importorskip("torch")


@pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")  # torch's, not ours
def test_numpy_functions_of_tensors():
    for f in (
        lambda t: np.sin(t.ones(2)), lambda t: np.add(t.ones(2), t.ones(2)), lambda t: np.sqrt(t.tensor(4.0)),
        lambda t: t.ones(2) + np.ones(2), lambda t: t.ones(2) * np.float64(2), lambda t: np.float64(2) * t.ones(2),
        lambda t: np.int64(3) + t.ones(2), lambda t: t.arange(3) + np.array([1, 2, 3]),
        lambda t: np.maximum(t.ones(2), np.zeros(2)), lambda t: np.array([1.0, 2.0]) == t.ones(2),
    ):  # fmt: skip
        same(f(gs), f(torch))
    assert isinstance(np.stack([gs.ones(2), gs.ones(2)]), np.ndarray)
    assert np.asarray(gs.ones(2), dtype=np.float64).dtype == np.float64
    x = gs.ones(2)
    assert np.asarray(x) is x.numpy() and np.array(x) is not x.numpy()
    assert gs.ones(2, requires_grad=True).numpy(force=True).tolist() == [1, 1]
    # torch cannot add a tensor to an array from the left; here it gives a tensor.
    assert (np.ones(2) + gs.ones(2)).dtype is gs.float64


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "uint8", "bool"])
def test_dlpack_both_ways_without_a_copy(dtype):
    ours = gs.ones(2, 3, dtype=getattr(gs, dtype))
    theirs = torch.from_dlpack(ours)
    theirs[0, 1] = 0
    assert ours[0, 1].item() == 0
    back = gs.from_dlpack(theirs)
    back[1, 2] = 0
    assert ours[1, 2].item() == 0 and str(back.dtype) == f"torch.{dtype}"
    array = np.from_dlpack(ours)
    assert np.shares_memory(array, ours.numpy())
    assert np.shares_memory(gs.from_dlpack(array).numpy(), array)
    assert gs.from_dlpack(array, copy=True).data_ptr() != ours.data_ptr()
    assert gs.from_dlpack(torch.arange(6).reshape(2, 3).T).stride() == (1, 3)
    assert ours.__dlpack_device__() == (1, 0)


def test_dlpack_refuses():
    with pytest.raises(BufferError, match="detach"):
        gs.ones(2, requires_grad=True).__dlpack__()
    with pytest.raises(BufferError, match=r"\.cpu\(\)"):
        gs.ones(2, device="sim").__dlpack__()
    with pytest.raises(TypeError, match="__dlpack__"):
        gs.from_dlpack([1, 2])


def test_pickle_keeps_what_a_tensor_is():
    x = gs.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    for y in (pickle.loads(pickle.dumps(x)), copy.copy(x)):
        assert y.requires_grad and y.tolist() == x.tolist() and y.is_leaf
    assert copy.copy(x).data_ptr() == x.data_ptr()
    p = gs.nn.Parameter(gs.ones(2))
    assert isinstance(pickle.loads(pickle.dumps(p)), gs.nn.Parameter)
    assert pickle.loads(pickle.dumps(gs.float32)) is gs.float32
    assert pickle.loads(pickle.dumps(gs.device("cuda", 1))) == gs.device("cuda:1")
    there = pickle.loads(pickle.dumps(gs.ones(2, device="sim")))
    assert there.device.type == "sim" and there.cpu().tolist() == [1, 1]
    file = io.BytesIO()
    pickle.dump({"w": x.T}, file)
    assert pickle.loads(file.getvalue())["w"].tolist() == [[1, 3], [2, 4]]


def test_a_deep_copy_keeps_what_is_shared():
    for t in (gs, torch):
        base = t.arange(6.0)
        tied = t.nn.Parameter(t.ones(2))
        tied.grad = t.full((2,), 3.0)
        leaf = t.ones(2, requires_grad=True)
        leaf.grad = t.full((2,), 3.0)
        assert base.data.untyped_storage().data_ptr() == base.untyped_storage().data_ptr()
        assert base.data[2:].storage_offset() == 2
        box = {
            "data": base.data,
            "leaf": leaf,
            "base": base,
            "view": base[2:4],
            "tied": [tied, tied],
            "transposed": base.reshape(2, 3).T,
        }
        new = copy.deepcopy(box)
        new["base"][2] = 50
        assert new["data"][2].item() == 50
        assert new["view"].tolist() == [50, 3] and base[2].item() == 2
        assert new["transposed"][2, 0].item() == 50 and new["transposed"].stride() == (1, 3)
        assert new["tied"][0] is new["tied"][1] and new["tied"][0] is not tied
        assert new["leaf"].grad.tolist() == [3, 3] and new["leaf"].grad is not leaf.grad
        assert new["tied"][0].grad is None
        assert isinstance(new["tied"][0], t.nn.Parameter)
