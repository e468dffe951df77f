"""Writing in place inside graphs, side by side with torch: values, gradients, versions, errors."""

from __future__ import annotations

import numpy as np
import pytest

from tests.parity.beside import gs, torch

CASES = []


def case(f):
    CASES.append(f)
    return f


def leaf(L, *shape):
    """A leaf of the library L that wants a gradient."""
    numbers = np.arange(1, 1 + int(np.prod(shape))).reshape(shape) / 3
    return L.tensor(numbers, dtype=L.float64, requires_grad=True)


@case
def mul_scalar(L):
    w = leaf(L, 3)
    x = w * 2
    x.mul_(3)
    x.sum().backward()
    return [w.grad.numpy(), x.detach().numpy()]


@case
def mul_tensor_needs_old(L):
    w = leaf(L, 3)
    v = leaf(L, 3)
    x = w * 2
    x.mul_(v)
    x.sum().backward()
    return [w.grad.numpy(), v.grad.numpy()]


@case
def iadd_alias(L):
    w = leaf(L, 3)
    x = w * 2
    y = x.detach()
    x += w
    x.sum().backward()
    return [w.grad.numpy(), y.numpy()]


@case
def view_inplace(L):
    w = leaf(L, 3, 4)
    b = w * 2
    v = b[1]
    v.mul_(5)
    b.sum().backward()
    return [w.grad.numpy(), b.detach().numpy()]


@case
def base_inplace_view_after(L):
    w = leaf(L, 3, 4)
    b = w * 2
    v = b[1]
    b.mul_(5)
    (v * v).sum().backward()
    return [w.grad.numpy(), v.detach().numpy()]


@case
def sibling(L):
    w = leaf(L, 3, 4)
    b = w * 2
    v = b[1]
    u = b[:2].t()
    v.exp_()
    (u * u).sum().backward()
    return [w.grad.numpy(), u.detach().numpy()]


@case
def chain_views(L):
    w = leaf(L, 3, 4)
    b = w * 1
    v = b.t()[1:3].reshape(2, 3)[0]
    v.sigmoid_()
    (b * b).sum().backward()
    return [w.grad.numpy(), b.detach().numpy()]


@case
def buffer_setitem(L):
    w = leaf(L, 4)
    b = L.zeros(3, 4, dtype=L.float64)
    for i in range(3):
        b[i] = w * (i + 1)
    (b * b).sum().backward()
    return [w.grad.numpy(), b.detach().numpy()]


@case
def buffer_view_copy(L):
    w = leaf(L, 4)
    b = L.zeros(3, 4, dtype=L.float64)
    for i in range(3):
        b[i].copy_(w * (i + 1))
    (b * b).sum().backward()
    return [w.grad.numpy(), b.detach().numpy()]


@case
def aug_item(L):
    w = leaf(L, 4)
    b = L.ones(3, 4, dtype=L.float64)
    b[1] += w
    b[1] *= w
    b[:, 2] -= w[0]
    (b * b).sum().backward()
    return [w.grad.numpy(), b.detach().numpy()]


@case
def mask_set(L):
    w = leaf(L, 3, 4)
    x = w * 2
    x[x > 3] = 0
    (x * x).sum().backward()
    return [w.grad.numpy(), x.detach().numpy()]


@case
def idx_set(L):
    w = leaf(L, 3, 4)
    u = leaf(L, 2, 4)
    x = w * 2
    x[L.tensor([0, 2])] = u
    (x * x).sum().backward()
    return [w.grad.numpy(), u.grad.numpy()]


@case
def idx_set_mixed(L):
    w = leaf(L, 3, 4)
    u = leaf(L, 2)
    x = w * 2
    x[1:, L.tensor([0, 2])] = u
    (x * x).sum().backward()
    return [w.grad.numpy(), u.grad.numpy(), x.detach().numpy()]


@case
def relu_(L):
    w = leaf(L, 3, 4)
    x = w - 1.0
    x.relu_()
    (x * x).sum().backward()
    return [w.grad.numpy()]


@case
def exp_then_write(L):
    w = leaf(L, 3)
    x = w.exp()
    x += 1
    x.sum().backward()
    return [w.grad.numpy()]


@case
def leaf_write(L):
    w = leaf(L, 3)
    w += 1
    return [1]


@case
def leaf_view_write(L):
    w = leaf(L, 3)
    w[0] = 1
    return [1]


@case
def leaf_view_write2(L):
    w = leaf(L, 3)
    w[1:].mul_(2)
    return [1]


@case
def nograd(L):
    w = leaf(L, 3)
    with L.no_grad():
        w.sub_(1)
        w *= 2
        w[0] = 7
    return [w.detach().numpy(), w._version]


@case
def nograd_mid(L):
    w = leaf(L, 3)
    y = (w * w).sum()
    with L.no_grad():
        w.sub_(1)
    y.backward()
    return [1]


@case
def data_write(L):
    w = leaf(L, 3)
    y = (w * w).sum()
    w.data.sub_(1)
    w.data[0] = 5
    y.backward()
    return [w.grad.numpy(), w._version]


