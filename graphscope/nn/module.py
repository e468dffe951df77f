"""The base of all layers and models, with torch's semantics."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from graphscope.engine import dispatch
from graphscope.engine.backward import RemovableHandle
from graphscope.engine.modes import no_grad
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError, UsageError
from graphscope.nn.tree import Tree

T = TypeVar("T", bound="Module")


class LoadResult(NamedTuple):
    """What ``load_state_dict`` could not match; empty after a strict load."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"LoadResult(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"
        )


class Module(Tree):
    """A layer or a model: subclass it, make parts in ``__init__``, compute in ``forward``.

    Parameters and modules that are assigned as attributes are found by ``parameters()``,
    ``state_dict()``, ``to()`` and the recorder, under the attribute's name.
    """

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass writes its own."""
        raise NotImplementedError(
            f"{type(self).__name__} has no forward(): define `def forward(self, x): ...` in the class "
            "(check its spelling and indentation)"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        rec = dispatch._rec
        if rec is None:
            if self._forward_hooks or self._forward_pre_hooks:
                return self._call_with_hooks(args, kwargs)
            return self.forward(*args, **kwargs)
        rec.enter(self)
        try:
            return self._call_with_hooks(args, kwargs)
        finally:
            rec.leave()

    def _call_with_hooks(self, args: Any, kwargs: Any) -> Any:
        for hook in list(self._forward_pre_hooks.values()):
            changed = hook(self, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        out = self.forward(*args, **kwargs)
        for hook in list(self._forward_hooks.values()):
            changed = hook(self, args, out)
            if changed is not None:
                out = changed
        return out

    # ---------------------------------------------------------------- all modules below

    def apply(self: T, fn: Callable[[Module], Any]) -> T:
        """Run ``fn`` on every module, children first; used for initialisation."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self: T, mode: bool = True) -> T:
        """Put this module and all below into training mode (or evaluation, if mode is False)."""
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self: T) -> T:
        """Put this module and all below into evaluation mode."""
        return self.train(False)

    def requires_grad_(self: T, requires_grad: bool = True) -> T:
        """Ask for the gradients of all parameters, or freeze them."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or fill them with zeros."""
        for p in self.parameters():
            if p._grad is None:
                continue
            if set_to_none:
                p._grad = None
            else:
                p._grad = p._grad.detach()
                p._grad.zero_()

    def _convert(self: T, convert: Callable[[Any], Any]) -> T:
        for module in self.modules():
            for p in module._parameters.values():
                if p is not None:
                    p._a = convert(p.data)._a
                    if p._grad is not None:
                        p._grad = convert(p._grad)
            for name, b in module._buffers.items():
                if b is not None:
                    module._buffers[name] = convert(b)
        return self

    def to(self: T, *args: Any, **kwargs: Any) -> T:
        """Move all parameters and buffers to a device, or (floating ones) to a dtype, in place."""
        for a in (*args, *kwargs.values()):
            if isinstance(a, (bool, type(None))):  # non_blocking, copy
                continue

            def convert(t: Any, a: Any = a) -> Any:
                if getattr(a, "is_floating_point", None) is not None and t._a.dtype.kind != "f":
                    return t
                return t.to(a)

            self._convert(convert)
        return self

    def cpu(self: T) -> T:
        """Move everything to host memory."""
        return self.to("cpu")

    def cuda(self: T, device: Any = None) -> T:
        """Move everything to a GPU."""
        return self.to("cuda" if device is None else device)

    def float(self: T) -> T:
        """Make all floating parameters and buffers float32."""
        return self._convert(lambda t: t.float() if t._a.dtype.kind == "f" else t)

    def double(self: T) -> T:
        """Make all floating parameters and buffers float64."""
        return self._convert(lambda t: t.double() if t._a.dtype.kind == "f" else t)

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> OrderedDict[str, Tensor]:
        """All parameters and persistent buffers by path; they share the module's memory."""
        out: OrderedDict[str, Tensor] = OrderedDict() if destination is None else destination
        for table in (self._parameters, self._buffers):
            for name, value in table.items():
                if value is not None and not (table is self._buffers and name in self._transient):
                    out[prefix + name] = value if keep_vars else value.detach()
        for name, child in self._modules.items():
            if child is not None:
                child.state_dict(destination=out, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        return out

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> LoadResult:
        """Copy saved values into the parameters and buffers.

        Raises: ShapeError for missing or unexpected keys (if strict) and for other shapes.
        """
        own: dict[str, Any] = self.state_dict(keep_vars=True)
        missing = [k for k in own if k not in state_dict]
        unexpected = [k for k in state_dict if k not in own]
        wrong = [
            f"size mismatch for {k}: it is {tuple(own[k].shape)} here and {tuple(v.shape)} in the state dict"
            for k, v in state_dict.items()
            if k in own and tuple(v.shape) != tuple(own[k].shape)
        ]
        if strict:
            if unexpected:
                wrong.append(f"Unexpected key(s) in state_dict: {', '.join(map(repr, unexpected))}")
            if missing:
                wrong.append(f"Missing key(s) in state_dict: {', '.join(map(repr, missing))}")
        if wrong:
            raise ShapeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t"
                + "\n\t".join(wrong)
            )
        with no_grad():
            for key, value in state_dict.items():
                if key not in own:
                    continue
                if assign:
                    own[key]._a = dispatch.as_tensor(value)._a
                else:
                    own[key].copy_(value)
        return LoadResult(missing, unexpected)

    # ---------------------------------------------------------------- hooks

    def register_forward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after each forward; a returned value replaces the output."""
        return _add(self._forward_hooks, hook)

    def register_forward_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, args)`` before each forward; a returned value replaces the arguments."""
        return _add(self._forward_pre_hooks, hook)

    # ---------------------------------------------------------------- text

    def extra_repr(self) -> str:
        """What stands in the brackets of the repr; subclasses override it."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def _child_lines(self) -> list[str]:
        return [f"({name}): {_indent(repr(child))}" for name, child in self._modules.items()]

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = self._child_lines()
        if len(lines) == 1 and not children:
            body = lines[0]
        elif lines or children:
            body = "\n  " + "\n  ".join(lines + children) + "\n"
        else:
            body = ""
        return f"{self._get_name()}({body})"


def _indent(text: str) -> str:
    return text.replace("\n", "\n  ")


def _add(table: dict[int, Any], hook: Callable[..., Any]) -> RemovableHandle:
    if not callable(hook):
        raise UsageError(f"a hook must be callable, {hook!r} is not")
    key = max(table, default=-1) + 1
    table[key] = hook
    return RemovableHandle(table, key)
