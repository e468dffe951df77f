"""Every example runs as it stands, in an empty folder, without a warning."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# data.py is only imported by its neighbours; the lecture deck (tests/seeds) and the broken trainings
# (tests/analysis/rules/test_gallery.py) have tests of their own.
EXAMPLES = sorted(
    p
    for p in (ROOT / "examples").rglob("*.py")
    if p.stem != "data" and p.parent.name not in ("lecture", "broken")
)
LEAVES = {
    "digits_train": "runs/digits_train.gscope",
    "recording": "runs/recording.gscope",
    "figure": "two_layer.svg",
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_it_runs(path, tmp_path):
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "an example says something"
    if path.stem in LEAVES:
        assert (tmp_path / LEAVES[path.stem]).stat().st_size > 1000
    if path.stem == "digits_train":
        assert float(done.stdout.split("test accuracy ")[-1].split("%")[0]) > 90
