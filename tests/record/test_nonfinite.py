"""The moment a number stops being finite: which op, which line, why, and what it costs a run that is fine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import graphscope as gs
from graphscope import nn
from graphscope.analysis.trail import Trail, trail, trails
from graphscope.errors import NonFiniteError
from graphscope.trace.reader import TraceReader

BAD = 3


def followed(path: Path, loss_of: Callable[[Any, bool], Any], **options: Any) -> Trail:
    """Train a vector of ones; in step 3 the loss is told to go wrong."""
    w = gs.ones(4, requires_grad=True)
    with gs.profile(path / "run", **options) as p:
        for k in range(6):
            loss_of(w, k == BAD).backward()
            w.grad = None
    assert p.path is not None
    with TraceReader(p.path) as reader:
        found = trail(reader)
        assert found is not None and found.step == BAD and found.kind == "train"
        assert bool(reader.steps().nonfinite[BAD])
        assert [t.step for t in trails(reader)] == [BAD]
        assert reader.values(BAD).num == BAD, "the step's statistics are kept with it"
        return found


def line_of(marker: str) -> int:
    text = Path(__file__).read_text("utf-8").splitlines()
    return next(i for i, line in enumerate(text, 1) if line.rstrip().endswith(f"# {marker}"))


def test_log_of_zero(tmp_path: Path) -> None:
    def loss(w: Any, bad: bool) -> Any:
        x = gs.tensor([0.0, 1.0, 2.0, 0.0] if bad else [1.0, 1.0, 2.0, 3.0])
        y = w * x
        return gs.log(y).mean()  # log zero

    found = followed(tmp_path, loss)
    assert (found.op, found.phase, found.what, found.slot) == ("log", "forward", "loss", -1)
    assert found.why == "log of 0 is \u2212Inf: 2 of 4 elements of the input are 0"
    assert found.site is not None and found.site.line == line_of("log zero")
    assert found.inputs[0]["zero"] == 2 and found.inputs[0]["max"] == 2.0
    assert found.output["neg_inf"] == 2
    assert found.path[0] == found.node and len(found.path) == 2


def test_a_gradient_breaks_while_the_loss_is_fine(tmp_path: Path) -> None:
    def loss(w: Any, bad: bool) -> Any:
        y = w * (0.0 if bad else 1.0)
        return (y * y).sqrt().sum()  # root

    found = followed(tmp_path, loss)
    assert (found.op, found.phase, found.what, found.slot) == (
        "sqrt",
        "backward",
        "gradient of w",
        0,
    )
    assert "infinite at 0" in found.why and "4 of 4" in found.why
    assert found.site is not None and found.site.line == line_of("root")
    assert found.incoming["nan"] == 0 and found.output["pos_inf"] == 4
    assert found.path[0] == found.node and found.path[-1] < 0, "back to the leaf"


def test_infinite_minus_infinite_is_followed_to_the_overflow(tmp_path: Path) -> None:
    def loss(w: Any, bad: bool) -> Any:
        big = (w * (100.0 if bad else 1.0)).exp()  # overflow
        return (big - big.detach()).sum()

    found = followed(tmp_path, loss)
    assert found.op == "exp" and "overflow of exp: the largest input is 100" in found.why
    assert found.site is not None and found.site.line == line_of("overflow")


def test_a_mask_of_minus_infinity_is_no_finding(tmp_path: Path) -> None:
    scores = gs.randn(3, 3, requires_grad=True)
    mask = gs.triu(gs.ones(3, 3), diagonal=1).bool()
    with gs.profile(tmp_path / "masked", values="full") as p:
        for _ in range(3):
            gs.softmax(scores.masked_fill(mask, float("-inf")), dim=-1).sum().backward()
    assert p.path is not None and trail(TraceReader(p.path)) is None


def test_data_that_is_broken_when_it_comes(tmp_path: Path) -> None:
    def loss(w: Any, bad: bool) -> Any:
        held.append(gs.full((2, 4), float("nan") if bad else 1.0))
        return (held[-1] * w).sum()  # first use

    held: list[Any] = []
    found = followed(tmp_path, loss)
    assert found.phase == "given" and found.node is not None and found.node < 0
    assert "look at the data" in found.why and found.op == "the input"
    assert found.site is not None and found.site.line == line_of("first use")


def test_data_that_is_gone_when_it_is_asked_for(tmp_path: Path) -> None:
    def loss(w: Any, bad: bool) -> Any:
        return (gs.full((2, 4), float("nan") if bad else 1.0) * w).sum()

    found = followed(tmp_path, loss)
    assert found.phase == "given" and found.node is not None and found.node < 0
    assert found.inputs[0]["nan"] == 8


def test_what_dropout_dropped_is_not_drawn_again(tmp_path: Path) -> None:
    gs.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))
    with gs.profile(tmp_path / "run") as p:
        for k in range(5):
            out = net(gs.ones(3, 4))
            (out.log() if k == 3 else out).sum().backward()
            net.zero_grad()
    assert p.path is not None
    found = trail(TraceReader(p.path))
    assert found is not None and found.step == 3
    assert found.op == "log" or "cannot be run again" in found.note


def test_asked_to_stop_it_stops_there_and_says_why(tmp_path: Path) -> None:
    def loss(w: Any, bad: bool) -> Any:
        return (w / (0.0 if bad else 2.0)).sum()

    with pytest.raises(
        NonFiniteError, match=r"step 3: it began in div .*test_nonfinite.py:\d+.*Division by 0"
    ):
        followed(tmp_path, loss, raise_on_nan=True)
    reader = TraceReader(tmp_path / "run.gscope")
    assert reader.state() == "failed" and reader.steps().status[-1] == "failed"
    found = trail(reader)
    assert found is not None and found.op == "div"
    (gs.ones(2, requires_grad=True) * 2).sum().backward()  # nothing is left locked


def test_one_search_until_it_is_finite_again(tmp_path: Path) -> None:
    w = gs.ones(2, requires_grad=True)
    with gs.profile(tmp_path / "run") as p:
        for k in range(12):
            bad = 2 <= k < 6 or k == 9
            (w / (0.0 if bad else 1.0)).sum().backward()
            w.grad = None
    assert p.path is not None
    reader = TraceReader(p.path)
    assert [t.step for t in trails(reader)] == [2, 9]
    assert reader.steps().nonfinite.tolist() == [2 <= k < 6 or k == 9 for k in range(12)]


def test_a_search_that_fails_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from graphscope.record import nonfinite

    def broken(*args: Any) -> Any:
        raise RuntimeError("no")

    monkeypatch.setattr(nonfinite, "forward_origin", broken)
    w = gs.ones(2, requires_grad=True)
    with gs.profile(tmp_path / "run") as p:
        for k in range(4):
            (w / (0.0 if k == 1 else 1.0)).sum().backward()
    assert p.path is not None
    reader = TraceReader(p.path)
    found = trail(reader)
    assert found is not None and found.node is None and "RuntimeError: no" in found.note
    assert len(reader.steps()) == 4


def test_a_failing_op_is_the_last_node_with_what_it_was_given(tmp_path: Path) -> None:
    w = gs.ones(5, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match="inner sizes 4 and 5"):
        with gs.profile(tmp_path / "run"):
            for k in range(5):
                x = gs.ones(2, 5 if k < 3 else 4)
                (x.relu() @ w).sum().backward()  # wrong shapes
    reader = TraceReader(tmp_path / "run.gscope")
    step = reader.step()
    graph = reader.graph(step.graph)
    assert (step.num, step.status) == (3, "failed")
    assert [graph.op_name(i) for i in range(graph.n)] == ["relu", "mm"]
    assert [reader.spec(step.spec_id(v)).shape for v in graph.inputs(1)] == [(2, 4), (5, 3)]
    assert graph.flags.tolist()[1] & 32
    site = graph.site_of(1)
    assert site is not None and site.line == line_of("wrong shapes")
    header = reader.header()
    assert header["error_line"] == str(line_of("wrong shapes")) and header["error_file"] == __file__
    assert header["traceback"].startswith("Traceback") and "inner sizes" in header["traceback"]


def test_golden_statistics_are_enough(tmp_path: Path) -> None:
    from tests import golden

    found = trail(TraceReader(golden.build("failed", tmp_path)))
    assert found is not None and found.step == 5
    assert found.node is not None or found.note
