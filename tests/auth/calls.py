"""Every call there is, as a request about one name."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import requests

from e2e.wire import Wire, cloudevent

__all__ = ["CALLS", "Call", "make", "send"]


class Call(NamedTuple):
    """A call about a name of a kind: what it sends."""

    kind: str
    function: str
    method: str
    #: the body, or the query of a GET, for the name, and for a name of the caller's own
    request: Callable[[str, str], dict[str, Any]]


def _now() -> str:
    """A token that is newer than every name: the emulator's clock is this machine's."""
    return f"{time.time_ns() // 1_000}-a"


CALLS: dict[str, Call] = {
    "register publisher": Call("publisher", "register", "POST", lambda name, _: {"publisher": name}),
    "register subscriber": Call("subscriber", "register", "POST", lambda name, _: {"subscriber": name}),
    "register topic": Call("topic", "register", "POST", lambda name, _: {"topic": name}),
    "register topic as it is": Call(
        "topic", "register", "POST", lambda name, _: {"topic": name, "partitions": 1, "retention_s": 700}
    ),
    "change retention": Call("topic", "register", "POST", lambda name, _: {"topic": name, "retention_s": 800}),
    "change partitions": Call("topic", "register", "POST", lambda name, _: {"topic": name, "partitions": 2}),
    "show publisher": Call("publisher", "register", "GET", lambda name, _: {"publisher": name}),
    "show subscriber": Call("subscriber", "register", "GET", lambda name, _: {"subscriber": name}),
    "show topic": Call("topic", "register", "GET", lambda name, _: {"topic": name}),
    "explain": Call(
        "subscriber",
        "register",
        "GET",
        lambda name, own: {"subscriber": name, "topic": own, "event": "0000-00000000000000000000"},
    ),
    "publish": Call(
        "publisher", "publish", "POST", lambda name, own: {"publisher": name, "topic": own, "events": [cloudevent(1)]}
    ),
    "publish to topic": Call(
        "topic", "publish", "POST", lambda name, own: {"publisher": own, "topic": name, "events": [cloudevent(1)]}
    ),
    "subscribe": Call("subscriber", "subscribe", "POST", lambda name, own: {"subscriber": name, "topic": own}),
    "subscribe to topic": Call("topic", "subscribe", "POST", lambda name, own: {"subscriber": own, "topic": name}),
    "unsubscribe": Call("subscriber", "subscribe", "DELETE", lambda name, own: {"subscriber": name, "topic": own}),
    "redrive": Call(
        "subscriber", "subscribe", "POST", lambda name, own: {"subscriber": name, "topic": own, "redrive": {}}
    ),
    "peek at topic": Call("topic", "get_events", "GET", lambda name, _: {"topic": name, "last": 1}),
    "peek for subscriber": Call("subscriber", "get_events", "GET", lambda name, own: {"topic": own, "of": name}),
    "remove publisher": Call("publisher", "register", "DELETE", lambda name, _: {"publisher": name, "token": _now()}),
    "remove subscriber": Call(
        "subscriber", "register", "DELETE", lambda name, _: {"subscriber": name, "token": _now()}
    ),
    "get events": Call("subscriber", "get_events", "POST", lambda name, _: {"subscriber": name}),
    "settle": Call(
        "subscriber",
        "get_events",
        "POST",
        lambda name, _: {"subscriber": name, "max_events": 0, "ack": [{"lease": "1-a"}]},
    ),
}


def send(wire: Wire, call: Call, name: str, own: str, headers: dict[str, str]) -> requests.Response:
    """Send a call about `name`; `own` is a name of each kind that the caller may use."""
    content = call.request(name, own)
    if call.method == "GET":
        return requests.get(f"{wire.url}/{call.function}", params=content, headers=headers, timeout=60)
    return wire.ask(call.function, content, method=call.method, headers=headers)


def make(wire: Wire, kind: str, name: str, headers: dict[str, str]) -> None:
    """Register a name."""
    more = {"retention_s": 700} if kind == "topic" else {}
    answer = wire.ask("register", {kind: name, **more}, headers=headers)
    assert answer.status_code == 201, answer.text
