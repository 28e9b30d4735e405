"""The service in the test's process: what tests see of it, how its time passes, and how it fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

import pubsubclient
from pubsubclient import (
    Event,
    InvalidArgument,
    NotFound,
    Publisher,
    PublishRefused,
    PublishUnavailable,
    Service,
    ServiceError,
    Subscriber,
)
from pubsubclient.testing import Local, NothingWillCome, local


def subscriber_of(pubsub: Local, name: str = "billing", topic: str = "orders", **settings: object) -> Subscriber:
    subscriber = Subscriber(name, service=pubsub.service)
    subscriber.subscribe(topic, **settings)  # type: ignore[arg-type]
    return subscriber


def test_it_is_the_default_service_for_as_long_as_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is configured; an address that is given still counts."""
    monkeypatch.setenv("PUBLISH_SUBSCRIBE_SERVICE", "http://127.0.0.1:9")
    with local() as outer:
        Publisher("shop").publish("orders", 1)
        with local() as inner:
            pubsubclient.configure("http://127.0.0.1:9")
            Publisher("shop").publish("orders", 2)
            assert [event.data for event in inner.published("orders")] == [2]
        with local(adopt=False) as beside:
            Publisher("shop").publish("orders", 3)
            assert beside.calls == []
        assert [event.data for event in outer.published("orders")] == [1, 3]
    pubsubclient.configure()
    with pytest.raises(pubsubclient.Unavailable):
        Publisher("shop", service=Service("http://127.0.0.1:9", deadline_s=0.1))


def test_what_a_topic_holds_can_be_seen_without_a_subscriber(pubsub: Local) -> None:
    first = pubsub.publish("orders", 1, type="order.placed", subject="17")
    pubsub.advance(60)
    pubsub.publish("orders", 2, publisher="other", delay=600)
    events = pubsub.published("orders")
    assert [(event.data, event.type, event.subject, event.source) for event in events] == [
        (1, "order.placed", "17", "/publishers/test"),
        (2, "event", None, "/publishers/other"),
    ]
    assert [event.data for event in pubsub.published("orders", type="order.placed")] == [1]
    assert [event.data for event in pubsub.published("orders", since=first.recordedtime + timedelta(seconds=1))] == [2]
    assert pubsub.published("nothing") == []


def test_events_of_a_topic_with_partitions_are_seen_in_their_order(pubsub: Local) -> None:
    pubsubclient.Topic("orders", partitions=4, service=pubsub.service)
    for number in range(12):
        pubsub.publish("orders", number, publisher=f"p{number % 5}")
    assert [event.data for event in pubsub.published("orders")] == list(range(12))


def test_a_lease_ends_when_the_clock_is_moved(pubsub: Local) -> None:
    """The service's time and the SDK's move together."""
    subscriber = subscriber_of(pubsub, ack_deadline=30, backoff=0)
    pubsub.publish("orders", 1)
    [event] = subscriber.get_events()
    pubsub.advance(31)
    assert not event.ack() or subscriber.get_events() == []
    pubsub.publish("orders", 2)
    assert [(event.data, event.attempt) for event in subscriber.get_events()] == [(2, 1)]


@pytest.mark.parametrize("backoff", [1, 10, 600])
def test_what_failed_is_due_after_exactly_its_backoff(pubsub: Local, backoff: int) -> None:
    subscriber = subscriber_of(pubsub, backoff=backoff)
    pubsub.publish("orders", 1)
    subscriber.get_events()[0].nack()
    assert subscriber.get_events() == []
    pubsub.advance(backoff)
    assert [event.attempt for event in subscriber.get_events()] == [2]


def test_a_delayed_event_is_delivered_when_its_delay_is_over(pubsub: Local) -> None:
    subscriber = subscriber_of(pubsub)
    pubsub.publish("orders", 1, delay=3600)
    pubsub.advance(timedelta(minutes=59))
    assert subscriber.get_events() == []
    pubsub.advance(timedelta(minutes=1))
    assert len(subscriber.get_events()) == 1


def test_retention_deletes_what_is_past_it(pubsub: Local) -> None:
    subscriber = subscriber_of(pubsub)
    for number in range(3):
        pubsub.publish("orders", number)
        pubsub.advance(timedelta(days=3))
    pubsub.advance(timedelta(days=3))
    pubsub.restart()  # a process may still have in memory what is deleted
    events = subscriber.get_events()
    assert [event.data for event in events] == [2]
    assert events.lost == {"orders": 2}
    assert [event.data for event in pubsub.published("orders")] == [2]


