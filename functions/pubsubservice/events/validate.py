"""Validates published events: CloudEvents 1.0 in JSON, checked once, and kept as the bytes that were sent.

Decodes only an event's attributes, not its data. `json_limits` scans the bytes for JSON that parsers read differently; only
an event with a suspicious spot is parsed in full.
Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import msgspec

from pubsubservice.core.problems import BadRequest
from pubsubservice.events.attributes import CONTROL, MAX_NAME, NAME, are_times
from pubsubservice.events.duplicate_members import repeated_name
from pubsubservice.events.entry import Entry, identity
from pubsubservice.events.fast_path import common_entries
from pubsubservice.events.json_limits import check_utf8_of, check_values, is_suspicious, too_deep

__all__ = [
    "MAX_EVENTS",
    "MAX_EVENT_BYTES",
    "OURS",
    "decode_events",
    "identity_of",
    "same_payload",
]

#: events in one request
MAX_EVENTS = 10_000
#: bytes of one event's JSON
MAX_EVENT_BYTES = 900_000
#: additional bytes for a redriven event, because a redrive adds attributes that the event's publisher did not send
_REDRIVEN_BYTES = 4_096
#: events that the fast path checks as one group
_GROUP_EVENTS = 100

#: attributes that the service adds to every event that it delivers; publishers may not set them
OURS = frozenset({"topic", "sequence", "recordedtime", "attempt"})
_REQUIRED = ("specversion", "id", "source", "type")
_STRINGS = frozenset({"subject", "datacontenttype", "dataschema", "time"})
_KNOWN = _STRINGS.union(_REQUIRED, ("data", "data_base64"))
#: attributes that may differ when a publish is retried
_NOT_PAYLOAD = frozenset({"time", "traceparent", "tracestate"})

_attributes = msgspec.json.Decoder(dict[str, msgspec.Raw])
_string = msgspec.json.Decoder(str)
_any = msgspec.json.Decoder()
_scalar = msgspec.json.Decoder(str | bool | int | None)


def decode_events(body: bytes, raws: Sequence[msgspec.Raw], publisher: str) -> list[Entry]:
    """Validate the events of a request and return them as entries.

    Args:
        body: the whole request, of which all but the events is known to be UTF-8
        raws: the JSON of each event
        publisher: name of the publisher

    Raises BadRequest; the detail names the event by its index, such as ``events[3]``.
    """
    if not raws:
        raise BadRequest("invalid_request", "events: at least one event is expected.")
    if len(raws) > MAX_EVENTS:
        raise BadRequest(
            "too_large", f"events: at most {MAX_EVENTS} in a request; got {len(raws)}. Split the request.", status=413
        )
    lines = [bytes(raw) for raw in raws]
    check_utf8_of(lines, body)
    has_line_breaks = b"\n" in body or b"\r" in body
    entries: list[Entry] = []
    for first in range(0, len(lines), _GROUP_EVENTS):
        group = lines[first : first + _GROUP_EVENTS]
        is_general = has_line_breaks or max(map(len, group)) > MAX_EVENT_BYTES
        common = None if is_general else common_entries(group, publisher, first)
        entries += common or [_decode_event(line, publisher, index) for index, line in enumerate(group, first)]
    return entries


def same_payload(line: bytes, other: bytes) -> bool:
    """Whether two events of one identity have equal members, apart from time and trace attributes.

    Compares parsed values, so that the order of members and white space do not matter.
    """
    if line == other:
        return True
    left, right = _set_members(line), _set_members(other)
    for name in (left.keys() | right.keys()) - _NOT_PAYLOAD:
        if name not in left or name not in right:
            return False
        a, b = bytes(left[name]), bytes(right[name])
        if a != b and _any.decode(a) != _any.decode(b):
            return False
    return True


def _set_members(line: bytes) -> dict[str, msgspec.Raw]:
    """Return an event's members without unset ones: null means unset, except for data, where null is a value."""
    return {name: raw for name, raw in _attributes.decode(line).items() if name == "data" or bytes(raw) != b"null"}


def identity_of(line: bytes) -> tuple[str, str]:
    """Return the source and the id of an accepted event."""
    attributes = _attributes.decode(line)
    return _string.decode(attributes["source"]), _string.decode(attributes["id"])


