"""The wire format of get_events: decodes and checks requests, and encodes responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pubsubservice.api.decoding import check_range, decode, encode
from pubsubservice.api.event_lines import spliced_lines
from pubsubservice.api.publish import MAX_DELAY_S
from pubsubservice.api.subscribe import MAX_DEADLINE_S
from pubsubservice.core.names import check_name
from pubsubservice.core.problems import BadRequest
from pubsubservice.core.times import rfc3339
from pubsubservice.delivery.request import GetEvents, GetEventsResponse
from pubsubservice.events.attributes import CONTROL
from pubsubservice.subscribers.leases import MAX_REASON, Settlement, Settlements
from pubsubservice.subscribers.tokens import check_token

__all__ = ["MAX_HANDED_OUT", "MAX_NAMED", "MAX_SETTLEMENTS", "MAX_WAIT_S", "decode_get_events", "encode_response"]

MAX_WAIT_S = 20
#: events in one response
MAX_HANDED_OUT = 5_000
#: settlements in a request: more than a subscriber can have leases (see `Bounds`)
MAX_SETTLEMENTS = 10_000
#: events named in all settlements of a request: more than a subscriber can have leased (see `Bounds`)
MAX_NAMED = 60_000


class Ack(msgspec.Struct, forbid_unknown_fields=True):
    lease: str
    events: list[tuple[str, str]] | None = None


class Release(Ack):
    delay_s: float = 0.0


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
    release: list[Release] = []


def decode_get_events(body: bytes) -> GetEvents:
    """Decode and check a request for events, including its settlements. Raises BadRequest."""
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
    for verb in ("nack", "release"):
        for number, settlement in enumerate(getattr(request, verb)):
            if settlement.delay_s is not None:
                check_range(f"{verb}[{number}].delay_s", settlement.delay_s, 0, MAX_DELAY_S)
    for number, extend in enumerate(request.extend):
        if extend.seconds is not None:
            check_range(f"extend[{number}].seconds", extend.seconds, 1, MAX_DEADLINE_S)
    settlements = Settlements(
        ack=[Settlement(ack.lease, ack.events) for ack in request.ack],
        nack=[
            Settlement(nack.lease, nack.events, delay_s=nack.delay_s, reason=_text(nack.reason), dead=nack.dead)
            for nack in request.nack
        ],
        release=[Settlement(release.lease, release.events, delay_s=release.delay_s) for release in request.release],
        extend=[Settlement(extend.lease, extend.events, seconds=extend.seconds) for extend in request.extend],
    )
    return GetEvents(request.subscriber, settlements, request.lease, request.max_events, request.wait_s, request.wake)


def _check_settlements(settlements: Sequence[Ack]) -> None:
    """Raise BadRequest for more settlements than any subscriber can need: they would take too long to carry out."""
    named = sum(len(settlement.events or ()) for settlement in settlements)
    for found, limit, kind in (
        (len(settlements), MAX_SETTLEMENTS, "settlements"),
        (named, MAX_NAMED, "events named in them"),
    ):
        if found > limit:
            raise BadRequest(
                "too_many_settlements",
                f"ack, nack, extend, release: at most {limit} {kind} are expected; got {found}. Split the request.",
            )


def encode_response(response: GetEventsResponse) -> bytes:
    """Encode a response of get_events as JSON."""
    members: dict[str, Any] = {"lease": response.lease, "until": rfc3339(response.until) if response.until else None}
    members["more"] = response.more
    if response.ordered:
        members["ordered"] = sorted(response.ordered)
    if response.over:
        members["over"] = True
    if response.blocked:
        members["blocked"] = response.blocked
    if response.unknown:
        members["unknown"] = [{"lease": token, "settlement": verb} for verb, token in response.unknown]
    if response.lost:
        members["lost"] = dict(response.lost)
    events = [line for slice_ in response.slices for line in spliced_lines(slice_, response.attempt)]
    return b'{"events":[%b],%b' % (b",".join(events), encode(members)[1:])


def _text(reason: str) -> str:
    """Make a reason valid as a CloudEvents attribute: without control characters, at most `MAX_REASON` characters."""
    return CONTROL.sub(" ", reason[: 2 * MAX_REASON]).strip()[:MAX_REASON]
