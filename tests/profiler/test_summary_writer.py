"""SummaryWriter: torch's logging class on a trace, alone and inside a recording, and out again to TensorBoard."""

from __future__ import annotations

import inspect
import io
import json
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphscope as gs
from graphscope import nn
from graphscope.errors import TraceError, UsageError
from graphscope.export import tensorboard
from graphscope.record import images, logged
from graphscope.trace import values
from graphscope.trace.format import open_trace
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import HIST_BINS
from graphscope.trace.writer import TraceWriter
from graphscope.utils.tensorboard import SummaryWriter
from graphscope.webapp.queries.scalars import scalars_json


def entry_of(item: Any) -> Any:
    return values.decode(item.data)[0, "v"]


# ---------------------------------------------------------------- torch's surface


def test_signatures_are_torchs() -> None:
    pytest.importorskip("torch")
    writer = pytest.importorskip("torch.utils.tensorboard").SummaryWriter
    accepts_anything = inspect.Parameter.VAR_POSITIONAL
    for name, theirs in inspect.getmembers(writer, inspect.isfunction):
        if name.startswith("_") and name not in ("__init__", "__enter__"):
            continue
        ours = inspect.signature(getattr(SummaryWriter, name)).parameters
        if any(p.kind is accepts_anything for p in ours.values()):
            continue
        want = inspect.signature(theirs).parameters
        assert [(n, p.default) for n, p in ours.items()] == [
            (n, p.default) for n, p in want.items()
        ], name


