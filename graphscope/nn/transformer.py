"""Transformers: layers of attention and small networks, stacked."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from graphscope.engine.create import made
from graphscope.engine.dtype import get_default_dtype
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import RangeError, ShapeError
from graphscope.nn import functional as F
from graphscope.nn import init
from graphscope.nn.attention import MultiheadAttention
from graphscope.nn.container import ModuleList
from graphscope.nn.dropout import Dropout
from graphscope.nn.linear import Linear
from graphscope.nn.module import Module
from graphscope.nn.norm import LayerNorm

__all__ = [
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer",
]  # fmt: skip


def _activation(activation: Any) -> Callable[[Tensor], Tensor]:
    if not isinstance(activation, str):
        chosen: Callable[[Tensor], Tensor] = activation
        return chosen
    if activation not in ("relu", "gelu"):
        raise at_line(
            RangeError,
            f"a transformer's activation={activation!r} is neither 'relu' nor 'gelu'; others are passed as a function",
        )
    return F.relu if activation == "relu" else F.gelu


def _clones(module: Module, n: int) -> ModuleList:
    return ModuleList([copy.deepcopy(module) for _ in range(n)])


class _Layer(Module):
    """What both kinds of layers share: attention to oneself and a network of two layers."""

    def __init__(
        self, blocks: int, d_model: int, nhead: int, dim_feedforward: int, dropout: float, activation: Any,
        layer_norm_eps: float, batch_first: bool, norm_first: bool, bias: bool, device: Any, dtype: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        place: Any = {"device": device, "dtype": dtype}

        def attention() -> MultiheadAttention:
            return MultiheadAttention(
                d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, **place
            )

        self.self_attn = attention()
        if blocks == 3:
            self.multihead_attn = attention()
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **place)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **place)
        self.norm_first = norm_first
        for k in range(1, blocks + 1):
            setattr(self, f"norm{k}", LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **place))
        for k in range(1, blocks + 1):
            setattr(self, f"dropout{k}", Dropout(dropout))
        self.activation = _activation(activation)

    def _blocks(self, x: Any, *blocks: Callable[[Any], Any]) -> Any:
        """Each block with its residual path, and its norm before or after."""
        for k, block in enumerate(blocks, 1):
            norm, drop = self._modules[f"norm{k}"], self._modules[f"dropout{k}"]
            assert norm is not None and drop is not None
            x = x + drop(block(norm(x))) if self.norm_first else norm(x + drop(block(x)))
        return x

    def _ff(self, x: Any) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Attention to oneself and a network of two layers, each with a residual path and a LayerNorm.

    Source: Vaswani et al., "Attention is all you need" (2017); norm_first: Xiong et al. (2020).
    """

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1, activation: Any = F.relu,
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            2, d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias,
            device, dtype,
        )  # fmt: skip

    def forward(
        self, src: Tensor, src_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Any:  # fmt: skip
        """The new vectors."""

        def attend(x: Any) -> Any:
            return self.self_attn(
                x, x, x, attn_mask=src_mask, key_padding_mask=src_key_padding_mask, need_weights=False,
                is_causal=is_causal,
            )[0]  # fmt: skip

        return self._blocks(src, attend, self._ff)


class TransformerDecoderLayer(_Layer):
    """Attention to oneself, attention to a memory, and a network of two layers."""

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1, activation: Any = F.relu,
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            3, d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias,
            device, dtype,
        )  # fmt: skip

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False, memory_is_causal: bool = False,
    ) -> Any:  # fmt: skip
        """The new vectors."""

        def attend(x: Any) -> Any:
            return self.self_attn(
                x, x, x, attn_mask=tgt_mask, key_padding_mask=tgt_key_padding_mask, need_weights=False,
                is_causal=tgt_is_causal,
            )[0]  # fmt: skip

        def remember(x: Any) -> Any:
            return self.multihead_attn(
                x, memory, memory, attn_mask=memory_mask, key_padding_mask=memory_key_padding_mask,
                need_weights=False, is_causal=memory_is_causal,
            )[0]  # fmt: skip

        return self._blocks(tgt, attend, remember, self._ff)


