"""``graphscope run``: an existing program, recorded, without a change in it."""

from __future__ import annotations

import argparse
import os
import runpy
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from graphscope.cli.view import port
from graphscope.engine.frames import is_ours
from graphscope.errors import GraphScopeError, UsageError

HELP = "run a script and record everything that it computes"
DESCRIPTION = """\
Runs a Python program as `python SCRIPT args...` would, and records every op of it.

With --as-torch, `import torch` in the program gives GraphScope: an existing PyTorch script runs as it
is, and PyTorch need not be installed. What the program prints, its exit code and its errors stay its own."""
EPILOG = """\
example:
  graphscope run train.py --epochs 3             a program that imports graphscope
  graphscope run --as-torch train.py             a PyTorch program
  graphscope run --view --as-torch train.py      the same, with the dashboard open beside it
  graphscope run --debug train.py                the same, to pause it, step through it and change it there
  graphscope run --as-torch -m package.train     a module"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--as-torch", action="store_true", help="`import torch` gives GraphScope")
    add("--out", metavar="RUN", help="the trace to write (default: runs/<name of the script>)")
    add(
        "--values",
        choices=("auto", "off", "stats", "full"),
        default="auto",
        help="statistics of values: as the budget allows (default), none, without samples, every step",
    )
    add("--budget", type=_share, default=0.05, metavar="SHARE", help="of time for them (0.05)")
    add(
        "--schedule",
        type=_schedule,
        metavar="WAIT:WARMUP:ACTIVE[:REPEAT]",
        help="record only the active ones of the optimizer's steps, as torch.profiler.schedule",
    )
    add("--no-memory", action="store_true", help="do not record when tensors are freed")
    add(
        "--max-size",
        type=_size,
        default="1 GiB",
        metavar="SIZE",
        help="of the trace; near it the oldest parts are thinned (1 GiB; none: no limit)",
    )
    add("--view", action="store_true", help="serve the dashboard while the program runs")
    add(
        "--debug",
        action="store_true",
        help="take commands from the dashboard: pause, step, break, change (serves it too)",
    )
    add(
        "--resume-after",
        type=_seconds,
        metavar="TIME",
        help="with --debug: a paused program goes on by itself after this time (60s, 5min)",
    )
    add(
        "--resume-alone",
        type=_seconds,
        metavar="TIME",
        help="with --debug: it goes on when no dashboard has looked for this time",
    )
    add("--port", type=port, default=0, help="of the dashboard (default: any free one)")
    add("--quiet", action="store_true", help="say nothing of our own")
    add("-m", dest="module", action="store_true", help="SCRIPT names a module, as in python -m")
    add("script", metavar="SCRIPT", nargs="?", help="the program")
    add("args", nargs=argparse.REMAINDER, metavar="...", help="its arguments")


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is no share between 0 and 1; try 0.05")
    return value


def _size(text: str) -> str | None:
    from graphscope.trace.limit import size

    try:
        size(given := None if text.lower() == "none" else text)
    except UsageError as problem:
        said = str(problem).partition("=")[2]
        raise argparse.ArgumentTypeError(said.replace("None", "none")) from None
    return given


def _seconds(text: str) -> float | None:
    from graphscope.record.control_options import seconds

    try:
        return seconds("the time", text)
    except UsageError:
        raise argparse.ArgumentTypeError(f"{text} is no time; try 60s or 5min") from None


def _schedule(text: str) -> Any:
    from graphscope.record.schedule import BadSchedule, schedule

    names = ("wait", "warmup", "active", "repeat")
    parts = text.split(":")
    try:
        if not 3 <= len(parts) <= 4:
            raise ValueError
        return schedule(**{k: int(part) for k, part in zip(names, parts, strict=False)})
    except BadSchedule as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text} is no schedule; try 10:0:5, ten steps off and five recorded, again and again"
        ) from None


def run(args: argparse.Namespace) -> int:
    if not args.script:
        raise UsageError("name the program to run, as in: graphscope run train.py")
    name = args.script.rpartition(".")[2] if args.module else Path(args.script).stem
    if not args.module:
        _check_script(args.script)
    if args.as_torch:
        from graphscope import as_torch

        as_torch.install()
    import graphscope

    say = (lambda text: None) if args.quiet else _say
    board = None
    out = Path(args.out or f"runs/{name}")
    recording = graphscope.profile(
        out,
        schedule=args.schedule,
        values=args.values,
        budget=args.budget,
        memory=not args.no_memory,
        name=name,
        max_size=args.max_size,
        control=args.debug,
        resume_after=args.resume_after,
        resume_alone=args.resume_alone,
    )
    if args.schedule is not None:
        from graphscope.optim.hooks import register_optimizer_step_post_hook

        register_optimizer_step_post_hook(lambda *step: recording.step())
    recording.start()
    if recording.path is not None:
        say(f"recording into {recording.path}")
    if args.view or args.debug:
        board = graphscope.dashboard(out.parent, args.port)
        say(f"dashboard at {board.url}")
    error: BaseException | None = None
    try:
        _execute(args)
    except BaseException as raised:  # the program's own end, whatever it is, is ours to pass on
        error = raised
    code = _end(error)
    try:
        recording.stop(error)
        _summary(recording, say, args.as_torch)
    finally:
        if board is not None:
            # Who sits at a terminal reads on, above all where it failed; Ctrl-C was the wish to leave.
            typed = sys.stdin is not None and sys.stdin.isatty()
            if typed and not args.quiet and not isinstance(error, KeyboardInterrupt):
                word = "failed" if code else "ended"
                say(f"the program has {word}; the dashboard stays until Ctrl-C: {board.url}")
                try:
                    board.wait()
                except KeyboardInterrupt:
                    pass
            board.stop()
    return code


def _check_script(script: str) -> None:
    path = Path(script)
    if not path.exists():
        raise UsageError(f"{path} does not exist.")
    if path.is_dir() and not (path / "__main__.py").exists():
        raise UsageError(f"{path} is a folder without a __main__.py; name a script in it.")


def _execute(args: argparse.Namespace) -> None:
    """What ``python SCRIPT args`` does: its arguments, its folder first on the path, as __main__."""
    sys.argv = [args.script, *args.args]
    if args.module:
        sys.path.insert(0, os.getcwd())
        runpy.run_module(args.script, run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, str(Path(args.script).resolve().parent))
        runpy.run_path(args.script, run_name="__main__")


def _end(error: BaseException | None) -> int:
    """The exit code that Python would give; the program's traceback goes to stderr."""
    sys.stdout.flush()
    if error is None:
        return 0
    if isinstance(error, SystemExit):
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    if isinstance(error, KeyboardInterrupt):
        return 130
    tb = _program_part(error)
    traceback.print_exception(type(error), error, tb)
    return 1


