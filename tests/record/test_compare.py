"""``gs.compare``: one function on the pretend GPU and in two dtypes. The pretend GPU's clock is exact."""

from __future__ import annotations

import json

import numpy as np
import pytest

import graphscope as gs
from graphscope import nn
from graphscope.analysis.comparison import FASTER, SAME, SLOWER
from graphscope.analysis.devices import crossover
from graphscope.analysis.numeric import array_difference, ulp_distance
from graphscope.engine.backend import backend_of
from graphscope.errors import DeviceError, UsageError


@pytest.fixture
def gpu():
    with gs.cuda.pretended():
        yield backend_of("cuda").device


def loss(a, b):
    h = (a @ b).relu()
    return (h * h).sum()


def inputs(n=8):
    return gs.randn(n, n), gs.randn(n, n, requires_grad=True)


def test_cpu_and_pretend_gpu_agree_and_the_gpus_time_is_exact(gpu):
    x, w = inputs()
    found = gs.compare(loss, (x, w), devices=("cpu", "cuda"), repeats=6)
    cpu, cuda = found
    assert (cpu.name, cuda.name, cpu.verdict) == ("cpu", "cuda", SAME) and cpu.speedup == 1
    # mm, relu, mul, sum; d sum, d mul for both inputs and their sum, d relu, d mm: the clock is virtual
    assert cuda.p25 == cuda.p50 == cuda.p75 > 0 and cuda.repeats == 6
    assert cuda.speedup == cpu.p50 / cuda.p50
    assert (cpu.clock, cuda.clock) == ("host", "device")
    rows = {row.key: row.b for row in found.against[0].ops}
    # forward 2 us + 256 bytes at 1000 a ns (1 ns) + 64 operations at 10,000 a ns (1 ns); backward the same
    assert rows["relu"].p25 == rows["relu"].p75 == rows["relu"].p50 >= 2 * 2002
    (versus,) = found.against
    assert versus.first_divergent is None and not versus.alone
    assert {d.label for d in versus.numbers} == {"mm", "relu", "mul", "sum", "a leaf"}
    assert {d.what for d in versus.numbers} == {"v", "g"} and all(
        d.max_abs == 0 for d in versus.numbers
    )
    assert versus.ops.structure.same and {row.key for row in versus.ops} >= {"mm", "relu", "sum"}
    assert w.grad is None and w.device.type == "cpu"  # the program's own tensors are left alone
    text = str(found)
    assert (
        "numbers agree in all" in text and "test_compare.py" not in text.split("numbers agree")[0]
    )
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.to_csv().startswith("name,device")


def test_transfers_and_waits_are_counted(gpu):
    def hops(a):
        return float(a.cpu().to(a.device).sum())

    cpu, cuda = gs.compare(hops, gs.ones(4, 4), devices=("cpu", "cuda"), repeats=3)
    assert (cpu.transfers, cpu.transferred, cpu.waits) == (0, 0, 0)
    assert (cuda.transfers, cuda.transferred) == (2, 2 * 64)
    assert cuda.waits == 2  # for the copy to the host, and for the number


def test_float32_against_float64():
    def cancels(a):
        return ((a + 1e6) - 1e6).sum()

    found = gs.compare(
        cancels, gs.rand(16, requires_grad=True), dtypes=("float32", "float64"), repeats=2
    )
    (versus,) = found.against
    first = versus.first_divergent
    assert [v.name for v in found] == ["float32", "float64"] and found.variants[
        1
    ].dtype == "float64"
    assert first is not None and (first.label, first.what) == ("sub", "v") and first.exact
    assert (
        first.line.startswith("test_compare.py:")
        and 1e-3 < first.max_abs < 0.1
        and first.ulp > 1000
    )
    added = versus.numbers[0]  # 1e6 and a bit: half a unit of the last place at most, which is 1/16
    assert added.label == "add" and added.ulp == 0 and added.max_abs <= 1 / 32
    assert "the first that differs is sub (test_compare.py:" in str(found)


def test_a_wrong_value_is_found_where_it_comes_from(gpu):
    def broken(a):
        h = a.tanh()
        return (h * (2.0 if a.device.type == "cuda" else 1.0)).exp().sum()

    found = gs.compare(broken, gs.randn(5), devices=("cpu", "cuda"), repeats=2)
    first = found.against[0].first_divergent
    assert first is not None and first.key == "mul|0" and first.max_rel == pytest.approx(0.5)


def test_other_ops_on_the_other_device_are_named(gpu):
    def other(a):
        return (a.sigmoid() if a.device.type == "cuda" else a).sum()

    versus = gs.compare(other, gs.randn(5), devices=("cpu", "cuda"), repeats=2).against[0]
    assert "sigmoid|0" in versus.alone and not versus.ops.structure.same
    assert versus.ops.structure.only_b == {"sigmoid": 1}


def test_modules_are_copied_and_dropout_draws_alike(gpu):
    net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))
    gs.manual_seed(3)
    state = gs.default_generator.get_state()
    found = gs.compare(net, gs.randn(6, 4), devices=("cpu", "cuda"), repeats=2)
    assert found.function == "Sequential" and found.against[0].first_divergent is None
    gradients = [d.label for d in found.against[0].numbers if d.key.startswith("leaf")]
    assert len(gradients) == 4
    assert all(p.device.type == "cpu" and p.grad is None for p in net.parameters())
    gs.default_generator.set_state(state)


