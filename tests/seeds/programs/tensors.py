"""Seed 003 "PyTorch: Beginning", "Indexing", "Broadcasting": tensors, their attributes, indices, rules."""

import numpy as np
import torch

data = [[1, 2], [3, 4]]
from_list = torch.tensor(data)
array = np.array(data)
shared = torch.from_numpy(array)
array[0, 0] = 9
tensor = torch.rand(3, 4)
numbers = {
    "list": from_list, "shared": shared, "like": torch.ones_like(from_list),
    "text": f"{tensor.shape} {tensor.dtype} {tensor.device} {from_list}",
    "devices": [repr(torch.device("cuda:0")), repr(torch.device("cpu")), repr(torch.device("cuda", 1))],
}  # fmt: skip
if torch.cuda.is_available():
    tensor = tensor.to("cuda")

x = torch.arange(10)
numbers["slices"] = [x[2], x[-2], x[2:5], x[:-7], x[1:7:2]]
x = x.reshape(2, 5)
numbers["matrix"] = [x[1, 3], x[1, -1], x[0], x[0][2]]
y = torch.arange(35).reshape(5, 7)
numbers["stride"] = y[1:5:2, ::3]
z = torch.arange(81).reshape(3, 3, 3, 3)
numbers["dots"] = [
    z[1, ..., 2],
    z[1, :, :, 2],
    z[..., None].shape,
    y[:, None, :].shape,
    y[:, np.newaxis].shape,
]
v = torch.arange(10, 1, -1)
numbers["arrays"] = [v[torch.tensor([3, 3, 1, 8])], v[np.array([[1, 1], [2, 3]])], v[[3, 3, -3, 8]]]
numbers["pairs"] = [
    y[torch.tensor([0, 2, 4]), torch.tensor([0, 1, 2])],
    y[[0, 2, 4], 1],
    y[[0, 2, 4]],
]
numbers["mask"] = [y[y > 20], y[(y > 20)[:, 5]], y[y[:, 5] > 20, 1:3]]
cube = torch.arange(30).reshape(2, 3, 5)
numbers["mask 2d"] = cube[torch.tensor([[True, True, False], [False, True, True]])]
try:
    y[torch.tensor([0, 2, 4]), torch.tensor([0, 1])]
except IndexError as error:
    numbers["mismatch"] = "shape mismatch" in str(error)
filled = torch.arange(0, 50, 10)
filled[torch.tensor([1, 1, 3, 1])] += 1
filled[2:4] = torch.tensor([7, 8])
numbers["assigned"] = filled

numbers["broadcast"] = [
    (torch.empty(5, 1, 4, 1) + torch.empty(3, 1, 1)).size(),
    (torch.empty(1) + torch.empty(3, 1, 7)).size(),
    torch.tensor([1.0, 2.0, 3.0]) * 2.0,
]
try:
    torch.empty(5, 2, 4, 1) + torch.empty(3, 1, 1)
except RuntimeError as error:
    numbers["clash"] = "non-singleton dimension 1" in str(error) or str(error)
