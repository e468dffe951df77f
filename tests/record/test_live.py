"""Live graphs as scenes of figures: what is known of them is the program's, and the program notices nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest

import graphscope as gs
from graphscope import nn
from graphscope.errors import UsageError
from graphscope.ops import TABLE
from graphscope.record.formulas import gradient_formulas
from graphscope.record.known_formulas import KNOWN


def test_a_graph_of_another_device_has_its_numbers() -> None:
    x = gs.tensor([2.0, 3.0], device="sim", requires_grad=True)
    w = gs.tensor(3.0, device="sim", requires_grad=True)
    y = (x * w).sum()
    y.backward()
    scene = gs.draw(y, style="forward", wrt="w").scene
    assert scene.values.get(1, "v").item == 15.0
    assert scene.values.get(-1, "g").rms == pytest.approx(3.0)
    assert scene.tangents[1].item == 5.0  # d(3 (2 + 3))/dw


def test_what_dropout_let_through_is_shown_and_not_drawn_anew() -> None:
    gs.manual_seed(0)
    x = gs.ones(50, requires_grad=True)
    dropped = nn.functional.dropout(x, 0.5)
    y = dropped * dropped
    entry = gs.draw(y).scene.values.get(0, "v")
    assert entry.mean == pytest.approx(dropped.mean().item())
    y.sum().backward()  # the tape has let go: rather nothing than another mask
    shown = gs.draw(y.sum()).scene.values
    assert shown.get(0, "v") is None


def test_a_model_in_training_shows_every_shape() -> None:
    gs.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16)
    figure = gs.draw(layer, gs.randn(5, 2, 8), style="modules")
    assert figure.view is not None
    assert {node.label: node.shape for node in figure.view.nodes}["linear1"] == "5\u00d72\u00d716"
    assert all(node.shape for node in figure.view.nodes)
    assert figure.scene.kinds["self_attn"] == "MultiheadAttention"


def test_drawing_moves_no_running_mean_and_no_random_state() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    loss = net(gs.randn(8, 3)).sum()
    mean, state = net[1].running_mean.tolist(), gs.get_rng_state().tolist()
    gs.draw(loss)
    assert net[1].running_mean.tolist() == mean and gs.get_rng_state().tolist() == state


def test_local_derivatives_are_those_of_numbers_and_of_elementwise_ops() -> None:
    x = gs.tensor([1.0, 2.0], requires_grad=True)
    w = gs.randn(2, 2, requires_grad=True)
    y = gs.exp(x).unsqueeze(0).mm(w).sum()
    scene = gs.draw(y).scene
    ops = {scene.graph.op_name(i): i for i in scene.forward}
    assert scene.local[ops["exp"], 0].max == pytest.approx(np.exp(2.0), rel=1e-5)
    assert not [key for key in scene.local if key[0] == ops["mm"]]


def test_a_tensor_that_is_not_in_the_graph_cannot_be_framed() -> None:
    x = gs.tensor(1.0, requires_grad=True)
    other = gs.tensor(1.0, requires_grad=True)
    with pytest.raises(UsageError, match="not part of the graph"):
        gs.draw(x * 2, highlight=other)


def test_known_formulas_belong_to_real_inputs() -> None:
    for name, formulas in KNOWN.items():
        if name not in TABLE:
            assert name == "bmm"
            continue
        row = TABLE[name]
        assert set(formulas) <= set(row.inputs), name
        found = gradient_formulas(row)
        assert {k: v.partition(" = ")[2] for k, v in found.items() if k in formulas} == {
            k: v for k, v in formulas.items() if k in found
        }
        for tex in formulas.values():
            assert re.search(r"\\bar\{y\}", tex)
