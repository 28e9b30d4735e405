"""The serving process is killed (SIGKILL) and started again, where and over what it was."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from e2e.serving import Serving, environment
from e2e.wire import Wire, cloudevent
from pubsubclient import Event, Publisher, Service, Subscriber

_PROGRAMS = Path(__file__).parent / "programs"
_EVENTS = 200


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """A thread for what waits while the service is away."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_between_two_publishes_nothing_acknowledged_is_lost(
    serving: Serving, service: Service, pool: ThreadPoolExecutor
) -> None:
    """The second publish begins while nobody serves; its retries bridge the restart."""
    publisher = Publisher("shop", service=service)
    first = publisher.publish(Event("orders", 1))
    serving.kill()
    waiting = pool.submit(publisher.publish, Event("orders", 2))
    serving.restart()
    second = waiting.result(60)
    with Subscriber("billing", service=service) as subscriber:
        subscriber.subscribe("orders")
        events = subscriber.get_events()
    assert [(event.data, event.sequence) for event in events] == [(1, first.sequence), (2, second.sequence)]
    assert [event.recordedtime for event in events] == [first.recordedtime, second.recordedtime]


def test_between_get_events_and_ack_the_ack_counts_all_the_same(
    serving: Serving, service: Service, pool: ThreadPoolExecutor
) -> None:
    """The lease is in the store: what is acknowledged after the restart does not come again."""
    Publisher("shop", service=service).publish([Event("orders", number) for number in range(3)])
    with Subscriber("billing", service=service) as subscriber:
        subscriber.subscribe("orders", ack_deadline=60)
        events = subscriber.get_events()
        serving.kill()
        acked = pool.submit(events[1].ack)
        serving.restart()
        assert acked.result(60)
        assert subscriber.get_events() == []
    assert Wire(serving.url).get("register", subscriber="billing")["unsettled"] == 0


def test_what_was_not_acknowledged_comes_again(serving: Serving) -> None:
    """When its lease is over, not before, and only what was not acknowledged."""
    wire = Wire(serving.url)
    wire.subscribe("billing", "orders", ack_deadline_s=2)
    ids = [receipt["id"] for receipt in wire.publish("orders", *(cloudevent(number) for number in range(3)))]
    got = wire.events("billing", lease=wire.token())
    acked = [[got["events"][0]["topic"], got["events"][0]["sequence"]]]
    wire.events("billing", max_events=0, ack=[{"lease": got["lease"], "events": acked}])
    serving.kill()
    serving.restart()
    again = wire.events("billing", wait_s=20)
    assert [(event["id"], event["attempt"]) for event in again["events"]] == [(ids[1], 2), (ids[2], 2)]
    assert again["events"][0]["recordedtime"] < got["until"] <= again["until"]
    assert wire.events("billing", ack=[{"lease": again["lease"]}])["events"] == []
    wire.close()


def test_killed_again_and_again_under_load_it_stores_every_event_once(serving: Serving, service: Service) -> None:
    """Whatever moment of a publish it was: the publisher never learns of it, the subscriber neither."""
    command = [sys.executable, str(_PROGRAMS / "publish.py"), "orders", "shop", str(_EVENTS)]
    variables = environment(PUBLISH_SUBSCRIBE_SERVICE=serving.url)
    publisher = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)
    assert publisher.stdout is not None
    receipts = []
    for line in publisher.stdout:
        receipts.append(line.strip())
        if len(receipts) in {20, 70, 120}:
            serving.kill()
            serving.restart()
    assert publisher.wait(60) == 0
    publisher.stdout.close()
    assert receipts == [f"0000-{index:020d}" for index in range(_EVENTS)]
    with Subscriber("billing", service=service) as subscriber:
        subscriber.subscribe("orders")
        assert [event.data["number"] for event in subscriber.get_events()] == list(range(_EVENTS))
