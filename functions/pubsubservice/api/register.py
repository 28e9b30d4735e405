"""The wire format of register and expire: decodes and checks requests to register, show, list and explain."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from pubsubservice.api.decoding import decode
from pubsubservice.core.names import check_name
from pubsubservice.core.problems import BadRequest

__all__ = [
    "MAX_ID",
    "MAX_PAGE",
    "ExpireBody",
    "Explain",
    "RegisterBody",
    "Show",
    "decode_register",
    "decode_registered",
]

#: names in one page of a list
MAX_PAGE = 1_000
_NUMBER = re.compile(r"[0-9]{1,9}")
#: characters of an event id in a query; POST takes longer ones
MAX_ID = 2_000


class RegisterBody(msgspec.Struct, forbid_unknown_fields=True):
    publisher: str | None = None
    subscriber: str | None = None
    topic: str | None = None
    partitions: int | None = None
    retention_s: int | None = None
    #: false: an existing topic with other settings is an error, and is not changed
    update: bool = True
    #: with subscriber and topic: the id of the event to explain
    id: str | None = None
    #: with id: the source of the event; any source when None
    source: str | None = None


def decode_register(body: bytes) -> RegisterBody | Explain:
    """Decode and check a request to register one name, or to explain an event by its id. Raises BadRequest."""
    request = decode(RegisterBody, body)
    if request.id is not None or request.source is not None:
        return _check_explain(request)
    named = [kind for kind in ("publisher", "subscriber", "topic") if getattr(request, kind) is not None]
    if len(named) != 1:
        raise BadRequest("invalid_request", 'Exactly one of "publisher", "subscriber" and "topic" is expected.')
    if named != ["topic"] and (request.partitions, request.retention_s, request.update) != (None, None, True):
        raise BadRequest("invalid_request", 'partitions, retention_s and update are expected with "topic" only.')
    check_name(named[0], getattr(request, named[0]))
    return request


class Show(NamedTuple):
    """A checked request to show a name, or a page of names."""

    #: "publisher", "subscriber" or "topic"
    kind: str
    #: the name to show; empty to list names
    name: str
    page_size: int
    #: the name after which the page begins; None for the first page
    page_token: str | None
    #: list states in place of names
    states: bool = False


class Explain(NamedTuple):
    """A checked request to explain what became of an event."""

    subscriber: str
    topic: str
    #: the event's id; in a query, its sequence or its id
    event: str
    #: whether `event` is an id even if it looks like a sequence
    is_id: bool = False
    #: the event's source; any source when None
    source: str | None = None


def decode_registered(query: Mapping[str, str]) -> Show | Explain:
    """Check a query to show a name, to list names, or to explain an event. Raises BadRequest."""
    if "event" in query:
        return _decode_explain(query)
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
    if not (_NUMBER.fullmatch(size) and 1 <= int(size) <= MAX_PAGE):
        raise BadRequest("invalid_request", f"page_size: 1 to {MAX_PAGE} is expected; got {size[:40]!r}.")
    after = query.get("page_token")
    if after is not None:
        check_name("page_token", after)
    states = "state" in query
    if states and (name or kinds[0] == "publisher" or query["state"] != "1"):
        raise BadRequest(
            "invalid_request", "state: 1 is expected, with an empty topic or subscriber, for a page of states."
        )
    return Show(kinds[0], name, int(size), after, states)


def _check_explain(request: RegisterBody) -> Explain:
    if not request.id or not request.subscriber or not request.topic or request.source == "":
        raise BadRequest(
            "invalid_request",
            "With id, subscriber and topic are expected, and source is optional; none of them may be empty.",
        )
    others = (request.publisher, request.partitions, request.retention_s, request.update)
    if others != (None, None, None, True):
        raise BadRequest("invalid_request", "With id, subscriber, topic and source are expected, and nothing else.")
    check_name("subscriber", request.subscriber)
    check_name("topic", request.topic)
    return Explain(request.subscriber, request.topic, request.id, is_id=True, source=request.source)


def _decode_explain(query: Mapping[str, str]) -> Explain:
    if query.keys() != {"subscriber", "topic", "event"}:
        raise BadRequest(
            "invalid_request",
            f"With event, subscriber and topic are expected in the query, and nothing else; got {', '.join(sorted(query))}.",
        )
    check_name("subscriber", query["subscriber"])
    check_name("topic", query["topic"])
    if not 1 <= len(query["event"]) <= MAX_ID:
        raise BadRequest(
            "invalid_request",
            f"event: a sequence such as 0000-00000000000000000017 or an id of 1 to {MAX_ID} characters is expected; "
            f"got {len(query['event'])} characters. POST takes ids of any length.",
        )
    return Explain(query["subscriber"], query["topic"], query["event"])


class ExpireBody(msgspec.Struct, forbid_unknown_fields=True):
    """A request to expire; it has no fields yet."""
