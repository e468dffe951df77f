"""Operations and bytes per node: every row against real arrays, the rules by hand, and a recorded run."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs
from graphscope import nn, ops
from graphscope.record.costs import FREE, Shape, arithmetic, forward, gradient
from graphscope.trace.reader import TraceReader

F32, I64 = np.dtype("float32"), np.dtype("int64")


@pytest.mark.parametrize("row", [r for r in ops.TABLE.values() if r.flops], ids=lambda r: r.name)
def test_every_row_counts_the_same_from_shapes_as_from_arrays(row):
    for sample in row.samples:
        arrays, params = sample(np.random.default_rng(0))
        arrays = [np.asarray(a) for a in arrays]
        names = [k for k in row.params if k not in row.values]
        static = [params.get(k, row.params[k]) for k in names]
        every = {k: params.get(k, row.params[k]) for k in row.params}
        kernel = every.get("kernel")
        if row.view:
            continue  # a view costs nothing, whatever its row says
        out = Shape((1, 1, *kernel) if kernel is not None and "kernel" in row.values else (7,), F32)
        shapes = [Shape(a.shape, a.dtype) for a in arrays]
        assert arithmetic(row, static, shapes, out) == int(row.flops(*arrays, **every))


def s(*shape, dtype=F32):
    return Shape(shape, dtype)


def of(name, *inputs, out, params=()):
    return forward(ops.TABLE[name], params, list(inputs), out)


def back(name, slot, *inputs, whole, out, params=()):
    return gradient(ops.TABLE[name], slot, params, list(inputs), whole, out)


def test_products_count_a_multiply_add_twice():
    a, b, c = s(4, 3), s(3, 5), s(4, 5)
    assert of("mm", a, b, out=c) == (2 * 4 * 3 * 5, 4 * (12 + 15 + 20))
    # d/da = g b^T reads g and b; d/db = a^T g reads g and a: each is such a product
    assert back("mm", 0, a, b, whole=c, out=a) == (120, 4 * (20 + 15 + 12))
    assert back("mm", 1, a, b, whole=c, out=b) == (120, 4 * (20 + 12 + 15))
    x, w, bias, y = s(4, 3), s(5, 3), s(5), s(4, 5)
    assert of("linear", x, w, bias, out=y) == (120, 4 * (12 + 15 + 5 + 20))
    assert back("linear", 2, x, w, bias, whole=y, out=bias) == (20, 4 * (20 + 5))  # a sum over rows


def test_elementwise_ops_count_their_output():
    x = s(6, 2)
    assert of("relu", x, out=x) == (12, 4 * 24)
    assert back("relu", 0, x, whole=x, out=x) == (
        12,
        4 * 36,
    )  # the incoming gradient and the output
    assert of("add", x, s(2), out=x) == (12, 4 * (12 + 2 + 12))
    assert back("add", 0, x, s(2), whole=x, out=x) == FREE  # hands the incoming gradient on
    assert back("add", 1, x, s(2), whole=x, out=s(2)) == (12, 4 * 14)  # adds it up
    assert back("sub", 1, x, x, whole=x, out=x) == (12, 4 * 24)  # turns its sign
    assert back("mul", 1, x, s(2), whole=x, out=s(2)) == (12, 4 * (12 + 12 + 2))


def test_shape_ops_move_what_they_copy_and_views_nothing():
    x = s(4, 3)
    assert of("reshape", x, out=s(12), params=((12,), (4, 3))) == FREE
    assert back("reshape", 0, x, whole=s(12), out=x, params=((12,), (4, 3))) == FREE
    assert of("cat", x, x, out=s(8, 3), params=(0, (4, 4))) == (0, 4 * 48)
    part = back("cat", 0, x, x, whole=s(8, 3), out=x, params=(0, (4, 4)))
    assert part == (0, 4 * 36)
    assert back("expand", 0, s(1, 3), whole=s(4, 3), out=s(1, 3), params=((4, 3), (1, 3))) == (
        12,
        4 * 15,
    )
    assert back("cast", 0, x, whole=x, out=x, params=("float64", "float32"))[0] == 0
    # of a large table only the rows that are asked for are read
    assert of("embedding", s(1000, 8), s(5, dtype=I64), out=s(5, 8), params=(-1, False)) == (
        0, 4 * 40 + 8 * 5 + 4 * 40,
    )  # fmt: skip
    assert back(
        "embedding", 0, s(1000, 8), s(5, dtype=I64), whole=s(5, 8), out=s(1000, 8), params=(-1, False)
    ) == (40, 4 * 40 + 8 * 5 + 4 * 8000)  # fmt: skip
    assert of("conv2d", s(2, 3, 8, 8), s(0, 3, 3, 3), out=s(2, 0, 6, 6))[0] == 0  # no filters


def test_the_counts_of_a_recorded_run(tmp_path):
    net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10))
    x, y = gs.randn(16, 1, 8, 8), gs.randint(0, 10, (16,))
    with gs.profile(tmp_path / "run") as p:
        p.watch(net, "net")
        for _ in range(4):
            nn.functional.cross_entropy(net(x), y).backward()
    conv, linear = 2 * (16 * 8 * 8 * 8) * 9, 2 * 16 * 512 * 10
    with TraceReader(p.path) as reader:
        step = reader.step()
        graph = reader.graph(step.graph)
        flops, traffic = reader.costs(step.shape_set)
        assert len(flops) == len(traffic) == graph.n and flops.dtype == np.int64
        found = {}
        for i in range(graph.n):
            found.setdefault((graph.op_name(i), int(graph.slot[i])), int(flops[i]))
        assert found["conv2d", -1] == found["conv2d", 1] == conv
        assert found["linear", -1] == found["linear", 0] == found["linear", 1] == linear
        assert found["linear", 2] == 160 and found["conv2d", 2] == 8192
        assert found["relu", -1] == found["relu", 0] == 8192 and found["flatten", -1] == 0
    rows = {row.key: row for row in p.key_averages("scope")}
    assert rows["net.0"].flops == 4 * (2 * conv + 8192)  # its input wants no gradient
    assert rows["net.3"].flops == 4 * (3 * linear + 160)
    assert rows["net"].flops == sum(rows[k].flops for k in ("net.0", "net.1", "net.2", "net.3"))
    assert rows["net.0"].flops_s == pytest.approx(1e9 * rows["net.0"].flops / rows["net.0"].total)


def test_the_cost_of_following_is_six_times_the_loops_where_ops_work():
    from graphscope.record.on_track import cost_of_following

    assert cost_of_following(200.0, 100, 0) == 20_000
    assert cost_of_following(200.0, 100, 2_000_000) == 120_000  # 20 us apart: six times
    assert cost_of_following(200.0, 100, 50_000_000) == 120_000
    assert cost_of_following(200.0, 100, 100_000) == 20_000 + 5 * 5 * 200  # 1 us apart
