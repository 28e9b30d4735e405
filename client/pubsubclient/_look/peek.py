"""Peeks at topics: events without a subscriber."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pubsubclient._core.arguments import Seconds, check_count, check_seconds
from pubsubclient._core.errors import InvalidArgument
from pubsubclient._core.filters import Filters, check_filters
from pubsubclient._core.json import encode
from pubsubclient._core.names import check_name
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._events.topic import Topic
from pubsubclient._http.caller import current_caller
from pubsubclient._http.config import find_service
from pubsubclient._http.responses import bad_response
from pubsubclient._http.service import Address, Service
from pubsubclient._http.transport import Transport
from pubsubclient._subscribe.arguments import Topics, check_position, topics_name
from pubsubclient._subscribe.fetch import MAX_EVENTS
from pubsubclient.signals.wildcard import AnyType

__all__ = ["Peek", "follow", "peek"]

_MAX_NEWEST = 1_000
#: the longest wait of one request, seconds
_MAX_WAIT_S = 20


@dataclass(frozen=True)
class Peek:
    """Events of topics, and where to read on. Whoever looks changes nothing: subscribers get these events all the same."""

    #: in the order in which subscribers get them; they cannot be settled. An event that was published with a delay has the
    #: attribute ``duetime``, when subscribers get it
    events: Sequence[ReceivedEvent]
    #: text that stands for the topics, the filters and the place behind these events; `peek` takes it, in any process
    cursor: str
    #: whether more events may be available right now
    more: bool
    #: for each topic, how many events retention deleted before this peek read them
    lost: Mapping[str, int]
    #: with `of`: for each topic and sequence, what became of the event for that subscriber (see `Explanation.state`); without
    #: topics that it does not follow
    states: Mapping[str, Mapping[str, str]]
    #: how long the service asks to wait before the next request, seconds
    retry_after_s: float | None = field(repr=False)
    _transport: Transport = field(repr=False, compare=False)
    _of: str | None = field(repr=False, compare=False)

    def next(self, *, max_events: int | None = None, wait: Seconds = 0) -> Peek:
        """Return the events behind these.

        Args:
            max_events: the most events to return, as for `peek`
            wait: seconds to wait for an event, as for `peek`

        Raises:
            InvalidArgument: an argument is out of its range
            ServiceError, Unavailable: nothing was read; call again
        """
        return _ask(self._transport, {"cursor": self.cursor}, self._of, max_events, wait)

    def follow(self, *, max_events: int | None = None) -> Iterator[ReceivedEvent]:
        """Loop over these events and all later ones, as they are stored; only ``break`` ends the loop.

        Raises InvalidArgument, ServiceError, Unavailable.
        """
        for peeked in follow(self, max_events):
            yield from peeked.events


def follow(peeked: Peek, max_events: int | None) -> Iterator[Peek]:
    """Yield these events and all later ones, as they are stored. Raises: as `Peek.follow`."""
    while True:
        yield peeked
        if peeked.retry_after_s and not peeked.events:
            peeked._transport.service.clock.sleep(peeked.retry_after_s)  # noqa: SLF001 - a part of `Peek.follow`
        peeked = peeked.next(max_events=max_events, wait=_MAX_WAIT_S)


def peek(
    topics: Topics | Iterable[Topics] = (),
    *,
    start: datetime | str | None = None,
    last: int | None = None,
    filters: Filters | None = None,
    cursor: str | None = None,
    of: str | None = None,
    max_events: int | None = None,
    wait: Seconds = 0,
    service: Address | Service | None = None,
) -> Peek:
    """Look at events of topics without subscribing: nothing is stored, and subscribers get the events all the same.

    ``peek("orders", last=10).events`` are the newest ten. ``for event in peek("orders.*").follow():`` goes on with each event
    as it comes.

    Args:
        topics: a topic, a pattern, or several; at most 100 partitions together. They need not exist yet
        start: where to begin: "latest" (default), "earliest" or a time
        last: begin with this many of the newest events of all named topics together, 1 to 1,000; not with patterns
        filters: return only events that match all of these, as for `Subscriber.subscribe`
        cursor: in place of all above: the cursor of a `Peek`, to read on behind its events
        of: the name of a subscriber: say in `Peek.states` what became of each event for it
        max_events: return at most this many, 1 to 5,000; by default 100, or `last`
        wait: if no event is available, wait for one up to this many seconds, 0 to 20
        service: the service, as for `Publisher`

    Raises:
        InvalidArgument: an argument is malformed or out of its range
        ConfigurationError: no service is configured
        NotFound, Forbidden: the subscriber `of` does not exist, or is another's
        ServiceError, Unavailable: nothing was read; call again
    """
    query = _begin(topics, start, last, filters) if cursor is None else {"cursor": cursor}
    if cursor is not None and (topics or start is not None or last is not None or filters is not None):
        raise InvalidArgument("cursor: the cursor holds topics, start and filters; expected without them.")
    if of is not None:
        check_name("subscriber", of)
    return _ask(Transport.to(find_service(service)), query, of, max_events, wait)


def _begin(
    topics: Topics | Iterable[Topics], start: datetime | str | None, last: int | None, filters: Filters | None
) -> dict[str, Any]:
    """Return the query that begins a peek. Raises InvalidArgument."""
    named = [topics] if isinstance(topics, Topic | str | AnyType) else [*topics]
    if not named:
        raise InvalidArgument("topics: expected a topic, a pattern, or several; got none.")
    query: dict[str, Any] = {"topic": [topics_name(topic) for topic in named]}
    if start is not None:
        query["start"] = check_position("start", start, "")
        if not isinstance(query["start"], str):
            raise InvalidArgument('start: expected "latest", "earliest" or a time; got a position.')
    if last is not None:
        query["last"] = str(check_count("last", last, 1, _MAX_NEWEST))
    if filters is not None:
        query["filters"] = encode(check_filters(filters)).decode()
    return query


def _ask(transport: Transport, query: dict[str, Any], of: str | None, max_events: int | None, wait: Seconds) -> Peek:
    wait_s = check_seconds("wait", wait, 0, _MAX_WAIT_S)
    if max_events is not None:
        query["max_events"] = str(check_count("max_events", max_events, 1, MAX_EVENTS))
    if wait_s:
        query["wait_s"] = f"{wait_s:.3f}"
    if of is not None:
        query["of"] = of
    caller = current_caller()
    cancellation = None if caller is None else caller.cancellation
    response = transport.call("get_events", None, method="GET", query=query, wait_s=wait_s, cancellation=cancellation)
    body = response.body
    try:
        return Peek(
            events=tuple(ReceivedEvent(members, None) for members in body["events"]),
            cursor=body["cursor"],
            more=body["more"],
            lost=body.get("lost", {}),
            states=body.get("states", {}),
            retry_after_s=response.retry_after_s,
            _transport=transport,
            _of=of,
        )
    except (KeyError, TypeError) as e:
        raise bad_response("get_events", f"it holds no events of a peek ({e!r})") from e
