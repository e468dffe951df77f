"""Layers and containers where torch is not needed to say what is right."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs
from graphscope import nn
from graphscope.nn import functional as F


def test_sequential_is_a_list_of_modules():
    net = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 3))
    assert len(net) == 3
    assert isinstance(net[1], nn.ReLU) and net[-1] is net[2]
    assert len(net[1:]) == 2 and isinstance(net[1:], nn.Sequential)
    net.append(nn.Tanh())
    net.insert(0, nn.Identity())
    del net[1]
    assert [type(m).__name__ for m in net] == ["Identity", "ReLU", "Linear", "Tanh"]
    assert list(dict(net.named_children())) == ["0", "1", "2", "3"]
    assert isinstance(net.pop(), nn.Tanh) and len(net) == 3
    net[0] = nn.Sigmoid()
    assert isinstance(net[0], nn.Sigmoid)
    with pytest.raises(IndexError):
        net[7]


def test_module_list_and_dict_find_their_parameters():
    many = nn.ModuleList(nn.Linear(1, 1) for _ in range(3))
    many.extend([nn.Tanh()])
    assert len(list(many.parameters())) == 6 and len(many) == 4
    named = nn.ModuleDict({"a": nn.Linear(1, 1)})
    named["b"] = nn.Tanh()
    assert "b" in named and list(named) == ["a", "b"] and len(list(named.parameters())) == 2
    values = nn.ParameterList([gs.zeros(2), gs.ones(1)])
    assert len(list(values.parameters())) == 2 and values[1].item() == 1


def test_a_wrong_size_names_the_sizes():
    with pytest.raises(ValueError, match="takes 3 features"):
        nn.Linear(3, 2)(gs.ones(4, 5))
    with pytest.raises(ValueError, match="take 2 channels"):
        nn.Conv2d(2, 3, 3)(gs.ones(1, 5, 8, 8))


def test_same_seed_same_weights():
    gs.manual_seed(4)
    a = nn.Linear(3, 3)
    gs.manual_seed(4)
    b = nn.Linear(3, 3)
    assert gs.equal(a.weight, b.weight) and gs.equal(a.bias, b.bias)


def test_images_keep_their_logical_shape_and_numpy_sees_them():
    out = nn.Conv2d(1, 3, 3)(gs.randn(2, 1, 6, 7))
    assert out.shape == (2, 3, 4, 5)
    flat = out.flatten(1)
    assert flat.shape == (2, 60)
    np.testing.assert_array_equal(flat.detach().numpy(), out.detach().numpy().reshape(2, 60))


def test_a_frozen_layer_gets_no_gradient():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2))
    net[0].requires_grad_(False)
    net(gs.randn(3, 1, 6, 6)).sum().backward()
    assert net[0].weight.grad is None and net[3].weight.grad is not None


def test_one_hot_and_embedding():
    assert F.one_hot(gs.tensor([2, 0])).tolist() == [[0, 0, 1], [1, 0, 0]]
    table = nn.Embedding(5, 3)
    out = table(gs.tensor([1, 1, 4]))
    out.sum().backward()
    assert out.shape == (3, 3)
    assert table.weight.grad.sum(1).tolist() == [0, 6, 0, 0, 3]


def test_a_network_learns_the_digits_of_a_toy():
    gs.manual_seed(0)
    x = gs.randn(64, 1, 6, 6)
    y = (x.mean((1, 2, 3)) > 0).long()
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 2)
    )
    optimizer = gs.optim.Adam(net.parameters(), lr=0.03)
    for _ in range(60):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
    assert (net(x).argmax(1) == y).sum().item() >= 60
