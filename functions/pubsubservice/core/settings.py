"""Limits and times of the service, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Bounds", "Settings"]


@dataclass(frozen=True)
class Bounds:
    """Limits of a subscriber's document, as ``docs/protocol.md`` promises them. The simulation uses small ones."""

    #: above this sum of document bytes + 16 × unsettled events, the subscriber gets no new events
    state_bytes: int = 900_000
    #: with this many open leases, the subscriber gets no events
    leases: int = 1_000
    #: tokens of ended leases that the document lists one by one
    ended: int = 1_000
    #: events that wait to become dead letters, and their bytes in the document
    dead: int = 1_000
    dead_bytes: int = 100_000
    #: spans of delayed events
    delayed: int = 5_000
    #: events leased together after they failed as a group once; each further attempt leases a tenth of that
    failed_as_group: int = 5_000


@dataclass(frozen=True)
class Settings:
    """Limits and times of one process. Tests shorten `safety_window_s` and `bounds`."""

    #: F in ``docs/architecture.md``, seconds. Retention deletes no batch younger than 2F, and a writer whose knowledge of
    #: the tail is F old reads the tail again
    safety_window_s: float = 300.0
    #: default retention of a topic, seconds
    retention_s: int = 7 * 24 * 3600
    #: default ack deadline of a subscription, seconds
    ack_deadline_s: int = 30
    #: event identities that a process keeps for deduplication, about 170 bytes each. Every log has an equal share; the
    #: identities of its last batch are always kept
    known_identities: int = 20_000
    #: the same limit for a log that lately read older batches back, for a publish that was first tried long ago: the next
    #: such publish finds them in memory
    looked_back_identities: int = 200_000
    #: batches older than the deduplication window that one publish may be compared with (`far`)
    far_batches: int = 10_000
    #: logs whose tails a process keeps
    known_logs: int = 256
    #: size of a process's batch cache, stored bytes
    cache_bytes: int = 8 * 1024 * 1024
    #: requests that one process serves at once; half of them may wait in a long poll
    threads: int = 64
    #: limits of a subscriber's document
    bounds: Bounds = field(default_factory=Bounds)

    @property
    def safety_window_us(self) -> int:
        """F in microseconds of store time."""
        return round(self.safety_window_s * 1_000_000)

    @property
    def min_retention_s(self) -> int:
        """The smallest retention that a topic may have (2F), seconds."""
        return max(1, round(2 * self.safety_window_s))

    @property
    def once_us(self) -> int:
        """The deduplication window: how long a retried publish is recognised (2F), µs."""
        return 2 * self.safety_window_us
