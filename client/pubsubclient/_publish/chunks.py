"""Splits the events of one publish call into requests, and encodes the requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pubsubclient._core.errors import InvalidArgument
from pubsubclient._core.json import encode
from pubsubclient._events.event import Event
from pubsubclient._events.topic import Topic
from pubsubclient._publish.receipts import Receipt

__all__ = ["Request", "RequestChunks", "encode_request", "first_try_us", "new_event"]

#: limits of one request
_MAX_EVENTS = 10_000
_MAX_BYTES = 4 * 1024 * 1024
#: bytes reserved for the other members of a request: two names, a time and a delay
_ENVELOPE_BYTES = 1024

#: arguments of publish that become members of the event that it makes
_MEMBERS = ("data", "type", "subject", "id", "time", "attributes")


class Request(NamedTuple):
    """The events of one request, all of one topic."""

    topic: str
    #: their indices among the events of the call
    indices: Sequence[int]
    #: their JSON, one line each
    lines: Sequence[bytes]


class RequestChunks:
    """Splits events into requests, by topic, in order, and collects their receipts in the order of the call.

    The constructor encodes all events, so that an event that cannot be encoded fails before the first request is sent.

    Args:
        events: the events of the call
        source: the source of events that have none yet
        store: a name that identifies the store that the events go to

    Raises:
        InvalidArgument: a single event is too large
    """

    def __init__(self, events: Sequence[Event], source: str, store: str) -> None:
        self.events = events
        self._store = store
        #: indices of events that an earlier call may have stored
        self._tried_before = [index for index, event in enumerate(events) if event.was_tried(store)]
        self.receipts: list[Receipt | None] = [None] * len(events)
        self._lines = [event.encode(source) for event in events]
        self._max_bytes = _MAX_BYTES - _ENVELOPE_BYTES
        indices: dict[str, list[int]] = {}
        for index, event in enumerate(events):
            indices.setdefault(event.topic, []).append(index)
        #: topics with events still to send, and the indices of their events; the current topic is last
        self._topics = list(reversed(indices.items()))
        #: how many events of the current topic are in requests already
        self._taken = 0

    def next(self) -> Request | None:
        """Return the next request: as many events of the current topic as fit. None when all events are in requests."""
        while self._topics and self._taken == len(self._topics[-1][1]):
            self._topics.pop()
            self._taken = 0
        if not self._topics:
            return None
        topic, indices = self._topics[-1]
        start = stop = self._taken
        size = 0
        for index in indices[start : start + _MAX_EVENTS]:
            size += len(self._lines[index]) + 1
            if size > self._max_bytes and stop > start:
                break
            stop += 1
        self._taken = stop
        return Request(topic, indices[start:stop], [self._lines[index] for index in indices[start:stop]])

    def split(self, request: Request) -> bool:
        """Put the events of the last request, which was too large for the service, into smaller requests.

        The service's limit depends on how well events compress, which only the service knows. So the byte limit is halved,
        for all later requests too. Returns False for a request of a single event, which cannot be split.
        """
        if len(request.indices) == 1:
            return False
        self._max_bytes = sum(len(line) + 1 for line in request.lines) // 2
        self._taken -= len(request.indices)
        return True

    def add_receipts(self, request: Request, receipts: Sequence[Receipt]) -> None:
        """Keep the receipts of a request, one for each of its events."""
        for index, receipt in zip(request.indices, receipts, strict=True):
            self.receipts[index] = receipt

    def unstored(self) -> list[Event]:
        """The events without a receipt, in the order of the call."""
        return [event for event, receipt in zip(self.events, self.receipts, strict=True) if receipt is None]

    def since_us(self, request: Request, now_us: int | None) -> int | None:
        """Return a store time before the first try of any event of a request, µs; None if one of them is not known.

        Each event remembers its own, in case it is published again.
        """
        return first_try_us([self.events[index] for index in request.indices], self._store, now_us)

    def mark_unstored(self, request: Request) -> bool:
        """Let the events of `request`, which had no effect, forget their first try.

        Returns False, and keeps the first tries, if an earlier call may have stored an event that has no receipt.
        """
        if any(self.receipts[index] is None for index in self._tried_before):
            return False
        for index in request.indices:
            self.events[index].forget_try(self._store)
        return True


def new_event(topic: Topic | str, data: tuple[Any, ...], members: Mapping[str, Any]) -> Event:
    """Make the event for a publish of data to a topic. Raises InvalidArgument."""
    if not members and len(data) <= 1:
        return Event(topic, *data)
    if len(data) + ("data" in members) > 1:
        raise InvalidArgument(f"publish(topic, data) takes one value of data; got {len(data) + ('data' in members)}.")
    unknown = members.keys() - _MEMBERS
    if unknown:
        raise InvalidArgument(f"publish: {', '.join(sorted(unknown))}: expected {', '.join(_MEMBERS)}.")
    return Event(topic, *data, **members)


def first_try_us(events: Iterable[Event], store: str, now_us: int | None) -> int | None:
    """Return a store time before the first try of any event, µs; None if one is not known. New events get `now_us`."""
    this_try = store, now_us
    first_tries = {event.first_try(this_try) for event in events}
    return None if None in first_tries else min(first_tries)  # type: ignore[type-var]


def encode_request(
    request: Request, publisher: str, since_us: int | None, delay_s: float | None = None, *, far: bool = False
) -> bytes:
    """Encode the body of a publish request; the events are JSON already.

    With `far`, the service recognises events that were stored since `since_us`, however long ago that is.
    """
    head: dict[str, object] = {"topic": request.topic, "publisher": publisher}
    if since_us is not None:
        head["since"] = since_us
        if far:
            head["far"] = True
    if delay_s is not None:
        head["delay_s"] = delay_s
    return encode(head)[:-1] + b',"events":[' + b",".join(request.lines) + b"]}"
