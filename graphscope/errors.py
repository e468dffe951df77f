"""Every exception that GraphScope raises on purpose.

    GraphScopeError
    ├── ShapeError      (also ValueError, RuntimeError)  shapes do not fit an op
    │   └── ShapeAssertion (also AssertionError)         the same, where torch asserts
    ├── IndexRangeError (also IndexError, RuntimeError)  an index is outside of its dimension, or is none
    ├── LinAlgError     (also RuntimeError)              a matrix has no inverse or no such factorization
    ├── DTypeError      (also TypeError, RuntimeError)   a dtype cannot do what is asked
    ├── DeviceError     (also RuntimeError)              tensors live on different devices, or none is there
    │   └── OutOfMemory                                  a device's memory limit is reached
    ├── AutogradError   (also RuntimeError)              backward cannot be done
    ├── NonFiniteError  (also ArithmeticError)           a loss or gradient is not finite, and the run asked to stop
    ├── TraceError      (also ValueError)                a trace file cannot be opened or is damaged
    ├── CheckpointError (also RuntimeError)              a file of saved tensors cannot be read or written
    │   └── UnsafeFile  (also pickle.UnpicklingError)    a file asks for code; nothing of it was run
    └── UsageError      (also ValueError)                an option or argument of ours makes no sense
        ├── UsageTypeError  (also TypeError)             an argument of the wrong kind
        ├── UsageAssertion  (also AssertionError)        an option, where torch asserts
        └── RangeError      (also RuntimeError)          a number that the op cannot work with

The second base is what torch raises in the same place, so that course code which catches
``RuntimeError`` keeps working. A message has four parts: what failed with which shapes and names,
the rule, the likely fix, and where (the user's line).
"""

from __future__ import annotations

from pickle import UnpicklingError


class GraphScopeError(Exception):
    """Base of all; catch this to catch everything that GraphScope raises on purpose."""


class ShapeError(GraphScopeError, ValueError, RuntimeError):
    """Shapes that do not fit together."""


class ShapeAssertion(ShapeError, AssertionError):
    """Shapes that do not fit, in a place where torch asserts that they do."""


class IndexRangeError(GraphScopeError, IndexError, RuntimeError):
    """An index outside of its dimension, too many of them, or a thing that is no index."""


class LinAlgError(GraphScopeError, RuntimeError):
    """A matrix that is singular, or not positive-definite, or whose factorization does not converge."""


class DTypeError(GraphScopeError, TypeError, RuntimeError):
    """A dtype that cannot do what is asked."""


class DeviceError(GraphScopeError, RuntimeError):
    """Tensors on different devices, or a device that is not there."""


class OutOfMemory(DeviceError):
    """A device's memory limit is reached."""


class AutogradError(GraphScopeError, RuntimeError):
    """A gradient that cannot be computed."""


class NonFiniteError(GraphScopeError, ArithmeticError):
    """A loss or a gradient is NaN or infinite in a run that was told to stop there."""


class TraceError(GraphScopeError, ValueError):
    """A file that is no trace, is damaged, or was written by a newer version."""


class CheckpointError(GraphScopeError, RuntimeError):
    """A file of saved tensors that cannot be read or written."""


class UnsafeFile(CheckpointError, UnpicklingError):
    """A saved file that asks for something that is not data."""


class UsageError(GraphScopeError, ValueError):
    """An option or argument that makes no sense."""


class UsageTypeError(UsageError, TypeError):
    """An argument of the wrong kind."""


class UsageAssertion(UsageError, AssertionError):
    """An option that makes no sense, in a place where torch asserts that it does."""


class RangeError(UsageError, RuntimeError):
    """A number that an op cannot work with: a negative deviation, a step of zero."""
