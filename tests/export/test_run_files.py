"""Runs as files of other tools, each read back by the tool itself, or checked against its format."""

from __future__ import annotations

import csv
import json
import pickle
import struct

import numpy as np
import pytest

from graphscope.analysis.spans import host_intervals, spans
from graphscope.cli import main
from graphscope.errors import UsageError
from graphscope.export import chrome, memory_viz, rows, speedscope, tensorboard
from graphscope.export.runs import RUN_EXPORTERS, run_exporter_for
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from tests import golden

NAMES = ("tiny", "digits_like", "hostile", "one_step", "failed", "empty")


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("traces")
    return {name: golden.build(name, folder) for name in NAMES}


@pytest.fixture
def reader(traces):
    with TraceReader(traces["digits_like"]) as reader:
        yield reader


# ---------------------------------------------------------------- intervals


@pytest.mark.parametrize("name", ["tiny", "digits_like", "failed"])
def test_intervals_are_nested_and_hold_every_op_once(traces, name):
    with TraceReader(traces[name]) as reader:
        step = reader.step(1)
        graph = reader.graph(step.graph)
        found = list(spans(graph, step))
    stack = []
    for span in found:
        while stack and stack[-1].depth >= span.depth:
            stack.pop()
        assert span.depth == len(stack)
        if stack:
            assert stack[-1].begin <= span.begin <= span.end <= stack[-1].end
        stack.append(span)
    assert [s.node for s in found if s.kind == "op"] == list(range(graph.n))
    assert found[0].kind == "step" and sum(s.kind == "step" for s in found) == 1


def test_the_modules_of_a_conv_net_are_intervals(reader):
    step = reader.step(0)
    names = [s.name for s in spans(reader.graph(step.graph), step) if s.kind == "module"]
    assert names[:2] == ["net", "net.conv1"]
    # forward and backward
    assert names.count("net") >= 2 and names.count("net.conv1") == 2


# ---------------------------------------------------------------- trace events


def load_chrome(path):
    return json.loads(path.read_text(encoding="utf-8"))["traceEvents"]


def test_trace_events_are_well_formed(reader, tmp_path):
    path = tmp_path / "trace.json"
    said = chrome.write(reader, path)
    events = load_chrome(path)
    assert said == {"steps": 63, "events": len(events)}
    assert {e["ph"] for e in events} == {"M", "X", "s", "f", "C"}
    for e in events:
        assert isinstance(e["pid"], int) and isinstance(e["name"], str)
        if e["ph"] != "M":
            assert e["ts"] >= 0
        if e["ph"] == "X":
            assert e["dur"] >= 0
    ops = [e for e in events if e.get("cat") == "op"]
    with_steps = [
        reader.step(n, k) for k in ("train", "eval") for n in reader.steps(k).num.tolist()
    ]
    assert len(ops) == sum(len(s.begin_ns) for s in with_steps)


def test_every_flow_starts_once_ends_once_and_lies_in_its_ops(reader, tmp_path):
    chrome.write(reader, tmp_path / "t.json", [3])
    events = load_chrome(tmp_path / "t.json")
    starts = {e["id"]: e for e in events if e["ph"] == "s"}
    ends = {e["id"]: e for e in events if e["ph"] == "f"}
    step = reader.step(3)
    graph = reader.graph(step.graph)
    gradients = np.flatnonzero((graph.phase == schema.BACKWARD) & (graph.twin >= 0))
    assert len(starts) == len(ends) == len(gradients) == sum(e["ph"] == "s" for e in events)
    assert starts.keys() == ends.keys()
    begin, end = host_intervals(step)
    for (_, a), (_, b), i in zip(
        sorted(starts.items()), sorted(ends.items()), gradients, strict=True
    ):
        twin = int(graph.twin[i])
        assert begin[twin] / 1000 <= a["ts"] <= end[twin] / 1000
        assert begin[i] / 1000 <= b["ts"] <= end[i] / 1000
        assert a["ts"] <= b["ts"] and b["bp"] == "e" and a["cat"] == b["cat"]


def test_only_the_newest_steps_of_a_long_run(reader, tmp_path, monkeypatch):
    monkeypatch.setattr(chrome, "EVENTS", 2_000)
    chosen = chrome.select(reader, None)
    assert chosen[-1] == ("eval", 2) and 1 < len(chosen) < 63
    assert chrome.select(reader, [3, 5, 999]) == [("train", 3), ("train", 5)]


