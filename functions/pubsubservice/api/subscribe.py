"""The wire format of subscribe: decodes and checks requests to subscribe, change a subscription and unsubscribe."""

from __future__ import annotations

from typing import Any

import msgspec

from pubsubservice.admin.subscriptions import Subscribe
from pubsubservice.api.decoding import check_range, decode
from pubsubservice.core.names import check_name
from pubsubservice.core.patterns import check_pattern, is_pattern
from pubsubservice.core.problems import BadRequest
from pubsubservice.core.times import parse_rfc3339
from pubsubservice.log.seek import EARLIEST, LATEST, StartPosition
from pubsubservice.log.sequence import parse_sequence
from pubsubservice.redrive.redriving import MAX_REDRIVEN, Redrive
from pubsubservice.subscribers.filters import compile_filters
from pubsubservice.subscribers.records import SETTINGS
from pubsubservice.subscribers.tokens import check_token

__all__ = [
    "MAX_DEADLINE_S", "RedriveBody", "SubscribeBody", "UnsubscribeBody", "decode_subscribe", "decode_unsubscribe",
    "parse_start",
]  # fmt: skip

#: how long a lease may be made to last, seconds
MAX_DEADLINE_S = 600


class RedriveBody(msgspec.Struct, forbid_unknown_fields=True):
    #: null for every dead letter, as an empty array
    filters: Any = None
    max_events: int = MAX_REDRIVEN


class SubscribeBase(msgspec.Struct):
    """What a request to subscribe may hold beside settings."""

    subscriber: str
    topic: str
    start: str | list[str] | None = None
    seek: str | list[str] | None = None
    #: null clears the filters, as an empty array does
    filters: Any = msgspec.UNSET
    token: str | None = None
    #: false: a missing subscription is an error, and is not created
    create: bool = True
    #: publish dead letters again; nothing else is changed
    redrive: RedriveBody | None = None


#: with one field for each setting
SubscribeBody: type[SubscribeBase] = msgspec.defstruct(  # type: ignore[assignment]  # its base
    "SubscribeBody",
    [(name, setting.kind | None, None) for name, setting in SETTINGS.items()],
    bases=(SubscribeBase,),
    forbid_unknown_fields=True,
)


class UnsubscribeBody(msgspec.Struct, forbid_unknown_fields=True):
    subscriber: str
    topic: str
    token: str | None = None


def decode_subscribe(body: bytes) -> Subscribe | Redrive:
    """Decode and check a request to subscribe, or to redrive dead letters. Raises BadRequest."""
    request = decode(SubscribeBody, body)
    _check_names(request)
    if request.redrive is not None:
        return _redrive(request, request.redrive)
    settings = {name: given for name in SETTINGS if (given := getattr(request, name)) is not None}
    for name, given in settings.items():
        least, most = SETTINGS[name].least, SETTINGS[name].most
        if least is not None and most is not None:
            check_range(name, given, least, most)
    dead_letter_topic = settings.get("dead_letter_topic")
    if dead_letter_topic is not None:
        check_name("topic", dead_letter_topic)
        if dead_letter_topic == request.topic:
            raise BadRequest("invalid_request", "dead_letter_topic: another topic than the subscribed one is expected.")
    filters = None if request.filters is msgspec.UNSET else _filters(request.filters)
    return Subscribe(
        request.subscriber,
        request.topic,
        _place("start", request.start, request.topic),
        _place("seek", request.seek, request.topic),
        filters,
        settings,
        request.token,
        request.create,
    )


def decode_unsubscribe(body: bytes) -> UnsubscribeBody:
    """Decode and check a request to unsubscribe. Raises BadRequest."""
    request = decode(UnsubscribeBody, body)
    _check_names(request)
    return request


def _filters(raw: Any) -> bytes:
    """Return filters in their stored form; empty for none."""
    compiled = None if raw is None else compile_filters(raw)
    return compiled.packed if compiled else b""


def _redrive(request: SubscribeBase, redrive: RedriveBody) -> Redrive:
    """Check a request to redrive."""
    names = {"subscriber", "topic", "token", "redrive"}
    unset = {field.name: field.default for field in msgspec.structs.fields(SubscribeBody)}
    others = [name for name, value in unset.items() if name not in names and getattr(request, name) != value]
    if others:
        raise BadRequest(
            "invalid_request",
            f"With redrive, subscriber, topic and token are expected, and nothing else; got {', '.join(others)}.",
        )
    check_range("redrive.max_events", redrive.max_events, 1, MAX_REDRIVEN)
    filters = _filters(redrive.filters)
    return Redrive(request.subscriber, request.topic, filters, redrive.max_events, request.token)


def parse_start(place: str) -> StartPosition | None:
    """Return the start position of a word or a time; None if the text is neither."""
    if place in {EARLIEST, LATEST}:
        return place
    time_us = parse_rfc3339(place)
    return None if time_us is None else max(1, time_us)


def _check_names(request: SubscribeBase | UnsubscribeBody) -> None:
    check_name("subscriber", request.subscriber)
    if is_pattern(request.topic):
        check_pattern(request.topic)
    else:
        check_name("topic", request.topic)
    if request.token is not None:
        check_token(request.token, "token")


def _place(field: str, place: str | list[str] | None, topic: str) -> StartPosition | None:
    """Decode a start position: "earliest", "latest", a time, or positions in the format of descriptions."""
    if place is None:
        return None
    if isinstance(place, str):
        found = parse_start(place)
        if found is None:
            raise BadRequest(
                "invalid_request",
                f'{field}: "earliest", "latest", a time as RFC 3339 has it, such as 2026-01-31T12:00:00Z, or a position (an '
                f"array of sequences) is expected; got {place[:40]!r}.",
            )
        return found
    if is_pattern(topic):
        raise BadRequest("invalid_position", f"{field}: a position is in one topic; {topic!r} may stand for many.")
    offsets = sorted(filter(None, map(parse_sequence, place)))
    if [partition for partition, _ in offsets] != list(range(len(place))):
        raise BadRequest(
            "invalid_position",
            f"{field}: a position is an array with one sequence for each partition, such as "
            f'["0000-00000000000000000017"]; got {str(place)[:80]}.',
        )
    return tuple(index for _, index in offsets)
