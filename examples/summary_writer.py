"""Log as for TensorBoard: the same class and calls, and everything is in the dashboard.

Run it, then look: graphscope view runs
For TensorBoard itself: graphscope export runs/summary_writer.gscope --to logs/
"""

import graphscope as gs
from graphscope import nn, optim
from graphscope.datasets import digits
from graphscope.utils.tensorboard import SummaryWriter

gs.manual_seed(0)
images, labels, *_ = digits()
net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
loss_of = nn.CrossEntropyLoss()

with SummaryWriter("runs/summary_writer") as writer:
    writer.add_graph(net, images[:1])
    writer.add_images("digits", images[:16], 0)
    for step in range(60):
        loss = loss_of(net(images[:256]), labels[:256])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        writer.add_scalar("train/loss", loss, step)
        if step % 10 == 0:
            for name, parameter in net.named_parameters():
                writer.add_histogram(name, parameter, step)
    writer.add_hparams({"lr": 0.1, "momentum": 0.9}, {"final loss": loss})
    print(f"loss {loss.item():.4f}, logged into {writer.path}")