def test_device_intervals_have_a_row_of_their_own(tmp_path):
    from graphscope.trace.writer import TraceWriter
    from tests.golden_sketch import Dictionary

    path = tmp_path / "dev.gscope"
    w = TraceWriter(path, golden.META | {"run": "dev"})
    s, loss = golden.tiny_sketch(Dictionary(w, "train.py", golden.TINY_SOURCE))
    s.write(0)
    s.write_shapes(0, 0)
    begin, dur, wall = s.times(np.random.default_rng(0), 2_000)
    device = np.full(len(begin), 5_000)
    w.add_step(0, "train", 0, 0, 0, t0_ns=0, begin_ns=begin, dur_ns=dur, wall_ns=wall, dev=device)
    w.close()
    with TraceReader(path) as reader:
        chrome.write(reader, tmp_path / "t.json")
    on_device = [e for e in load_chrome(tmp_path / "t.json") if e.get("cat") == "device"]
    assert len(on_device) == len(begin)
    for a, b in zip(on_device, on_device[1:], strict=False):
        assert b["ts"] >= a["ts"] + a["dur"] - 1e-9  # one at a time
    for e in on_device:
        assert e["dur"] == 5.0 and e["ts"] >= begin[e["args"]["node"]] / 1000 - 1e-9


# ---------------------------------------------------------------- speedscope


@pytest.mark.parametrize("name", ["tiny", "digits_like", "hostile", "failed"])
def test_speedscope_events_open_and_close_like_brackets(traces, tmp_path, name):
    with TraceReader(traces[name]) as reader:
        speedscope.write(reader, tmp_path / "x.speedscope.json")
    data = json.loads((tmp_path / "x.speedscope.json").read_text())
    profile = data["profiles"][0]
    assert data["$schema"] == speedscope.SCHEMA and profile["type"] == "evented"
    stack, last = [], profile["startValue"]
    for event in profile["events"]:
        assert event["at"] >= last
        last = event["at"]
        assert 0 <= event["frame"] < len(data["shared"]["frames"])
        if event["type"] == "O":
            stack.append(event["frame"])
        else:
            assert stack.pop() == event["frame"]
    assert not stack and last <= profile["endValue"]
    for frame in data["shared"]["frames"]:
        assert set(frame) <= {"name", "file", "line"}


# ---------------------------------------------------------------- rows


