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
    host = gpu.to_host(got)
    assert host.dtype == np.asarray(want).dtype
    np.testing.assert_allclose(host, want, rtol=1e-10 if kind == "float64" else 3e-5, atol=1e-5)


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
