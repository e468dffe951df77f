"""Profile a few steps of a long training, as with torch.profiler; in between the recorder is off.

The result is one run, runs/some_steps.gscope, which holds the steps of all windows.
"""

import graphscope as gs
from graphscope import nn, optim

gs.manual_seed(0)
net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = optim.Adam(net.parameters())
loss_of = nn.CrossEntropyLoss()
images, labels = gs.randn(32, 64), gs.randint(0, 10, (32,))


def window_ends(p):
    window = p.windows[-1]
    print(f"recorded steps {window.program.start} to {window.program.stop - 1} of the program")


# 20 steps nothing, one to warm up, 5 recorded; twice
when = gs.profiler.schedule(wait=20, warmup=1, active=5, repeat=2)
with gs.profile("runs/some_steps", schedule=when, on_trace_ready=window_ends) as p:
    for _ in range(100):
        with gs.scope("forward"):
            loss = loss_of(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        p.step()

print(p.key_averages(group_by="scope").table(row_limit=5))
