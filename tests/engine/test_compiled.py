"""Code that is kept beside Python's own: found again, made again where it is damaged, never needed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from graphscope.engine.compiled import Compiled


def value_of(code):
    scope = {}
    exec(code, scope)
    return scope["x"]


@pytest.fixture
def beside(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return str(tmp_path / "module.py")


def kept(beside, text="x = 1 + 1"):
    codes = Compiled(beside)
    assert value_of(codes.code(text, "a.py")) == eval(text[4:])
    codes.save()
    return codes


def test_what_was_compiled_is_found_again(beside, monkeypatch):
    path = Path(kept(beside).path)
    assert path.parent.name == "__pycache__" and path.is_file()
    monkeypatch.setattr("graphscope.engine.compiled.compile", None, raising=False)
    assert value_of(Compiled(beside).code("x = 1 + 1", "a.py")) == 2


def test_what_is_no_longer_used_goes_with_the_next_change(beside):
    kept(beside)
    path = Path(kept(beside, "x = 3").path)
    size = path.stat().st_size
    assert len(Compiled(beside)._known) == 1
    kept(beside, "x = 3")
    assert path.stat().st_size == size


@pytest.mark.parametrize("harm", [b"", b"short", b"\0" * 500, "cut", "flip"])
def test_a_damaged_file_is_made_again(beside, harm):
    path = Path(kept(beside).path)
    data = path.read_bytes()
    if harm == "cut":
        harm = data[:-3]
    elif harm == "flip":
        harm = data[:40] + bytes([data[40] ^ 1]) + data[41:]
    path.write_bytes(harm)
    kept(beside)
    assert path.read_bytes() == data


def test_a_folder_that_cannot_be_written_does_no_harm(beside, tmp_path, monkeypatch):
    (tmp_path / "__pycache__").write_text("a file where the folder should be")
    kept(beside)
    assert [p.name for p in tmp_path.iterdir()] == ["__pycache__"]


def test_nothing_is_written_where_python_writes_nothing(beside, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    kept(beside)
    assert not (tmp_path / "__pycache__").exists()
