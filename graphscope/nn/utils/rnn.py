"""Sequences of different lengths: padded to one rectangle, or packed without the padding.

A packed sequence holds all first elements, then all second ones, and so on; ``batch_sizes`` says how
many sequences are that long, so a recurrent network computes no padding.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphscope.engine.create import to_device
from graphscope.engine.dispatch import as_tensor
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import RangeError, ShapeError, UsageError
from graphscope.ops import functions as fn

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
    "pad_sequence", "unpack_sequence", "unpad_sequence",
]  # fmt: skip


class _Packed(NamedTuple):
    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


class PackedSequence(_Packed):
    """The data of a packed batch, its batch sizes, and how the sequences were sorted."""

    __slots__ = ()

    def __new__(
        cls, data: Any, batch_sizes: Any = None, sorted_indices: Any = None, unsorted_indices: Any = None
    ) -> PackedSequence:  # fmt: skip
        if batch_sizes is None and isinstance(data, (tuple, list)):
            data, batch_sizes = data[0], data[1]
        if batch_sizes is not None and batch_sizes.device.type != "cpu":
            raise at_line(
                UsageError,
                f"PackedSequence: batch_sizes are on {batch_sizes.device}, they belong on the cpu; pack_sequence() and "
                "pack_padded_sequence() make them so",
            )
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _like(self, data: Any) -> PackedSequence:
        return type(self)(data, self.batch_sizes, self.sorted_indices, self.unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The data in another dtype or on another device."""
        return self._like(self.data.to(*args, **kwargs))

    def cpu(self) -> PackedSequence:
        """The data in host memory."""
        return self.to("cpu")

    def cuda(self) -> PackedSequence:
        """The data on the GPU."""
        return self.to("cuda")

    def double(self) -> PackedSequence:
        """The data as float64."""
        return self._like(self.data.double())

    def float(self) -> PackedSequence:
        """The data as float32."""
        return self._like(self.data.float())

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a GPU."""
        return bool(self.data.device.type == "cuda")


def invert_permutation(permutation: Any) -> Any:
    """The permutation that undoes another; None for None."""
    if permutation is None:
        return None
    return to_device(as_tensor(np.argsort(permutation._host())), permutation.device)


def _lengths(lengths: Any) -> Any:
    host = lengths._host() if isinstance(lengths, Tensor) else np.asarray(lengths)
    return np.asarray(host, np.int64)


def pad_sequence(
    sequences: Any,
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences of different lengths as one tensor (longest, batch, ...), filled up with a value."""
    if padding_side not in ("left", "right"):
        raise at_line(
            RangeError, f"pad_sequence: padding_side={padding_side!r} is neither 'left' nor 'right'"
        )
    rows = list(sequences)
    if not rows:
        raise at_line(RangeError, "pad_sequence: there are no sequences in the list")
    longest = max(r._a.shape[0] for r in rows)
    padded = []
    for r in rows:
        missing = longest - r._a.shape[0]
        if missing:
            fill = np.full((missing, *r._a.shape[1:]), padding_value, r._a.dtype)
            rest = to_device(Tensor(fill), r.device)
            r = fn.cat([rest, r] if padding_side == "left" else [r, rest], 0)
        padded.append(r)
    return fn.stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Any, batch_first: bool = False) -> list[Any]:
    """The sequences of a padded batch, each in its length."""
    whole = padded_sequences if batch_first else fn.transpose(padded_sequences, 0, 1)
    rows: Any = fn.unbind(whole, 0)
    return [row[: int(n)] for row, n in zip(rows, _lengths(lengths), strict=True)]


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack a padded batch. Sequences must come longest first, unless ``enforce_sorted`` is False."""
    sizes = _lengths(lengths)
    order: Any = None
    if not enforce_sorted:
        host = np.argsort(-sizes, kind="stable")
        sizes = sizes[host]
        order = to_device(as_tensor(host), input.device)
        input = fn.index_select(input, 0 if batch_first else 1, order)
    if sizes.size == 0 or sizes[-1] <= 0 or sizes.min() <= 0:
        raise at_line(
            ShapeError,
            f"pack_padded_sequence: lengths={sizes.tolist()}: each sequence has at least one step; leave empty ones out",
        )
    if (np.diff(sizes) > 0).any():
        raise at_line(
            ShapeError,
            f"pack_padded_sequence: lengths={sizes.tolist()} do not fall, and the longest sequence comes first; with "
            "enforce_sorted=False they are sorted here",
        )
    if batch_first:
        input = fn.transpose(input, 0, 1)
    if input._a.shape[1] != sizes.size:
        raise at_line(
            ShapeError,
            f"pack_padded_sequence: {sizes.size} lengths for a batch of {input._a.shape[1]} sequences; is "
            f"batch_first={batch_first} right?",
        )
    counts = (sizes[None, :] > np.arange(sizes[0])[:, None]).sum(1)
    step, column = np.nonzero(sizes[None, :] > np.arange(sizes[0])[:, None])
    places = to_device(as_tensor(step * sizes.size + column), input.device)
    flat = fn.reshape(input[: int(sizes[0])], (-1, *input._a.shape[2:]))
    return PackedSequence(
        fn.index_select(flat, 0, places), as_tensor(counts.astype(np.int64)), order
    )


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The inverse of packing: the padded batch and the lengths."""
    counts = sequence.batch_sizes._host()
    steps, batch = len(counts), int(counts[0])
    if total_length is not None:
        if total_length < steps:
            raise at_line(
                UsageError,
                f"pad_packed_sequence: total_length={total_length} is too short for the longest sequence of {steps} steps",
            )
        steps = total_length
    lengths = (counts[:, None] > np.arange(batch)[None, :]).sum(0)
    data = sequence.data
    # Every place of the rectangle takes a row of the data; the padding takes a row of its own behind them.
    places = np.full((steps, batch), data._a.shape[0])
    inside = np.arange(len(counts))[:, None] < lengths[None, :]
    places[: len(counts)][inside] = np.arange(data._a.shape[0])
    fill = np.full((1, *data._a.shape[1:]), padding_value, data._a.dtype)
    whole = fn.cat([data, to_device(Tensor(fill), data.device)], 0)
    rows = fn.index_select(whole, 0, to_device(as_tensor(places.reshape(-1)), data.device))
    out: Any = fn.reshape(rows, (steps, batch, *data._a.shape[1:]))
    sizes: Any = as_tensor(lengths.astype(np.int64))
    if sequence.unsorted_indices is not None:
        out = fn.index_select(out, 1, sequence.unsorted_indices)
        sizes = sizes[sequence.unsorted_indices.cpu()]
    return (fn.transpose(out, 0, 1) if batch_first else out), sizes


def pack_sequence(sequences: list[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Pack a list of sequences."""
    lengths = [s._a.shape[0] for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Any]:
    """The sequences of a packed batch."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
