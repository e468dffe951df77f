"""GIF, APNG and MP4: the frames are there, small, without false colours, and the last one stays."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

import graphscope as gs
from graphscope.errors import UsageError
from graphscope.export import animation
from graphscope.export.figure import Figure
from graphscope.export.over_steps import figure_over_steps
from graphscope.export.play import moments
from graphscope.trace.reader import TraceReader
from tests import golden
from tests.export.test_play import drawn, hostile


def pictures(path: Path) -> tuple[list[np.ndarray], list[float], dict[str, object]]:
    with Image.open(path) as image:
        frames, times = [], []
        for frame in ImageSequence.Iterator(image):
            times.append(frame.info["duration"])
            frames.append(np.asarray(frame.convert("RGB")))
        return frames, times, dict(image.info)


@pytest.mark.parametrize("suffix", ["gif", "apng"])
def test_a_small_graph_is_a_small_film(suffix: str, tmp_path: Path) -> None:
    figure = drawn()
    path = tmp_path / f"x.{suffix}"
    assert figure.save(path) == str(path)
    assert path.stat().st_size < 1_000_000
    frames, times, info = pictures(path)
    assert len(frames) == 1 + len(moments(figure)) and info["loop"] == 0
    assert len({f.shape for f in frames}) == 1
    assert times[1:-1] == [900] * (len(times) - 2) and times[-1] == 2700 and times[0] == 1080
    # no false colours: what the figure is filled with is there exactly, in every frame
    page = tuple(int(figure.drawing.background[k : k + 2], 16) for k in (1, 3, 5))
    assert all(tuple(f[2, 2]) == page for f in frames)
    assert all((a != b).any() for a, b in zip(frames, frames[1:], strict=False))


def test_frames_are_what_the_figure_shows(tmp_path: Path) -> None:
    """The palette costs nothing that an eye could see."""
    figure = drawn()
    figure.save(tmp_path / "x.gif", dpi=96, captions=False)
    last = pictures(tmp_path / "x.gif")[0][-1].astype(int)
    final = moments(figure)[-1].drawn(figure)
    true = animation._rendered(final, 96).astype(int)
    assert last.shape == true.shape and np.abs(last - true).mean() < 0.5


def test_options(tmp_path: Path) -> None:
    figure = drawn()
    figure.save(tmp_path / "a.gif", seconds=0.2, dpi=72, captions=False)
    figure.save(tmp_path / "b.gif", dpi=72)
    (a, times, _), (b, _, _) = pictures(tmp_path / "a.gif"), pictures(tmp_path / "b.gif")
    assert times[1] == 200 and a[0].shape[0] < b[0].shape[0]
    for option, value in (("dpi", 0), ("seconds", "fast"), ("seconds", 0)):
        with pytest.raises(UsageError, match=option):
            figure.save(tmp_path / "c.gif", **{option: value})
    with pytest.raises(UsageError, match="GIF takes dpi, seconds, captions"):
        figure.save(tmp_path / "c.gif", loop=3)
    assert not (tmp_path / "c.gif").exists()


def test_equal_figures_are_equal_films(tmp_path: Path) -> None:
    for name in ("1.gif", "2.gif"):
        drawn().save(tmp_path / name, dpi=72)
    assert (tmp_path / "1.gif").read_bytes() == (tmp_path / "2.gif").read_bytes()


def test_hostile_names(tmp_path: Path) -> None:
    hostile().save(tmp_path / "h.gif", dpi=72)
    assert len(pictures(tmp_path / "h.gif")[0]) > 2


def test_a_large_graph_is_grouped_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation, "MOST", 20)
    x = gs.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(60):
        y = y * 1.01
    y.backward()
    figure = gs.draw(y)
    drawings, _ = animation.frames(figure)
    assert len(drawings) <= animation.MOST + 1
    _, rendered, _ = animation._pixels(figure, 144, True)
    first = next(rendered)
    assert max(first.shape) <= animation.WIDEST + 1
    assert first.shape[0] * first.shape[1] * len(drawings) <= animation.LARGEST * 1.05


def test_over_training_steps(tmp_path: Path) -> None:
    golden.build("tiny", tmp_path)
    with TraceReader(tmp_path / "tiny.gscope") as reader:
        figure = figure_over_steps(reader)
        assert [num for num, _, _ in figure.history] == reader.value_steps()
        figure.save(tmp_path / "t.gif", dpi=72)
        with pytest.raises(UsageError, match="two steps"):
            figure_over_steps(reader, range(5_000, 6_000))
        with pytest.raises(UsageError, match="two steps"):
            figure_over_steps(reader, range(1))
    frames, times, _ = pictures(tmp_path / "t.gif")
    assert len(frames) == len(figure.history) and times[-1] > times[0]


# ---------------------------------------------------------------- MP4


def test_mp4(tmp_path: Path) -> None:
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    path = tmp_path / "x.mp4"
    drawn().save(path, dpi=72, seconds=0.2)
    assert path.read_bytes()[4:8] == b"ftyp" and path.stat().st_size < 1_000_000
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-v", "error", "-sseof", "-0.3", "-i", str(path), "-frames:v", "1"]
    subprocess.run([*command, str(tmp_path / "last.png")], check=True)
    with Image.open(tmp_path / "last.png") as image:
        last = np.asarray(image.convert("RGB")).astype(int)
    drawings, _ = animation.frames(drawn())
    true = animation._even(animation._rendered(drawings[-1], 72)).astype(int)
    assert last.shape == true.shape and np.abs(last - true).mean() < 3


def test_without_ffmpeg_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    with pytest.raises(UsageError, match="pip install imageio-ffmpeg"):
        drawn().save(tmp_path / "x.mp4")
    assert not (tmp_path / "x.mp4").exists()


def test_a_failing_ffmpeg_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho Unknown encoder >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(UsageError, match="Unknown encoder"):
        drawn().save(tmp_path / "x.mp4")
    assert not (tmp_path / "x.mp4").exists()


def test_still_pictures_stay_still(tmp_path: Path) -> None:
    figure: Figure = drawn()
    figure.save(tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as image:
        assert getattr(image, "n_frames", 1) == 1
