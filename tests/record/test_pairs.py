"""``graphscope.draw_pair``: live graphs side by side."""

from __future__ import annotations

import pytest

import graphscope as gs
from graphscope.errors import UsageError
from graphscope.view.drawing import Text


def texts(figure):
    return [m.text for m in figure.drawing.marks() if isinstance(m, Text)]


def test_two_tensors_and_two_figures():
    x = gs.tensor(2.0, requires_grad=True)
    y = x * x
    z = (x * x).exp()
    figure = gs.draw_pair(y, z, names=("short", "long"), theme="print", title="Two")
    found = texts(figure)
    assert "only in long" in found and "only in short" not in found
    assert found.count("mul") + found.count("y") >= 2 and "z" in found
    again = gs.draw_pair(
        gs.draw(y), gs.draw(z), names=("short", "long"), theme="print", title="Two"
    )
    assert again.svg == figure.svg


def test_a_figure_keeps_the_numbers_of_its_moment():
    w = gs.tensor(3.0, requires_grad=True)
    loss = w * w
    loss.backward()
    before = gs.draw(loss)
    with gs.no_grad():
        w -= 1.0
        w.grad = None
    loss = w * w
    loss.backward()
    found = texts(gs.draw_pair(before, loss))
    assert {"9.00", "4.00", "\u2202 6.00"} <= set(found)


def test_it_can_be_saved_as_every_picture(tmp_path):
    x = gs.ones(3, requires_grad=True)
    figure = gs.draw_pair(x.sum(), x.mean())
    for suffix in ("svg", "pdf", "png", "tikz", "tex"):
        figure.save(tmp_path / f"pair.{suffix}")
    with pytest.raises(UsageError):
        figure.save(tmp_path / "pair.dot")


@pytest.mark.parametrize("wrong", [3, "y", None, gs.tensor(1.0)])
def test_what_is_no_graph_is_told(wrong):
    x = gs.ones(3, requires_grad=True).sum()
    with pytest.raises(UsageError):
        gs.draw_pair(x, wrong)
