"""What a subscriber can ask of a subscription, as the wire has it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pubsubclient._attributes import check_time
from pubsubclient._errors import Conflict, InvalidArgument
from pubsubclient._filters import Filters, check_filters
from pubsubclient._names import check_pattern, is_pattern
from pubsubclient._topic import Topic, topic_name
from pubsubclient._transport import Transport
from pubsubclient.signals.wildcard import AnyType

__all__ = ["Place", "Position", "Topics", "change", "place_of", "settings_of", "topics_name"]

#: a topic, its name, a pattern of names, or Any for every topic
Topics = Topic | str | AnyType
#: how far a subscriber is: of each topic the sequence of the next event in each partition. It is JSON
Position = dict[str, list[str]]
#: where in a topic to go on: an end of what is kept, a time, a saved position, or that of this one topic
Place = Literal["earliest", "latest"] | datetime | str | Mapping[str, Sequence[str]] | Sequence[str]

_MAX_DEADLINE_S = 600
_MAX_BACKOFF_S = 600
_MAX_ATTEMPTS = 100
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


def place_of(name: str, place: Place, topic: str) -> str | list[str]:
    """A place in a topic, given as the argument `name`. Raises InvalidArgument."""
    if isinstance(place, Mapping):
        if topic not in place:
            raise InvalidArgument(
                f"{name}: the saved position has no topic {topic!r}; it has {', '.join(place) or 'none'}."
            )
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
                f'{name}: expected "earliest", "latest", a time, or a saved position; got {place!r}.'
            ) from e
    if not isinstance(place, Sequence) or not all(isinstance(s, str) and _SEQUENCE.fullmatch(s) for s in place):
        raise InvalidArgument(f"{name}: expected a list of sequences, one of each partition; got {place!r}.")
    return list(place)


def settings_of(
    topic: str,
    *,
    start: Place | None,
    filters: Filters | None,
    ack_deadline: int | None,
    max_attempts: int | None,
    backoff: float | None,
    dead_letter_topic: Topic | str | None,
    ordered: bool | None,
) -> dict[str, Any]:
    """The members of a request to subscribe for the arguments of `Subscriber.subscribe`. Raises InvalidArgument."""
    if ack_deadline is not None and not 1 <= ack_deadline <= _MAX_DEADLINE_S:
        raise InvalidArgument(f"ack_deadline: expected 1 to {_MAX_DEADLINE_S} seconds; got {ack_deadline!r}.")
    if max_attempts is not None and not 1 <= max_attempts <= _MAX_ATTEMPTS:
        raise InvalidArgument(f"max_attempts: expected 1 to {_MAX_ATTEMPTS}; got {max_attempts!r}.")
    if backoff is not None and not 0 <= backoff <= _MAX_BACKOFF_S:
        raise InvalidArgument(f"backoff: expected 0 to {_MAX_BACKOFF_S} seconds; got {backoff!r}.")
    settings = {
        "start": None if start is None else place_of("start", start, topic),
        "filters": None if filters is None else check_filters(filters),
        "ack_deadline_s": ack_deadline,
        "max_attempts": max_attempts,
        "backoff_s": backoff,
        "dead_letter_topic": None if dead_letter_topic is None else topic_name(dead_letter_topic),
        "ordered": ordered,
    }
    return {name: value for name, value in settings.items() if value is not None}


def change(transport: Transport, method: Literal["POST", "DELETE"], request: Mapping[str, Any]) -> None:
    """Make, change or end a subscription. Raises ServiceError, Unavailable."""
    for tries in itertools.count(1):
        token = transport.token("subscribe")
        try:
            transport.call("subscribe", {**request, "token": token}, method=method)
        except Conflict as error:
            # A process behind in store time made a token older than another's change: consumers of one name that
            # start together, or one that was idle for long. The answer has told it the time. But a try without an
            # answer may have counted, before that change.
            if error.code != "older_token" or error.uncertain or tries == _MAX_OLDER:
                raise
        else:
            return
