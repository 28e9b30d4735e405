"""Whatever is given to a publisher, a batch or an event: it is published, or refused by an error of this package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from pubsubclient import Event, Publisher, PubSubError, Topic
from unit.sdk.scripted import ScriptedService
from unit.sdk.test_junk import JUNK


def _batched(batch: Any, *event: Any, **members: Any) -> None:
    with batch as batching:
        batching.publish(*event, **members)


def _named(name: Any) -> dict[Any, str]:
    try:
        return {name: "b"}
    except TypeError:  # no key of any mapping
        return {}


_MEMBERS = ("type", "subject", "id", "time", "attributes")

#: every parameter of what publishes
_CALLS: dict[str, Callable[[Publisher, Any], object]] = {
    "Publisher(name)": lambda p, v: Publisher(v, service=p._transport.service),
    "Event(topic)": lambda p, v: p.publish(Event(v, 1)),
    "Event(data)": lambda p, v: p.publish(Event("a", v)),
    **{f"Event({name})": lambda p, v, name=name: p.publish(Event("a", 1, **{name: v})) for name in _MEMBERS},
    "Event(an attribute)": lambda p, v: p.publish(Event("a", 1, attributes={"b": v})),
    "Event(an attribute's name)": lambda p, v: p.publish(Event("a", 1, attributes=_named(v))),
    "publish(event)": lambda p, v: p.publish(v),
    "publish(second event)": lambda p, v: p.publish(Event("a"), v),
    "publish(one of an iterable)": lambda p, v: p.publish([Event("a"), v]),
    "publish(topic)": lambda p, v: p.publish(v, 1),
    "publish(data)": lambda p, v: p.publish(Topic("a"), v),
    **{f"publish({name})": lambda p, v, name=name: p.publish("a", 1, **{name: v}) for name in _MEMBERS},
    "publish(delay)": lambda p, v: p.publish("a", 1, delay=v),
    "batch(max_delay)": lambda p, v: _batched(p.batch(max_delay=v), "a", 1),
    "batch(max_events)": lambda p, v: _batched(p.batch(max_events=v), "a", 1),
    "batch(max_bytes)": lambda p, v: _batched(p.batch(max_bytes=v), "a", 1),
    "batch.publish(event)": lambda p, v: _batched(p.batch(), v),
    "batch.publish(data)": lambda p, v: _batched(p.batch(), "a", v),
    **{f"batch.publish({name})": lambda p, v, name=name: _batched(p.batch(), "a", 1, **{name: v}) for name in _MEMBERS},
}


@pytest.mark.parametrize("name", _CALLS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=JUNK)
def test_junk_is_published_or_refused_by_an_error_of_ours(
    name: str, server: ScriptedService, publisher: Publisher, value: Any
) -> None:
    """What is refused sends nothing, and what comes after it is published."""
    before = len(server.calls("publish"))
    try:
        _CALLS[name](publisher, value)
    except PubSubError as error:
        str(error).encode()
        assert len(server.calls("publish")) == before
    assert publisher.publish(Event("a", "after it")).sequence
