"""The wire format of publish: decodes and checks requests, and encodes receipts."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pubsubservice.api.decoding import check_range, decode_envelope, encode
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
    far: bool = False


class Publish(msgspec.Struct, frozen=True):
    """A checked request to publish."""

    topic: str
    publisher: str
    entries: list[Entry]
    since: int | None
    #: seconds after their commit until the events are delivered
    delay_s: float = 0.0
    #: recognise events that were stored since `since`, however long ago
    far: bool = False


class _Receipt(msgspec.Struct, gc=False):
    id: str
    sequence: str
    recordedtime: str


def decode_publish(body: bytes) -> Publish:
    """Decode and check a request to publish, including its events. Raises BadRequest."""
    request = decode_envelope(PublishBody, body)
    check_publish(request.topic, request.publisher, request.since, request.delay_s)
    if request.far and request.since is None:
        raise BadRequest("invalid_request", "far: expected only with since, the store time to look back to.")
    entries = decode_events(body, request.events, request.publisher)
    return Publish(request.topic, request.publisher, entries, request.since, request.delay_s, request.far)


def check_publish(topic: str, publisher: str, since: int | None, delay_s: float = 0.0) -> None:
    """Check the fields of a request to publish, except its events. Raises BadRequest."""
    check_name("topic", topic)
    check_name("publisher", publisher)
    if since is not None and not 0 <= since < 2**63:
        raise BadRequest("invalid_request", f"since: a store time in microseconds is expected; got {since}.")
    check_range("delay_s", delay_s, 0, MAX_DELAY_S)


def encode_receipts(partition: int, entries: Sequence[Entry], commits: Sequence[tuple[int, int]]) -> bytes:
    """Encode the response of a publish: each event's id, sequence and commit time, in the order of the request.

    Args:
        commits: for each entry, its log index and commit time (µs)
    """
    prefix = sequence_prefix(partition)
    times = {time: rfc3339(time) for time in {time for _, time in commits}}  # mostly a single time
    receipts = [
        _Receipt(entry.id, f"{prefix}{index:020d}", times[time])
        for entry, (index, time) in zip(entries, commits, strict=True)
    ]
    return encode({"events": receipts})
