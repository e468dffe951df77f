"""The generated straight paths: readable, the same as the general path, and out of the user's way."""

from __future__ import annotations

import traceback
from typing import Any

import numpy as np
import pytest

import graphscope as gs
from graphscope.engine import dispatch, straight
from graphscope.engine.op import Op
from graphscope.ops import TABLE

STRAIGHT = [row for row in TABLE.values() if straight.is_straight(row)]


def test_most_rows_have_one() -> None:
    assert len(STRAIGHT) > len(TABLE) // 2
    names = {row.name for row in STRAIGHT}
    assert {"add", "mul", "mm", "tanh", "relu", "sum", "reshape"} <= names
    assert not {"cat", "add_", "where", "split"} & names


@pytest.mark.parametrize("row", STRAIGHT, ids=lambda row: row.name)
def test_it_computes_what_the_general_path_computes(row: Op) -> None:
    if not row.samples:
        pytest.skip("no samples")
    for sample in row.samples:
        made = sample(np.random.default_rng(0))
        inputs, params = made if isinstance(made, tuple) else (made.inputs, made.params)
        results = []
        for run in (row.run, lambda *a, **k: dispatch.general(row, *a, **k)):
            arrays = [np.asarray(a) for a in inputs]
            tensors = [gs.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
            out = run(*tensors, **params)
            if out.requires_grad and set(row.params) <= set(params):
                out.backward(gs.ones_like(out))
            results.append([out.detach().numpy(), *(t.grad for t in tensors)])
        for one, other in zip(*results, strict=True):
            if one is None:
                assert other is None
            else:
                np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_a_traceback_shows_its_lines() -> None:
    a, b = gs.ones(2, 3), gs.ones(4, 5)
    try:
        a + b
    except RuntimeError as error:
        text = "".join(traceback.format_exception(error))
    assert "straight" in text and "r = KERNEL(a, b)" in text
    assert "test_straight.py" in str(error_of(lambda: a + b))


def error_of(run: Any) -> Exception:
    try:
        run()
    except Exception as error:
        return error
    raise AssertionError("no error")


def test_other_things_take_the_general_path() -> None:
    x = gs.ones(3)
    assert gs.add(x, 2).tolist() == [3.0] * 3
    assert (x * gs.arange(3)).dtype == gs.float32
    assert gs.exp(gs.tensor([0])).dtype == gs.float32
    assert (x.to("sim") * 2).device.type == "sim"
    assert gs.mul(3, x).tolist() == [3.0] * 3


def test_python_numbers_keep_their_sign_and_dtype() -> None:
    x = gs.tensor([1.0, -1.0])
    for zero in (0, 0.0, -0.0):
        with np.errstate(all="ignore"):
            want = np.array([1.0, -1.0], np.float32) / np.float32(zero)
        np.testing.assert_array_equal((x / zero).numpy(), want)
    assert (x * 2).dtype == (x * 2.0).dtype == gs.float32
    assert (x.double() * 2).dtype == gs.float64
    assert (gs.arange(2) * 2).dtype == gs.int64
    assert (x * float("nan")).isnan().all()


def test_a_row_whose_params_would_hide_its_names_has_none() -> None:
    row = Op("odd", lambda xp, x, *, node: x * node, samples=())
    assert not straight.is_straight(row)
    assert dispatch.call(row, gs.ones(2), node=3).tolist() == [3.0, 3.0]
