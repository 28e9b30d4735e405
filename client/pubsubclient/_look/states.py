"""The states of all topics, and of all subscribers that the caller may use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pubsubclient._core.attributes import parse_time
from pubsubclient._http.config import find_service
from pubsubclient._http.responses import bad_response
from pubsubclient._http.service import Address, Service
from pubsubclient._http.transport import Transport
from pubsubclient._subscribe.descriptions import SubscriberState, read_state

__all__ = ["LogState", "TopicState", "subscriber_pages", "subscribers", "topic_pages", "topics"]

#: states that one request asks for
_PAGE = "50"


@dataclass(frozen=True)
class LogState:
    """Where the log of one partition begins and ends."""

    #: the sequence of the first event that is kept
    first: str
    #: the sequence of the next event; the difference of two readings is how many were published meanwhile
    next: str
    #: when the newest event was stored; None for a log without events
    newest: datetime | None


@dataclass(frozen=True)
class TopicState:
    """A snapshot of a topic."""

    topic: str
    partitions: int
    #: how long events are kept at least, seconds
    retention: int
    #: whether it is a dead-letter topic: no pattern matches it, and only its owner may publish to it
    dead_letter: bool
    #: how many events are kept; None for a topic of more than 100 partitions
    events: int | None
    #: one for each partition; empty for a topic of more than 100 partitions
    logs: tuple[LogState, ...]
    #: the whole description in the response, by names of the wire
    raw: Mapping[str, Any] = field(repr=False)


def topics(*, service: Address | Service | None = None) -> Iterator[TopicState]:
    """Return the state of every topic, in the order of their names, a page of 50 at a time.

    Costs one read a topic, and two for each of its partitions.

    Args:
        service: the service, as for `Publisher`

    Raises:
        ConfigurationError: no service is configured
        ServiceError, Unavailable: in the loop; the topics before were all
    """
    for page in topic_pages(service):
        yield from page


def subscribers(*, service: Address | Service | None = None) -> Iterator[SubscriberState]:
    """Return the state of every subscriber that the caller may use, in the order of their names, a page of 50 at a time.

    Costs one read a subscriber, and one or two for each partition that it follows.

    Args, raises: as `topics`
    """
    for page in subscriber_pages(service):
        yield from page


def topic_pages(service: Address | Service | None) -> Iterator[list[TopicState]]:
    """Yield what `topics` does, in lists: one for each request. Raises: as `topics`."""
    for page in _pages(Transport.to(find_service(service)), "topic"):
        yield [_read_topic(body) for body in page]


def subscriber_pages(service: Address | Service | None) -> Iterator[list[SubscriberState]]:
    """Yield what `subscribers` does, in lists: one for each request. Raises: as `subscribers`."""
    for page in _pages(Transport.to(find_service(service)), "subscriber"):
        yield [read_state(body) for body in page]


def _pages(transport: Transport, kind: str) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the descriptions of all names of a kind, a request's at a time."""
    query = {kind: "", "state": "1", "page_size": _PAGE}
    while True:
        body = transport.call("register", None, method="GET", query=query).body
        try:
            yield [*body[f"{kind}s"]]
        except (KeyError, TypeError) as e:
            raise bad_response("register", f"it holds no {kind}s ({e!r})") from e
        if "next_page_token" not in body:
            return
        query["page_token"] = body["next_page_token"]


def _read_topic(body: Mapping[str, Any]) -> TopicState:
    """Read a topic's state from a response. Raises ServiceError (``bad_answer``)."""
    try:
        return TopicState(
            topic=body["topic"],
            partitions=body["partitions"],
            retention=body["retention_s"],
            dead_letter=body["dead_letter"],
            events=body.get("events"),
            logs=tuple(
                LogState(log["first"], log["next"], parse_time(log["newest"]) if "newest" in log else None)
                for log in body.get("logs", ())
            ),
            raw=body,
        )
    except (KeyError, TypeError, ValueError) as e:
        raise bad_response("register", f"it holds no state of a topic ({e!r})") from e
