"""Delivery through the client, end to end: patterns, filters, seek, delay, dead letters, redrive and explain."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any as AnyValue
from uuid import uuid4

import pytest

from e2e.serving import Serving
from pubsubclient import (
    Any,
    ConfigurationError,
    Event,
    Events,
    NotFound,
    Publisher,
    PublishRefused,
    ServiceError,
    Subscriber,
    Topic,
)


@pytest.fixture
def name() -> str:
    """A word of this test's own."""
    return uuid4().hex[:8]


@pytest.fixture
def publisher(shared: Serving, name: str) -> Publisher:
    return Publisher(f"p-{name}", service=shared.url)


@pytest.fixture
def subscriber(shared: Serving, name: str) -> Subscriber:
    return Subscriber(f"s-{name}", service=shared.url)


def data_of(events: Events) -> list[AnyValue]:
    return [event.data for event in events]


def test_a_pattern_brings_topics_that_come_later(publisher: Publisher, subscriber: Subscriber, name: str) -> None:
    """From their first event on; one token for ``*``."""
    subscriber.subscribe(f"{name}.*")
    publisher.publish(Event(f"{name}.eu", 1), Event(f"{name}.eu.paid", 2), Event(f"{name}.us", 3))
    assert sorted(data_of(subscriber.get_events(wait=10))) == [1, 3]


def test_only_wanted_events_come_and_the_clause_tells_of_the_others(
    publisher: Publisher, subscriber: Subscriber, name: str
) -> None:
    """An empty list of filters wants all of what follows."""
    subscriber.subscribe(name, filters=[{"any": [{"exact": {"type": "a"}}, {"prefix": {"region": "eu"}}]}])
    first = publisher.publish(Event(name, 1, type="b"))
    publisher.publish(Event(name, 2, type="a"), Event(name, 3, type="b", attributes={"region": "eu-1"}))
    assert data_of(subscriber.get_events(wait=10)) == [2, 3]
    found = subscriber.explain(first.sequence, name)
    assert (found.state, found.clause, found.sequence) == ("filtered", "filters[0].any", first.sequence)
    subscriber.subscribe(name, filters=[])
    publisher.publish(name, 4)
    assert data_of(subscriber.get_events(wait=10)) == [4]


def test_a_subscription_goes_on_from_where_it_is_sought_to(
    publisher: Publisher, subscriber: Subscriber, name: str
) -> None:
    """An end, a time, or a position that was saved."""
    subscriber.subscribe(name)
    publisher.publish([Event(name, n) for n in range(3)])
    subscriber.get_events(max_events=2)
    saved = subscriber.position()
    subscriber.get_events()
    subscriber.seek(name, "earliest")
    assert data_of(subscriber.get_events()) == [0, 1, 2]
    subscriber.seek(name, saved)
    assert data_of(subscriber.get_events()) == [2]
    subscriber.seek(name, datetime(2020, 1, 1, tzinfo=timezone.utc))
    assert data_of(subscriber.get_events()) == [0, 1, 2]
    subscriber.seek(name, "latest")
    assert data_of(subscriber.get_events()) == []


def test_a_seek_of_what_is_not_subscribed_to_changes_nothing(
    publisher: Publisher, subscriber: Subscriber, name: str
) -> None:
    """A typo makes no subscription; a topic that a pattern stands for is sought by its name all the same."""
    publisher.publish(Event(f"{name}.eu", 1), Event(f"{name}.us", 2))
    for topic in (f"{name}.eu", f"{name}.*", Any):
        with pytest.raises(NotFound) as raised:
            subscriber.seek(topic, "earliest")
        assert raised.value.code == "unknown_subscription"
    assert subscriber.state().subscriptions == ()
    subscriber.subscribe(f"{name}.*", max_attempts=3)
    assert sorted(data_of(subscriber.get_events(wait=10))) == [1, 2]
    saved = subscriber.position()
    subscriber.seek(f"{name}.eu", "earliest")
    assert data_of(subscriber.get_events(wait=10)) == [1]
    for topic in saved:
        subscriber.seek(topic, saved)
    assert {each.topic: each.raw.get("via") for each in subscriber.state().subscriptions} == {
        f"{name}.*": None, f"{name}.eu": f"{name}.*", f"{name}.us": f"{name}.*",
    }  # fmt: skip


def test_a_delayed_event_comes_when_it_is_due_and_holds_up_no_other(
    publisher: Publisher, subscriber: Subscriber, name: str
) -> None:
    """What is published after it overtakes it."""
    subscriber.subscribe(name)
    late = publisher.publish(Event(name, "late"), delay=6)  # longer than what follows takes on a busy machine
    publisher.publish(name, "now")
    assert data_of(subscriber.get_events(wait=10)) == ["now"]
    assert subscriber.explain(late.sequence, name).state == "delayed"
    [event] = subscriber.get_events(wait=20)
    assert event.data == "late"
    assert (event.recordedtime - late.recordedtime).total_seconds() == 0


