"""Batches: what they send, in which order and when."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import Any

import pytest

from pubsubclient import (
    Event,
    InvalidArgument,
    Publisher,
    Receipt,
)
from unit.sdk.scripted import Reply, ScriptedService


def _ids(server: ScriptedService) -> list[list[str]]:
    """The events of each request so far."""
    return [[event["id"] for event in body["events"]] for body in server.calls("publish")]


def _stored(server: ScriptedService) -> list[str]:
    return [event for ids in _ids(server) for event in ids]


def test_every_event_gets_its_receipt(server: ScriptedService, publisher: Publisher) -> None:
    """In few requests, in order."""
    with publisher.batch() as batch:
        futures = [batch.publish(Event("orders", n, id=f"{n}")) for n in range(100)]
        last = batch.publish("orders", {"n": 100})
    receipts = [future.result(0) for future in futures]
    assert [receipt.id for receipt in receipts] == [f"{n}" for n in range(100)]
    assert [receipt.sequence for receipt in receipts] == [f"0000-{n:020d}" for n in range(1, 101)]
    assert isinstance(last.result(0), Receipt)
    assert _stored(server)[:100] == [f"{n}" for n in range(100)]
    body = server.calls("publish")[0]
    assert (body["topic"], body["publisher"]) == ("orders", "shop")
    assert body["events"][0]["source"] == "/publishers/shop"


def test_an_event_does_not_wait_long_for_others(server: ScriptedService, publisher: Publisher) -> None:
    """Nobody has to flush."""
    with publisher.batch(max_delay=0.05) as batch:
        started = time.monotonic()
        batch.publish("orders").result(60)
        assert 0.04 < time.monotonic() - started < 30


def test_flush_does_not_wait_for_others_at_all(server: ScriptedService, publisher: Publisher) -> None:
    """It returns when what was published has its outcome."""
    with publisher.batch(max_delay=60) as batch:
        future = batch.publish("orders")
        assert batch.flush(60)
        assert future.done()
        assert batch.flush()


def test_a_full_request_does_not_wait_either(server: ScriptedService, publisher: Publisher) -> None:
    """1,000 events, or four megabytes."""
    with publisher.batch(max_delay=60) as batch:
        futures = [batch.publish(Event("orders")) for _ in range(1000)]
        futures[-1].result(60)
        big = [batch.publish(Event("orders", "x" * 300_000)) for _ in range(14)]
        big[12].result(60)
    assert [len(ids) for ids in _ids(server)] == [1000, 13, 1]


def test_a_request_is_a_small_part_of_what_may_wait(server: ScriptedService, publisher: Publisher) -> None:
    """So the next request fills while one is under way: an eighth of `max_bytes`, and a megabyte at least."""
    for max_bytes, full in ((16_000_000, 6), (4_000_000, 3)):
        before = len(_ids(server))
        with publisher.batch(max_delay=60, max_bytes=max_bytes) as batch:
            big = [batch.publish(Event("orders", "x" * 300_000)) for _ in range(full + 1)]
            big[full - 1].result(60)
        assert [len(ids) for ids in _ids(server)[before:]] == [full, 1]


def test_one_request_is_under_way_and_the_next_one_fills(server: ScriptedService, publisher: Publisher) -> None:
    """So the order holds, and a slow service gets large requests."""
    first, go_on, most = threading.Event(), threading.Event(), []

    def slow(body: Any) -> Reply:
        first.set()
        go_on.wait(60)
        most.append(len(server.calls("publish")))
        return Reply({"events": [server.receipt(event) for event in body["events"]]})

    server.script("publish", slow)
    with publisher.batch(max_delay=0) as batch:
        batch.publish(Event("orders", id="0"))
        assert first.wait(60)
        for n in range(1, 50):
            batch.publish(Event("orders", id=f"{n}"))
        go_on.set()
    assert most == [1]
    assert _ids(server) == [["0"], [f"{n}" for n in range(1, 50)]]


def test_topics_keep_their_order(server: ScriptedService, publisher: Publisher) -> None:
    """Each its own."""
    with publisher.batch(max_delay=60) as batch:
        for n in range(6):
            batch.publish(Event("ab"[n % 2], id=f"{n}"))
    assert [(body["topic"]) for body in server.calls("publish")] == ["a", "b"]
    assert _ids(server) == [["0", "2", "4"], ["1", "3", "5"]]


@pytest.mark.parametrize("bound", [{"max_events": 3}, {"max_bytes": 3 * 250}])
def test_publish_blocks_while_too_much_is_on_its_way(
    server: ScriptedService, publisher: Publisher, bound: dict[str, int]
) -> None:
    """Memory is bounded, by events and by bytes."""
    go_on = threading.Event()

    def held(body: Any) -> Reply:
        go_on.wait(60)
        return Reply({"events": [server.receipt(event) for event in body["events"]]})

    server.script("publish", *[held] * 20)
    published = []

    def publish() -> None:
        with publisher.batch(**bound) as batch:
            for n in range(10):
                published.append(batch.publish(Event("orders", "x" * 80, id=f"{n}")))  # noqa: PERF401 - seen while it grows

    thread = threading.Thread(target=publish)
    thread.start()
    give_up = time.monotonic() + 60
    while len(published) < 2:
        assert time.monotonic() < give_up
        time.sleep(0.01)
    thread.join(0.5)
    assert len(published) <= 3
    go_on.set()
    thread.join(60)
    assert [future.result(0).id for future in published] == [f"{n}" for n in range(10)]


def test_an_event_larger_than_the_bound_passes_alone(server: ScriptedService, publisher: Publisher) -> None:
    """It must be sent some time."""
    with publisher.batch(max_bytes=10) as batch:
        for n in range(3):
            batch.publish("orders", n)
    assert [len(ids) for ids in _ids(server)] == [1, 1, 1]


def test_a_future_that_is_cancelled_in_time_is_not_sent(server: ScriptedService, publisher: Publisher) -> None:
    """It counts for nothing."""
    with publisher.batch(max_delay=60) as batch:
        batch.publish(Event("orders", id="1"))
        assert batch.publish(Event("orders", id="2")).cancel()
        batch.publish(Event("orders", id="3"))
    assert _ids(server) == [["1", "3"]]


def test_what_is_called_when_an_event_is_stored_may_publish(server: ScriptedService, publisher: Publisher) -> None:
    """It runs in the thread that makes room, and so is not held up."""
    with publisher.batch(max_events=1, max_delay=0) as batch:

        def again(future: Future[Receipt]) -> None:
            if future.result().id == "first":
                batch.publish(Event("orders", id="second"))
                assert not batch.flush()

        batch.publish(Event("orders", id="first")).add_done_callback(again)
        assert batch.flush(60)
    assert _stored(server) == ["first", "second"]


def test_threads_share_a_batch(server: ScriptedService, publisher: Publisher) -> None:
    """Each thread's events keep their order."""
    with publisher.batch(max_events=50) as batch:

        def publish(name: str) -> None:
            for n in range(200):
                batch.publish(Event("orders", id=f"{name}{n:03d}"))

        threads = [threading.Thread(target=publish, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    stored = _stored(server)
    for name in "abcd":
        assert [i for i in stored if i[0] == name] == [f"{name}{n:03d}" for n in range(200)]


@pytest.mark.parametrize("options", [{"max_delay": -1}, {"max_events": 0}, {"max_bytes": 0}])
def test_bounds_out_of_range_are_refused(publisher: Publisher, options: dict[str, Any]) -> None:
    """At once."""
    with pytest.raises(InvalidArgument):
        publisher.batch(**options)


def test_what_is_no_event_is_refused_where_it_is_published(server: ScriptedService, publisher: Publisher) -> None:
    """Nothing else is held up by it."""
    with publisher.batch() as batch:
        for call in (lambda: batch.publish(Event("a"), 1), lambda: batch.publish("a", {1: 2})):  # type: ignore[call-overload]
            with pytest.raises(InvalidArgument):
                call()
        with pytest.raises(InvalidArgument):
            batch.publish("orders", "x" * 900_000)
    assert server.calls("publish") == []
