"""Arithmetic that meets infinity or NaN is silent, as in torch: ``1 / x`` of 0 is inf, not a warning.

numpy would warn at the line of the engine that called it, which tells a reader nothing; the recorder's
health counts are where non-finite values show. Only warnings raised from these packages are meant: the
user's own numpy code keeps numpy's behaviour.
"""

from __future__ import annotations

import warnings

warnings.filterwarnings(
    "ignore", category=RuntimeWarning, module=r"graphscope\.(engine|ops|nn|optim|autograd)\b"
)
