"""Small real data that comes with the package, so that everything works without a network."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from graphscope.engine.create import from_numpy
from graphscope.engine.tensor import Tensor

TRAIN = 1437  # of 1,797: four fifths

ATTRIBUTION = (
    "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (1998), UCI Machine Learning "
    "Repository, doi:10.24432/C50P49, CC BY 4.0"
)


@cache
def _arrays() -> tuple[Any, Any]:
    with (files(__package__) / "digits.npz").open("rb") as file, np.load(file) as stored:
        return stored["images"], stored["labels"]


def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Handwritten digits: ``x_train, y_train, x_test, y_test``, always the same split.

    Shapes: x (N, 1, 8, 8) float32 in [0, 1], y (N,) int64 in 0..9; 1,437 to train with, 360 to test.
    The split is random over all images, so one writer's digits are on both sides.
    Source: ATTRIBUTION (also in datasets/ATTRIBUTION.txt).
    """
    images, labels = _arrays()
    # 0..16 counts the black pixels of a 4x4 block.
    x = (images[:, None] / 16).astype(np.float32)
    y = labels.astype(np.int64)
    parts = x[:TRAIN], y[:TRAIN], x[TRAIN:], y[TRAIN:]
    x_train, y_train, x_test, y_test = (from_numpy(np.ascontiguousarray(a)) for a in parts)
    return x_train, y_train, x_test, y_test
