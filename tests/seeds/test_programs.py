"""Every kind of PyTorch program in the course runs as it is on GraphScope, with torch's numbers."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROGRAMS = ["by_hand", "by_autograd", "functions", "modules", "dynamic", "paper", "tensors", "gradients", "recurrent", "images"]  # fmt: skip
ON_A_GPU = ["by_hand", "by_autograd", "images"]


def results(folder, library, names, **env):
    out = folder / f"{library}.json"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **env}
    if library == "torch":
        environment.pop("PYTHONWARNINGS")  # torch's own warnings are its own
    done = subprocess.run(
        [sys.executable, str(HERE / "run_programs.py"), str(out), library, *names],
        env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return results(tmp_path_factory.mktemp("ours"), "graphscope", PROGRAMS)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    return results(tmp_path_factory.mktemp("theirs"), "torch", PROGRAMS)


def same(a, b, where):
    assert type(a) is type(b), where
    if isinstance(a, dict):
        assert a["dtype"] == b["dtype"] and a["shape"] == b["shape"], where
        wide = a["dtype"] == "float64"
        np.testing.assert_allclose(
            np.array(a["values"], float), np.array(b["values"], float),
            rtol=1e-9 if wide else 2e-4, atol=1e-10 if wide else 2e-5, err_msg=where,
        )  # fmt: skip
    elif isinstance(a, list):
        assert len(a) == len(b), where
        for k, (x, y) in enumerate(zip(a, b, strict=True)):
            same(x, y, f"{where}[{k}]")
    elif isinstance(a, float):
        assert a == pytest.approx(b, rel=2e-4, abs=1e-5), where
    else:
        assert a == b, where


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_runs(ours, name):
    assert "error" not in ours[name], ours[name]["error"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_its_numbers_are_torchs(ours, theirs, name):
    assert "error" not in theirs[name], theirs[name]["error"]
    assert "error" not in ours[name], ours[name]["error"]
    assert ours[name].keys() == theirs[name].keys()
    for key, value in theirs[name].items():
        same(ours[name][key], value, f"{name}: {key}")


@pytest.fixture(scope="module")
def on_the_pretend_gpu(tmp_path_factory):
    return results(
        tmp_path_factory.mktemp("gpu"), "graphscope", [*ON_A_GPU, "devices"],
        GRAPHSCOPE_CUDA="sim:3", PROGRAM_DEVICE="cuda:0",
    )  # fmt: skip


@pytest.mark.parametrize("name", ON_A_GPU)
def test_on_the_pretend_gpu_the_numbers_are_the_same(on_the_pretend_gpu, ours, name):
    assert "error" not in on_the_pretend_gpu[name], on_the_pretend_gpu[name]["error"]
    for key, value in ours[name].items():
        same(on_the_pretend_gpu[name][key], value, f"{name}: {key}")


def test_tensors_live_where_the_slide_says(on_the_pretend_gpu):
    got = on_the_pretend_gpu["devices"]
    assert "error" not in got, got["error"]
    assert got["x y z"] == ["cuda:0"] * 3
    assert got["a b b2 c"] == ["cuda:1"] * 4
    assert got["d e f"] == ["cuda:2"] * 3
    assert got["legacy"] == ["cuda:1"] * 2
