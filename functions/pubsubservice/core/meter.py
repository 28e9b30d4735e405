"""Counts the billed store operations of the current request, and keeps the newest store time it has seen."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["Meter", "meter", "start_meter"]


@dataclass
class Meter:
    """The billed store operations of one request, and the newest store time it has seen."""

    reads: int = 0
    writes: int = 0
    deletes: int = 0
    #: newest store time known to have passed, µs; 0 if the request did not use the store
    time: int = 0

    def bill(self, *, reads: int = 0, writes: int = 0, deletes: int = 0, time: int = 0) -> None:
        """Add operations. `time` is a store time that has passed, µs; the meter keeps the newest."""
        self.reads += reads
        self.writes += writes
        self.deletes += deletes
        self.time = max(self.time, time)


_current: ContextVar[Meter | None] = ContextVar("pubsubservice_meter", default=None)


def meter() -> Meter:
    """Return the meter of this thread's current request; outside of a request, start a new one."""
    current = _current.get()
    if current is None:
        current = start_meter()
    return current


def start_meter() -> Meter:
    """Start a new meter for this thread's next request."""
    current = Meter()
    _current.set(current)
    return current
