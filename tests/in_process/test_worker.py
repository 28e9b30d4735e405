"""A worker in threads beside the test, over the service in its process."""

from __future__ import annotations

import threading

from pubsubclient import App, Retry
from pubsubclient.testing import Local


def test_a_worker_s_events_come_again_when_the_clock_is_moved(pubsub: Local) -> None:
    """Its waits are real, and end when the test moves the clock: five attempts in no time."""
    app, attempts, ran = App("billing"), [], threading.Semaphore(0)

    @app.handler("orders", max_attempts=3, backoff=100)
    def charge(order: int) -> None:
        attempts.append(order)
        ran.release()
        raise Retry("no stock")

    worker = app.worker(concurrency=2)
    worker.start()
    pubsub.publish("orders", 1)
    for attempt in (1, 2, 3):
        assert ran.acquire(timeout=60)
        while (state := pubsub.state(app)).leases:  # the outcome is on its way
            pass
        assert state.due == (attempt < 3)
        pubsub.advance(200)
    worker.stop()
    assert worker.join(60)
    assert attempts == [1, 1, 1]
    assert [letter.reason for letter in pubsub.dead_letters(app)] == ["no stock"]


def test_a_worker_that_was_not_stopped_is_told_of() -> None:
    """Its handler has an event; no thread of it may be in a call just now."""
    running = Local()
    app, entered, leave = App("billing", service=running.service), threading.Event(), threading.Event()

    @app.handler("orders")
    def charge(order: int) -> None:
        entered.set()
        leave.wait()

    worker = app.worker(concurrency=1)
    worker.start()
    running.publish("orders", 1)
    assert entered.wait(60)
    left = running.close()
    assert "events of the worker of billing are still held. End what holds them before the test ends." in left
    leave.set()
    worker.stop()
    assert worker.join(60)
    running.close()  # what the worker could not settle is forgotten
