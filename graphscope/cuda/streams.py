"""Streams (queues of GPU work) and events (points in them)."""

from __future__ import annotations

from typing import Any

from graphscope.cuda._gpu import gpu
from graphscope.errors import UsageError


class Stream:
    """A queue of GPU work of its own: it may overlap with the work of other streams."""

    def __init__(self, device: Any = None, priority: int = 0, *, stream: Any = None) -> None:
        self._gpu = gpu(device)
        self._stream = self._gpu.new_stream() if stream is None else stream
        self.priority = priority

    def synchronize(self) -> None:
        """Wait until the work in this stream is done."""
        self._gpu.stream_synchronize(self._stream)

    def query(self) -> bool:
        """Whether the work in this stream is done; never waits."""
        return bool(self._gpu.stream_query(self._stream))

    def wait_event(self, event: Event) -> None:
        """Later work in this stream begins after the event."""
        self._gpu.stream_wait(self._stream, event._mark("wait_event"))

    def wait_stream(self, stream: Stream) -> None:
        """Later work in this stream begins after what is in the other one now."""
        self.wait_event(stream.record_event())

    def record_event(self, event: Event | None = None) -> Event:
        """An event at the end of the work in this stream."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and (
            self._stream is other._stream or self._stream == other._stream
        )

    def __hash__(self) -> int:
        return hash(self._stream)

    def __repr__(self) -> str:
        return f"<torch.cuda.Stream device={self._gpu.name}>"


class Event:
    """A point in a stream's work: wait for it, or measure the time between two."""

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False
    ) -> None:
        self._gpu = gpu()
        self.enable_timing = enable_timing
        self._at: Any = None

    def _mark(self, what: str) -> Any:
        if self._at is None:
            raise UsageError(f"{what}: this event was not recorded yet; call event.record() first")
        return self._at

    def record(self, stream: Stream | None = None) -> None:
        """Put the event behind all work that the stream (the current one) has now."""
        where = self._gpu.current_stream() if stream is None else stream._stream
        self._at = self._gpu.new_event(where)

    def query(self) -> bool:
        """Whether the work before the event is done; never waits."""
        return self._at is None or bool(self._gpu.event_query(self._at))

    def synchronize(self) -> None:
        """Wait until the work before the event is done."""
        if self._at is not None:
            self._gpu.event_synchronize(self._at)

    def wait(self, stream: Stream | None = None) -> None:
        """Later work in the stream (the current one) begins after the event."""
        (current_stream() if stream is None else stream).wait_event(self)

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds of GPU time from this event to another; both must have happened.

        Raises: UsageError for events that were made without ``enable_timing=True``.
        """
        if not (self.enable_timing and end_event.enable_timing):
            raise UsageError(
                "elapsed_time: both events need timing; make them with cuda.Event(enable_timing=True)"
            )
        begin, end = self._mark("elapsed_time"), end_event._mark("elapsed_time")
        return float(self._gpu.event_elapsed_ns(begin, end)) / 1e6

    def __repr__(self) -> str:
        return f"<torch.cuda.Event {'not recorded' if self._at is None else 'recorded'}>"


def current_stream(device: Any = None) -> Stream:
    """The stream that this thread's work goes to."""
    return Stream(device, stream=gpu(device).current_stream())


def default_stream(device: Any = None) -> Stream:
    """The stream that work goes to if none was chosen."""
    return Stream(device, stream=gpu(device).default_stream())


def set_stream(stream: Stream | None) -> None:
    """This thread's work goes to ``stream`` from here."""
    if stream is not None:
        stream._gpu.set_stream(stream._stream)


class stream:  # noqa: N801 - torch's name
    """``with cuda.stream(s):`` work goes to ``s``; None changes nothing."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream
        self._before: Stream | None = None

    def __enter__(self) -> None:
        if self.stream is not None:
            self._before = current_stream()
            set_stream(self.stream)

    def __exit__(self, *exc: object) -> None:
        set_stream(self._before)
        self._before = None


StreamContext = stream
