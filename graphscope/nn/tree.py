"""The tree under every module: parameters, buffers and child modules, found by attribute name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphscope.engine.tensor import Tensor
from graphscope.nn.parameter import Buffer, Parameter


class Tree:
    """Attributes that are parameters, buffers or trees are kept in tables and can be walked."""

    training: bool

    def __init__(self) -> None:
        # Straight into __dict__: our own __setattr__ looks into these tables.
        self.__dict__.update(
            training=True, _parameters={}, _buffers={}, _modules={}, _transient=set(),
            _forward_hooks={}, _forward_pre_hooks={},
        )  # fmt: skip

    def __setattr__(self, name: str, value: Any) -> None:
        tables = self.__dict__
        if isinstance(value, (Parameter, Tree, Buffer)):
            if "_parameters" not in tables:
                raise AttributeError(
                    f"cannot assign {name!r} before super().__init__() has run: call it first in "
                    f"{type(self).__name__}.__init__"
                )
            for table in ("_parameters", "_buffers", "_modules"):
                tables[table].pop(name, None)
            tables.pop(name, None)
            if isinstance(value, Parameter):
                self.register_parameter(name, value)
            elif isinstance(value, Tree):
                tables["_modules"][name] = value
            else:
                self.register_buffer(name, value, value.persistent)
            return
        for table in ("_parameters", "_modules"):
            if name in tables.get(table, ()):
                if value is not None:
                    what = "a parameter" if table == "_parameters" else "a child module"
                    raise TypeError(
                        f"{type(self).__name__}.{name} is {what} and cannot become a {type(value).__name__}; "
                        "assign a Parameter (or Module), or None, or delete it first"
                    )
                tables[table][name] = None
                return
        if name in tables.get("_buffers", ()):
            tables["_buffers"][name] = value
            return
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        # Runs only where the ordinary look-up failed.
        tables = self.__dict__
        for table in ("_parameters", "_modules", "_buffers"):
            found = tables.get(table)
            if found is not None and name in found:
                return found[name]
        hint = "" if "_parameters" in tables else " (was super().__init__() called?)"
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}")

    def __delattr__(self, name: str) -> None:
        for table in (self._parameters, self._buffers, self._modules):
            if name in table:
                del table[name]
                self._transient.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self._parameters, *self._buffers, *self._modules})

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name (None keeps the name for "there is none")."""
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"register_parameter({name!r}): wrap the tensor: nn.Parameter(tensor)")
        if param is not None and param._name is None:
            param._name = name
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is saved and moved with the module, but not trained."""
        self._buffers[name] = tensor
        if persistent:
            self._transient.discard(name)
        else:
            self._transient.add(name)

    def register_module(self, name: str, module: Any) -> None:
        """Add a child module under a name."""
        self.add_module(name, module)

    def add_module(self, name: str, module: Any) -> None:
        """Add a child module under a name."""
        if module is not None and not isinstance(module, Tree):
            raise TypeError(f"add_module({name!r}): {type(module).__name__} is no Module")
        if "." in name or not name:
            raise KeyError(f"a module's name must not be empty or hold a dot: {name!r}")
        self._modules[name] = module

    # ---------------------------------------------------------------- walking

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """This module and all below it, each with its dotted path (the root's is "")."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                path = f"{prefix}.{name}" if prefix else name
                yield from child.named_modules(memo, path, remove_duplicate)

    def modules(self) -> Iterator[Any]:
        """This module and all below it, each once."""
        for _, module in self.named_modules():
            yield module

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """The direct children with their names, each once."""
        seen: set[Any] = set()
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def children(self) -> Iterator[Any]:
        """The direct children, each once."""
        for _, child in self.named_children():
            yield child

    def _named(
        self, table: str, prefix: str, recurse: bool, once: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for path, module in self.named_modules(prefix=prefix) if recurse else ((prefix, self),):
            for name, value in getattr(module, table).items():
                if value is None or id(value) in seen:
                    continue
                if once:
                    seen.add(id(value))
                yield (f"{path}.{name}" if path else name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters with their dotted paths; a shared one comes once."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once."""
        for _, p in self.named_parameters(recurse=recurse):
            yield p

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """All buffers with their dotted paths."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers, each once."""
        for _, b in self.named_buffers(recurse=recurse):
            yield b

    def get_submodule(self, target: str) -> Any:
        """The module at a dotted path. Raises: AttributeError with the part that is missing."""
        module: Any = self
        for part in target.split(".") if target else ():
            child = module._modules.get(part)
            if child is None:
                raise AttributeError(
                    f"{type(module).__name__} has no submodule {part!r} (path {target!r})"
                )
            module = child
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path."""
        path, _, name = target.rpartition(".")
        found: Parameter | None = self.get_submodule(path)._parameters.get(name)
        if found is None:
            raise AttributeError(f"there is no parameter at {target!r}")
        return found
