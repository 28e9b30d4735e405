"""Batches: what becomes of events that are refused, and of all when the service is out of reach."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from pubsubclient import (
    Batch,
    Conflict,
    Event,
    Publisher,
    PublishError,
    PublishRefused,
    PublishUnavailable,
    PublishUnknown,
    Service,
    Unavailable,
)
from unit.sdk.scripted import BREAK_OFF, Reply, ScriptedService, problem


def _ids(server: ScriptedService) -> list[list[str]]:
    """The events of each request so far."""
    return [[event["id"] for event in body["events"]] for body in server.calls("publish")]


def _refusing(server: ScriptedService, answer: Reply, *at_fault: str) -> Callable[[Any], Reply]:
    """Refuses every request with one of these events in it."""

    def reply(body: Any) -> Reply:
        if any(event["id"] in at_fault for event in body["events"]):
            return answer
        return Reply({"events": [server.receipt(event) for event in body["events"]]})

    return reply


def _failing(batch: Batch) -> PublishError:
    """What leaving raises."""
    with pytest.raises(PublishError) as raised:
        batch.close()
    return raised.value


@pytest.mark.parametrize("answer", [problem(422, "payload_differs", event="5"), problem(400, "invalid_event")])
def test_a_refused_event_fails_alone(server: ScriptedService, publisher: Publisher, answer: Reply) -> None:
    """The others are stored, in order; leaving says so."""
    server.script("publish", *[_refusing(server, answer, "5", "17")] * 40)
    batch = publisher.batch(max_delay=60)
    events = [Event("orders", id=f"{n}") for n in range(20)]
    futures = [batch.publish(event) for event in events]
    error = _failing(batch)
    assert isinstance(error, PublishRefused)
    assert error.events == [events[5], events[17]]
    assert error.receipts == [None, None]
    stored = [future.result(0) for n, future in enumerate(futures) if n not in {5, 17}]
    assert [receipt.sequence for receipt in stored] == [f"0000-{n:020d}" for n in range(1, 19)]
    failure = futures[5].exception(0)
    assert isinstance(failure, PublishRefused)
    assert failure.events == [events[5]]
    assert failure.reason.code == answer.body["code"]  # type: ignore[union-attr]
    batch.close()  # says it once


def test_a_request_that_is_too_large_is_split_and_the_next_ones_are_smaller(
    server: ScriptedService, publisher: Publisher
) -> None:
    """Only the service knows how far events compress."""

    def reply(body: Any) -> Reply:
        if len(body["events"]) > 300:
            return problem(413, "too_large")
        return Reply({"events": [server.receipt(event) for event in body["events"]]})

    server.script("publish", *[reply] * 40)
    with publisher.batch(max_delay=60) as batch:
        futures = [batch.publish(Event("orders", id=f"{n:04d}")) for n in range(2000)]
    assert [future.result(0).sequence for future in futures] == [f"0000-{n:020d}" for n in range(1, 2001)]
    sizes = [len(ids) for ids in _ids(server)]
    assert sizes[:4] == [1000, 500, 250, 250]
    assert sizes.count(1000) == 1


def test_what_forbids_the_publisher_is_not_split(server: ScriptedService, publisher: Publisher) -> None:
    """It is no event's fault; the batch goes on all the same."""
    server.script("publish", problem(403, "forbidden"))
    batch = publisher.batch(max_delay=60)
    failed = [batch.publish("orders") for _ in range(5)]
    assert batch.flush(10)
    assert batch.publish("orders").cancel()
    later = batch.publish("orders")
    error = _failing(batch)
    assert len(error.events) == 5
    assert all(isinstance(future.exception(0), PublishRefused) for future in failed)
    assert later.result(0)
    assert [len(ids) for ids in _ids(server)] == [5, 1]


def test_a_refusal_after_a_try_without_an_answer_is_unknown(server: ScriptedService, publisher: Publisher) -> None:
    """And stays so for the halves of that request."""
    event = Event("orders", id="7")
    server.script("publish", BREAK_OFF, *[_refusing(server, problem(422, "payload_differs"), "7")] * 9)
    batch = publisher.batch(max_delay=60)
    other, future = batch.publish("orders"), batch.publish(event)
    error = _failing(batch)
    assert isinstance(error, PublishUnknown)
    assert isinstance(error.reason, Conflict)
    assert error.events == [event]
    assert other.result(0)
    assert isinstance(future.exception(0), PublishUnknown)


def test_a_service_out_of_reach_fails_all_that_is_left(server: ScriptedService) -> None:
    """What was tried may be stored, what was not is surely not; later events are refused at once."""
    publisher = Publisher("shop", service=Service(server.url, deadline_s=3))
    server.script("publish", *[BREAK_OFF] * 1000)
    batch = publisher.batch(max_delay=60)
    futures = [batch.publish(Event(topic)) for topic in ["a"] * 1000 + ["b"] * 10]
    kinds = [type(future.exception(60)) for future in futures]
    assert kinds == [PublishUnknown] * 1000 + [PublishUnavailable] * 10
    with pytest.raises(PublishUnavailable) as raised:
        batch.publish("a")
    assert isinstance(raised.value.reason, Unavailable)
    error = _failing(batch)
    assert isinstance(error, PublishUnknown)
    assert len(error.events) == 1010


def test_a_failed_batchs_events_can_be_published_again(server: ScriptedService) -> None:
    """With the since of their first try."""
    publisher = Publisher("shop", service=Service(server.url, deadline_s=2))
    server.script("publish", *[BREAK_OFF] * 1000)
    batch = publisher.batch()
    batch.publish(Event("orders", id="7"))
    error = _failing(batch)
    [since] = {body["since"] for body in server.calls("publish")}
    server.as_usual("publish")
    server.store_time_us = 1_700_000_100_000_000
    publisher.publish("other")
    with publisher.batch() as again:
        again.publish(error.events[0])
    assert server.calls("publish")[-1]["since"] == since


def test_a_future_that_has_a_result_already_stops_nothing(server: ScriptedService, publisher: Publisher) -> None:
    """Whoever gave it one."""
    receipt = publisher.publish("orders")
    with publisher.batch(max_delay=60) as batch:
        futures = [batch.publish(Event("orders")) for _ in range(3)]
        futures[1].set_result(receipt)
        assert batch.flush(10)
    assert [future.result(0) is receipt for future in futures] == [False, True, False]
    assert len(server.calls("publish")[-1]["events"]) in {2, 3}


def test_a_callback_that_exits_harms_nobody_else(publisher: Publisher, caplog: pytest.LogCaptureFixture) -> None:
    """It runs in the batch's thread, which goes on; the log has what it raised."""
    batch = publisher.batch()
    first = batch.publish("orders", 1)
    first.add_done_callback(lambda future: sys.exit(1))
    assert batch.flush(10)
    assert batch.publish("orders", 2).result(10).sequence
    batch.close()
    assert "A callback of the future of" in caplog.text
