"""Two runs side by side: claims, structure, numbers; all against traces made by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

import graphscope as gs
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


def trained(folder, name, hidden=32, steps=6, **options):
    """A real run; all of the same data, and of the same weights where their shapes allow."""
    gs.manual_seed(0)
    x, y = gs.randn(64, 16), gs.randn(64, 4)
    net = gs.nn.Sequential(gs.nn.Linear(16, hidden), gs.nn.ReLU(), gs.nn.Linear(hidden, 4))
    dtype = options.pop("dtype", None)
    if dtype is not None:
        net, x, y = net.to(dtype), x.to(dtype), y.to(dtype)
    sgd = gs.optim.SGD(net.parameters(), lr=options.pop("lr", 0.01))
    with gs.profile(folder / name, values=options.pop("values", "full")) as p:
        for _ in range(steps):
            loss = gs.nn.functional.mse_loss(net(x), y)
            sgd.zero_grad()
            loss.backward()
            sgd.step()
    return TraceReader(p.path)


def test_a_sample_that_was_rounded_is_no_difference(tmp_path):
    """A large tensor's sample has 12 of its 24 bits: numbers next to each other may round apart by 2.4e-4."""
    one, two = trained(tmp_path, "a"), trained(tmp_path, "b", dtype=gs.float64)
    apart = [d for step in range(6) for d in numeric.differences(one, two, step) if not d.exact]
    assert len(apart) > 40 and max(d.max_rel for d in apart) < 1e-5
    assert numeric.first_divergent(one, two) is None
    three = trained(tmp_path, "c", lr=0.02)
    first = numeric.first_divergent(one, three)
    assert first is not None and first.step == 0, "and what differs is still seen"
    assert first.name == "sgd_ of net.0.weight" and not first.exact


def test_other_tensors_are_said(tmp_path, capsys):
    one, two = trained(tmp_path, "a"), trained(tmp_path, "wide", hidden=48)
    found = compare(one, two)
    assert found.structure.same
    text = found.structure.sentences()[0]
    assert text.startswith("Both run the same 15 ops a step, on other tensors: ")
    assert "net.0.weight is 32×16 in A and 48×16 in B" in text and " more." in text
    assert compare(one, trained(tmp_path, "again")).structure.tensors == []
    wide = compare(one, trained(tmp_path, "f64", dtype=gs.float64)).structure.tensors
    assert "net.0.weight is 32×16 float32 in A and 32×16 float64 in B" in wide


def test_of_the_whole_step_what_recording_cost_is_left_out(tmp_path):
    one = trained(tmp_path, "full", steps=30)
    two = trained(tmp_path, "off", steps=30, values="off")
    found = compare(one, two)
    wall = np.median(one.steps().wall_ns[1:])
    assert found.step.a.p50 < 0.7 * wall, "statistics of all values are most of it"
    assert found.step.ratio > 0.5


def test_numbers_of_every_node_on_the_command_line(tmp_path, capsys):
    one, two = trained(tmp_path, "a"), trained(tmp_path, "b", lr=0.02)
    a, b = str(one.path), str(two.path)
    assert main(["compare", a, b, "--numbers", "--top", "3"]) == 0
    out = capsys.readouterr().out
    assert "Their numbers part at step 0, first in sgd_ of net.0.weight (test_compare.py:" in out
    table = out[out.index("largest differences") :].splitlines()
    assert table[0].split()[-3:] == ["absolute", "relative", "ULP"] and len(table) == 2 + 3 + 1
    assert "* by a sample" in table[-1]
    assert main(["compare", a, b, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["numbers"]
    assert told["first_divergent"]["step"] == 0 and len(told["nodes"]) > 20
    # Steps of one run; -1 is the last, and is called by its number.
    assert main(["compare", a, "--steps", "0", "-1", "--numbers"]) == 0
    out = capsys.readouterr().out
    assert "B: step 5 of a" in out and "net.0.weight" in out[out.index("largest differences") :]
    assert main(["compare", a, "--steps", "2", "2", "--numbers"]) == 0
    assert "Every number is the same." in capsys.readouterr().out
    off = str(trained(tmp_path, "off", values="off").path)
    assert main(["compare", off, "--steps", "1", "2", "--numbers"]) == 0
    assert "Statistics were not taken in both steps" in capsys.readouterr().out
    assert main(["compare", a, off, "--numbers"]) == 0
    assert "largest differences" not in capsys.readouterr().out


def test_one_is_not_many(tmp_path, capsys):
    one, two = (str(trained(tmp_path, name, steps=1).path) for name in "ab")
    assert main(["compare", one, two]) == 0
    assert "Their numbers agree in the one step that both sampled." in capsys.readouterr().out


def test_a_run_of_evaluations_says_so(tmp_path, capsys):
    with gs.profile(tmp_path / "eval", values="off") as p, gs.no_grad():
        gs.ones(3) * 2
    assert main(["compare", str(p.path), str(trained(tmp_path, "b").path)]) == 2
    said = capsys.readouterr().err
    assert "eval.gscope has no train step to compare; its steps are of kind eval." in said


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
