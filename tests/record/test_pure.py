"""The recorder's own tests once more without the compiled part, as where there is no C compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from graphscope.engine import follow

HERE = Path(__file__).parent
TESTS = ("test_track.py", "test_recorder.py", "test_step_ends.py", "test_ports.py")


@pytest.mark.skipif(not follow.COMPILED, reason="nothing is compiled: these tests ran so already")
def test_the_recorder_without_the_compiled_part():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(HERE / t) for t in TESTS)],
        env={**os.environ, "GRAPHSCOPE_PURE": "1"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4_000:]