def _program_part(error: BaseException) -> TracebackType | None:
    """The traceback from the program's first line on; of our own errors only the program's lines.

    ``GRAPHSCOPE_TRACEBACK=full`` leaves everything in.
    """
    full = error.__traceback__
    if os.environ.get("GRAPHSCOPE_TRACEBACK") == "full":
        return full
    steps: list[TracebackType] = []
    tb = full
    while tb is not None:
        steps.append(tb)
        tb = tb.tb_next
    outside = ("runpy.py", "run.py")
    first = 0
    while first < len(steps) and _is_starter(steps[first].tb_frame.f_code.co_filename, outside):
        first += 1
    last = len(steps)
    if isinstance(error, GraphScopeError):
        error.__cause__ = None  # the kernel's own complaint, which our message has put in words
        error.__suppress_context__ = True
        while last > first + 1 and is_ours(steps[last - 1].tb_frame.f_code):
            last -= 1
    kept: Any = None
    for step in reversed(steps[first:last]):
        kept = TracebackType(kept, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return kept  # type: ignore[no-any-return]


def _is_starter(name: str, outside: tuple[str, ...]) -> bool:
    return name.startswith("<frozen ") or (
        os.path.basename(name) in outside
        and (os.path.dirname(name) == os.path.dirname(__file__) or "runpy" in name)
    )


def _summary(recording: Any, say: Any, as_torch: bool) -> None:
    if recording.path is None:
        return
    from graphscope.trace.reader import TraceReader
    from graphscope.units import count, share

    with TraceReader(recording.path) as reader:
        train, evaluation = (len(reader.steps(kind)) for kind in ("train", "eval"))
    if not train + evaluation:
        hint = "" if as_torch else "; if it is a PyTorch program, add --as-torch"
        say(f"the program ran no op of GraphScope, so nothing is recorded{hint}")
        return
    what = f"{count(train)} training steps" if train != 1 else "1 training step"
    if evaluation:
        what += f" and {count(evaluation)} in evaluation"
    say(f"recorded {what}; recording took {share(recording.overhead)} of the time")
    say(f"look at it: graphscope view {recording.path}")


def _say(text: str) -> None:
    print(f"graphscope: {text}", file=sys.stderr, flush=True)
