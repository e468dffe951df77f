"""Seed 001, the exercises on paper: two losses, the sigmoid circuit, conv with stride, ReLU, max pool."""

import torch
import torch.nn.functional as F

scores = torch.tensor([[2.1, 1.6, 2.1], [3.0, 3.2, 2.8], [-2.0, 3.7, 3.8]])
labels = torch.tensor([0, 1, 2])
margins = (scores - scores.gather(1, labels[:, None]) + 1).clamp(min=0)
margins[torch.arange(3), labels] = 0
numbers = {
    "hinge": margins.sum(1),
    "hinge mean": F.multi_margin_loss(scores, labels) * 3,
    "softmax": F.cross_entropy(scores, labels, reduction="none"),
    "by hand": -torch.log(torch.exp(scores) / torch.exp(scores).sum(dim=1, keepdim=True))[
        range(3), labels
    ],
}

w = torch.tensor([1.0, -2.0, 1.0], requires_grad=True)
x = torch.tensor([-1.0, 1.0], requires_grad=True)
f = 1 / (1 + torch.exp(-(w[0] * x[0] + w[1] * x[1] + w[2])))
f.backward(torch.tensor(1.0))
numbers |= {"f": f, "dw": w.grad, "dx": x.grad}

image = torch.tensor(
    [[1, 2, 3, 4, 5], [2, 2, 1, 1, 1], [3, 2, 1, 1, 1], [4, 1, 1, 1, 1], [5, 1, 1, 1, 1]]
).float()[None, None]
kernel = torch.tensor([[0.0, -1, 0], [1, 1, 1], [0, -1, 0]])[None, None]
convolved = F.conv2d(image, kernel, stride=2)
numbers |= {"conv": convolved, "out": F.max_pool2d(F.relu(convolved), 2)}
assert convolved.flatten().tolist() == [1.0, -2.0, 3.0, 1.0], "the solution in the slides"
assert numbers["out"].item() == 3.0

# The graph of seed 001's first figure: a sum over x * y + z.
a, b, c = (torch.full((3, 4), float(v), requires_grad=True) for v in (2, 3, 4))
torch.sum(a * b + c).backward()
numbers |= {"da": a.grad, "db": b.grad, "dc": c.grad}
