"""The second layer is w2a or w2b, whichever the previous loss asks for: two steps, two graphs.

Seed 000_65d9cdfa67512ff6.txt, slides "PyTorch: Dynamic Computation Graphs".
"""

from deck import save

import graphscope as gs


def figures(look="light"):
    gs.manual_seed(0)
    x, y = gs.randn(64, 100), gs.randn(64, 10)
    w1 = gs.randn(100, 20, requires_grad=True)
    w2a = gs.randn(20, 10, requires_grad=True)
    w2b = gs.randn(20, 10, requires_grad=True)
    drawn, names = [], []
    previous = 5.0
    for t in range(2):
        w2 = w2a if previous < 5.0 else w2b
        y_pred = x.mm(w1).clamp(min=0).mm(w2)
        loss = (y_pred - y).pow(2).mean()
        w1.grad = None
        loss.backward()
        drawn.append(gs.draw(loss, theme=look))
        sign = "<" if previous < 5.0 else "\u2265"
        names.append(f"step {t}, previous loss {sign} 5")
        previous = loss.item() / 1000
    pair = gs.draw_pair(
        *drawn, names=tuple(names), theme=look, title="The graph depends on the previous loss"
    )
    return {"chosen_weights": pair}


if __name__ == "__main__":
    save(figures())
