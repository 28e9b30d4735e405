"""What a subscriber can ask of a subscription, as the wire has it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pubsubclient._core.arguments import shown
from pubsubclient._core.attributes import check_time
from pubsubclient._core.errors import InvalidArgument, ServiceError
from pubsubclient._core.filters import Filters, check_filters
from pubsubclient._core.names import check_pattern, is_pattern
from pubsubclient._events.topic import Topic, topic_name
from pubsubclient._http.transport import Transport
from pubsubclient._subscribe.descriptions import SETTINGS
from pubsubclient.signals.wildcard import AnyType

__all__ = ["Position", "StartPosition", "Topics", "change", "place_of", "settings_of", "topics_name"]

#: a topic, its name, a pattern of names, or Any for every topic
Topics = Topic | str | AnyType
#: how far a subscriber is: of each topic the sequence of the next event in each partition. It is JSON
Position = dict[str, list[str]]
#: where in a topic to go on: an end of what is kept, a time, a saved position, or that of this one topic
StartPosition = Literal["earliest", "latest"] | datetime | str | Mapping[str, Sequence[str]] | Sequence[str]

#: changes by others that may overtake one of ours, one after another, before something must be wrong
_MAX_OLDER = 20
_SEQUENCE = re.compile(r"[0-9]{4}-[0-9]{20}")


def topics_name(topic: Topics) -> str:
    """The name, or the pattern, of what is subscribed to. Raises InvalidArgument."""
    if isinstance(topic, AnyType):
        return ">"
    if isinstance(topic, str) and is_pattern(topic):
        return check_pattern(topic)
    return topic_name(topic)


def place_of(name: str, place: StartPosition, topic: str) -> str | list[str]:
    """A place in a topic, given as the argument `name`. Raises InvalidArgument."""
    if isinstance(place, Mapping):
        if topic not in place:
            raise InvalidArgument(f"{name}: the saved position has no topic {topic!r}; it has {shown(list(place))}.")
        place = place[topic]
    if isinstance(place, datetime):
        return check_time(place)
    if isinstance(place, str):
        if place in {"earliest", "latest"}:
            return place
        try:
            return check_time(place)
        except InvalidArgument as e:
            raise InvalidArgument(
                f'{name}: expected "earliest", "latest", a time, or a saved position; got {shown(place)}.'
            ) from e
    if not isinstance(place, Sequence) or not all(isinstance(s, str) and _SEQUENCE.fullmatch(s) for s in place):
        raise InvalidArgument(f"{name}: expected a list of sequences, one of each partition; got {shown(place)}.")
    return list(place) or "earliest"  # saved before the topic was there: all of it came later


def settings_of(
    topic: str,
    *,
    start: StartPosition | None,
    filters: Filters | None,
    dead_letter_topic: Topic | str | None,
    **settings: object,
) -> dict[str, Any]:
    """The members of a request to subscribe for the arguments of `Subscriber.subscribe`. Raises InvalidArgument."""
    members: dict[str, Any] = {}
    if start is not None:
        members["start"] = place_of("start", start, topic)
    if filters is not None:
        members["filters"] = check_filters(filters)
    if dead_letter_topic is not None:
        members["dead_letter_topic"] = topic_name(dead_letter_topic)
    for name, given in settings.items():
        if given is not None:
            members[SETTINGS[name].wire] = SETTINGS[name].check(name, given)
    return members


def change(transport: Transport, method: Literal["POST", "DELETE"], request: Mapping[str, Any]) -> None:
    """Make, change or end a subscription. Raises ServiceError, Unavailable."""
    for tries in itertools.count(1):
        token = transport.token("subscribe")
        try:
            transport.call("subscribe", {**request, "token": token}, method=method)
        except ServiceError as error:
            if (
                error.code == "unknown_field" and "create" in request
            ):  # an older service knows no better than to make it
                request = {name: value for name, value in request.items() if name != "create"}
                continue
            # A process behind in store time made a token older than another's change: consumers of one name that
            # start together, or one that was idle for long. The answer has told it the time. But a try without an
            # answer may have counted, before that change.
            if error.code != "older_token" or error.uncertain or tries == _MAX_OLDER:
                raise
        else:
            return
