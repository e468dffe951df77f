"""The walls of the house: who may import whom, and how long a file may get."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted([*(ROOT / "graphscope").rglob("*.py"), *(ROOT / "webapp").rglob("*.py")])

# What each part may import beside itself; "errors" and "units" are everybody's.
BELOW = {
    "errors": set(),
    "units": set(),
    "engine": set(),
    "ops": {"engine"},
    "autograd": {"engine", "ops"},
    "linalg": {"engine", "ops"},
    "nn": {"engine", "ops"},
    "optim": {"engine", "ops", "nn"},
    "datasets": {"engine"},
    "utils": {"engine", "ops"},
    "serialization": {"engine", "ops", "nn"},
    "as_torch": set(),
    "cuda": {"engine", "ops"},
    "accelerator": {"engine", "cuda"},
    "backends": {"cuda"},
    "random": {"ops"},
    "version": set(),
    "trace": set(),
    "analysis": {"trace"},
    "view": {"trace", "analysis"},
    "export": {"trace", "analysis", "view"},
    "figures": {"trace", "analysis", "view", "export"},
    "webapp": {"trace", "analysis", "view", "export"},
    "record": {"engine", "trace", "analysis"},
    "profiler": {"engine", "trace", "analysis", "cuda", "record"},
}
# A few reach over a wall, inside a function, for a reason.
ALLOWED = {
    # The formulas of gradients run on the op table; it is looked up when backward runs.
    ("engine", "ops"): "backward and casts find rows of the table late",
    # The scopes and names of modules come from nn; the figures of live tensors from export.
    ("record", "nn"): "module and parameter names",
    ("nn", "autograd"): "a module's backward hooks stand on the tape as a Function",
    ("record", "view"): "gs.draw",
    ("record", "export"): "gs.draw",
    ("record", "analysis"): "p.key_averages",
    ("autograd", "profiler"): "torch.autograd.profiler is the older face of torch.profiler",
    ("autograd", "record"): "its record_function is graphscope.scope",
    ("profiler", "export"): "export_chrome_trace, tensorboard_trace_handler",
    (
        "utils",
        "record",
    ): "torch has SummaryWriter in utils.tensorboard; it writes a trace, so it is record's",
    ("record", "ops"): "the dictionary of ops that a trace carries",
}
LATE_ONLY = {
    ("engine", "ops"),
    ("record", "analysis"),
    ("profiler", "export"),
    ("utils", "record"),
}
ONLY_IN = {
    "cupy": {"graphscope/engine/backend_cupy.py"},
    "cupyx": {"graphscope/engine/backend_cupy.py"},
    "torch": set(),  # the adapter for torch programs will be the one file
    "dash": {"webapp"},
    "dash_ag_grid": {"webapp"},
    "plotly": {"webapp"},
    "flask": {"webapp"},
    "waitress": {"webapp"},
    "pygraphviz": {"graphscope/view"},
    "reportlab": {
        "graphscope/export",
        "graphscope/view/text.py",
    },  # view: the font that ships with it
    "resvg_py": {"graphscope/export"},
}
WORLD_B = [
    "trace.reader",
    "analysis.aggregate",
    "view.graphview",
    "export.svg",
    "export.pdf",
    "export.png",
    "figures",
    "webapp",
]
# Longer than a file should be; shorten them when you next touch them.
LONG = {
    "graphscope/engine/backward.py",
    "graphscope/engine/dispatch.py",
    "graphscope/nn/module.py",
    "graphscope/ops/loss.py",
    "graphscope/record/recorder.py",
    "graphscope/record/session.py",
}
LINES = 350


def part_of(path: Path) -> str:
    """``engine`` for graphscope/engine/tape.py, ``webapp`` for webapp/app.py, "" for the public face."""
    parts = path.relative_to(ROOT).parts
    if parts[0] == "webapp":
        return "webapp"
    return "" if parts[1] == "__init__.py" else parts[1].removesuffix(".py")


def imports(path: Path):
    """(module, whether at import time) for every import of a file; TYPE_CHECKING blocks do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            late.update(ast.walk(node))
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node not in late
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module, node not in late
            if node.module in ("graphscope", "graphscope.webapp"):
                for alias in node.names:
                    yield f"{node.module}.{alias.name}", node not in late


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_imports_only_what_lies_below_it(path):
    part = part_of(path)
    if part in ("", "cli", "__main__"):
        return  # the public face and the commands may use everything
    assert part in BELOW, f"{part} is new: say in BELOW what it may import"
    for module, early in imports(path):
        names = module.split(".")
        if names[0] != "graphscope" or len(names) < 2:
            continue
        target = names[1]
        if target in (part, "errors", "units") or target in BELOW[part] or target not in BELOW:
            continue
        assert (part, target) in ALLOWED, f"{part} must not import {target} ({module})"
        assert not (early and (part, target) in LATE_ONLY), (
            f"{module} must be imported inside a function"
        )


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_large_libraries_stay_in_their_place(path):
    for module, _ in imports(path):
        root = module.partition(".")[0]
        if root in ONLY_IN:
            places = ONLY_IN[root]
            assert any(name_of(path).startswith(p) for p in places), (
                f"{root} belongs into {places or 'no file'}"
            )


@pytest.mark.parametrize("module", WORLD_B)
def test_world_b_works_without_the_engine_cupy_and_torch(module):
    # The package's own face imports the engine; a bare stand-in lets world B be imported alone.
    code = f"""
import importlib, sys, types
face = types.ModuleType("graphscope")
face.__path__ = [{str(ROOT / "graphscope")!r}]
sys.modules["graphscope"] = face
for name in ("engine", "ops", "nn", "optim", "record", "autograd"):
    sys.modules["graphscope." + name] = None
for name in ("cupy", "torch"):
    sys.modules[name] = None
importlib.import_module("graphscope.{module}")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_importing_graphscope_is_light():
    code = (
        "import sys, graphscope\n"
        "heavy = {'dash', 'plotly', 'torch', 'cupy', 'pygraphviz', 'reportlab', 'rich', 'flask'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_are_short(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    longest = 600 if name_of(path) in LONG else LINES
    assert lines <= longest, (
        f"{lines} lines: one idea a file; split it (or, for now, add it to LONG)"
    )


def test_the_digits_are_small_and_attributed():
    folder = ROOT / "graphscope" / "datasets"
    assert (folder / "digits.npz").stat().st_size < 100_000
    text = (folder / "ATTRIBUTION.txt").read_text()
    assert "CC BY 4.0" in text and "10.24432/C50P49" in text


def test_nothing_third_party_is_copied_in():
    for path in (ROOT / "assets").rglob("*"):
        assert path.suffix in {".js", ".css", ".svg", ".png", ".ico", ""}, path
        assert ".min." not in path.name, path


def test_the_public_face_has_what_it_promises():
    import graphscope

    assert len(set(graphscope.__all__)) == len(graphscope.__all__)
    for name in graphscope.__all__:
        assert getattr(graphscope, name) is not None, name
    with pytest.raises(AttributeError, match="did you mean 'tensor'"):
        graphscope.tensr  # noqa: B018
