"""What an Event may be, and what becomes of it on the wire."""

from __future__ import annotations

import json
import pickle
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

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
        ({"subject": "a\nb"}, "subject: expected no control characters or lone surrogates"),
        ({"type": "\ud800"}, "type: expected no control characters or lone surrogates"),
        ({"time": "yesterday"}, "time: expected RFC 3339"),
        ({"time": "2026-02-30T12:00:00Z"}, "time: expected a time that exists; got '2026-02-30T12:00:00Z'"),
        (
            {"time": datetime.fromisoformat("2026-01-31T12:00:00")},
            "time: expected a datetime with a time zone",
        ),
        ({"attributes": {"Region": "eu"}}, r"attributes\['Region'\]: expected a name of 1 to 256"),
        ({"attributes": {"a" * 257: "eu"}}, "expected a name of 1 to 256"),
        (
            {"attributes": {"source": "/me"}},
            r"attributes\['source'\]: use the argument of that name; publish sets source",
        ),
        ({"attributes": {"data": "x"}}, "use the argument of that name"),
        ({"attributes": {"sequence": "1"}}, r"attributes\['sequence'\]: only the service sets this attribute"),
        ({"attributes": {"ratio": 0.5}}, r"attributes\['ratio'\]: expected a string, a boolean or an integer; got 0.5"),
        ({"attributes": {"n": 2**31}}, "expected an integer that fits 32 bits"),
        ({"attributes": {"n": None}}, "expected a string, a boolean or an integer; got None"),
        ({"attributes": {"x": "\x07"}}, "expected no control characters"),
        ({"attributes": {"datacontenttype": ""}}, "expected a string that is not empty"),
        ({"attributes": {"dataschema": 1}}, "expected a string; got 1"),
    ],
)
def test_what_is_no_attribute_is_refused_when_the_event_is_made(arguments: dict[str, Any], says: str) -> None:
    """Naming it."""
    with pytest.raises(InvalidArgument, match=says):
        Event("orders", **arguments)


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
    """Unchanged, also where another text stands for the same bytes."""
    members = received(5)
    del members["data"]
    for text in ("AP8=", "AP9="):
        event = ReceivedEvent({**members, "data_base64": text}, None)
        assert event.data == b"\x00\xff"
        assert sent(event)["data_base64"] == text


@pytest.mark.parametrize("more", [{}, {"data": None}, {"data": None, "data_base64": None}, {"data_base64": None}])
def test_null_that_was_received_is_published_again_and_no_data_is_none(more: dict[str, Any]) -> None:
    """Both are None in Python; the members tell them apart, after pickling too."""
    members = received(5)
    del members["data"]
    event = ReceivedEvent({**members, **more}, None)
    for one in (event, pickle.loads(pickle.dumps(event))):
        assert one.data is None
        assert ("data" in one.members) == ("data" in more)
        assert {name: value for name, value in sent(one).items() if name.startswith("data")} == (
            {"data": None} if "data" in more else {}
        )


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
