"""Weights that are computed anew before every forward: from a length and a direction, or divided by
their largest singular value."""

from __future__ import annotations

from typing import Any

from graphscope.engine.create import made
from graphscope.engine.explain import at_line
from graphscope.engine.modes import no_grad
from graphscope.errors import RangeError, UsageError
from graphscope.nn.parameter import Parameter
from graphscope.ops import functions as fn
from graphscope.ops.random import rng

__all__ = ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]


def _length(v: Any, dim: int) -> Any:
    """The 2-norm over all dimensions but ``dim`` (-1: over all), in a shape that broadcasts."""
    if dim == -1:
        return fn.norm(v)
    order = [i for i in range(v._a.ndim) if i != dim]
    return fn.pow(fn.sum(fn.square(v), order, True), 0.5)


class WeightNorm:
    """The hook that makes weight = g v / |v|. Source: Salimans and Kingma, "Weight Normalization" (2016)."""

    def __init__(self, name: str, dim: int) -> None:
        self.name = name
        self.dim = dim

    def compute_weight(self, module: Any) -> Any:
        """The weight of now."""
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return v * (g / _length(v, self.dim))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


class Computed(dict[str, Any]):
    """The parameters of a module some of which are computed: those are looked up as attributes.

    Layers read their weights from this table, which is faster than an attribute.
    """

    module: Any

    def __missing__(self, name: str) -> Any:
        return self.module.__dict__[name]


def _take_out(module: Any, name: str) -> None:
    """The parameter becomes an attribute that a hook sets."""
    table = Computed(module._parameters)
    table.module = module
    del table[name]
    module.__dict__["_parameters"] = table


def _hook(module: Any, kind: type, name: str) -> Any:
    for key, (hook, _) in module._forward_pre_hooks.items():
        if isinstance(hook, kind) and hook.name == name:  # type: ignore[attr-defined]
            return key, hook
    return None


def _twice(module: Any, what: str, name: str) -> BaseException:
    return at_line(
        RangeError,
        f"{what}: {name!r} of {type(module).__name__} has one already; remove_{what}(module, {name!r}) takes it off",
    )


def _missing(module: Any, what: str, name: str) -> BaseException:
    return at_line(
        UsageError, f"remove_{what}: {type(module).__name__} has no {what} on {name!r} to remove"
    )


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Train a weight's length (``name_g``) and direction (``name_v``) apart; ``dim`` keeps its own lengths."""
    if _hook(module, WeightNorm, name) is not None:
        raise _twice(module, "weight_norm", name)
    hook = WeightNorm(name, -1 if dim is None else dim)
    weight = getattr(module, name)
    _take_out(module, name)
    with no_grad():
        length = _length(weight, hook.dim)
    module.register_parameter(name + "_g", Parameter(length))
    module.register_parameter(name + "_v", Parameter(weight.data))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Make the weight one parameter again."""
    found = _hook(module, WeightNorm, name)
    if found is None:
        raise _missing(module, "weight_norm", name)
    with no_grad():
        weight = found[1].compute_weight(module)
    delattr(module, name)
    del module._parameters[name + "_g"], module._parameters[name + "_v"]
    setattr(module, name, Parameter(weight.data))
    del module._forward_pre_hooks[found[0]]
    return module


class SpectralNorm:
    """The hook that divides by the largest singular value, found by power iteration (Miyato et al., 2018)."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        if n_power_iterations <= 0:
            raise at_line(
                UsageError,
                f"spectral_norm: n_power_iterations={n_power_iterations} must be at least 1, or the largest singular "
                "value is never estimated",
            )
        self.name = name
        self.n_power_iterations = n_power_iterations
        self.dim = dim
        self.eps = eps

    def matrix(self, weight: Any) -> Any:
        """The weight as a matrix with dimension ``dim`` as rows."""
        if self.dim:
            order = [self.dim, *(i for i in range(weight._a.ndim) if i != self.dim)]
            weight = fn.permute(weight, *order)
        return fn.reshape(weight, (weight._a.shape[0], -1))

    def compute_weight(self, module: Any, iterate: bool) -> Any:
        """The weight of now; iterate: with better vectors u and v."""
        weight = getattr(module, self.name + "_orig")
        u, v = getattr(module, self.name + "_u"), getattr(module, self.name + "_v")
        matrix = self.matrix(weight)
        if iterate:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v = self.unit(fn.mv(fn.t(matrix), u))
                    u = self.unit(fn.mv(matrix, v))
            module._buffers[self.name + "_u"], module._buffers[self.name + "_v"] = u, v
        return weight / fn.dot(u, fn.mv(matrix, v))

    def unit(self, x: Any) -> Any:
        """x in length 1."""
        return x / fn.clamp(fn.norm(x), min=self.eps)

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:  # fmt: skip
    """Keep a weight's largest singular value at 1; the parameter is ``name_orig`` from now on."""
    if _hook(module, SpectralNorm, name) is not None:
        raise _twice(module, "spectral_norm", name)
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    hook = SpectralNorm(name, n_power_iterations, dim, eps)
    weight = module._parameters[name]
    if weight is None:
        raise at_line(
            UsageError,
            f"spectral_norm: {type(module).__name__} was made without {name!r} (it is None), so there is nothing to "
            "normalise",
        )
    with no_grad():
        rows, columns = hook.matrix(weight)._a.shape
        vectors = [
            hook.unit(made(rng().standard_normal(n).astype(weight._a.dtype), weight.device))
            for n in (rows, columns)
        ]
    _take_out(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.data)
    module.register_buffer(name + "_u", vectors[0])
    module.register_buffer(name + "_v", vectors[1])
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Make the weight an ordinary parameter again, with the value that it has."""
    found = _hook(module, SpectralNorm, name)
    if found is None:
        raise _missing(module, "spectral_norm", name)
    with no_grad():
        weight = found[1].compute_weight(module, False)
    delattr(module, name)
    for table, ending in (
        (module._buffers, "_u"),
        (module._buffers, "_v"),
        (module._parameters, "_orig"),
    ):
        del table[name + ending]
    module.register_parameter(name, Parameter(weight.detach()))
    del module._forward_pre_hooks[found[0]]
    return module
