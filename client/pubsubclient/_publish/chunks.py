"""The events of one call of publish, on their way into requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pubsubclient._core.errors import InvalidArgument
from pubsubclient._core.json import encode
from pubsubclient._events.event import Event
from pubsubclient._events.topic import Topic
from pubsubclient._publish.receipts import Receipt

__all__ = ["Request", "RequestChunks", "encode_request", "event_of", "first_try_us"]

#: of one request
_MAX_EVENTS = 10_000
_MAX_BYTES = 4 * 1024 * 1024
#: room for what a request holds beside its events: two names and a time
_ENVELOPE_BYTES = 1024

#: what publish takes for the event that it makes
_MEMBERS = ("data", "type", "subject", "id", "time", "attributes")


class Request(NamedTuple):
    """Events of one topic that fit one request."""

    topic: str
    #: where they stand in the call
    places: Sequence[int]
    #: their JSON
    lines: Sequence[bytes]


class RequestChunks:
    """Cuts events into requests, by topic, in order, and collects their receipts in the order of the call.

    Everything is encoded before the first request is sent, so that an event that cannot be sent stops nothing
    half-way.

    Args:
        events: what was given to publish
        source: of events that have none yet
        store: where they go, by a name that tells stores apart

    Raises:
        InvalidArgument: an event alone is too large
    """

    def __init__(self, events: Sequence[Event], source: str, store: str) -> None:
        self.events = events
        self._store = store
        #: events that may be stored by an earlier call
        self._tried_before = [place for place, event in enumerate(events) if store in event.first_tries]
        self.receipts: list[Receipt | None] = [None] * len(events)
        self._lines = [event.encode(source) for event in events]
        self._max_bytes = _MAX_BYTES - _ENVELOPE_BYTES
        places: dict[str, list[int]] = {}
        for place, event in enumerate(events):
            places.setdefault(event.topic, []).append(place)
        #: the topics that are still to be sent, the current one last
        self._topics = list(reversed(places.items()))
        #: events of the current topic that are in requests
        self._taken = 0

    def next(self) -> Request | None:
        """The next events to send: as many of the current topic as fit one request."""
        while self._topics and self._taken == len(self._topics[-1][1]):
            self._topics.pop()
            self._taken = 0
        if not self._topics:
            return None
        topic, places = self._topics[-1]
        start = stop = self._taken
        size = 0
        for place in places[start : start + _MAX_EVENTS]:
            size += len(self._lines[place]) + 1
            if size > self._max_bytes and stop > start:
                break
            stop += 1
        self._taken = stop
        return Request(topic, places[start:stop], [self._lines[place] for place in places[start:stop]])

    def too_large(self, request: Request) -> bool:
        """The service would not take the last request whole: its events come again, in smaller ones.

        Only the service knows how far they compress; the smaller size is kept for what follows. Returns False
        for a single event, which cannot be made smaller.
        """
        if len(request.places) == 1:
            return False
        self._max_bytes = sum(len(line) + 1 for line in request.lines) // 2
        self._taken -= len(request.places)
        return True

    def stored(self, request: Request, receipts: Sequence[Receipt]) -> None:
        """Take the receipts of a request, one for each of its events."""
        for place, receipt in zip(request.places, receipts, strict=True):
            self.receipts[place] = receipt

    def left(self) -> list[Event]:
        """The events without a receipt, in the order of the call."""
        return [event for event, receipt in zip(self.events, self.receipts, strict=True) if receipt is None]

    def since_us(self, request: Request, now_us: int | None) -> int | None:
        """The store time before any event of a request was tried first, µs; None if it is not known of all.

        Remembered on each event, for the case that it is published again.
        """
        return first_try_us([self.events[place] for place in request.places], self._store, now_us)

    def surely_not_stored(self, request: Request) -> bool:
        """Judge the events without a receipt, when `request` surely did nothing and the others were not sent.

        Events that an earlier call tried may be stored by that. The tries of the others are forgotten.
        """
        if any(self.receipts[place] is None for place in self._tried_before):
            return False
        for place in request.places:
            self.events[place].first_tries.pop(self._store, None)
        return True


def event_of(topic: Topic | str, data: tuple[Any, ...], members: Mapping[str, Any]) -> Event:
    """The event that publish makes of a topic, data and named arguments. Raises InvalidArgument."""
    if len(data) + ("data" in members) > 1:
        raise InvalidArgument(f"publish(topic, data) takes one value of data; got {len(data) + ('data' in members)}.")
    unknown = members.keys() - _MEMBERS
    if unknown:
        raise InvalidArgument(f"publish: {', '.join(sorted(unknown))}: expected {', '.join(_MEMBERS)}.")
    return Event(topic, *data, **members)


def first_try_us(events: Iterable[Event], store: str, now_us: int | None) -> int | None:
    """The store time before any of these events was tried first, µs, which is now for new ones; None if not known."""
    sinces = [event.first_tries.setdefault(store, now_us) for event in events]
    known = [since for since in sinces if since is not None]
    return min(known) if len(known) == len(sinces) else None


def encode_request(request: Request, publisher: str, since_us: int | None, delay_s: float | None = None) -> bytes:
    """The body of a request."""
    head: dict[str, object] = {"topic": request.topic, "publisher": publisher}
    if since_us is not None:
        head["since"] = since_us
    if delay_s is not None:
        head["delay_s"] = delay_s
    return encode(head)[:-1] + b',"events":[' + b",".join(request.lines) + b"]}"
