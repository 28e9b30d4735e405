"""Events that the official package makes: published in every mode, and the same again when the package reads them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent, from_http

from e2e.wire import Wire

_ADDED = ("topic", "sequence", "recordedtime", "attempt")
_CONTENT = [
    pytest.param("application/json", {"a": [1, 2.5, None, "é"]}, id="an object"),
    pytest.param("application/json", "a string", id="a JSON string"),
    pytest.param("application/vnd.example+json", [1, {"b": True}], id="JSON of another name"),
    pytest.param("text/plain", "é, and more", id="text"),
    pytest.param("application/octet-stream", b"\x00\xff", id="bytes"),
    pytest.param(None, None, id="nothing"),
]


def _event(content_type: str | None, data: Any, number: int = 0) -> CloudEvent:
    attributes = {"type": "com.example.made", "source": "/made", "id": f"made-{number}", "subject": "s", "region": "eu"}
    return CloudEvent({**attributes, **({"datacontenttype": content_type} if content_type else {})}, data)


def _publish(wire: Wire, body: bytes, headers: dict[str, str]) -> None:
    query = urlencode({"topic": wire.name("t"), "publisher": wire.name("p")})
    answer = wire.ask(f"publish?{query}", body, headers=headers)
    assert answer.status_code == 200, answer.text


def _received(wire: Wire) -> list[dict[str, Any]]:
    """The events that a subscriber gets, without what the service adds."""
    wire.subscribe("s", "t")
    events = wire.events("s")["events"]
    return [{name: event[name] for name in event if name not in _ADDED} for event in events]


def _attributes(event: CloudEvent) -> dict[str, Any]:
    return dict(event.get_attributes())


def _marshal(content_type: str | None) -> Any:
    """The package writes as JSON only what it is told to."""
    if content_type and content_type.endswith("json"):
        return lambda data: json.dumps(data).encode()
    return lambda data: data.encode() if isinstance(data, str) else data


@pytest.mark.parametrize(("content_type", "data"), _CONTENT)
def test_an_event_of_the_package_comes_through_in_structured_mode(wire: Wire, content_type: str, data: Any) -> None:
    """Read by the package again, it has the same attributes and data."""
    event = _event(content_type, data)
    headers, body = to_structured(event, (lambda data: data))
    _publish(wire, body, headers)
    [received] = _received(wire)
    again = from_http({"content-type": "application/cloudevents+json"}, json.dumps(received))
    assert (_attributes(again), again.get_data()) == (_attributes(event), data)


@pytest.mark.parametrize(("content_type", "data"), _CONTENT)
def test_an_event_of_the_package_comes_through_in_binary_mode(wire: Wire, content_type: str, data: Any) -> None:
    """Read by the package again, it has the same attributes and data."""
    event = _event(content_type, data)
    headers, body = to_binary(event, _marshal(content_type))
    headers = {name.lower(): value for name, value in headers.items()}
    _publish(wire, body or b"", {"Content-Type": headers.pop("content-type", ""), **headers})
    [received] = _received(wire)
    again = from_http({"content-type": "application/cloudevents+json"}, json.dumps(received))
    assert (_attributes(again), again.get_data()) == (_attributes(event), data)


def test_events_of_the_package_come_through_in_a_batch(wire: Wire) -> None:
    """In their order, with the same attributes and data."""
    events = [_event(param.values[0], param.values[1], number) for number, param in enumerate(_CONTENT)]
    bodies = [to_structured(event, (lambda data: data))[1] for event in events]
    _publish(wire, b"[" + b",".join(bodies) + b"]", {"Content-Type": "application/cloudevents-batch+json"})
    headers = {"content-type": "application/cloudevents+json"}
    received = [from_http(headers, json.dumps(one)) for one in _received(wire)]
    assert [_attributes(one) for one in received] == [_attributes(event) for event in events]
    assert [one.get_data() for one in received] == [event.get_data() for event in events]


def test_one_event_in_every_mode_is_one_event(wire: Wire) -> None:
    """Its identity and payload are the same, so it is stored once."""
    event = _event("application/json", {"n": 1})
    headers, body = to_structured(event, (lambda data: data))
    _publish(wire, body, headers)
    _publish(wire, b"[" + body + b"]", {"Content-Type": "application/cloudevents-batch+json"})
    headers, body = to_binary(event, _marshal("application/json"))
    _publish(wire, body, {"Content-Type": headers.pop("content-type"), **headers})
    assert len(_received(wire)) == 1
