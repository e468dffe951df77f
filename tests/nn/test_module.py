"""Module: attributes, walks, modes, state, hooks, and the seam to a recorder."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import graphscope as gs
from graphscope import nn
from graphscope.engine import dispatch


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.tail = nn.Sequential(nn.ReLU(), nn.Linear(4, 2))
        self.scale = nn.Parameter(gs.ones(1))
        self.register_buffer("seen", gs.zeros(1))
        self.register_buffer("scratch", gs.zeros(2), persistent=False)

    def forward(self, x):
        return self.tail(self.first(x)) * self.scale


def test_parts_are_found_under_their_names():
    net = Net()
    names = [n for n, _ in net.named_parameters()]
    assert names == ["scale", "first.weight", "first.bias", "tail.1.weight", "tail.1.bias"]
    assert [n for n, _ in net.named_buffers()] == ["seen", "scratch"]
    assert list(net.state_dict()) == [
        "scale", "seen", "first.weight", "first.bias", "tail.1.weight", "tail.1.bias",
    ]  # fmt: skip
    assert len(list(net.modules())) == 5
    assert net.get_submodule("tail.1") is net.tail[1]
    assert net.get_parameter("tail.1.weight") is net.tail[1].weight
    with pytest.raises(AttributeError, match="no submodule 'nose'"):
        net.get_submodule("tail.nose")


def test_shared_parameters_come_once():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert len(list(net.parameters())) == 3
    assert len(net.state_dict()) == 4


def test_attributes_change_their_role_only_openly():
    net = Net()
    with pytest.raises(TypeError, match="cannot become a Tensor"):
        net.scale = gs.ones(1)
    net.scale = None
    assert "scale" not in dict(net.named_parameters())
    net.first = nn.Identity()
    assert "first.weight" not in dict(net.named_parameters())
    del net.tail
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'tail'"):
        net.tail  # noqa: B018
    net.seen = gs.ones(1)
    assert dict(net.named_buffers())["seen"].item() == 1
    net.note = "plain"
    assert net.note == "plain"


def test_forgetting_super_init_is_explained():
    class Bad(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match="super"):
        Bad()


def test_forgetting_forward_is_explained():
    with pytest.raises(NotImplementedError, match="define `def forward"):
        nn.Module()(1)


def test_train_and_eval_reach_all_modules():
    net = nn.Sequential(nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.9)))
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    x = gs.ones(100)
    assert (net(x) == x).all()
    net.train()
    out = net(x)
    assert 0 < (out == 0).sum().item() <= 100
    assert set(np.unique(out.numpy()).round(3)) <= {0, 20}


def test_zero_grad_forgets_or_fills():
    net = Net()
    net(gs.randn(5, 3)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad(set_to_none=False)
    assert all(float(p.grad.abs().sum()) == 0 for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_state_goes_out_and_comes_back():
    a, b = Net(), Net()
    result = b.load_state_dict(a.state_dict())
    assert str(result) == "<All keys matched successfully>"
    x = gs.randn(4, 3)
    assert gs.equal(a(x), b(x))
    # The state shares memory with the module, and loading copies.
    state = a.state_dict()
    with gs.no_grad():
        a.scale.fill_(3.0)
    assert state["scale"].item() == 3 and b.scale.item() == 1


def test_a_state_that_does_not_fit_is_explained_in_full():
    state = Net().state_dict()
    state["extra"] = state.pop("scale")
    state["first.bias"] = gs.zeros(7)
    with pytest.raises(RuntimeError) as caught:
        Net().load_state_dict(state)
    text = str(caught.value)
    for part in ("Net", '"extra"', '"scale"', "first.bias", "[4]", "[7]"):
        assert part in text
    state["first.bias"] = gs.zeros(4)
    result = Net().load_state_dict(state, strict=False)
    assert result.missing_keys == ["scale"] and result.unexpected_keys == ["extra"]


def test_apply_runs_children_first():
    order = []
    net = Net()
    net.apply(lambda m: order.append(type(m).__name__))
    assert order == ["Linear", "ReLU", "Linear", "Sequential", "Net"]


def test_to_moves_floats_and_keeps_parameters():
    net = Net()
    before = net.first.weight
    net.double()
    assert net.first.weight is before and before.dtype == gs.float64
    assert net.seen.dtype == gs.float64
    net.to(gs.float32).to("cpu")
    assert before.dtype == gs.float32 and before.requires_grad


def test_to_sim_and_back_computes_the_same():
    pytest.importorskip("graphscope.engine.backend_sim")
    net = Net()
    x = gs.randn(4, 3)
    want = net(x).detach().numpy()
    net.to("sim")
    out = net(x.to("sim"))
    out.sum().backward()
    assert out.device.type == "sim" and net.first.weight.grad.device.type == "sim"
    np.testing.assert_allclose(out.detach().cpu().numpy(), want, rtol=1e-6)


def test_forward_hooks_see_and_change():
    net = nn.Linear(2, 2)
    seen = []
    first = net.register_forward_pre_hook(lambda m, args: (args[0] * 2,))
    last = net.register_forward_hook(lambda m, args, out: seen.append(args[0].sum().item()))
    change = net.register_forward_hook(lambda m, args, out: out * 0)
    assert float(net(gs.ones(1, 2)).abs().sum()) == 0
    assert seen == [4.0]
    for handle in (first, last, change, change):
        handle.remove()
    assert float(net(gs.ones(1, 2)).abs().sum()) != 0


def test_copies_are_independent():
    net = Net()
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert gs.equal(other(gs.ones(1, 3)), net(gs.ones(1, 3)))
        with gs.no_grad():
            other.first.weight.fill_(0.0)
        assert float(net.first.weight.abs().sum()) > 0
        assert isinstance(other.first.weight, nn.Parameter)
        assert other.first.weight.requires_grad


def test_parameter_says_what_it_is():
    p = nn.Parameter(gs.zeros(2))
    assert repr(p) == "Parameter containing:\ntensor([0., 0.], requires_grad=True)"
    assert p.is_leaf and isinstance(p, gs.Tensor)
    assert not nn.Parameter(gs.zeros(2), requires_grad=False).requires_grad


class Spy:
    """Stands where a recorder stands."""

    values = False

    def __init__(self):
        self.log = []

    def enter(self, module):
        self.log.append(("enter", type(module).__name__))

    def leave(self):
        self.log.append("leave")

    def op(self, row, *rest):
        self.log.append(row.name)

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


@pytest.fixture
def spy():
    spy = Spy()
    before = dispatch.set_recorder(spy)
    yield spy
    dispatch.set_recorder(before)


def test_a_recorder_is_told_of_every_module(spy):
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    net(gs.ones(1, 2))
    assert spy.log == [
        ("enter", "Sequential"), ("enter", "Linear"), "linear", "leave", ("enter", "Tanh"), "tanh", "leave", "leave",
    ]  # fmt: skip


def test_a_recorder_hears_leave_also_after_an_error(spy):
    with pytest.raises(RuntimeError):
        nn.Sequential(nn.Linear(2, 2))(gs.ones(1, 5))
    assert spy.log[-2:] == ["leave", "leave"]
