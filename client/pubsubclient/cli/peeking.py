"""Reads topics without a subscriber, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pubsubclient import Peek, ReceivedEvent, Service, ServiceError, peek
from pubsubclient._core.names import is_pattern, stands_for
from pubsubclient._http.transport import Transport
from pubsubclient.cli.failures import too_old
from pubsubclient.cli.reads import names

__all__ = ["Filters", "last_events", "pages"]

Filters = Sequence[Mapping[str, Any]]

#: the most events of a page
_EVENTS = 1_000


def pages(
    service: Service,
    topics: Sequence[str],
    *,
    start: datetime | str,
    filters: Filters = (),
    of: str | None = None,
    wait_s: float = 0,
) -> Iterator[Peek]:
    """Yield pages of events, without end. Only the first does not wait. Raises ServiceError, Unavailable."""
    try:
        page = peek(topics, start=start, filters=filters, of=of, max_events=_EVENTS, service=service)
    except ServiceError as error:
        raise too_old(error, "show events without a subscriber") from error
    while True:
        yield page
        if page.retry_after_s and wait_s and not page.events:
            service.clock.sleep(page.retry_after_s)
        page = page.next(max_events=_EVENTS, wait=0 if page.more else wait_s)


def last_events(service: Service, topics: Sequence[str], count: int, filters: Filters = ()) -> Sequence[ReceivedEvent]:
    """Return the newest events of topics, of which some may be patterns, in order. Raises ServiceError, Unavailable."""
    patterns = [topic for topic in topics if is_pattern(topic)]
    named = [topic for topic in topics if not is_pattern(topic)]
    for name in names(Transport.to(service), "topic") if patterns else ():
        if name not in named and any(stands_for(pattern, name) for pattern in patterns):
            named.append(name)
    if not named or not count:
        return ()
    try:
        return peek(named, last=count, filters=filters, service=service).events
    except ServiceError as error:
        raise too_old(error, "show events without a subscriber") from error
