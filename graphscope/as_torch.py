"""``import torch`` served by GraphScope: what ``graphscope run --as-torch`` installs.

A finder answers for ``torch`` and its submodules with modules that look every name up in the GraphScope
module of the same path, at the moment it is asked for. Nothing else on the system is touched, and a
PyTorch that is installed stays unused in this process.
"""

from __future__ import annotations

import difflib
import dis
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import os
import sys
from collections.abc import Iterable, Sequence
from types import FrameType, ModuleType
from typing import Any

from graphscope.errors import GraphScopeError, UsageError

TORCH = "torch"
# They call into PyTorch's own C++ library, so they cannot run on another engine.
BUILT_ON_TORCH = ("torchvision", "torchaudio", "torchtext", "torchdata")
# Programs compare versions; this is the release whose behaviour the tests compare with.
VERSION = "2.13.0"
# Where names live that a program may expect in another module.
HOMES = (
    "", "nn", "nn.functional", "nn.init", "nn.utils", "optim", "optim.lr_scheduler", "utils.data", "autograd",
    "autograd.functional", "autograd.forward_ad", "autograd.profiler", "profiler", "linalg", "cuda",
)  # fmt: skip


class MissingName(GraphScopeError, AttributeError):
    """A name of torch that GraphScope does not have."""


class MissingImport(GraphScopeError, ModuleNotFoundError):
    """A module or name of torch that was imported and that GraphScope does not have."""


class Served(ModuleType):
    """The module ``torch.x.y``: its names are those of ``graphscope.x.y``."""

    def __init__(self, name: str, real: ModuleType) -> None:
        super().__init__(name, real.__doc__)
        self.__dict__["_real"] = real
        self.__dict__["__path__"] = []  # every one may have submodules; the finder knows which
        if name == TORCH:
            self.__dict__["__version__"] = VERSION

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)  # what the import system asks of any module
        try:
            return getattr(self._real, name)
        except AttributeError:
            pass
        try:
            return importlib.import_module(f"{self.__name__}.{name}")
        except ModuleNotFoundError:
            pass
        message = _missing(self.__name__, self._real, name)
        if _is_from_import(sys._getframe(1)):
            raise MissingImport(message, name=self.__name__)
        raise MissingName(message)

    def __setattr__(self, name: str, value: Any) -> None:
        # `import torch.nn` binds the submodule here; what a program sets (torch.foo = ...) goes the same way.
        self.__dict__[name] = value

    def __dir__(self) -> Iterable[str]:
        return sorted({*dir(self._real), *self.__dict__})

    def __repr__(self) -> str:
        return f"<module {self.__name__!r} served by {self._real.__name__}>"


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        top, _, rest = fullname.partition(".")
        if top in BUILT_ON_TORCH:
            raise MissingImport(
                f"{fullname} is built on PyTorch's own C++ library and cannot run on GraphScope"
                f"{_asked()}. Run this program without --as-torch, or load the data with numpy: "
                "graphscope.from_numpy(array).",
                name=fullname,
            )
        if top != TORCH:
            return None
        real = "graphscope" + ("." + rest if rest else "")
        if rest and not _exists(real):
            parent, _, name = fullname.rpartition(".")
            if path is None or isinstance(sys.modules.get(parent), Served):
                held = sys.modules[parent]._real
                raise MissingImport(_missing(parent, held, name), name=fullname)
        return importlib.util.spec_from_loader(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        rest = spec.name.partition(".")[2]
        return Served(
            spec.name, importlib.import_module("graphscope" + ("." + rest if rest else ""))
        )

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run: the names are looked up when they are asked for."""


def _exists(name: str) -> bool:
    if name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


# ---------------------------------------------------------------- what to say


def _asked() -> str:
    """`` (asked for at train.py:12: torch.foo(x))``: the innermost line outside the package."""
    frame: FrameType | None = sys._getframe(1)
    here = os.path.dirname(os.path.abspath(__file__)) + os.sep
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((here, "<frozen importlib")):
            text = linecache.getline(name, frame.f_lineno).strip()
            place = f"{os.path.basename(name)}:{frame.f_lineno}"
            return f" (asked for at {place}: {text})" if text else f" (asked for at {place})"
        frame = frame.f_back
    return ""


def _missing(module: str, real: ModuleType, name: str) -> str:
    text = f"{module}.{name} is not in GraphScope{_asked()}."
    elsewhere = _elsewhere(module, name)
    if elsewhere:
        return f"{text} It is {elsewhere} here, as in PyTorch."
    names = getattr(real, "__all__", None) or [n for n in dir(real) if not n.startswith("_")]
    near = difflib.get_close_matches(name, names, 3)
    if near:
        return f"{text} Nearest: {', '.join(f'{module}.{n}' for n in near)}."
    return f"{text} There is nothing like it; `graphscope info` shows the version."


def _elsewhere(module: str, name: str) -> str | None:
    """The same name in another module of torch's."""
    for home in HOMES:
        full = TORCH + ("." + home if home else "")
        if full == module:
            continue
        try:
            found = importlib.import_module("graphscope" + ("." + home if home else ""))
        except ModuleNotFoundError:
            continue
        if name in getattr(found, "__all__", ()):
            return f"{full}.{name}"
    return None


def _is_from_import(frame: FrameType) -> bool:
    """Whether the name is asked for by ``from torch import name``, which wants an ImportError."""
    code = frame.f_code
    at = frame.f_lasti
    return dis.opname[code.co_code[at]] in ("IMPORT_FROM", "IMPORT_NAME") if at >= 0 else False


# ---------------------------------------------------------------- on and off


def install() -> None:
    """From now on ``import torch`` gives GraphScope in this process.

    Raises: UsageError when PyTorch itself was imported before.
    """
    loaded = sys.modules.get(TORCH)
    if isinstance(loaded, Served):
        return
    if loaded is not None:
        raise UsageError(
            "PyTorch is already imported in this process, so its name is taken. Call "
            "graphscope.as_torch.install() before the first `import torch`."
        )
    sys.meta_path.insert(0, _Finder())


def uninstall() -> None:
    """``import torch`` means PyTorch again; modules that a program holds keep working."""
    sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, _Finder)]
    for name, module in list(sys.modules.items()):
        if isinstance(module, Served):
            del sys.modules[name]
