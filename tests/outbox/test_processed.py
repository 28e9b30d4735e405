"""Every delivery doubled: effects under `ProcessedOnce` happen once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from outbox.stores import connector, rows
from pubsubclient import App, InvalidArgument, Publisher, ReceivedEvent, Retry, Subscriber
from pubsubclient.outbox import ProcessedOnce
from pubsubclient.testing import Local

_once = ProcessedOnce()


@pytest.fixture
def connection(address: str) -> Iterator[Any]:
    with closing(connector(address)()) as opened:
        _once.create(opened)
        _once.create(opened)
        opened.cursor().execute("CREATE TABLE effects (number INTEGER)")
        opened.commit()
        yield opened


def effects(address: str) -> list[int]:
    return [number for (number,) in rows(address, "SELECT number FROM effects ORDER BY number")]


def insert(connection: Any, number: int) -> None:
    connection.cursor().execute(f"INSERT INTO effects (number) VALUES ({number})")


@pytest.mark.parametrize("fails", ["after the commit", "before the commit"])
def test_effects_of_events_that_come_twice_happen_once(
    pubsub: Local, connection: Any, address: str, fails: str
) -> None:
    app = App("billing")
    runs: list[tuple[int, bool]] = []

    @app.handler("orders", backoff=0)
    def handle(number: int, event: ReceivedEvent) -> None:
        with closing(connector(address)()) as own:
            first = _once.first(own, event)
            runs.append((number, first))
            if first:
                insert(own, number)
            if event.attempt == 1 and fails == "before the commit":
                raise Retry("again")
            own.commit()
        if event.attempt == 1:
            raise Retry("again")

    for number in range(20):
        pubsub.publish("orders", number)
    pubsub.deliver(app, until="settled", errors="keep")
    assert effects(address) == list(range(20))
    second = fails == "before the commit"
    assert sorted(runs) == sorted([(number, first) for number in range(20) for first in (True, second)])


def test_of_two_deliveries_at_the_same_time_one_is_the_first(pubsub: Local, connection: Any, address: str) -> None:
    with Subscriber("billing") as subscriber:
        subscriber.subscribe("orders")
        pubsub.publish("orders", 1)
        [event] = subscriber.get_events()
    said: list[bool] = []
    together = threading.Barrier(4)

    def handle() -> None:
        with closing(connector(address)()) as own:
            together.wait(60)
            first = _once.first(own, event)
            said.append(first)
            if first:
                insert(own, 1)
            own.commit()

    threads = [threading.Thread(target=handle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(said) == [False, False, False, True]
    assert effects(address) == [1]


def test_each_subscriber_topic_and_publisher_counts_by_itself(pubsub: Local, connection: Any) -> None:
    for publisher, topic in (("a", "orders"), ("b", "orders"), ("a", "invoices")):
        Publisher(publisher).publish(topic, 1, id="1")
    for name in ("billing", "shipping"):
        with Subscriber(name) as subscriber:
            subscriber.subscribe("*", start="earliest")
            events = subscriber.get_events()
            assert len(events) == 3
            assert [_once.first(connection, event) for event in events] == [True, True, True]
            assert [_once.first(connection, event) for event in events] == [False, False, False]


def test_what_is_old_is_pruned(pubsub: Local, connection: Any) -> None:
    event = received(1)
    assert _once.first(connection, event, subscriber="billing")
    connection.cursor().execute("UPDATE pubsub_processed SET processed = processed - 604800000000")
    assert _once.first(connection, received(2), subscriber="billing")
    assert _once.prune(connection, older_than=604_800 - 60) == 1
    assert _once.first(connection, event, subscriber="billing")
    assert not _once.first(connection, received(2), subscriber="billing")


def received(number: int) -> ReceivedEvent:
    return ReceivedEvent({"id": str(number), "source": "/publishers/shop", "type": "event", "topic": "orders"}, None)


def test_a_mistake_is_told(connection: Any) -> None:
    with pytest.raises(InvalidArgument, match="expected a received event; got 1"):
        _once.first(connection, 1)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="cannot be settled"):
        _once.first(connection, received(1))
    with pytest.raises(InvalidArgument, match="older_than"):
        _once.prune(connection, -1)
    with pytest.raises(InvalidArgument, match="table: expected"):
        ProcessedOnce("Processed")