def test_settings_of_a_topic_are_changed_only_when_that_is_asked_for(shared: Serving, name: str) -> None:
    """Both values are told; what it has may be said again by anybody."""
    topic = Topic(name, partitions=2, retention=3_600, service=shared.url)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"for 3600 s; got 7200\. .*; pass update=True to change"):
            Topic(name, retention=timedelta(hours=2), service=shared.url)
        with pytest.raises(ConfigurationError, match=r"has 2 partitions.*; got 3"):
            Topic(name, partitions=3, update=False, service=shared.url)
    assert Topic(name, 2, 3_600, service=shared.url) == topic
    Topic(name, retention=7_200, update=True, service=shared.url)
    with pytest.raises(ConfigurationError, match=r"has 2 partitions, fixed .*; got 3"):
        Topic(name, 3, 7_200, update=True, service=shared.url)
    Topic(name, 2, 7_200, service=shared.url)


@pytest.mark.parametrize("event_id", ["0000-00000000000000000000", "x" * 30_000, "é" * 1_500, "a/b?c#d&e=%20"])
def test_any_event_is_explained_whatever_its_id(
    publisher: Publisher, subscriber: Subscriber, name: str, event_id: str
) -> None:
    """It is not taken for another one's sequence, and may be as long as it can be published."""
    subscriber.subscribe(name)
    publisher.publish(name, "first")
    event = Event(name, "mine", id=event_id)
    receipt = publisher.publish(event)
    for found in (subscriber.explain(event), subscriber.explain(receipt.sequence, name)):
        assert (found.id, found.sequence, found.state) == (event_id, receipt.sequence, "not_read")
    first, mine = subscriber.get_events(wait=10)
    first.ack()
    assert subscriber.explain(first).state == "settled"
    assert [subscriber.explain(each).state for each in (event, mine)] == ["leased", "leased"]


def test_a_delay_that_retention_would_overtake_is_refused(
    shared: Serving, publisher: Publisher, subscriber: Subscriber, name: str
) -> None:
    """Nothing is stored, and what is wrong is said."""
    Topic(name, retention=600, service=shared.url)
    subscriber.subscribe(name)
    with pytest.raises(PublishRefused, match=r"at most half of the retention .* 300 s") as refused:
        publisher.publish(name, "late", delay=3_600)
    assert isinstance(refused.value.reason, ServiceError)
    assert (refused.value.receipts, refused.value.reason.code) == ([None], "delay_too_long")
    assert subscriber.state().subscriptions[0].backlog == 0
    publisher.publish(name, "in time", delay=timedelta(minutes=5))


def test_dead_letters_come_back_once_by_filter_and_then_the_rest(
    publisher: Publisher, subscriber: Subscriber, shared: Serving, name: str
) -> None:
    """To the subscriber that they failed for, and to no other."""
    other = Subscriber(f"o-{name}", service=shared.url)
    for each in (subscriber, other):
        each.subscribe(name)
    publisher.publish([Event(name, n, type="odd" if n % 2 else "even") for n in range(4)])
    events = subscriber.get_events(wait=10)
    assert events.nack(reason="not today", dead=True)
    assert data_of(other.get_events()) == [0, 1, 2, 3]
    subscriber.get_events(max_events=0)
    assert subscriber.explain(events[0]).state == "dead_lettered"
    assert subscriber.redrive(name, filters=[{"exact": {"type": "odd", "reason": "not today"}}]) == 2
    back = subscriber.get_events(wait=10)
    assert data_of(back) == [1, 3]
    assert [event.attributes["redriveof"] for event in back] == [events[1].id, events[3].id]
    assert {event.source for event in back} == {events[0].source}
    assert subscriber.redrive(name) == 2
    assert data_of(subscriber.get_events(wait=10)) == [0, 2]
    assert subscriber.redrive(name) == 0
    assert data_of(other.get_events()) == []


def test_what_was_released_comes_again_as_the_same_attempt(
    publisher: Publisher, subscriber: Subscriber, name: str
) -> None:
    """By event, and all that a call got together."""
    subscriber.subscribe(name)
    publisher.publish([Event(name, n) for n in range(3)])
    events = subscriber.get_events(wait=10)
    assert events[0].ack()
    assert events[1].release()
    assert events.release()
    again = subscriber.get_events(wait=10)
    while len(again) < 2:
        again += subscriber.get_events(wait=10)
    assert sorted((event.data, event.attempt) for event in again) == [(1, 1), (2, 1)]


def test_the_state_tells_what_is_unsettled(publisher: Publisher, subscriber: Subscriber, name: str) -> None:
    """And how far each subscription is."""
    subscriber.subscribe(name, ack_deadline=60, ordered=True)
    publisher.publish([Event(name, n) for n in range(3)])
    subscriber.get_events(max_events=2)
    state = subscriber.state()
    [subscription] = state.subscriptions
    assert (subscription.topic, subscription.backlog, subscription.lost) == (name, 1, 0)
    assert subscription.raw["ordered"] is True
    assert (state.unsettled, state.due, state.dead, [lease.events for lease in state.leases]) == (2, 0, 0, [2])
    with pytest.raises(NotFound):
        subscriber.explain("anything", f"{name}-other")


def test_a_subscriber_without_a_subscription_is_told_of(
    shared: Serving, publisher: Publisher, subscriber: Subscriber, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, and not when it was subscribed by another process meanwhile."""
    publisher.publish(name, 1)
    other = Subscriber(subscriber.name, service=shared.url)
    assert [subscriber.get_events(), subscriber.get_events()] == [[], []]
    other.subscribe(name)
    third = Subscriber(subscriber.name, service=shared.url)
    assert data_of(third.get_events(wait=10)) == [1]
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"Subscriber {subscriber.name}: it has no subscription, so it gets no events: subscribe() to a topic"
    ]
