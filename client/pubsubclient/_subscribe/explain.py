"""Asks the service what happened to an event under a subscriber."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from pubsubclient._core.arguments import clean, shown
from pubsubclient._core.errors import InvalidArgument, ServiceError
from pubsubclient._events.event import Event
from pubsubclient._events.received import Received
from pubsubclient._events.topic import Topic, topic_name
from pubsubclient._http.transport import Transport
from pubsubclient._subscribe.descriptions import Explanation, read_explanation

__all__ = ["explain"]

#: the most bytes of an id in a URL's query, because proxies may reject long URLs; longer ids are sent in a body
_MAX_QUERY_BYTES = 1_000
_SEQUENCE = re.compile(r"[0-9]{4}-[0-9]{20}")


def explain(transport: Transport, subscriber: str, event: Event | str, topic: Topic | str | None) -> Explanation:
    """See `Subscriber.explain`."""
    if isinstance(event, Received):
        return _by_query(transport, subscriber, event.topic, event.sequence)
    if isinstance(event, Event):
        identity = {"id": event.id} if event.source is None else {"id": event.id, "source": event.source}
        return _by_id(transport, subscriber, event.topic, identity)
    if topic is None:
        raise InvalidArgument("explain: expected the topic beside a sequence or an id.")
    if not isinstance(event, str) or not event or clean("event", event) != event:
        raise InvalidArgument(f"explain: expected an event, its sequence, or its id; got {shown(event)}.")
    name = topic_name(topic)
    if len(quote(event)) <= _MAX_QUERY_BYTES:
        return _by_query(transport, subscriber, name, event)
    return _by_id(transport, subscriber, name, {"id": event})


def _by_query(transport: Transport, subscriber: str, topic: str, event: str) -> Explanation:
    query = {"subscriber": subscriber, "topic": topic, "event": event}
    return read_explanation(transport.call("register", None, method="GET", query=query).body)


def _by_id(transport: Transport, subscriber: str, topic: str, identity: dict[str, Any]) -> Explanation:
    try:
        body = transport.call("register", {"subscriber": subscriber, "topic": topic, **identity}).body
    except ServiceError as error:
        # an older service accepts ids only in a query, where an id that looks like a sequence is taken for one
        if error.code != "unknown_field" or _SEQUENCE.fullmatch(identity["id"]):
            raise
        return _by_query(transport, subscriber, topic, identity["id"])
    return read_explanation(body)
