"""Rules that are exact from the graph: each fires on its bad program, on the right line, and not on the twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analysis.rules import structure_layers, structure_losses, structure_wiring
from tests.analysis.rules.driver import Pair, check_bad, check_good

PAIRS: tuple[Pair, ...] = (
    *structure_wiring.PAIRS, *structure_losses.PAIRS, *structure_layers.PAIRS,
)  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.id)
def test_bad(pair: Pair, tmp_path: Path) -> None:
    finding = check_bad(pair, tmp_path)
    assert finding.means and finding.fix and finding.detail.endswith((".", "!")), finding
    assert finding.evidence


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.id)
def test_good(pair: Pair, tmp_path: Path) -> None:
    check_good(pair, tmp_path)
