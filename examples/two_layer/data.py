"""The task of all programs here: a batch of random numbers and random targets to fit."""

import graphscope as torch

BATCH, INPUTS, HIDDEN, OUTPUTS = 64, 1000, 100, 10


def batch(seed=0):
    """Inputs (64, 1000) and targets (64, 10)."""
    torch.manual_seed(seed)
    return torch.randn(BATCH, INPUTS), torch.randn(BATCH, OUTPUTS)


def weights(seed=1, requires_grad=False):
    """The two weight matrices, (1000, 100) and (100, 10)."""
    torch.manual_seed(seed)
    first = torch.randn(INPUTS, HIDDEN, requires_grad=requires_grad)
    second = torch.randn(HIDDEN, OUTPUTS, requires_grad=requires_grad)
    return first, second


def report(losses):
    """Print every 50th loss and the last one."""
    for step, loss in enumerate(losses):
        if step % 50 == 0 or step == len(losses) - 1:
            print(f"step {step:3}  loss {loss:.6g}")
