"""What an Event may be, and what becomes of it on the wire."""

from __future__ import annotations

import enum
import json
import math
import pickle
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pubsubclient import Event, InvalidArgument, ReceivedEvent, Topic
from unit.sdk.scripted import event as received

SOURCE = "/publishers/shop"


def sent(event: Event) -> Any:
    return json.loads(event.encode(SOURCE))


def test_an_event_of_a_topic_is_complete() -> None:
    """As the seed's program makes it: an id, a type and the time it is made."""
    before = datetime.now(timezone.utc)
    event = Event(Topic("A"))
    assert event.topic == "A"
    assert uuid.UUID(event.id).version == 4
    assert event.type == "event"
    assert (event.source, event.subject, event.data, event.attributes) == (None, None, None, {})
    assert event.time is not None
    assert before <= event.time <= datetime.now(timezone.utc)


def test_an_event_is_sent_as_a_cloudevent() -> None:
    """With what was given and no more."""
    event = Event(
        "orders",
        {"n": [1, 2.5, None, True, "é"]},
        type="order.made",
        subject="17",
        id="7",
        time="2026-01-31T12:00:00.25+01:00",
        attributes={"region": "eu", "urgent": False, "n": -5, "datacontenttype": "application/json"},
    )
    assert sent(event) == {
        "specversion": "1.0",
        "id": "7",
        "source": SOURCE,
        "type": "order.made",
        "subject": "17",
        "time": "2026-01-31T12:00:00.25+01:00",
        "region": "eu",
        "urgent": False,
        "n": -5,
        "datacontenttype": "application/json",
        "data": {"n": [1, 2.5, None, True, "é"]},
    }
    assert event.source == SOURCE
    assert event.time == datetime(2026, 1, 31, 11, 0, 0, 250_000, tzinfo=timezone.utc)
    assert event.attributes == {"region": "eu", "urgent": False, "n": -5, "datacontenttype": "application/json"}


@pytest.mark.parametrize("data", [b"\x00\xff", bytearray(b"\x00\xff"), memoryview(b"\x00\xff")])
def test_bytes_are_sent_as_base64(data: bytes) -> None:
    """Of any kind."""
    event = Event("orders", data)
    assert sent(event)["data_base64"] == "AP8="
    assert "data" not in sent(event)
    assert event.data == b"\x00\xff"


def test_an_event_without_data_has_no_such_member() -> None:
    """None is no data."""
    assert not {"data", "data_base64"} & set(sent(Event("orders", None)))


def test_data_is_taken_when_the_event_is_made() -> None:
    """So that what is tried again is what was tried."""
    data = {"n": 1}
    event = Event("orders", data)
    data["n"] = 2
    assert sent(event)["data"] == {"n": 1}


def test_a_time_with_a_zone_is_sent_in_utc() -> None:
    """To the microsecond."""
    time = datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    event = Event("orders", time=time)
    assert sent(event)["time"] == "2026-01-31T11:00:00.000005Z"
    assert event.time == time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-31t12:00:00z", datetime(2026, 1, 31, 12, tzinfo=timezone.utc)),
        ("2026-01-31T12:00:00.123456789Z", datetime(2026, 1, 31, 12, 0, 0, 123_456, tzinfo=timezone.utc)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=timezone.utc)),
        ("2026-01-31T12:00:00-03:30", datetime(2026, 1, 31, 15, 30, tzinfo=timezone.utc)),
    ],
)
def test_times_are_read_as_rfc_3339_says(text: str, time: datetime) -> None:
    """And sent as they were given."""
    event = Event("orders", time=text)
    assert event.time == time
    assert sent(event)["time"] == text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"id": ""}, "id: expected a string that is not empty"),
        ({"id": 7}, "id: expected a string; got 7"),
        ({"type": ""}, "type: expected a string that is not empty"),
        ({"subject": "a\nb"}, "subject: a control character or a lone surrogate"),
        ({"type": "\ud800"}, "type: a control character or a lone surrogate"),
        ({"time": "yesterday"}, "time: expected RFC 3339"),
        ({"time": "2026-02-30T12:00:00Z"}, "time: '2026-02-30T12:00:00Z' is no time"),
        (
            {"time": datetime.fromisoformat("2026-01-31T12:00:00")},
            "time: expected a datetime with a time zone",
        ),
        ({"attributes": {"Region": "eu"}}, r"attributes\['Region'\]: an attribute's name has 1 to 20"),
        ({"attributes": {"a" * 21: "eu"}}, "an attribute's name has 1 to 20"),
        ({"attributes": {"source": "/me"}}, r"attributes\['source'\] has an argument of its own, or is set by publish"),
        ({"attributes": {"data": "x"}}, "has an argument of its own"),
        ({"attributes": {"sequence": "1"}}, r"attributes\['sequence'\] is set by the service alone"),
        ({"attributes": {"ratio": 0.5}}, r"attributes\['ratio'\]: expected a string, a boolean or an integer; got 0.5"),
        ({"attributes": {"n": 2**31}}, "expected an integer that fits 32 bits"),
        ({"attributes": {"n": None}}, "expected a string, a boolean or an integer; got None"),
        ({"attributes": {"x": "\x07"}}, "a control character"),
        ({"attributes": {"datacontenttype": ""}}, "expected a string that is not empty"),
        ({"attributes": {"dataschema": 1}}, "expected a string; got 1"),
    ],
)
def test_what_is_no_attribute_is_refused_when_the_event_is_made(arguments: dict[str, Any], says: str) -> None:
    """Naming it."""
    with pytest.raises(InvalidArgument, match=says):
        Event("orders", **arguments)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def circular() -> Any:
    value: list[Any] = []
    value.append(value)
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"a": [1, {"b": math.nan}]}, r"^data\['a'\]\[1\]\['b'\]: nan is not JSON"),
        ([-math.inf], r"^data\[0\]: -inf is not JSON"),
        ({"a": {1, 2}}, r"^data\['a'\]: a set is not JSON; expected dict, list"),
        ({"a": b"bytes"}, r"^data\['a'\]: a bytes is not JSON"),
        (datetime.now(timezone.utc), "^data: a datetime is not JSON"),
        ({"a": {1: "x"}}, r"^data\['a'\]: a key of type int; JSON has only strings for keys"),
        ({None: "x"}, "^data: a key of type NoneType"),
        ([2**64], r"^data\[0\]: an integer that does not fit 64 bits"),
        ([-(2**63) - 1], "does not fit 64 bits"),
        (nested(64), "more than 63 levels of nesting"),
        (nested(5000), "more than 63 levels of nesting"),
        (circular(), "or a value that contains itself"),
        ({"a": "x\ud800"}, "^data: U.D800, after '.*x', is a lone surrogate"),
        ({"\udfff": 1}, "is a lone surrogate"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else type(value).__name__,
)
def test_what_is_not_json_is_refused_when_the_event_is_made(data: Any, says: str) -> None:
    """Naming the place."""
    with pytest.raises(InvalidArgument, match=says):
        Event("orders", data)


