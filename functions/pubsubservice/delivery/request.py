"""A request for events, the response to it, and what a request without events waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from pubsubservice.delivery.slices import Slice
from pubsubservice.subscribers.leases import Settlements

__all__ = ["GetEvents", "GetEventsResponse", "Watch"]


class GetEvents(NamedTuple):
    """A checked request for events."""

    subscriber: str
    settlements: Settlements = Settlements()
    #: the caller's token for the new lease; the service makes one when None
    lease: str | None = None
    #: 0: only settle, and hand out nothing
    max_events: int = 1_000
    wait_s: float = 0.0
    #: events that come during the wait end it without a lease, because the caller may be gone; its next request gets them
    wake: bool = False


class GetEventsResponse(NamedTuple):
    """The result of a call."""

    #: new and due events never mix: all events of a response have the same attempt
    slices: Sequence[Slice] = ()
    attempt: int = 1
    lease: str | None = None
    #: when the lease expires, µs; 0 without a lease
    until: int = 0
    #: more events may be available now
    more: bool = False
    #: ordered topics among the slices: a client that nacks or releases an event must drop the newer ones of its topic
    ordered: Sequence[str] = ()
    #: the token's lease has ended: the client must use another token
    over: bool = False
    #: why events are held back: "leases", "dead", "delayed", "logs" or "ordered"
    blocked: str | None = None
    #: (verb, token) of settlements that did not count
    unknown: Sequence[tuple[str, str]] = ()
    #: count of events lost to retention, per topic
    lost: Mapping[str, int] = MappingProxyType({})
    #: too many calls wait already in this process: try again a little later
    crowded: bool = False
    #: the wait ended because events came: the caller's next request gets them
    woken: bool = False


class Watch(NamedTuple):
    """What a call without events may wait for."""

    #: documents that change when there are new events
    paths: list[str]
    #: seconds until the state changes by the passing of time; None if it does not
    due_s: float | None
