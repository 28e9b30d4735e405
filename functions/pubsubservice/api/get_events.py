"""The wire of get_events: requests decoded and checked once, answers written as bytes.

The events of an answer are the lines that were published, with our attributes spliced in: they are never decoded again.
`registering` and `subscribing` have the other calls.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from pubsubservice.api.decoding import check_range, decode, encode
from pubsubservice.api.publish import MAX_DELAY_S
from pubsubservice.api.subscribe import MAX_DEADLINE_S
from pubsubservice.core.names import check_name
from pubsubservice.core.problems import BadRequest
from pubsubservice.core.times import rfc3339
from pubsubservice.delivery.get_events import GetEvents, GetEventsResponse
from pubsubservice.delivery.slices import Slice
from pubsubservice.events.attributes import CONTROL
from pubsubservice.log.sequence import sequence_prefix
from pubsubservice.subscribers.leases import MAX_REASON, Settlement, Settlements
from pubsubservice.subscribers.spans import positions
from pubsubservice.subscribers.tokens import check_token

__all__ = ["MAX_HANDED_OUT", "MAX_NAMED", "MAX_SETTLEMENTS", "MAX_WAIT_S", "decode_get_events", "encode_response"]

MAX_WAIT_S = 20
MAX_HANDED_OUT = 5_000
#: settlements in a request, and events named in all of them: more than a subscriber can have in hand (see `bounds`)
MAX_SETTLEMENTS = 10_000
MAX_NAMED = 60_000


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


def encode_response(answer: GetEventsResponse) -> bytes:
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
    return b'{"events":[%b],%b' % (b",".join(events), encode(members)[1:])


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
