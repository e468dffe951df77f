"""Attention as functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphscope.engine.create import to_device
from graphscope.engine.dispatch import call
from graphscope.engine.tensor import Tensor
from graphscope.errors import RangeError
from graphscope.nn.functional.common import error
from graphscope.nn.functional.dropout import dropout
from graphscope.ops import attention as at
from graphscope.ops import functions as fn

__all__ = ["scaled_dot_product_attention"]


def additive(mask: Tensor, like: Tensor, keep: bool) -> Tensor:
    """A mask to be added to scores: 0 where attention is allowed, else -inf.

    keep says what True means in a mask of booleans: allowed, or forbidden; others are added as they are.
    """
    if mask._a.dtype.kind != "b":
        return mask
    host = mask._host()
    allowed = host if keep else ~host
    return to_device(Tensor(np.where(allowed, 0, -np.inf).astype(like._a.dtype)), like.device)


def causal_mask(queries: int, keys: int, like: Tensor) -> Tensor:
    """The mask that lets each query see the keys up to its own place."""
    allowed = np.tri(queries, keys, dtype=bool)
    return to_device(Tensor(np.where(allowed, 0, -np.inf).astype(like._a.dtype)), like.device)


def attend(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout_p: float, scale: float, safe: bool
) -> tuple[Any, Any]:
    """The mixed values and the weights."""
    scores: Any = call(at.attention_scores, q, k, scale=scale)
    inputs = (scores,) if mask is None else (scores, mask)
    weights: Any = call(at.attention_weights, *inputs, safe=safe)
    del scores, inputs
    if dropout_p > 0:
        weights = dropout(weights, dropout_p, True)
    return call(at.attention_values, weights, v), weights


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """softmax(query key^T / sqrt(width)) value.

    attn_mask: booleans (True: may be seen) or numbers that are added to the scores. is_causal: each
    query sees the keys up to its own place. enable_gqa: heads of keys are shared by several queries'.
    Shapes: query (..., L, E), key (..., S, E), value (..., S, Ev) to (..., L, Ev).
    Source: Vaswani et al., "Attention is all you need" (2017).
    """
    mask: Any = None
    if is_causal:
        if attn_mask is not None:
            raise error(
                RangeError,
                f"scaled_dot_product_attention: is_causal=True makes a mask, and attn_mask {tuple(attn_mask._a.shape)} "
                "is another; give one of the two",
            )
        mask = causal_mask(query._a.shape[-2], key._a.shape[-2], query)
    elif attn_mask is not None:
        mask = additive(attn_mask, query, True)
    if enable_gqa:
        heads, shared = query._a.shape[-3], key._a.shape[-3]
        if heads % shared:
            raise error(
                RangeError,
                f"scaled_dot_product_attention: {heads} heads of queries do not divide among {shared} of keys; "
                "with enable_gqa the first number is a multiple of the second",
            )
        key = fn.repeat_interleave(key, heads // shared, -3)
        value = fn.repeat_interleave(value, query._a.shape[-3] // value._a.shape[-3], -3)
    factor = 1 / math.sqrt(query._a.shape[-1] or 1) if scale is None else float(scale)
    out: Tensor = attend(query, key, value, mask, dropout_p, factor, True)[0]
    return out
