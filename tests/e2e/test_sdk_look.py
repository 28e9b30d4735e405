"""The SDK's looks inside: peek, topics and subscribers."""

from __future__ import annotations

from itertools import islice
from threading import Thread
from uuid import uuid4

import pytest

from e2e.serving import Serving
from e2e.wire import Wire
from pubsubclient import (
    Event,
    InvalidArgument,
    NotFound,
    Publisher,
    Service,
    Subscriber,
    Topic,
    peek,
    subscribers,
    topics,
)


@pytest.fixture
def service(shared: Serving) -> Service:
    """The shared emulator."""
    return Service(shared.url)


@pytest.fixture
def name() -> str:
    """A topic that no other test uses."""
    return f"t-{uuid4().hex[:12]}"


def test_a_peek_reads_on_from_its_cursor(service: Service, name: str) -> None:
    """In this process or another; the events are whole, and belong to nobody."""
    publisher = Publisher("shop", service=service)
    publisher.publish([Event(name, number, attributes={"colour": "red"}) for number in range(5)])
    page = peek(name, last=3, max_events=2, service=service)
    assert [event.data for event in page.events] == [2, 3]
    assert (page.more, page.lost, page.states) == (True, {}, {})
    event = page.events[0]
    assert (event.topic, event.attempt, event.attributes, event.source) == (
        name,
        0,
        {"colour": "red"},
        "/publishers/shop",
    )
    with pytest.raises(InvalidArgument):
        event.ack()
    rest = page.next()
    assert ([event.data for event in rest.events], rest.more) == ([4], False)
    assert [event.data for event in peek(cursor=page.cursor, service=service).events] == [4]


def test_a_peek_follows_topics_as_events_come(service: Service, name: str) -> None:
    """Present topics and those to come, with filters."""
    begun = peek(f"{name}.*", filters=[{"not": {"exact": {"type": "noise"}}}], service=service)
    publisher = Publisher("shop", service=service)

    def publish() -> None:
        for number in range(3):
            publisher.publish([Event(f"{name}.{number}", "noise", type="noise"), Event(f"{name}.{number}", number)])

    publishing = Thread(target=publish)
    publishing.start()
    assert [event.data for event in islice(begun.follow(), 3)] == [0, 1, 2]
    publishing.join()


def test_a_peek_says_what_became_of_events(service: Service, name: str) -> None:
    """For the subscriber that is named, which is there."""
    subscriber = Subscriber(f"s-{name}", service=service)
    subscriber.subscribe(name)
    receipts = Publisher("shop", service=service).publish([Event(name, 1), Event(name, 2)])
    subscriber.get_events(1)
    subscriber.get_events(0)
    found = peek(Topic(name), start="earliest", of=subscriber.name, service=service)
    assert found.states == {name: {receipts[0].sequence: "settled", receipts[1].sequence: "not_read"}}
    assert found.next().states == {}
    with pytest.raises(NotFound):
        peek(name, of="nobody-at-all", service=service)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"topics": "a/b"},
        {"topics": "a", "start": ["0000-00000000000000000001"]},
        {"topics": "a", "start": "soon"},
        {"topics": "a", "last": 0},
        {"topics": "a", "last": 1001},
        {"topics": "a", "max_events": 0},
        {"topics": "a", "wait": 21},
        {"topics": "a", "filters": [{"sql": "1"}]},
        {"topics": "a", "of": "a/b"},
        {"topics": "a", "cursor": "b"},
    ],
    ids=str,
)
def test_arguments_of_peek_are_checked(service: Service, arguments: dict[str, object]) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidArgument):
        peek(**arguments, service=service)  # type: ignore[arg-type]


def test_the_states_of_all_topics_and_subscribers(service: Service, wire: Wire, name: str) -> None:
    """More than a page of them, in order; each as it is asked for alone."""
    for number in range(52):
        wire.ok("register", {"topic": f"{name}-{number:02d}"})
        wire.ok("register", {"subscriber": f"{name}-{number:02d}"})
    Publisher("shop", service=service).publish(Event(f"{name}-07", 1))
    subscriber = Subscriber(f"{name}-07", service=service)
    subscriber.subscribe(f"{name}-07")
    subscriber.get_events()
    found = {state.topic: state for state in topics(service=service)}
    assert [topic for topic in found if topic.startswith(f"{name}-")] == [
        f"{name}-{number:02d}" for number in range(52)
    ]
    state = found[f"{name}-07"]
    assert (state.partitions, state.retention, state.dead_letter, state.events) == (1, 604_800, False, 1)
    assert (state.logs[0].first, state.logs[0].next) == (f"0000-{0:020d}", f"0000-{1:020d}")
    assert state.logs[0].newest is not None
    states = [each for each in subscribers(service=service) if each.subscriber.startswith(f"{name}-")]
    assert len(states) == 52
    assert states[7].leases[0].topics == {f"{name}-07": 1}
    assert (states[7].subscriptions[0].unsettled, states[7].subscriptions[0].unmet) == (1, 0)
    assert states[7].changed_at is not None
    assert states[7].raw.keys() == subscriber.state().raw.keys()
