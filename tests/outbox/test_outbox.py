"""What a program adds is published after its commit."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from outbox.stores import connector, rows
from pubsubclient import App, ConfigurationError, Event, InvalidArgument, Topic, Unavailable
from pubsubclient.outbox import Outbox
from pubsubclient.testing import Local


@pytest.fixture
def outbox(address: str) -> Outbox:
    return Outbox(connect=connector(address), publisher="shop")


@pytest.fixture
def connection(address: str, outbox: Outbox) -> Iterator[Any]:
    with closing(connector(address)()) as opened:
        outbox.create(opened)
        opened.commit()
        yield opened


def data(pubsub: Local, topic: str) -> list[Any]:
    return [event.data for event in pubsub.published(topic)]


def test_events_come_after_the_commit_and_keep_all_they_had(pubsub: Local, outbox: Outbox, connection: Any) -> None:
    added = outbox.add(connection, "orders", {"number": 17}, type="order.placed", subject="17", attributes={"eu": True})
    outbox.add(connection, Topic("files", of=bytes), b"\0\xff")
    assert outbox.relay().run_once() == 0
    connection.commit()
    assert outbox.relay().run_once() == 2
    [event] = pubsub.published("orders")
    assert (event.id, event.type, event.subject, event.time) == (added.id, "order.placed", "17", added.time)
    assert (event.data, event.attributes, event.source) == ({"number": 17}, {"eu": True}, "/publishers/shop")
    assert data(pubsub, "files") == [b"\0\xff"]


def test_what_is_rolled_back_is_not_published(pubsub: Local, outbox: Outbox, connection: Any) -> None:
    outbox.add(connection, "orders", 1)
    connection.rollback()
    outbox.add(connection, "orders", 2)
    connection.commit()
    assert outbox.relay().run_once() == 1
    assert data(pubsub, "orders") == [2]


def test_a_delay_counts_from_the_moment_of_storing(pubsub: Local, outbox: Outbox, connection: Any) -> None:
    app = App("billing")
    seen: list[Any] = []

    def remember(order: Any) -> None:
        seen.append(order)

    app.handler("orders")(remember)
    pubsub.deliver(app)
    outbox.add(connection, "orders", "later", delay=60)
    outbox.add(connection, "orders", "now")
    connection.commit()
    outbox.relay().run_once()
    pubsub.deliver(app)
    assert seen == ["now"]
    pubsub.advance(60)
    pubsub.deliver(app)
    assert seen == ["now", "later"]


def test_many_events_take_rounds_and_keep_their_order(pubsub: Local, outbox: Outbox, connection: Any) -> None:
    for number in range(1_203):
        outbox.add(connection, f"t{number % 2}", number)
    connection.commit()
    assert outbox.relay().run_once() == 1_203
    assert data(pubsub, "t0") == list(range(0, 1_203, 2))
    assert data(pubsub, "t1") == list(range(1, 1_203, 2))


def test_large_events_take_rounds_of_eight_million_characters(pubsub: Local, outbox: Outbox, connection: Any) -> None:
    for _ in range(12):
        outbox.add(connection, "large", "x" * 800_000)
    connection.commit()
    pubsub.calls.clear()
    assert outbox.relay().run_once() == 12
    assert len(pubsub.published("large")) == 12
    [first, *_] = [call for call in pubsub.calls if call.function == "publish"]
    assert len(first.body["events"]) <= 5


def test_an_event_that_the_service_refuses_is_set_aside_alone(
    pubsub: Local, outbox: Outbox, connection: Any, caplog: pytest.LogCaptureFixture
) -> None:
    taken = pubsub.publish("orders", "taken", publisher="shop", id="order-1")
    for number in range(5):
        outbox.add(connection, "orders", number)
    outbox.add(connection, Event("orders", "another payload", id=taken.id))
    outbox.add(connection, "orders", 5)
    connection.commit()
    with caplog.at_level(logging.ERROR, "pubsubclient.outbox"):
        assert outbox.relay().run_once() == 6
    assert data(pubsub, "orders") == ["taken", 0, 1, 2, 3, 4, 5]
    [aside] = outbox.failed(connection)
    assert (aside.topic, aside.id) == ("orders", "order-1")
    assert "payload_differs" in aside.reason
    assert [record.getMessage().partition(" is set aside: ")[0] for record in caplog.records] == [
        "The outbox pubsub_outbox: event order-1 of orders"
    ]
    assert outbox.relay().run_once() == 0
    assert outbox.retry(connection) == 1
    connection.commit()
    assert outbox.failed(connection) == []
    outbox.relay().run_once()
    assert len(outbox.failed(connection)) == 1


def test_a_service_that_refuses_the_publisher_lets_events_wait(pubsub: Local, outbox: Outbox, connection: Any) -> None:
    outbox.add(connection, "orders", 1)
    connection.commit()
    pubsub.fail("publish", status=403)
    with pytest.raises(Exception, match="403"):
        outbox.relay().run_once()
    assert outbox.failed(connection) == []
    connection.rollback()
    assert outbox.relay().run_once() == 1


def test_an_outage_keeps_events_and_their_order(pubsub: Local, outbox: Outbox, connection: Any) -> None:
    relay = outbox.relay()
    for number in range(3):
        outbox.add(connection, "orders", number)
    connection.commit()
    pubsub.fail("publish", status=None, times=1_000, after_commit=True)
    with pytest.raises(Unavailable):
        relay.run_once()
    pubsub.service.adapter.faults.clear()  # type: ignore[union-attr]
    outbox.add(connection, "orders", 3)
    connection.commit()
    pubsub.advance(900)
    assert relay.run_once() == 4
    assert data(pubsub, "orders") == [0, 1, 2, 3]


def test_events_that_no_search_can_tell_from_stored_ones_are_set_aside(
    pubsub: Local, outbox: Outbox, connection: Any
) -> None:
    outbox.add(connection, "orders", 1)
    outbox.add(connection, "orders", 2)
    connection.commit()
    pubsub.fail("publish", status=409, code="too_far")
    outbox.relay().run_once()
    assert ["too_far" in aside.reason for aside in outbox.failed(connection)] == [True, True]


def test_rows_of_published_events_stay_a_day_or_as_long_as_asked(
    pubsub: Local, outbox: Outbox, connection: Any, address: str
) -> None:
    outbox.add(connection, "orders", 1)
    connection.commit()
    outbox.relay().run_once()
    count = "SELECT count(*) FROM pubsub_outbox"
    assert rows(address, count) == [(1,)]
    cursor = connection.cursor()
    cursor.execute("UPDATE pubsub_outbox SET sent = sent - 86400000000")
    outbox.add(connection, "orders", 2)
    connection.commit()
    outbox.relay().run_once()
    assert rows(address, count) == [(1,)]
    at_once = Outbox(connect=connector(address), keep=0)
    at_once.add(connection, "orders", 3)
    connection.commit()
    assert at_once.relay().run_once() == 1
    assert rows(address, count) == [(1,)]


def test_only_one_relay_works_at_a_time(pubsub: Local, outbox: Outbox, connection: Any) -> None:
    outbox.add(connection, "orders", 1)
    connection.commit()
    first, second = outbox.relay(), outbox.relay()
    with first._session() as table:
        assert table.turn.take()
        assert second.run_once() == 0
    assert second.run_once() == 1


def test_a_first_publish_searches_nothing_and_a_repeated_one_searches_far(
    pubsub: Local, outbox: Outbox, connection: Any
) -> None:
    outbox.add(connection, "orders", 1)
    connection.commit()
    outbox.relay().run_once()
    connection.cursor().execute("UPDATE pubsub_outbox SET sent = NULL")
    connection.commit()
    outbox.relay().run_once()
    requests = [call.body for call in pubsub.calls if call.function == "publish"]
    assert [request.get("far", False) for request in requests] == [False, True]
    assert requests[0]["since"] == requests[1]["since"]


def test_an_outbox_without_connect_only_adds(connection: Any) -> None:
    only = Outbox()
    only.add(connection, "orders", 1)
    for use in (only.relay, lambda: App("shop").relay(only)):
        with pytest.raises(ConfigurationError, match="connect=…"):
            use()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Outbox("Shop"), "table: expected"),
        (lambda: Outbox("a" * 41), "table: expected"),
        (lambda: Outbox("outbox; DROP TABLE orders"), "table: expected"),
        (lambda: Outbox(publisher="a/b"), "publisher"),
        (lambda: Outbox(connect=1), "connect: expected"),  # type: ignore[arg-type]
        (lambda: Outbox(keep=-1), "keep: expected"),
    ],
)
def test_a_mistake_of_the_constructor_is_told(make: Any, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        make()


def test_a_mistake_of_add_is_told_and_adds_nothing(outbox: Outbox, connection: Any, address: str) -> None:
    for arguments in ((1, 2), ("orders", 1, 2), (Event("orders"), 1), ("orders", "x" * 900_000), ("orders", object())):
        with pytest.raises(InvalidArgument):
            outbox.add(connection, *arguments)
    with pytest.raises(InvalidArgument, match="delay"):
        outbox.add(connection, "orders", delay=-1)
    connection.commit()
    assert rows(address, "SELECT count(*) FROM pubsub_outbox") == [(0,)]


def test_a_connection_of_another_driver_is_refused(outbox: Outbox) -> None:
    with pytest.raises(
        ConfigurationError, match=r"expected a connection of sqlite3 or psycopg; got a builtins\.object"
    ):
        outbox.add(object(), "orders", 1)  # type: ignore[call-overload]
