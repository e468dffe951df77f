"""The course's two-layer programs, as our examples: they run, and take torch's steps exactly.

Each example is executed twice, once as it is and once with ``graphscope`` replaced by ``torch``, from
equal numbers. The sizes are smaller than the course's where only the arithmetic matters.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import graphscope as gs

FOLDER = Path(__file__).parents[2] / "examples" / "two_layer"
SIZES = (200, 30, 5)
BY_HAND = ["s2_tensors", "s3_autograd", "s4_function"]
MODELS = ["s5_layers", "s6_optimizer", "s7_module", "s8_dynamic"]


def load(name, library="graphscope"):
    """The example's names, with another library in the place of ours if asked."""
    text = (FOLDER / f"{name}.py").read_text()
    if library != "graphscope":
        text = text.replace("import graphscope as torch", f"import {library}")
        text = text.replace("from graphscope import", f"from {library} import")
    names: dict = {"__name__": name}
    exec(compile(text, f"{name}.py", "exec"), names)
    return names


def numbers(dtype=np.float32):
    r = np.random.default_rng(7)
    inputs, hidden, outputs = SIZES
    shapes = ((32, inputs), (32, outputs), (inputs, hidden), (hidden, outputs))
    return [r.standard_normal(s).astype(dtype) for s in shapes]


def by_hand(library, name, steps):
    x, y, w1, w2 = (library.tensor(a) for a in numbers())
    for w in (w1, w2):
        w.requires_grad_(name != "s2_tensors")
    losses = load(name, library.__name__)["train"](x, y, w1, w2, steps=steps, rate=1e-5)
    return losses, [w.detach().numpy() for w in (w1, w2)]


@pytest.mark.parametrize("name", BY_HAND)
def test_programs_by_hand_agree_with_numpy(name):
    want = load("s1_numpy")["train"](*numbers(np.float64), steps=20, rate=1e-5)
    got, _ = by_hand(gs, name, 20)
    np.testing.assert_allclose(got, want, rtol=1e-5)
    assert got[-1] < got[0] / 2


@pytest.mark.parametrize("name", BY_HAND)
def test_programs_by_hand_take_torchs_steps(name):
    torch = pytest.importorskip("torch")
    ours, our_weights = by_hand(gs, name, 20)
    theirs, their_weights = by_hand(torch, name, 20)
    np.testing.assert_allclose(ours, theirs, rtol=2e-5)
    for a, b in zip(our_weights, their_weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def model_run(library, name, start, steps):
    example = load(name, library.__name__)
    model = example["build"](*SIZES)
    with library.no_grad():
        for p, a in zip(model.parameters(), start, strict=True):
            p.copy_(library.tensor(a))
    x, y = (library.tensor(a) for a in numbers()[:2])
    losses = example["train"](model, x, y, steps=steps)
    return losses, [p.detach().numpy() for p in model.parameters()]


@pytest.mark.parametrize("name", MODELS)
def test_models_take_torchs_steps(name):
    torch = pytest.importorskip("torch")
    start = [p.detach().numpy().copy() for p in load(name)["build"](*SIZES).parameters()]
    ours, our_weights = model_run(gs, name, start, 40)
    theirs, their_weights = model_run(torch, name, start, 40)
    np.testing.assert_allclose(ours, theirs, rtol=2e-4)
    for a, b in zip(our_weights, their_weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_models_learn(name):
    example = load(name)
    gs.manual_seed(0)
    x, y = (gs.tensor(a) for a in numbers()[:2])
    losses = example["train"](example["build"](*SIZES), x, y, steps=100, rate=1e-3)
    assert min(losses[-10:]) < losses[0] / 2


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(FOLDER.glob("s*.py")), ids=lambda p: p.stem)
def test_each_program_runs_as_a_student_would_run_it(path):
    done = subprocess.run(
        [sys.executable, path.name], cwd=FOLDER, capture_output=True, text=True, timeout=120,
        env={"PYTHONPATH": str(FOLDER.parents[1]), "PATH": "", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()[0], done.stdout.splitlines()[-1]
    assert float(last.split()[-1]) < 0.1 * float(first.split()[-1])
