"""Modules that hold modules."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from graphscope.engine.explain import at_line
from graphscope.errors import IndexRangeError, UsageAssertion, UsageError, UsageTypeError
from graphscope.nn.module import Module, _indent


class _Listed(Module):
    """What Sequential and ModuleList share: children numbered "0", "1", ..."""

    def _key(self, index: Any) -> str:
        n = len(self._modules)
        i = operator.index(index)
        if not -n <= i < n:
            raise at_line(
                IndexRangeError,
                f"{self._get_name()}: there is no module {i}; it holds {n}, so numbers go from {-n} to {n - 1}",
            )
        return list(self._modules)[i]

    def _renumber(self, modules: Iterable[Any]) -> None:
        self.__dict__["_modules"] = {str(i): m for i, m in enumerate(modules)}

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            part = list(self._modules.items())[index]
            if isinstance(self, Sequential):
                return type(self)(OrderedDict(part))
            kind: Any = type(self)
            return kind(m for _, m in part)
        return self._modules[self._key(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._key(index), module)

    def __delitem__(self, index: Any) -> None:
        keys = list(self._modules)
        for key in keys[index] if isinstance(index, slice) else [self._key(index)]:
            del self._modules[key]
        self._renumber(list(self._modules.values()))

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def append(self, module: Module) -> Any:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def insert(self, index: int, module: Module) -> Any:
        """Put a module before position ``index``."""
        modules = list(self._modules.values())
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def pop(self, index: Any = -1) -> Any:
        """Take a module out."""
        module = self[index]
        del self[index]
        return module


class Sequential(_Listed):
    """Modules one after the other; arguments are modules or one OrderedDict of them.

    Example:
        >>> from graphscope import nn
        >>> nn.Sequential(nn.Linear(4, 2), nn.ReLU())
        Sequential(
          (0): Linear(in_features=4, out_features=2, bias=True)
          (1): ReLU()
        )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for i, module in enumerate(args):
                self.add_module(str(i), module)

    def forward(self, input: Any) -> Any:
        """Pass the input through all modules in order."""
        for module in self._modules.values():
            input = module(input)
        return input

    def insert(self, index: int, module: Module) -> Any:
        """Put a module before position ``index``. Raises: AssertionError, IndexError, as in torch."""
        if not isinstance(module, Module):
            raise at_line(
                UsageAssertion,
                f"Sequential.insert: {type(module).__name__} is no Module; derive it from nn.Module",
            )
        n = len(self)
        if not -n <= index <= n:
            raise at_line(
                IndexRangeError,
                f"Sequential.insert: there is no place {index} among {n} modules; places go from {-n} to {n}",
            )
        return super().insert(index + n if index < 0 else index, module)

    def extend(self, sequential: Iterable[Module]) -> Sequential:
        """Add several modules at the end."""
        for module in sequential:
            self.append(module)
        return self

    def __add__(self, other: Any) -> Sequential:
        return Sequential(*self, *_sequential(other))

    def __iadd__(self, other: Any) -> Sequential:
        return self.extend(list(_sequential(other)))

    def __mul__(self, other: int) -> Sequential:
        return Sequential(*(m for _ in range(_times(other)) for m in self))

    __rmul__ = __mul__

    def __imul__(self, other: int) -> Sequential:
        modules = list(self)
        for _ in range(_times(other) - 1):
            self.extend(modules)
        return self


def _sequential(other: Any) -> Sequential:
    if not isinstance(other, Sequential):
        raise at_line(
            UsageError,
            f"Sequential + {type(other).__name__}: only a Sequential can be added; wrap the modules in one, or append() "
            "a single one",
        )
    return other


def _times(other: Any) -> int:
    if not isinstance(other, int):
        raise at_line(
            UsageTypeError,
            f"Sequential * {type(other).__name__}: how often to repeat the modules is a whole number",
        )
    if other <= 0:
        raise at_line(
            UsageError, f"Sequential * {other}: modules can be repeated once or more often"
        )
    return other


class ModuleList(_Listed):
    """A list of modules whose parameters are found; it has no forward of its own."""

    def __init__(self, modules: Iterable[Any] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def extend(self, modules: Iterable[Any]) -> ModuleList:
        """Add several modules at the end."""
        if not isinstance(modules, Iterable):
            raise at_line(
                UsageTypeError,
                f"ModuleList.extend: {type(modules).__name__} holds no modules to go through; pass a list, or append() "
                "a single module",
            )
        for module in modules:
            self.append(module)
        return self

    def __iadd__(self, modules: Iterable[Any]) -> ModuleList:
        return self.extend(modules)

    def __add__(self, other: Iterable[Any]) -> ModuleList:
        return ModuleList([*self, *other])

    def _child_lines(self) -> list[str]:
        # Equal neighbours are folded, as in torch: (0-2): 3 x Linear(...).
        lines: list[str] = []
        run: list[int] = []
        last = ""
        for i, text in enumerate([*map(repr, self._modules.values()), ""]):
            if run and text != last:
                label = f"({run[0]})" if len(run) == 1 else f"({run[0]}-{run[-1]})"
                times = "" if len(run) == 1 else f"{len(run)} x "
                lines.append(f"{label}: {times}{_indent(last)}")
                run = []
            run.append(i)
            last = text
        return lines


class ModuleDict(Module):
    """A dictionary of modules whose parameters are found."""

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def update(self, modules: Any) -> None:
        """Add all modules of a mapping, or of (name, module) pairs."""
        if not isinstance(modules, Iterable):
            raise at_line(
                UsageTypeError,
                f"ModuleDict.update: {type(modules).__name__} is neither a dictionary of modules nor a list of (name, "
                "module) pairs",
            )
        pairs = modules.items() if isinstance(modules, (Mapping, ModuleDict)) else modules
        for k, pair in enumerate(pairs):
            if not isinstance(pair, Iterable):
                raise at_line(
                    UsageTypeError,
                    f"ModuleDict.update: entry {k} is {type(pair).__name__} and no (name, module) pair",
                )
            name, module = _pair(pair, k)
            self.add_module(name, module)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Take all modules out."""
        self._modules.clear()

    def pop(self, key: str) -> Any:
        """Take a module out."""
        return self._modules.pop(key)

    def keys(self) -> Any:
        """The names."""
        return self._modules.keys()

    def values(self) -> Any:
        """The modules."""
        return self._modules.values()

    def items(self) -> Any:
        """Names and modules."""
        return self._modules.items()


def _pair(pair: Any, k: int) -> Any:
    pair = tuple(pair)
    if len(pair) != 2:
        raise at_line(
            UsageError,
            f"ModuleDict.update: entry {k} has {len(pair)} parts, a (name, module) pair has two",
        )
    return pair
