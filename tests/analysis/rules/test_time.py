"""Time and memory: each rule against steps whose nanoseconds and bytes are given."""

from __future__ import annotations

import numpy as np
import pytest

from graphscope.analysis.doctor import RULES
from graphscope.analysis.rules.fusions import chains, saving
from graphscope.analysis.rules.wires import Wires
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from tests.analysis.rules.golden_mlp import LOSS, SCORES, X, mlp
from tests.analysis.rules.judge import findings, found, is_silent

LEVEL = {rule.id: rule.severity for rule in RULES}
MS = 1_000_000
FEW = dict(value_steps=())


def waits(ms):
    """The first node, which waits for the batch, takes so long."""

    def times(k, dur, s):
        dur[0] = ms * MS
        return dur, int(dur.sum()) + 200_000

    return times


def python(ms):
    return lambda k, dur, s: (dur, int(dur.sum()) + int(ms * MS))


def hiccups(n):
    """In so many of 80 steps a product takes 20 ms."""

    def times(k, dur, s):
        if 5 <= k < 5 + n:
            dur[1] = 20 * MS
        return dur, int(dur.sum()) + 200_000

    return times


def copies(ms):
    """The scores go to the host in every step."""

    def extra(s):
        s.node("to_device", [SCORES], (64, 10), line=30, flags=schema.COPY)

    def times(k, dur, s):
        dur[s.op_names.index("to_device")] = ms * MS
        return dur, int(dur.sum()) + 200_000

    return dict(extra=extra, times=times)


def device(busy_us, idle_us):
    """On its device each op takes so long, after it waited so long."""

    def dev(k, n):
        return np.concatenate([np.full(n, busy_us * 1000), np.full(n, idle_us * 1000)])

    def times(k, dur, s):
        return dur, len(dur) * (busy_us + idle_us) * 1000

    def each(w, k, s):
        w.add_device(k, "sim", 0, 1, 1, 1 << 20, 1 << 21, 900 << 10, 0)

    return dict(dev=dev, each=each, times=times)


def pool(peak):
    def each(w, k, s):
        w.add_device(k, "sim", 0, 1, 1, 1 << 20, 1 << 21, peak, 0)

    return dict(each=each, meta={"memory_total:sim": "1000000"})


def softmax_by_hand(s):
    e = s.node("exp", [SCORES], (64, 10), line=25)
    total = s.node("sum", [e], (64, 1), line=25)
    s.node("div", [e, total], (64, 10), line=25)


def softmax_used_twice(s):
    """The exponentials are read by a third op: one softmax would not do."""
    e = s.node("exp", [SCORES], (64, 10), line=25)
    total = s.node("sum", [e], (64, 1), line=25)
    s.node("div", [e, total], (64, 10), line=25)
    s.node("mul", [e, e], (64, 10), line=26)


def loop(n):
    def extra(s):
        for _ in range(n):
            s.node("mul", [X, X], (), line=26)

    return extra


def slow_extra(k, dur, s):
    """What a test adds behind the loss is half of the step."""
    dur[LOSS + 1 : s.op_names.index("cross_entropy", LOSS + 1)] = 300_000
    return dur, int(dur.sum()) + 200_000


def leak(w, k, s):
    """A batch of each step stays; no graph hangs on it."""
    if k + 2 < 40:
        w.add_left(k, 0, 8192, k + 2)


