"""The Graphviz process: answers, time limit, death, absence."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphscope.view import layering
from graphscope.view.arrange import from_plain, to_dot
from graphscope.view.dot import DotServer
from graphscope.view.level import Box, Level, Wire

LEVEL = Level(
    (Box(184, 72), Box(404, 72, tops=(312.0,), bottoms=(312.0,)), Box(184, 72)),
    (Wire(0, 1, -1, 0), Wire(1, 2, 0, -1)),
)


def fake(tmp_path: Path, body: str) -> Path:
    """A server script that behaves badly."""
    frames = "import struct, sys, time\ndef say(b):\n    sys.stdout.buffer.write("
    frames += "struct.pack('>I', len(b)) + b); sys.stdout.buffer.flush()\n"
    path = tmp_path / "server.py"
    path.write_text(frames + body)
    return path


def test_answers_and_survives_nonsense() -> None:
    server = DotServer()
    try:
        text = server.layout(to_dot(LEVEL))
        assert text is not None
        placed = from_plain(text, LEVEL)
        assert placed is not None and len(placed.routes) == 2
        assert server.layout("this is no graph {") is None
        assert server.layout(to_dot(LEVEL)) == text
    finally:
        server.close()


def test_anchors_are_kept() -> None:
    server = DotServer()
    try:
        placed = from_plain(server.layout(to_dot(LEVEL)) or "", LEVEL)
    finally:
        server.close()
    assert placed is not None
    x = placed.corners[1][0] + 312
    assert placed.routes[0][-1][0] == pytest.approx(x, abs=1.5)
    assert placed.routes[1][0][0] == pytest.approx(x, abs=1.5)


def test_a_hanging_graphviz_is_killed(tmp_path: Path) -> None:
    server = DotServer(fake(tmp_path, "say(b'ready')\ntime.sleep(60)\n"))
    assert server.layout("digraph {}", limit_s=0.2) is None
    assert server._process is None


def test_a_dying_graphviz_is_started_again(tmp_path: Path) -> None:
    server = DotServer(fake(tmp_path, "say(b'ready')\nsys.stdin.buffer.read(4)\n"))
    assert server.layout("digraph {}") is None
    assert server.layout("digraph {}") is None
    server.close()


def test_without_graphviz(tmp_path: Path) -> None:
    server = DotServer(fake(tmp_path, "import a_module_that_is_not_there\n"))
    assert server.layout("digraph {}") is None
    assert server._broken, "it is not tried again"


def test_damaged_answers_are_refused() -> None:
    assert from_plain("graph 1 1 1\nstop\n", LEVEL) is None
    assert from_plain("node n0 x y\n", LEVEL) is None


def test_own_layering_separates_and_keeps_order() -> None:
    boxes = tuple(Box(100, 50) for _ in range(6))
    wires = (Wire(0, 1), Wire(0, 2), Wire(0, 3), Wire(1, 4), Wire(3, 4), Wire(0, 5), Wire(4, 5))
    placed = layering.arrange(Level(boxes, wires))
    for i in range(6):
        for j in range(i):
            (ax, ay), (bx, by) = placed.corners[i], placed.corners[j]
            assert abs(ax - bx) >= 100 or abs(ay - by) >= 50
    assert placed.corners[0][1] < placed.corners[1][1] < placed.corners[4][1] < placed.corners[5][1]


def test_own_layering_takes_cycles() -> None:
    placed = layering.arrange(Level((Box(10, 10), Box(10, 10)), (Wire(0, 1), Wire(1, 0))))
    assert len(placed.routes) == 2
