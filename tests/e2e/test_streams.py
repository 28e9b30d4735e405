"""Loops over events and blocks of work, over the emulator on both stores."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from e2e.serving import Serving
from e2e.wire import Wire
from pubsubclient import Event, Publisher, Service, Subscriber

_EVENTS = 300


@pytest.fixture
def own(wire: Wire) -> Iterator[tuple[Publisher, Subscriber, str]]:
    """A publisher, a subscriber and the topic that it is subscribed to, of this test's own."""
    service = Service(wire.url)
    publisher = Publisher(wire.name("shop"), service=service)
    subscriber = Subscriber(wire.name("billing"), service=service)
    topic = wire.name("orders")
    subscriber.subscribe(topic, ack_deadline=60)
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
        thread.join(30)
        assert not thread.is_alive()
    assert set(seen.values()) == {1}
    assert [event.data for event in subscriber.get_events(wait=5)] == [-1]


def test_slow_work_keeps_its_lease(wire: Wire, own: tuple[Publisher, Subscriber, str]) -> None:
    """Longer than the ack deadline, in all."""
    publisher, subscriber, topic = own
    subscriber.subscribe(topic, ack_deadline=2)
    publisher.publish([Event(topic, number) for number in range(6)])
    got = []
    for event in subscriber.events(wait=0):
        got.append((event.data, event.attempt))
        threading.Event().wait(0.6)
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
