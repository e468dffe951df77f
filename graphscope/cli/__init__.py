"""The ``graphscope`` command.

Each command is a module of its own with ``HELP``, ``DESCRIPTION``, ``add_arguments(parser)`` and
``run(args)``, imported only when it is asked for: ``graphscope info`` needs no web server.
Whatever a user can get wrong ends in one line on stderr and exit code 2.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import textwrap
from collections.abc import Sequence
from typing import NoReturn

from graphscope.errors import GraphScopeError

# name, what it does (the module is graphscope.cli.<name>)
COMMANDS = (
    ("demo", "train a small network and watch it in the browser"),
    ("run", "run a script and record everything that it computes"),
    ("view", "open recorded runs in the dashboard"),
    ("table", "print where the time of a run went"),
    ("steps", "print where the time of each step went"),
    ("compare", "compare two runs: time per op, structure, numbers"),
    ("memory", "print what holds the memory of a step, and why"),
    ("doctor", "say what is wrong with a run, and how to fix it"),
    ("export", "save a run as a figure, or for other tools"),
    ("gallery", "build the figures of the lecture deck into one page"),
    ("info", "print versions and devices"),
)
FAILED, WRONG = 1, 2


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(WRONG)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        args = _parse(words)
        if args is None:
            return 0
        code: int = args.run(args)
        # Here and not at interpreter exit, where a closed pipe could not be caught.
        sys.stdout.flush()
        return code
    except SystemExit as stop:  # argparse: --help (0) or a wrong option (2)
        return stop.code if isinstance(stop.code, int) else WRONG
    except BrokenPipeError:  # `graphscope table run | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except (GraphScopeError, OSError) as error:
        return complain(words[0] if words else "", str(error))


def complain(command: str, message: str) -> int:
    """One line on stderr; the exit code for a mistake of the caller."""
    line = " ".join(message.split())
    print(f"graphscope {command}: {line}", file=sys.stderr)
    return WRONG


def _wrapped(text: str) -> str:
    """A description without line breaks of its own gets some."""
    return text if "\n" in text else textwrap.fill(text, 90)


def _parse(words: list[str]) -> argparse.Namespace | None:
    top = Parser(
        "graphscope",
        description="See what a neural network does: every op, forward and backward.",
        epilog="example:\n  graphscope demo\n  graphscope table --help   help on one command",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="store_true", help="print the version and stop")
    listing = top.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name, text in COMMANDS:
        if name != chosen:
            listing.add_parser(name, help=text)
            continue
        module = importlib.import_module(f"graphscope.cli.{name}")
        parser = listing.add_parser(
            name,
            help=text,
            description=_wrapped(module.DESCRIPTION),
            epilog=getattr(module, "EPILOG", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(parser)
        parser.set_defaults(run=module.run, parser=parser)
    args, rest = top.parse_known_args(words)
    if rest:  # told by the command, whose help has the right ones
        getattr(args, "parser", top).error(f"unrecognized arguments: {' '.join(rest)}")
    if args.version:
        from graphscope.cli.info import version

        print(f"graphscope {version()}")
        return None
    if args.command is None:
        top.print_help()
        return None
    return args
