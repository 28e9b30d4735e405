"""Leases are kept while handlers work, and shared fairly between workers."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from pubsubclient import ReceivedEvent, Subscriber
from pubsubclient._worker.worker import Worker
from worker.conftest import Seen
from worker.functions import FunctionHandler, consumer

Start = Callable[..., Worker]
Publish = Callable[..., list[str]]

#: a lease is extended when half of it is over; the other half is what a loaded machine may take for that
_ACK_DEADLINE_S = 8


@pytest.mark.slow
def test_a_handler_of_five_times_the_ack_deadline_runs_once_an_event(
    start: Start, publish: Publish, subscriber: Subscriber, name: str, seen: Seen
) -> None:
    """Also those events that wait meanwhile, which are leased too."""

    def handle(event: ReceivedEvent) -> None:
        if event.data < 4:
            time.sleep(5 * _ACK_DEADLINE_S)
        seen.add(event)

    publish(12)
    worker = start(consumer(name, name, handle, ack_deadline=_ACK_DEADLINE_S), concurrency=4, prefetch=30)
    seen.wait_for(12, timeout=120)
    worker.stop()
    assert worker.join(60)
    assert sorted(seen.runs) == [(n, 1) for n in range(12)]
    assert subscriber.state().unsettled == 0


@pytest.mark.slow
def test_async_handlers_keep_their_leases_too(
    start: Start, publish: Publish, subscriber: Subscriber, name: str, seen: Seen
) -> None:
    import asyncio

    async def handle(event: ReceivedEvent) -> None:
        if event.data < 10:
            await asyncio.sleep(2.5 * _ACK_DEADLINE_S)
        seen.add(event)

    publish(20)
    worker = start(consumer(name, name, handle, ack_deadline=_ACK_DEADLINE_S), async_concurrency=10)
    seen.wait_for(20, timeout=120)
    worker.stop()
    assert worker.join(60)
    assert sorted(seen.runs) == [(n, 1) for n in range(20)]
    assert subscriber.state().unsettled == 0


def test_an_event_whose_lease_was_lost_is_not_begun(
    start: Start, publish: Publish, subscriber: Subscriber, name: str, seen: Seen
) -> None:
    """A seek takes the events back: the handler at work can see it, and what waits is dropped."""
    go_on, lost = threading.Event(), []

    def handle(event: ReceivedEvent) -> None:
        seen.add(event)
        if event.data == 0:
            go_on.wait(60)
            give_up = time.monotonic() + 60
            while not event.lost and time.monotonic() < give_up:
                time.sleep(0.05)
            lost.append(event.lost)

    subscriber.subscribe(name, ack_deadline=6)
    publish(5)
    worker = start(consumer(name, name, handle), concurrency=1, prefetch=60)
    seen.wait_for(1)
    subscriber.seek(name, "latest")
    go_on.set()
    worker.stop()
    assert worker.join(60)
    assert lost == [True]
    assert seen.runs[0] == (0, 1)


@pytest.mark.slow
def test_two_workers_share_the_events(start: Start, publish: Publish, name: str, seen: Seen) -> None:
    """Neither holds what the other could work on: nine times, each has an event at the same time."""
    by: Counter[str] = Counter()
    both = threading.Barrier(2)

    def handler(who: str) -> FunctionHandler:
        def handle(event: ReceivedEvent) -> None:
            time.sleep(1)  # as long as what a worker holds ready
            if by[who] < 9:
                both.wait(60)
            by[who] += 1
            seen.add(event)

        return FunctionHandler(handle)

    start(consumer(name, name, handler("one")), concurrency=1)
    start(consumer(name, name, handler("two")), concurrency=1)
    publish(20)
    seen.wait_for(20)
    assert sorted(seen.runs) == [(n, 1) for n in range(20)]
    assert abs(by["one"] - 10) <= 1, by
