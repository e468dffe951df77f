"""Run the programs under one library and write their numbers: ``run_programs.py OUT torch|graphscope [NAME...]``.

A process of its own, because ``import torch`` can mean only one library in a process.
"""

from __future__ import annotations

import json
import runpy
import sys
import traceback
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "programs"


def plain(value):
    """What JSON can hold; tensors as lists with their dtype."""
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    if isinstance(value, np.ndarray):
        return {"dtype": str(value.dtype), "shape": list(value.shape), "values": value.tolist()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def main(out, library, names):
    if library == "graphscope":
        from graphscope import as_torch

        as_torch.install()
    sys.path.insert(0, str(FOLDER))
    results = {}
    for name in names:
        try:
            done = runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
            results[name] = {key: plain(value) for key, value in done["numbers"].items()}
        except Exception:
            results[name] = {"error": traceback.format_exc()}
    Path(out).write_text(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
