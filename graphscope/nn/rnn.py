"""Recurrent networks over whole sequences.

The products with the input are one matrix product for all steps; then every step is two boxes of the
graph: ``recur`` (the product with the state before) and the cell.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from graphscope.engine.create import empty, made
from graphscope.engine.dispatch import call, unary
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError, UsageError, UsageTypeError
from graphscope.nn import functional as F
from graphscope.nn import init
from graphscope.nn.module import Module
from graphscope.nn.parameter import Parameter
from graphscope.nn.utils.rnn import PackedSequence
from graphscope.ops import functions as fn
from graphscope.ops import pointwise as pw
from graphscope.ops import recurrent as rc

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """What RNN, LSTM and GRU share: parameters, layers, directions, batches of all forms."""

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        _check(self, mode, dropout)
        out_size = proj_size or hidden_size
        wide = _GATES[mode] * hidden_size
        self._flat_weights_names: list[str] = []
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            entry = input_size if layer == 0 else out_size * (2 if bidirectional else 1)
            for suffix in ("", "_reverse") if bidirectional else ("",):
                shapes: dict[str, tuple[int, ...]] = {
                    f"weight_ih_l{layer}{suffix}": (wide, entry),
                    f"weight_hh_l{layer}{suffix}": (wide, out_size),
                }
                if bias:
                    shapes[f"bias_ih_l{layer}{suffix}"] = (wide,)
                    shapes[f"bias_hh_l{layer}{suffix}"] = (wide,)
                if proj_size:
                    shapes[f"weight_hr_l{layer}{suffix}"] = (proj_size, hidden_size)
                for name, shape in shapes.items():
                    setattr(self, name, Parameter(empty(shape, device=device, dtype=dtype)))
                self._flat_weights_names += list(shapes)
                self._all_weights.append(list(shapes))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values, uniform in +-1/sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0.0
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    def flatten_parameters(self) -> None:
        """Taken for torch's sake: only cuDNN wants the weights in one piece of memory."""

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def extra_repr(self) -> str:
        """Sizes, and what differs from the defaults, as torch shows them."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        for name, usual in (
            ("proj_size", 0), ("num_layers", 1), ("bias", True), ("batch_first", False), ("dropout", 0),
            ("bidirectional", False),
        ):  # fmt: skip
            if getattr(self, name) != usual:
                parts.append(f"{name}={getattr(self, name)}")
        return ", ".join(parts)

    # ---------------------------------------------------------------- the computation

    def _run(self, input: Any, state: tuple[Any, ...] | None) -> tuple[Any, tuple[Any, ...]]:
        """The output and the final states (h, or h and c), each (layers * directions, batch, size)."""
        packed = isinstance(input, PackedSequence)
        sizes: list[int] | None = None
        batched = True
        if packed:
            sizes = [int(n) for n in input.batch_sizes._host()]
            x, batch = input.data, sizes[0]
        else:
            x, batched = input, input._a.ndim == 3
            if input._a.ndim not in (2, 3):
                raise at_line(
                    ShapeError,
                    f"{self._get_name()}: the input {tuple(input._a.shape)} has {input._a.ndim} dimensions; it has steps and "
                    "features (2), or a batch of them (3)",
                )
            if not batched:
                x = fn.unsqueeze(x, 1)
            elif self.batch_first:
                x = fn.transpose(x, 0, 1)
            batch = x._a.shape[1]
            if not x._a.shape[0]:
                raise at_line(
                    ShapeError,
                    f"{self._get_name()}: the input {tuple(input._a.shape)} has no steps; a sequence has at least one. Is "
                    f"batch_first={self.batch_first} right?",
                )
        if x._a.shape[-1] != self.input_size:
            raise at_line(
                ShapeError,
                f"{self._get_name()}: the layer takes input_size={self.input_size} features in a step, the input "
                f"{tuple(x._a.shape)} has {x._a.shape[-1]}",
            )
        given = self._states(x, state, batch, batched)
        if packed and state is not None and input.sorted_indices is not None:
            given = [fn.index_select(s, 1, input.sorted_indices) for s in given]
        starts = [fn.unbind(s, 0) for s in given]
        ends: list[list[Any]] = [[] for _ in starts]
        k = 0
        for layer in range(self.num_layers):
            outs = []
            for reverse in (False, True) if self.bidirectional else (False,):
                out, final = self._direction(x, [s[k] for s in starts], k, reverse, sizes)
                outs.append(out)
                for kept, f in zip(ends, final, strict=True):
                    kept.append(f)
                k += 1
            x = outs[0] if len(outs) == 1 else fn.cat(outs, -1)
            if self.dropout and self.training and layer + 1 < self.num_layers:
                x = F.dropout(x, self.dropout, True)
        finals: list[Any] = [fn.stack(e, 0) for e in ends]
        if packed:
            if input.unsorted_indices is not None:
                finals = [fn.index_select(f, 1, input.unsorted_indices) for f in finals]
            return input._like(x), tuple(finals)
        if not batched:
            return fn.squeeze(x, 1), tuple(fn.squeeze(f, 1) for f in finals)
        return (fn.transpose(x, 0, 1) if self.batch_first else x), tuple(finals)

    def _states(self, x: Any, state: Any, batch: int, batched: bool) -> list[Any]:
        rows = self.num_layers * (2 if self.bidirectional else 1)
        sizes = [self.proj_size or self.hidden_size]
        if self.mode == "LSTM":
            sizes.append(self.hidden_size)
        if state is None:
            return [_zeros((rows, batch, n), x) for n in sizes]
        dims = {s._a.ndim for s in state}
        if dims != {3 if batched else 2}:
            got = " and ".join(str(tuple(s._a.shape)) for s in state)
            raise at_line(
                ShapeError,
                f"{self._get_name()}: the state is {got}; for an input {'with' if batched else 'without'} a batch it has "
                f"{3 if batched else 2} dimensions",
            )
        out = [s if batched else fn.unsqueeze(s, 1) for s in state]
        for s, n, what in zip(out, sizes, "hc", strict=False):
            if tuple(s._a.shape) != (rows, batch, n):
                raise at_line(
                    ShapeError,
                    f"{self._get_name()}: the first state {what} is {tuple(s._a.shape)}, it must be (layers * directions, "
                    f"batch, size) = {(rows, batch, n)}",
                )
        return out

    def _direction(
        self, x: Any, state: list[Any], k: int, reverse: bool, sizes: list[int] | None
    ) -> tuple[Any, list[Any]]:
        """One layer in one direction over all steps: its outputs and its last states."""
        own = [self._parameters[name] for name in self._all_weights[k]]
        w_ih, w_hh = own[0], own[1]
        b_ih, b_hh = (own[2], own[3]) if self.bias else (None, None)
        w_hr = own[-1] if self.proj_size else None
        if self.bias and self.mode != "GRU":
            b_ih = fn.add(b_ih, b_hh)  # the sum goes into the one product of all steps
        gates = F.linear(x, w_ih, b_ih)
        steps = fn.unbind(gates, 0) if sizes is None else fn.split(gates, sizes, 0)
        outs: list[Any] = [None] * len(steps)
        done: list[tuple[Any, ...]] = []  # states of sequences that have ended, shortest first
        now: Any = (
            tuple(state)
            if sizes is None
            else tuple(s[: sizes[-1 if reverse else 0]] for s in state)
        )
        for t in reversed(range(len(steps))) if reverse else range(len(steps)):
            if sizes is not None:
                n, have = sizes[t], now[0]._a.shape[0]
                if n < have:
                    done.append(tuple(s[n:] for s in now))
                    now = tuple(s[:n] for s in now)
                elif n > have:
                    now = tuple(fn.cat([s, a[have:n]], 0) for s, a in zip(now, state, strict=True))
            now = self._step(steps[t], now, w_hh, b_hh, w_hr)
            outs[t] = now[0]
        if done:
            now = tuple(fn.cat(list(parts), 0) for parts in zip(now, *reversed(done), strict=True))
        return (fn.stack(outs, 0) if sizes is None else fn.cat(outs, 0)), list(now)

    def _step(self, x: Any, state: Any, w_hh: Any, b_hh: Any, w_hr: Any) -> Any:
        h = state[0]
        if self.mode == "LSTM":
            h, c, *_ = _call(rc.lstm_cell, _call(rc.recur, x, h, w_hh), state[1])
            return (h if w_hr is None else F.linear(h, w_hr), c)
        if self.mode == "GRU":
            return (_call(rc.gru_cell, x, F.linear(h, w_hh, b_hh), h)[0],)
        row = pw.tanh if self.mode == "RNN_TANH" else pw.relu
        return (unary(row, _call(rc.recur, x, h, w_hh)),)


def _call(row: Any, *inputs: Any) -> Any:
    return call(row, *inputs)


def _zeros(shape: tuple[int, ...], like: Tensor) -> Tensor:
    out: Tensor = made(np.zeros(shape, like._a.dtype), like.device)
    return out


def _check(net: RNNBase, mode: str, dropout: Any) -> None:
    name = net._get_name()
    if mode not in _GATES:
        raise at_line(UsageError, f"{name}: there is no mode={mode!r}, only {', '.join(_GATES)}")
    if not isinstance(dropout, (int, float)) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
        raise at_line(
            UsageError, f"{name}: dropout={dropout!r} is no probability; give a number from 0 to 1"
        )
    if dropout and net.num_layers == 1:
        warnings.warn(
            f"{name}: dropout={dropout} has no effect. It acts between layers, and num_layers={net.num_layers}.",
            stacklevel=4,
        )
    if not isinstance(net.hidden_size, int):
        raise at_line(
            UsageTypeError,
            f"{name}: hidden_size is a whole number, not {type(net.hidden_size).__name__}",
        )
    for option in ("hidden_size", "num_layers"):
        if getattr(net, option) <= 0:
            raise at_line(UsageError, f"{name}: {option}={getattr(net, option)} must be at least 1")
    if net.proj_size and mode != "LSTM":
        raise at_line(
            UsageError,
            f"{name}: only an LSTM projects its state; leave out proj_size={net.proj_size}",
        )
    if not 0 <= net.proj_size < net.hidden_size:
        raise at_line(
            UsageError,
            f"{name}: proj_size={net.proj_size} must be smaller than hidden_size={net.hidden_size}; 0 means no projection",
        )


class RNN(RNNBase):
    """Elman's network: h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or with relu.

    Shapes: input (steps, batch, input_size), or (batch, steps, ...) with batch_first, or without batch, or
    packed; gives the states of all steps and the last state (layers * directions, batch, hidden_size).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # torch's fourth argument; the base has none there.
        args, fourth = args[:3] + args[4:], args[3:4]
        chosen = fourth[0] if fourth else kwargs.pop("nonlinearity", "tanh")
        if chosen not in ("tanh", "relu"):
            raise at_line(
                UsageError, f"RNN: there is no nonlinearity={chosen!r}, only 'tanh' and 'relu'"
            )
        super().__init__(f"RNN_{chosen.upper()}", *args, **kwargs)
        self.nonlinearity = chosen

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """All states and the last one."""
        out, (h,) = self._run(input, None if hx is None else (hx,))
        return out, h


class GRU(RNNBase):
    """Gated recurrent units (Cho et al., 2014), in the form of cuDNN: r scales W_hn h + b_hn.

    Shapes: as RNN.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("GRU", *args, **kwargs)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """All states and the last one."""
        out, (h,) = self._run(input, None if hx is None else (hx,))
        return out, h


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997), with gates i, f, g, o.

    Shapes: as RNN; the state is a pair (h, c), and h has proj_size columns where that is given.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, tuple[Any, Any]]:
        """All states and the last pair."""
        out, (h, c) = self._run(input, None if hx is None else tuple(hx))
        return out, (h, c)
