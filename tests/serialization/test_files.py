"""Whole modules, declared classes, foreign and half-written files, and where tensors go."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile

import pytest

import graphscope as gs
from graphscope.errors import CheckpointError, DeviceError, UnsafeFile
from graphscope.serialization import add_safe_globals, clear_safe_globals, safe_globals
from tests.serialization.archives import GOOD, archive, loaded, written


class Net(gs.nn.Module):
    def __init__(self):
        super().__init__()
        self.one = gs.nn.Linear(3, 4)
        self.act = gs.nn.functional.relu
        self.rest = gs.nn.Sequential(gs.nn.Dropout(0.5), gs.nn.Linear(4, 1))
        self.depth = 2

    def forward(self, x):
        return self.rest(self.act(self.one(x)))


def test_a_whole_module_is_saved_by_the_name_of_its_class(tmp_path):
    net = Net().eval()
    with gs.profile(tmp_path / "run"):
        net(gs.ones(2, 3))
    gs.save(net, tmp_path / "net.pt")
    with pytest.raises(UnsafeFile, match="weights_only=False"):
        gs.load(tmp_path / "net.pt")
    again = gs.load(tmp_path / "net.pt", weights_only=False)
    assert type(again) is Net and again.depth == 2 and not again.training
    assert gs.equal(again(gs.ones(2, 3)), net(gs.ones(2, 3)))
    assert repr(again) == repr(net)
    assert [type(p).__name__ for p in again.parameters()] == ["Parameter"] * 4
    again.train()(gs.ones(2, 3)).sum().backward()


class Config:
    def __init__(self, rate):
        self.rate = rate


def test_a_class_can_be_declared_safe():
    raw = written({"config": Config(0.5)})
    for weights_only in (True, False):
        with pytest.raises(UnsafeFile, match="Config"):
            loaded(raw, weights_only=weights_only)
    with safe_globals([Config]):
        assert loaded(raw)["config"].rate == 0.5
    with pytest.raises(UnsafeFile):
        loaded(raw)
    add_safe_globals([Config])
    assert loaded(raw)["config"].rate == 0.5
    clear_safe_globals()


def test_where_tensors_go():
    w = gs.arange(6.0).reshape(2, 3)
    raw = written({"w": w, "row": w[1], "t": w.t()})
    for where in (
        "sim",
        gs.device("sim"),
        {"cpu": "sim"},
        lambda storage, location: storage.to("sim"),
    ):
        got = loaded(raw, map_location=where)
        assert {t.device.type for t in got.values()} == {"sim"}
        assert got["t"].cpu().tolist() == w.t().tolist()
    seen = []
    got = loaded(raw, map_location=lambda storage, location: seen.append((location, len(storage))))
    assert seen == [("cpu", 6)] and got["w"].device.type == "cpu"
    elsewhere = raw.replace(b"\x03\x00\x00\x00cpu", b"\x06\x00\x00\x00cuda:7")
    body = zipfile.ZipFile(io.BytesIO(raw)).read("archive/data.pkl")
    elsewhere = archive(
        body.replace(b"\x03\x00\x00\x00cpu", b"\x06\x00\x00\x00cuda:7"), **{"data/0": bytes(24)}
    )
    with pytest.raises(DeviceError, match="map_location='cpu'"):
        loaded(elsewhere)
    assert loaded(elsewhere, map_location="cpu")["w"].device.type == "cpu"
    assert loaded(elsewhere, map_location={"cuda:7": "sim"})["w"].device.type == "sim"


def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.pt"
    gs.save([1], path)
    with pytest.raises(CheckpointError, match="cannot be saved"):
        gs.save([lambda: 0], path)

    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile._ZipWriteFile, "write", full)
    with pytest.raises(CheckpointError, match="No space left.*old file"):
        gs.save([2], path)
    monkeypatch.undo()
    assert gs.load(path) == [1] and os.listdir(tmp_path) == ["x.pt"]
    with pytest.raises(CheckpointError, match="does not exist"):
        gs.save([1], tmp_path / "nowhere" / "x.pt")
    with pytest.raises(CheckpointError, match="No space left"):
        gs.save(gs.zeros(100_000), "/dev/full")


def test_a_link_and_the_rights_of_a_file_stay(tmp_path):
    gs.save([1], tmp_path / "x.pt")
    os.chmod(tmp_path / "x.pt", 0o640)
    os.symlink(tmp_path / "x.pt", tmp_path / "link.pt")
    gs.save([2], tmp_path / "link.pt")
    assert os.path.islink(tmp_path / "link.pt") and gs.load(tmp_path / "x.pt") == [2]
    assert os.stat(tmp_path / "x.pt").st_mode & 0o777 == 0o640


FOREIGN = {
    "empty": (b"", "empty"),
    "text": (b"hello, I am a text file", "no file of tensors"),
    "plain pickle": (pickle.dumps({"a": 1}), "not one that torch.save wrote"),
    "other zip": (None, "no data.pkl"),
    "script": (None, "TorchScript"),
    "cut": (GOOD[: len(GOOD) // 2], "table of contents"),
    "long table": (struct.pack("<Q", 1 << 40) + b"{}", "cut off"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files_give_a_sentence(name, tmp_path):
    raw, words = FOREIGN[name]
    if raw is None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as z:
            z.writestr("m/code/__torch__.py" if name == "script" else "a.txt", "x")
        raw = out.getvalue()
    (tmp_path / "x.pt").write_bytes(raw)
    with pytest.raises(CheckpointError, match=words):
        gs.load(tmp_path / "x.pt")


def tables():
    good = {"a": dict(dtype="F32", shape=[2], data_offsets=[0, 8])}
    yield {"a": dict(dtype="F32", shape=[2], data_offsets=[0, 4])}, "damaged"
    yield {"a": dict(dtype="F32", shape=[-2], data_offsets=[8, 0])}, "damaged"
    yield {"a": dict(dtype="F33", shape=[2], data_offsets=[0, 8])}, "F33"
    yield {**good, "b": dict(dtype="F32", shape=[2], data_offsets=[4, 12])}, "begins at"
    yield {**good, "b": dict(dtype="F32", shape=[1], data_offsets=[8, 12])}, "cut off"
    yield {"a": [1]}, "damaged"
    yield [], "no dict"


@pytest.mark.parametrize("table, words", list(tables()))
def test_damaged_safetensors_give_a_sentence(table, words):
    import json

    head = json.dumps(table).encode()
    head = head.replace(b"[]", b"{]") if head == b"[]" else head
    raw = struct.pack("<Q", len(head)) + head + bytes(8)
    with pytest.raises(CheckpointError, match="JSON|" + words):
        loaded(raw if raw[8:9] == b"{" else raw)


def test_safetensors_hold_only_tensors(tmp_path):
    with pytest.raises(ValueError, match="flat dict"):
        gs.save({"a": gs.ones(1), "epoch": 3}, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match="not list"):
        gs.save([gs.ones(1)], tmp_path / "x.safetensors")
    assert os.listdir(tmp_path) == []


def test_a_bomb_is_not_unpacked():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(
            "archive/data.pkl", b"\x80\x02X" + struct.pack("<I", 1 << 24) + b"a" * (1 << 24) + b"."
        )
    with pytest.raises(CheckpointError, match="refused"):
        loaded(out.getvalue())


def test_files_opened_as_text_are_refused(tmp_path):
    with open(tmp_path / "x", "w") as file, pytest.raises(ValueError, match="wb"):
        gs.save([1], file)
    with open(tmp_path / "x") as file, pytest.raises(ValueError, match="rb"):
        gs.load(file)
    with pytest.raises(ValueError, match="path"):
        gs.load(3)


def test_long_lists_and_deep_ones(tmp_path):
    history = [i / 7 for i in range(30_000)]
    assert loaded(written(history)) == history
    deep = []
    for _ in range(200):
        deep = [deep]
    assert loaded(written(deep)) == deep
