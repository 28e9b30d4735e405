"""What publish sends, and what it makes of the answers."""

from __future__ import annotations

import pickle
import threading
from datetime import datetime, timezone
from typing import Any

import pytest

from pubsubclient import (
    Event,
    InvalidArgument,
    Publisher,
    Receipt,
    Topic,
)
from unit.sdk.scripted import Reply, ScriptedService, problem

STORED = datetime(2023, 11, 14, 22, 13, 20, 1, tzinfo=timezone.utc)


def ids(server: ScriptedService) -> list[list[str]]:
    """The ids of the events of each publish so far."""
    return [[event["id"] for event in body["events"]] for body in server.calls("publish")]


def test_a_publisher_registers_when_it_is_made(server: ScriptedService, publisher: Publisher) -> None:
    """So that a program fails at its start, if it does."""
    [asked] = server.asked
    assert (asked.method, asked.function, asked.body) == ("POST", "register", {"publisher": "shop"})
    assert asked.headers["User-Agent"].startswith("pubsubclient/")
    assert asked.headers["Content-Type"] == "application/json"


def test_an_event_is_published_in_one_request(server: ScriptedService, publisher: Publisher) -> None:
    """With the time before which it cannot have been stored."""
    event = Event(Topic("orders"), {"n": 1}, id="7", time="2026-01-31T12:00:00Z")
    receipt = publisher.publish(event)
    assert receipt == Receipt("7", "0000-00000000000000000001", STORED)
    [body] = server.calls("publish")
    since = body.pop("since")
    assert 1_700_000_000_000_000 <= since < 1_700_000_001_000_000
    assert body == {
        "topic": "orders",
        "publisher": "shop",
        "events": [
            {
                "specversion": "1.0",
                "id": "7",
                "source": "/publishers/shop",
                "type": "event",
                "time": "2026-01-31T12:00:00Z",
                "data": {"n": 1},
            }
        ],
    }


def test_several_events_get_several_receipts(server: ScriptedService, publisher: Publisher) -> None:
    """As arguments, or from an iterable, also of one."""
    one, two = Event("orders", id="1"), Event("orders", id="2")
    assert [receipt.id for receipt in publisher.publish(one, two)] == ["1", "2"]
    assert [receipt.id for receipt in publisher.publish(event for event in (two, one))] == ["2", "1"]
    assert [receipt.id for receipt in publisher.publish([one])] == ["1"]
    assert ids(server) == [["1", "2"], ["2", "1"], ["1"]]


def test_no_events_are_no_request(server: ScriptedService, publisher: Publisher) -> None:
    """And no receipts."""
    assert publisher.publish([]) == []
    assert server.calls("publish") == []


@pytest.mark.parametrize("topic", ["orders", Topic("orders")])
def test_a_topic_and_data_are_an_event(server: ScriptedService, publisher: Publisher, topic: Topic | str) -> None:
    """For the simple cases."""
    assert isinstance(publisher.publish(topic, {"n": 1}), Receipt)
    assert isinstance(publisher.publish(topic), Receipt)
    first, second = (body["events"][0] for body in server.calls("publish"))
    assert first["data"] == {"n": 1}
    assert "data" not in second


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((7,), "publish takes an event, several, one iterable of events, or a topic and data"),
        ((b"bytes",), "publish takes"),
        (([Event("a")], Event("a")), "publish takes"),
        ((Event("a"), {"n": 1}), "expected events; got a dict at 1"),
        (({"n": 1},), "expected events; got a str at 0: 'n'"),
        (("orders", 1, 2), "takes one value of data; got 2"),
        (("orders", {1}), "^data: a set is not JSON"),
        (("no topic",), "cannot name a topic"),
        (([Event("a"), Event("a", "x" * 900_000)],), "at most 900000 are expected"),
    ],
)
def test_what_cannot_be_published_is_refused(
    server: ScriptedService, publisher: Publisher, arguments: tuple[Any, ...], says: str
) -> None:
    """Before anything of it is sent."""
    with pytest.raises(InvalidArgument, match=says):
        publisher.publish(*arguments)
    assert server.calls("publish") == []


def test_events_of_several_topics_are_grouped(server: ScriptedService, publisher: Publisher) -> None:
    """One request for each topic, their order kept, the receipts in the order of the call."""
    events = [Event(topic, id=f"{n}") for n, topic in enumerate(["b", "a", "b", "c", "a"])]
    receipts = publisher.publish(events)
    assert [receipt.id for receipt in receipts] == ["0", "1", "2", "3", "4"]
    assert [body["topic"] for body in server.calls("publish")] == ["b", "a", "c"]
    assert ids(server) == [["0", "2"], ["1", "4"], ["3"]]


def test_more_than_10000_events_are_several_requests(server: ScriptedService, publisher: Publisher) -> None:
    """In order."""
    events = [Event("orders", id=f"{n}") for n in range(20_001)]
    receipts = publisher.publish(events)
    assert [receipt.id for receipt in receipts] == [event.id for event in events]
    assert [len(body["events"]) for body in server.calls("publish")] == [10_000, 10_000, 1]


