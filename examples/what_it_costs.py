"""Record a training, then ask what it cost: per op, per module, per step, in memory, against the machine.

Run it as it is. The last part runs one function in two dtypes and says where their numbers part.
"""

import graphscope as gs
from graphscope import nn

gs.manual_seed(0)
net = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 10))
optimizer = gs.optim.SGD(net.parameters(), lr=0.1)
x, y = gs.randn(128, 256), gs.randint(0, 10, (128,))


def train(steps):
    for _ in range(steps):
        loss = nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


with gs.profile("runs/what_it_costs") as p:
    p.watch(net, "net")
    train(30)

print(p.key_averages())  # by op; also "scope", "line", "shape", "phase"
print(p.key_averages("scope").table(sort_by="flops"))
print(p.steps().table(row_limit=5))
print(p.roofline())
print(p.peak())

# In a test: the same ops, bytes and operations as a run before. 0.2 would allow a fifth more time; so large a
# tolerance leaves time out, since other programs may be running now.
with gs.profile("runs/what_it_costs_again") as again:
    again.watch(net, "net")
    train(30)
again.assert_no_regression("runs/what_it_costs", tolerance=1000)


def softmax_by_hand(a):
    e = a.exp()
    return (e / e.sum()).max()


print(gs.compare(softmax_by_hand, 4 * gs.randn(1000), dtypes=("float32", "float64")))
