"""The OpenAPI 3.1 document of the service. Request schemas come from the types that decode requests, plus their limits.

Source: https://spec.openapis.org/oas/v3.1.1. The responses are in `openapi.responses`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pubsub_emulator.openapi.responses import CURSOR, RESPONSES, responses_of
from pubsub_emulator.openapi.subscribe import FILTER, FILTERS, FOLLOWED, START_POSITION, TOPIC, setting_schema
from pubsubservice import __version__
from pubsubservice.api.cloudevents import BATCHED, STRUCTURED
from pubsubservice.api.get_events import MAX_HANDED_OUT, MAX_WAIT_S, GetEventsBody
from pubsubservice.api.peek import MAX_NEWEST
from pubsubservice.api.publish import MAX_DELAY_S, PublishBody
from pubsubservice.api.register import MAX_ID, MAX_PAGE, ExpireBody, RegisterBody
from pubsubservice.api.removal import RemoveBody
from pubsubservice.api.subscribe import MAX_DEADLINE_S, SubscribeBody, UnsubscribeBody
from pubsubservice.core.ownership import TOKEN_HEADER
from pubsubservice.delivery.peek_cursor import MAX_PEEK_LOGS
from pubsubservice.events.attributes import NAME
from pubsubservice.events.validate import MAX_EVENTS, OURS
from pubsubservice.log.topics import MAX_PARTITIONS
from pubsubservice.redrive.redriving import MAX_REDRIVEN
from pubsubservice.subscribers.records import SETTINGS

__all__ = ["BODIES", "openapi"]

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"}
_UNSET: Schema = {"type": "null"}
_NAME: Schema = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._~%+-]*$", "maxLength": 255}
_TOKEN: Schema = {"type": "string", "pattern": "^[0-9]{1,18}-[A-Za-z0-9_]{1,64}$"}
_SINCE: Schema = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}

#: {field of any request body: its limits, beyond its type}
_FIELDS: dict[str, Schema] = {
    "topic": TOPIC,
    "publisher": _NAME,
    "subscriber": {**_NAME, "maxLength": 250},
    "partitions": {"type": "integer", "minimum": 1, "maximum": MAX_PARTITIONS},
    "retention_s": {"type": "integer", "minimum": 600, "maximum": 10 * 366 * 86_400},
    "since": {**_SINCE, "description": "The newest X-Store-Time received before the first attempt, µs."},
    "far": {"description": "Only with since: recognise events that were stored since then, however long ago."},
    "start": START_POSITION,
    "seek": START_POSITION,
    "filters": FILTERS,
    **{name: setting_schema(setting) for name, setting in SETTINGS.items()},
    "dead_letter_topic": TOPIC,
    "id": {
        "type": "string",
        "minLength": 1,
        "description": "With subscriber and topic: the id of an event to explain.",
    },
    "source": {"type": "string", "minLength": 1, "description": "With id: the source of that event."},
    "token": _TOKEN,
    "lease": _TOKEN,
    "max_events": {"minimum": 0, "maximum": MAX_HANDED_OUT},
    "wait_s": {"minimum": 0, "maximum": MAX_WAIT_S},
    "delay_s": {"minimum": 0, "maximum": MAX_DELAY_S},
    "seconds": {"type": "integer", "minimum": 1, "maximum": MAX_DEADLINE_S},
}

_EVENT: Schema = {
    "title": "CloudEvent",
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        **dict.fromkeys(("id", "source", "type"), _TEXT),
        **{key: {"anyOf": [_TEXT, _UNSET]} for key in ("subject", "datacontenttype", "dataschema")},
        "time": {"anyOf": [{"type": "string", "format": "date-time"}, _UNSET]},
        "data": {},
        "data_base64": {"anyOf": [{"type": "string", "contentEncoding": "base64"}, _UNSET]},
        **dict.fromkeys(sorted(OURS), False),
    },
    "propertyNames": {"pattern": f"^({NAME.pattern}|data_base64)$"},
    "additionalProperties": {
        "anyOf": [
            {"type": "string", "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"},
            {"type": "boolean"},
            {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
            _UNSET,
        ]
    },
    "not": {"required": ["data", "data_base64"], "properties": {"data_base64": {"type": "string"}}},
}


_IDENTITY: Schema = {
    "type": "apiKey",
    "in": "header",
    "name": TOKEN_HEADER,
    "description": "An ID token (OpenID Connect) for this service, where identity is on; ignored otherwise.",
}


def openapi(server: str = "/") -> Schema:
    """Return the OpenAPI document; `server` is the base URL of the functions."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pubsubservice",
            "version": __version__,
            "description": "Publish and subscribe over HTTP, with CloudEvents. One path per function. "
            "Errors are problem documents (RFC 9457).",
        },
        "servers": [{"url": server}],
        "paths": {
            "/register": {
                "post": _call(
                    "register", "Get or create a name, or explain an event", [200, 201], 404, 409, body="RegisterBody"
                ),
                "get": _call("registered", "Show a name, or list names", [200], 404, parameters=_registered()),
                "delete": _call("remove", "Remove a subscriber or a publisher", [204], 409, body="RemoveBody"),
            },
            "/publish": {"post": _publish()},
            "/subscribe": {
                "post": _call(
                    "subscribe",
                    "Subscribe, change a subscription, or redrive dead letters",
                    [200],
                    404,
                    409,
                    body="SubscribeBody",
                ),
                "delete": _call("unsubscribe", "End a subscription", [204], 404, 409, body="UnsubscribeBody"),
            },
            "/get_events": {
                "post": _call("get_events", "Settle events, and get events", [200], 404, body="GetEventsBody"),
                "get": _call("peek", "Look at events of topics, and change nothing", [200], 404, parameters=_peek()),
            },
            "/expire": {"post": _call("expire", "Delete events past their retention", [200], body="ExpireBody")},
        },
        "components": {
            "schemas": {**_bodies(), "CloudEvent": _EVENT, "Filter": FILTER, **RESPONSES},
            "securitySchemes": {"identity": _IDENTITY},
        },
        # a caller without a token is anonymous
        "security": [{}, {"identity": []}],
    }


