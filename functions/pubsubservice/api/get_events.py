"""The wire of publish and get_events: requests decoded and checked once, answers written as bytes.

The events of an answer are the lines that were published, with our attributes spliced in: they are never decoded again.
`registering` and `subscribing` have the other calls.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from pubsubservice.api.decoding import check_range, decode
from pubsubservice.api.register import RegisterBody
from pubsubservice.api.subscribe import MAX_DEADLINE_S, SubscribeBody, UnsubscribeBody
from pubsubservice.core.names import check_name
from pubsubservice.core.problems import BadRequest
from pubsubservice.core.times import rfc3339
from pubsubservice.delivery.get_events import Answer, GetEvents
from pubsubservice.delivery.slices import Slice
from pubsubservice.events.attributes import CONTROL
from pubsubservice.events.validate import Entry, decode_events
from pubsubservice.log.sequence import sequence_prefix
from pubsubservice.subscribers.leases import MAX_REASON, Settlement, Settlements
from pubsubservice.subscribers.spans import positions
from pubsubservice.subscribers.tokens import check_token

__all__ = [
    "BODIES",
    "MAX_BODY_BYTES",
    "MAX_DELAY_S",
    "MAX_HANDED_OUT",
    "MAX_NAMED",
    "MAX_SETTLEMENTS",
    "MAX_WAIT_S",
    "ExpireBody",
    "Publish",
    "check_publish",
    "decode_get_events",
    "decode_publish",
    "encode",
    "encode_answer",
    "encode_receipts",
]  # fmt: skip

#: bytes of a request's JSON
MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_WAIT_S = 20
MAX_HANDED_OUT = 5_000
MAX_DELAY_S = 24 * 3600
#: settlements in a request, and events named in all of them: more than a subscriber can have in hand (see `bounds`)
MAX_SETTLEMENTS = 10_000
MAX_NAMED = 60_000


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


class Ack(msgspec.Struct, forbid_unknown_fields=True):
    lease: str
    events: list[tuple[str, str]] | None = None


class Nack(Ack):
    delay_s: float | None = None
    reason: str = ""
    dead: bool = False


class Extend(Ack):
    seconds: int | None = None


class GetEventsBody(msgspec.Struct, forbid_unknown_fields=True):
    subscriber: str
    lease: str | None = None
    max_events: int = 1_000
    wait_s: float = 0.0
    wake: bool = False
    ack: list[Ack] = []
    nack: list[Nack] = []
    extend: list[Extend] = []
    release: list[Ack] = []


class ExpireBody(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing yet."""


#: what requests hold, by the name in the API's description
BODIES = (RegisterBody, PublishBody, SubscribeBody, UnsubscribeBody, GetEventsBody, ExpireBody)
_encoder = msgspec.json.Encoder()


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


def decode_get_events(body: bytes) -> GetEvents:
    """Check a request for events, its settlements included."""
    request = decode(GetEventsBody, body)
    check_name("subscriber", request.subscriber)
    _check_settlements([*request.ack, *request.nack, *request.extend, *request.release])
    check_range("max_events", request.max_events, 0, MAX_HANDED_OUT)
    check_range("wait_s", request.wait_s, 0, MAX_WAIT_S)
    if request.lease is not None:
        check_token(request.lease, "lease")
    for verb in ("ack", "nack", "extend", "release"):
        for number, settlement in enumerate(getattr(request, verb)):
            check_token(settlement.lease, f"{verb}[{number}].lease")
    for number, nack in enumerate(request.nack):
        if nack.delay_s is not None:
            check_range(f"nack[{number}].delay_s", nack.delay_s, 0, MAX_DELAY_S)
    for number, extend in enumerate(request.extend):
        if extend.seconds is not None:
            check_range(f"extend[{number}].seconds", extend.seconds, 1, MAX_DEADLINE_S)
    settlements = Settlements(
        ack=[Settlement(ack.lease, ack.events) for ack in request.ack],
        nack=[
            Settlement(nack.lease, nack.events, delay_s=nack.delay_s, reason=_text(nack.reason), dead=nack.dead)
            for nack in request.nack
        ],
        release=[Settlement(release.lease, release.events) for release in request.release],
        extend=[Settlement(extend.lease, extend.events, seconds=extend.seconds) for extend in request.extend],
    )
    return GetEvents(request.subscriber, settlements, request.lease, request.max_events, request.wait_s, request.wake)


def _check_settlements(settlements: Sequence[Ack]) -> None:
    """Refuse more than takes a moment; nobody can have so many events in hand."""
    named = sum(len(settlement.events or ()) for settlement in settlements)
    for found, most, what in (
        (len(settlements), MAX_SETTLEMENTS, "settlements"),
        (named, MAX_NAMED, "events named in them"),
    ):
        if found > most:
            raise BadRequest(
                "too_many_settlements",
                f"ack, nack, extend, release: at most {most} {what} are expected; got {found}. Split the request.",
            )


def encode(value: object) -> bytes:
    """JSON of an answer without events."""
    return _encoder.encode(value)


def encode_receipts(partition: int, entries: Sequence[Entry], places: Sequence[tuple[int, int]]) -> bytes:
    """The answer of a publish: each event's id, sequence and commit time, in the order of the request."""
    prefix = sequence_prefix(partition)
    times = {time: rfc3339(time) for time in {time for _, time in places}}  # mostly one for all
    receipts = [
        _Receipt(entry.id, f"{prefix}{index:020d}", times[time])
        for entry, (index, time) in zip(entries, places, strict=True)
    ]
    return _encoder.encode({"events": receipts})


def encode_answer(answer: Answer) -> bytes:
    """The answer of get_events."""
    members: dict[str, Any] = {"lease": answer.lease, "until": rfc3339(answer.until) if answer.until else None}
    members["more"] = answer.more
    if answer.ordered:
        members["ordered"] = sorted(answer.ordered)
    if answer.over:
        members["over"] = True
    if answer.blocked:
        members["blocked"] = answer.blocked
    if answer.unknown:
        members["unknown"] = [{"lease": token, "settlement": verb} for verb, token in answer.unknown]
    if answer.lost:
        members["lost"] = dict(answer.lost)
    events: list[bytes] = []
    for slice_ in answer.slices:
        _splice(events, slice_, answer.attempt)
    return b'{"events":[%b],%b' % (b",".join(events), _encoder.encode(members)[1:])


def _splice(events: list[bytes], slice_: Slice, attempt: int) -> None:
    """Add our attributes to the lines of a slice: each line ends in the brace of its object."""
    span = slice_.span
    offsets = range(len(slice_.lines)) if len(slice_.lines) == span.stop - span.start else positions(slice_.picked)
    head = f',"topic":{json.dumps(slice_.topic)},"sequence":"{sequence_prefix(span.partition)}'.encode()
    tail = f'","recordedtime":"{rfc3339(slice_.batch.created)}","attempt":{attempt}}}'.encode()
    for offset, line in zip(offsets, slice_.lines, strict=True):
        events.append(b"%b%b%020d%b" % (line[:-1], head, span.first + offset, tail))


def _text(reason: str) -> str:
    """A reason as a CloudEvents attribute may hold it: without control characters, cut to what is kept."""
    return CONTROL.sub(" ", reason[: 2 * MAX_REASON]).strip()[:MAX_REASON]
