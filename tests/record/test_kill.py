"""A trainer that dies by kill -9 leaves a trace that opens, whole but for the last quarter second."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.bench.kills import kill

KILLS = int(os.environ.get("GRAPHSCOPE_KILLS", "4"))


@pytest.mark.parametrize("chance", range(KILLS))
def test_all_but_the_last_quarter_second_survives(tmp_path: Path, chance: int) -> None:
    found = kill(tmp_path, chance, 0.6, 1.1)
    assert found.problem == ""
    assert found.done > 20
    assert found.lost_ms < 350, "a quarter second, and a slow machine's tenth"
