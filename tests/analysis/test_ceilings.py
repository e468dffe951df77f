"""The machine's ceilings: measured once, kept, and never in the way."""

from __future__ import annotations

import dataclasses
import json
import time

import pytest

from graphscope.analysis import ceilings as module
from graphscope.analysis.ceilings import Ceilings, ceilings, measure

FAKE = Ceilings(copy=1e10, gemm32=1e11, gemm64=5e10, threads=1, measured=0.0)


@pytest.fixture
def counted(monkeypatch):
    calls = []

    def fake():
        calls.append(1)
        return dataclasses.replace(FAKE, measured=time.time())

    monkeypatch.setattr(module, "measure", fake)
    return calls


def test_a_measurement_is_kept_and_used_again(tmp_path, counted):
    first = ceilings(folder=tmp_path)
    assert ceilings(folder=tmp_path) == first and len(counted) == 1
    assert ceilings(again=True, folder=tmp_path).copy == 1e10 and len(counted) == 2
    assert first.ridge == pytest.approx(10.0)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"x": 1}', "\x00"])
def test_a_damaged_cache_is_measured_again(tmp_path, counted, text):
    (tmp_path / "ceilings.json").write_text(text)
    assert ceilings(folder=tmp_path).gemm32 == 1e11 and len(counted) == 1
    assert json.loads((tmp_path / "ceilings.json").read_text())


def test_old_and_foreign_entries_are_measured_again(tmp_path, counted):
    for entry in ({**dataclasses.asdict(FAKE), "measured": 1.0}, {"copy": 1}):
        (tmp_path / "ceilings.json").write_text(json.dumps({module.machine(): entry}))
        ceilings(folder=tmp_path)
    assert len(counted) == 2


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path, counted, capsys):
    (tmp_path / "file").write_text("")
    assert ceilings(folder=tmp_path / "file" / "below").copy == 1e10
    assert "could not be kept" in capsys.readouterr().err


def test_what_is_measured_is_plausible():
    found = measure(seconds=0.01)
    assert 1e7 < found.copy < 1e13 and 1e7 < found.gemm64 < 1e15 and found.threads >= 1
