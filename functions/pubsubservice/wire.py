"""The wire of the service: requests decoded and checked once, answers written as bytes.

What a request may hold is said by types; whatever does not fit them is refused with a sentence. The events of an answer are
the lines that were published, with our attributes spliced in: they are never decoded again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from pubsubservice.delivery import Answer, GetEvents
from pubsubservice.events import Entry, check_utf8, decode_events
from pubsubservice.leases import MAX_REASON, Settlement, Settlements
from pubsubservice.names import check_name, rfc3339, sequence_prefix
from pubsubservice.problems import BadRequest
from pubsubservice.spans import positions
from pubsubservice.subscriptions import Subscribe
from pubsubservice.tap import Slice
from pubsubservice.tokens import check_token

__all__ = [
    "BODIES", "MAX_BODY_BYTES", "MAX_DEADLINE_S", "MAX_DELAY_S", "MAX_HANDED_OUT", "MAX_PAGE", "MAX_WAIT_S", "Publish",
    "RegisterBody", "UnsubscribeBody", "check_publish", "decode", "decode_get_events", "decode_publish",
    "decode_register", "decode_registered", "decode_subscribe", "decode_unsubscribe", "encode", "encode_answer",
    "encode_receipts",
]  # fmt: skip

#: bytes of a request's JSON
MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_PAGE = 1_000
MAX_WAIT_S = 20
MAX_HANDED_OUT = 5_000
MAX_DEADLINE_S = 600
MAX_DELAY_S = 24 * 3600


class RegisterBody(msgspec.Struct, forbid_unknown_fields=True):
    publisher: str | None = None
    subscriber: str | None = None
    topic: str | None = None
    partitions: int | None = None
    retention_s: int | None = None


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


class SubscribeBody(msgspec.Struct, forbid_unknown_fields=True):
    subscriber: str
    topic: str
    start: str | None = None
    ack_deadline_s: int | None = None
    token: str | None = None


class UnsubscribeBody(msgspec.Struct, forbid_unknown_fields=True):
    subscriber: str
    topic: str
    token: str | None = None


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
    ack: list[Ack] = []
    nack: list[Nack] = []
    extend: list[Extend] = []
    release: list[Ack] = []


_Body = TypeVar("_Body")
#: what requests hold, by the name in the API's description
BODIES = (RegisterBody, PublishBody, SubscribeBody, UnsubscribeBody, GetEventsBody)
_decoders: dict[type, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in (*BODIES, msgspec.Raw, list[msgspec.Raw])
}
_encoder = msgspec.json.Encoder()
_JSON_WORDS = {"int": "integer", "str": "string", "bool": "boolean", "float": "number"}
#: what a CloudEvents string may not hold
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(.*?)`(?: - at `\$(.*)`)?", re.DOTALL)


def decode(kind: type[_Body], body: bytes) -> _Body:
    """Decode a request's JSON; raises BadRequest with what was wrong and what is expected."""
    check_utf8(body)
    try:
        decoded: _Body = _decoders[kind].decode(body)
    except msgspec.ValidationError as e:
        unknown = _UNKNOWN_FIELD.fullmatch(str(e))
        if unknown:
            fields = ", ".join(kind.__struct_fields__)  # type: ignore[attr-defined]
            where = f" in {unknown[2].lstrip('.')}" if unknown[2] else f"; the fields of this call are: {fields}"
            raise BadRequest("unknown_field", f"The field {unknown[1]!r} is not known{where}.") from e
        raise BadRequest("invalid_request", f"{_expected(e)}.") from e
    except msgspec.MsgspecError as e:
        raise BadRequest("invalid_json", f"The body is expected to be a JSON object: {e}.") from e
    except RecursionError as e:
        raise BadRequest("too_deep", "The body is nested too deeply; at most 64 levels are expected.") from e
    return decoded


def decode_register(body: bytes) -> RegisterBody:
    """Check a request to register exactly one name."""
    request = decode(RegisterBody, body)
    named = [kind for kind in ("publisher", "subscriber", "topic") if getattr(request, kind) is not None]
    if len(named) != 1:
        raise BadRequest("invalid_request", 'Exactly one of "publisher", "subscriber" and "topic" is expected.')
    if named != ["topic"] and (request.partitions is not None or request.retention_s is not None):
        raise BadRequest("invalid_request", 'partitions and retention_s are expected with "topic" only.')
    check_name(named[0], getattr(request, named[0]))
    return request


