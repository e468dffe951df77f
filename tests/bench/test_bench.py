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


@pytest.mark.slow
def test_the_benchmark_runs():
    words = [sys.executable, "-m", "tests.bench.first_light", "--blocks", "1", "--seconds", "0.05"]
    done = subprocess.run(
        [*words, "--only", "two-layer"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "bytes per recorded op" in done.stdout
