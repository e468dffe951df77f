"""Seed 004 "PyTorch Autograd" and its cells: one RNN step, an LSTM cell by hand, an unrolled net."""

import torch
from fixed import normal, refill
from torch import nn
from torch.nn import Parameter

W_h = normal(1, 20, 20, scale=0.2, requires_grad=True)
W_x = normal(2, 20, 10, scale=0.2, requires_grad=True)
x, before = normal(3, 1, 10), normal(4, 1, 20)
i2h = torch.mm(W_x, x.t())
h2h = torch.mm(W_h, before.t())
after = (i2h + h2h).tanh()
try:
    after.backward(torch.ones(1, 20))  # the slide's shape: the output is (20, 1), so both refuse it
except RuntimeError:
    numbers = {"refused": True}
after.backward(torch.ones(20, 1))
numbers |= {"dW_h": W_h.grad, "dW_x": W_x.grad}


class LSTMCell(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.weight_ih = Parameter(torch.randn(4 * n_hidden, n_in))
        self.weight_hh = Parameter(torch.randn(4 * n_hidden, n_hidden))
        self.bias_ih = Parameter(torch.randn(4 * n_hidden))
        self.bias_hh = Parameter(torch.randn(4 * n_hidden))

    def forward(self, input, state):
        h, c = state
        gates = (
            torch.mm(input, self.weight_ih.t())
            + self.bias_ih
            + torch.mm(h, self.weight_hh.t())
            + self.bias_hh
        )
        i, f, g, o = gates.chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)


mine = refill(LSTMCell(10, 20))
theirs = nn.LSTMCell(10, 20)
theirs.load_state_dict(mine.state_dict())
state = both = (torch.zeros(3, 20), torch.zeros(3, 20))
for t in range(5):
    out, state = mine(normal(10 + t, 3, 10), state)
    both = theirs(normal(10 + t, 3, 10), both)
numbers["same"] = torch.allclose(out, both[0], atol=1e-5)
out.sum().backward()
numbers |= {"out": out, "dih": mine.weight_ih.grad, "dhh": mine.weight_hh.grad}


class Unrolled(nn.Module):
    def __init__(self):
        super().__init__()
        self.W_h, self.U_h, self.W_y = (nn.Parameter(torch.zeros(6, 6)) for _ in range(3))
        self.b_h, self.b_y = (nn.Parameter(torch.zeros(1, 6)) for _ in range(2))

    def forward(self, x, h):
        y = []
        for t in range(x.size(0)):
            h = torch.tanh(x[t] @ self.W_h + h @ self.U_h + self.b_h)
            y += [torch.tanh(h @ self.W_y + self.b_y)]
            if t % 10 == 0:
                numbers[f"stats {t}"] = torch.stack([h.mean(), h.var()])
        return torch.stack(y), h


net = refill(Unrolled())
ys, last = net(normal(5, 12, 2, 6), torch.zeros(2, 6))
ys.pow(2).sum().backward()
numbers |= {"ys": ys, "dU": net.U_h.grad}
for kind in ("RNN", "GRU", "LSTM"):
    layer = refill(getattr(nn, kind)(6, 4, num_layers=2, batch_first=True))
    out, _ = layer(normal(6, 3, 7, 6))
    out.sum().backward()
    numbers[kind] = out
    numbers[kind + " grad"] = layer.weight_hh_l1.grad
