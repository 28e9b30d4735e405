"""CloudEvents over HTTP: decodes a publish in structured, batched or binary mode into the same `Publish` as any other.

Sources: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md and
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from werkzeug.wrappers import Request

from pubsubservice.api.decoding import decode_envelope
from pubsubservice.api.endpoint import json_body, query, read_body, unsupported_media_type
from pubsubservice.api.publish import Publish, check_publish, decode_publish
from pubsubservice.core.problems import BadRequest
from pubsubservice.events.json_limits import check_utf8
from pubsubservice.events.validate import decode_events

__all__ = ["BATCHED", "STRUCTURED", "decode_published"]

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"

#: names of headers in WSGI; a request with one of them is an event in binary mode
_BINARY = ("HTTP_CE_SPECVERSION", "HTTP_CE_ID", "HTTP_CE_SOURCE", "HTTP_CE_TYPE")
#: attributes that no ce- header may set, and what sets them
_NO_HEADER = {"datacontenttype": "Content-Type", "data": "the body", "data_base64": "the body"}
#: a header that was sent twice with the same value: servers join the values
_TWICE = re.compile(r"(.+), ?\1")
_NAME = re.compile(r"[a-z0-9]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_UTF8 = frozenset({"", "utf-8", "utf8", "us-ascii"})
_since = msgspec.json.Decoder(int)
_value = msgspec.json.Decoder(msgspec.Raw)


def decode_published(request: Request) -> Publish:
    """Decode and check a request to publish, in any of its forms. Raises BadRequest."""
    media_type = request.mimetype
    if media_type.startswith("application/cloudevents"):
        if media_type not in {STRUCTURED, BATCHED}:
            raise unsupported_media_type(f"{STRUCTURED} or {BATCHED} is expected; got {media_type!r}")
    elif not any(header in request.environ for header in _BINARY):
        return decode_publish(json_body(request))
    topic, publisher, since = _target(query(request, "topic", "publisher", "since"))
    body = read_body(request)
    if media_type == BATCHED:
        raws = decode_envelope(list[msgspec.Raw], body)
        if not raws:  # an empty batch is valid in CloudEvents; an empty list in our own format is an error
            return Publish(topic, publisher, [], since)
    elif media_type == STRUCTURED:
        raws = [decode_envelope(msgspec.Raw, body)]
    else:
        body = _binary_event(request, body)
        raws = [msgspec.Raw(body)]
    return Publish(topic, publisher, decode_events(body, raws, publisher), since)


def _target(parameters: Mapping[str, str]) -> tuple[str, str, int | None]:
    """Return topic, publisher and `since` from the query. Raises BadRequest."""
    for name in ("topic", "publisher"):
        if name not in parameters:
            raise BadRequest(
                "invalid_request", f"The query parameter {name!r} is missing: ?topic=…&publisher=… is expected."
            )
    topic, publisher, since = parameters["topic"], parameters["publisher"], None
    if "since" in parameters:
        try:
            since = _since.decode(parameters["since"])
        except msgspec.MsgspecError as e:
            raise BadRequest("invalid_request", "since: a store time in microseconds is expected.") from e
    check_publish(topic, publisher, since)
    return topic, publisher, since


def _binary_event(request: Request, body: bytes) -> bytes:
    """Build the JSON of an event in binary mode: attributes from headers, data from the body, none if it is empty."""
    attributes = {}
    for key, value in request.environ.items():
        if key.startswith("HTTP_CE_"):
            name = key[8:].lower()
            if not _NAME.fullmatch(name):
                # WSGI turns hyphens into underscores: either may have been sent
                raise BadRequest(
                    "invalid_event",
                    f"The header ce-{name} is not expected: names of attributes are a-z 0-9.",
                )
            if _TWICE.fullmatch(value):
                raise BadRequest("invalid_event", f"The header ce-{name} is expected once.")
            if name in _NO_HEADER:
                raise BadRequest(
                    "invalid_event", f"The header ce-{name} is not expected: {_NO_HEADER[name]} sets the attribute."
                )
            attributes[name] = _text(f"ce-{name}", _unquoted(value))
    content_type = request.headers.get("Content-Type", "")
    if content_type:
        attributes["datacontenttype"] = _text("Content-Type", content_type.encode("latin-1"))
    head = json.dumps(attributes, ensure_ascii=False, separators=(",", ":")).encode()
    if not body:
        return head
    data = _data(request.mimetype, request.mimetype_params, body) if content_type else _data_of_unknown_type(body)
    return b"%b%b}" % (head[:-1], data)


def _data_of_unknown_type(body: bytes) -> bytes:
    """Encode data without a Content-Type: as JSON if it is JSON, as the official SDKs send and read it, else as base64."""
    try:
        return b',"data":' + _json(body)
    except BadRequest:
        return b',"data_base64":"%b"' % b64encode(body)


def _data(media_type: str, parameters: Mapping[str, Any], body: bytes) -> bytes:
    """Encode data as a member of the event: JSON as is, text as a string, all else as base64."""
    if parameters.get("charset", "").lower() in _UTF8:
        if media_type.endswith(("/json", "+json")):
            return b',"data":' + _json(body)
        if media_type.startswith("text/") or media_type.endswith(("/xml", "+xml")):
            try:
                return b',"data":' + json.dumps(body.decode(), ensure_ascii=False).encode()
            except UnicodeDecodeError:
                pass
    return b',"data_base64":"%b"' % b64encode(body)


def _json(body: bytes) -> bytes:
    """Return a body that is exactly one JSON value: more would break out of the member into the event's JSON."""
    check_utf8(body)
    try:
        return bytes(_value.decode(body))
    except msgspec.MsgspecError as e:
        raise BadRequest("invalid_event", f"The body is expected to be JSON, as its Content-Type says: {e}.") from e
    except RecursionError as e:
        raise BadRequest("too_deep", "The body is nested too deeply; at most 64 levels are expected.") from e


def _unquoted(value: str) -> bytes:
    """Remove quotes from a header's value (older versions of the binding sent them), and percent-decode it once."""
    quoted = _QUOTED.fullmatch(value)
    if quoted:
        value = re.sub(r"\\(.)", r"\1", quoted[1])
    return value.encode("latin-1") if "%" not in value else unquote_to_bytes(value.encode("latin-1"))


def _text(header: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as e:
        raise BadRequest("invalid_event", f"The header {header} is expected to be UTF-8, percent-encoded.") from e
