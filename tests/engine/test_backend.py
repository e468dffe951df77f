"""The backend seam: lookup, the op table on every backend, tensors on ``sim``."""

from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest

import graphscope as gs
from graphscope import ops
from graphscope.engine.backend import Backend, available, backend_of, backend_of_type
from graphscope.engine.backend_cupy import CupyBackend
from graphscope.engine.backend_numpy import NumpyBackend
from graphscope.engine.backend_sim import SimBackend
from graphscope.errors import DeviceError
from graphscope.ops.samples import generator

MEMBERS = [n for n in vars(Backend) if not n.startswith("_")] + [
    "name",
    "xp",
    "array_type",
    "sync_count",
]
SAMPLES = [(name, k) for name, row in ops.TABLE.items() for k in range(len(row.samples))]


@pytest.mark.parametrize("kind", [NumpyBackend, SimBackend, CupyBackend])
def test_every_backend_has_the_whole_protocol(kind):
    for name in MEMBERS:
        if callable(getattr(Backend, name, None)):
            want = list(inspect.signature(getattr(Backend, name)).parameters)
            assert list(inspect.signature(getattr(kind, name)).parameters) == want, name
        else:
            assert hasattr(kind, name) or f"self.{name}" in inspect.getsource(kind), name


@pytest.mark.parametrize("name,k", SAMPLES)
def test_the_op_table_gives_the_same_on_sim(name, k):
    inputs, params = ops.TABLE[name].samples[k](generator(name))
    sim = backend_of("sim")
    want = getattr(ops.NUMPY, name)(*(np.array(i) for i in inputs), **params)
    got = getattr(ops.plain(sim.array_type), name)(
        *(sim.asarray(np.array(i)) for i in inputs), **params
    )
    if not isinstance(want, (tuple, list)):
        got, want = [got], [want]
    for ours, theirs in zip(got, want, strict=True):
        assert type(ours) is sim.array_type
        host = sim.to_host(ours)
        assert host.dtype == np.asarray(theirs).dtype
        np.testing.assert_allclose(host, theirs, rtol=1e-12)


def two_layers(device: str):
    gs.manual_seed(1)
    x, y = gs.randn(8, 6, device=device), gs.randn(8, 2, device=device)
    w1 = gs.randn(6, 5, device=device, requires_grad=True)
    w2 = gs.randn(5, 2, device=device, requires_grad=True)
    loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
    loss.backward()
    return loss, w1, w2


def test_a_network_gives_the_same_numbers_on_sim():
    here, there = two_layers("cpu"), two_layers("sim")
    assert str(there[1].grad.device) == "sim"
    assert there[0].item() == pytest.approx(here[0].item(), rel=1e-6)
    for a, b in zip(here[1:], there[1:], strict=True):
        np.testing.assert_allclose(b.grad.cpu().numpy(), a.grad.numpy(), rtol=1e-6)


def test_forward_and_backward_never_wait_for_the_device():
    sim = backend_of("sim")
    sim.device.no_sync = True
    try:
        two_layers("sim")
    finally:
        sim.device.no_sync = False


def test_tensors_on_two_devices_do_not_mix():
    with pytest.raises(DeviceError, match=r"cpu and sim.*\.to\(device\)"):
        gs.ones(3) + gs.ones(3, device="sim")


def test_lookup():
    assert backend_of("cpu").xp is np
    assert backend_of_type(np.float32).name == "cpu"
    assert backend_of("sim") is backend_of_type(backend_of("sim").array_type)
    assert available("cpu")
    with pytest.raises(DeviceError, match="no array"):
        backend_of_type(str)
    with pytest.raises(DeviceError, match="only one"):
        backend_of("sim:1")


def test_the_host_backend():
    host = backend_of("cpu")
    a = np.zeros((3, 4))
    assert host.asarray(a) is host.to_host(a) is a
    info = host.alloc_info(a[1:])
    assert (info.requested, info.allocated, info.memory) == (64, 96, id(a))
    host.scatter_add(a, np.array([0, 0]), 1.0)
    assert a[0, 0] == 2
    begin = host.record()
    assert host.query(begin) and host.elapsed_ns(begin, host.record()) >= 0
    with pytest.raises(DeviceError, match="no pool|no memory pool"):
        host.set_limit(10)


@pytest.mark.skipif(available("cuda"), reason="there is a GPU")
def test_without_a_gpu_cuda_says_what_to_do():
    with pytest.raises(DeviceError, match="device='cpu'"):
        gs.ones(3, device="cuda")


def test_cupy_is_imported_only_when_a_gpu_is_asked_for():
    code = (
        "import sys; sys.modules['cupy'] = None\n"
        "import graphscope as gs, graphscope.engine.backend_cupy\n"
        "gs.ones(3).sum(); gs.ones(3, device='sim').sum()\n"
        "from graphscope.engine.backend import available\n"
        "assert not available('cuda')\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_cupy_has_every_name_that_the_adapter_uses():
    cupy = pytest.importorskip(
        "cupy", reason="CuPy is not installed: pip install 'graphscope-debugger[cuda]'"
    )
    for name in (
        "deviceSynchronize",
        "eventCreateWithFlags",
        "eventRecord",
        "eventQuery",
        "eventElapsedTime",
    ):
        assert hasattr(cupy.cuda.runtime, name)
    for name in ("asnumpy", "asarray", "get_default_memory_pool", "is_available"):
        assert hasattr(cupy, name)
    # The keywords of CuPy's hooks are what memory_hook reads.
    doc = cupy.cuda.MemoryHook.malloc_postprocess.__doc__ or ""
    for word in ("mem_size", "mem_ptr", "pmem_id"):
        assert word in doc