def test_sizes_and_where_they_cross(gpu):
    found = gs.compare(loss, inputs, devices=("cpu", "cuda"), sizes=(4, 16), repeats=4, warmup=1)
    assert [row.size for row in found.sizes] == [4, 16] and set(found.crossover) == {"cuda"}
    assert (
        found.sizes[1].times["cuda"] == found.variants[1].p50
    )  # the details are of the largest size
    assert "size" in str(found)


def test_the_crossover_on_paper():
    # a grows with the size, b is constant: they meet where a = 30, at size 30
    sizes, a, b = [1, 10, 100], [1.0, 10.0, 100.0], [30.0, 30.0, 30.0]
    slower = [SLOWER, SLOWER, FASTER]
    assert crossover(sizes, a, b, slower) == pytest.approx(30)
    assert crossover(sizes[::-1], a[::-1], b, slower[::-1]) == pytest.approx(30)
    assert crossover(sizes, a, b, [SLOWER, SLOWER, SAME]) is None  # the spreads overlap
    assert crossover(sizes, b, [x / 10 for x in a], [FASTER] * 3) == 1  # always faster
    assert crossover(sizes, b, [31.0] * 3, [SLOWER] * 3) is None


def test_values_of_a_module_have_its_names(gpu):
    net = gs.nn.Sequential(gs.nn.Linear(4, 3), gs.nn.ReLU(), gs.nn.Linear(3, 2))
    found = gs.compare(net, gs.randn(5, 4), dtypes=("float32", "float64"), repeats=2)
    names = [d.name for d in found.against[0].numbers]
    assert names[:3] == ["0.linear", "1.relu", "2.linear"]
    assert {"gradient of 0.weight", "gradient of 2.bias", "gradient of 1.relu"} <= {*names}
    assert "(whole step)" not in str(found), "the calls above are unrecorded"


def test_a_narrow_dtype_explains_more():
    x = gs.rand(40, 40, requires_grad=True)
    half = gs.compare(lambda a: (a @ a).sum(), x, dtypes=("float32", "float16"), repeats=2)
    assert half.against[0].first_divergent is None
    strict = gs.compare(
        lambda a: (a @ a).sum(), x, dtypes=("float32", "float16"), repeats=2, rtol=1e-7, atol=0
    )
    assert strict.against[0].first_divergent is not None


def test_what_cannot_be_compared_is_one_sentence():
    with pytest.raises(UsageError, match="ran no op on a tensor"):
        gs.compare(lambda a: 3, gs.ones(2), dtypes=("float32", "float64"))
    with pytest.raises(TypeError, match="int is no function"):
        gs.compare(5, gs.ones(2), dtypes=("float32", "float64"))
    with pytest.raises(UsageError, match='devices="cpu" is one; give several'):
        gs.compare(lambda a: a, gs.ones(2), devices="cpu")
    x, w = inputs()
    with pytest.raises(DeviceError, match="cuda"):
        gs.compare(loss, (x, w), devices=("cpu", "cuda:7"))
    with pytest.raises(UsageError, match="nothing to compare"):
        gs.compare(loss, (x, w), devices=("cpu",))
    with pytest.raises(UsageError, match="names a way twice"):
        gs.compare(loss, (x, w), devices=("cpu", "cpu"))
    with pytest.raises(UsageError, match="no dtype 'float99'"):
        gs.compare(loss, (x, w), dtypes=("float32", "float99"))
    with pytest.raises(UsageError, match="function of the size"):
        gs.compare(loss, (x, w), dtypes=("float32", "float64"), sizes=(1, 2))
    with pytest.raises(UsageError, match="repeats=0"):
        gs.compare(loss, (x, w), dtypes=("float32", "float64"), repeats=0)


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_ulp_counts_the_numbers_of_its_dtype(kind):
    one, two = np.ones(3, kind), np.ones(3, kind)
    two[1] = np.nextafter(two[1], two.dtype.type(2))
    two[2] = np.nextafter(np.nextafter(two[2], two.dtype.type(0)), two.dtype.type(0))
    assert ulp_distance(one, two).tolist() == [0, 1, 2]
    small = np.finfo(kind).smallest_subnormal
    assert ulp_distance(np.array([-small, 0], kind), np.array([small, -0.0], kind)).tolist() == [
        2,
        0,
    ]
    top = np.array([np.finfo(kind).max])
    assert ulp_distance(top, -top)[0] > 2.0 ** (8 * top.itemsize - 2)
    assert ulp_distance(np.array(1.0, kind), np.array(1.0, kind)) == 0  # no dimension


def test_array_difference():
    a, b = np.array([1.0, 4.0]), np.array([1.0, 3.0])
    assert array_difference(a, b)[:2] == (1.0, 0.25)
    assert array_difference(np.array([3]), np.array([5])) == (2.0, 0.4, 2.0)
    assert array_difference(np.zeros((0, 3)), np.zeros((0, 3))) == (0.0, 0.0, 0.0)
    assert array_difference(np.array([np.nan]), np.array([np.nan])) == (0.0, 0.0, 0.0)
    assert array_difference(np.array([np.nan]), np.array([1.0]))[0] == np.inf
