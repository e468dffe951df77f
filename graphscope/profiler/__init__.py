"""torch.profiler's names on the recorder: scripts that profile themselves with torch's API run as they are.

``graphscope.profile(run)`` writes a run that stays; ``graphscope.profiler.profile(...)`` is torch's class.
"""

from graphscope.profiler.handlers import tensorboard_trace_handler
from graphscope.profiler.profiler import ProfilerActivity, profile, supported_activities
from graphscope.record.schedule import ProfilerAction, schedule
from graphscope.record.scope import scope as record_function

__all__ = [
    "ProfilerAction", "ProfilerActivity", "profile", "record_function", "schedule", "supported_activities",
    "tensorboard_trace_handler",
]  # fmt: skip