def _causal(is_causal: bool | None, mask: Any, size: int) -> bool:
    """Whether the mask is the causal one, where the caller does not say."""
    if is_causal is not None:
        return is_causal
    if mask is None or mask._a.shape != (size, size):
        return False
    host = mask._host()
    seen = ~host if host.dtype.kind == "b" else host == 0
    return bool((seen == np.tri(size, dtype=bool)).all())


class TransformerEncoder(Module):
    """A stack of copies of an encoder layer."""

    def __init__(
        self, encoder_layer: Module, num_layers: int, norm: Module | None = None, enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.layers = _clones(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(
        self, src: Tensor, mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Any:  # fmt: skip
        """Pass the input through all layers."""
        first: Any = self.layers[0]
        length = src._a.shape[-2 if src._a.ndim == 2 or first.self_attn.batch_first else 0]
        causal = _causal(is_causal, mask, length)
        out: Any = src
        for layer in self.layers:
            out = layer(
                out, src_mask=mask, is_causal=causal, src_key_padding_mask=src_key_padding_mask
            )
        return out if self.norm is None else self.norm(out)


class TransformerDecoder(Module):
    """A stack of copies of a decoder layer."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = _clones(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Any:  # fmt: skip
        """Pass the target through all layers."""
        first: Any = self.layers[0]
        length = tgt._a.shape[-2 if tgt._a.ndim == 2 or first.self_attn.batch_first else 0]
        causal = _causal(tgt_is_causal, tgt_mask, length)
        out: Any = tgt
        for layer in self.layers:
            out = layer(
                out, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=causal,
                memory_is_causal=memory_is_causal,
            )  # fmt: skip
        return out if self.norm is None else self.norm(out)


class Transformer(Module):
    """An encoder and a decoder. Source: Vaswani et al., "Attention is all you need" (2017)."""

    def __init__(
        self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
        dim_feedforward: int = 2048, dropout: float = 0.1, activation: Any = F.relu, custom_encoder: Any = None,
        custom_decoder: Any = None, layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        own: Any = (
            d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias,
            device, dtype,
        )  # fmt: skip
        place: Any = {"eps": layer_norm_eps, "bias": bias, "device": device, "dtype": dtype}
        self.encoder = custom_encoder
        if custom_encoder is None:
            layer = TransformerEncoderLayer(*own)
            self.encoder = TransformerEncoder(
                layer, num_encoder_layers, LayerNorm(d_model, **place)
            )
        self.decoder = custom_decoder
        if custom_decoder is None:
            other = TransformerDecoderLayer(*own)
            self.decoder = TransformerDecoder(
                other, num_decoder_layers, LayerNorm(d_model, **place)
            )
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def _reset_parameters(self) -> None:
        for p in self.parameters():
            if p.dim() > 1:
                init.xavier_uniform_(p)

    def forward(
        self, src: Tensor, tgt: Tensor, src_mask: Tensor | None = None, tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Any:  # fmt: skip
        """Encode the source and decode the target beside it."""
        axis = 0 if self.batch_first else 1
        if src._a.ndim == 3 and src._a.shape[axis] != tgt._a.shape[axis]:
            raise at_line(
                ShapeError,
                f"Transformer: src {tuple(src._a.shape)} and tgt {tuple(tgt._a.shape)} differ in their batch, dimension {axis} "
                f"(batch_first={self.batch_first})",
            )
        if src._a.shape[-1] != self.d_model or tgt._a.shape[-1] != self.d_model:
            raise at_line(
                ShapeError,
                f"Transformer: src {tuple(src._a.shape)} and tgt {tuple(tgt._a.shape)} must both end in "
                f"d_model={self.d_model} features",
            )
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        return self.decoder(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )  # fmt: skip

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """The causal mask: 0 on and below the diagonal, -inf above."""
        kind = (dtype or get_default_dtype()).np
        host = np.where(np.tri(sz, dtype=bool), 0, -np.inf).astype(kind)
        out: Tensor = made(host, device)
        return out
