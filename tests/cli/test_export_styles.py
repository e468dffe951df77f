"""``graphscope export`` with the options of a figure."""

from __future__ import annotations

import argparse
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

import graphscope as gs
from graphscope import nn
from graphscope.cli import export
from graphscope.errors import UsageError


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    gs.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = gs.optim.SGD(net.parameters(), lr=0.1)
    path = tmp_path_factory.mktemp("runs") / "small"
    with gs.profile(path, values="full") as profile:
        for _ in range(2):
            optimizer.zero_grad()
            loss = net(gs.randn(3, 4)).pow(2).sum()
            loss.backward()
            optimizer.step()
            profile.step()
    return str(profile.path)


def call(*words: str) -> int:
    parser = argparse.ArgumentParser()
    export.add_arguments(parser)
    return export.run(parser.parse_args(words))


def texts(path: Path) -> list[str]:
    root = ET.parse(path).getroot()
    return ["".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text")]


def test_modules_of_a_run(run: str, tmp_path: Path) -> None:
    target = tmp_path / "a.svg"
    words = (
        "--style",
        "modules",
        "--theme",
        "print",
        "--font",
        "large",
        "--title",
        "Small net",
        "--width",
        "500",
    )
    assert call(run, "--to", str(target), *words) == 0
    found = texts(target)
    assert "Small net" in found and "58 parameters" in found and "40 parameters" in found
    assert ET.parse(target).getroot().get("width") == "500"


@pytest.mark.parametrize("style", ["graph", "circuit", "math", "forward", "reverse"])
def test_every_style_of_a_run(style: str, run: str, tmp_path: Path) -> None:
    target = tmp_path / "a.svg"
    words: list[Any] = ["--style", style, "--highlight", "relu"]
    words += ["--path", "0.weight,loss"] if style == "math" else []
    words += ["--direction", "right", "--collapse", "0"] if style == "graph" else []
    words += ["--explain"] if style == "circuit" else []
    assert call(run, "--to", str(target), *words) == 0
    said = " ".join(texts(target))
    assert ("switch" in said) == (style == "circuit")
    assert ("Chain rule" in said) == (style == "math")


def test_mistakes_are_told(run: str, tmp_path: Path) -> None:
    for words, told in (
        (("--style", "cube"), "style"),
        (("--show", "nme"), "nme"),
        (("--theme", "neon"), "theme"),
    ):
        with pytest.raises(UsageError, match=told):
            call(run, "--to", str(tmp_path / "a.svg"), *words)
