"""The wire of publish: requests decoded and checked once, receipts written as bytes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pubsubservice.api.decoding import check_range, decode, encode
from pubsubservice.core.names import check_name
from pubsubservice.core.problems import BadRequest
from pubsubservice.core.times import rfc3339
from pubsubservice.events.entry import Entry
from pubsubservice.events.validate import decode_events
from pubsubservice.log.sequence import sequence_prefix

__all__ = ["MAX_DELAY_S", "Publish", "PublishBody", "check_publish", "decode_publish", "encode_receipts"]

MAX_DELAY_S = 24 * 3600


class PublishBody(msgspec.Struct, forbid_unknown_fields=True):
    topic: str
    publisher: str
    events: list[msgspec.Raw]
    since: int | None = None
    delay_s: float = 0.0


class Publish(msgspec.Struct, frozen=True):
    """A checked request to publish."""

    topic: str
    publisher: str
    entries: list[Entry]
    since: int | None
    #: how long after their commit the events are kept back
    delay_s: float = 0.0


class _Receipt(msgspec.Struct, gc=False):
    id: str
    sequence: str
    recordedtime: str


def decode_publish(body: bytes) -> Publish:
    """Check a request to publish, its events included."""
    request = decode(PublishBody, body)
    check_publish(request.topic, request.publisher, request.since, request.delay_s)
    entries = decode_events(body, request.events, request.publisher)
    return Publish(request.topic, request.publisher, entries, request.since, request.delay_s)


def check_publish(topic: str, publisher: str, since: int | None, delay_s: float = 0.0) -> None:
    """Check what a request to publish has beside its events."""
    check_name("topic", topic)
    check_name("publisher", publisher)
    if since is not None and not 0 <= since < 2**63:
        raise BadRequest("invalid_request", f"since: a store time in microseconds is expected; got {since}.")
    check_range("delay_s", delay_s, 0, MAX_DELAY_S)


def encode_receipts(partition: int, entries: Sequence[Entry], places: Sequence[tuple[int, int]]) -> bytes:
    """The answer of a publish: each event's id, sequence and commit time, in the order of the request."""
    prefix = sequence_prefix(partition)
    times = {time: rfc3339(time) for time in {time for _, time in places}}  # mostly one for all
    receipts = [
        _Receipt(entry.id, f"{prefix}{index:020d}", times[time])
        for entry, (index, time) in zip(entries, places, strict=True)
    ]
    return encode({"events": receipts})
