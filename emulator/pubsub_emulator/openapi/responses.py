"""The service's responses as JSON Schema: states, receipts, events, problems, and the headers of every response."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pubsub_emulator.openapi.subscribe import setting_schema
from pubsubservice.delivery.peek_cursor import MAX_CURSOR
from pubsubservice.subscribers.records import SETTINGS

__all__ = ["CODES", "CURSOR", "RESPONSES", "STATES", "responses_of"]

Schema = dict[str, Any]

#: {HTTP status: the codes of its problems}
CODES: dict[int, tuple[str, ...]] = {
    400: (
        "invalid_json", "invalid_request", "unknown_field", "invalid_name", "invalid_event", "invalid_number", "too_deep",
        "invalid_token", "invalid_filter", "unknown_dialect", "invalid_position", "too_many_subscriptions",
        "delay_too_long", "too_many_settlements", "invalid_cursor", "too_many_logs",
    ),
    401: ("invalid_identity_token",),
    403: ("not_owner",),
    404: ("unknown_subscriber", "unknown_topic", "unknown_publisher", "unknown_subscription"),
    405: ("method_not_allowed",),
    409: ("partitions_fixed", "settings_differ", "older_token", "ordinary_topic", "too_far"),
    413: ("too_large",),
    415: ("unsupported_media_type",),
    422: ("payload_differs",),
    500: ("internal",),
    503: (
        "contended", "store_unavailable", "newer_format", "interrupted", "certificates_unavailable", "dead_letters_left",
    ),
}  # fmt: skip
#: the statuses of problems that every operation may return
_COMMON_REFUSALS = (400, 401, 403, 405, 413, 415, 500, 503)

#: the states of an event, as an explanation gives them
STATES = (
    "not_read", "before_start", "filtered", "delayed", "leased", "due", "dead", "dead_lettered", "dropped", "settled",
    "trimmed", "unknown_event",
)  # fmt: skip

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
#: {topic: count}
_COUNTS: Schema = {"type": "object", "additionalProperties": _COUNT}
_AGE: Schema = {"type": ["number", "null"], "minimum": 0}
_TIME: Schema = {"type": "string", "pattern": "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z$"}
CURSOR: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": MAX_CURSOR}
_SEQUENCE: Schema = {"type": "string", "pattern": "^\\d{4}-\\d{20}$"}


def _object(members: dict[str, Schema], **optional: Schema) -> Schema:
    """Return the schema of an object that requires `members`, may have the `optional` ones, and no others."""
    return {
        "type": "object",
        "required": list(members),
        "properties": {**members, **optional},
        "additionalProperties": False,
    }


def _event(added: dict[str, Schema]) -> Schema:
    """Return the schema of an event as responses hold it, with the attributes that the service added."""
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type", *added],
        "properties": {"specversion": {"const": "1.0"}, "id": _TEXT, "source": _TEXT, "type": _TEXT, **added},
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_SUBSCRIPTION = {
    "topic": _TEXT,
    **{name: setting_schema(setting) for name, setting in SETTINGS.items()},
    "dead_letter_topic": _TEXT,
    "filters": _list({"type": "object"}),
    "position": _list(_SEQUENCE),
}
#: the pattern through which a subscriber got a topic
_VIA = {"via": _TEXT}
_ADDED = {"topic": _TEXT, "sequence": _SEQUENCE, "recordedtime": _TIME, "attempt": {"type": "integer", "minimum": 1}}

RESPONSES: dict[str, Schema] = {
    "Publisher": _object({"publisher": _TEXT}),
    "Topic": _object({"topic": _TEXT, "partitions": _COUNT, "retention_s": _COUNT}),
    "TopicState": _object(
        {"topic": _TEXT, "partitions": _COUNT, "retention_s": _COUNT, "dead_letter": {"type": "boolean"}},
        events=_COUNT,
        logs=_list(_object({"first": _SEQUENCE, "next": _SEQUENCE}, newest=_TIME)),
    ),
    "Subscriber": _object(
        {
            "subscriber": _TEXT,
            "subscriptions": _list(
                _object(
                    {**_SUBSCRIPTION, "backlog": _COUNT, "unsettled": _COUNT, "oldest_age_s": _AGE, "lost": _COUNT},
                    **_VIA,
                    dropped=_COUNT,
                    unmet=_COUNT,
                )
            ),
            "backlog": _COUNT,
            "unsettled": _COUNT,
            "oldest_unsettled_age_s": _AGE,
            "leases": _list(
                _object({"lease": _TEXT, "until": _TIME, "attempt": _COUNT, "events": _COUNT, "topics": _COUNTS})
            ),
            "due": _COUNT,
            "delayed": _COUNT,
            "next_due_at": {"anyOf": [_TIME, {"type": "null"}]},
            "dead": _COUNT,
            "changed_at": _TIME,
        },
        unfollowed=_COUNT,
        more_topics={"const": True},
    ),
    "Registered": _object({"subscriber": _TEXT, "subscriptions": _list(_object(_SUBSCRIPTION, **_VIA))}),
    "Explanation": _object(
        {
            "subscriber": _TEXT,
            "topic": _TEXT,
            "event": _object({}, sequence=_SEQUENCE, id=_TEXT),
            "state": {"enum": list(STATES)},
        },
        clause=_TEXT,
        until=_TIME,
        at=_TIME,
        lease=_TEXT,
        attempt={"type": "integer", "minimum": 1},
        reason=_TEXT,
        dead_letter_topic=_TEXT,
        searched_batches=_COUNT,
    ),
    "States": {
        "anyOf": [
            _object({f"{kind.lower()}s": _list({"$ref": f"#/components/schemas/{schema}"})}, next_page_token=_TEXT)
            for kind, schema in (("Topic", "TopicState"), ("Subscriber", "Subscriber"))
        ]
    },
    "Names": _object({"names": _list(_TEXT)}, next_page_token=_TEXT),
    "Subscription": _object(_SUBSCRIPTION, **_VIA),
    "Redriven": _object(
        {"redriven": _COUNT, "passed": _COUNT, "more": {"type": "boolean"}},
        token=_TEXT,
        refused=_list(_object({"topic": _TEXT, "code": _TEXT, "detail": _TEXT, "events": _COUNT})),
    ),
    "Receipts": _object({"events": _list(_object({"id": _TEXT, "sequence": _SEQUENCE, "recordedtime": _TIME}))}),
    "Expired": _object({"topics": _COUNT, "batches": _COUNT, "more": {"type": "boolean"}}),
    "DeliveredEvent": _event(_ADDED),
    "PeekedEvent": _event({name: schema for name, schema in _ADDED.items() if name != "attempt"}),
    "Peeked": _object(
        {
            "events": _list({"$ref": "#/components/schemas/PeekedEvent"}),
            "cursor": CURSOR,
            "more": {"type": "boolean"},
        },
        lost=_COUNTS,
        states={
            "type": "object",
            "additionalProperties": {"type": "object", "additionalProperties": {"enum": [*STATES]}},
        },
    ),
    "Events": _object(
        {
            "events": _list({"$ref": "#/components/schemas/DeliveredEvent"}),
            "lease": {"type": ["string", "null"]},
            "until": {"anyOf": [_TIME, {"type": "null"}]},
            "more": {"type": "boolean"},
        },
        over={"const": True},
        blocked={"enum": ["leases", "dead", "delayed", "ordered", "logs"]},
        unknown=_list(_object({"lease": _TEXT, "settlement": {"enum": ["ack", "nack", "release", "extend"]}})),
        lost=_COUNTS,
    ),
}

#: {operation: the names of the schemas that a success may have}
_SUCCESSES = {
    "register": ("Publisher", "Registered", "Topic", "Explanation"),
    "registered": ("Publisher", "Subscriber", "TopicState", "Names", "States", "Explanation"),
    "publish": ("Receipts",),
    "subscribe": ("Subscription", "Redriven"),
    "get_events": ("Events",),
    "peek": ("Peeked",),
    "expire": ("Expired",),
}


def _header(description: str, schema: Schema, *, required: bool = True) -> Schema:
    return {"description": description, "required": required, "schema": schema}


_HEADERS = {
    "X-Store-Ops": _header(
        "Store operations billed.", {"type": "string", "pattern": "^reads=\\d+, writes=\\d+, deletes=\\d+$"}
    ),
    "X-Store-Time": _header(
        "A store time that has passed, µs; absent if the request did not use the store.", _COUNT, required=False
    ),
    "X-Service-Version": _header("The service's version.", _TEXT),
    "Server-Timing": _header("The service's time for the request, ms.", _TEXT),
}
_RETRY_AFTER = {"Retry-After": _header("Seconds to wait before trying again.", _COUNT, required=False)}


def responses_of(operation: str, success: Iterable[int], refusals: Iterable[int]) -> dict[str, Schema]:
    """Return {status: response} of an operation: its successes, its own refusals, and the common refusals."""
    responses: dict[str, Schema] = {}
    for status in success:
        responses[str(status)] = {"description": "Done.", "headers": {**_HEADERS, **_RETRY_AFTER}}
        if status != 204:
            schemas = [{"$ref": f"#/components/schemas/{name}"} for name in _SUCCESSES[operation]]
            responses[str(status)]["content"] = {"application/json": {"schema": {"anyOf": schemas}}}
    for status in sorted({*refusals, *_COMMON_REFUSALS}):
        responses[str(status)] = _refusal(status)
    return responses


def _refusal(status: int) -> Schema:
    document = _object(
        {
            "type": {"const": "about:blank"},
            "title": _TEXT,
            "status": {"const": status},
            "detail": _TEXT,
            "code": {"enum": list(CODES[status])},
        },
        **({"event": _TEXT} if status == 422 else {}),
    )
    headers = dict(_HEADERS)
    if status == 401:
        headers["WWW-Authenticate"] = _header(
            "The challenge: the request needs an ID token that this service trusts.", _TEXT
        )
    if status == 405:
        headers["Allow"] = _header("The methods that the function accepts.", _TEXT)
    if status == 503:
        headers.update(_RETRY_AFTER)
    return {
        "description": ", ".join(CODES[status]) + ".",
        "headers": headers,
        "content": {"application/problem+json": {"schema": document}},
    }
