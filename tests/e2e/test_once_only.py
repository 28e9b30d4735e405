"""A publish that is tried again stores its events once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from e2e.serving import Serving
from e2e.wire import Wire, cloudevent


def _stored(wire: Wire) -> list[object]:
    """The data of all events of the topic "orders"."""
    wire.subscribe("reader", "orders")
    return [event["data"] for event in wire.events("reader")["events"]]


@pytest.mark.parametrize("since", [True, False], ids=["with since", "without since"])
def test_the_same_request_gets_the_same_receipts(wire: Wire, since: bool) -> None:
    """Two events, sent three times, are two events."""
    wire.publish("orders", cloudevent("before"))
    more = {"since": wire.store_time} if since else {}
    events = [cloudevent(1), cloudevent(2)]
    first = wire.publish("orders", *events, **more)
    assert [receipt["id"] for receipt in first] == [event["id"] for event in events]
    assert wire.publish("orders", *events, **more) == first
    assert wire.publish("orders", *events, **more) == first
    assert _stored(wire) == ["before", 1, 2]


@pytest.mark.parametrize("since", [True, False], ids=["with since", "without since"])
def test_the_same_request_to_another_process_gets_the_same_receipts(
    serving: Serving, start: Callable[[], Serving], since: bool
) -> None:
    """Which has seen none of it: it reads back what was stored."""
    one, other = Wire(serving.url), Wire(start().url)
    other.unique = one.unique
    one.publish("orders", cloudevent("before"))
    more = {"since": one.store_time} if since else {}
    event = cloudevent(1)
    first = one.publish("orders", event, **more)
    for number in range(3):
        one.publish("orders", cloudevent(f"after {number}"))
    assert other.publish("orders", event, **more) == first
    assert _stored(one) == ["before", 1, "after 0", "after 1", "after 2"]
    one.close()
    other.close()


def test_what_is_new_in_a_request_is_stored_and_the_rest_is_found(wire: Wire) -> None:
    """Each event has its own receipt, in the order of the request."""
    old = cloudevent("old")
    [first] = wire.publish("orders", old)
    receipts = wire.publish("orders", cloudevent("new 1"), old, cloudevent("new 2"))
    assert receipts[1] == first
    assert [receipt["sequence"] for receipt in receipts] == [f"0000-{index:020d}" for index in (1, 0, 2)]
    assert _stored(wire) == ["old", "new 1", "new 2"]


def test_the_same_event_twice_in_a_request_is_stored_once(wire: Wire) -> None:
    """Both get its receipt."""
    event = cloudevent(1)
    receipts = wire.publish("orders", event, cloudevent(2), event)
    assert receipts[0] == receipts[2]
    assert _stored(wire) == [1, 2]


def test_time_and_trace_may_differ(wire: Wire) -> None:
    """A client may well stamp a second try anew."""
    event = cloudevent(1, time="2026-01-31T12:00:00Z", traceparent="00-1")
    first = wire.publish("orders", event)
    assert wire.publish("orders", {**event, "time": "2026-01-31T12:00:01Z", "traceparent": "00-2"}) == first


def test_the_same_content_written_otherwise_is_the_same_event(wire: Wire) -> None:
    """Order of members, white space and escapes say nothing."""
    body = '{"topic":"%s","publisher":"%s","events":[%s]}'
    names = wire.name("orders"), wire.name("shop")
    one = '{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a":1,"b":"\u00e9"}}'
    two = '{"data":{"b":"\\u00e9", "a" : 1},\n"type":"t","source":"/s","id":"1","specversion":"1.0"}'
    answers = [wire.ask("publish", (body % (*names, event)).encode()) for event in (one, two)]
    assert answers[0].status_code == answers[1].status_code == 200
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize("name", ["subject", "time", "datacontenttype", "dataschema", "data_base64", "colour"])
@pytest.mark.parametrize("data", [{}, {"data": None}, {"data": 1}], ids=["no data", "null", "data"])
def test_an_attribute_that_is_null_is_not_there(wire: Wire, name: str, data: dict[str, object]) -> None:
    """So that it is the same event, whichever comes first, and within a request too."""
    event = {**cloudevent(), **data}
    for number, (first, second) in enumerate([(event, {**event, name: None}), ({**event, name: None}, event)]):
        topic = f"orders{number}"
        assert wire.publish(topic, first) == wire.publish(topic, second)
        one, other = wire.publish(f"{topic}-at-once", first, second)
        assert one == other


@pytest.mark.parametrize("other", [{}, {"data": 0}, {"data": ""}, {"data": False}, {"data_base64": ""}])
def test_null_is_data(wire: Wire, other: dict[str, object]) -> None:
    """Another payload than none."""
    event = cloudevent()
    body = {"topic": wire.name("orders"), "publisher": wire.name("shop")}
    wire.ok("publish", {**body, "events": [{**event, "data": None}]})
    assert wire.refused("publish", {**body, "events": [{**event, **other}]}) == (422, "payload_differs")


@pytest.mark.parametrize(
    "change",
    [{"data": 2}, {"type": "other"}, {"subject": "other"}, {"colour": "red"}],
    ids=["data", "type", "subject", "extension"],
)
def test_one_identity_with_another_content_is_refused_whole(wire: Wire, change: dict[str, object]) -> None:
    """The problem names the event; what came with it is not stored either."""
    event = cloudevent(1)
    wire.publish("orders", event)
    body = {"topic": wire.name("orders"), "publisher": wire.name("shop")}
    answer = wire.ask("publish", {**body, "events": [cloudevent("new"), {**event, **change}]})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["event"]) == (422, "payload_differs", event["id"])
    assert _stored(wire) == [1]


def test_one_identity_with_two_contents_in_a_request_is_refused_whole(wire: Wire) -> None:
    """The same rule as over two requests."""
    event = cloudevent(1)
    body = {"topic": wire.name("orders"), "publisher": wire.name("shop"), "events": [event, {**event, "data": 2}]}
    assert wire.refused("publish", body) == (422, "payload_differs")
    assert _stored(wire) == []


def test_another_publisher_or_source_or_topic_makes_it_another_event(wire: Wire) -> None:
    """An identity is publisher, source and id, within a topic."""
    event = cloudevent(1)
    [first] = wire.publish("orders", event)
    [second] = wire.publish("orders", event, publisher="other")
    [third] = wire.publish("orders", {**event, "source": "/other"})
    assert [receipt["sequence"][-1] for receipt in (first, second, third)] == ["0", "1", "2"]
    [elsewhere] = wire.publish("stock", event)
    assert elsewhere["sequence"][-1] == "0"
