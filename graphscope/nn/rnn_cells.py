"""Recurrent cells: one step of a recurrent network."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphscope.engine.create import empty, made
from graphscope.engine.dispatch import call
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import RangeError, ShapeError
from graphscope.nn import functional as F
from graphscope.nn import init
from graphscope.nn.module import Module
from graphscope.nn.parameter import Parameter
from graphscope.ops import functions as fn
from graphscope.ops import recurrent as rc

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]


class RNNCellBase(Module):
    """The weights of a cell: ``num_chunks`` gates from the input and from the state."""

    nonlinearity = "tanh"

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:  # fmt: skip
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        wide = num_chunks * hidden_size
        self.weight_ih = Parameter(empty((wide, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(empty((wide, hidden_size), device=device, dtype=dtype))
        self.bias_ih: Any
        self.bias_hh: Any
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(
                name, Parameter(empty((wide,), device=device, dtype=dtype)) if bias else None
            )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values, uniform in +-1/sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0.0
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    def extra_repr(self) -> str:
        """Sizes, and what differs from the defaults, as torch shows them."""
        text = f"{self.input_size}, {self.hidden_size}"
        if not self.bias:
            text += f", bias={self.bias}"
        return text + (f", nonlinearity={self.nonlinearity}" if self.nonlinearity != "tanh" else "")

    def _prepare(self, input: Any, states: Any, count: int) -> tuple[Any, list[Any]]:
        """Input and states as matrices; zeros where no state is given."""
        name = self._get_name()
        if input._a.ndim not in (1, 2):
            raise at_line(
                ShapeError,
                f"{name}: the input {tuple(input._a.shape)} is one step, (features,) or (batch, features)",
            )
        for s in states or ():
            if s._a.ndim not in (1, 2):
                raise at_line(
                    ShapeError,
                    f"{name}: the state {tuple(s._a.shape)} must be (hidden_size,) or (batch, hidden_size)",
                )
        x = input if input._a.ndim == 2 else fn.unsqueeze(input, 0)
        if x._a.shape[1] != self.input_size:
            raise at_line(
                ShapeError,
                f"{name}: the cell takes input_size={self.input_size} features, the input {tuple(input._a.shape)} has "
                f"{x._a.shape[1]}",
            )
        rows = x._a.shape[0]
        if states is None:
            zeros = np.zeros((rows, self.hidden_size), x._a.dtype)
            start: Tensor = made(zeros, x.device)
            return x, [start] * count
        out = [s if s._a.ndim == 2 else fn.unsqueeze(s, 0) for s in states]
        for s in out:
            if s._a.shape != (rows, self.hidden_size):
                raise at_line(
                    ShapeError,
                    f"{name}: the state is {tuple(s._a.shape)}; with an input {tuple(x._a.shape)} it must be (batch, "
                    f"hidden_size) = {(rows, self.hidden_size)}",
                )
        return x, out

    def _gates(self, x: Any, h: Any) -> Any:
        own = self._parameters
        bias = fn.add(own["bias_ih"], own["bias_hh"]) if self.bias else None
        return call(rc.recur, F.linear(x, own["weight_ih"], bias), h, own["weight_hh"])


class RNNCell(RNNCellBase):
    """One step of Elman's network: tanh(W_ih x + b_ih + W_hh h + b_hh), or with relu."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Any:
        """The new state."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise at_line(
                RangeError,
                f"RNNCell: there is no nonlinearity={self.nonlinearity!r}, only 'tanh' and 'relu'",
            )
        x, (h,) = self._prepare(input, None if hx is None else (hx,), 1)
        gates = self._gates(x, h)
        out = fn.tanh(gates) if self.nonlinearity == "tanh" else fn.relu(gates)
        return out if input._a.ndim == 2 else fn.squeeze(out, 0)


class LSTMCell(RNNCellBase):
    """One step of long short-term memory; the state is a pair (h, c)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Any, Any]:
        """The new pair."""
        x, (h, c) = self._prepare(input, hx, 2)
        result: Any = call(rc.lstm_cell, self._gates(x, h), c)
        h, c = result[0], result[1]
        return (h, c) if input._a.ndim == 2 else (fn.squeeze(h, 0), fn.squeeze(c, 0))


class GRUCell(RNNCellBase):
    """One step of gated recurrent units."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Any:
        """The new state."""
        x, (h,) = self._prepare(input, None if hx is None else (hx,), 1)
        own = self._parameters
        from_input = F.linear(x, own["weight_ih"], own["bias_ih"])
        from_state = F.linear(h, own["weight_hh"], own["bias_hh"])
        result: Any = call(rc.gru_cell, from_input, from_state, h)
        return result[0] if input._a.ndim == 2 else fn.squeeze(result[0], 0)
