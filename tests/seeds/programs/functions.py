"""Seeds 000 and 001 "New functions": sigmoid as Python, sigmoid and relu as autograd.Function."""

import torch
from fixed import normal


def plain_sigmoid(x):
    return 1.0 / (1.0 + (-x).exp())


class Sigmoid(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = 1.0 / (1.0 + (-x).exp())
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (y,) = ctx.saved_tensors
        return grad_y * y * (1.0 - y)


class Rectify(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_y):
        (x,) = ctx.saved_tensors
        out = grad_y.clone()
        out[x < 0] = 0
        return out


numbers = {}
for name, activation in {
    "plain": plain_sigmoid, "sigmoid": Sigmoid.apply, "relu": Rectify.apply, "torch": torch.sigmoid,
}.items():  # fmt: skip
    w1 = normal(3, 100, 20, scale=0.1, requires_grad=True)
    w2 = normal(4, 20, 5, requires_grad=True)
    x, y = normal(1, 32, 100), normal(2, 32, 5)
    for _ in range(5):
        loss = (activation(x.mm(w1)).mm(w2) - y).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            for w in (w1, w2):
                w -= 1e-4 * w.grad
                w.grad.zero_()
    numbers[name] = loss
    numbers[name + "_w1"] = w1
