"""Layers for images beside torch's: text, state dicts, first values, buffers, errors."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs

torch = pytest.importorskip("torch")

MAKES = {
    "Bilinear": lambda nn: nn.Bilinear(3, 4, 5),
    "Conv1d": lambda nn: nn.Conv1d(4, 6, 3, 2, 1, groups=2, bias=False),
    "Conv2d": lambda nn: nn.Conv2d(4, 6, (3, 5), padding=(1, 2), padding_mode="reflect"),
    "Conv2dSame": lambda nn: nn.Conv2d(4, 6, 3, padding="same", padding_mode="circular", dilation=2),
    "Conv2dOne": lambda nn: nn.Conv2d(4, 6, 3, padding="valid"),
    "ConvTranspose1d": lambda nn: nn.ConvTranspose1d(4, 6, 3, 2, 1, 1),
    "ConvTranspose2d": lambda nn: nn.ConvTranspose2d(4, 6, 3, 2, output_padding=1, groups=2, bias=False, dilation=2),
    "MaxPool1d": lambda nn: nn.MaxPool1d(3, 2, ceil_mode=True),
    "MaxPool2d": lambda nn: nn.MaxPool2d((2, 3), 2, (1, 0), 2),
    "MaxUnpool2d": lambda nn: nn.MaxUnpool2d(2),
    "AvgPool1d": lambda nn: nn.AvgPool1d(3, 2),
    "AvgPool2d": lambda nn: nn.AvgPool2d(3, 2, 1, True, False),
    "LPPool2d": lambda nn: nn.LPPool2d(2, 3),
    "AdaptiveAvgPool1d": lambda nn: nn.AdaptiveAvgPool1d(3),
    "AdaptiveAvgPool2d": lambda nn: nn.AdaptiveAvgPool2d((3, None)),
    "AdaptiveMaxPool2d": lambda nn: nn.AdaptiveMaxPool2d(3),
    "BatchNorm1d": lambda nn: nn.BatchNorm1d(4, momentum=None),
    "BatchNorm2d": lambda nn: nn.BatchNorm2d(4, 1e-3, 0.2, affine=False),
    "BatchNormPlain": lambda nn: nn.BatchNorm2d(4, track_running_stats=False),
    "LayerNorm": lambda nn: nn.LayerNorm((3, 4)),
    "LayerNormPlain": lambda nn: nn.LayerNorm(4, elementwise_affine=False),
    "LayerNormNoBias": lambda nn: nn.LayerNorm([4], bias=False),
    "GroupNorm": lambda nn: nn.GroupNorm(2, 4),
    "InstanceNorm1d": lambda nn: nn.InstanceNorm1d(4, affine=True, track_running_stats=True),
    "InstanceNorm2d": lambda nn: nn.InstanceNorm2d(4),
    "RMSNorm": lambda nn: nn.RMSNorm(4),
    "LocalResponseNorm": lambda nn: nn.LocalResponseNorm(5, k=2),
    "CrossMapLRN2d": lambda nn: nn.CrossMapLRN2d(3),
    "Dropout1d": lambda nn: nn.Dropout1d(0.2),
    "Dropout2d": lambda nn: nn.Dropout2d(),
    "AlphaDropout": lambda nn: nn.AlphaDropout(0.1, True),
    "Embedding": lambda nn: nn.Embedding(10, 3, -1, max_norm=2.0, norm_type=1.0, scale_grad_by_freq=True),
    "EmbeddingBag": lambda nn: nn.EmbeddingBag(10, 3, mode="sum", padding_idx=2),
    "Unflatten": lambda nn: nn.Unflatten(1, (2, 3)),
    "Flatten": lambda nn: nn.Flatten(0, 2),
    "Unfold": lambda nn: nn.Unfold((2, 3), padding=1),
    "Fold": lambda nn: nn.Fold((4, 5), 2),
    "ZeroPad1d": lambda nn: nn.ZeroPad1d((1, 2)),
    "ZeroPad2d": lambda nn: nn.ZeroPad2d(2),
    "ConstantPad1d": lambda nn: nn.ConstantPad1d(2, 3.5),
    "ConstantPad2d": lambda nn: nn.ConstantPad2d((1, 2, 3, 4), 0.5),
    "ReflectionPad2d": lambda nn: nn.ReflectionPad2d(1),
    "ReplicationPad1d": lambda nn: nn.ReplicationPad1d((1, 2)),
    "CircularPad2d": lambda nn: nn.CircularPad2d((1, 1, 2, 0)),
    "Upsample": lambda nn: nn.Upsample(scale_factor=2, mode="bilinear"),
    "UpsampleSize": lambda nn: nn.Upsample((3, 4)),
    "UpsamplingNearest2d": lambda nn: nn.UpsamplingNearest2d(scale_factor=2),
    "UpsamplingBilinear2d": lambda nn: nn.UpsamplingBilinear2d((4, 4)),
    "PixelShuffle": lambda nn: nn.PixelShuffle(2),
    "PixelUnshuffle": lambda nn: nn.PixelUnshuffle(2),
    "ChannelShuffle": lambda nn: nn.ChannelShuffle(2),
    "CosineSimilarity": lambda nn: nn.CosineSimilarity(dim=0),
    "PairwiseDistance": lambda nn: nn.PairwiseDistance(),
}  # fmt: skip


@pytest.mark.parametrize("name", MAKES)
def test_text_and_state_dict_are_torchs(name):
    ours, theirs = MAKES[name](gs.nn), MAKES[name](torch.nn)
    assert repr(ours) == repr(theirs)
    a, b = ours.state_dict(), theirs.state_dict()
    assert list(a) == list(b)
    for key in a:
        assert tuple(a[key].shape) == tuple(b[key].shape)
        assert str(a[key].dtype) == str(b[key].dtype)
    assert [n for n, _ in ours.named_buffers()] == [n for n, _ in theirs.named_buffers()]


def twins(make):
    ours, theirs = make(gs.nn), make(torch.nn)
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    return ours, theirs


def same(ours, theirs, shape, steps=3, **options):
    """Forward, backward and buffers after a few steps of training, then evaluation."""
    r = np.random.default_rng(4)
    for k in range(steps + 1):
        if k == steps:
            ours.eval(), theirs.eval()
        x = r.normal(1, 2, shape).astype("float32")
        a, b = gs.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        out, want = ours(a), theirs(b)
        np.testing.assert_allclose(
            out.detach().numpy(), want.detach().numpy(), rtol=1e-4, atol=1e-5
        )
        g = r.normal(size=want.shape).astype("float32")
        out.backward(gs.tensor(g))
        want.backward(torch.tensor(g))
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-3, atol=1e-4)
        for (n, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-3, atol=1e-3, err_msg=n)  # fmt: skip
        for (n, p), q in zip(ours.named_buffers(), theirs.buffers(), strict=True):
            np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-4, atol=1e-6, err_msg=n)


RUNS = {
    "BatchNorm1d": (6, 4), "BatchNorm2d": (3, 4, 5, 2), "BatchNormPlain": (3, 4, 5, 2), "GroupNorm": (2, 4, 3, 3),
    "InstanceNorm1d": (3, 4, 6), "InstanceNorm2d": (2, 4, 3, 3), "Conv1d": (2, 4, 9), "Conv2d": (2, 4, 8, 8),
    "Conv2dSame": (2, 4, 7, 7), "ConvTranspose2d": (2, 4, 4, 4), "LayerNorm": (2, 3, 4), "LocalResponseNorm": (2, 6, 3, 3),
    "UpsamplingBilinear2d": (2, 3, 3, 3), "ZeroPad2d": (1, 2, 3, 3), "ReflectionPad2d": (2, 3, 3), "ChannelShuffle": (2, 4, 3, 3),
    "RMSNorm": (3, 4), "Fold": (2, 8, 12), "Unflatten": (2, 6), "ConstantPad1d": (2, 3), "CircularPad2d": (1, 2, 3, 3),
}  # fmt: skip


# torch's older implementation warns about itself
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", RUNS)
def test_training_and_evaluation_are_torchs(name):
    same(*twins(MAKES[name]), RUNS[name])


@pytest.mark.parametrize("momentum", [0.1, None, 0.0])
def test_running_statistics_follow_torchs(momentum):
    def make(nn):
        return nn.BatchNorm1d(4, momentum=momentum)

    same(*twins(make), (5, 4, 3), steps=5)


DRAWS = {
    "Conv2d": lambda nn: nn.Conv2d(8, 64, 5),
    "Conv1d": lambda nn: nn.Conv1d(16, 64, 9, groups=2),
    "ConvTranspose2d": lambda nn: nn.ConvTranspose2d(32, 48, 4),
    "Bilinear": lambda nn: nn.Bilinear(40, 30, 20),
    "Embedding": lambda nn: nn.Embedding(200, 50),
    "BatchNorm2d": lambda nn: nn.BatchNorm2d(16),
}


@pytest.mark.parametrize("name", DRAWS)
def test_first_values_have_torchs_distribution(name):
    ours, theirs = DRAWS[name](gs.nn), DRAWS[name](torch.nn)
    for (n, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        a, b = p.detach().numpy(), q.detach().numpy()
        assert a.shape == b.shape, n
        if a.size > 1000:
            assert abs(a.std() - b.std()) <= 0.05 * b.std() + 1e-12, n
            assert abs(np.abs(a).max() / np.abs(b).max() - 1) < 0.25, n
        elif "Norm" in name:
            np.testing.assert_array_equal(a, b)


WRONG = {
    "groups": (lambda nn, t: nn.Conv2d(3, 4, 3, groups=2), ValueError),
    "mode": (lambda nn, t: nn.Conv2d(3, 4, 3, padding_mode="mirror"), ValueError),
    "same_stride": (lambda nn, t: nn.Conv2d(3, 4, 3, stride=2, padding="same"), ValueError),
    "channels": (lambda nn, t: nn.Conv2d(3, 4, 3)(t.zeros(1, 2, 8, 8)), RuntimeError),
    "dtypes": (lambda nn, t: nn.Conv2d(3, 4, 3)(t.zeros(1, 3, 8, 8, dtype=t.float64)), RuntimeError),
    "small": (lambda nn, t: nn.Conv2d(3, 4, 9)(t.zeros(1, 3, 8, 8)), RuntimeError),
    "one_value": (lambda nn, t: nn.BatchNorm1d(3)(t.zeros(1, 3)), ValueError),
    "rank": (lambda nn, t: nn.BatchNorm2d(3)(t.zeros(2, 3, 4)), ValueError),
    "layer": (lambda nn, t: nn.LayerNorm(3)(t.zeros(2, 4)), RuntimeError),
    "group": (lambda nn, t: nn.GroupNorm(3, 4), ValueError),
    "dropout": (lambda nn, t: nn.Dropout(1.5), ValueError),
    "row": (lambda nn, t: nn.Embedding(3, 2)(t.tensor([3])), IndexError),
    "negative_row": (lambda nn, t: nn.Embedding(3, 2)(t.tensor([-1])), IndexError),
    "output_padding": (lambda nn, t: nn.ConvTranspose2d(2, 2, 3, output_padding=1)(t.zeros(1, 2, 3, 3)), RuntimeError),
    "pool": (lambda nn, t: nn.MaxPool2d(5)(t.zeros(1, 1, 3, 3)), RuntimeError),
    "pool_padding": (lambda nn, t: nn.MaxPool2d(2, padding=2)(t.zeros(1, 1, 8, 8)), RuntimeError),
    "reflect": (lambda nn, t: nn.ReflectionPad1d(4)(t.zeros(1, 2, 3)), RuntimeError),
    "upsample": (lambda nn, t: nn.Upsample(scale_factor=2, mode="bilinear")(t.zeros(1, 2, 3)), NotImplementedError),
    "sizes": (lambda nn, t: nn.functional.interpolate(t.zeros(1, 1, 2, 2), 3, 2), ValueError),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_errors_are_of_torchs_type(name):
    function, kind = WRONG[name]
    with pytest.raises(kind):
        function(torch.nn, torch)
    with pytest.raises(kind) as caught:
        function(gs.nn, gs)
    assert len(str(caught.value)) > 10
