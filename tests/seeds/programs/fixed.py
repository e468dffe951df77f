"""Equal starting numbers for both libraries: drawn by numpy, named, never from torch's generator."""

import numpy as np
import torch


def normal(seed, *shape, scale=1.0, **options):
    """A float32 tensor of normal numbers; options as in torch.tensor."""
    a = np.random.default_rng(seed).standard_normal(shape) * scale
    return torch.tensor(a.astype(np.float32), **options)


def refill(model, seed=0):
    """Every parameter of a model, in order, filled with small normal numbers."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for p in model.parameters():
            a = rng.standard_normal(tuple(p.shape)) / max(1, p.numel() / p.shape[0]) ** 0.5
            p.copy_(torch.tensor(a.astype(np.float32)))
    return model
