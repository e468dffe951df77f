"""What is written is what is read: dictionary, graphs, steps, values, scalars."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from graphscope.errors import TraceError
from graphscope.trace import codec, schema, thinning, values
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Entry, Spec
from graphscope.trace.writer import TraceWriter
from tests.golden import DIGITS_SOURCE, build, tiny_numbers
from tests.golden_sketch import entry

longs = st.integers(0, 2**40)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory):
    with TraceReader(build("tiny", tmp_path_factory.mktemp("tiny"))) as reader:
        yield reader


def test_tiny_graph(tiny):
    graph = tiny.graph(0)
    assert tiny.graphs() == [0] and graph.n == 15 and graph.n_ports == 5
    assert [graph.op_name(i) for i in range(6)] == ["matmul", "relu", "matmul", "sub", "pow", "sum"]
    assert [graph.label(i) for i in (0, 1, 2, 5, -1, -5)] == [
        "matmul",
        "h",
        "out",
        "loss",
        "x",
        "2",
    ]
    assert [graph.port_kind(k) for k in range(5)] == [
        "input", "parameter", "parameter", "input", "constant",
    ]  # fmt: skip
    assert graph.inputs(2) == [1, -3] and graph.users(1) == [2, 8 + 2, 11]
    # d/dh and d/dw2 of the second matmul are its two backward nodes; relu has one.
    assert graph.backward_of(2) == [(9, 0), (10, 1)] and graph.backward_of(1) == [(11, 0)]
    assert graph.kept_for(1) == [2, 1] and graph.kept_for(-1) == [0] and graph.kept_for(0) == []
    assert graph.site_of(2) == ("train.py", 9, "<module>")
    assert "out = h @ w2" in tiny.source("train.py").splitlines()[8]
    assert graph.key(2) == "|matmul|1" and len(set(graph.keys)) == graph.n
    assert graph.op_info(0).vjp_tex == {"a": r"\partial_{a}", "b": r"\partial_{b}"}
    assert [int(p) for p in graph.phase] == [1] * 6 + [2] * 7 + [3] * 2


def test_tiny_steps_and_values(tiny):
    table = tiny.steps()
    assert len(table) == 3 and table.num.tolist() == [0, 1, 2] and table.status == ["ok"] * 3
    assert len(tiny.steps(since=1)) == 1 and len(tiny.steps("eval")) == 0
    last = tiny.step()
    assert (last.num, last.timed_at, last.loss) == (2, 2, table.loss[2])
    assert tiny.spec(last.spec_id(5)).shape == () and tiny.spec(last.spec_id(-2)).shape == (3, 5)
    assert (last.freed == tiny.graph(0).plan).all()
    rng = np.random.default_rng(1)
    exact = tiny_numbers(rng.normal(size=(3, 5)) / 2, rng.normal(size=(5, 2)) / 2)
    read = tiny.values(0)
    assert read.num == 0 and len(read) == len(exact)
    for key, array in exact.items():
        got = read.get(*key)
        assert got.mean == pytest.approx(array.mean(), rel=1e-5, abs=1e-6)
        assert got.count == array.size and got.health.sum() == array.size
        np.testing.assert_allclose(got.thumb.array(), array, rtol=1e-6)
    assert read.get(5).item == pytest.approx(float(exact[5, "v"]), rel=1e-6)
    assert read.get(0).item is None and read.get(99) is None
    assert read.get(-2, "g").rms > 0 and read.get(-1, "g") is None


def test_columns_and_moments_agree(tiny):
    durations = tiny.columns("dur_ns", [0, 1, 2])
    moments = tiny.moments(0)
    assert durations.shape == (3, 15) and moments["n"] == 3
    np.testing.assert_allclose(moments["mean"], durations.mean(axis=0))
    np.testing.assert_allclose(moments["std"], durations.std(axis=0), atol=1e-6)
    np.testing.assert_array_equal(moments["max"], durations.max(axis=0))
    np.testing.assert_array_equal(tiny.columns("begin_ns", [1])[0], tiny.step(1).begin_ns)
    assert np.isnan(tiny.columns("dur_ns", [0, 77])[1]).all()
    with pytest.raises(TraceError, match="dur_ns, begin_ns, dev_ns and idle_ns"):
        tiny.columns("nonsense", [0])


def test_header_state_revision_scalars(tiny):
    assert tiny.header()["run"] == "tiny" and tiny.state() == "finished"
    card = tiny.revision()
    assert (card["steps"], card["scalars"], card["last_step"], card["graphs"]) == (2, 3, 2, 0)
    steps, numbers, _ = tiny.scalars()["loss"]
    assert steps.tolist() == [0, 1, 2] and numbers[0] == tiny.steps().loss[0]
    assert tiny.scalars("other") == {} and len(tiny.scalars(since=2)["loss"][0]) == 1
    with pytest.raises(TraceError, match="no train step 99"):
        tiny.step(99)


def test_digits(tmp_path):
    with TraceReader(build("digits_like", tmp_path)) as reader:
        assert len(reader.steps()) == 60 and len(reader.steps("eval")) == 3
        graph = reader.graph(0)
        forward = int((graph.phase <= 1).sum())
        assert 38 <= forward <= 44, forward
        assert "net.conv1" in {graph.scope_path(i) for i in range(graph.n)}
        assert reader.values(58).num == 55 and reader.value_steps()[:3] == [0, 1, 2]
        ragged, full = reader.step(14), reader.step(13)
        i = next(i for i in range(graph.n) if graph.op_name(i) == "conv2d")
        assert reader.spec(full.spec_id(i)).shape == (48, 16, 8, 8)
        assert reader.spec(ragged.spec_id(i)).shape == (5, 16, 8, 8)
        k = next(k for k in range(graph.n_ports) if graph.port_name(k) == "net.conv1.weight")
        assert reader.spec(ragged.spec_id(-1 - k)).shape == (16, 1, 3, 3)
        assert reader.findings()[0].title.startswith("The loss jumped")
        assert reader.texts() == [("note", 0, "A made-up run.", 0)]
        assert reader.source("train.py") == DIGITS_SOURCE
        assert reader.step(1, "eval").graph == 1 and reader.values(0, "eval") is None


def test_other_golden_traces(tmp_path):
    with TraceReader(build("empty", tmp_path)) as reader:
        assert reader.state() == "live" and len(reader.steps()) == 0 and reader.values() is None
        with pytest.raises(TraceError, match="no train step yet"):
            reader.step()
    with TraceReader(build("failed", tmp_path)) as reader:
        assert reader.state() == "failed" and "ShapeError" in reader.header()["error"]
        assert reader.step().status == "failed" and reader.graph(1).diverged_at == 2
        assert reader.steps().nonfinite.tolist() == [False] * 5 + [True] * 2 + [False]
        assert reader.values(5).get(3).health_word == "nan"
        assert reader.values(4).get(3).health_word == "ok"
        # Values of the step before belong to another graph: none are made up.
        assert reader.values(7) is None
    with TraceReader(build("hostile", tmp_path)) as reader:
        graph = reader.graph(0)
        assert (
            graph.port_name(0) == "<script>alert(1)</script>" and len(graph.port_name(2)) == 10_000
        )
        assert math.isnan(reader.scalars()['"];evil["'][1][0])
    with TraceReader(build("live", tmp_path)) as reader:
        assert reader.state() == "live"


@given(st.lists(st.tuples(longs, longs), max_size=40))
def test_times_survive(pairs):
    begin, dur = (np.array([p[k] for p in pairs], np.int64) for k in (0, 1))
    blob, shift = codec.pack_times(begin, dur)
    got_begin, got_dur = codec.unpack_times(blob, shift)
    assert len(got_begin) == len(pairs)
    for want, got in ((begin, got_begin), (dur, got_dur)):
        assert (got <= want).all() and (want - got < 1 << shift).all()
    if max([0, *begin.tolist(), *dur.tolist()]) < 2**29:
        assert shift == 0


@settings(max_examples=60)
@given(
    st.lists(
        arrays(np.float32, array_shapes(min_dims=0, max_dims=4, max_side=9), elements=st.floats(
            width=32, allow_nan=True, allow_infinity=True)), max_size=5)
)  # fmt: skip
def test_values_survive(tensors):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the squares of the largest floats overflow float32
        rows = [(k - 2, "vg"[k % 2], entry(a)) for k, a in enumerate(tensors)]
        blob = values.encode(rows)
    got = values.decode(blob)
    assert list(got) == [(v, kind) for v, kind, _ in rows]
    for v, kind, want in rows:
        have = got[v, kind]
        np.testing.assert_array_equal(have.stats, want.stats)
        np.testing.assert_array_equal(have.health, want.health)
        np.testing.assert_array_equal(have.hist, want.hist)
        assert have.thumb.shape == want.thumb.shape and have.thumb.stride == want.thumb.stride
        whole = all(s == 1 for s in want.thumb.stride)
        tolerance = 0 if whole else 2**-12
        np.testing.assert_allclose(have.thumb.values, want.thumb.values, rtol=tolerance, atol=1e-38)


def test_value_without_sample_and_nothing_at_all():
    bare = Entry(np.ones(8, np.float32), np.arange(6, dtype=np.uint32), np.zeros(24, np.uint16))
    assert values.decode(values.encode([(3, "v", bare)]))[3, "v"].thumb is None
    assert values.decode(values.encode([])) == {}
    with pytest.raises(TraceError, match="damaged"):
        values.decode(values.encode([(3, "v", bare)])[:-3])


@given(st.lists(st.integers(1, 400), max_size=5), st.booleans())
def test_sample_is_small_and_its_indices_are_real(shape, whole):
    stride = values.thumb_stride(shape, whole)
    sizes = [-(-d // s) for d, s in zip(shape, stride, strict=True)]
    assert all((size - 1) * s < d for size, s, d in zip(sizes, stride, shape, strict=True))
    if math.prod(shape) <= 64 or whole:
        assert stride == [1] * len(shape)
    else:
        assert math.prod(sizes) <= 24 * 24 and max(sizes) <= 24


def _writer(path: Path) -> TraceWriter:
    w = TraceWriter(path)
    w.add_string(0, "")
    w.add_op(0, "relu", "pointwise", "x", {}, ["x"], "", False)
    w.add_spec(0, (2,), "float32", 8, "cpu")
    w.add_graph(0, "d", "train", -1, -1, [[0, 1, 0, -1, -1, -1, -1, 0]] * 2, [], [], [])
    w.add_shape_set(0, 0, [0, 0])
    return w


def test_long_run_is_thinned_but_moments_are_exact(tmp_path, monkeypatch):
    monkeypatch.setattr(thinning, "KEEP", 10)
    path = tmp_path / "long.gscope"
    with _writer(path) as w:
        for k in range(100):
            wall = 50_000 if k == 33 else 1000
            status = "failed" if k == 35 else "ok"
            w.add_step(k, "train", k, 0, 0, status, wall_ns=wall, begin_ns=[0, k], dur_ns=[k, 1])
            if k % 7 == 0:
                w.commit()
    with TraceReader(path) as reader:
        own = [k for k in range(100) if reader.step(k).timed_at == k]
        # ten at stride 1, ten at 2, ten at 4, ...; besides: the slowest, the failed, the last
        assert own == [
            *range(10),
            *range(10, 30, 2),
            32,
            33,
            35,
            *range(36, 69, 4),
            72,
            80,
            88,
            96,
            99,
        ]
        assert reader.step(31).timed_at == 28 and reader.step(31).dur_ns.tolist() == [28, 1]
        assert reader.moments(0)["n"] == 99
        ok = [k for k in range(100) if k != 35]
        assert reader.moments(0)["mean"][0] == pytest.approx(np.mean(ok))
        assert reader.moments(0)["std"][0] == pytest.approx(np.std(ok))
        assert np.isnan(reader.columns("dur_ns", [0, 31])[1]).all()


def test_trace_is_small(tmp_path):
    path = tmp_path / "small.gscope"
    w = TraceWriter(path)
    w.add_spec(0, (2,), "float32", 8, "cpu")
    w.add_graph(0, "d", "train", -1, -1, [[0, 1, 0, -1, -1, -1, -1, 0]] * 25, [], [], [])
    w.add_shape_set(0, 0, [0] * 25)
    w.commit()
    empty, rng = path.stat().st_size + Path(f"{path}-wal").stat().st_size, np.random.default_rng(0)
    for k in range(1000):
        dur = rng.lognormal(9, 0.5, 25).astype(np.int64)
        begin = np.cumsum(dur + rng.integers(500, 4000, 25)) - dur
        w.add_step(k, "train", k, 0, 0, loss=rng.normal(), begin_ns=begin, dur_ns=dur)
    w.close()
    assert (path.stat().st_size - empty) / 25_000 < 24
    with TraceReader(path) as reader:
        size = reader._rows("SELECT sum(length(columns)) FROM steps")[0][0]
    assert size / 25_000 < 6


def test_odd_steps(tmp_path):
    path = tmp_path / "odd.gscope"
    with _writer(path) as w:
        w.add_step(0, "train", 0, 0, 0)  # nothing was timed
        w.add_step(1, "train", 1, 0, 0, "failed", begin_ns=[5], dur_ns=[7])  # broke off
        w.add_step(2, "train", 2, 0, 0, begin_ns=[0, 2**41], dur_ns=[2**41, 3], loss=float("nan"))
        w.add_step(3, "train", 3, 0, 0, freed=[1, -1], dev=[9, 2**32 - 1], note="\ud800 odd")
        w.set_names(0, [0, -1])
    with TraceReader(path) as reader:
        assert reader.step(0).dur_ns.tolist() == [0, 0]
        assert reader.step(1).begin_ns.tolist() == [5, 5] and reader.step(1).dur_ns.tolist() == [
            7,
            0,
        ]
        long = reader.step(2)
        assert abs(long.dur_ns[0] - 2**41) < 2**12 and long.loss is None
        last = reader.step(3)
        assert last.freed.tolist() == [1, -1] and last.note == "? odd"
        assert last.dev_ns.tolist() == [9, 2**32 - 1]
        assert reader.graph(0).names.tolist() == [0, -1]


def test_unknown_ids_have_an_answer(tiny):
    assert tiny.string(10**6) == "" and tiny.op(77).name == "op 77" and tiny.site(-1) is None
    assert tiny.spec(10**6) == Spec(10**6, (), "?", 0, "?")
    with pytest.raises(TraceError, match="no graph 5"):
        tiny.graph(5)
    assert schema.FAMILIES[-1] == "other"


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["loss", "a", "\u00e9/b", ""]), st.integers(-5, 2**40),
            st.floats(allow_nan=True), st.integers(0, 2**60),
        ),
        max_size=50,
    ),
    st.integers(0, 60),
)  # fmt: skip
def test_scalars_come_by_their_tags(
    tmp_path: Path, rows: list[tuple[str, int, float, int]], since: int
) -> None:
    path = tmp_path / "a.gscope"
    path.unlink(missing_ok=True)
    with TraceWriter(path) as w:
        for row in rows:
            w.add_scalar(*row)
    with TraceReader(path) as reader:
        for tag in (None, "loss", "not there"):
            wanted: dict[str, list[tuple[int, float, int]]] = {}
            for name, *rest in rows[since:]:
                if tag in (None, name):
                    wanted.setdefault(name, []).append(tuple(rest))
            found = reader.scalars(tag, since)
            assert list(found) == list(wanted)
            for name, group in wanted.items():
                steps, values, walls = found[name]
                assert (steps.dtype, values.dtype, walls.dtype) == (np.int64, np.float64, np.int64)
                assert steps.tolist() == [row[0] for row in group]
                assert walls.tolist() == [row[2] for row in group]
                np.testing.assert_array_equal(values, [row[1] for row in group])