def test_the_same_event_is_stored_once_until_ten_minutes_have_passed(pubsub: Local) -> None:
    """By the SDK's clock and the service's alike."""
    publisher, event = Publisher("shop"), Event("orders", 1)
    first = publisher.publish(event)
    pubsub.advance(timedelta(minutes=9))
    pubsub.restart()
    assert publisher.publish(event) == first
    assert len(pubsub.published("orders")) == 1


def test_a_wait_of_the_test_s_own_thread_lets_its_time_pass(pubsub: Local) -> None:
    """Without sleeping: there is nobody who could end it but the time."""
    subscriber = subscriber_of(pubsub, backoff=5)
    before_s = pubsub.service.clock.monotonic()
    assert subscriber.get_events(wait=20) == []
    assert pubsub.service.clock.monotonic() - before_s >= 20
    pubsub.publish("orders", 1)
    subscriber.get_events()[0].nack()
    assert [event.attempt for event in subscriber.get_events(wait=20)] == [2]


def test_a_loop_with_a_wait_ends(pubsub: Local) -> None:
    subscriber = subscriber_of(pubsub)
    for number in range(5):
        pubsub.publish("orders", number)
    assert [event.data for event in subscriber.events(wait=60)] == [0, 1, 2, 3, 4]
    assert pubsub.state("billing").unsettled == 0


def test_a_loop_that_would_never_end_is_told_of(pubsub: Local) -> None:
    """Rather than to hang."""
    subscriber: Subscriber = subscriber_of(pubsub)
    got: list[Event] = []
    pubsub.publish("orders", 1)
    with pytest.raises(NothingWillCome, match="'billing' has waited"):
        got.extend(subscriber.events())
    assert pubsub.state("billing").unsettled == 0


def test_a_wait_ends_by_what_another_thread_publishes(pubsub: Local) -> None:
    """Waits are real while another thread is at work."""
    subscriber = subscriber_of(pubsub)
    receivers = [threading.Thread(target=lambda: got.extend(subscriber.get_events(wait=20))) for _ in range(2)]
    got: list[Event] = []
    for receiver in receivers:
        receiver.start()
    pubsub.publish("orders", 1)
    pubsub.publish("orders", 2)
    pubsub.advance(20)  # one may have taken both
    for receiver in receivers:
        receiver.join()
    assert sorted(event.data for event in got) == [1, 2]
    subscriber.close()


def test_threads_publish_and_receive_at_the_same_time(pubsub: Local) -> None:
    subscriber, count = subscriber_of(pubsub), 200
    got: list[int] = []

    def publish(first: int) -> None:
        publisher = Publisher(f"shop{first}")
        for number in range(first, count, 4):
            publisher.publish("orders", number)

    def receive() -> None:
        for event in subscriber.events():
            got.append(event.data)
            if len(got) == count:
                subscriber.close()

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(4)]
    threads += [threading.Thread(target=receive) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(count))


def test_a_batch_publishes_in_its_thread(pubsub: Local) -> None:
    with Publisher("shop").batch() as batch:
        futures = [batch.publish("orders", number) for number in range(100)]
    assert len({future.result().sequence for future in futures}) == 100
    assert len(pubsub.published("orders")) == 100


@pytest.mark.parametrize("status", [503, 500, 429, None])
def test_a_failure_is_tried_again_without_waiting(pubsub: Local, status: int | None) -> None:
    publisher = Publisher("shop")
    pubsub.fail("publish", status=status, times=5)
    before_s = pubsub.service.clock.monotonic()
    publisher.publish("orders", 1)
    assert [call.fault for call in pubsub.calls if call.function == "publish"] == [True] * 5 + [False]
    assert pubsub.service.clock.monotonic() > before_s
    assert len(pubsub.published("orders")) == 1


def test_a_service_that_stays_away_ends_a_call_at_its_deadline(pubsub: Local) -> None:
    publisher = Publisher("shop")
    pubsub.fail("*", status=None, times=10_000)
    started = time.monotonic()
    with pytest.raises(PublishUnavailable) as caught:
        publisher.publish("orders", 1)
    assert time.monotonic() - started < 60  # not the deadline's
    assert caught.value.uncertain


def test_an_answer_that_is_lost_after_the_commit_stores_once(pubsub: Local) -> None:
    subscriber = subscriber_of(pubsub)
    pubsub.fail("publish", status=None, after_commit=True, times=3)
    pubsub.publish("orders", 1)
    assert len(pubsub.published("orders")) == 1
    pubsub.fail("get_events", status=503, after_commit=True)
    assert [event.data for event in subscriber.get_events()] == [1]


