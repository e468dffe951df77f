"""One op = one row: forward, gradients, forward mode, cost, formula, samples and errors in one place.

What the engine needs at every call (input names, which gradient keeps what, where each argument of a
gradient comes from) is read from the signatures once, here, at import.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Want(NamedTuple):
    """The gradient of one input: what to call and where its arguments lie in ``Node.saved``."""

    slot: int
    name: str
    fn: Callable[..., Any]
    take: tuple[int, ...]  # indices into (inputs..., out, aux)
    params: tuple[str, ...]


class Plan:
    """What a call keeps and what backward does, for one set of inputs that want a gradient.

    wants: their gradients. kept: which inputs they ask for; keep_out, keep_aux: whether they ask for those.
    A plan of one gradient says it in the plainest way for the backward loop: ``argc`` is the number of
    saved arrays it takes, ``fn`` the formula, ``i`` and ``j`` where the arrays lie. With params or more
    arrays ``argc`` is 3 and ``fn(F, g, saved, params)`` picks them; -1: there are several gradients, or none;
    -2: one for any number of equal inputs.
    """

    __slots__ = (
        "row",
        "mask",
        "wants",
        "kept",
        "keep_out",
        "keep_aux",
        "argc",
        "fn",
        "i",
        "j",
        "slot",
        "want",
    )

    def __init__(self, row: Any, mask: int, wants: tuple[Want, ...]) -> None:
        take = {i for w in wants for i in w.take}
        self.row, self.mask, self.wants = row, mask, wants
        self.kept = tuple(i in take for i in range(row.n))
        self.keep_out, self.keep_aux = row.n in take, row.n + 1 in take
        self.argc = self.i = self.j = -1
        self.fn: Any = None
        self.want = wants[0] if wants else None
        self.slot = wants[0].slot if wants else -1
        if row.inputs == ("*",) or any(w.name == "*" for w in wants):
            self.argc = -2
        elif len(wants) == 1:
            only = wants[0]
            if only.params or len(only.take) > 2:
                self.argc, self.fn = 3, _picker(self, only)
            else:
                self.fn = only.fn
                self.argc = len(only.take)
                self.i, self.j = (*only.take, -1, -1)[:2]


def _picker(plan: Plan, want: Want) -> Callable[..., Any]:
    """The formula as a function of everything that a node has; it writes itself when it is first called.

    Its text names each argument: to put them together anew at every call costs more than the formula.
    """

    def first(F: Any, g: Any, saved: Any, params: Any) -> Any:
        arrays = "".join(f", saved[{i}]" for i in want.take)
        named = "".join(f", {p}=params[{p!r}]" for p in want.params)
        scope: dict[str, Any] = {"fn": want.fn}
        exec(f"def pick(F, g, saved, params): return fn(F, g{arrays}{named})", scope)  # noqa: S102 - our own text
        plan.fn = scope["pick"]
        return plan.fn(F, g, saved, params)

    return first


class Op:
    """A row of the op table.

    name: public name of the op. kernel: ``kernel(xp, *inputs, **params) -> array``, or the name of an
    ``xp`` function (then ``inputs`` names its arguments). vjp: for each input ``f(F, g, *names)``, where
    the names after ``g`` say what this gradient keeps alive: an input, ``out``, ``aux`` or a param.
    ``F`` holds every row under its name, on plain arrays in an ordinary backward and on tensors under
    ``create_graph``; so the same formula serves both and second derivatives.

    broadcast: inputs broadcast against each other, and the engine sums gradients back.
    mask_first: the first input is a mask and takes no part in promotion.
    floats: integer inputs are cast to the default float first. multi: the kernel returns a tuple of
    outputs. aux: the kernel returns ``(out, aux)`` where aux is an array that only gradients see.
    A kernel ``(xp, x, *at)`` takes any number of arrays after the first: its gradients know them as
    the tuple ``at`` and they have no gradient themselves. A kernel ``(xp, *args)`` takes any number
    of equal inputs; its one gradient ``"*"`` gives a list.
    writes: the first input is changed in place and is also the output. static: params that are
    structure; all params are, unless ``values`` names them.
    """

    __slots__ = (
        "name", "id", "kernel", "vjp", "jvp", "tex", "family", "inputs", "params", "values", "shape",
        "flops", "samples", "kinks", "errors", "view", "writes", "aux", "multi", "broadcast", "floats",
        "doc", "kern", "wants", "plans", "n", "reference", "mask_first", "static", "tail", "run", "parts", "wanted",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        kernel: Callable[..., Any] | str,
        *,
        inputs: str = "",
        vjp: dict[str, Callable[..., Any]] | None = None,
        jvp: Any = None,
        tex: str = "",
        family: str = "pointwise",
        values: Sequence[str] = (),
        shape: Callable[..., Any] | None = None,
        flops: Callable[..., int] | None = None,
        samples: Sequence[Any] = (),
        kinks: Callable[..., Any] | None = None,
        errors: Sequence[Any] = (),
        view: bool = False,
        writes: bool = False,
        aux: bool = False,
        multi: bool = False,
        broadcast: bool = False,
        floats: bool = False,
        mask_first: bool = False,
        reference: Callable[..., Any] | None = None,
        doc: str = "",
    ) -> None:
        self.name, self.kernel, self.vjp, self.jvp = name, kernel, vjp or {}, jvp
        self.tex, self.family, self.values = tex or name, family, frozenset(values)
        self.shape, self.flops, self.samples, self.kinks = shape, flops, tuple(samples), kinks
        self.errors, self.view, self.writes, self.aux, self.multi = (
            tuple(errors),
            view,
            writes,
            aux,
            multi,
        )
        self.broadcast, self.floats, self.reference, self.doc = broadcast, floats, reference, doc
        self.id = -1  # set when the table is frozen
        self.tail = False
        self.mask_first = mask_first
        if isinstance(kernel, str):
            self.inputs, self.params = tuple(inputs.split()), {}
        else:
            signature = list(inspect.signature(kernel).parameters.values())
            self.inputs = tuple(p.name for p in signature[1:] if p.kind in _POSITIONAL)
            self.params = {
                p.name: p.default for p in signature[1:] if p.kind is inspect.Parameter.KEYWORD_ONLY
            }
            many = [p.name for p in signature if p.kind is inspect.Parameter.VAR_POSITIONAL]
            # Any number of inputs, as in cat; or of index arrays after the first ones, as in index.
            self.tail = bool(many and self.inputs)
            if many:
                self.inputs = (*self.inputs, *many) if self.tail else ("*",)
        self.static = tuple(p for p in self.params if p not in self.values)
        self.n = len(self.inputs)
        self.kern: dict[type, Callable[..., Any]] = {}
        self.wants = tuple(
            self._want(slot, k) for slot, k in enumerate(self.inputs) if k in self.vjp
        )
        for k in self.vjp:
            if k not in self.inputs:
                raise TypeError(f"op {name!r}: vjp for {k!r}, but the inputs are {self.inputs}")
        # The inputs that can have a gradient, as bits; all of any number of equal ones.
        self.wanted = (
            -1 if self.inputs == ("*",) and self.wants else sum(1 << w.slot for w in self.wants)
        )
        self.parts: list[object] = []
        self.plans: dict[int, Plan] = {}  # by bit mask of the inputs that want a gradient
        # ``run(*inputs, **params)``: the way by which this row runs; set when the table is frozen.
        self.run: Any = None

    def _want(self, slot: int, key: str) -> Want:
        fn = self.vjp[key]
        asked = [p.name for p in inspect.signature(fn).parameters.values()][2:]
        take, params = [], []
        for name in asked:
            if name in self.inputs and self.inputs != ("*",):
                take.append(self.inputs.index(name))
            elif name == "out":
                take.append(self.n)
            elif name == "aux" and self.aux:
                take.append(self.n + 1)
            elif name in self.params:
                params.append(name)
            elif name == "args" and self.inputs == ("*",):
                take.append(0)
            else:
                raise TypeError(
                    f"op {self.name!r}: the gradient of {key!r} asks for {name!r}; it can ask for "
                    f"{', '.join([*self.inputs, 'out', 'aux', *self.params])}"
                )
        return Want(slot, key, fn, tuple(take), tuple(params))

    def plan(self, mask: int) -> Plan:
        """What to keep and to do for the inputs in the bit mask."""
        found = self.plans.get(mask)
        if found is None:
            wants = tuple(w for w in self.wants if mask >> w.slot & 1)
            found = self.plans[mask] = Plan(self, mask, wants)
        return found

    def part(self, slot: int) -> object:
        """What stands for the gradient of one of any number of equal inputs: always the same object."""
        while len(self.parts) <= slot:
            self.parts.append(object())
        return self.parts[slot]

    def key(self, params: dict[str, Any]) -> tuple[Any, ...]:
        """Those of the params that are structure."""
        return tuple([params[k] for k in self.static if k in params])

    def grouped(self, arrays: Sequence[Any]) -> list[Any]:
        """One entry per input name: the index arrays at the end of a row with a tail are one tuple."""
        k = self.n - 1
        return [*arrays[:k], tuple(arrays[k:])] if self.tail else list(arrays)

    def __repr__(self) -> str:
        return f"<op {self.name}({', '.join(self.inputs)})>"
