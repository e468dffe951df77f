"""Seed 003 "PyTorch: Beginning" on devices. Needs three of them, so torch on a CPU cannot run it."""

import torch

cuda = torch.device("cuda")
cuda0 = torch.device("cuda:0")
cuda2 = torch.device("cuda:2")
x = torch.tensor([1.0, 2.0], device=cuda0)
y = torch.tensor([1.0, 2.0]).cuda()
with torch.cuda.device(1):
    a = torch.tensor([1.0, 2.0], device=cuda)
    b = torch.tensor([1.0, 2.0]).cuda()
    b2 = torch.tensor([1.0, 2.0]).to(device=cuda)
    c = a + b
    z = x + y
    d = torch.randn(2, device=cuda2)
    e = torch.randn(2).to(cuda2)
    f = torch.randn(2).cuda(cuda2)
numbers = {
    "x y z": [str(t.device) for t in (x, y, z)],
    "a b b2 c": [str(t.device) for t in (a, b, b2, c)],
    "d e f": [str(t.device) for t in (d, e, f)],
    "legacy": [
        str(torch.randn((2, 3), device=1).device),
        str(torch.randn((2, 3), device="cuda:1").device),
    ],
}