@case
def detach_write(L):
    w = leaf(L, 3)
    y = (w * w).sum()
    w.detach().sub_(1)
    y.backward()
    return [1]


@case
def zero_fill(L):
    w = leaf(L, 3)
    x = w * 2
    x.zero_()
    y = w * 3
    y.fill_(w[0])
    (x + y).sum().backward()
    return [w.grad.numpy()]


@case
def copy_in(L):
    w = leaf(L, 3)
    u = leaf(L, 1)
    x = w * 2
    x.copy_(u)
    (x * x).sum().backward()
    return [w.grad.numpy(), u.grad.numpy()]


@case
def clamp_(L):
    w = leaf(L, 3)
    x = w * 2
    x.clamp_(0.8, 1.5)
    (x * x).sum().backward()
    return [w.grad.numpy()]


@case
def dtypes(L):
    a = L.ones(3, dtype=L.int64)
    a += 1.5
    return [1]


@case
def dtypes2(L):
    a = L.ones(3, dtype=L.float32)
    b = L.ones(3, dtype=L.float64)
    a += b
    a *= L.tensor(2)
    return [a.numpy(), str(a.dtype) == "torch.float32"]


@case
def intops(L):
    a = L.tensor([5, 6, 7])
    a //= 2
    a %= 2
    a &= 1
    a |= 4
    a ^= 1
    a **= 2
    a <<= 1
    a >>= 1
    return [a.numpy()]


@case
def intdiv(L):
    a = L.tensor([5, 6, 7])
    a /= 2
    return [1]


@case
def shape_err(L):
    a = L.ones(3)
    a += L.ones(2, 3)
    return [1]


@case
def detach_view(L):
    w = leaf(L, 3)
    v = (w * 2)[0:2]
    v.detach_()
    return [1]


@case
def versions(L):
    a = L.ones(3)
    v = a[1:]
    v += 1
    a.mul_(2)
    a[0] = 1
    v.data.add_(1)
    d = a.detach()
    d += 1
    return [a._version, v._version, d._version, a.data._version]


@case
def copy_bcast(L):
    w = leaf(L, 1)
    b = L.zeros(2, 3, dtype=L.float64)
    b[:, 1:] = w
    b.t()[0] += w
    (b * b).sum().backward()
    return [w.grad.numpy()]


@case
def addcmul_(L):
    w = leaf(L, 3)
    x = w * 2
    x.addcmul_(w, w, value=2)
    x.pow_(2)
    x.sum().backward()
    return [w.grad.numpy()]


@case
def sub_from_view_of_view(L):
    w = leaf(L, 4, 4)
    b = w * 1
    v = b[1:3]
    z = v[:, 1:3]
    z *= w[:2, :2]
    (b * b).sum().backward()
    return [w.grad.numpy()]


@case
def expanded(L):
    a = L.ones(1, 3).expand(2, 3)
    a.add_(1)
    return [1]


@case
def inplace_on_output_twice(L):
    w = leaf(L, 3)
    x = w.tanh()
    x.mul_(2).add_(1)
    x.sum().backward()
    return [w.grad.numpy()]


@case
def tanh_inplace(L):
    w = leaf(L, 3)
    x = w * 1
    x.tanh_()
    x.mul_(2)
    x.sum().backward()
    return [w.grad.numpy()]


@case
def unsq(L):
    w = leaf(L, 3)
    x = w * 1
    x.unsqueeze_(0)
    x.mul_(2)
    x.squeeze_()
    x.sum().backward()
    return [w.grad.numpy(), list(x.shape)]


@case
def create_graph_inplace(L):
    w = leaf(L, 3)
    x = w * w
    x.mul_(w)
    (g,) = L.autograd.grad(x.sum(), w, create_graph=True)
    g.sum().backward()
    return [g.detach().numpy(), w.grad.numpy()]


@case
def total(L):
    w = leaf(L, 3)
    tot = L.zeros((), dtype=L.float64)
    for i in range(3):
        tot += (w * i).sum()
    tot.backward()
    return [w.grad.numpy(), tot.item()]


def test_a_tensor_written_with_itself_keeps_its_old_values():
    # Torch refuses this at backward; the old values are cheap to keep.
    w = leaf(gs, 3)
    x = w * 1
    x.mul_(x)
    y = x * 1
    y.mul_(y[1:2])
    y.sum().backward()
    u = leaf(torch, 3)
    z = u * u
    (z * z[1:2]).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), u.grad.numpy())


def outcome(f, library):
    try:
        return [np.asarray(x) for x in f(library)]
    except Exception as error:
        return error


@pytest.mark.parametrize("f", CASES, ids=[f.__name__ for f in CASES])
def test_the_same_as_torch(f):
    theirs, ours = outcome(f, torch), outcome(f, gs)
    if isinstance(theirs, Exception):
        assert isinstance(ours, type(theirs)), ours
        return
    assert not isinstance(ours, Exception), ours
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-12)