def _call(
    name: str,
    summary: str,
    success: list[int],
    *refusals: int,
    body: str | None = None,
    parameters: list[Schema] | None = None,
) -> Schema:
    """Return one operation. Its `name` is also the key of its responses."""
    call: Schema = {"operationId": name, "summary": summary, "responses": responses_of(name, success, refusals)}
    if body:
        call["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(body)}}}
    if parameters:
        call["parameters"] = parameters
    return call


def _publish() -> Schema:
    # Only binary mode reads these headers. In the other modes any value is accepted, so the schema has no limits.
    headers = [
        _parameter(f"ce-{name}", {"type": "string"}, "header", "In binary mode; ignored in the others.")
        for name in ("specversion", "id", "source", "type")
    ]
    only = "With the media types and headers of CloudEvents, and only then."
    query = [
        _parameter("topic", TOPIC, description=only),
        _parameter("publisher", _NAME, description=only),
        _parameter("since", _SINCE, description=only),
    ]
    call = _call("publish", "Append events to a topic, each once", [200], 409, 422, parameters=[*query, *headers])
    call["requestBody"] = {
        "required": True,
        "content": {
            "application/json": {"schema": _ref("PublishBody")},
            STRUCTURED: {"schema": _ref("CloudEvent")},
            BATCHED: {"schema": {"type": "array", "items": _ref("CloudEvent"), "maxItems": MAX_EVENTS}},
            "text/plain": {"schema": {"type": "string"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
    return call


def _registered() -> list[Schema]:
    which = "Give one of publisher, subscriber and topic: a name to get its state, empty to list names. With event, give two."
    return [
        *(
            _parameter(kind, {"anyOf": [_FIELDS[kind], {"const": ""}]}, description=which)
            for kind in ("publisher", "subscriber", "topic")
        ),
        _parameter(
            "event",
            {"type": "string", "minLength": 1, "maxLength": MAX_ID},
            description="With subscriber and topic: the sequence or the id of the event whose state to explain.",
        ),
        _parameter("page_size", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 100}),
        _parameter(
            "state", {"const": "1"}, description="With an empty topic or subscriber: a page of states, not names."
        ),
        _parameter("page_token", _NAME, description="The next_page_token of the page before."),
    ]


def _peek() -> list[Schema]:
    begin = "To begin; the cursor of a response has it."
    return [
        _parameter(
            "topic",
            {"type": "array", "items": FOLLOWED, "maxItems": MAX_PEEK_LOGS},
            description="To begin: topics and patterns, one parameter each.",
        ),
        _parameter(
            "start",
            {
                "anyOf": [{"enum": ["latest", "earliest"]}, {"type": "string", "format": "date-time"}],
                "default": "latest",
            },
            description=begin,
        ),
        _parameter(
            "last",
            {"type": "integer", "minimum": 1, "maximum": MAX_NEWEST},
            description="In place of start: how many of the newest events of all named topics together.",
        ),
        _parameter("filters", {"type": "string"}, description=f"{begin} JSON, as filters of subscribe."),
        _parameter("of", _FIELDS["subscriber"], description="Tell what became of each event for this subscriber."),
        _parameter("cursor", CURSOR, description="To read on: the cursor of the last response."),
        _parameter("max_events", {"type": "integer", "minimum": 1, "maximum": MAX_HANDED_OUT, "default": 100}),
        _parameter("wait_s", {"type": "number", "minimum": 0, "maximum": MAX_WAIT_S, "default": 0}),
    ]


def _parameter(name: str, schema: Schema, where: str = "query", description: str = "") -> Schema:
    parameter = {"name": name, "in": where, "schema": schema}
    return {**parameter, "description": description} if description else parameter


def _bodies() -> dict[str, Schema]:
    """Return {name: schema} of the request bodies, from their types and `_FIELDS`."""
    _, schemas = msgspec.json.schema_components(BODIES, ref_template="#/components/schemas/{name}")
    for schema in schemas.values():
        for name, field in schema["properties"].items():
            limits = _FIELDS.get(name)
            if limits is None:
                continue
            if "anyOf" in field:
                field["anyOf"] = [limits, _UNSET]
            else:
                field.update(limits)
    for body in ("SubscribeBody", "UnsubscribeBody"):
        schemas[body]["properties"]["topic"] = FOLLOWED
    schemas["RemoveBody"] |= {
        "required": ["token"],
        "oneOf": [
            {"required": ["subscriber"], "properties": {"publisher": _UNSET}},
            {"required": ["publisher"], "properties": {"subscriber": _UNSET, "force": {"const": False}}},
        ],
    }
    schemas["RemoveBody"]["properties"]["token"] = _TOKEN
    schemas["RedriveBody"]["properties"]["max_events"] |= {"minimum": 1, "maximum": MAX_REDRIVEN}
    schemas["PublishBody"]["properties"]["events"] |= {
        "items": _ref("CloudEvent"),
        "minItems": 1,
        "maxItems": MAX_EVENTS,
    }
    return schemas


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


#: the types of the request bodies; the names of their classes are the names of their schemas
BODIES = (RegisterBody, PublishBody, SubscribeBody, UnsubscribeBody, GetEventsBody, ExpireBody, RemoveBody)
