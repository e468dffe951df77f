"""Every exception that GraphScope raises on purpose.

    GraphScopeError
    ├── ShapeError      (also ValueError, RuntimeError)  shapes do not fit an op
    ├── DTypeError      (also TypeError, RuntimeError)   a dtype cannot do what is asked
    ├── DeviceError     (also RuntimeError)              tensors live on different devices, or none is there
    │   └── OutOfMemory                                  a device's memory limit is reached
    ├── AutogradError   (also RuntimeError)              backward cannot be done
    ├── TraceError      (also ValueError)                a trace file cannot be opened or is damaged
    └── UsageError      (also ValueError)                an option or argument of ours makes no sense

The second base is what torch raises in the same place, so that course code which catches
``RuntimeError`` keeps working. A message has four parts: what failed with which shapes and names,
the rule, the likely fix, and where (the user's line).
"""

from __future__ import annotations


class GraphScopeError(Exception):
    """Base of all; catch this to catch everything that GraphScope raises on purpose."""


class ShapeError(GraphScopeError, ValueError, RuntimeError):
    """Shapes that do not fit together."""


class DTypeError(GraphScopeError, TypeError, RuntimeError):
    """A dtype that cannot do what is asked."""


class DeviceError(GraphScopeError, RuntimeError):
    """Tensors on different devices, or a device that is not there."""


class OutOfMemory(DeviceError):
    """A device's memory limit is reached."""


class AutogradError(GraphScopeError, RuntimeError):
    """A gradient that cannot be computed."""


class TraceError(GraphScopeError, ValueError):
    """A file that is no trace, is damaged, or was written by a newer version."""


class UsageError(GraphScopeError, ValueError):
    """An option or argument that makes no sense."""
