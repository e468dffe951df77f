"""What only a GPU can show: parity of the op table, marks, memory events. ``make gpu`` runs it."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

import graphscope as gs
from graphscope import ops
from graphscope.engine.backend import available, backend_of
from graphscope.ops.samples import generator

pytestmark = pytest.mark.gpu
if not available("cuda"):
    pytest.skip(
        "needs CuPy and an NVIDIA GPU; the same checks run on the pretend GPU in tests/engine",
        allow_module_level=True,
    )
SAMPLES = [(name, k) for name, row in ops.TABLE.items() for k in range(len(row.samples))]


@pytest.fixture
def gpu():
    return backend_of("cuda")


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("name,k", SAMPLES)
def test_the_op_table_gives_the_same(gpu, name, k, kind):
    inputs, params = ops.TABLE[name].samples[k](generator(name))
    hosts = [np.array(i) for i in inputs]
    hosts = [h.astype(kind) if h.dtype.kind == "f" else h for h in hosts]
    want = getattr(ops.NUMPY, name)(*(h.copy() for h in hosts), **params)
    got = getattr(ops.plain(gpu.array_type), name)(*(gpu.asarray(h) for h in hosts), **params)
    if not isinstance(want, (tuple, list)):
        got, want = [got], [want]
    for ours, theirs in zip(got, want, strict=True):
        host = gpu.to_host(ours)
        assert host.dtype == np.asarray(theirs).dtype
        np.testing.assert_allclose(
            host, theirs, rtol=1e-10 if kind == "float64" else 3e-5, atol=1e-5
        )


def two_layers(device):
    gs.manual_seed(1)
    x, y = gs.randn(64, 100, device=device), gs.randn(64, 10, device=device)
    w1 = gs.randn(100, 50, device=device, requires_grad=True)
    w2 = gs.randn(50, 10, device=device, requires_grad=True)
    loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
    loss.backward()
    return loss, w1, w2


def test_a_network_gives_the_same_numbers():
    here, there = two_layers("cpu"), two_layers("cuda")
    assert there[0].item() == pytest.approx(here[0].item(), rel=1e-4)
    for a, b in zip(here[1:], there[1:], strict=True):
        np.testing.assert_allclose(b.grad.cpu().numpy(), a.grad.numpy(), rtol=1e-3, atol=1e-2)


def test_marks_add_up(gpu):
    a = gpu.asarray(np.ones((1024, 1024), np.float32))
    a.dot(a)
    gpu.synchronize()
    marks = [gpu.record()]
    for _ in range(20):
        a.dot(a)
        marks.append(gpu.record())
    gpu.synchronize()
    assert all(gpu.query(m) for m in marks)
    parts = sum(gpu.elapsed_ns(b, e) for b, e in zip(marks, marks[1:], strict=False))
    assert parts == pytest.approx(gpu.elapsed_ns(marks[0], marks[-1]), rel=0.01)


def test_memory_events_join_with_arrays(gpu):
    events = []
    with gpu.hook(events.append):
        a = gpu.asarray(np.ones(1000, np.float32))
        info = gpu.alloc_info(a)
        del a
    mallocs = [e for e in events if e.kind == "malloc" and e.memory == info.memory]
    frees = [e for e in events if e.kind == "free" and e.memory == info.memory]
    assert (
        [(e.requested, e.allocated) for e in mallocs]
        == [(4000, 4096)]
        == [(info.requested, info.allocated)]
    )
    assert len(frees) == 1 and frees[0].allocated == 4096


def test_report(gpu):
    """Prints and (in $OUT) writes what the machine is, for the record."""
    runtime = gpu.xp.cuda.runtime
    props = runtime.getDeviceProperties(0)
    facts = {
        "gpu": props["name"].decode(),
        "cupy": gpu.xp.__version__,
        "cuda": runtime.runtimeGetVersion(),
    }
    print(json.dumps(facts))
    if os.environ.get("OUT"):
        with open(os.path.join(os.environ["OUT"], "gpu.json"), "w") as f:
            json.dump(facts, f)


def test_cuda_under_torchs_names():
    assert gs.cuda.is_available() and gs.cuda.device_count() == 1 and gs.cuda.current_device() == 0
    assert "NVIDIA" in gs.cuda.get_device_name() and gs.cuda.get_device_capability()[0] >= 7
    gs.cuda.reset_peak_memory_stats()
    before = gs.cuda.memory_allocated()
    x = gs.ones(1 << 20, device="cuda")
    assert gs.cuda.memory_allocated() - before == 4 << 20
    del x
    assert gs.cuda.memory_allocated() == before
    assert gs.cuda.max_memory_allocated() >= before + (4 << 20)
    free, total = gs.cuda.mem_get_info()
    assert 0 < free < total
    begin, end = (gs.cuda.Event(enable_timing=True) for _ in range(2))
    a = gs.randn(2048, 2048, device="cuda")
    begin.record()
    b = a @ a
    end.record()
    end.synchronize()
    assert end.query() and 0 < begin.elapsed_time(end) < 1000
    side = gs.cuda.Stream()
    side.wait_stream(gs.cuda.current_stream())
    with gs.cuda.stream(side):
        c = b * 2
    gs.cuda.current_stream().wait_stream(side)
    gs.cuda.synchronize()
    np.testing.assert_allclose(c.cpu().numpy(), (b * 2).cpu().numpy())
    x = gs.ones(3, requires_grad=True)
    (x.cuda() * 2).sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


def test_creation_and_random_numbers_on_the_device():
    with gs.device("cuda"):
        made = [
            gs.zeros(2), gs.full((2,), 3), gs.eye(2, 3), gs.arange(0, 1, 0.25), gs.arange(5), gs.linspace(0, 1, 4),
            gs.rand(3), gs.multinomial(gs.ones(4), 2), gs.multinomial(gs.ones(3, 4), 5, True), gs.ones(2).uniform_(),
        ]  # fmt: skip
    assert all(t.is_cuda for t in made)
    back = gs.from_dlpack(gs.arange(3, device="cuda"))
    assert back.is_cuda and back.tolist() == [0, 1, 2]