def test_folder_naming_is_torchs(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    before = datetime.now().replace(microsecond=0)
    writer = SummaryWriter(comment="_lr0.1")
    assert list(tmp_path.iterdir()) == []  # nothing was logged
    writer.add_scalar("a", 1.0)
    writer.close()
    folder, name = Path(writer.log_dir).parts
    date, _, rest = name.partition(f"_{socket.gethostname()}")
    assert folder == "runs" and rest == "_lr0.1" and writer.get_logdir() == writer.log_dir
    said = datetime.strptime(f"{before.year} {date}", "%Y %b%d_%H-%M-%S")
    assert 0 <= (said - before).total_seconds() <= 2
    (run,) = (tmp_path / "runs").glob("*.gscope")
    with TraceReader(run) as reader:
        assert reader.header()["run"] == name and reader.state() == "finished"
    # A name that was given leaves the comment out, and a second writer is a second run.
    for _ in range(2):
        with SummaryWriter(tmp_path / "exp1", comment="unused") as writer:
            writer.add_scalar("a", 1.0)
    assert sorted(p.name for p in tmp_path.glob("*.gscope")) == ["exp1-2.gscope", "exp1.gscope"]


# ---------------------------------------------------------------- scalars and texts


def test_scalars_show_as_curves(tmp_path: Path) -> None:
    now = time.time()
    with SummaryWriter(tmp_path / "a") as writer:
        for k in range(3):
            writer.add_scalar(
                "train/loss", gs.tensor([1.0 / (k + 1)]), k * 10, walltime=now + 60 * k
            )
            writer.add_scalars("acc", {"train": k, "val": np.float32(2 * k)}, global_step=k)
        writer.add_scalar("no step", True)
        writer.add_scalar("as tensor", 0.5, gs.tensor(7))
        writer.add_scalar("bad", float("nan"), 1)
        writer.add_text("note", "hello", 4)
    with TraceReader(tmp_path / "a.gscope") as reader:
        found = reader.scalars()
        assert found["train/loss"][0].tolist() == [0, 10, 20]
        assert found["train/loss"][1].tolist() == [1.0, 0.5, float(np.float32(1 / 3))]
        wall = int(reader.header()["t0_unix_ns"]) / 1e9 + found["train/loss"][2] / 1e9
        np.testing.assert_allclose(wall, [now, now + 60, now + 120], atol=1e-4)
        assert found["acc/val"][1].tolist() == [0, 2, 4]
        assert found["no step"][0].tolist() == [0] and found["as tensor"][0].tolist() == [7]
        assert np.isnan(found["bad"][1][0])
        assert [row[:3] for row in reader.texts()] == [("note", 4, "hello")]
        page = scalars_json(reader)
    assert [curve["tag"] for curve in page][:2] == ["train/loss", "acc/train"]
    assert page[0]["points"][1][:2] == [10, 0.5]


@pytest.mark.parametrize(
    "wrong", [gs.ones(2), np.zeros((2, 2)), []], ids=["tensor", "array", "empty"]
)
def test_a_scalar_has_one_element(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(UsageError, match="has one element"):
        SummaryWriter(tmp_path / "a").add_scalar("a", wrong)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", ["0.5", None, object(), {"a": 1}])
def test_a_scalar_is_a_number(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(TypeError, match="numbers are needed"):
        SummaryWriter(tmp_path / "a").add_scalar("a", wrong)


def test_many_threads_log_at_once(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path / "a")
    writer.add_scalar("first", 0)

    def log(name: str) -> None:
        for k in range(200):
            writer.add_scalar(name, k, k)

    threads = [threading.Thread(target=log, args=(f"t{k}",)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.flush()
    with TraceReader(tmp_path / "a.gscope") as reader:
        assert reader.state() == "live"
        for k in range(4):
            assert reader.scalars()[f"t{k}"][1].tolist() == list(range(200))
    writer.close()


# ---------------------------------------------------------------- where it goes


def test_inside_a_profile_it_writes_into_that_run(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    writer = SummaryWriter()
    w = gs.ones(3, requires_grad=True)
    with gs.profile(tmp_path / "a") as p:
        for k in range(3):
            (w * 2).sum().backward()
            writer.add_scalar("given", k, 10 * k)
            writer.add_scalar("running", k)
            p.step()
        writer.add_histogram("w", w, 2)
        writer.close()
    with TraceReader(p.path) as reader:
        assert reader.scalars()["given"][0].tolist() == [0, 10, 20]
        assert reader.scalars()["running"][0].tolist() == [0, 1, 2]
        assert [item.tag for item in reader.media("histogram")] == ["w"]
    assert sorted(f.name for f in tmp_path.iterdir()) == ["a.gscope"]
    # Its own run begins when there is no other.
    writer.add_scalar("later", 1.0)
    writer.close()
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_a_program_that_never_closes_its_writer(tmp_path: Path) -> None:
    code = (
        "from graphscope.utils.tensorboard import SummaryWriter\n"
        "writer = SummaryWriter('a')\n"
        "for k in range(5): writer.add_scalar('x', k, k)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stderr
    with TraceReader(tmp_path / "a.gscope") as reader:
        assert reader.state() == "finished" and len(reader.scalars()["x"][0]) == 5


def test_a_torch_script_logs_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import torch\n"
        "from torch.utils.tensorboard import SummaryWriter\n"
        "writer = SummaryWriter('logs/exp')\n"
        "for k in range(3):\n"
        "    writer.add_scalar('loss', torch.tensor(1.0 + k), k)\n"
        "writer.close()\n"
    )
    command = [sys.executable, "-m", "graphscope.cli", "run", "--as-torch", "--quiet", "train.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0 and not done.stderr, done.stderr
    with TraceReader(tmp_path / "runs" / "train.gscope") as reader:
        assert reader.scalars()["loss"][1].tolist() == [1, 2, 3]
    assert not (tmp_path / "logs").exists()


def test_where_nothing_can_be_written_the_program_runs_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    writer = SummaryWriter(tmp_path / "file" / "a")
    with pytest.warns(RuntimeWarning, match="cannot log into"):
        writer.add_scalar("a", 1.0)
    writer.add_scalar("a", 2.0)  # said once
    writer.close()


# ---------------------------------------------------------------- histograms, images, the rest


def test_histograms(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    with SummaryWriter(tmp_path / "a") as writer:
        writer.add_histogram("x", gs.tensor(x), 3, bins="auto")
        writer.add_histogram("ints", [1, 2, 2, 9])
        writer.add_tensor("t", gs.tensor([1.5, 2.5]), 1)
        writer.add_histogram_raw(
            "raw", -1.0, 1.0, 10, 0.0, 4.0, [-0.5, 0.0, 0.5, 1.0], [1, 4, 4, 1], global_step=5
        )
        with pytest.raises(ValueError, match="no element"):
            writer.add_histogram("none", gs.ones(0))
        with pytest.raises(ValueError, match="3 counts need as many limits"):
            writer.add_histogram_raw("raw", 0, 1, 1, 0, 0, [1, 2], [1, 2, 3])
    with TraceReader(tmp_path / "a.gscope") as reader:
        found = {item.tag: item for item in reader.media("histogram")}
        assert [found[t].step for t in ("x", "ints", "t", "raw")] == [3, 0, 1, 5]
        entry = entry_of(found["x"])
        assert entry.count == 5000 and entry.mean == pytest.approx(x.mean(), abs=1e-6)
        np.testing.assert_array_equal(entry.hist, np.histogram(x, HIST_BINS)[0])
        assert entry_of(found["ints"]).max == 9
        raw = entry_of(found["raw"])
        assert raw.hist.sum() == 10 and raw.rms == pytest.approx(0.4**0.5)
        assert raw.health.tolist() == [0, 5, 0, 5, 0, 0]
        assert reader.media("histogram", "x", since=found["x"].id) == []


def picture(item: Any) -> np.ndarray:
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(io.BytesIO(item.data)))


def test_images_in_every_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    chw = rng.random((3, 5, 7), np.float32)
    bytes_ = rng.integers(0, 256, (5, 7, 4), np.uint8)
    many = rng.random((10, 3, 5, 7), np.float32)
    with SummaryWriter(tmp_path / "a") as writer:
        writer.add_image("chw", gs.tensor(chw), 1)
        writer.add_image("hwc", chw.transpose(1, 2, 0), 1, dataformats="HWC")
        writer.add_image("hw", chw[0], 1, dataformats="HW")
        writer.add_image("rgba", bytes_, 1, dataformats="HWC")
        writer.add_image("wild", np.array([[[np.nan, np.inf, -np.inf, 2.0, -1.0, 0.5]]]), 1)
        writer.add_images("many", many, 1)
        writer.add_images("nhwc", many.transpose(0, 2, 3, 1), 1, dataformats="NHWC")
        writer.add_image_with_boxes(
            "boxes", np.zeros((1, 9, 9)), np.array([[2, 3, 6, 7]]), 1, labels=["cat"]
        )
    want = (chw * 255).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
    with TraceReader(tmp_path / "a.gscope") as reader:
        got = {item.tag: picture(item) for item in reader.media("image")}
        np.testing.assert_array_equal(got["chw"], want)
        np.testing.assert_array_equal(got["hwc"], want)
        np.testing.assert_array_equal(got["hw"], want[:, :, 0])
        np.testing.assert_array_equal(got["rgba"], bytes_)
        assert got["wild"].tolist() == [[0, 255, 0, 255, 0, 127]]
        assert got["many"].shape == (10, 56, 3)
        np.testing.assert_array_equal(got["many"], got["nhwc"])
        tenth = (many[9] * 255).astype(np.uint8).transpose(1, 2, 0)
        np.testing.assert_array_equal(got["many"][5:, 7:14], tenth)
        assert not got["many"][5:, 14:].any()
        red = (got["boxes"] == [255, 0, 0]).all(axis=2)
        assert red.sum() == 16 and red[3, 2:7].all() and red[3:8, 6].all() and not red[5, 4]
        assert reader.texts()[0][:3] == ("boxes/labels", 1, "cat")


def test_pictures_are_torchs() -> None:
    summary = pytest.importorskip("torch.utils.tensorboard.summary")
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(1)
    cases = [
        ("CHW", (3, 4, 6)),
        ("CHW", (1, 4, 6)),
        ("HWC", (4, 6, 3)),
        ("HW", (4, 6)),
        ("NCHW", (11, 3, 2, 5)),
    ]
    for order, shape in cases:
        for array in (rng.random(shape, np.float32), rng.integers(0, 256, shape, np.uint8)):
            theirs = (
                summary.image("a", array, dataformats=order).value[0].image.encoded_image_string
            )
            want = np.asarray(image.open(io.BytesIO(theirs)).convert("RGB"))
            ours = image.open(io.BytesIO(images.png(images.to_pixels(array, order)))).convert("RGB")
            np.testing.assert_array_equal(np.asarray(ours), want)


@pytest.mark.parametrize(
    ("shape", "order", "says"),
    [
        ((5, 7, 3), "CHW", "has 5 channels"),
        ((5, 7), "CHW", "names 3 dimensions"),
        ((3, 5, 7), "CHH", "no order of dimensions"),
        ((3, 5, 7), "ABC", "no order of dimensions"),
        ((3, 0, 7), "CHW", "no pixel"),
    ],
)
def test_images_that_are_none(shape: Any, order: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        images.to_pixels(np.zeros(shape), order)


class Figure:
    """Draws itself as matplotlib's figures do."""

    def savefig(self, out: Any, format: str) -> None:
        assert format == "png"
        out.write(images.png(np.full((2, 3, 3), 7, np.uint8)))


def test_figures(tmp_path: Path, monkeypatch: Any) -> None:
    closed: list[Any] = []
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", type("plt", (), {"close": closed.append}))
    one = Figure()
    with SummaryWriter(tmp_path / "a") as writer:
        writer.add_figure("one", one, 2)
        writer.add_figure("two", [Figure(), Figure()], 2, close=False)
        with pytest.raises(UsageError, match="matplotlib figures, not int"):
            writer.add_figure("none", 3)
    assert closed == [one]
    with TraceReader(tmp_path / "a.gscope") as reader:
        assert [item.tag for item in reader.media("image")] == ["one", "two/0", "two/1"]
        assert picture(reader.media()[0]).shape == (2, 3, 3)


def test_a_real_matplotlib_figure(tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(2, 1), dpi=50)
    with SummaryWriter(tmp_path / "a") as writer:
        writer.add_figure("f", figure)
    with TraceReader(tmp_path / "a.gscope") as reader:
        assert picture(reader.media()[0]).shape[:2] == (50, 100)
    assert not plt.fignum_exists(figure.number)


def test_the_graph_of_a_model(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5), nn.ReLU())
    mean = net[1].running_mean.numpy().copy()
    with SummaryWriter(tmp_path / "a") as writer:
        writer.add_graph(net, gs.randn(2, 4))
        writer.add_graph(nn.Bilinear(2, 3, 1), (gs.randn(5, 2), gs.randn(5, 3)))
        with pytest.raises(UsageError, match="needs input_to_model"):
            writer.add_graph(net)
    assert net.training and net[2].training
    np.testing.assert_array_equal(net[1].running_mean.numpy(), mean)
    with TraceReader(tmp_path / "a.gscope") as reader:
        assert len(reader.steps("eval")) == 2 and len(reader.steps("train")) == 0
        graph = reader.graph(reader.step(0, "eval").graph)
        names = [graph.op_name(i) for i in range(graph.n)]
        assert names[0] == "linear" and names[-1] == "relu"
        assert graph.scope_path(0) == "sequential.0"
        assert {graph.port_path(k) for k in range(graph.n_ports)} >= {"sequential.0.weight"}


def test_the_graph_of_a_model_inside_a_recording(tmp_path: Path) -> None:
    net = nn.Linear(4, 3)
    with gs.profile(tmp_path / "a") as p:
        writer = SummaryWriter()
        net(gs.randn(2, 4)).sum().backward()
        writer.add_graph(net, gs.randn(2, 4))
        net(gs.randn(2, 4)).sum().backward()
        writer.close()
    with TraceReader(p.path) as reader:
        assert len(reader.steps("eval")) == 1 and len(reader.steps("train")) == 2


def test_hyperparameters(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path / "a") as writer:
        told = {"lr": 0.1, "bn": True, "name": "sgd", "n": gs.tensor(3), "none": None}
        writer.add_hparams(told, {"hparam/acc": gs.tensor(0.5)}, {"lr": [0.1, 0.2]}, "first", 7)
        with pytest.raises(TypeError, match="dictionaries"):
            writer.add_hparams([("lr", 1)], {})  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="layers is a list"):
            writer.add_hparams({"layers": [1, 2]}, {})
        with pytest.raises(TypeError, match=r"hparam_domain_discrete\['lr'\]"):
            writer.add_hparams({"lr": 0.1}, {}, {"lr": ["big"]})
    with TraceReader(tmp_path / "a.gscope") as reader:
        (item,) = reader.media("hparams")
        assert (item.tag, item.step) == ("first", 7)
        assert json.loads(item.data) == {
            "hparams": {"lr": 0.1, "bn": True, "name": "sgd", "n": 3, "none": None},
            "metrics": {"hparam/acc": 0.5},
            "domains": {"lr": [0.1, 0.2]},
        }
        assert reader.scalars()["hparam/acc"][1].tolist() == [0.5]


def test_what_is_not_kept_says_so_once(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(logged, "_told", set())
    writer = SummaryWriter(tmp_path / "a")
    names = ("add_audio", "add_video", "add_embedding", "add_mesh", "add_pr_curve", "add_pr_curve_raw",
             "add_onnx_graph", "add_custom_scalars")  # fmt: skip
    for name in names:
        with pytest.warns(
            UserWarning, match=f"SummaryWriter.{name}: GraphScope keeps none"
        ) as said:
            getattr(writer, name)("tag", np.zeros(3), global_step=1)
        assert said[0].filename == __file__
        getattr(writer, name)("tag", np.zeros(3))
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- the trace, and out again


def test_tensorboard_reads_it_all_back(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    x = np.random.default_rng(0).normal(size=1000)
    with SummaryWriter(tmp_path / "a") as writer:
        for k in range(4):
            writer.add_scalar("loss", 1 / (k + 1), k)
        writer.add_histogram("x", x, 2)
        writer.add_image("grey", np.full((1, 5, 7), 0.5), 3)
        writer.add_image("rgb", np.full((3, 2, 4), 0.5), 3)
        writer.add_hparams({"lr": 0.1}, {"acc": 0.5})
        writer.add_text("note", "hello")
    with TraceReader(tmp_path / "a.gscope") as reader:
        said = tensorboard.write(reader, tmp_path / "tb")
        kept = {item.tag: item.data for item in reader.media("image")}
    assert said == {"scalars": 5, "texts": 2, "histograms": 1, "images": 2}
    read = accumulator.EventAccumulator(
        str(tmp_path / "tb"), size_guidance={"images": 0, "tensors": 0}
    )
    read.Reload()
    assert [e.value for e in read.Scalars("loss")] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
    (event,) = read.Histograms("x")
    assert event.step == 2 and event.histogram_value.num == 1000
    assert event.histogram_value.sum == pytest.approx(x.sum(), abs=1e-3)
    for tag, size in (("grey", (7, 5)), ("rgb", (4, 2))):
        (event,) = read.Images(tag)
        assert (event.width, event.height, event.step) == (*size, 3)
        assert event.encoded_image_string == kept[tag]
    assert json.loads(read.Tensors("hparams")[0].tensor_proto.string_val[0])["hparams"] == {
        "lr": 0.1
    }


def test_the_trace_keeps_only_what_it_knows(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "a.gscope") as writer:
        with pytest.raises(TraceError, match="image, histogram, hparams; not 'sound'"):
            writer.add_media("a", 0, "sound", b"")
        writer.add_media("a", 1, "image", b"x", 5)
        writer.add_media("b", 2, "hparams", b"{}", 6)
    with TraceReader(tmp_path / "a.gscope") as reader:
        assert [tuple(item) for item in reader.media()] == [
            (1, "a", 1, "image", b"x", 5), (2, "b", 2, "hparams", b"{}", 6),
        ]  # fmt: skip
        assert [item.tag for item in reader.media(tag="b")] == ["b"]


FORMAT_1 = {
    "meta", "strings", "ops", "sites", "sources", "specs", "graphs", "shape_sets", "steps", "tensors", "moments",
    "scalars", "texts", "findings", "commands",
}  # fmt: skip


def test_a_trace_of_format_1_opens_without_media(tmp_path: Path) -> None:
    import sqlite3

    with TraceWriter(tmp_path / "a.gscope") as writer:
        writer.add_scalar("x", 0, 1.0)
    db = sqlite3.connect(tmp_path / "a.gscope")
    every = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table in every - FORMAT_1:
        db.execute(f"DROP TABLE {table}")
    columns = [row[1] for row in db.execute("PRAGMA table_info(steps)")]
    for column in columns[columns.index("note") + 1 :]:  # those that came later
        db.execute(f"ALTER TABLE steps DROP COLUMN {column}")
    db.execute("UPDATE meta SET value = '1' WHERE key = 'format'")
    db.commit()
    db.close()
    open_trace(tmp_path / "a.gscope").close()
    with TraceReader(tmp_path / "a.gscope") as reader:
        assert reader.media() == [] and list(reader.scalars()) == ["x"]
