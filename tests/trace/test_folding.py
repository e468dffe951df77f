"""Tables of integers as bytes: in C as in numpy, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from graphscope.trace import codec
from graphscope.trace.folding import AFTER, AS_IT_IS, GAP, PLAIN, below, fold, in_numpy, unfold

WAYS = [bytes([PLAIN]), bytes([AFTER]), bytes([GAP, PLAIN, below(0)]), bytes([below(1), GAP])]


@settings(deadline=None)
@given(
    st.integers(0, 99),
    st.integers(0, 40),
    st.sampled_from([4, 8]),
    st.sampled_from(WAYS),
    st.integers(0, 62),
)
@example(0, 3, 4, WAYS[1], 1)
def test_tables_come_back(seed: int, rows: int, size: int, ways: bytes, bits: int) -> None:
    high = 1 << min(bits, 8 * size - 1)
    table = np.random.default_rng(seed).integers(
        -high, high, (rows, len(ways)), endpoint=bits < 8 * size - 1
    )
    table = table.astype(f"<i{size}")
    folded = in_numpy(table.tobytes(), size, ways)
    if codec.fold_in_c is not None:
        assert codec.fold_in_c(table, size, ways) == folded
    assert fold(table, size, ways) == folded
    found, end = unfold(b"xx" + folded + b"more", 2, rows, size, ways)
    assert found.T.tolist() == table.tolist() and end == 2 + len(folded)


def test_bytes_that_were_worked_out_by_hand() -> None:
    # 0, -1, 1, 300 become 0, 1, 2, 600 = 0x0258: two planes.
    numbers = np.array([0, -1, 1, 300], "<i4")
    assert fold(numbers, 4, bytes([PLAIN])) == bytes([2, 0, 1, 2, 0x58, 0, 0, 0, 2])
    # 5, 7, 6: 5, 2 and -1 more.
    assert fold(np.array([5, 7, 6], "<i4"), 4, bytes([GAP])) == bytes([1, 10, 4, 1])
    # Row 1 dies at row 3, two later; row 2 at once; -2 stays.
    assert fold(np.array([-2, 3, 2], "<i4"), 4, bytes([AFTER])) == bytes([1, 3, 4, 0])
    # Row 1 says 0, which is before it: as it is.
    assert fold(np.array([2, 0], "<i4"), 4, bytes([AFTER])) == bytes([1 | AS_IT_IS, 4, 0])
    # Two columns; the second is stored as what the first says less it.
    assert fold(np.array([[9, 8], [4, 5]], "<i4"), 4, bytes([PLAIN, below(0)])) == bytes(
        [1, 1, 18, 8, 2, 1]
    )


@pytest.mark.parametrize("ways", [bytes([PLAIN, PLAIN]), bytes([PLAIN, PLAIN, PLAIN])])
def test_half_a_row_is_refused(ways: bytes) -> None:
    with pytest.raises(ValueError, match="no rows of"):
        fold(np.zeros(5, "<i4"), 4, ways)


@pytest.mark.parametrize("cut", [0, 1, 3, 8])
def test_too_few_bytes_are_refused(cut: int) -> None:
    folded = fold(np.array([[1, 300], [2, 9]], "<i4"), 4, bytes(2))
    with pytest.raises(ValueError, match="as long as it says"):
        unfold(folded[: min(cut, len(folded) - 1)], 0, 2, 4, bytes(2))
    with pytest.raises(ValueError, match="as long as it says"):
        unfold(b"\x09" + folded[1:], 0, 2, 4, bytes(2))
    for rows in (-1, 2**40):
        with pytest.raises(ValueError, match="as long as it says"):
            unfold(folded, 0, rows, 4, bytes(2))
