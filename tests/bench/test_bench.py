"""The benchmark's programs compute the same thing, and the benchmark itself runs."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import graphscope as gs
from tests.bench import programs
from tests.bench.paired import Row, compare


def test_the_two_layer_programs_agree():
    by_hand, ours = programs.two_layer_numpy(), programs.two_layer(gs)
    for _ in range(3):
        assert float(ours().item()) == pytest.approx(float(by_hand()), rel=1e-4)


def test_the_chains_agree():
    loss, grad = programs.chain_numpy()()
    ours, our_grad = programs.chain(gs)()
    assert ours.item() == pytest.approx(float(loss), rel=1e-5)
    np.testing.assert_allclose(our_grad.numpy(), grad, rtol=1e-3)


def test_a_row_compared_with_itself_is_about_one():
    rows = [Row(n, lambda: sum(range(2000))) for n in "ab"]
    assert compare(rows, blocks=5, seconds=0.01)[1].ratio == pytest.approx(1, abs=0.5)


@pytest.mark.parametrize(
    "name", ["lenet_step", "vgg_step", "lstm_step", "attention_step", "digits_step"]
)
def test_the_networks_learn(name):
    step = getattr(programs, name)(gs)
    losses = [float(step().item()) for _ in range(3)]
    assert np.isfinite(losses).all()
    assert losses[-1] <= losses[0] * 1.001


def test_the_benchmark_runs(capsys, tmp_path):
    from tests.bench import first_light

    words = ["--blocks", "1", "--seconds", "0.02", "--only", "chain", "--json", str(tmp_path / "x")]
    found = first_light.main(words)
    assert found["chain, off / numpy"][0] > 0
    shown = capsys.readouterr().out
    assert "chain, recorded / numpy" in shown and "<= 3.5" in shown


@pytest.mark.slow
def test_peak_memory_is_of_the_order_of_the_activations():
    words = [sys.executable, "-m", "tests.bench.memory", "lenet_step", "graphscope"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert 1e6 < int(done.stdout) < 2e8


@pytest.mark.parametrize("name", ["repeating", "random depth", "unrolled", "tree"])
def test_structures_are_recorded_whole(tmp_path, name):
    """Each step is in the trace; those that never repeat are as many graphs."""
    from tests.bench import structures

    found = structures.run(structures.PROGRAMS[name](), 12, tmp_path / "run")
    assert found["graphs"] == (1 if name == "repeating" else 15)
    assert found["ops"] > 12 * 30


def test_a_large_step_is_recorded(tmp_path):
    from tests.bench import structures

    found = structures.run(structures.large(2000), 5, tmp_path / "run")
    assert found["ops"] == 5 * 2000 and found["graphs"] == 1


def test_the_benchmark_of_a_million_ops_runs(tmp_path):
    from tests.bench import million

    found = million.measure(tmp_path, 60, "off")
    assert found["steps"] == 60 and found["ops"] == 60 * 102 and million.AIMS.keys() <= found.keys()
