"""The state of a module: what ``state_dict`` gives out and ``load_state_dict`` takes in."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from graphscope.engine import dispatch
from graphscope.engine.explain import at_line
from graphscope.engine.modes import no_grad
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError, UsageAssertion, UsageTypeError
from graphscope.nn.hooks import RemovableHandle, add
from graphscope.nn.parameter import Parameter
from graphscope.nn.tree import Tree

EXTRA = "_extra_state"


class State(OrderedDict[str, Any]):
    """A state dict; ``_metadata`` holds the version of each module's layout by path."""

    _metadata: Any


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What ``load_state_dict`` could not match; empty after a strict load."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class Stateful(Tree):
    """A tree that can be written to a dictionary by path and read back."""

    _version: int = 1

    def get_extra_state(self) -> Any:
        """Anything else that belongs to the state; override it together with ``set_extra_state``."""
        raise at_line(
            RuntimeError,
            f"{type(self).__name__} has no extra state: it defines no get_extra_state()",
        )

    def set_extra_state(self, state: Any) -> None:
        """Take back what ``get_extra_state`` gave."""
        raise at_line(
            RuntimeError,
            f"{type(self).__name__} takes no extra state: it defines no set_extra_state(state)",
        )

    # ---------------------------------------------------------------- out

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        for name, p in self._parameters.items():
            if p is not None:
                destination[prefix + name] = p if keep_vars else p.detach()
        for name, b in self._buffers.items():
            if b is not None and name not in self._non_persistent_buffers_set:
                destination[prefix + name] = b if keep_vars else b.detach()
        if type(self).get_extra_state is not Stateful.get_extra_state:
            destination[prefix + EXTRA] = self.get_extra_state()

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> Any:
        """All parameters and persistent buffers by path; they share the module's memory."""
        if args:  # torch's old positional order
            given = (*args, *(destination, prefix, keep_vars)[len(args) :])
            destination, prefix, keep_vars = given[0], given[1], given[2]
        if destination is None:
            destination = State()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in list(self._state_dict_pre_hooks.values()):
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, child in self._modules.items():
            if child is not None:
                child.state_dict(
                    destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
                )
        for hook in list(self._state_dict_hooks.values()):
            result = hook(self, destination, prefix, metadata)
            if result is not None:
                destination = result
        return destination

    # ---------------------------------------------------------------- in

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool, missing_keys: list[str],
        unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        for hook in list(self._load_state_dict_pre_hooks.values()):
            hook(
                state_dict,
                prefix,
                local_metadata,
                strict,
                missing_keys,
                unexpected_keys,
                error_msgs,
            )
        own = dict(self._parameters)
        own.update(
            (k, v) for k, v in self._buffers.items() if k not in self._non_persistent_buffers_set
        )
        assign = bool(local_metadata.get("assign_to_params_buffers", False))
        for name, t in own.items():
            if t is None:
                continue
            key = prefix + name
            if key not in state_dict:
                if strict:
                    missing_keys.append(key)
                continue
            problem = self._take(name, t, state_dict[key], key, assign)
            if problem:
                error_msgs.append(problem)
        extra = prefix + EXTRA
        if type(self).set_extra_state is not Stateful.set_extra_state:
            if extra in state_dict:
                self.set_extra_state(state_dict[extra])
            elif strict:
                missing_keys.append(extra)
        elif strict and extra in state_dict:
            unexpected_keys.append(extra)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != extra:
                    first, *rest = key[len(prefix) :].split(".", 1)
                    known = first in self._modules if rest else first in own
                    if not known:
                        unexpected_keys.append(key)

    def _take(self, name: str, t: Any, value: Any, key: str, assign: bool) -> str:
        if not hasattr(value, "shape"):
            return f"{key} is {type(value).__name__} in the checkpoint, it must be a tensor of shape {t.shape}."
        if not isinstance(value, Tensor):
            value = dispatch.as_tensor(value)
        if not t._a.shape and value._a.shape == (1,):
            value = value[0]  # torch 0.3 kept numbers so
        if tuple(value._a.shape) != tuple(t._a.shape):
            return (
                f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, the shape "
                f"in current model is {t.shape}."
            )
        with no_grad():
            if not assign:
                t.copy_(value)
            elif isinstance(t, Parameter):
                new = value if isinstance(value, Parameter) else Parameter(value, t._rg)
                self._parameters[name] = new.requires_grad_(t._rg)
                new._name = t._name
            else:
                self._buffers[name] = value
        return ""

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copy saved values into the parameters and buffers (assign: make them the new ones).

        Raises: ShapeError that lists missing and unexpected keys (if strict) and other shapes.
        """
        if not isinstance(state_dict, Mapping):
            raise at_line(
                UsageTypeError,
                f"{type(self).__name__}.load_state_dict: a state is a dictionary of tensors, not "
                f"{type(state_dict).__name__}; a file is read with load(path) first",
            )
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        metadata = getattr(state_dict, "_metadata", None) or {}
        state = OrderedDict(state_dict)

        def load(module: Any, prefix: str) -> None:
            local = {**metadata.get(prefix[:-1], {})}
            if assign:
                local["assign_to_params_buffers"] = True
            part = {k: v for k, v in state.items() if k.startswith(prefix)} if prefix else state
            module._load_from_state_dict(part, prefix, local, True, missing, unexpected, errors)
            for name, child in module._modules.items():
                if child is not None:
                    load(child, f"{prefix}{name}.")
            found = _IncompatibleKeys(missing, unexpected)
            for hook in list(module._load_state_dict_post_hooks.values()):
                if hook(module, found) is not None:
                    raise at_line(
                        UsageAssertion,
                        f"{type(module).__name__}: a hook after load_state_dict returned a value, which goes nowhere; it "
                        "changes the lists of incompatible keys in place",
                    )

        load(self, "")
        if strict:
            for text, keys in (("Unexpected", unexpected), ("Missing", missing)):
                if keys:
                    quoted = ", ".join(f'"{k}"' for k in keys)
                    errors.insert(0, f"{text} key(s) in state_dict: {quoted}. ")
        if errors:
            raise ShapeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t"
                + "\n\t".join(errors)
            )
        return _IncompatibleKeys(missing, unexpected)

    # ---------------------------------------------------------------- hooks of the state

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before ``state_dict`` collects."""
        return add(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after; it changes the dict in place."""

        def run(module: Any, state: Any, prefix: str, metadata: Any) -> None:
            if hook(module, state, prefix, metadata) is not None:
                raise at_line(
                    RuntimeError,
                    f"{type(module).__name__}: a hook after state_dict returned a value, which goes nowhere; it "
                    "changes the dictionary in place",
                )

        if not callable(hook):
            return add({}, hook)
        return add(self._state_dict_hooks, run)

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        return add(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, ...)`` before this module loads."""
        return self._register_load_state_dict_pre_hook(hook, True)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        if not with_module:
            return add(self._load_state_dict_pre_hooks, hook)
        from functools import partial

        return add(self._load_state_dict_pre_hooks, partial(hook, self))

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after loading; it may change the lists in place."""
        return add(self._load_state_dict_post_hooks, hook)
