"""Asking what became of an event."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from pubsubclient._core.arguments import clean, shown
from pubsubclient._core.errors import InvalidArgument, ServiceError
from pubsubclient._events.event import Event, ReceivedEvent
from pubsubclient._events.topic import Topic, topic_name
from pubsubclient._http.transport import Transport
from pubsubclient._subscribe.descriptions import Explanation, read_explanation

__all__ = ["explain"]

#: bytes of an id that is sent in a query: what is between here and the service may take no long ones
_MAX_QUERY_BYTES = 1_000
_SEQUENCE = re.compile(r"[0-9]{4}-[0-9]{20}")


def explain(transport: Transport, subscriber: str, event: Event | str, topic: Topic | str | None) -> Explanation:
    """See `Subscriber.explain`."""
    if isinstance(event, ReceivedEvent):
        return _by_query(transport, subscriber, event.topic, event.sequence)
    if isinstance(event, Event):
        named = {"id": event.id} if event.source is None else {"id": event.id, "source": event.source}
        return _by_id(transport, subscriber, event.topic, named)
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


def _by_id(transport: Transport, subscriber: str, topic: str, named: dict[str, Any]) -> Explanation:
    try:
        body = transport.call("register", {"subscriber": subscriber, "topic": topic, **named}).body
    except ServiceError as error:
        # an older service takes ids in a query alone, and there for sequences if they look like one
        if error.code != "unknown_field" or _SEQUENCE.fullmatch(named["id"]):
            raise
        return _by_query(transport, subscriber, topic, named["id"])
    return read_explanation(body)
