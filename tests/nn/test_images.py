"""What layers for images promise beyond numbers: masks, buffers, names in the graph, second derivatives."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs
from graphscope import nn
from graphscope.nn import functional as F
from graphscope.ops import conv_columns, conv_depthwise, conv_rows


def ops_of(out):
    """Names of the ops behind a tensor, without order."""
    names, todo = set(), [out.grad_fn]
    while todo:
        node = todo.pop()
        names.add(node.row.name)
        edges = [e[0] if isinstance(e, tuple) else e for e in node.edges]
        todo += [e for e in edges if hasattr(e, "row")]
    return names


X = gs.randn(3, 4, 6, 6, requires_grad=True)
BOXES = {
    "conv1d": lambda: nn.Conv1d(4, 5, 3)(gs.randn(2, 4, 9)),
    "conv2d": lambda: nn.Conv2d(4, 5, 3)(X),
    "conv_transpose2d": lambda: nn.ConvTranspose2d(4, 5, 3)(X),
    "max_pool2d": lambda: F.max_pool2d(X, 2),
    "avg_pool2d": lambda: F.avg_pool2d(X, 2),
    "adaptive_avg_pool2d": lambda: F.adaptive_avg_pool2d(X, 4),
    "batch_norm": lambda: nn.BatchNorm2d(4)(X),
    "layer_norm": lambda: nn.LayerNorm(6)(X),
    "group_norm": lambda: nn.GroupNorm(2, 4)(X),
    "instance_norm": lambda: nn.InstanceNorm2d(4)(X),
    "rms_norm": lambda: nn.RMSNorm(6)(X),
    "local_response_norm": lambda: nn.LocalResponseNorm(3)(X),
    "dropout": lambda: nn.Dropout()(X),
    "feature_dropout": lambda: nn.Dropout2d()(X),
    "alpha_dropout": lambda: nn.AlphaDropout()(X),
    "embedding": lambda: nn.Embedding(5, 3)(gs.tensor([1, 2])),
    "embedding_bag": lambda: nn.EmbeddingBag(5, 3)(gs.tensor([[1, 2]])),
    "interpolate": lambda: nn.Upsample(scale_factor=2)(X),
    "pixel_shuffle": lambda: nn.PixelShuffle(2)(X),
    "bilinear": lambda: nn.Bilinear(2, 3, 4)(gs.randn(5, 2), gs.randn(5, 3)),
}


@pytest.mark.parametrize("name", BOXES)
def test_a_layer_is_one_box_with_torchs_name(name):
    assert ops_of(BOXES[name]()) == {name}


@pytest.mark.parametrize("layer", [nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout])
def test_dropout_keeps_the_mean_and_sleeps_in_evaluation(layer):
    gs.manual_seed(1)
    x = gs.randn(200, 50, 20)
    drop = layer(0.3)
    out = drop(x if layer is not nn.Dropout2d else x.reshape(200, 50, 5, 4))
    assert abs(float(out.mean()) - float(x.mean())) < 0.05
    assert drop.eval()(x) is x
    if layer is nn.AlphaDropout:
        assert abs(float(out.std()) - 1) < 0.05
    else:
        assert abs(float((out == 0).float().mean()) - 0.3) < 0.02


def test_the_gradient_of_dropout_passes_where_the_mask_does():
    x = gs.ones(40, 40, requires_grad=True)
    out = F.dropout(x, 0.25)
    out.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), out.detach().numpy())
    assert set(np.unique(out.detach().numpy())) == {np.float32(0), np.float32(1 / 0.75)}


def test_dropout_of_channels_drops_whole_channels():
    flat = F.dropout2d(gs.ones(20, 10, 3, 3), 0.5).numpy().reshape(200, 9)
    assert (flat == flat[:, :1]).all() and 0 < (flat[:, 0] == 0).sum() < 200
    alone = F.dropout1d(gs.ones(50, 7), 0.5).numpy()
    assert (alone == alone[:, :1]).all() and 0 < (alone[:, 0] == 0).sum() < 50


def test_dropout_repeats_with_the_seed():
    runs = []
    for _ in range(2):
        gs.manual_seed(3)
        runs.append(F.dropout(gs.ones(100), 0.5).tolist())
    assert runs[0] == runs[1]


def test_dropout_in_place_writes_into_its_input():
    x = gs.ones(30)
    out = F.dropout(x, 0.5, inplace=True)
    assert out is x and 0 < (x == 0).sum().item() < 30


def test_embedding_shortens_long_rows_in_place():
    table = nn.Embedding(4, 3, max_norm=1.0)
    table.weight.data[...] = gs.full((4, 3), 2.0)
    out = table(gs.tensor([1, 3, 1]))
    lengths = np.linalg.norm(table.weight.detach().numpy(), axis=1)
    np.testing.assert_allclose(lengths, [12**0.5, 1, 12**0.5, 1], rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(out.detach().numpy(), axis=1), 1, rtol=1e-5)


def test_embedding_from_pretrained_is_frozen_and_shares_values():
    values = gs.randn(5, 3)
    layer = nn.Embedding.from_pretrained(values, padding_idx=2)
    assert not layer.weight.requires_grad and layer.padding_idx == 2
    assert gs.equal(layer(gs.tensor([4])), values[4:5])
    assert nn.Embedding.from_pretrained(values, freeze=False).weight.requires_grad
    assert float(nn.Embedding(5, 3, padding_idx=1).weight[1].abs().sum()) == 0


def test_embedding_gradients_add_up_however_often_a_row_occurs():
    numbers = np.concatenate([np.zeros(50, int), [1, 1, 2], np.full(9, 3), np.full(8, 4)])
    table = gs.zeros(6, 2, requires_grad=True)
    F.embedding(gs.tensor(numbers), table).sum().backward()
    assert table.grad[:, 0].tolist() == [50, 2, 1, 9, 8, 0]


# (N, C, O, H, W), kernel, stride, padding, dilation of the columns: each takes another way through the rows
SHAPES = [
    ((16, 4, 5, 9, 8), (3, 3), (1, 1), (1, 1), 1), ((16, 30, 5, 9, 8), (3, 3), (1, 1), (1, 1), 1),
    ((16, 30, 5, 7, 9), (5, 4), (1, 1), (2, 3), 2), ((16, 30, 5, 9, 9), (3, 3), (2, 2), (1, 0), 1),
    ((64, 40, 4, 4, 4), (2, 2), (3, 3), (1, 1), 1), ((32, 70, 3, 3, 4), (3, 3), (1, 1), (4, 4), 1),
    ((64, 8, 4, 6, 6), (1, 1), (2, 2), (0, 0), 1), ((80, 40, 8, 1, 9), (1, 3), (1, 1), (0, 1), 1),
    ((16, 30, 5, 40, 8), (4, 3), (1, 1), (0, 0), 1), ((16, 8, 6, 1, 50), (1, 5), (1, 2), (0, 3), 2),
    ((16, 30, 6, 1, 50), (1, 3), (1, 1), (0, 4), 1),
]  # fmt: skip


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("block", [1 << 12, 1 << 20])
@pytest.mark.parametrize("case", SHAPES, ids=str)
def test_rows_and_columns_compute_the_same_convolution(case, block, groups, monkeypatch):
    (n, c, o, h, w), kernel, stride, padding, dw = case
    monkeypatch.setattr(conv_rows, "_BLOCK", block)
    r = np.random.default_rng(0)
    o *= groups
    x, k = r.normal(size=(n, c, h, w)), r.normal(size=(o, c // groups, *kernel))
    args = stride, padding, (1, dw), groups
    want = conv_columns.forward(np, x, k, *args)
    t = conv_rows.row_major(x)
    same = stride, padding, dw
    got = conv_rows.forward(t, k, None, *same, want.shape[2:], groups)
    np.testing.assert_allclose(conv_rows.logical(got), want, atol=1e-10)
    g = r.normal(size=want.shape)
    gt = conv_rows.row_major(g)
    back = conv_rows.logical(conv_rows.input_grad(gt, k, *same, (h, w), groups))
    np.testing.assert_allclose(back, conv_columns.input_grad(np, g, k, *args, (h, w)), atol=1e-10)
    weights = conv_rows.weight_grad(t, gt, kernel, *same, groups)
    np.testing.assert_allclose(
        weights, conv_columns.weight_grad(np, x, g, *args, kernel), atol=1e-9
    )


@pytest.mark.parametrize("stride, dilation", [((1, 1), (1, 1)), ((2, 3), (2, 1))])
def test_depthwise_and_columns_compute_the_same_convolution(stride, dilation, monkeypatch):
    monkeypatch.setattr(conv_depthwise, "_BLOCK", 1 << 11)
    r = np.random.default_rng(0)
    x, k = r.normal(size=(6, 5, 9, 8)), r.normal(size=(5, 1, 3, 2))
    args = stride, (1, 0), dilation, 5
    want = conv_columns.forward(np, x, k, *args)
    t = conv_rows.row_major(x)
    hw = want.shape[2:]
    got = conv_depthwise.forward(t, k, None, stride, (1, 0), dilation, hw)
    np.testing.assert_allclose(conv_rows.logical(got), want, atol=1e-10)
    gt = conv_rows.row_major(r.normal(size=want.shape))
    g = conv_rows.logical(gt)
    back = conv_depthwise.input_grad(gt, k, stride, (1, 0), dilation, (9, 8))
    np.testing.assert_allclose(conv_rows.logical(back), conv_columns.input_grad(np, g, k, *args, (9, 8)), atol=1e-10)  # fmt: skip
    weights = conv_depthwise.weight_grad(t, gt, (3, 2), stride, (1, 0), dilation)
    np.testing.assert_allclose(
        weights, conv_columns.weight_grad(np, x, g, *args, (3, 2)), atol=1e-9
    )


TWICE = {
    "conv2d": lambda x: F.conv2d(x, gs.full((2, 2, 2, 2), 0.3, dtype=x.dtype), padding=1),
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "group_norm": lambda x: F.group_norm(x, 2),
    "max_pool2d": lambda x: F.max_pool2d(x, 2, return_indices=True)[0],
    "adaptive_max_pool2d": lambda x: F.adaptive_max_pool2d(x, 2),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, (2, 3)),
    "bicubic": lambda x: F.interpolate(x, (5, 3), mode="bicubic"),
    "pad": lambda x: F.pad(x, (1, 2, 0, 1), mode="reflect"),
}


@pytest.mark.parametrize("name", TWICE)
def test_second_derivatives_are_what_differences_say(name):
    r = np.random.default_rng(1)
    start, way = r.normal(size=(2, 2, 4, 4)), r.normal(size=(2, 2, 4, 4))

    def slope(a, graph=False):
        x = gs.tensor(a, requires_grad=True)
        out = TWICE[name](x)
        (g,) = gs.autograd.grad((out * out * out).sum(), x, create_graph=graph)
        return x, g

    x, g = slope(start, True)
    (got,) = gs.autograd.grad((g * gs.tensor(way)).sum(), x)
    step = 1e-5
    moved = slope(start + step * way)[1].numpy() - slope(start - step * way)[1].numpy()
    np.testing.assert_allclose(got.numpy(), moved / (2 * step), rtol=1e-4, atol=1e-5)


NETS = {
    "conv": lambda: nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1, padding_mode="reflect"), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 6, 3, padding=1, groups=6), nn.LocalResponseNorm(3), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.LayerNorm(24), nn.Dropout(0.0), nn.Linear(24, 5),
    ),
    "up": lambda: nn.Sequential(
        nn.ConvTranspose2d(3, 4, 4, 2, 1), nn.InstanceNorm2d(4, affine=True), nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.AvgPool2d(3, 2, 1), nn.GroupNorm(2, 4), nn.PixelShuffle(2), nn.ZeroPad2d(1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_the_pretend_gpu_trains_the_same_net(name):
    gs.manual_seed(0)
    here = NETS[name]()
    there = NETS[name]()
    there.load_state_dict(here.state_dict())
    there.to("sim")
    x = gs.randn(4, 3, 8, 8)
    a, b = here(x), there(x.to("sim"))
    np.testing.assert_allclose(b.detach().cpu().numpy(), a.detach().numpy(), rtol=1e-4, atol=1e-5)
    (a * a).sum().backward()
    (b * b).sum().backward()
    for p, q in zip(here.parameters(), there.parameters(), strict=True):
        assert q.grad.device.type == "sim"
        np.testing.assert_allclose(q.grad.cpu().numpy(), p.grad.numpy(), rtol=2e-3, atol=2e-3)
    for p, q in zip(here.buffers(), there.buffers(), strict=True):
        np.testing.assert_allclose(q.cpu().numpy(), p.numpy(), rtol=1e-5)


def test_embeddings_work_on_the_pretend_gpu():
    table = nn.Embedding(5, 3, padding_idx=0).to("sim")
    bag = nn.EmbeddingBag(5, 3, mode="sum").to("sim")
    numbers = gs.tensor([[1, 1, 0], [4, 2, 1]]).to("sim")
    (table(numbers).sum() + bag(numbers).sum()).backward()
    assert table.weight.grad.cpu()[:, 0].tolist() == [0, 3, 1, 0, 1]
    assert bag.weight.grad.cpu()[:, 0].tolist() == [1, 3, 1, 0, 1]
