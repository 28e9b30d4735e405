"""Converts the arguments of subscribe and seek to members of a request, and sends changes of subscriptions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pubsubclient._core.arguments import check_count, check_seconds, shown
from pubsubclient._core.attributes import check_time
from pubsubclient._core.errors import InvalidArgument, ServiceError
from pubsubclient._core.filters import Filters, check_filters
from pubsubclient._core.names import check_pattern, is_pattern
from pubsubclient._events.topic import Topic, topic_name
from pubsubclient._http.fresh_tokens import call_with_token
from pubsubclient._http.transport import Transport
from pubsubclient._subscribe.descriptions import SETTINGS
from pubsubclient._subscribe.fetch import MAX_EVENTS
from pubsubclient.signals.wildcard import AnyType

__all__ = [
    "Position",
    "StartPosition",
    "Topics",
    "change",
    "check_fetch",
    "check_position",
    "settings_of",
    "topics_name",
]

#: a topic, its name, a pattern of names, or Any for every topic
Topics = Topic | str | AnyType
#: a subscriber's position: for each topic, the sequence of the next event of each partition. It is JSON
Position = dict[str, list[str]]
#: where to begin in a topic: the oldest or newest kept event, a time, a saved position, or a topic's part of one
StartPosition = Literal["earliest", "latest"] | datetime | str | Mapping[str, Sequence[str]] | Sequence[str]

#: the longest wait of one request, seconds
_MAX_WAIT_S = 20
_SEQUENCE = re.compile(r"[0-9]{4}-[0-9]{20}")


def topics_name(topic: Topics) -> str:
    """Return the topic's name, or the pattern. Raises InvalidArgument."""
    if isinstance(topic, AnyType):
        return ">"
    if isinstance(topic, str) and is_pattern(topic):
        return check_pattern(topic)
    return topic_name(topic)


def check_position(name: str, position: StartPosition, topic: str) -> str | list[str]:
    """Return the position in `topic` that the argument `name` gives, as the wire has it. Raises InvalidArgument."""
    if isinstance(position, Mapping):
        if topic not in position:
            raise InvalidArgument(f"{name}: the saved position has no topic {topic!r}; it has {shown(list(position))}.")
        position = position[topic]
    if isinstance(position, datetime):
        return check_time(position)
    if isinstance(position, str):
        if position in {"earliest", "latest"}:
            return position
        try:
            return check_time(position)
        except InvalidArgument as e:
            raise InvalidArgument(
                f'{name}: expected "earliest", "latest", a time, or a saved position; got {shown(position)}.'
            ) from e
    if not isinstance(position, Sequence) or not all(isinstance(s, str) and _SEQUENCE.fullmatch(s) for s in position):
        raise InvalidArgument(f"{name}: expected a list of sequences, one of each partition; got {shown(position)}.")
    # an empty list was saved before the topic existed, so all of the topic's events are later
    return list(position) or "earliest"


def settings_of(
    topic: str,
    *,
    start: StartPosition | None,
    filters: Filters | None,
    dead_letter_topic: Topic | str | None,
    **settings: object,
) -> dict[str, Any]:
    """Return the arguments of `Subscriber.subscribe` as members of a request. Raises InvalidArgument."""
    members: dict[str, Any] = {}
    if start is not None:
        members["start"] = check_position("start", start, topic)
    if filters is not None:
        members["filters"] = check_filters(filters)
    if dead_letter_topic is not None:
        members["dead_letter_topic"] = topic_name(dead_letter_topic)
    for name, given in settings.items():
        if given is not None:
            members[SETTINGS[name].wire] = SETTINGS[name].check(name, given)
    return members


def check_fetch(max_events: object, lowest: int, wait: object) -> tuple[int | None, float]:
    """Check the arguments of get_events and pull; returns max_events, and the wait in seconds. Raises InvalidArgument."""
    count = None if max_events is None else check_count("max_events", max_events, lowest, MAX_EVENTS)
    return count, check_seconds("wait", wait, 0, _MAX_WAIT_S)


def change(transport: Transport, method: Literal["POST", "DELETE"], request: Mapping[str, Any]) -> None:
    """Create, change or delete a subscription. Raises ServiceError, Unavailable."""
    try:
        call_with_token(transport, "subscribe", method, request)
    except ServiceError as error:
        # an older service does not know "create"; it creates the subscription in any case
        if error.code != "unknown_field" or "create" not in request:
            raise
        known = {name: value for name, value in request.items() if name != "create"}
        call_with_token(transport, "subscribe", method, known)
