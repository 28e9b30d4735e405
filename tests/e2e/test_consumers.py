"""Consumers in ordinary trouble: killed, stopped, closed, many at once, in threads that nobody knows."""

from __future__ import annotations

import _thread
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any

import pytest

from e2e.serving import Serving, environment
from pubsubclient import Event, Events, Publisher, ReceivedEvent, Service, Subscriber

_WAITING = """
from pubsubclient import Subscriber
subscriber = Subscriber("billing")
print("ready", flush=True)
{wait}
"""
_WAITS = {
    "get_events": "subscriber.get_events(wait=20)",
    "pull": "subscriber.pull(wait=20).__enter__()",
    "events": "next(subscriber.events())",
}
_LOOP = """
import time
from pubsubclient import Subscriber
for event in Subscriber("billing").events():
    time.sleep(0.03)
    print(event.data, flush=True)
"""


def _start(serving: Serving, code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(PUBLISH_SUBSCRIBE_SERVICE=serving.url),
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("how", _WAITS)
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("max_attempts", [1, 5])
def test_a_killed_consumer_that_waited_takes_nothing_with_it(
    serving: Serving, service: Service, how: str, end: signal.Signals, max_attempts: int
) -> None:
    """What is published then comes to the living one at once, as its first attempt."""
    publisher, subscriber = Publisher("shop", service=service), Subscriber("billing", service=service)
    subscriber.subscribe("orders", max_attempts=max_attempts)
    dead = _start(serving, _WAITING.format(wait=_WAITS[how]))
    assert dead.stdout is not None
    assert dead.stdout.readline() == "ready\n"
    time.sleep(0.3)  # its request is on its way: nothing tells when
    with futures.ThreadPoolExecutor(1) as pool:
        living = pool.submit(subscriber.get_events, None, 20)
        dead.send_signal(end)
        dead.communicate()
        published = time.monotonic()
        publisher.publish("orders", "work")
        events = living.result(60)
        assert [(event.data, event.attempt) for event in events] == [("work", 1)]
        assert time.monotonic() - published < 15  # before the wait or a lease of the dead one ends
        events.ack()


def test_a_stopped_loop_has_acknowledged_what_it_did(serving: Serving, service: Service) -> None:
    """SIGTERM in the middle: of 60 finished events three come again at most, and little else has failed."""
    publisher, subscriber = Publisher("shop", service=service), Subscriber("billing", service=service)
    subscriber.subscribe("orders", ack_deadline=6, backoff=0)
    publisher.publish([Event("orders", number) for number in range(100)])
    stopped = _start(serving, _LOOP)
    assert stopped.stdout is not None
    done = [int(stopped.stdout.readline()) for _ in range(60)]
    stopped.terminate()
    done += [int(line) for line in stopped.communicate()[0].split()]
    again: list[ReceivedEvent] = []
    # until the leases of the stopped one have ended
    while (events := subscriber.get_events(wait=5)) or subscriber.state().unsettled:
        again += events
    subscriber.close()
    assert len({event.data for event in again} & set(done)) <= 3
    assert {event.data for event in again} | set(done) == set(range(100))
    failed = [event for event in again if event.attempt > 1 and event.data not in done]
    assert len(failed) <= 45  # about a second of work


def test_eight_threads_over_loops_are_all_at_work(service: Service) -> None:
    """One that fetched a hundred would leave the others nothing: each waits with its first event for the seven others."""
    publisher, subscriber = Publisher("shop", service=service), Subscriber("billing", service=service)
    subscriber.subscribe("orders")
    publisher.publish([Event("orders", number) for number in range(40)])
    eight, handled = threading.Barrier(8), []

    def work() -> None:
        for number, event in enumerate(subscriber.events(wait=1)):
            if number == 0:
                eight.wait(60)
            handled.append(event.data)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not eight.broken
    assert sorted(handled) == list(range(40))
    subscriber.close()


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_loop_drops_what_the_service_took_back_of_an_ordered_topic(service: Service, partitions: int) -> None:
    """The failed event comes again before what is newer."""
    from pubsubclient import Topic

    Topic("orders", partitions, service=service)
    publisher, subscriber = Publisher("shop", service=service), Subscriber("billing", service=service)
    subscriber.subscribe("orders", ordered=True, backoff=0)
    for number in range(12):
        publisher.publish("orders", number)
    handled, failed = [], False
    for event in subscriber.events(wait=2):
        if event.data == 5 and not failed:
            failed = True
            assert event.nack()
            continue
        handled.append(event.data)
    assert handled == list(range(12))
    subscriber.close()


@pytest.mark.parametrize("wait", ["get_events", "pull", "events"])
def test_closing_ends_a_wait_at_once(service: Service, wait: str) -> None:
    """From another thread; it leased nothing."""
    subscriber = Subscriber("billing", service=service)
    subscriber.subscribe("orders")
    calls: dict[str, Callable[[], Any]] = {
        "get_events": lambda: subscriber.get_events(wait=20),
        "pull": lambda: subscriber.pull(wait=20).__enter__(),
        "events": lambda: list(subscriber.events()),
    }
    with futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(calls[wait])
        with pytest.raises(futures.TimeoutError):
            waiting.result(0.5)
        closed = time.monotonic()
        subscriber.close()
        assert waiting.result(60) == []
        assert time.monotonic() - closed < 15  # the wait lasts 20 s
    Publisher("shop", service=service).publish("orders", 1)
    assert [event.attempt for event in subscriber.get_events(wait=5)] == [1]
    assert subscriber.state().leases[0].attempt == 1
    subscriber.close()


def test_threads_that_python_did_not_start_do_not_acknowledge_for_each_other(service: Service) -> None:
    """The number of one that is gone is given to the next."""
    subscriber = Subscriber("billing", service=service)
    subscriber.subscribe("orders", ack_deadline=600)
    Publisher("shop", service=service).publish("orders", "work")
    ended = threading.Semaphore(0)

    def get() -> None:
        try:
            got.append([event.data for event in subscriber.get_events()])
        finally:
            ended.release()

    got: list[list[Any]] = []
    for _ in range(2):
        _thread.start_new_thread(get, ())
        assert ended.acquire(timeout=30)
        time.sleep(0.2)  # until the number is free: nothing tells when
    assert got == [["work"], []]
    assert subscriber.state().unsettled == 1
    subscriber.close()


def test_what_a_seek_forgot_is_no_longer_in_hand(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is settled late, and nothing is lost."""
    publisher, subscriber = Publisher("shop", service=service), Subscriber("billing", service=service)
    subscriber.subscribe("orders.*")
    subscriber.subscribe("bills")
    for topic in ("orders.eu", "bills"):
        publisher.publish(topic, 1)
    events: Events = subscriber.get_events()
    assert len(events) == 2
    subscriber.seek("orders.*", "earliest")
    subscriber.seek("bills", "earliest")
    assert len(subscriber.get_events()) == 2
    subscriber.unsubscribe("bills")
    subscriber.close()
    assert caplog.text == ""
