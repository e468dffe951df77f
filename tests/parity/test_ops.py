"""Values and gradients of functions, beside torch's on equal numbers."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs
from graphscope.nn import functional as F

torch = pytest.importorskip("torch")
TF = torch.nn.functional
RNG = np.random.default_rng(3)


def array(*shape, low=-2.0, high=2.0):
    return RNG.uniform(low, high, shape)


LABELS = np.array([1, 0, 3, 3, 2])
IGNORED = np.array([1, -100, 3, -100, 2])
WEIGHT = np.array([0.5, 1.0, 2.0, 0.25])
SPATIAL = RNG.integers(0, 4, (2, 3, 3))

# name, inputs, f(library, functional, *tensors)
CASES = {
    "add_scalar": ([array(3, 4)], lambda t, f, x: x + 2 - 1 * x * 3),
    "broadcast": ([array(3, 1), array(1, 4)], lambda t, f, x, y: x * y + x / (y * y + 1)),
    "pow": ([array(3, 4, low=0.2)], lambda t, f, x: x**3 + x**0.5 + 2**x),
    "exp_log": ([array(3, low=0.1)], lambda t, f, x: x.exp() + x.log() + x.sqrt()),
    "tanh_sigmoid": ([array(3, 4)], lambda t, f, x: x.tanh() * x.sigmoid()),
    "relu_clamp": ([array(3, 4)], lambda t, f, x: x.relu() + x.clamp(min=-1, max=1)),
    "abs_neg": ([array(5)], lambda t, f, x: x.abs() - (-x)),
    "max_min": (
        [array(3, 4), array(3, 4)],
        lambda t, f, x, y: t.maximum(x, y) + t.minimum(x, y) * 2,
    ),
    "where": ([array(3, 4), array(3, 4)], lambda t, f, x, y: t.where(x > y, x * 2, y)),
    "sum_mean": ([array(2, 3, 4)], lambda t, f, x: x.sum((0, 2)) + x.mean(dim=1).sum() + x.mean()),
    "var_std": ([array(3, 4)], lambda t, f, x: x.var(1) + x.std(1)),
    "max_dim": ([array(3, 4)], lambda t, f, x: x.max(1)[0] + x.min(dim=1).values),
    "amax": ([array(3, 4)], lambda t, f, x: x.amax(1)),
    "mm": ([array(3, 4), array(4, 5)], lambda t, f, x, y: x.mm(y) @ (x @ y).t()),
    "matmul": ([array(2, 3, 4), array(4, 5)], lambda t, f, x, y: x @ y),
    "matvec": ([array(3, 4), array(4)], lambda t, f, x, y: x @ y),
    "reshape": ([array(3, 4)], lambda t, f, x: x.reshape(2, 6).view(-1).flatten() * 2),
    "transpose": ([array(2, 3, 4)], lambda t, f, x: x.permute(2, 0, 1).transpose(0, 1) * 1.5),
    "squeeze": (
        [array(1, 3, 1)],
        lambda t, f, x: x.squeeze() + x.squeeze(0).unsqueeze(-1)[:, 0, 0],
    ),
    "expand": ([array(3, 1)], lambda t, f, x: x.expand(3, 4) * 2),
    "cat_stack": (
        [array(2, 3), array(2, 3)],
        lambda t, f, x, y: t.cat([x, y * 2], 1).sum() + t.stack([x, y], 0),
    ),
    "index": ([array(5, 4)], lambda t, f, x: x[1:4, ::2] * x[2, 1] + x[-1, :2]),
    "index_array": ([array(5, 4)], lambda t, f, x: x[t.tensor([0, 2, 2])] * 2),
    "index_pairs": ([array(5, 4)], lambda t, f, x: x[t.arange(5), t.tensor(LABELS)]),
    "mask": ([array(5, 4)], lambda t, f, x: x[x > 0]),
    "norm": ([array(3, 4)], lambda t, f, x: x.norm() + x.norm(dim=1)),
    "softmax": ([array(3, 4)], lambda t, f, x: f.softmax(x, dim=1)),
    "log_softmax": ([array(3, 4)], lambda t, f, x: f.log_softmax(x, dim=0)),
    "linear": ([array(3, 4), array(5, 4), array(5)], lambda t, f, x, w, b: f.linear(x, w, b)),
    "linear_3d": ([array(2, 3, 4), array(5, 4), array(5)], lambda t, f, x, w, b: f.linear(x, w, b)),
    "linear_no_bias": ([array(3, 4), array(5, 4)], lambda t, f, x, w: f.linear(x, w)),
    "conv2d": (
        [array(3, 2, 7, 6), array(4, 2, 3, 3), array(4)],
        lambda t, f, x, w, b: f.conv2d(x, w, b, stride=2, padding=(1, 2)),
    ),
    "conv2d_plain": ([array(2, 3, 6, 6), array(4, 3, 5, 5)], lambda t, f, x, w: f.conv2d(x, w)),
    "conv2d_groups": (
        [array(2, 4, 6, 6), array(4, 2, 2, 2), array(4)],
        lambda t, f, x, w, b: f.conv2d(x, w, b, dilation=2, groups=2),
    ),
    "conv2d_same": (
        [array(2, 2, 5, 5), array(3, 2, 3, 3)],
        lambda t, f, x, w: f.conv2d(x, w, padding="same"),
    ),
    "conv2d_one_image": ([array(2, 5, 5), array(3, 2, 3, 3)], lambda t, f, x, w: f.conv2d(x, w)),
    # big enough to be done in several blocks
    "conv2d_blocks": (
        [array(16, 16, 34, 33), array(8, 16, 3, 3), array(8)],
        lambda t, f, x, w, b: f.conv2d(x, w, b, padding=1),
    ),
    "conv2d_blocks_5x5": (
        [array(8, 16, 33, 34), array(8, 16, 5, 5)],
        lambda t, f, x, w: f.conv2d(x, w, stride=(2, 1)),
    ),
    "max_pool2d": ([array(2, 3, 6, 7)], lambda t, f, x: f.max_pool2d(x, 2)),
    "max_pool2d_overlap": (
        [array(2, 3, 7, 7)],
        lambda t, f, x: f.max_pool2d(x, 3, stride=2, padding=1),
    ),
    "max_pool2d_ties": ([np.round(array(2, 3, 6, 6))], lambda t, f, x: f.max_pool2d(x, 3, 1) * 1.5),
    "avg_pool2d": ([array(2, 3, 6, 7)], lambda t, f, x: f.avg_pool2d(x, 3, stride=2, padding=1)),
    "adaptive_avg_pool2d": ([array(2, 3, 6, 6)], lambda t, f, x: f.adaptive_avg_pool2d(x, (1, 2))),
    "leaky_relu": ([array(3, 4)], lambda t, f, x: f.leaky_relu(x, 0.2)),
    "softplus": ([array(3, 4)], lambda t, f, x: f.softplus(x)),
    "normalize": ([array(3, 4)], lambda t, f, x: f.normalize(x, dim=1)),
    "pad": ([array(2, 3, 4)], lambda t, f, x: f.pad(x, (1, 2, 0, 1))),
    "mse": ([array(3, 4), array(3, 4)], lambda t, f, x, y: f.mse_loss(x, y)),
    "mse_sum": ([array(3, 4), array(3, 4)], lambda t, f, x, y: f.mse_loss(x, y, reduction="sum")),
    "mse_none": ([array(3, 4), array(3, 4)], lambda t, f, x, y: f.mse_loss(x, y, reduction="none")),
    "l1": ([array(3, 4), array(3, 4)], lambda t, f, x, y: f.l1_loss(x, y)),
    "smooth_l1": ([array(3, 4), array(3, 4)], lambda t, f, x, y: f.smooth_l1_loss(x, y, beta=0.7)),
    "bce_logits": (
        [array(3, 4), array(3, 4, low=0.0, high=1.0)],
        lambda t, f, x, y: f.binary_cross_entropy_with_logits(x, y),
    ),
    "bce": (
        [array(3, 4, low=0.1, high=0.9), array(3, 4, low=0.0, high=1.0)],
        lambda t, f, x, y: f.binary_cross_entropy(x, y),
    ),
}
for _reduction in ("mean", "sum", "none"):
    CASES |= {
        f"cross_entropy_{_reduction}": (
            [array(5, 4)],
            lambda t, f, x, r=_reduction: f.cross_entropy(x, t.tensor(LABELS), reduction=r),
        ),
        f"cross_entropy_weight_{_reduction}": (
            [array(5, 4)],
            lambda t, f, x, r=_reduction: f.cross_entropy(
                x, t.tensor(IGNORED), t.tensor(WEIGHT).to(x.dtype), reduction=r
            ),
        ),
        f"cross_entropy_smooth_{_reduction}": (
            [array(5, 4)],
            lambda t, f, x, r=_reduction: f.cross_entropy(
                x, t.tensor(IGNORED), t.tensor(WEIGHT).to(x.dtype), reduction=r, label_smoothing=0.1
            ),
        ),
        f"cross_entropy_spatial_{_reduction}": (
            [array(2, 4, 3, 3)],
            lambda t, f, x, r=_reduction: f.cross_entropy(x, t.tensor(SPATIAL), reduction=r),
        ),
        f"cross_entropy_soft_{_reduction}": (
            [array(5, 4)],
            lambda t, f, x, r=_reduction: f.cross_entropy(
                x,
                t.tensor(np.full((5, 4), 0.25)),
                t.tensor(WEIGHT).to(x.dtype),
                reduction=r,
                label_smoothing=0.2,
            ),
        ),
        f"nll_{_reduction}": (
            [array(5, 4)],
            lambda t, f, x, r=_reduction: f.nll_loss(
                x, t.tensor(IGNORED), t.tensor(WEIGHT).to(x.dtype), reduction=r
            ),
        ),
    }


def outcome(library, functional, arrays, function, dtype):
    tensors = [library.tensor(a.astype(dtype), requires_grad=True) for a in arrays]
    out = function(library, functional, *tensors)
    weights = np.random.default_rng(0).normal(size=tuple(out.shape)).astype(dtype)
    (out * library.tensor(weights)).sum().backward()
    return out.detach().numpy(), [t.grad.numpy() for t in tensors]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_value_and_gradients_are_torchs(name, dtype):
    arrays, function = CASES[name]
    ours, our_grads = outcome(gs, F, arrays, function, dtype)
    theirs, their_grads = outcome(torch, TF, arrays, function, dtype)
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    for a, b in zip([ours, *our_grads], [theirs, *their_grads], strict=True):
        assert a.shape == b.shape
        # Where large terms cancel, float32 differs by a share of the terms and not of the sum.
        largest = max(1.0, np.abs(b).max(initial=0))
        close = dict(rtol=1e-9, atol=1e-11) if dtype == "float64" else dict(rtol=2e-4, atol=5e-6)
        np.testing.assert_allclose(a, b, rtol=close["rtol"], atol=close["atol"] * largest)


@pytest.mark.parametrize(
    "name", ["conv2d", "cross_entropy_mean", "log_softmax", "mm", "max_pool2d", "mse"]
)
def test_second_derivatives_are_torchs(name):
    arrays, function = CASES[name]

    def second(library, functional):
        xs = [library.tensor(a, requires_grad=True) for a in arrays]
        out = (function(library, functional, *xs) ** 2).sum()
        gradients = library.autograd.grad(out, xs, create_graph=True)
        return [g.numpy() for g in library.autograd.grad(sum((g**2).sum() for g in gradients), xs)]

    for a, b in zip(second(gs, F), second(torch, TF), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("extreme", [1e4, -1e4, 80.0])
def test_losses_stay_finite_for_large_logits(extreme):
    logits = np.array([[0.0, extreme, -extreme]], np.float32)
    for f in (
        lambda F_, t: F_.cross_entropy(t, gs.tensor([1])),
        lambda F_, t: F_.softmax(t, 1).sum(),
    ):
        t = gs.tensor(logits, requires_grad=True)
        out = f(F, t)
        out.backward()
        assert np.isfinite(out.item()) and np.isfinite(t.grad.numpy()).all()


def test_all_targets_ignored_is_nan_as_in_torch():
    x = array(2, 3)
    target = np.array([-100, -100])
    ours = F.cross_entropy(gs.tensor(x), gs.tensor(target))
    theirs = TF.cross_entropy(torch.tensor(x), torch.tensor(target))
    assert np.isnan(ours.item()) and np.isnan(theirs.item())


def test_a_target_out_of_range_is_an_index_error_in_both():
    x, target = array(2, 3), np.array([0, 3])
    with pytest.raises(IndexError, match="Target 3 is out of bounds"):
        F.cross_entropy(gs.tensor(x), gs.tensor(target))
    with pytest.raises(IndexError, match="Target 3 is out of bounds"):
        TF.cross_entropy(torch.tensor(x), torch.tensor(target))
