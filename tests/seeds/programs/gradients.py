"""Seed 003 "Autograd in PyTorch", 004 "Automatic Differentiation": rules, second derivatives, both modes."""

import torch
import torch.autograd as autograd
import torch.autograd.forward_ad as fwAD
from fixed import normal

a, b, c = normal(1, 5, 5), normal(2, 5, 5), normal(3, 5, 5, requires_grad=True)
numbers = {"wants": [(a + b).requires_grad, (a + b + c).requires_grad]}

p = torch.tensor([2.0, 3.0], requires_grad=True)
q = torch.tensor([6.0, 4.0], requires_grad=True)
Q = 3 * p**3 - q**2
Q.backward(gradient=torch.tensor([1.0, 1.0]))
numbers |= {"p": p.grad, "q": q.grad, "right": [9 * p**2 == p.grad, -2 * q == q.grad]}

x = torch.tensor(1.0, requires_grad=True)
y = 2 * x**3 + 5 * x**2 + 8
y.backward(retain_graph=True)
slope = autograd.grad(y, x, create_graph=True)[0]
curve = autograd.grad(slope, x)[0]
numbers |= {"dy": x.grad, "again": slope, "d2y": curve}
assert (slope.item(), curve.item()) == (16.0, 22.0)


def f(x, y):
    return x**3 + y * x * torch.exp(x) + y


x = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
y = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
out = f(x, y)
numbers |= {"f": out, "reverse": torch.stack(autograd.grad(out, (x, y)))}
with fwAD.dual_level():
    for name, direction in (("dx", (1.0, 0.0)), ("dy", (0.0, 1.0))):
        duals = [
            fwAD.make_dual(v.detach(), torch.tensor(t, dtype=torch.float64))
            for v, t in zip((x, y), direction, strict=True)
        ]
        numbers["forward " + name] = fwAD.unpack_dual(f(*duals)).tangent
numbers["check"] = autograd.gradcheck(f, (x, y))
# The slides' list of rules, each against its finite difference.
for name in ("exp", "expm1", "erfc", "erfinv", "sin", "log"):
    v = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64, requires_grad=True)
    (numbers[name],) = autograd.grad(getattr(torch, name)(v).sum(), v)
for size in (0.0, 99.0, 9999.0):
    step = 1e-4
    numbers[f"difference {size}"] = (
        (torch.tensor(size, dtype=torch.float64) + step) ** 2 - size**2
    ) / step - 2 * size
