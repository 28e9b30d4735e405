"""What the demo's processes tell the one that started them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from demo.metering import Operations

__all__ = ["Advanced", "Arrival", "Failed", "Finished", "Message"]


class Arrival(NamedTuple):
    """An event that a consumer got."""

    id: str
    topic: str
    publisher: str | None
    #: the publisher's own count of its events
    number: int
    recordedtime: datetime
    #: of the payload as it arrived
    digest: str


@dataclass(frozen=True)
class Advanced:
    """So many more events were published, or got."""

    process: str
    events: int


@dataclass(frozen=True)
class Finished:
    """A process has done its work."""

    process: str
    events: int
    #: from its first event to its last, seconds
    seconds: float
    operations: Operations
    #: what a consumer got, in the order in which it came; empty for a publisher
    arrivals: list[Arrival]


@dataclass(frozen=True)
class Failed:
    """A process has ended with an error."""

    process: str
    error: str


Message = Advanced | Finished | Failed
