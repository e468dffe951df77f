"""Tables of vectors, looked up by number."""

from __future__ import annotations

from typing import Any

from graphscope.engine.create import empty
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeAssertion
from graphscope.nn import functional as F
from graphscope.nn import init
from graphscope.nn.functional.common import error
from graphscope.nn.functional.embedding import row_of
from graphscope.nn.module import Module
from graphscope.nn.parameter import Parameter

__all__ = ["Embedding", "EmbeddingBag"]


def _sizes(name: str, embeddings: Tensor) -> tuple[int, int]:
    """Rows and columns of a table that was trained before."""
    if embeddings._a.ndim != 2:
        raise error(
            ShapeAssertion,
            f"{name}.from_pretrained: a table has a row for each number and a column for each feature, this one "
            f"is {tuple(embeddings._a.shape)}",
        )
    rows, dim = embeddings._a.shape
    return rows, dim


class _Table(Module):
    padding_idx: int | None

    def _set(
        self, rows: int, dim: int, padding_idx: int | None, weight: Any, freeze: bool, device: Any, dtype: Any
    ) -> None:  # fmt: skip
        self.num_embeddings = rows
        self.embedding_dim = dim
        self.padding_idx = None if padding_idx is None else row_of(padding_idx, rows)
        if weight is not None and tuple(weight.shape) != (rows, dim):
            raise error(
                ShapeAssertion,
                f"{self._get_name()}: the given table is {tuple(weight.shape)}, (num_embeddings, embedding_dim) is "
                f"{(rows, dim)}",
            )
        given = weight is not None
        table = weight if given else empty((rows, dim), dtype=dtype, device=device)
        self.weight = Parameter(table, requires_grad=not freeze)
        if not given:
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new vectors from N(0, 1); the padding row is zero."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight._a[self.padding_idx] = 0

    def _text(self) -> str:
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        own: Any = self.__dict__
        if self.padding_idx is not None:
            parts.append(f"padding_idx={self.padding_idx}")
        if own["max_norm"] is not None:
            parts.append(f"max_norm={own['max_norm']}")
        if own["norm_type"] != 2:
            parts.append(f"norm_type={own['norm_type']}")
        if own["scale_grad_by_freq"]:
            parts.append(f"scale_grad_by_freq={own['scale_grad_by_freq']}")
        return ", ".join(parts)


class Embedding(_Table):
    """A table of vectors, looked up by number; vectors start from N(0, 1)."""

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, _weight: Any = None,
        _freeze: bool = False, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        self._set(num_embeddings, embedding_dim, padding_idx, _weight, _freeze, device, dtype)

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
    ) -> Embedding:  # fmt: skip
        """A layer around a matrix of vectors, not trained unless ``freeze`` is false."""
        rows, dim = _sizes(cls.__name__, embeddings)
        return cls(
            rows,
            dim,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
            embeddings,
            freeze,
        )

    def forward(self, input: Tensor) -> Tensor:
        """The vectors of these numbers."""
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq,
            self.sparse,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """Sizes, as torch shows them."""
        return self._text() + (", sparse=True" if self.sparse else "")


class EmbeddingBag(_Table):
    """Sums or means of vectors of a table, a bag of numbers at a time."""

    def __init__(
        self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0,
        scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, _weight: Any = None,
        include_last_offset: bool = False, padding_idx: int | None = None, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset
        self._set(num_embeddings, embedding_dim, padding_idx, _weight, False, device, dtype)

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, max_norm: float | None = None, norm_type: float = 2.0,
        scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
        include_last_offset: bool = False, padding_idx: int | None = None,
    ) -> EmbeddingBag:  # fmt: skip
        """A layer around a matrix of vectors, not trained unless ``freeze`` is false."""
        rows, dim = _sizes(cls.__name__, embeddings)
        layer = cls(
            rows, dim, max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings, include_last_offset,
            padding_idx,
        )  # fmt: skip
        layer.weight.requires_grad_(not freeze)
        return layer

    def forward(self, input: Tensor, offsets: Any = None, per_sample_weights: Any = None) -> Tensor:
        """The sum or mean of each bag: a row of ``input``, or what starts at each of ``offsets``."""
        return F.embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode,
            self.sparse, per_sample_weights, self.include_last_offset, self.padding_idx,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """Sizes and mode, as torch shows them."""
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        if self.max_norm is not None:
            parts.append(f"max_norm={self.max_norm}")
        if self.norm_type != 2:
            parts.append(f"norm_type={self.norm_type}")
        if self.scale_grad_by_freq is not False:
            parts.append(f"scale_grad_by_freq={self.scale_grad_by_freq}")
        parts.append(f"mode={self.mode!r}")
        if self.padding_idx is not None:
            parts.append(f"padding_idx={self.padding_idx}")
        return ", ".join(parts)
