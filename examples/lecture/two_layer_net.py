"""One training step of the two-layer ReLU net: forward, loss.backward(), and the new weights.

Seeds 000_65d9cdfa67512ff6.txt, slides "PyTorch: Autograd" (the graph that grows beside the listing), and
002_3f25d30047549305.txt, "Autograd".
"""

from deck import save

import graphscope as gs


def figures(look="light"):
    gs.manual_seed(0)
    x, y = gs.randn(64, 1000), gs.randn(64, 10)
    w1 = gs.randn(1000, 100, requires_grad=True)
    w2 = gs.randn(100, 10, requires_grad=True)
    learning_rate = 1e-6

    y_pred = x.mm(w1).clamp(min=0).mm(w2)
    loss = (y_pred - y).pow(2).sum()
    forward = gs.draw(loss, theme=look, title="1. Forward: the graph is built while it runs")
    loss.backward()
    backward = gs.draw(loss, theme=look, title="2. loss.backward(): gradients of w1 and w2")

    step_w1, step_w2 = learning_rate * w1.grad, learning_rate * w2.grad
    w1_new = w1 - step_w1
    w2_new = w2 - step_w2
    update = gs.draw(w1_new, w2_new, theme=look, title="3. Gradient descent: the new weights")
    return {
        "two_layer_1_forward": forward, "two_layer_2_backward": backward, "two_layer_3_update": update,
    }  # fmt: skip


if __name__ == "__main__":
    save(figures())
