"""``graphscope gallery``: the figures of a deck of scripts, built and shown on one page."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from graphscope.errors import UsageError
from graphscope.export.gallery import FILES, Entry, Script, write

HELP = "build the figures of the lecture deck into one page"
DESCRIPTION = """\
Runs every script of a folder and puts its figures on OUT/index.html, with thumbnails, sources and
downloads in every format. The page needs no network. A script is a Python file with a function
figures(look) that returns {name: figure}; without --deck the lecture figures of GraphScope are built.
A script that fails is reported on the page, and the others still appear."""
EPILOG = """\
example:
  graphscope gallery out/
  graphscope gallery out/ --only sigmoid_neuron two_modes
  graphscope gallery out/ --deck my_lecture/ --formats pdf,tikz"""
THEMES = ("light", "dark", "print")
FORMATS = ("pdf", "png", "tikz", "dot", "mmd", "html", "gif")
LIMIT_S = 300.0
HELPERS = {"deck", "__init__"}
# First the pictures every lecture begins with; scripts that are not named here follow by name.
ORDER = (
    "sum_graph", "polynomial", "two_layer_net", "sigmoid", "two_modes", "sigmoid_neuron", "rnn", "parallel_blocks",
    "lenet", "alexnet", "chosen_weights", "dynamic_net", "parse_tree", "charts",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("out", metavar="OUT", help="folder for the page; it is made if it is missing")
    add("--deck", metavar="DIR", help="folder of scripts (default: GraphScope's lecture figures)")
    add("--only", nargs="+", metavar="NAME", help="only these scripts")
    add("--formats", default=",".join(FORMATS), metavar="LIST", help="downloads beside SVG, separated by commas; "
        f"none: SVG only (default: {','.join(FORMATS)})")  # fmt: skip
    add(
        "--jobs",
        type=int,
        default=0,
        metavar="N",
        help="scripts at a time (default: by the processor)",
    )


def deck_folder(given: str | None) -> Path:
    """The folder of scripts: the caller's, the repository's, or the one that was installed.

    Raises: UsageError when there is none.
    """
    if given is not None:
        if not Path(given).is_dir():
            raise UsageError(f"{given} is no folder; --deck wants a folder of scripts.")
        return Path(given)
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "lecture", package.parent / "examples" / "lecture"):
        if folder.is_dir():
            return folder
    raise UsageError(
        "the lecture scripts are not installed here; name a folder of scripts with --deck DIR."
    )


def scripts_of(folder: Path, only: list[str] | None) -> list[Path]:
    """The scripts to run, in order. Raises: UsageError for a name that is not there, or none at all."""
    found = {p.stem: p for p in sorted(folder.glob("*.py")) if p.stem not in HELPERS}
    if not found:
        raise UsageError(f"there are no scripts (*.py) in {folder}.")
    names = [n for n in ORDER if n in found] + [n for n in found if n not in ORDER]
    if only:
        wanted = [name.removesuffix(".py") for name in only]
        missing = [name for name in wanted if name not in found]
        if missing:
            raise UsageError(
                f"{folder} has no script {', '.join(missing)}; there are {', '.join(names)}."
            )
        names = [name for name in names if name in wanted]
    return [found[name] for name in names]


def run(args: argparse.Namespace) -> int:
    """Build the page; returns 1 when a script failed."""
    started = time.perf_counter()
    formats = [f.strip().lstrip(".") for f in args.formats.split(",") if f.strip()]
    formats = [f for f in formats if f != "none"]
    paths = scripts_of(deck_folder(args.deck), args.only)
    out = Path(args.out)
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; give a folder for the page.")
    (out / FILES).mkdir(parents=True, exist_ok=True)
    jobs = args.jobs or min(os.cpu_count() or 1, 4)
    with ThreadPoolExecutor(max(jobs, 1)) as pool:
        done = list(pool.map(lambda path: _run(path, out / FILES, formats), paths))
    seconds = time.perf_counter() - started
    page = write(out, done, seconds)
    broken = [script for script in done if script.error]
    for script in broken:
        last = script.error.strip().rpartition("\n")[2]
        print(f"graphscope gallery: {script.name} failed: {last}", file=sys.stderr)
    count = sum(len(script.entries) for script in done)
    worked = len(done) - len(broken)
    print(
        f"{page}: {count} figure{'' if count == 1 else 's'} of {worked} script{'' if worked == 1 else 's'} "
        f"in {seconds:.1f} s"
    )
    return 1 if broken else 0


def _run(path: Path, folder: Path, formats: list[str]) -> Script:
    """One script in a process of its own, so that nothing it does can stop the others."""
    script = Script(path.name, path.read_text(encoding="utf-8", errors="replace"))
    job = json.dumps(
        {"script": str(path.resolve()), "folder": str(folder.resolve()), "themes": THEMES, "formats": formats}
    )  # fmt: skip
    root = str(Path(__file__).resolve().parent.parent.parent)
    known = os.environ.get("PYTHONPATH", "")
    # Scripts run side by side, so each gets one thread.
    environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(p for p in (root, known) if p)
    began = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "graphscope.cli.gallery_one", job],
            capture_output=True, text=True, timeout=LIMIT_S, env=environment,
        )  # fmt: skip
        if done.returncode == 0:
            script.entries = [Entry(**entry) for entry in json.loads(done.stdout)]
        else:
            script.error = _tail(done.stderr) or f"it ended with code {done.returncode}"
    except subprocess.TimeoutExpired:
        script.error = f"it was stopped after {LIMIT_S:.0f} s"
    except (ValueError, TypeError) as problem:
        script.error = f"its answer could not be read: {problem}"
    script.seconds = time.perf_counter() - began
    return script


def _tail(text: str, lines: int = 12) -> str:
    """The end of a traceback, where it says what went wrong."""
    return "\n".join(text.strip().splitlines()[-lines:])
