"""A computation as a figure for a slide: the boxes carry the names of your variables."""

import graphscope as gs

gs.manual_seed(0)
x = gs.randn(64, 1000)
y = gs.randn(64, 10)
w1 = gs.randn(1000, 100, requires_grad=True)
w2 = gs.randn(100, 10, requires_grad=True)

hidden = x.mm(w1).clamp(min=0)
y_pred = hidden.mm(w2)
loss = (y_pred - y).pow(2).sum()
loss.backward()

gs.draw(loss).save("two_layer.svg")
print("wrote two_layer.svg")
