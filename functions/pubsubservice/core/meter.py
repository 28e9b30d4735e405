"""What the request under way costs: billed store operations, and the newest store time it has met."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["Meter", "meter", "start_meter"]


@dataclass
class Meter:
    """What one request cost in billed store operations, and the newest store time it has met."""

    reads: int = 0
    writes: int = 0
    deletes: int = 0
    #: newest store time known to have passed, µs; 0 when the store was not touched
    time: int = 0

    def bill(self, *, reads: int = 0, writes: int = 0, deletes: int = 0, time: int = 0) -> None:
        """Add operations; `time` is a store time that has passed."""
        self.reads += reads
        self.writes += writes
        self.deletes += deletes
        self.time = max(self.time, time)


_current: ContextVar[Meter | None] = ContextVar("pubsubservice_meter", default=None)


def meter() -> Meter:
    """The meter of the request under way in this thread (a fresh one outside of any request)."""
    current = _current.get()
    if current is None:
        current = start_meter()
    return current


def start_meter() -> Meter:
    """Begin metering a request in this thread."""
    current = Meter()
    _current.set(current)
    return current
