"""What can be asked of a tensor without computing anything: shape, dtype, device, memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine import storage as memory
from graphscope.engine.device import CPU, device
from graphscope.engine.explain import at_line
from graphscope.engine.size import Size
from graphscope.errors import DTypeError, IndexRangeError

ndarray = np.ndarray


class Facts:
    """The part of Tensor that only looks at its array ``_a``."""

    __slots__ = ()
    _a: Any
    _k: int

    @property
    def shape(self) -> Size:
        """The size of each dimension."""
        return Size(self._a.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        shape = self._a.shape
        if dim is None:
            return Size(shape)
        try:
            return tuple(shape)[dim]
        except IndexError:
            raise _no_dimension("size", dim, shape) from None

    def dim(self) -> int:
        """Number of dimensions."""
        return int(self._a.ndim)

    ndimension = dim

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return int(self._a.ndim)

    def numel(self) -> int:
        """Number of elements."""
        return int(self._a.size)

    nelement = numel

    @property
    def dtype(self) -> dtypes.dtype:
        """The element type."""
        return dtypes.FROM_NUMPY[self._a.dtype]

    @property
    def device(self) -> device:
        """Where the tensor lives."""
        if type(self._a) is ndarray:
            return CPU
        from graphscope.engine.backend import backend_of_type

        return device(backend_of_type(type(self._a)).name)

    def get_device(self) -> int:
        """The number of the GPU, -1 for the cpu."""
        where = self.device
        return -1 if where.type == "cpu" else where.index or 0

    @property
    def is_cuda(self) -> bool:
        """Whether the tensor is on an NVIDIA GPU."""
        return self.device.type == "cuda"

    @property
    def is_cpu(self) -> bool:
        """Whether the tensor is on the host."""
        return type(self._a) is ndarray

    # What GraphScope has not, so that programs which ask get their answer.
    is_sparse = is_quantized = is_meta = is_mps = is_xpu = is_mkldnn = is_nested = False
    layout = memory.strided

    def is_floating_point(self) -> bool:
        """Whether the elements are floating numbers."""
        return bool(self._a.dtype.kind == "f")

    def is_complex(self) -> bool:
        """False: GraphScope has no complex tensors."""
        return False

    def is_signed(self) -> bool:
        """Whether the elements can be negative."""
        return self._a.dtype.kind in "fi"

    def is_same_size(self, other: Any) -> bool:
        """Whether both tensors have one shape."""
        return tuple(self._a.shape) == tuple(other._a.shape)

    # ---------------------------------------------------------------- memory

    def element_size(self) -> int:
        """Bytes of one element."""
        return int(self._a.itemsize)

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return int(self._a.itemsize)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return int(self._a.size * self._a.itemsize)

    def stride(self, dim: int | None = None) -> Any:
        """How many elements to go in memory for one step in each dimension, or in one."""
        item = self._a.itemsize
        if self._a.size:
            strides = tuple([s // item for s in self._a.strides])
        else:  # numpy says 0 where there are no elements; torch says what it would be
            strides = tuple(
                math.prod(max(s, 1) for s in self._a.shape[d + 1 :]) for d in range(self._a.ndim)
            )
        if dim is None:
            return strides
        try:
            return strides[dim]
        except IndexError:
            raise _no_dimension("stride", dim, strides) from None

    def storage_offset(self) -> int:
        """Elements between the beginning of the memory and the tensor's first element."""
        return memory.offset(self._a)

    def data_ptr(self) -> int:
        """Address of the first element."""
        return memory.pointer(self._a) if self._a.size else 0

    def untyped_storage(self) -> memory.UntypedStorage:
        """The memory that this tensor shares with its views."""
        return memory.UntypedStorage(self._a, self.device)

    storage = untyped_storage

    def is_contiguous(self, memory_format: Any = memory.contiguous_format) -> bool:
        """Whether the elements lie in memory in the order of their indices."""
        a = self._a
        if memory_format is memory.channels_last and a.ndim == 4:
            a = a.transpose(0, 2, 3, 1)
        return bool(a.flags.c_contiguous)

    def is_pinned(self) -> bool:
        """False: GraphScope does not pin host memory."""
        return False

    def is_shared(self) -> bool:
        """Whether other processes see this memory: only on a GPU."""
        return self.is_cuda

    @property
    def output_nr(self) -> int:
        """Which output of its op this tensor is."""
        return self._k

    @property
    def real(self) -> Any:
        """The tensor itself, since it is real."""
        return self

    @property
    def imag(self) -> Any:
        """Raises: DTypeError, since tensors are real."""
        raise at_line(
            DTypeError, "imag is for complex tensors, and GraphScope has none; this one is real"
        )


def _no_dimension(what: str, dim: int, shape: Any) -> BaseException:
    n = len(shape)
    if n == 0:
        return at_line(IndexRangeError, f"{what}({dim}): a 0-d tensor has no dimensions")
    return at_line(
        IndexRangeError,
        f"{what}({dim}): dim {dim} does not exist: a tensor of {n} dimensions takes a dim in {-n}..{n - 1}",
    )
