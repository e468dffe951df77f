"""The base of all layers and models, with torch's semantics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from graphscope.engine import dispatch
from graphscope.engine import dtype as dtypes
from graphscope.engine.device import device as Device
from graphscope.engine.explain import at_line
from graphscope.engine.follow import enter, leave
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, UsageError
from graphscope.nn.hooks import BackwardHooks, RemovableHandle, add
from graphscope.nn.state import Stateful

T = TypeVar("T", bound="Module")


class Module(Stateful):
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
        own = self.__dict__
        try:
            hooked = (
                own["_forward_hooks"] or own["_forward_pre_hooks"] or own["_backward_hooks"]
                or own["_backward_pre_hooks"]
            )  # fmt: skip
        except KeyError:
            raise AttributeError(
                f"{type(self).__name__!r} object was not set up: its __init__ must call super().__init__() first"
            ) from None
        if rec is None:
            if hooked:
                return self._call_with_hooks(args, kwargs)
            return self.forward(*args, **kwargs)
        if not enter(rec, self, own):
            rec.enter(self)
        try:
            if hooked:
                return self._call_with_hooks(args, kwargs)
            return self.forward(*args, **kwargs)
        finally:
            if not leave(rec):
                rec.leave()

    def _call_with_hooks(self, args: Any, kwargs: Any) -> Any:
        done: set[int] = set()
        try:
            return self._hooked(args, kwargs, done)
        except Exception:
            for key, (hook, with_kwargs, always) in list(self._forward_hooks.items()):
                if always and key not in done:
                    hook(self, args, kwargs, None) if with_kwargs else hook(self, args, None)
            raise

    def _hooked(self, args: Any, kwargs: Any, done: set[int]) -> Any:
        for hook, with_kwargs in list(self._forward_pre_hooks.values()):
            changed = hook(self, args, kwargs) if with_kwargs else hook(self, args)
            if changed is None:
                continue
            if with_kwargs:
                if not isinstance(changed, tuple) or len(changed) != 2:
                    raise at_line(
                        RuntimeError,
                        f"{type(self).__name__}: a forward pre-hook with_kwargs gave {changed!r}; it returns (args, kwargs), "
                        "or None to change nothing",
                    )
                args, kwargs = changed
            else:
                args = changed if isinstance(changed, tuple) else (changed,)
        back = None
        if self._backward_hooks or self._backward_pre_hooks:
            back = BackwardHooks(
                self, self._backward_pre_hooks.values(), self._backward_hooks.values()
            )
            args = back.inputs(args)
        out = self.forward(*args, **kwargs)
        for key, (hook, with_kwargs, _) in list(self._forward_hooks.items()):
            done.add(key)
            changed = hook(self, args, kwargs, out) if with_kwargs else hook(self, args, out)
            if changed is not None:
                out = changed
        return out if back is None else back.outputs(out)

    # ---------------------------------------------------------------- all modules below

    def apply(self: T, fn: Callable[[Module], Any]) -> T:
        """Run ``fn`` on every module, children first; used for initialisation."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self: T, mode: bool = True) -> T:
        """Put this module and all below into training mode (or evaluation, if mode is False)."""
        if not isinstance(mode, bool):
            raise at_line(
                UsageError, f"{type(self).__name__}.train: mode is True or False, not {mode!r}"
            )
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

    def _apply(self: T, fn: Callable[[Any], Any], recurse: bool = True) -> T:
        for module in self.modules() if recurse else (self,):
            for p in module._parameters.values():
                if p is not None:
                    p._a = fn(p.data)._a
                    p._rid = 0  # what a recorder took it for
                    if p._grad is not None:
                        p._grad = fn(p._grad.detach())
            for name, b in module._buffers.items():
                if b is not None:
                    module._buffers[name] = fn(b)
        return self

    def to(self: T, *args: Any, **kwargs: Any) -> T:
        """Move all parameters and buffers to a device, or (floating ones) to a dtype, in place.

        Raises: TypeError for a dtype that is not floating.
        """
        device: Any = None
        dtype: Any = None
        for a in (
            *args,
            *(v for k, v in kwargs.items() if k not in ("non_blocking", "memory_format")),
        ):
            if isinstance(a, Tensor):
                device, dtype = a.device, a.dtype
            elif isinstance(a, dtypes.dtype):
                dtype = a
            elif isinstance(a, (str, Device)) or type(a) is int:
                device = a if not isinstance(a, int) else f"cuda:{a}"
        if dtype is not None and not dtype.is_floating_point:
            raise at_line(
                DTypeError,
                f"{type(self).__name__}.to: parameters have gradients, so {dtype} cannot hold them; choose float32, "
                "float64 or float16",
            )

        def convert(t: Any) -> Any:
            if dtype is not None and t._a.dtype.kind == "f":
                t = t.to(dtype)
            return t if device is None else t.to(device)

        return self._apply(convert)

    def cpu(self: T) -> T:
        """Move everything to host memory."""
        return self.to("cpu")

    def cuda(self: T, device: Any = None) -> T:
        """Move everything to a GPU."""
        return self.to("cuda" if device is None else device)

    def to_empty(self: T, *, device: Any, recurse: bool = True) -> T:
        """Move everything to a device; the values there are whatever they are."""
        return self._apply(lambda t: t.to(device), recurse)

    def type(self: T, dst_type: Any) -> T:
        """Give all parameters and buffers a dtype."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self: T) -> T:
        """Make all floating parameters and buffers float32."""
        return self._apply(lambda t: t.float() if t._a.dtype.kind == "f" else t)

    def double(self: T) -> T:
        """Make all floating parameters and buffers float64."""
        return self._apply(lambda t: t.double() if t._a.dtype.kind == "f" else t)

    def half(self: T) -> T:
        """Make all floating parameters and buffers float16."""
        return self._apply(lambda t: t.half() if t._a.dtype.kind == "f" else t)

    def share_memory(self: T) -> T:
        """Taken for torch's sake: threads share a module's memory anyway, processes get a copy."""
        return self

    # ---------------------------------------------------------------- hooks

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:  # fmt: skip
        """Call ``hook(module, args, output)`` after each forward; a returned value replaces the output.

        with_kwargs: ``hook(module, args, kwargs, output)``. always_call: also (with None) if forward raises.
        """
        return add(self._forward_hooks, hook, (hook, with_kwargs, always_call), prepend)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before each forward; a returned value replaces the arguments.

        with_kwargs: ``hook(module, args, kwargs)``, which returns (args, kwargs) or None.
        """
        return add(self._forward_pre_hooks, hook, (hook, with_kwargs), prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the inputs are known.

        A returned tuple replaces ``grad_input``.
        """
        return add(self._backward_hooks, hook, None, prepend)

    register_backward_hook = register_full_backward_hook

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` before the module's backward; a returned tuple replaces it."""
        return add(self._backward_pre_hooks, hook, None, prepend)

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