def decode_registered(query: Mapping[str, str]) -> tuple[str, str, int, str | None]:
    """Check what to show: (kind, name, page size, page token); an empty name asks for a list of names."""
    kinds = [kind for kind in ("publisher", "subscriber", "topic") if kind in query]
    if len(kinds) != 1:
        raise BadRequest(
            "invalid_request",
            "Exactly one of the query parameters publisher, subscriber and topic is expected: with a name for its state, "
            "empty for a list of names.",
        )
    name = query[kinds[0]]
    if name:
        check_name(kinds[0], name)
    size = query.get("page_size", "100")
    if not (size.isdecimal() and size.isascii() and 1 <= int(size[:9]) <= MAX_PAGE):
        raise BadRequest("invalid_request", f"page_size: 1 to {MAX_PAGE} is expected; got {size[:40]!r}.")
    after = query.get("page_token")
    if after is not None:
        check_name("page_token", after)
    return kinds[0], name, int(size), after


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
    _check_range("delay_s", delay_s, 0, MAX_DELAY_S)


def decode_subscribe(body: bytes) -> Subscribe:
    """Check a request to subscribe."""
    request = decode(SubscribeBody, body)
    check_name("subscriber", request.subscriber)
    check_name("topic", request.topic)
    if request.start not in (None, "earliest", "latest"):
        raise BadRequest("invalid_request", f'start: "earliest" or "latest" is expected; got {request.start[:40]!r}.')
    if request.ack_deadline_s is not None:
        _check_range("ack_deadline_s", request.ack_deadline_s, 1, MAX_DEADLINE_S)
    if request.token is not None:
        check_token(request.token, "token")
    return Subscribe(request.subscriber, request.topic, request.start, request.ack_deadline_s, request.token)


def decode_unsubscribe(body: bytes) -> UnsubscribeBody:
    """Check a request to unsubscribe."""
    request = decode(UnsubscribeBody, body)
    check_name("subscriber", request.subscriber)
    check_name("topic", request.topic)
    if request.token is not None:
        check_token(request.token, "token")
    return request


def decode_get_events(body: bytes) -> GetEvents:
    """Check a request for events, its settlements included."""
    request = decode(GetEventsBody, body)
    check_name("subscriber", request.subscriber)
    _check_range("max_events", request.max_events, 0, MAX_HANDED_OUT)
    _check_range("wait_s", request.wait_s, 0, MAX_WAIT_S)
    if request.lease is not None:
        check_token(request.lease, "lease")
    for verb in ("ack", "nack", "extend", "release"):
        for number, settlement in enumerate(getattr(request, verb)):
            check_token(settlement.lease, f"{verb}[{number}].lease")
    for number, nack in enumerate(request.nack):
        if nack.delay_s is not None:
            _check_range(f"nack[{number}].delay_s", nack.delay_s, 0, MAX_DELAY_S)
    for number, extend in enumerate(request.extend):
        if extend.seconds is not None:
            _check_range(f"extend[{number}].seconds", extend.seconds, 1, MAX_DEADLINE_S)
    settlements = Settlements(
        ack=[Settlement(ack.lease, ack.events) for ack in request.ack],
        nack=[
            Settlement(nack.lease, nack.events, delay_s=nack.delay_s, reason=_text(nack.reason), dead=nack.dead)
            for nack in request.nack
        ],
        release=[Settlement(release.lease, release.events) for release in request.release],
        extend=[Settlement(extend.lease, extend.events, seconds=extend.seconds) for extend in request.extend],
    )
    return GetEvents(request.subscriber, settlements, request.lease, request.max_events, request.wait_s)


def encode(value: object) -> bytes:
    """JSON of an answer without events."""
    return _encoder.encode(value)


def encode_receipts(partition: int, entries: Sequence[Entry], places: Sequence[tuple[int, int]]) -> bytes:
    """The answer of a publish: each event's id, sequence and commit time, in the order of the request."""
    prefix = sequence_prefix(partition)
    times = {time: rfc3339(time) for _, time in places}
    receipts = [
        {"id": entry.id, "sequence": f"{prefix}{index:020d}", "recordedtime": times[time]}
        for entry, (index, time) in zip(entries, places, strict=True)
    ]
    return _encoder.encode({"events": receipts})


def encode_answer(answer: Answer) -> bytes:
    """The answer of get_events."""
    members: dict[str, Any] = {"lease": answer.lease, "until": rfc3339(answer.until) if answer.until else None}
    members["more"] = answer.more
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
    return b'{"events":[' + b",".join(events) + b"]," + _encoder.encode(members)[1:]


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
    return _CONTROL.sub(" ", reason[: 2 * MAX_REASON]).strip()[:MAX_REASON]


def _check_range(field: str, value: float, low: int, high: int) -> None:
    if not low <= value <= high:
        raise BadRequest("invalid_request", f"{field}: {low} to {high} is expected; got {value}.")


def _expected(error: msgspec.ValidationError) -> str:
    """Our words for a validation error of msgspec: where first, then what."""
    text, _, where = str(error).partition(" - at `$")
    place = where.rstrip("`").lstrip(".")
    text = re.sub(r"`(int|str|bool|float)\b", lambda kind: "`" + _JSON_WORDS[kind[1]], text)
    return f"{place}: {text[0].lower()}{text[1:]}" if place else text