class Colour(str, enum.Enum):
    RED = "red"


class Point(NamedTuple):
    x: int
    y: float


@pytest.mark.parametrize(
    ("data", "json_value"),
    [
        (nested(63), nested(63)),
        ([2**64 - 1, -(2**63)], [2**64 - 1, -(2**63)]),
        ((1, (2,)), [1, [2]]),
        ({"c": Colour.RED, "p": Point(1, 0.5)}, {"c": "red", "p": [1, 0.5]}),
        (False, False),
        (0, 0),
        ("", ""),
        ("\x00 \U0001f600", "\x00 \U0001f600"),
    ],
    ids=repr,
)
def test_everything_that_json_can_say_is_sent(data: Any, json_value: Any) -> None:
    """Tuples as arrays, enumerations by their values."""
    assert sent(Event("orders", data))["data"] == json_value


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(json_values)
def test_any_json_value_arrives_as_it_was(data: Any) -> None:
    """Whatever it is made of."""
    assert sent(Event("orders", data)).get("data") == data


def test_an_event_of_more_than_900000_bytes_is_refused() -> None:
    """When it is published, with its size."""
    event = Event("orders", "x" * 900_000, id="7")
    with pytest.raises(InvalidArgument, match=r"The event 7 is 9\d{5} bytes of JSON; at most 900000"):
        event.encode(SOURCE)


def test_an_event_shows_what_it_is() -> None:
    """Without spilling large data."""
    event = Event("orders", {"text": "x" * 1000}, id="7", subject="s")
    assert repr(event).startswith("Event('orders', {'text': 'xxxx")
    assert repr(event).endswith("type='event', id='7', subject='s')")
    assert len(repr(event)) < 150


def test_an_event_does_not_change() -> None:
    """It has been, or may be, published."""
    event = Event("orders")
    with pytest.raises(AttributeError):
        event.id = "8"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        event.colour = "red"  # type: ignore[attr-defined]


def test_a_received_event_tells_what_the_service_added() -> None:
    """Beside what its publisher said."""
    members = {**received(5, attempt=2, recorded_us=1_600_000_000_000_001), "region": "eu", "nothing": None}
    event = ReceivedEvent(members, None)
    assert (event.topic, event.sequence, event.attempt) == ("orders", "0000-00000000000000000005", 2)
    assert event.recordedtime == datetime(2020, 9, 13, 12, 26, 40, 1, tzinfo=timezone.utc)
    assert (event.id, event.source, event.data) == ("id-5", "/publishers/shop", {"n": 5})
    assert event.attributes == {"region": "eu"}
    assert repr(event).endswith("id='id-5', sequence='0000-00000000000000000005', attempt=2)")


def test_a_received_event_is_published_again_without_what_the_service_added() -> None:
    """It stays the same event, of its own source."""
    event = ReceivedEvent({**received(5), "source": "/publishers/elsewhere", "region": "eu", "subject": None}, None)
    assert sent(event) == {
        "specversion": "1.0",
        "id": "id-5",
        "source": "/publishers/elsewhere",
        "type": "event",
        "time": "2023-11-14T22:13:20Z",
        "region": "eu",
        "data": {"n": 5},
    }


def test_received_bytes_are_published_again_as_bytes() -> None:
    """Unchanged."""
    members = received(5)
    del members["data"]
    event = ReceivedEvent({**members, "data_base64": "AP8="}, None)
    assert event.data == b"\x00\xff"
    assert sent(event)["data_base64"] == "AP8="


def test_an_event_survives_pickling_with_what_makes_it_safe_to_publish_again() -> None:
    """Its id, and when it was tried first."""
    event = Event("orders", {"n": 1}, attributes={"region": "eu"})
    event.first_tries["store"] = 17
    again = pickle.loads(pickle.dumps(event))
    assert again.encode(SOURCE) == event.encode(SOURCE)
    assert again.first_tries == {"store": 17}


def test_a_received_event_that_was_pickled_cannot_be_settled() -> None:
    """Its lease is held where it was received."""
    event = ReceivedEvent(received(5), None)
    event.first_tries["store"] = 17
    event = pickle.loads(pickle.dumps(event))
    assert event.data == {"n": 5}
    assert event.first_tries == {"store": 17}
    with pytest.raises(InvalidArgument, match="settle the one that was received"):
        event.ack()
