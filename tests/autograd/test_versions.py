"""Version counters: what a backward says about a value that was overwritten, and what it costs."""

from __future__ import annotations

import gc
import weakref

import pytest

import graphscope as gs
from graphscope.autograd import detect_anomaly
from graphscope.engine import versions
from graphscope.errors import AutogradError


def overwritten():
    w = gs.ones(2, 3, requires_grad=True)
    h = w.exp()  # the forward line
    h += 1  # the write
    h.sum().backward()


def test_the_error_names_both_ops_the_shape_and_the_write():
    with pytest.raises(AutogradError) as caught:
        overwritten()
    text = str(caught.value)
    assert "the gradient of 'exp' (ExpBackward0" in text and "'add_' has overwritten" in text
    assert "(2, 3) float32" in text and "test_versions.py" in text and "`h += 1" in text
    assert "detect_anomaly()" in text  # how to get the forward line
    assert "clone()" in text


def test_anomaly_mode_adds_the_forward_line():
    with detect_anomaly(), pytest.raises(AutogradError, match=r"`h = w.exp\(\).*`h \+= 1"):
        overwritten()


def test_a_recorder_adds_the_forward_line(tmp_path):
    with (
        gs.profile(tmp_path / "run.gscope"),
        pytest.raises(AutogradError, match=r"`h = w.exp\(\).*`h \+= 1"),
    ):
        overwritten()


def test_an_optimizer_in_between_is_told_as_such():
    w, v = gs.ones(3, 3, requires_grad=True), gs.ones(3, 3, requires_grad=True)
    optimizer = gs.optim.SGD([v], lr=0.1)
    first, second = (w @ v).sum(), (w @ v @ v).sum()
    first.backward()
    optimizer.step()
    with pytest.raises(AutogradError, match="'mm' .* 'sgd_' has overwritten .* optimizer"):
        second.backward()


@pytest.mark.parametrize(
    "write",
    [
        lambda t: t.mul_(2),
        lambda t: t.__setitem__(0, 5.0),
        lambda t: t[1:].zero_(),
        lambda t: t.detach().copy_(gs.ones(3)),
        lambda t: t.sigmoid_(),
        lambda t: t.view(3, 1).t()[0].add_(1),
        lambda t: t.masked_fill_(t > 0, 0),
        lambda t: gs.nn.init.normal_(t),
    ],
)
def test_every_way_to_write_is_counted(write):
    x = gs.tensor([1.0, 2.0, 3.0])
    w = gs.ones(3, requires_grad=True)
    y = (w * x).sum()
    write(x)
    assert x._version == 1
    with pytest.raises(AutogradError, match="'mul'"):
        y.backward()


def test_writes_through_data_are_not_counted():
    w = gs.ones(3, requires_grad=True)
    y = (w * w).sum()
    w.data.mul_(2)
    w.data -= 1
    y.backward()
    assert w._version == 0 and w.grad.tolist() == [2, 2, 2]


def test_data_set_over_and_over_keeps_one_owner():
    w = gs.ones(3)
    first = w._a
    for _ in range(100):
        w.data -= 0.01
        w.data = w.data
    assert w._a is first


def test_a_gradient_that_was_used_is_not_accumulated_into_silently():
    w = gs.ones(2, requires_grad=True)
    (w * 3).sum().backward()
    y = (w * w.grad).sum()  # keeps the gradient
    with pytest.raises(AutogradError, match="'mul'"):
        (w * 5).sum().backward()
        y.backward()


def test_counters_die_with_their_memory():
    x = gs.ones(3)
    x += 1
    key = id(versions.owner(x._a))
    assert key in versions._written
    del x
    assert key not in versions._written


def test_an_ordinary_step_looks_at_no_counter(monkeypatch):
    w = gs.ones(4, 4, requires_grad=True)
    optimizer = gs.optim.SGD([w], lr=0.1)

    def step():
        optimizer.zero_grad()
        (w @ w).tanh().sum().backward()
        optimizer.step()

    step()
    monkeypatch.setattr(versions, "stale", lambda node: pytest.fail("looked closer"))
    step()


def test_views_and_bases_die_with_the_collector_off():
    gc.disable()
    try:
        w = gs.ones(4, 4, requires_grad=True)
        base = w * 2
        view = base[1:]
        other = base[0]
        view.mul_(w[1:]).exp_()
        view[0] = other * 3
        base.add_(w)
        total = gs.zeros(())
        total += (base * view.sum() * other.sum()).sum()
        seen = [weakref.ref(t) for t in (base, view, other, total)]
        seen += [weakref.ref(t.grad_fn) for t in (base, view, other, total)]
        del base, view, other, total
        assert not any(r() for r in seen)
    finally:
        gc.enable()
