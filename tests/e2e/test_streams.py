"""Loops over events, blocks of work and batches, over the emulator on both stores."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from e2e.serving import Serving
from e2e.wire import Wire
from pubsubclient import Event, Publisher, PublishRefused, Service, Subscriber

_EVENTS = 300


@pytest.fixture
def own(wire: Wire) -> Iterator[tuple[Publisher, Subscriber, str]]:
    """A publisher, a subscriber and the topic that it is subscribed to, of this test's own."""
    service = Service(wire.url)
    publisher = Publisher(wire.name("shop"), service=service)
    subscriber = Subscriber(wire.name("billing"), service=service)
    topic = wire.name("orders")
    subscriber.subscribe(topic, ack_deadline=60, backoff=0)
    yield publisher, subscriber, topic
    subscriber.close()


def _unsettled(wire: Wire) -> int:
    unsettled: int = wire.get("register", subscriber=wire.name("billing"))["unsettled"]
    return unsettled


def test_a_loop_gets_every_event_once_in_order(wire: Wire, own: tuple[Publisher, Subscriber, str]) -> None:
    """And leaves nothing unsettled."""
    publisher, subscriber, topic = own
    publisher.publish([Event(topic, number) for number in range(_EVENTS)])
    assert [event.data for event in subscriber.events(wait=0, max_events=70)] == list(range(_EVENTS))
    assert _unsettled(wire) == 0


def test_breaking_out_leaves_one_event_and_gives_the_rest_back(
    wire: Wire, own: tuple[Publisher, Subscriber, str]
) -> None:
    """At once, as the same attempt."""
    publisher, subscriber, topic = own
    publisher.publish([Event(topic, number) for number in range(10)])
    for event in subscriber.events():
        if event.data == 3:
            break
    again = [(event.data, event.attempt) for event in subscriber.events(wait=0)]
    assert again == [(number, 1) for number in range(4, 10)]
    assert _unsettled(wire) == 1


def test_loops_in_threads_share_the_events_and_end_when_the_subscriber_is_closed(
    wire: Wire, own: tuple[Publisher, Subscriber, str]
) -> None:
    """Each event is in one of them; what comes after the end is given back."""
    publisher, subscriber, topic = own
    seen: Counter[int] = Counter()
    lock, all_seen = threading.Lock(), threading.Event()

    def consume() -> None:
        for event in subscriber.events(max_events=20):
            with lock:
                seen[event.data] += 1
                if len(seen) == _EVENTS:
                    all_seen.set()

    threads = [threading.Thread(target=consume) for _ in range(4)]
    for thread in threads:
        thread.start()
    for start in range(0, _EVENTS, 50):
        publisher.publish([Event(topic, number) for number in range(start, start + 50)])
    assert all_seen.wait(60)
    subscriber.close()
    publisher.publish(Event(topic, -1))
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert set(seen.values()) == {1}
    assert [event.data for event in subscriber.get_events(wait=5)] == [-1]


def test_slow_work_keeps_its_lease(wire: Wire, own: tuple[Publisher, Subscriber, str]) -> None:
    """Longer than the ack deadline, in all."""
    publisher, subscriber, topic = own
    subscriber.subscribe(topic, ack_deadline=10)  # half of it is what a busy machine may take for an extension
    publisher.publish([Event(topic, number) for number in range(6)])
    got = []
    for event in subscriber.events(wait=0):
        got.append((event.data, event.attempt))
        threading.Event().wait(2)
    assert got == [(number, 1) for number in range(6)]


def test_a_loop_goes_on_over_a_restart(serving: Serving, service: Service) -> None:
    """Of a service that was killed between two events."""
    publisher = Publisher("shop", service=service)
    publisher.publish([Event("orders", number) for number in range(30)])
    subscriber = Subscriber("billing", service=service)
    subscriber.subscribe("orders", ack_deadline=60)
    got = []
    for event in subscriber.events(wait=0, max_events=10):
        got.append(event.data)
        if event.data in {9, 15}:
            serving.kill()
            serving.restart()
    assert got == list(range(30))
    assert Wire(serving.url).get("register", subscriber="billing")["unsettled"] == 0


@pytest.mark.parametrize(
    ("error", "comes_again"), [(None, []), (ValueError, [(1, 2), (2, 2)]), (KeyboardInterrupt, [(1, 1), (2, 1)])]
)
def test_a_block_settles_by_how_it_ends(
    own: tuple[Publisher, Subscriber, str], error: type[BaseException] | None, comes_again: list[tuple[int, int]]
) -> None:
    """What was settled by name inside is left alone."""
    publisher, subscriber, topic = own
    publisher.publish([Event(topic, number) for number in range(3)])

    def work() -> None:
        with subscriber.pull(max_events=3) as events:
            assert events[0].ack()
            if error:
                raise error

    if error:
        with pytest.raises(error):
            work()
    else:
        work()
    assert [(event.data, event.attempt) for event in subscriber.get_events(wait=1)] == comes_again


def test_a_batch_stores_every_event_once_in_order(wire: Wire, own: tuple[Publisher, Subscriber, str]) -> None:
    """Whatever was together in a request; receipts say where."""
    publisher, subscriber, topic = own
    with publisher.batch() as batch:
        futures = [batch.publish(topic, number) for number in range(2500)]
    got = list(subscriber.events(wait=0, max_events=1000))
    assert [event.data for event in got] == list(range(2500))
    assert [event.sequence for event in got] == [future.result(0).sequence for future in futures]


def test_what_compresses_badly_is_split_until_it_fits(own: tuple[Publisher, Subscriber, str]) -> None:
    """The service limits what a request becomes when compressed."""
    publisher, subscriber, topic = own
    with publisher.batch(max_delay=10) as batch:
        for _ in range(4):
            batch.publish(topic, os.urandom(600_000))
    assert [len(event.data) for event in subscriber.events(wait=0)] == [600_000] * 4


def test_a_refused_event_leaves_the_others_of_its_batch_alone(own: tuple[Publisher, Subscriber, str]) -> None:
    """An id is taken with another payload."""
    publisher, subscriber, topic = own
    publisher.publish(Event(topic, "first", id="taken"))
    batch = publisher.batch(max_delay=10)
    for number in range(50):
        batch.publish(topic, number)
        if number == 20:
            refused = batch.publish(Event(topic, "second", id="taken"))
    with pytest.raises(PublishRefused) as raised:
        batch.close()
    failure = refused.exception(0)
    assert isinstance(failure, PublishRefused)
    assert failure.reason.code == "payload_differs"  # type: ignore[union-attr]
    assert [event.id for event in raised.value.events] == ["taken"]
    assert [event.data for event in subscriber.events(wait=0)] == ["first", *range(50)]


def test_a_batch_goes_on_over_kills_of_the_service(serving: Serving, service: Service) -> None:
    """Every event is stored once, in order."""
    publisher = Publisher("shop", service=service)
    with publisher.batch(max_events=200) as batch:
        for number in range(1000):
            batch.publish("orders", number)
            if number in {300, 700}:
                serving.kill()
                serving.restart()
    with Subscriber("billing", service=service) as subscriber:
        subscriber.subscribe("orders")
        assert [event.data for event in subscriber.get_events()] == list(range(1000))
