"""Peak memory of a training step, ours and torch's: each in a process of its own.

``python -m tests.bench.memory lenet_step graphscope`` prints the bytes that the steps took beyond what the
process held when the library had trained a tiny net.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

STEPS = 5


def peak() -> int:
    """The largest resident size of this process so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux; its ru_maxrss would include the process that started this one
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


def of_process(program: str, library: str) -> int:
    """Peak bytes of a training program of ``tests.bench.programs`` under a library."""
    words = [sys.executable, "-m", "tests.bench.memory", program, library]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=True)
    return int(done.stdout.split()[-1])


def main(program: str, library: str) -> int:
    """Run the program in this process and return what it took."""
    from importlib import import_module

    from tests.bench import programs

    torch: Any = import_module(library)
    if library == "torch":
        torch.set_num_threads(1)
    # What a library makes once (pools, code that is loaded at first use) is not the step's.
    nn = torch.nn
    small = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 2)
    )
    optimizer = torch.optim.SGD(small.parameters(), lr=0.01)
    for _ in range(2):
        nn.CrossEntropyLoss()(small(torch.ones(2, 1, 8, 8)), torch.tensor([0, 1])).backward()
        optimizer.step()
    before = peak()
    step = getattr(programs, program)(torch)
    for _ in range(STEPS):
        step()
    return peak() - before


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2]))
