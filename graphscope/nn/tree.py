"""The tree under every module: parameters, buffers and child modules, found by attribute name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError, UsageTypeError
from graphscope.nn.parameter import Buffer, Parameter


class Tree:
    """Attributes that are parameters, buffers or trees are kept in tables and can be walked."""

    training: bool
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or kwargs:
            what = (
                f"{len(args)} arguments" if args else f"the keyword argument {next(iter(kwargs))!r}"
            )
            raise at_line(
                UsageTypeError,
                f"{type(self).__name__}.__init__() got {what}, but Module takes none: call super().__init__() "
                "without arguments",
            )
        # Straight into __dict__: our own __setattr__ looks into these tables.
        self.__dict__.update(_tables())

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A pickle of an older version may lack a table.
        self.__dict__.update({**_tables(), **state})

    def __setattr__(self, name: str, value: Any) -> None:
        tables = self.__dict__
        kind = (
            "_parameters" if isinstance(value, Parameter)
            else "_modules" if isinstance(value, Tree)
            else "_buffers" if isinstance(value, Buffer)
            else None
        )  # fmt: skip
        if kind is not None:
            if "_parameters" not in tables:
                raise self._too_early(name)
            for table in ("_parameters", "_buffers", "_modules"):
                if table != kind:
                    tables[table].pop(name, None)
            tables.pop(name, None)
            tables["_non_persistent_buffers_set"].discard(name)
            if kind == "_parameters":
                self.register_parameter(name, value)
            elif kind == "_modules":
                tables["_modules"][name] = value
            else:
                self.register_buffer(name, value, value.persistent)
            return
        for table, what, want in (
            ("_parameters", "parameter", "nn.Parameter"), ("_modules", "child module", "nn.Module"),
            ("_buffers", "buffer", "Tensor"),
        ):  # fmt: skip
            if name in tables.get(table, ()):
                if value is not None and not (table == "_buffers" and isinstance(value, Tensor)):
                    raise at_line(
                        UsageTypeError,
                        f"{type(self).__name__}.{name} is a {what} and cannot become a {type(value).__name__}. Assign "
                        f"a {want} or None, or delete the {what} first",
                    )
                tables[table][name] = value
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
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        found = {*object.__dir__(self), *self._parameters, *self._buffers, *self._modules}
        return sorted(name for name in found if not name[:1].isdigit())

    def _too_early(self, name: str) -> BaseException:
        own = type(self).__name__
        return at_line(
            AttributeError,
            f"{own}.{name} cannot be set yet: {own}.__init__ must call super().__init__() first",
        )

    def _check_name(self, what: str, name: str, table: str) -> None:
        if "_parameters" not in self.__dict__:
            raise self._too_early(name)
        if not isinstance(name, str):
            raise at_line(
                UsageTypeError, f"the name of a {what} is a text, not {type(name).__name__}"
            )
        wrong = (
            "is empty" if not name
            else "has a dot, which separates the names in a path; use an underscore" if "." in name
            else "is taken by another attribute; choose another name, or delete that attribute first"
            if hasattr(self, name) and name not in self.__dict__[table]
            else ""
        )  # fmt: skip
        if wrong:
            raise at_line(
                KeyError, f"{type(self).__name__}: the name {name!r} for a {what} {wrong}"
            )

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name (None keeps the name for "there is none")."""
        self._check_name("parameter", name, "_parameters")
        if param is not None:
            if not isinstance(param, Parameter):
                raise at_line(
                    UsageTypeError,
                    f"{type(self).__name__}: the parameter {name!r} must be an nn.Parameter or None, not "
                    f"{type(param).__name__}; wrap a tensor: nn.Parameter(tensor)",
                )
            if param._node is not None:
                raise at_line(
                    UsageError,
                    f"{type(self).__name__}: the parameter {name!r} was computed, by {param._node.row.name!r}, and training "
                    "can change only what was not. Compute it in forward(), from parameters of its own",
                )
            if param._name is None:
                param._name = name
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is saved and moved with the module, but not trained."""
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise at_line(
                UsageTypeError,
                f"{type(self).__name__}: the buffer {name!r} must be a tensor or None, not {type(tensor).__name__}",
            )
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Any) -> None:
        """Add a child module under a name."""
        if module is not None and not isinstance(module, Tree):
            raise at_line(
                UsageTypeError,
                f"{type(self).__name__}.add_module: {name!r} is {type(module).__name__} and no Module",
            )
        self._check_name("module", name, "_modules")
        self._modules[name] = module

    register_module = add_module

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

    def modules(self, remove_duplicate: bool = True) -> Iterator[Any]:
        """This module and all below it, each once."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
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
        walk = self.named_modules(None, prefix, once) if recurse else iter(((prefix, self),))
        for path, module in walk:
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
            child = module._modules.get(part) if isinstance(module, Tree) else None
            if child is None:
                raise self._no_module(module, part, target)
            module = child
        return module

    def set_submodule(self, target: str, module: Any, strict: bool = False) -> None:
        """Put a module at a dotted path; strict: only where there is one."""
        if not target:
            raise at_line(
                UsageError, "set_submodule: the path is empty; a module cannot replace itself"
            )
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        there = getattr(parent, name, None)
        if (strict or hasattr(parent, name)) and not isinstance(there, Tree):
            raise self._no_module(parent, name, target)
        if not isinstance(module, Tree):
            raise at_line(
                UsageError, f"set_submodule: {type(module).__name__} is no Module ({target!r})"
            )
        setattr(parent, name, module)

    @staticmethod
    def _no_module(owner: Any, name: str, path: str) -> BaseException:
        words = f"{type(owner).__name__} has no submodule {name!r}"
        if hasattr(owner, name):
            words += f", {name!r} is {type(getattr(owner, name)).__name__}"
        return at_line(AttributeError, f"{words} (path {path!r})")

    def _find(self, target: str, table: str, what: str) -> Any:
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        found = getattr(owner, table).get(name)
        if found is None:
            kind = type(getattr(owner, name)).__name__ if hasattr(owner, name) else "not there"
            raise at_line(
                AttributeError,
                f"{type(owner).__name__} has no {what} {name!r}: it is {kind} (path {target!r})",
            )
        return found

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path."""
        found: Parameter = self._find(target, "_parameters", "parameter")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path."""
        found: Tensor = self._find(target, "_buffers", "buffer")
        return found


def _tables() -> dict[str, Any]:
    return {
        "training": True, "_parameters": {}, "_buffers": {}, "_modules": {},
        "_non_persistent_buffers_set": set(), "_forward_hooks": {}, "_forward_pre_hooks": {},
        "_backward_hooks": {}, "_backward_pre_hooks": {}, "_state_dict_hooks": {},
        "_state_dict_pre_hooks": {}, "_load_state_dict_pre_hooks": {}, "_load_state_dict_post_hooks": {},
    }  # fmt: skip
