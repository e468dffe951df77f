"""A recurrent cell (i2h, h2h, tanh), and the same cell unrolled over three inputs.

Seeds 004_5d59a9959c7a57f1.txt, slides "PyTorch Autograd", and 000_65d9cdfa67512ff6.txt, "Dynamic Graph
Applications" (recurrent networks).
"""

from deck import save

import graphscope as gs


def figures(look="light"):
    gs.manual_seed(0)
    W_h = gs.randn(20, 20, requires_grad=True)
    W_x = gs.randn(20, 10, requires_grad=True)
    x, prev_h = gs.randn(10, 1), gs.randn(20, 1)
    i2h = gs.mm(W_x, x)
    h2h = gs.mm(W_h, prev_h)
    next_h = (i2h + h2h).tanh()
    next_h.backward(gs.ones(20, 1))
    cell = gs.draw(next_h, theme=look, title="A recurrent cell")

    W_h.grad = W_x.grad = None
    x1, x2, x3 = (gs.randn(10, 1) for _ in range(3))
    h0 = gs.zeros(20, 1)
    h1 = (W_x.mm(x1) + W_h.mm(h0)).tanh()
    h2 = (W_x.mm(x2) + W_h.mm(h1)).tanh()
    h3 = (W_x.mm(x3) + W_h.mm(h2)).tanh()
    loss = h3.sum()
    loss.backward()
    unrolled = gs.draw(
        loss, theme=look, title="Three inputs: the cell unrolled, its weights shared", direction="right",
        show=("name", "op", "shape"),
    )  # fmt: skip
    return {"rnn_cell": cell, "rnn_unrolled": unrolled}


if __name__ == "__main__":
    save(figures())
