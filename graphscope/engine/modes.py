"""Is a gradient wanted? One context variable, so that every thread starts with "yes"."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])

_enabled: ContextVar[bool] = ContextVar("graphscope_grad", default=True)
_inference: ContextVar[bool] = ContextVar("graphscope_inference", default=False)
is_grad_enabled = _enabled.get
is_inference_mode_enabled = _inference.get


class _Decorates:
    """A context manager that wraps functions and generators too."""

    __slots__: tuple[str, ...] = ()

    def _again(self) -> Any:
        """A fresh manager of this kind, for one call of a wrapped function."""
        return type(self)()

    def __enter__(self) -> Any:
        raise NotImplementedError

    def __exit__(self, *exc: object) -> None:
        raise NotImplementedError

    def __call__(self, function: _F) -> _F:
        if inspect.isgeneratorfunction(function):
            return self._generator(function)  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]

    def _generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The mode holds while the generator runs, not while its caller uses what it yielded."""

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            running = function(*args, **kwargs)
            step: Callable[[], Any] = functools.partial(next, running)
            try:
                while True:
                    with self._again():
                        try:
                            value = step()
                        except StopIteration as end:
                            return end.value
                    try:
                        sent = yield value
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        step = functools.partial(running.throw, error)
                    else:
                        step = functools.partial(running.send, sent)
            finally:
                with self._again():
                    running.close()

        return wrapped


class set_grad_enabled(_Decorates):  # noqa: N801 - torch's name
    """Switch the recording of gradients on or off: a call, a context manager or a decorator."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self._before = is_grad_enabled()
        _enabled.set(mode)

    def _again(self) -> Any:
        return set_grad_enabled(self.mode)

    def __call__(self, function: _F) -> _F:
        _enabled.set(self._before)  # as a decorator it holds inside the function only
        return super().__call__(function)

    def __enter__(self) -> set_grad_enabled:
        _enabled.set(self.mode)
        return self

    def __exit__(self, *exc: object) -> None:
        _enabled.set(self._before)


class _GradMode(_Decorates):
    # Entered in every training step: one object, no list, no second call.
    __slots__ = ("_before",)
    _before: Any
    mode = False

    if TYPE_CHECKING:

        def __init__(self, orig_func: Any = None) -> None: ...

    def __new__(cls, orig_func: Any = None) -> Any:
        self = object.__new__(cls)
        self._before = None
        return self if orig_func is None else self(orig_func)  # @no_grad without brackets

    def __enter__(self) -> _GradMode:
        self._before = (
            _enabled.get(),
            self._before,
        )  # a chain: one may be entered again inside itself
        _enabled.set(self.mode)
        return self

    def __exit__(self, *exc: object) -> None:
        was, self._before = self._before
        _enabled.set(was)


class no_grad(_GradMode):  # noqa: N801 - torch's name
    """Do not build a graph: a context manager or a decorator."""

    __slots__ = ()


class enable_grad(_GradMode):  # noqa: N801 - torch's name
    """Build a graph again inside ``no_grad``: a context manager or a decorator."""

    __slots__ = ()
    mode = True


class inference_mode(_Decorates):  # noqa: N801 - torch's name
    """Like ``no_grad``; results are ordinary tensors without a graph. ``mode=False`` switches it off."""

    def __new__(cls, mode: Any = True) -> Any:
        self = super().__new__(cls)
        if callable(mode):  # @inference_mode without brackets
            self.__init__()  # type: ignore[misc]
            return self(mode)
        return self

    def __init__(self, mode: Any = True) -> None:
        self.mode = True if callable(mode) else bool(mode)
        self._before: list[tuple[bool, bool]] = []

    def _again(self) -> Any:
        return inference_mode(self.mode)

    def __enter__(self) -> inference_mode:
        self._before.append((is_grad_enabled(), is_inference_mode_enabled()))
        # Switched off inside another one, gradients are recorded again, as in torch.
        _enabled.set(not self.mode if self.mode or _inference.get() else _enabled.get())
        _inference.set(self.mode)
        return self

    def __exit__(self, *exc: object) -> None:
        grad, inference = self._before.pop()
        _enabled.set(grad)
        _inference.set(inference)
