"""Attention with several heads, as a layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphscope.engine.create import empty, made
from graphscope.engine.dispatch import call
from graphscope.engine.tensor import Tensor
from graphscope.errors import RangeError, ShapeAssertion, ShapeError, UsageAssertion, UsageError
from graphscope.nn import functional as F
from graphscope.nn import init
from graphscope.nn.functional.attention import additive, attend
from graphscope.nn.functional.common import error
from graphscope.nn.linear import Linear
from graphscope.nn.module import Module
from graphscope.nn.parameter import Parameter
from graphscope.ops import attention as at
from graphscope.ops import functions as fn

__all__ = ["MultiheadAttention"]


class NonDynamicallyQuantizableLinear(Linear):
    """A Linear under the name that torch gives to the output projection of attention."""


class MultiheadAttention(Module):
    """Queries, keys and values are projected, cut into heads that attend on their own, and joined again.

    Shapes: query (L, N, E), key (S, N, kdim), value (S, N, vdim) to (L, N, E) and the weights (N, L, S);
    the batch comes first with batch_first, or is left out.
    Source: Vaswani et al., "Attention is all you need" (2017).
    """

    bias_k: Any
    bias_v: Any
    in_proj_weight: Any
    in_proj_bias: Any

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, add_bias_kv: bool = False,
        add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if embed_dim <= 0 or num_heads <= 0:
            raise error(
                UsageError,
                f"MultiheadAttention: embed_dim={embed_dim} and num_heads={num_heads} must both be at least 1",
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise error(
                UsageAssertion,
                f"MultiheadAttention: embed_dim={embed_dim} cannot be cut into num_heads={num_heads} equal heads; choose "
                "a multiple",
            )

        def weight(*shape: int) -> Parameter:
            return Parameter(empty(shape, device=device, dtype=dtype))

        apart = {"q_proj_weight": embed_dim, "k_proj_weight": self.kdim, "v_proj_weight": self.vdim}
        if self._qkv_same_embed_dim:
            self.in_proj_weight = weight(3 * embed_dim, embed_dim)
            for name in apart:
                self.register_parameter(name, None)
        else:
            for name, width in apart.items():
                setattr(self, name, weight(embed_dim, width))
            self.register_parameter("in_proj_weight", None)
        self.register_parameter("in_proj_bias", weight(3 * embed_dim) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(
            embed_dim, embed_dim, bias=bias, device=device, dtype=dtype
        )
        if add_bias_kv:
            self.bias_k, self.bias_v = weight(1, 1, embed_dim), weight(1, 1, embed_dim)
        else:
            self.bias_k = self.bias_v = None
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            p = self._parameters[name]
            if p is not None:
                init.xavier_uniform_(p)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for p in (self.bias_k, self.bias_v):
            if p is not None:
                init.xavier_normal_(p)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None,
        need_weights: bool = True, attn_mask: Tensor | None = None, average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:  # fmt: skip
        """The new vectors, and the weights (None without need_weights).

        In masks True forbids; numbers are added to the scores. is_causal is a hint beside ``attn_mask``.
        """
        batched = query._a.ndim == 3
        _check_dims(query, key, value)
        if is_causal and attn_mask is None:
            raise error(
                RangeError,
                "MultiheadAttention: is_causal=True only says that attn_mask is the causal one, and there is no attn_mask; "
                f"pass Transformer.generate_square_subsequent_mask({query._a.shape[-2 if self.batch_first else 0]})",
            )
        if not batched:
            alone = key is query, value is key
            query = fn.unsqueeze(query, 0)
            key = query if alone[0] else fn.unsqueeze(key, 0)
            value = key if alone[1] else fn.unsqueeze(value, 0)
        if query._a.shape[-1] != self.embed_dim:
            raise error(
                ShapeAssertion,
                f"MultiheadAttention: the query ends in {query._a.shape[-1]} features, the layer was made for "
                f"embed_dim={self.embed_dim}",
            )
        q, k, v = self._project(query, key, value, not batched or self.batch_first)
        mask = self._mask(attn_mask, key_padding_mask, q, k, batched)
        drop = self.dropout if self.training else 0.0
        out, weights = attend(q, k, v, mask, drop, 1 / math.sqrt(self.head_dim), not need_weights)
        out = self.out_proj(call(at.merge_heads, out, heads=self.num_heads))
        if not batched:
            out = fn.squeeze(out, 0)
        elif not self.batch_first:
            out = fn.transpose(out, 0, 1)
        if not need_weights:
            return out, None
        if average_attn_weights:
            weights = fn.mean(weights, 1)
        return out, weights if batched else fn.squeeze(weights, 0)

    def _project(self, query: Any, key: Any, value: Any, batch_first: bool) -> tuple[Any, Any, Any]:
        """Queries, keys and values as (batch, heads, length, width of a head)."""
        extended = self.bias_k is not None or self.add_zero_attn
        if query is key and key is value and self._qkv_same_embed_dim and not extended:
            flat = F.linear(query, self.in_proj_weight, self.in_proj_bias)
            heads: Any = call(
                at.split_heads, flat if batch_first else fn.transpose(flat, 0, 1), parts=3, heads=self.num_heads
            )  # fmt: skip
            return heads[0], heads[1], heads[2]
        e = self.embed_dim
        if self._qkv_same_embed_dim:
            weights: Any = fn.split(self.in_proj_weight, e, 0)
        else:
            weights = [self._parameters[f"{n}_proj_weight"] for n in "qkv"]
        biases: Any = (
            (None,) * 3 if self.in_proj_bias is None else fn.split(self.in_proj_bias, e, 0)
        )
        parts: list[Any] = []
        for x, w, b, more in zip(
            (query, key, value), weights, biases, (None, self.bias_k, self.bias_v), strict=True
        ):
            y: Any = F.linear(x, w, b)
            y = y if batch_first else fn.transpose(y, 0, 1)
            if more is not None:
                y = fn.cat([y, fn.expand(more, y._a.shape[0], 1, e)], 1)
            if self.add_zero_attn and x is not query or self.add_zero_attn and len(parts) > 0:
                y = fn.cat([y, made(np.zeros((y._a.shape[0], 1, e), y._a.dtype), y.device)], 1)
            one: Any = call(at.split_heads, y, parts=1, heads=self.num_heads)
            parts.append(one[0])
        return parts[0], parts[1], parts[2]

    def _mask(self, attn: Any, padding: Any, q: Any, k: Any, batched: bool) -> Any:
        """Both masks as numbers to be added to scores (batch, heads, L, S), or None."""
        n, heads, length, _ = q._a.shape
        extra = (self.bias_k is not None) + bool(self.add_zero_attn)
        size = k._a.shape[2] - extra
        total: Any = None
        if attn is not None:
            shape = attn._a.shape
            if shape == (length, size):
                total = additive(attn, q, False)
            elif shape == (n * heads, length, size):
                total = fn.reshape(additive(attn, q, False), (n, heads, length, size))
            else:
                want = (length, size) if len(shape) == 2 else (n * heads, length, size)
                raise error(
                    ShapeError,
                    f"MultiheadAttention: attn_mask {tuple(shape)} does not fit; it has a row for each query and a "
                    f"column for each key: {want}",
                )
        if padding is not None:
            if not batched:
                padding = fn.unsqueeze(padding, 0)
            if padding._a.shape != (n, size):
                raise error(
                    ShapeAssertion,
                    f"MultiheadAttention: key_padding_mask {tuple(padding._a.shape)} does not fit; it says for each sample "
                    f"and key whether the key is padding: {(n, size)}",
                )
            row = fn.reshape(additive(padding, q, False), (n, 1, 1, size))
            total = row if total is None else fn.add(total, row)
        if total is not None and extra:
            free = np.zeros((*total._a.shape[:-1], extra), total._a.dtype)
            total = fn.cat([total, made(free, total.device)], -1)
        return total


def _check_dims(query: Tensor, key: Tensor, value: Tensor) -> None:
    dims = (query._a.ndim, key._a.ndim, value._a.ndim)
    if dims not in ((3, 3, 3), (2, 2, 2)):
        raise error(
            ShapeAssertion,
            f"MultiheadAttention: query {tuple(query._a.shape)}, key {tuple(key._a.shape)}, value {tuple(value._a.shape)}: "
            "give all three a batch (3 dimensions), or none of them (2)",
        )