TWINS = {
    "input-bound": (dict(times=waits(2)), dict(times=waits(0.05))),
    "transfer-bound": (copies(2), copies(0.05)),
    "python-bound": (dict(times=python(20)), dict(times=python(2))),
    "launch-bound": (device(20, 60), device(60, 2)),
    "step-time-outlier": (dict(times=hiccups(14), steps=80), dict(times=hiccups(9), steps=80)),
    "fusable-ops": (
        dict(extra=softmax_by_hand, times=slow_extra),
        dict(extra=softmax_used_twice, times=slow_extra),
    ),
    "element-loop": (dict(extra=loop(20), times=slow_extra), dict(extra=loop(10), times=slow_extra)),
    "memory-near-limit": (pool(950_000), pool(800_000)),
    "creeping-memory": (
        dict(live=lambda k: 100_000 + 8_192 * k, each=leak),
        dict(live=lambda k: 100_000 + 8_192 * (k % 4)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", TWINS)
def test_it_finds_what_is_wrong_and_nothing_else(rule, tmp_path):
    path = mlp(tmp_path / "bad.gscope", **FEW, **TWINS[rule][0])
    if rule == "launch-bound":  # a device that waits is idle: both are said
        one = next(f for f in findings(path) if f.id == rule)
        assert {f.id for f in findings(path)} == {"launch-bound", "idle-device"}
    else:
        one = found(path, rule)
    assert one.detail.endswith(".") and one.topic in ("performance", "memory")


@pytest.mark.parametrize("rule", TWINS)
def test_it_is_silent_where_it_is_nearly_wrong(rule, tmp_path):
    is_silent(mlp(tmp_path / "good.gscope", **FEW, **TWINS[rule][1]), rule, LEVEL[rule])


def test_the_longest_stretch_of_python_may_follow_the_last_op(tmp_path):
    after = found(mlp(tmp_path / "after.gscope", **FEW, times=python(20)), "python-bound")
    assert "the longest stretch, 20.0 ms, is just after this one" in after.detail, after.detail
    assert after.nodes and max(after.nodes) > LOSS


def test_an_idle_device_is_no_matter_of_short_ops(tmp_path):
    """It waits once, for long, and not before ops that are shorter than the wait."""

    def dev(k, n):
        idle = np.zeros(n)
        idle[1] = 30 * MS
        busy = np.full(n, 20_000)
        busy[1] = 31 * MS
        return np.concatenate([busy, idle])

    both = device(20, 60)
    path = mlp(tmp_path / "idle.gscope", **FEW, **(both | dict(dev=dev, times=python(60))))
    one = found(path, "idle-device")
    assert one.nodes == (1,) and "30.0 ms" in one.detail and one.severity == "warning"


def test_the_numbers_are_those_of_the_trace(tmp_path):
    one = found(mlp(tmp_path / "wait.gscope", **FEW, times=waits(2)), "input-bound")
    assert one.evidence["wait_ns"] == pytest.approx(2 * MS)
    assert one.nodes == (0,) and one.site.line == 10 and "37 steps" in one.detail
    little = found(mlp(tmp_path / "less.gscope", **FEW, times=waits(0.55)), "input-bound")
    assert little.severity == "info"  # between 5 and 20 %
    one = found(
        mlp(tmp_path / "leak.gscope", **FEW, **TWINS["creeping-memory"][0]), "creeping-memory"
    )
    assert (
        one.evidence["per_step"] == pytest.approx(8192)
        and one.nodes == (0,)
        and one.site.line == 10
    )
    one = found(
        mlp(tmp_path / "far.gscope", **FEW, **TWINS["step-time-outlier"][0]), "step-time-outlier"
    )
    assert one.evidence["steps"] == list(range(5, 19))
    one = found(mlp(tmp_path / "loop.gscope", **FEW, **TWINS["element-loop"][0]), "element-loop")
    assert one.evidence["ops"] == 20 and one.site.line == 26


def test_ten_steps_are_too_few(tmp_path):
    assert findings(mlp(tmp_path / "short.gscope", **FEW, times=waits(5), steps=10)) == []


def test_which_chains_one_op_would_replace(tmp_path):
    def extra(s):
        two = s.port(None, "constant", (), const="2.0")
        target = s.port("target", "input", (64, 10))
        d = s.node("sub", [SCORES, target], (64, 10))
        s.node("mean", [s.node("pow", [d, two], (64, 10))], ())
        wide = s.node("sub", [SCORES, s.port("row", "input", (10,))], (64, 10))
        s.node("mean", [s.node("mul", [wide, wide], (64, 10))], ())
        e = s.node("exp", [target], (64, 10))
        s.node("log", [s.node("sum", [e], (64,))], (64,))
        s.node("add", [s.node("mul", [target, SCORES], (64, 10)), target], (64, 10))

    path = mlp(tmp_path / "chains.gscope", **FEW, extra=extra, steps=12)
    with TraceReader(path) as reader:
        wires = Wires(reader, reader.graph(0), reader.specs_of(0))
        names = [chain.what for chain in chains(wires)]
    assert sorted(names) == sorted(
        ["a product and a bias"] * 3
        + ["a squared error by hand", "exp, sum and log", "a product and a sum of tensors"]
    )  # and not the one that is broadcast


def test_what_a_fused_op_would_save(tmp_path):
    """Forward 100 + 40 ns and backward (50 + 60) + 10: what goes is 40 and 10, and one gap of 5."""

    class Three:
        ops = ("mm", "add")

        class graph:
            @staticmethod
            def backward_of(i):
                return [[(2, 0), (3, 1)], [(4, 0)]][i]

    mean = np.array([100.0, 40, 50, 60, 10])
    assert saving(Three, (0, 1), mean, 5.0) == 40 + 10 + 5
