"""Devices by name, moving between them, and ``graphscope.cuda`` with and without a GPU."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import graphscope as gs
from graphscope.engine.backend import available
from graphscope.errors import DeviceError, OutOfMemory

torch = pytest.importorskip("torch")
NO_GPU = pytest.mark.skipif(available("cuda"), reason="there is a GPU")


def test_names_are_torchs():
    for make in (
        lambda t: t.device("cpu"), lambda t: t.device("cuda"), lambda t: t.device("cuda:1"), lambda t: t.device("cuda", 1),
        lambda t: t.device(type="cuda", index=0), lambda t: t.device(t.device("cuda:1")), lambda t: t.device("cpu:0"),
    ):  # fmt: skip
        ours, theirs = make(gs), make(torch)
        assert repr(ours) == repr(theirs) and str(ours) == str(theirs)
        assert (ours.type, ours.index) == (theirs.type, theirs.index)
    for t in (gs, torch):
        assert t.device("cuda:1") == t.device("cuda", 1) and t.device("cuda") != t.device("cuda:0")
        assert t.device("cpu") != "cpu" and len({t.device("cuda:1"), t.device("cuda", 1)}) == 1
        assert copy.deepcopy(t.device("cuda:1")) == t.device("cuda:1")
        assert t.ones(1).device == t.device("cpu")
    with pytest.raises(DeviceError, match="device='cpu'"):
        gs.device("mps")
    with pytest.raises(DeviceError, match="has an index already"):
        gs.device("cuda:1", 0)


def test_a_default_device():
    with gs.device("sim"):
        for x in (
            gs.ones(2),
            gs.tensor([1.0]),
            gs.rand(2),
            gs.arange(3),
            gs.as_tensor([1]),
            gs.eye(2),
            gs.randperm(3),
        ):
            assert x.device.type == "sim"
        assert gs.zeros(2, device="cpu").device.type == "cpu"
        assert gs.from_numpy(np.ones(2)).device.type == "cpu"
        with gs.device("cpu"):
            assert gs.ones(2).device.type == "cpu"
        assert gs.get_default_device().type == "sim"
        seen = []
        thread = threading.Thread(target=lambda: seen.append(gs.ones(1).device.type))
        thread.start()
        thread.join()
        assert seen == ["cpu"]
    assert gs.ones(2).device.type == "cpu"
    gs.set_default_device("sim")
    try:
        assert gs.full((2,), 3).device.type == "sim"
    finally:
        gs.set_default_device(None)
    assert gs.get_default_device() == gs.device("cpu")


def test_moving_is_part_of_the_graph():
    x = gs.tensor([1.0, 2.0, 3.0], requires_grad=True)
    w = gs.tensor([[1.0], [2.0]], device="sim", requires_grad=True)
    there = (x.exp().to("sim") * w).clamp(max=20.0).sum(0)
    assert repr(there.grad_fn).startswith("<") and there.device.type == "sim"
    (there.cpu().relu() * x).sum().backward()
    y = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    v = torch.tensor([[1.0], [2.0]], requires_grad=True)
    ((y.exp() * v).clamp(max=20.0).sum(0).relu() * y).sum().backward()
    assert x.grad.device.type == "cpu" and w.grad.device.type == "sim"
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-5)
    np.testing.assert_allclose(w.grad.cpu().numpy(), v.grad.numpy(), rtol=1e-5)


def test_second_derivatives_cross_devices():
    x = gs.tensor([2.0], requires_grad=True)
    (first,) = gs.autograd.grad((x**3).to("sim").sum(), x, create_graph=True)
    assert first.tolist() == [12] and first.device.type == "cpu"
    (second,) = gs.autograd.grad(first.sum(), x)
    assert second.tolist() == [12]


def test_a_move_is_recorded(tmp_path):
    with gs.profile(str(tmp_path / "run")) as p:
        x = gs.ones(4, requires_grad=True)
        (x.to("sim") * 2).sum().backward()
        p.step()
    assert x.grad.tolist() == [2, 2, 2, 2]


def test_other_forms_of_to():
    x = gs.ones(2)
    there = x.to("sim", gs.float64)
    assert (there.device.type, there.dtype) == ("sim", gs.float64)
    assert x.to(there).device.type == "sim" and there.to(x).dtype is gs.float32
    assert there.to(device="sim") is there and there.to("sim", copy=True) is not there
    assert (
        x.new_zeros(2, device="sim").device.type == "sim" and there.new_ones(1).device.type == "sim"
    )
    assert gs.zeros_like(there).device.type == "sim"
    assert gs.tensor(there).device.type == "sim" and gs.as_tensor(there) is there
    assert there.tolist() == [1, 1] and there.sum().item() == 2
    with pytest.raises(DeviceError, match=r"\.cpu\(\)"):
        there.numpy()
    assert there.numpy(force=True).tolist() == [1, 1]
    assert there.stride() == (1,) and there.data_ptr() and there.untyped_storage().nbytes() == 16


def test_mixing_devices_names_both_and_says_how_to_move():
    weight, x = gs.ones(2, 2), gs.ones(2, 2, device="sim")
    weight.name = "weight"
    for f in (
        lambda: weight @ x,
        lambda: weight + x,
        lambda: gs.cat([weight, x]),
        lambda: x.copy_(weight) * weight,
    ):
        with pytest.raises(DeviceError, match=r"cpu and sim|sim and cpu") as caught:
            f()
        assert "weight (2, 2) float32 on cpu" in str(caught.value)
        assert ".to(" in str(caught.value) and "test_device.py" in str(caught.value)
    assert (x * gs.tensor(2.0)).tolist() == [
        [2, 2],
        [2, 2],
    ]  # a 0-d tensor of the host goes with it


# ---------------------------------------------------------------- cuda without a GPU


@NO_GPU
def test_without_a_gpu():
    assert (
        not gs.cuda.is_available() and gs.cuda.device_count() == 0 and not gs.cuda.is_initialized()
    )
    assert (
        gs.cuda.memory_allocated()
        == gs.cuda.max_memory_allocated()
        == gs.cuda.memory_reserved()
        == 0
    )
    for nothing in (
        gs.cuda.empty_cache,
        lambda: gs.cuda.manual_seed(1),
        lambda: gs.cuda.manual_seed_all(1),
    ):
        before = gs.get_rng_state().tolist()
        nothing()
        assert gs.get_rng_state().tolist() == before
    for f in (
        lambda: gs.ones(2).cuda(), lambda: gs.ones(2, device="cuda"), lambda: gs.ones(2).to("cuda:0"), gs.cuda.synchronize,
        gs.cuda.current_device, gs.cuda.get_device_name, gs.cuda.Event, gs.cuda.Stream, gs.cuda.mem_get_info,
    ):  # fmt: skip
        with pytest.raises(
            DeviceError, match=r"pip install 'graphscope-debugger\[cuda\]'|nvidia-smi"
        ):
            f()
    with gs.cuda.stream(None), gs.cuda.device(None):
        pass
    assert gs.accelerator.current_accelerator() is None and not gs.accelerator.is_available()
    assert not gs.backends.cuda.is_built() and gs.version.cuda is None
    assert gs.cuda.get_rng_state_all() == []


# ---------------------------------------------------------------- cuda on the pretend GPU


@pytest.fixture
def cuda():
    with gs.cuda.pretended() as backend:
        backend.synchronize()
        backend.reset_peak()
        yield backend


def test_a_program_for_cuda_runs(cuda):
    device = gs.device("cuda" if gs.cuda.is_available() else "cpu")
    assert device.type == "cuda" and gs.cuda.device_count() == 1 and gs.cuda.is_initialized()
    gs.manual_seed(0)
    net = gs.nn.Sequential(gs.nn.Linear(4, 8), gs.nn.ReLU(), gs.nn.Linear(8, 2)).to(device)
    assert all(p.is_cuda and p.is_leaf for p in net.parameters())
    x, y = gs.randn(16, 4, device=device), gs.randint(2, (16,)).cuda()
    assert repr(x.device) == "device(type='cuda', index=0)" and "device='cuda:0'" in repr(x)
    optimizer = gs.optim.Adam(net.parameters(), lr=0.05)
    losses = []
    for _ in range(30):
        loss = gs.nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert isinstance(x, gs.cuda.FloatTensor) and not isinstance(x, gs.FloatTensor)
    assert x.type() == "torch.cuda.FloatTensor" and x.get_device() == 0
    with gs.cuda.device(0), gs.device("cuda"):
        assert gs.ones(1).is_cuda
    gs.cuda.set_device(0)
    assert gs.cuda.current_device() == 0
    assert gs.accelerator.current_accelerator() == gs.device("cuda")


def test_cuda_and_sim_are_two_devices(cuda):
    with pytest.raises(DeviceError, match="cuda:0 and sim"):
        gs.ones(2, device="cuda") + gs.ones(2, device="sim")
    with pytest.raises(DeviceError, match=r"only the first.*sim:2"):
        gs.ones(2, device="cuda:1")
    with pytest.raises(DeviceError, match="CUDA devices"):
        gs.cuda.synchronize("cpu")


def test_several_pretend_gpus():
    with gs.cuda.pretended(3):
        assert gs.cuda.device_count() == 3 and gs.cuda.current_device() == 0
        x = gs.ones(2, device="cuda:2")
        others = gs.cuda.memory_allocated(0)  # constants that earlier tests left
        with gs.cuda.device(1):
            assert gs.cuda.current_device() == 1
            y = gs.ones(2).cuda()
            assert y.device == gs.device("cuda:1") == gs.rand(2, device="cuda").device
            assert x.to("cuda").device.index == 1 and y.to("cuda") is y
            assert gs.cuda.memory_allocated() > 0 and gs.cuda.memory_allocated(0) == others
        with pytest.raises(DeviceError, match="cuda:2 and cuda:1"):
            x + y
        assert y.to("cuda").device.index == 0 and gs.randn(2, device=1).get_device() == 1
        gs.cuda.set_device(2)
        assert gs.cuda.current_stream() == gs.cuda.current_stream(2) != gs.cuda.current_stream(0)
        gs.cuda.set_device("cuda:0")
        a = gs.ones(2, device="cuda:1", requires_grad=True)
        (a * 3).to(x.device).sum().backward()
        assert a.grad.tolist() == [3, 3] and a.grad.get_device() == 1
    assert gs.cuda.device_count() == (1 if available("cuda") else 0)


def test_memory(cuda):
    gs.cuda.empty_cache()
    before = gs.cuda.memory_allocated()
    gs.cuda.reset_peak_memory_stats()
    x = gs.ones(1024, device="cuda")
    assert gs.cuda.memory_allocated() - before == 4096
    del x
    assert gs.cuda.memory_allocated() == before
    assert gs.cuda.max_memory_allocated() == before + 4096
    assert gs.cuda.memory_reserved() >= 4096 and gs.cuda.max_memory_reserved() >= 4096
    free, total = gs.cuda.mem_get_info()
    assert 0 < free <= total == gs.cuda.get_device_properties().total_memory
    assert gs.cuda.memory_stats()["allocated_bytes.all.current"] == before
    assert "at the peak" in gs.cuda.memory_summary()
    gs.cuda.empty_cache()
    try:
        gs.cuda.set_per_process_memory_fraction(4096 / total)
        with pytest.raises(gs.cuda.OutOfMemoryError, match="smaller batches"):
            gs.ones(1 << 20, device="cuda")
    finally:
        cuda.set_limit(None)
    assert gs.OutOfMemoryError is OutOfMemory


def test_events_and_streams(cuda):
    x = gs.ones(1000, device="cuda")
    gs.cuda.synchronize()
    begin, end = (gs.cuda.Event(enable_timing=True) for _ in range(2))
    assert begin.query()
    begin.record()
    for _ in range(5):
        x = x * 2
    end.record()
    assert not end.query()
    end.synchronize()
    assert end.query() and begin.elapsed_time(end) > 0.01
    with pytest.raises(ValueError, match="enable_timing"):
        gs.cuda.Event().elapsed_time(end)
    with pytest.raises(ValueError, match="record"):
        gs.cuda.Event(enable_timing=True).elapsed_time(end)
    main, side = gs.cuda.current_stream(), gs.cuda.Stream()
    assert main == gs.cuda.default_stream() != side
    with gs.cuda.stream(side):
        assert gs.cuda.current_stream() == side
        x = x * 2
    assert gs.cuda.current_stream() == main and not side.query()
    main.wait_stream(side)
    side.synchronize()
    assert side.query()


def test_the_environment_makes_cuda_the_pretend_gpu():
    code = (
        "import graphscope as gs\n"
        "assert gs.cuda.is_available()\n"
        "print(gs.ones(2).cuda().sum(), gs.cuda.get_device_name(0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env={**os.environ, "GRAPHSCOPE_CUDA": "sim"}, capture_output=True, text=True
    )  # fmt: skip
    assert done.stdout == "tensor(2., device='cuda:0') GraphScope sim (no GPU)\n", done.stderr


# ---------------------------------------------------------------- switches


def test_switches_can_be_set():
    import graphscope.backends.cudnn as cudnn

    assert cudnn.benchmark is False and not cudnn.is_available() and cudnn.version() is None
    cudnn.benchmark = True
    assert gs.backends.cudnn.benchmark
    cudnn.benchmark = False
    assert not gs.backends.mps.is_available() and not gs.backends.mps.is_built()
    assert not (
        gs.backends.mkl.is_available()
        or gs.backends.mkldnn.is_available()
        or gs.backends.openmp.is_available()
    )
    gs.backends.cuda.matmul.allow_tf32 = False
    gs.use_deterministic_algorithms(True, warn_only=True)
    assert (
        gs.are_deterministic_algorithms_enabled()
        and gs.is_deterministic_algorithms_warn_only_enabled()
    )
    gs.use_deterministic_algorithms(False)
    assert not gs.are_deterministic_algorithms_enabled()
    gs.set_float32_matmul_precision("high")
    assert gs.get_float32_matmul_precision() == "high"
    gs.set_float32_matmul_precision("highest")
    with pytest.raises(ValueError, match="medium"):
        gs.set_float32_matmul_precision("low")
    assert gs.version.__version__ == gs.__version__


def test_threads():
    from threadpoolctl import threadpool_info

    before = gs.get_num_threads()
    try:
        gs.set_num_threads(1)
        assert gs.get_num_threads() == 1
        assert {p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"} <= {1}
    finally:
        gs.set_num_threads(before)
    assert gs.get_num_threads() == before and gs.get_num_interop_threads() == 1
    with pytest.raises(ValueError, match="positive"):
        gs.set_num_threads(0)
