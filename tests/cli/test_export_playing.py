"""``graphscope export RUN --to fig.html``: figures that play, of one step or over the training."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphscope import cli
from tests.golden import build


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    build("tiny", folder)
    return folder / "tiny.gscope"


def test_one_step_and_many(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, many, film = tmp_path / "one.html", tmp_path / "many.html", tmp_path / "film.gif"
    assert cli.main(["export", str(run), "--to", str(one), "--step", "1"]) == 0
    assert cli.main(["export", str(run), "--to", str(many), "--steps", "0:50"]) == 0
    assert cli.main(["export", str(run), "--to", str(film), "--steps", "0:50"]) == 0
    assert capsys.readouterr().out.split() == [str(one), str(many), str(film)]
    assert (
        "Over training"
        not in one.read_text("utf-8").partition('id="data"')[2].partition("<script>")[0]
    )
    assert '"Over training"' in many.read_text("utf-8")
    assert film.read_bytes().startswith(b"GIF89a")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "x.bmp"], ".html, .gif, .apng, .mp4"),
        (["--to", "missing/x.html"], "does not exist"),
        (["--to", "x.svg", "--steps", "0:9"], "take --steps"),
        (["--to", "x.html", "--steps", "7000:"], "two steps with values"),
        (["--to", "x.html", "--step", "7000"], "7,000|7000"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], said: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert cli.main(["export", str(run), *words]) != 0
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and any(s in err for s in said.split("|"))
    assert not list(tmp_path.iterdir())
