"""What the end of a handler means for its event: the table of docs/workers.md, row by row."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from pubsubclient import Event, Pause, Publisher, ReceivedEvent, Reject, Retry, Service, Subscriber
from pubsubclient._worker.worker import Worker
from worker.conftest import Seen
from worker.functions import FunctionHandler, consumer

Start = Callable[..., Worker]
Publish = Callable[..., list[str]]


def dead_letters(service: Service, name: str, count: int) -> list[tuple[object, str, int]]:
    """Data, reason and attempts of the dead letters."""
    found: list[tuple[object, str, int]] = []
    with Subscriber(f"{name}.reader", service=service) as reader:
        reader.subscribe(f"{name}.dead")
        while len(found) < count:
            events = reader.get_events(wait=20)
            assert events, found
            found += [(event.data, event.members["reason"], event.members["attempts"]) for event in events]
    return found


def failing(seen: Seen, error: BaseException, times: int = 1) -> Callable[[ReceivedEvent], None]:
    """A handler that raises at first."""

    def handle(event: ReceivedEvent) -> None:
        seen.add(event)
        if event.attempt <= times and len(seen.events) <= times:
            raise error

    return handle


def ended(worker: Worker, subscriber: Subscriber) -> int:
    """Stop the worker; returns how many events are unsettled then."""
    worker.stop()
    assert worker.join(60)
    return subscriber.state().unsettled


def test_returns_ack(start: Start, publish: Publish, subscriber: Subscriber, name: str, seen: Seen) -> None:
    worker = start(consumer(name, name, seen.add))
    publish(3)
    seen.wait_for(3)
    assert ended(worker, subscriber) == 0
    assert sorted(seen.runs) == [(0, 1), (1, 1), (2, 1)]
    assert worker.exit_status == 0


@pytest.mark.parametrize("error", [Retry("no stock"), Retry("no stock", delay=0), ValueError("x"), SystemExit(3)])
def test_retry_and_other_exceptions_come_again_as_the_next_attempt(
    start: Start, publish: Publish, name: str, seen: Seen, error: BaseException
) -> None:
    start(consumer(name, name, failing(seen, error), backoff=0))
    publish(1)
    seen.wait_for(2)
    assert seen.runs == [(0, 1), (0, 2)]


def test_reject_makes_a_dead_letter_now(
    start: Start, publish: Publish, service: Service, name: str, seen: Seen
) -> None:
    start(consumer(name, name, failing(seen, Reject("nothing to charge"))))
    publish(1)
    assert dead_letters(service, name, 1) == [(0, "nothing to charge", 1)]
    assert seen.runs == [(0, 1)]


def test_the_last_attempt_is_an_error_with_its_traceback_and_earlier_ones_a_warning_without(
    start: Start, publish: Publish, service: Service, name: str, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    handler = FunctionHandler(failing(seen, ValueError("no such item"), times=2), max_attempts=2)
    start(consumer(name, name, handler, backoff=0, max_attempts=2))
    publish(1)
    assert dead_letters(service, name, 1) == [(0, "ValueError: no such item", 2)]
    told = [record for record in caplog.records if "no such item" in record.getMessage()]
    assert [(record.levelno, record.exc_info is not None) for record in told] == [
        (logging.WARNING, False), (logging.ERROR, True),
    ]  # fmt: skip


def test_pause_gives_back_without_a_failure_and_stops_fetching(
    start: Start, publish: Publish, name: str, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    start(consumer(name, name, failing(seen, Pause(1, "the bank is closed"))), concurrency=1)
    publish(5)
    seen.wait_for(6)
    assert sorted(seen.runs) == [(0, 1), (0, 1), (1, 1), (2, 1), (3, 1), (4, 1)]
    assert sum("the bank is closed" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize("settle", [ReceivedEvent.ack, lambda event: event.nack(dead=True), ReceivedEvent.release])
def test_what_the_handler_settles_stays_so(
    start: Start, publish: Publish, subscriber: Subscriber, name: str, seen: Seen, settle: Callable[[Any], bool]
) -> None:
    counted, first = [], [True]

    def handle(event: ReceivedEvent) -> None:
        if first:
            first.clear()  # before it is settled: what is released comes again at once
            counted.append(settle(event))
        seen.add(event)

    worker = start(consumer(name, name, handle))
    publish(1)
    seen.wait_for(2 if settle is ReceivedEvent.release else 1)
    assert ended(worker, subscriber) == 0
    assert counted == [True]
    assert {attempt for _, attempt in seen.runs} == {1}


def test_what_no_handler_takes_is_a_dead_letter_and_told_once(
    start: Start, publish: Publish, service: Service, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    start(consumer(name, name, FunctionHandler(print, takes=lambda event: False)))
    publish(3)
    assert sorted(dead_letters(service, name, 3)) == [(n, "no handler", 1) for n in range(3)]
    assert sum("no handler takes" in record.getMessage() for record in caplog.records) == 1


def test_memory_error_fails_the_event_and_ends_the_worker(
    start: Start, publish: Publish, name: str, seen: Seen
) -> None:
    worker = start(consumer(name, name, failing(seen, MemoryError())))
    publish(1)
    assert worker.join(60)
    assert worker.exit_status == 1


def test_keyboard_interrupt_in_a_handler_gives_the_event_back_and_ends_the_worker(
    start: Start, publish: Publish, subscriber: Subscriber, name: str, seen: Seen
) -> None:
    worker = start(consumer(name, name, failing(seen, KeyboardInterrupt())))
    publish(1)
    assert worker.join(60)
    assert worker.exit_status == 0
    assert [(event.data, event.attempt) for event in subscriber.get_events(wait=5)] == [(0, 1)]


def test_a_batch_that_fails_is_halved_until_the_bad_event_fails_alone(
    start: Start, service: Service, publish: Publish, name: str
) -> None:
    done: list[int] = []

    def handle(events: list[ReceivedEvent]) -> None:
        if any(event.data == 13 for event in events):
            raise ValueError("thirteen")
        done.extend(event.data for event in events)

    publish(20)
    start(consumer(name, name, FunctionHandler(handle, batch=10), backoff=0, max_attempts=8))
    letters = dead_letters(service, name, 1)
    assert [(data, reason) for data, reason, _ in letters] == [(13, "ValueError: thirteen")]
    assert sorted(done) == [n for n in range(20) if n != 13]


def test_a_batch_has_events_of_one_lane(start: Start, service: Service, name: str, seen: Seen) -> None:
    batches: list[set[str]] = []

    def handle(events: list[ReceivedEvent]) -> None:
        batches.append({str(event.subject) for event in events})
        for event in events:
            seen.add(event)

    Publisher("shop", service=service).publish([Event(name, n, subject=f"s{n % 3}") for n in range(30)])
    start(consumer(name, name, FunctionHandler(handle, batch=10, lane=lambda event: event.subject)))
    seen.wait_for(30)
    assert all(len(subjects) == 1 for subjects in batches)