def test_a_refusal_is_final_and_has_its_code(pubsub: Local) -> None:
    publisher = Publisher("shop")
    pubsub.fail("publish", status=403, match={"topic": "secrets"})
    publisher.publish("orders", 1)
    with pytest.raises(PublishRefused) as caught:
        publisher.publish("secrets", 1)
    assert isinstance(caught.value.reason, ServiceError)
    assert (caught.value.reason.status, caught.value.reason.code) == (403, "forbidden")
    publisher.publish("secrets", 2)


def test_retry_after_is_obeyed_by_the_test_s_clock(pubsub: Local) -> None:
    publisher, before_s = Publisher("shop"), pubsub.service.clock.monotonic()
    pubsub.fail("publish", status=429, retry_after=30)
    publisher.publish("orders", 1)
    assert pubsub.service.clock.monotonic() - before_s >= 30


@pytest.mark.parametrize(
    "wrong",
    [{"call": "fetch"}, {"status": 200}, {"status": 600}, {"times": 0}, {"retry_after": -1}, {"retry_after": "1"}],
)
def test_a_failure_that_cannot_be_is_refused(pubsub: Local, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument):
        pubsub.fail(**{"call": "publish", **wrong})  # type: ignore[arg-type]


def test_calls_tell_what_was_billed(pubsub: Local) -> None:
    subscriber = subscriber_of(pubsub)
    pubsub.publish("orders", 1)
    pubsub.calls.clear()
    pubsub.publish("orders", 2)
    [publish] = pubsub.calls
    assert (publish.function, publish.method, publish.status) == ("publish", "POST", 200)
    assert (publish.reads, publish.writes, publish.deletes) == (0, 1, 0)
    assert publish.body["topic"] == "orders"
    pubsub.calls.clear()
    subscriber.state()
    assert [(call.method, call.body) for call in pubsub.calls] == [("GET", {"subscriber": "billing"})]


def test_another_process_of_the_service_has_the_store_and_no_memory(pubsub: Local) -> None:
    subscriber = subscriber_of(pubsub)
    pubsub.publish("orders", 1)
    pubsub.restart()
    pubsub.calls.clear()
    pubsub.publish("orders", 2)
    assert pubsub.calls[-1].reads > 0  # it had to find the tail of the log
    assert [event.data for event in subscriber.get_events()] == [1, 2]


def test_state_and_explain_take_the_subscriber_or_its_name(pubsub: Local) -> None:
    subscriber = subscriber_of(pubsub)
    event = Event("orders", 1)
    pubsub.publish(event)
    assert pubsub.state(subscriber).backlog == 1
    assert pubsub.explain("billing", event).state == "not_read"
    subscriber.get_events()
    assert pubsub.explain(subscriber, event.id, "orders").state == "leased"
    with pytest.raises(NotFound):
        pubsub.state("nobody")
    with pytest.raises(InvalidArgument):
        pubsub.publish(event, 1)


def test_what_is_left_open_is_told_at_the_end() -> None:
    """A loop that holds events, a batch, a thread that waits: each ends, and the test can fail with it."""
    running = Local()
    subscriber = subscriber_of(running)
    running.publish("orders", 1)
    loop = subscriber.events()
    next(loop)
    batch = Publisher("shop", service=running.service).batch(max_delay=60)
    batch.publish("orders", 2)
    waiter = subscriber_of(running, "waiter", "nothing")
    errors: list[BaseException] = []
    thread = threading.Thread(target=lambda: _note(errors, lambda: waiter.get_events(wait=20)), name="waits")
    thread.start()
    while not running._clock.at_work():
        pass
    batched, threaded, looped = sorted(running.close())
    assert batched == "<Batch of publisher 'shop', 1 events pending> is open. Close it, or use it in a with block."
    assert threaded == "The thread 'waits' still uses the service. End it before the test ends."
    assert looped.startswith("events in a loop of subscriber 'billing' are still held")
    thread.join()
    assert running.close() == []
    with pytest.raises(pubsubclient.ConfigurationError, match="has ended"):
        running.publish("orders", 1)


def _note(errors: list[BaseException], call: Callable[[], object]) -> None:
    try:
        call()
    except BaseException as error:
        errors.append(error)


def test_events_that_get_events_returned_are_no_leak() -> None:
    """They would be acknowledged by the next call, or at the end of the program; with the service they are gone."""
    from pubsubclient._core import at_exit

    before = len(at_exit._holders)
    running = Local()
    subscriber = subscriber_of(running)
    running.publish("orders", 1)
    assert len(subscriber.get_events()) == 1
    assert running.close() == []
    assert len(at_exit._holders) == before