def test_csv_has_a_row_per_op_and_sums_agree(reader, tmp_path):
    rows.write_csv(reader, tmp_path / "ops.csv")
    with open(tmp_path / "ops.csv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    step = reader.step(7)
    mine = [row for row in table if row["kind"] == "train" and row["step"] == "7"]
    assert len(mine) == len(step.begin_ns)
    begin, end = host_intervals(step)
    assert sum(int(row["host_ns"]) for row in mine) == int((end - begin).sum())
    assert {row["phase"] for row in mine} == {"data", "forward", "backward", "update"}
    assert mine[0]["module"] == "" and any(row["module"] == "net.conv1" for row in mine)


def test_csv_runs_no_formula_in_a_spreadsheet(traces, tmp_path):
    assert rows._harmless("=1+1") == "'=1+1" and rows._harmless("@x") == "'@x"
    assert rows._harmless("relu") == "relu"


def test_parquet_is_the_same_table(reader, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    rows.write_parquet(reader, tmp_path / "ops.parquet", [0, 1])
    table = parquet.read_table(tmp_path / "ops.parquet").to_pydict()
    want = list(rows.rows(reader, [0, 1]))
    assert tuple(table) == rows.COLUMNS
    assert list(zip(*table.values(), strict=True)) == want


def test_without_pyarrow_there_is_one_sentence(reader, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match="pyarrow, which is not installed"):
        rows.write_parquet(reader, tmp_path / "x.parquet")
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- TensorBoard


def test_tensorboard_reads_everything_back(reader, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    said = tensorboard.write(reader, tmp_path)
    read = accumulator.EventAccumulator(
        str(tmp_path), size_guidance={"scalars": 0, "histograms": 0, "tensors": 0}
    )
    read.Reload()
    tags = read.Tags()
    for tag, (steps, values, _) in reader.scalars().items():
        got = read.Scalars(tag)
        assert [e.step for e in got] == steps.tolist()
        np.testing.assert_allclose([e.value for e in got], values, rtol=1e-6)
    assert said["scalars"] == sum(len(read.Scalars(tag)) for tag in tags["scalars"])
    assert said["histograms"] == sum(len(read.Histograms(tag)) for tag in tags["histograms"])
    (note,) = read.Tensors("note")
    assert note.tensor_proto.string_val == [b"A made-up run."]
    name = "gradients/net.conv1.weight"
    event = read.Histograms(name)[0]
    entry = reader.values(event.step).get(-5, "g")
    h = event.histogram_value
    assert h.num == entry.count and h.min == pytest.approx(entry.min)
    assert sum(h.bucket) == pytest.approx(entry.count, rel=1e-6)
    assert h.sum == pytest.approx(entry.mean * entry.count, rel=1e-5)


def test_the_checksum_is_crc32c():
    # RFC 3720, B.4: 32 bytes of zeros
    crc = 0x8A9136AA
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    assert tensorboard.masked_crc(bytes(32)) == masked
    body = tensorboard.record(b"abc")
    assert struct.unpack("<Q", body[:8]) == (3,) and body[12:15] == b"abc"


# ---------------------------------------------------------------- memory


@pytest.mark.parametrize("name", ["tiny", "digits_like"])
def test_memory_snapshot_balances(traces, tmp_path, name):
    with TraceReader(traces[name]) as reader:
        memory_viz.write(reader, tmp_path / "m.pickle", [0, 1])
    data = pickle.loads((tmp_path / "m.pickle").read_bytes())
    alive = {}
    for event in data["device_traces"][0]:
        if event["action"] == "alloc":
            for at, size in alive.items():  # no two living buffers overlap
                assert event["addr"] >= at + size or event["addr"] + event["size"] <= at
            alive[event["addr"]] = event["size"]
        elif event["action"] == "free_completed":
            assert alive.pop(event["addr"]) == event["size"]
    segment = data["segments"][0]
    assert segment["allocated_size"] == sum(alive.values())
    active = [b for b in segment["blocks"] if b["state"] == "active_allocated"]
    assert {b["address"]: b["size"] for b in active} == alive
    assert sum(b["size"] for b in segment["blocks"]) == segment["total_size"]


def test_pytorchs_own_viewer_reads_the_snapshot(reader, tmp_path):
    viewer = pytest.importorskip("torch.cuda._memory_viz")
    memory_viz.write(reader, tmp_path / "m.pickle")
    data = pickle.loads((tmp_path / "m.pickle").read_bytes())
    assert "<html" in viewer.trace_plot(data).lower() or "script" in viewer.trace_plot(data)
    assert "segments: 1" in viewer.segsum(data)


# ---------------------------------------------------------------- all of them


@pytest.mark.parametrize("exporter", RUN_EXPORTERS, ids=lambda e: e.suffix)
@pytest.mark.parametrize("name", NAMES)
def test_every_format_takes_every_run(traces, tmp_path, exporter, name):
    with TraceReader(traces[name]) as reader:
        said = exporter.write(reader, tmp_path / f"out{exporter.suffix}", None)
    assert all(n >= 0 for n in said.values())
    assert [p.name for p in tmp_path.iterdir()] == [f"out{exporter.suffix}"]


@pytest.mark.parametrize("exporter", RUN_EXPORTERS[:-1], ids=lambda e: e.suffix)
def test_a_failed_export_leaves_the_old_file(traces, tmp_path, exporter, monkeypatch):
    target = tmp_path / f"out{exporter.suffix}"
    target.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with TraceReader(traces["tiny"]) as reader, pytest.raises(OSError, match="No space"):
        exporter.write(reader, target, None)
    assert target.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "name, suffix",
    [("a/trace.json", ".json"), ("x.speedscope.json", ".speedscope.json"), ("speedscope.json", ".speedscope.json"),
     ("OPS.CSV", ".csv"), ("logs/", ".tb"), ("run.tb", ".tb"), ("x.txt", None), ("x", None)],
)  # fmt: skip
def test_the_suffix_says_the_format(name, suffix):
    found = run_exporter_for(name)
    assert (found and found.suffix) == suffix


def test_the_command(traces, tmp_path, capsys):
    run = str(traces["digits_like"])
    assert main(["export", run, "--to", str(tmp_path / "t.json"), "--steps", "10:12"]) == 0
    assert "2 steps" in capsys.readouterr().out
    assert main(["export", run, "--to", str(tmp_path / "t.csv"), "--step", "4"]) == 0
    capsys.readouterr()
    for words, said in [
        (
            ["--to", str(tmp_path / "t.txt")],
            "there are .svg, .pdf, .png, .tikz, .tex, .dot",
        ),
        (["--to", str(tmp_path / "no" / "t.json")], "does not exist; make it first"),
        (["--to", str(tmp_path / "t.json"), "--steps", "900:"], "the run has steps 0 to 59"),
        (["--to", str(tmp_path / "t.json"), "--steps", "x"], "is no range of steps"),
        (["--to", str(tmp_path / "t.svg"), "--steps", "1:2"], "a figure shows one step"),
        (["--to", str(tmp_path / "t.json"), "--step", "1", "--steps", "1:2"], "not both"),
    ]:
        assert main(["export", run, *words]) == 2
        error = capsys.readouterr().err
        assert said in error and len(error.splitlines()) == 1


def test_rows_say_what_an_op_cost_and_how_long_its_device_waited(tmp_path, monkeypatch):
    import graphscope as gs
    from tests.record.virtual import on, virtual

    with virtual(monkeypatch) as sim:
        w, x = on(sim, np.ones((4, 4)), grad=True), on(sim, np.ones((2, 4)))
        with gs.profile(tmp_path / "run", values="off") as p:
            for _ in range(3):
                x.mm(w).sum().backward()
                w.grad = None
    with TraceReader(p.path) as reader:
        found = [dict(zip(rows.COLUMNS, row, strict=True)) for row in rows.rows(reader, [1])]
        step = reader.step(1)
        flops, moved = reader.costs(step.shape_set)
    assert [row["flops"] for row in found] == flops.tolist() and found[0]["flops"] == 2 * 2 * 4 * 4
    assert [row["bytes_moved"] for row in found] == moved.tolist()
    assert [row["idle_before_ns"] for row in found] == step.idle_ns.tolist()
    assert {row["launch_bound"] for row in found} <= {True, False}
