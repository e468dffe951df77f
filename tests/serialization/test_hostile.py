"""Damaged and hostile files: always a sentence, never a crash, and nothing of them is run."""

from __future__ import annotations

import importlib.util
import io
import os
import pickle
import tempfile
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graphscope as gs
from graphscope.errors import CheckpointError, DeviceError, GraphScopeError, UnsafeFile
from graphscope.serialization.safetensors import write_safetensors
from tests.serialization.archives import GOOD, archive, loaded


def table():
    file = io.BytesIO()
    write_safetensors({"a": gs.ones(3, 2), "b": gs.zeros(4, dtype=gs.int8)}, file)
    return file.getvalue()


def old():
    """The same as torch wrote it before 1.6, where torch is there."""
    if importlib.util.find_spec("torch") is None:
        return
    import torch

    file = io.BytesIO()
    value = {"w": torch.arange(20).reshape(4, 5), "n": [1, 2.5, "x", (None, True)]}
    torch.save(value, file, _use_new_zipfile_serialization=False)
    yield file.getvalue()


TABLE, OLD = table(), list(old())


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_flipped_bytes_and_cuts_give_a_sentence_and_never_a_crash(data):
    raw = bytearray(data.draw(st.sampled_from([GOOD, TABLE, *OLD])))
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw
    try:
        loaded(bytes(raw))
    except GraphScopeError as error:
        assert len(str(error)) > 20


PICKLE = zipfile.ZipFile(io.BytesIO(GOOD)).read("archive/data.pkl")


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_damaged_pickle_gives_a_sentence(data):
    raw = bytearray(PICKLE)
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        loaded(archive(bytes(raw)), weights_only=data.draw(st.booleans()))
    except (GraphScopeError, DeviceError) as error:
        assert len(str(error)) > 20


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_as_a_file_give_a_sentence(raw):
    for begin in (b"", b"\x80\x02", b"PK\x03\x04", (len(raw)).to_bytes(8, "little") + b"{"):
        with pytest.raises(GraphScopeError):
            loaded(begin + raw)


MARK = os.path.join(tempfile.gettempdir(), f"graphscope-ran-{os.getpid()}")


class System:
    def __reduce__(self):
        return (os.mkdir, (MARK,))


class Eval:
    def __reduce__(self):
        return (eval, (f"__import__('os').mkdir({MARK!r})",))


class Getter:
    def __reduce__(self):
        return (getattr, ("text", "upper"))


@pytest.mark.parametrize("weights_only", [None, True, False])
@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("make", [System, Eval, Getter])
def test_code_in_a_file_is_refused_by_name(make, protocol, weights_only):
    body = pickle.dumps({"weights": make()}, protocol)
    name = {System: "mkdir", Eval: "eval", Getter: "getattr"}[make]
    with pytest.raises((UnsafeFile, CheckpointError)) as caught:
        loaded(archive(body), weights_only=weights_only)
    assert protocol == 0 or (
        name in str(caught.value) and isinstance(caught.value, pickle.UnpicklingError)
    )
    with pytest.raises(CheckpointError):
        loaded(
            pickle.dumps(0x1950A86A20F9469CFC6C, 2)
            + pickle.dumps(1, 2)
            + pickle.dumps({}, 2)
            + body
        )
    assert not os.path.exists(MARK)


@pytest.mark.parametrize(
    "body",
    [
        b"ccollections\nOrderedDict\n}X\x04\x00\x00\x00nameK\x01sb.",  # attributes for a class
        b"cgraphscope.nn.linear\nLinear\n}X\x07\x00\x00\x00forwardK\x01sb.",
        b"cgraphscope.nn.linear\nLinear\n(K\x02K\x03tR.",  # calling a class
        b"cbuiltins\nlist\n(K\x02tR.",
        b"cgraphscope.nn.linear\nos.system\n.",
        b"cgraphscope\n__builtins__.eval\n.",
        b"cgraphscope.nn.functional\nrelu\n(K\x02tR.",
        b"cbuiltins\nbytearray\n(J\xff\xff\xff\x7ftR.",  # two gigabytes, please
        b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x03\x00\x00\x00hextR.",
        b"cnumpy\ndtype\n(X\x02\x00\x00\x00O8tR.",
        b"cnumpy._core.multiarray\n_reconstruct\n(tR(K\x01K\x02NNNtb.",
        b"X\xff\xff\xff\xffa.",
        b"]" * 50 + b".",
        b"(" * 5000 + b".",
        b"\x8b\xff\xff\xff\x7f.",
        b"h\x05.",
        b"]]a}b.",
        b"}]K\x01s.",
        b"K\x01Q.",
        b"N",
        b"",
    ],
)
def test_crooked_pickles_do_nothing(body):
    import graphscope.nn

    before = dict(vars(graphscope.nn.Linear))
    for weights_only in (True, False):
        with pytest.raises(GraphScopeError):
            loaded(archive(b"\x80\x02" + body), weights_only=weights_only)
    assert dict(vars(graphscope.nn.Linear)) == before


def test_a_storage_too_short_for_its_tensor_is_noticed():
    with pytest.raises(CheckpointError, match="8 bytes long"):
        loaded(archive(PICKLE, **{"data/0": bytes(8)}))
    reach = PICKLE.replace(b"K\x04K\x05\x86", b"K\x09K\x05\x86")
    assert reach != PICKLE
    with pytest.raises(CheckpointError, match="beyond its storage"):
        loaded(archive(reach))


def test_a_changed_number_is_noticed():
    at = GOOD.index(np.arange(20).tobytes()) + 40
    with pytest.raises(CheckpointError, match="checksum"):
        loaded(GOOD[:at] + b"\xff" + GOOD[at + 1 :])
