"""Two runs side by side: claims, structure, numbers; all against traces made by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graphscope.analysis import numeric
from graphscope.analysis.compare import (
    FASTER,
    ONLY_B,
    SAME,
    SLOWER,
    Side,
    _verdict,
    compare,
    regressions,
)
from graphscope.cli import main
from graphscope.errors import UsageError
from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter
from tests import golden
from tests.golden_sketch import Dictionary


def made(folder, name, ns, steps=12, extra=False, shift=0.0, values=True):
    """The tiny net with every op at ``ns`` nanoseconds (a function of node and step)."""
    path = folder / f"{name}.gscope"
    w = TraceWriter(path, golden.META | {"run": name})
    d = Dictionary(w, "train.py", golden.TINY_SOURCE)
    s, loss = golden.tiny_sketch(d)
    if extra:
        s.node("relu", [2], (4, 2), line=9)
    s.write(0)
    s.write_shapes(0, 0)
    n = len(s.nodes)
    w1, w2 = np.full((3, 5), 0.1), np.full((5, 2), 0.1)
    for k in range(steps):
        dur = np.array([ns(i, k) for i in range(n)])
        begin = np.concatenate([[0], np.cumsum(dur)[:-1] + 10 * np.arange(1, n)])
        wall = int(begin[-1] + dur[-1] + 1000)
        w.add_step(k, "train", k, 0, 0, t0_ns=k * 10**6, begin_ns=begin, dur_ns=dur, wall_ns=wall)
        if values:
            table = golden.tiny_numbers(w1, w2 + (shift if k >= 3 else 0.0))
            w.add_values(k, golden.entries(table))
    w.close()
    return path


@pytest.fixture
def pair(tmp_path):
    def build(*args, **kwargs):
        a = made(tmp_path, "a", lambda i, k: 10_000 + 100 * (k % 5))
        b = made(tmp_path, "b", *args, **kwargs)
        return TraceReader(a), TraceReader(b)

    return build


def test_equal_runs_show_no_difference(pair):
    a, b = pair(lambda i, k: 10_000 + 100 * ((k + 2) % 5))
    found = compare(a, b)
    assert found.structure.same and found.structure.first is None
    assert {row.verdict for row in found} == {SAME} and found.step.verdict == SAME
    assert "same 15 ops" in str(found) or "Both run the same" in str(found)
    assert regressions(found, 0.0) == []


def test_a_slower_op_is_found_with_its_ratio(pair):
    a, b = pair(lambda i, k: (30_000 if i == 1 else 10_000) + 100 * (k % 5))
    found = compare(a, b)
    by_key = {row.key: row for row in found}
    # relu is node 1 and one gradient: (10 + 10) of A against (30 + 10) of B, plus 0..400 ns
    assert by_key["relu"].verdict == SLOWER
    assert by_key["relu"].ratio == pytest.approx(2.0, abs=0.05)
    assert by_key["matmul"].verdict == SAME
    assert found.sorted()[0].key == "relu"
    (sentence,) = regressions(found, 0.5)
    assert sentence.startswith("relu: ") and "times as long" in sentence
    assert regressions(found, 2.0) == []
    assert {r.key: r.verdict for r in compare(b, a)}["relu"] == FASTER


def test_overlapping_spreads_claim_nothing_however_far_the_medians_are():
    a = Side(1, 0, 5, 10, 20, 50)
    assert _verdict(a, Side(1, 0, 15, 40, 60, 50)) == SAME
    assert _verdict(a, Side(1, 0, 21, 40, 60, 50)) == SLOWER
    assert _verdict(a, Side(1, 0, 21, 40, 60, 4)) == SAME  # too few samples
    assert _verdict(None, a) == ONLY_B


def test_an_added_op_is_named(pair):
    a, b = pair(lambda i, k: 10_000, extra=True)
    found = compare(a, b)
    assert not found.structure.same
    assert found.structure.only_b == {"relu": 1} and not found.structure.only_a
    assert found.structure.first is not None and "relu" in found.structure.first
    assert "Only in B: relu x1" in str(found)
    assert any("ops of a step differ" in s for s in regressions(found, 1.0))


def test_the_first_divergent_value_is_found(pair):
    a, b = pair(lambda i, k: 10_000, shift=0.25)
    assert numeric.common_steps(a, b) == list(range(12))
    first = numeric.first_divergent(a, b)
    assert first is not None and first.step == 3
    assert (first.label, first.what, first.node) == ("w2", "v", -3)
    assert first.max_abs == pytest.approx(0.25, rel=1e-6)
    assert first.max_rel == pytest.approx(0.25 / 0.35, rel=1e-6) and first.exact
    labels = [
        d.label for d in numeric.differences(a, b, 3) if d.beyond(1e-4, 1e-7) and d.what == "v"
    ]
    assert labels[:2] == ["w2", "out"] and "h" not in labels
    c, d = numeric.differences(a, b, 1), numeric.differences(a, b, 1, other=2)
    assert all(x.max_abs == 0 == x.ulp for x in (*c, *d))


def test_ulp_distance_counts_floats():
    one = np.float32(1)
    up = np.nextafter(one, np.float32(2))
    a = np.array([1, 1, 0.0, -0.0, -1e-45, np.nan, np.inf, np.inf, np.nan], np.float32)
    b = np.array([1, up, -0.0, 0.0, 1e-45, np.nan, np.inf, -np.inf, 1.0], np.float32)
    assert numeric.ulp_distance(a, b).tolist() == [0, 1, 0, 0, 2, 0, 0, np.inf, np.inf]


def test_a_nan_on_one_side_is_a_difference(pair):
    a, b = pair(lambda i, k: 10_000, shift=float("nan"))
    first = numeric.first_divergent(a, b)
    assert first is not None and first.label == "w2" and first.max_abs == np.inf


def test_no_step_to_compare_is_one_sentence(tmp_path):
    a, b = (golden.build(name, tmp_path) for name in ("tiny", "empty"))
    with pytest.raises(UsageError, match="no train step to compare"):
        compare(TraceReader(a), TraceReader(b))


@pytest.mark.parametrize("by", ["op", "scope", "line", "phase", "shape"])
def test_every_grouping_sums_to_the_same_time(tmp_path, by):
    path = golden.build("digits_like", tmp_path)
    other = made(tmp_path, "b", lambda i, k: 10_000)
    found = compare(TraceReader(path), TraceReader(other), by)
    assert found.rows and "(whole step)" in found.table()
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_command(pair, capsys):
    a, b = pair(lambda i, k: (30_000 if i == 1 else 10_000) + 100 * (k % 5), shift=0.25)
    one, two = str(a.path), str(b.path)
    assert main(["compare", one, two]) == 0
    out = capsys.readouterr().out
    assert "slower" in out and "part at step 3, first in w2" in out
    assert main(["compare", one, two, "--tolerance", "0.5"]) == 1
    assert "relu" in capsys.readouterr().err
    assert main(["compare", one, two, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["structure"]["same"] is True
    assert main(["compare", one, one]) == 2
    assert "are the same run" in capsys.readouterr().err
    assert main(["compare", one, two, "--tolerance", "x"]) == 2