def _decode_event(line: bytes, publisher: str, index: int) -> Entry:
    """Validate one event of any form; `index` is its index in the request."""
    where = f"events[{index}]"
    limit = MAX_EVENT_BYTES + (_REDRIVEN_BYTES if publisher.endswith(".redrive") else 0)
    if len(line) > limit:
        raise BadRequest(
            "too_large", f"{where}: an event is at most {limit} bytes of JSON; got {len(line)}.", status=413
        )
    try:
        attributes = _attributes.decode(line)
    except msgspec.MsgspecError as e:
        raise BadRequest("invalid_event", f"{where}: a CloudEvent is a JSON object; {e}.") from e
    except RecursionError as e:
        raise too_deep(where) from e
    if is_suspicious(line):
        check_values(line, where)
    event_id, source = _check_attributes(attributes, line, where)
    if b"\n" in line or b"\r" in line:
        line = line.replace(b"\n", b" ").replace(b"\r", b" ")
    return Entry(event_id, source, identity(publisher, source, event_id), line)


def _check_attributes(attributes: dict[str, msgspec.Raw], line: bytes, where: str) -> tuple[str, str]:
    """Check the attributes against the specification; return the event's id and source."""
    values: list[str] = []
    for name in _REQUIRED:
        if name not in attributes:
            raise BadRequest("invalid_event", f"{where}: the required attribute {name!r} is missing.")
        values.append(_text(attributes[name], name, where))
    if values[0] != "1.0":
        raise BadRequest("invalid_event", f"{where}: specversion is expected to be '1.0'; got {values[0]!r}.")
    values += _optional_texts(attributes, where)
    extensions = attributes.keys() - _KNOWN
    if extensions:
        values += _check_extensions(attributes, extensions, where)
    text = "".join(values)
    if CONTROL.search(text):
        raise BadRequest(
            "invalid_event", f"{where}: an attribute holds a control character, which CloudEvents forbids."
        )
    repeated = repeated_name(line, attributes, len(values), text)
    if repeated is not None:
        raise BadRequest("invalid_event", f"{where}: the member {repeated[:40]!r} appears twice.")
    if "data_base64" in attributes:
        _check_base64(attributes, where)
    return values[1], values[2]


def _optional_texts(attributes: dict[str, msgspec.Raw], where: str) -> list[str]:
    """Check the optional string attributes; return the values of those that are set."""
    texts = []
    for name in attributes.keys() & _STRINGS:
        if bytes(attributes[name]) != b"null":
            texts.append(_text(attributes[name], name, where))
            if name == "time" and not are_times(texts[-1:]):
                raise BadRequest(
                    "invalid_event",
                    f"{where}: time is expected as RFC 3339, such as 2026-01-31T12:00:00Z; got {texts[-1]!r}.",
                )
    return texts


def _check_extensions(attributes: dict[str, msgspec.Raw], names: set[str], where: str) -> list[str]:
    """Check the extension attributes; return the values that are strings."""
    ours = names & OURS
    if ours:
        raise BadRequest(
            "invalid_event", f"{where}: {', '.join(sorted(ours))} is set by the service alone; leave it out."
        )
    texts = []
    for name in names:
        if not NAME.fullmatch(name):
            raise BadRequest(
                "invalid_event",
                f"{where}: {name[:40]!r} cannot name an attribute: 1 to {MAX_NAME} of a-z 0-9 are expected.",
            )
        try:
            value = _scalar.decode(attributes[name])
        except (msgspec.MsgspecError, RecursionError) as e:
            raise BadRequest(
                "invalid_event", f"{where}: the attribute {name!r} is expected to be a string, a boolean or an integer."
            ) from e
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, int) and not -(2**31) <= value < 2**31:
            raise BadRequest(
                "invalid_event", f"{where}: the attribute {name!r} is expected to fit 32 bits; got {value}."
            )
    return texts


def _text(raw: msgspec.Raw, name: str, where: str) -> str:
    """Return the value of an attribute that must be a string of at least one character."""
    try:
        value = _string.decode(raw)
    except msgspec.MsgspecError as e:
        raise BadRequest("invalid_event", f"{where}: the attribute {name!r} is expected to be a string.") from e
    if not value:
        raise BadRequest("invalid_event", f"{where}: the attribute {name!r} is empty.")
    return value


def _check_base64(attributes: dict[str, msgspec.Raw], where: str) -> None:
    if bytes(attributes["data_base64"]) == b"null":
        return
    if "data" in attributes:
        raise BadRequest("invalid_event", f"{where}: an event has data or data_base64, not both.")
    try:
        base64.b64decode(_string.decode(attributes["data_base64"]), validate=True)
    except (msgspec.MsgspecError, binascii.Error, ValueError) as e:
        raise BadRequest(
            "invalid_event", f"{where}: data_base64 is expected to be a string of base64 (RFC 4648)."
        ) from e
