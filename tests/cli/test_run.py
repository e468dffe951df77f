"""``graphscope run``: programs of GraphScope and of PyTorch, recorded as they are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from graphscope.trace.reader import TraceReader

TRAIN = """
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
from torch import optim

torch.manual_seed(0)
data = TensorDataset(torch.randn(12, 4), torch.randn(12, 2))
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = optim.SGD(model.parameters(), lr=0.1)
for x, y in DataLoader(data, batch_size=4):
    loss = F.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print("done", sys.argv[1:], __name__, __file__.endswith("train.py"), type(model).__module__)
"""


def graphscope(folder, *words, code=0, env=None):
    done = subprocess.run(
        [sys.executable, "-m", "graphscope.cli", *words],
        cwd=folder, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **(env or {})},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done


def script(folder, text, name="train.py"):
    (folder / name).write_text(text)
    return name


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no terminals of its own")
@pytest.mark.parametrize(
    ("last", "word", "code"), [("", "ended", 0), ("raise ValueError('no')", "failed", 1)]
)
def test_at_a_terminal_the_dashboard_stays_until_ctrl_c(tmp_path, last, word, code):
    from urllib.request import urlopen

    ours, theirs = os.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "graphscope.cli", "run", "--debug", script(tmp_path, last)],
        cwd=tmp_path, stdin=theirs, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    try:
        said = next(line for line in program.stderr if "stays until Ctrl-C" in line)
        assert f"has {word}" in said
        with urlopen(said.split()[-1] + "api/live", timeout=20) as answer:
            assert b'"state"' in answer.read()
        program.send_signal(signal.SIGINT)
        _, rest = program.communicate(timeout=30)
        assert program.returncode == code and "KeyboardInterrupt" not in rest
    finally:
        program.kill()
        os.close(ours)
        os.close(theirs)


def test_a_torch_program_runs_as_it_is_and_is_recorded(tmp_path):
    done = graphscope(tmp_path, "run", "--as-torch", script(tmp_path, TRAIN), "--epochs", "3", "-q")
    assert "done ['--epochs', '3', '-q'] __main__ True graphscope.nn" in done.stdout
    assert "graphscope" not in done.stdout.replace("graphscope.nn", "")  # ours goes to stderr
    assert "recorded 3 training steps" in done.stderr
    with TraceReader(tmp_path / "runs" / "train.gscope") as reader:
        steps = reader.steps("train")
        assert len(steps) == 3 and set(steps.status) <= {"ok"} | {"partial"}
        graph = reader.graph(int(steps.graph[0]))
        assert "linear" in {graph.op_name(i) for i in range(graph.n)}
        lines = {reader.site(int(s))[1] for s in graph.site if s >= 0}
        assert 14 in lines  # loss = F.mse_loss(...)


def test_a_program_of_our_own_needs_no_option(tmp_path):
    name = script(tmp_path, TRAIN.replace("import torch\n", "import graphscope as torch\n")
                  .replace("torch.nn as", "graphscope.nn as").replace("torch.nn.functional", "graphscope.nn.functional", 1)
                  .replace("from torch", "from graphscope"))  # fmt: skip
    done = graphscope(tmp_path, "run", "--out", "here/mine", name)
    assert "recorded 3 training steps" in done.stderr
    assert (tmp_path / "here" / "mine.gscope").is_file()


def test_quiet_says_nothing(tmp_path):
    assert not graphscope(tmp_path, "run", "--quiet", script(tmp_path, "print(1)")).stderr


def test_a_program_without_ops_is_told_how(tmp_path):
    done = graphscope(tmp_path, "run", script(tmp_path, "print(1)"))
    assert "nothing is recorded" in done.stderr and "--as-torch" in done.stderr


@pytest.mark.parametrize(
    "text, code, said",
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('no good')", 1, "no good\n"),
        ("raise KeyboardInterrupt", 130, ""),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("def f(:", 1, "SyntaxError"),
    ],
)
def test_the_programs_end_is_its_own(tmp_path, text, code, said):
    done = graphscope(tmp_path, "run", script(tmp_path, text), code=code)
    assert said in done.stderr
    assert "cli/run.py" not in done.stderr and "runpy" not in done.stderr


def test_an_error_of_ours_shows_the_programs_lines_only(tmp_path):
    text = "import torch\ndef f(x):\n    return x @ torch.ones(5, 2)\nf(torch.ones(2, 3))\n"
    done = graphscope(tmp_path, "run", "--as-torch", script(tmp_path, text), code=1)
    assert "line 4" in done.stderr and "line 3" in done.stderr and "ShapeError" in done.stderr
    assert "engine" not in done.stderr
    with TraceReader(tmp_path / "runs" / "train.gscope") as reader:
        assert reader.state() == "failed"
    full = graphscope(tmp_path, "run", "--as-torch", "train.py", code=1,
                      env={"GRAPHSCOPE_TRACEBACK": "full"})  # fmt: skip
    assert "straight" in full.stderr


@pytest.mark.parametrize(
    "line, said",
    [
        ("torch.sigmoidd", "torch.sigmoidd is not in GraphScope (asked for at train.py:2: torch.sigmoidd). Nearest: torch.sigmoid"),
        ("torch.Linear(2, 3)", "It is torch.nn.Linear here"),
        ("from torch.nn import Linearr", "ImportError|MissingImport"),
        ("import torch.distributed.rpc", "torch.distributed"),
        ("from torchvision import models", "built on PyTorch's own C++ library"),
    ],
)  # fmt: skip
def test_a_missing_name_says_which_where_and_what_is_near(tmp_path, line, said):
    done = graphscope(
        tmp_path, "run", "--as-torch", script(tmp_path, f"import torch\n{line}\n"), code=1
    )
    assert any(s in done.stderr for s in said.split("|")), done.stderr
    assert "train.py:2" in done.stderr


def test_hasattr_and_getattr_of_a_missing_name_work_as_in_torch(tmp_path):
    text = (
        "import torch\nassert not hasattr(torch, 'nope')\nassert getattr(torch, 'nope', 3) == 3\n"
    )
    graphscope(tmp_path, "run", "--as-torch", script(tmp_path, text))


def test_a_module_runs_like_python_m(tmp_path):
    (tmp_path / "pkg").mkdir()
    script(tmp_path / "pkg", "", "__init__.py")
    script(tmp_path / "pkg", "import torch, sys\nprint(torch.ones(2).sum(), __package__, sys.argv[1:])", "go.py")  # fmt: skip
    done = graphscope(tmp_path, "run", "--as-torch", "-m", "pkg.go", "a")
    assert "tensor(2.) pkg ['a']" in done.stdout


@pytest.mark.parametrize(
    "words, said",
    [
        (["run"], "name the program to run"),
        (["run", "nope.py"], "nope.py does not exist"),
        (["run", "."], "without a __main__.py"),
        (["run", "--budget", "7", "x.py"], "no share between 0 and 1"),
    ],
)
def test_wrong_use_is_one_line(tmp_path, words, said):
    done = graphscope(tmp_path, *words, code=2)
    assert said in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_shim_can_be_taken_off_again():
    code = (
        "import graphscope.as_torch as s, sys\n"
        "s.install(); s.install(); import torch, torch.nn; assert torch.nn.Linear\n"
        "s.uninstall(); assert 'torch' not in sys.modules and 'torch.nn' not in sys.modules\n"
        "assert not any(type(f).__name__ == '_Finder' for f in sys.meta_path)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
