"""The numbers that the service works with, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Bounds", "Settings"]


@dataclass(frozen=True)
class Bounds:
    """The numbers that ``docs/protocol.md`` promises; the simulation makes them small, to meet them often."""

    #: new events stop when document bytes + 16 × unsettled events pass this
    state_bytes: int = 900_000
    #: with this many open leases nothing is handed out
    leases: int = 1_000
    #: ended tokens that are remembered one by one
    ended: int = 1_000
    #: events in `dead`, and what they may take in the document
    dead: int = 1_000
    dead_bytes: int = 100_000
    #: spans of delayed events
    delayed: int = 5_000
    #: events of a lease of what failed together once; a tenth of it with each further attempt
    failed_as_group: int = 5_000


@dataclass(frozen=True)
class Settings:
    """Limits and times. All but `safety_window_s` are what ``docs/protocol.md`` promises.

    Tests shorten `safety_window_s` and `bounds`.
    """

    #: F: no batch younger than 2F is ever deleted, and no writer trusts a tail it learned F ago. Seconds.
    safety_window_s: float = 300.0
    #: default retention of a topic, seconds
    retention_s: int = 7 * 24 * 3600
    #: default ack deadline of a subscription, seconds
    ack_deadline_s: int = 30
    #: identities of events that a process remembers, about 170 bytes each: every log has an equal share, and its last batch
    known_identities: int = 20_000
    #: the same while publishes say that their first try was long ago: what was read back for one is there for the next
    looked_back_identities: int = 200_000
    #: logs whose tails a process remembers
    known_logs: int = 256
    #: batches that a process keeps, stored bytes
    cache_bytes: int = 8 * 1024 * 1024
    #: requests served at once by one process; half of them may wait in a long poll
    threads: int = 64
    #: how much a subscriber's document holds
    bounds: Bounds = field(default_factory=Bounds)

    @property
    def safety_window_us(self) -> int:
        """F in microseconds of store time."""
        return round(self.safety_window_s * 1_000_000)

    @property
    def min_retention_s(self) -> int:
        """The smallest retention a topic may have (2F), seconds."""
        return max(1, round(2 * self.safety_window_s))

    @property
    def once_us(self) -> int:
        """How far back a publish tried again is recognised (2F), µs."""
        return 2 * self.safety_window_us
