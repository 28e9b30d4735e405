"""How much a subscriber's document holds: bounds that keep it below Firestore's 1 MiB."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Bounds"]


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
    together: int = 5_000
