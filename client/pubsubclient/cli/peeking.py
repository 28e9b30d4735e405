"""Reads topics without a subscriber, page by page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pubsubclient._core.errors import ServiceError
from pubsubclient._core.names import is_pattern, stands_for
from pubsubclient._events.event import ReceivedEvent
from pubsubclient._http.transport import Transport
from pubsubclient.cli.failures import too_old
from pubsubclient.cli.reads import names

__all__ = ["Page", "last_events", "pages"]

#: the most events of a page
_EVENTS = 1_000


class Page(NamedTuple):
    """One response."""

    events: list[ReceivedEvent]
    #: per topic, how many events retention deleted before they were read
    lost: Mapping[str, int]
    #: whether more events are there already
    more: bool
    #: with ``of``, what became of each event for that subscriber, by topic and sequence
    states: Mapping[str, Mapping[str, str]]


def pages(transport: Transport, query: Mapping[str, Any], *, wait_s: float = 0) -> Iterator[Page]:
    """Yield pages that begin as `query` says, without end. Only the first does not wait. Raises ServiceError, Unavailable."""
    query = {"max_events": str(_EVENTS), **query}
    wait = 0.0
    while True:
        body = _peek(transport, {**query, **({"wait_s": str(wait)} if wait else {})}, wait)
        events = [ReceivedEvent(members, None) for members in body["events"]]
        yield Page(events, body.get("lost", {}), bool(body.get("more")), body.get("states", {}))
        query = {"max_events": str(_EVENTS), "cursor": body["cursor"], **({"of": query["of"]} if "of" in query else {})}
        wait = 0.0 if body.get("more") else wait_s


def last_events(
    transport: Transport, topics: Sequence[str], count: int, filters: Sequence[Mapping[str, Any]] = ()
) -> list[ReceivedEvent]:
    """Return the newest events of topics, of which some may be patterns, in order. Raises ServiceError, Unavailable."""
    patterns = [topic for topic in topics if is_pattern(topic)]
    known = names(transport, "topic") if patterns else ()
    named = [topic for topic in topics if not is_pattern(topic)]
    named += [name for name in known if any(stands_for(pattern, name) for pattern in patterns) and name not in named]
    if not named or not count:
        return []
    query = {"topic": named, "last": str(count), "max_events": str(count)}
    return next(pages(transport, {**query, **filters_of(filters)})).events


def filters_of(filters: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return filters as a parameter of a query."""
    return {"filters": json.dumps(filters)} if filters else {}


def _peek(transport: Transport, query: Mapping[str, Any], wait_s: float) -> dict[str, Any]:
    try:
        return transport.call("get_events", None, method="GET", query=query, wait_s=wait_s).body
    except ServiceError as error:
        raise too_old(error, "show events without a subscriber") from error