def test_more_than_4_mebibytes_are_several_requests(server: ScriptedService, publisher: Publisher) -> None:
    """Each within the limit, none smaller than it need be."""
    events = [Event("orders", "x" * 800_000, id=f"{n}") for n in range(12)]
    publisher.publish(events)
    assert [len(body["events"]) for body in server.calls("publish")] == [5, 5, 2]
    sizes = [len(asked.raw) for asked in server.asked if asked.function == "publish"]
    assert max(sizes) <= 4 * 1024 * 1024


def test_what_the_service_finds_too_large_is_halved(server: ScriptedService, publisher: Publisher) -> None:
    """It counts compressed bytes; the smaller size is kept for the rest of the call."""

    def at_most_three(body: Any) -> Reply:
        if len(body["events"]) > 3:
            return problem(413, "too_large")
        return Reply({"events": [server.receipt(event) for event in body["events"]]})

    server.script("publish", *[at_most_three] * 10)
    events = [Event("orders", id=f"{n:02d}") for n in range(10)]
    receipts = publisher.publish(events)
    assert [len(body["events"]) for body in server.calls("publish")] == [10, 5, 2, 2, 2, 2, 2]
    assert [receipt.id for receipt in receipts] == [event.id for event in events]
    assert len({receipt.sequence for receipt in receipts}) == 10


def test_unknown_members_of_an_answer_are_ignored(server: ScriptedService, publisher: Publisher) -> None:
    """A newer service may say more."""

    def more(body: Any) -> Reply:
        return Reply({"events": [{**server.receipt(body["events"][0]), "new": 1}], "new": 2})

    server.script("publish", more)
    assert publisher.publish(Event("orders", id="7")).id == "7"


def test_threads_share_a_publisher(server: ScriptedService, publisher: Publisher) -> None:
    """Each event is stored once, each thread's in its order."""

    def publish(thread: int) -> None:
        for n in range(20):
            assert publisher.publish(Event("orders", id=f"{thread}-{n}")).id == f"{thread}-{n}"

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    published = [event_id for [event_id] in ids(server)]
    assert len(set(published)) == len(published) == 160
    for thread_number in range(8):
        mine = [event_id for event_id in published if event_id.startswith(f"{thread_number}-")]
        assert mine == [f"{thread_number}-{n}" for n in range(20)]


def test_an_event_is_made_of_named_arguments(server: ScriptedService, publisher: Publisher) -> None:
    """Those of `Event`, beside a topic; in a batch too."""
    publisher.publish(
        "orders", data={"number": 1}, type="order.placed", subject="1", id="a", attributes={"region": "eu"}
    )
    publisher.publish(Topic("orders"), {"number": 1}, type="order.placed", time="2026-01-01T00:00:00Z", delay=5)
    with publisher.batch() as batch:
        batch.publish("orders", {"number": 1}, type="order.placed", subject="1")
    first, second, third = (body["events"][0] for body in server.calls("publish"))
    assert {name: first[name] for name in ("data", "type", "subject", "id", "region")} == {
        "data": {"number": 1}, "type": "order.placed", "subject": "1", "id": "a", "region": "eu",
    }  # fmt: skip
    assert (second["data"], second["type"], second["time"]) == ({"number": 1}, "order.placed", "2026-01-01T00:00:00Z")
    assert (third["data"], third["type"], third["subject"]) == ({"number": 1}, "order.placed", "1")


@pytest.mark.parametrize(
    ("arguments", "named", "says"),
    [
        ((Event("orders"),), {"type": "order.placed"}, "type"),
        ((Event("orders"), Event("orders")), {"data": 1}, "data"),
        (("orders", 1), {"data": 2}, "one value"),
        (("orders", 1, 2), {}, "one value"),
        (("orders",), {"topic": "orders"}, "topic"),
        (("orders",), {"kind": "order.placed"}, "kind"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(
    server: ScriptedService, publisher: Publisher, arguments: Any, named: Any, says: str
) -> None:
    """Nothing is sent."""
    with pytest.raises(InvalidArgument, match=says):
        publisher.publish(*arguments, **named)
    with publisher.batch() as batch, pytest.raises((InvalidArgument, TypeError)):
        batch.publish(*arguments, **named)
    assert server.calls("publish") == []


def test_what_holds_connections_is_not_pickled(publisher: Publisher) -> None:
    """A publisher and its batch belong to their process."""
    batch = publisher.batch()
    for thing in (publisher, batch):
        with pytest.raises(InvalidArgument, match="cannot be pickled"):
            pickle.dumps(thing)
    batch.close()


@pytest.mark.parametrize("options", [{"max_events": "3"}, {"max_bytes": 0}, {"max_delay": None}, {"max_delay": -1}])
def test_a_batch_says_what_it_expects(publisher: Publisher, options: Any) -> None:
    """With the argument's name."""
    with pytest.raises(InvalidArgument, match=next(iter(options))):
        publisher.batch(**options)


def test_bytes_may_lie_apart(server: ScriptedService, publisher: Publisher) -> None:
    """A view of every second one is data too."""
    publisher.publish("orders", memoryview(b"abcdef")[::2])
    assert server.calls("publish")[0]["events"][0]["data_base64"] == "YWNl"
