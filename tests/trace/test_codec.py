"""Times of steps as bytes: the compiled function and numpy say the same."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from graphscope.trace import codec

compiled = pytest.mark.skipif(codec._in_c is None, reason="no compiled module")
SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 40))
SIZES = st.sampled_from(
    [1, 1 << 20, (1 << 29) - 1, 1 << 29, (1 << 30) - 1, 1 << 30, 1 << 45, 1 << 60]
)


@compiled
@given(st.data(), SHAPES, SIZES, SIZES)
def test_planes_in_c_and_in_numpy(data, shape, far, long):
    begin = data.draw(arrays(np.int64, shape, elements=st.integers(-far, far)))
    dur = data.draw(arrays(np.int64, shape, elements=st.integers(-5, long)))
    assert codec._in_c(begin, dur, shape[1]) == codec.planes_of(begin, dur)


@compiled
@pytest.mark.parametrize("largest", [(1 << 30) - 1, 1 << 30, (1 << 31) - 1, 1 << 31, 1 << 62])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_shift_at_its_edges(largest, sign):
    begin, dur = np.array([[0, sign * largest]]), np.array([[1, 2]])
    found = codec._in_c(begin, dur, 2)
    assert found == codec.planes_of(begin, dur)
    assert found[1] == max(0, (2 * largest).bit_length() - 31)


def test_many_steps_there_and_back():
    rng = np.random.default_rng(0)
    dur = rng.integers(0, 100_000, (7, 11))
    begin = np.cumsum(dur + rng.integers(-3, 1_000, (7, 11)), axis=1) - dur
    blob, shift = codec.pack_many(begin, dur)
    assert shift == 0
    for there, back in zip((begin, dur), codec.unpack_many(blob, shift, 7), strict=True):
        np.testing.assert_array_equal(there, back)


@given(st.data(), st.integers(1, 40), SIZES, SIZES)
def test_one_step_there_and_back(data, nodes, far, long):
    begin = data.draw(arrays(np.int64, (1, nodes), elements=st.integers(-far, far)))
    dur = data.draw(arrays(np.int64, (1, nodes), elements=st.integers(0, long)))
    blob, shift = codec.pack_many(begin, dur)
    assert blob[0] == codec.NARROW and len(blob) <= 3 + 8 * nodes
    for there, back in zip((begin, dur), codec.unpack_many(blob, shift, 1), strict=True):
        np.testing.assert_array_equal(there >> shift, back >> shift)


def test_one_step_worked_out_by_hand():
    # Gaps 5 and -1 (10 and 1, folded), durations 70 and 300 (0x012c): one plane and two.
    blob, shift = codec.pack_many(np.array([[5, 74]]), np.array([[70, 300]]))
    assert shift == 0 and blob == bytes([codec.NARROW, 1, 2, 10, 1, 70, 0x2C, 0, 1])
    for wrong in (blob[:-1], blob[:2], blob[:1], b"\1\5\1" + blob[3:], b"\1\0\1" + blob[3:]):
        with pytest.raises(ValueError, match="as long as it says"):
            codec.unpack_many(wrong, 0, 1)


@compiled
def test_what_c_leaves_to_numpy():
    a = np.arange(12).reshape(3, 4)
    for begin, dur, nodes in (
        (a[:, ::2], a[:, ::2], 2), (a.T, a.T, 3), (a.astype(np.int32), a, 4), (a, a[:2], 4), (a, a, 5), (a, a, 0),
        (a.astype(float), a, 4), (a, a.astype(np.uint64), 4),
    ):  # fmt: skip
        assert codec._in_c(begin, dur, nodes) is None
    for few in ((a, a), (a, a, "4")):
        with pytest.raises(TypeError):
            codec._in_c(*few)
    before = sys.getrefcount(a)
    for _ in range(50):
        codec._in_c(a, a, 4)
        codec._in_c(a, a[:2], 4)
    assert sys.getrefcount(a) == before
    np.testing.assert_array_equal(codec.unpack_many(*codec.pack_many(a.T, a.T), 4)[1], a.T)


@pytest.mark.parametrize("size", [0, 1, 100, codec.SHORT, codec.SHORT + 1, 300_000])
def test_what_is_squeezed_comes_back(size):
    import zlib

    data = np.random.default_rng(0).integers(0, 4, size, np.uint8).tobytes()
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_RLE):
        made = codec.squeeze(data, strategy)
        assert zlib.decompress(made) == data
        assert len(made) <= len(data) * 0.6 + 20
