"""Events in a test's hands, and what became of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from pubsubclient import Events, Subscriber
from unit.sdk.scripted import ScriptedService, event, lease

__all__ = ["in_thread", "ref", "settled", "take"]

VERBS = ("ack", "nack", "release", "extend")


def take(server: ScriptedService, subscriber: Subscriber, *numbers: int) -> tuple[Events, str]:
    """Get events of these numbers; returns them, and the token of their lease."""
    server.script("get_events", lease(*map(event, numbers)))
    events = subscriber.get_events()
    assert [e.data["n"] for e in events] == list(numbers)
    return events, server.calls("get_events")[-1]["lease"]


def settled(server: ScriptedService, call: int = -1) -> dict[str, Any]:
    """What a call of get_events settled."""
    return {verb: settlements for verb, settlements in server.calls("get_events")[call].items() if verb in VERBS}


def ref(number: int) -> list[str]:
    return ["orders", f"0000-{number:020d}"]


def in_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
