"""Who gets which events, when, and in which order."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any

import pytest

from e2e.serving import Serving
from e2e.wire import Wire, cloudevent


def _data(answer: dict[str, Any]) -> list[Any]:
    return [event["data"] for event in answer["events"]]


def test_a_new_subscriber_gets_what_was_published_before(wire: Wire) -> None:
    """With what the publisher said, and what the service adds."""
    sent = cloudevent({"number": 17}, subject="s", time="2026-01-31T12:00:00+01:00", traceparent="00-1", urgent=True)
    [receipt] = wire.publish("orders", sent)
    wire.subscribe("billing", "orders")
    answer = wire.events("billing", lease=(lease := wire.token()))
    added = {"sequence": receipt["sequence"], "recordedtime": receipt["recordedtime"], "attempt": 1}
    assert answer["events"] == [{**sent, "topic": wire.name("orders"), **added}]
    assert answer["lease"] == lease
    assert answer["until"] > receipt["recordedtime"]


def test_events_of_all_topics_come_in_the_order_in_which_they_were_stored(wire: Wire) -> None:
    """By recordedtime, whichever topic."""
    order = ["stock", "orders", "orders", "bills", "stock", "bills", "orders"]
    for number, topic in enumerate(order):
        wire.publish(topic, cloudevent(number))
    wire.subscribe("billing", "orders", "stock", "bills")
    events = wire.events("billing")["events"]
    assert [(event["topic"], event["data"]) for event in events] == [
        (wire.name(topic), number) for number, topic in enumerate(order)
    ]
    times = [event["recordedtime"] for event in events]
    assert times == sorted(set(times))


def test_a_topic_of_several_partitions_keeps_each_publishers_order(wire: Wire) -> None:
    """Over all partitions the order is by recordedtime."""
    wire.ok("register", {"topic": wire.name("orders"), "partitions": 4})
    for number in range(24):
        wire.publish("orders", cloudevent(number), publisher=f"P{number % 6}")
    wire.subscribe("billing", "orders")
    events = wire.events("billing")["events"]
    assert [event["data"] for event in events] == list(range(24))
    assert len({event["sequence"][:4] for event in events}) > 1


def test_every_subscriber_gets_every_event_and_consumers_of_one_share_them(wire: Wire) -> None:
    """Two consumers under one name get different events, together all."""
    wire.publish("orders", *(cloudevent(number) for number in range(10)))
    wire.subscribe("billing", "orders")
    wire.subscribe("other", "orders")
    first = wire.events("billing", max_events=4)
    second = wire.events("billing", max_events=10)
    assert (_data(first), first["more"]) == ([0, 1, 2, 3], True)
    assert (_data(second), second["more"]) == ([4, 5, 6, 7, 8, 9], False)
    assert first["lease"] != second["lease"]
    assert wire.events("billing")["events"] == []
    assert _data(wire.events("other")) == list(range(10))


def test_start_latest_begins_with_what_is_published_from_then_on(wire: Wire) -> None:
    """Subscribing again does not move it."""
    wire.publish("orders", cloudevent("before"))
    wire.subscribe("billing", "orders", start="latest")
    wire.publish("orders", cloudevent("after"))
    wire.subscribe("billing", "orders", start="latest")
    assert _data(wire.events("billing")) == ["after"]
    wire.subscribe("billing", "orders", start="earliest")
    assert wire.events("billing")["events"] == []


@pytest.mark.parametrize("start", ["earliest", "latest"])
def test_a_topic_may_be_subscribed_to_before_it_exists(wire: Wire, start: str) -> None:
    """All of it comes then, once it exists."""
    wire.subscribe("billing", "orders", start=start)
    assert wire.events("billing")["events"] == []
    wire.publish("orders", cloudevent("first"))
    assert _data(wire.events("billing")) == ["first"]


def test_no_events_may_be_asked_for(wire: Wire) -> None:
    """Then a call only settles: no lease, and no wait either."""
    wire.publish("orders", cloudevent(1))
    wire.subscribe("billing", "orders")
    started = time.monotonic()
    answer = wire.events("billing", max_events=0, wait_s=20, lease=wire.token())
    assert time.monotonic() - started < 10
    assert answer == {"events": [], "lease": None, "until": None, "more": False}
    assert _data(wire.events("billing")) == [1]


@pytest.mark.http
def test_a_long_poll_without_news_ends_empty_in_time(wire: Wire) -> None:
    """It waits as long as it was told to, not longer by much."""
    wire.subscribe("billing", "orders")
    started = time.monotonic()
    assert wire.events("billing", wait_s=0.5)["events"] == []
    assert 0.5 <= time.monotonic() - started < 10


@pytest.mark.parametrize("other_process", [False, True], ids=["same process", "another process"])
@pytest.mark.parametrize("exists", [True, False], ids=["topic exists", "new topic"])
def test_a_long_poll_ends_when_something_is_published(
    serving: Serving, start: Callable[[], Serving], other_process: bool, exists: bool
) -> None:
    """Long before its time is up, also when another process over the same store took the event."""
    waiting = Wire(serving.url)
    publishing = Wire(start().url if other_process else serving.url)
    publishing.unique = waiting.unique
    waiting.subscribe("billing", "orders")
    if exists:
        publishing.publish("orders", cloudevent("before"))
        waiting.events("billing", lease=(lease := waiting.token()))
        waiting.events("billing", max_events=0, ack=[{"lease": lease}])
    with futures.ThreadPoolExecutor(1) as pool:
        poll = pool.submit(waiting.events, "billing", wait_s=20)
        with pytest.raises(futures.TimeoutError):
            poll.result(0.5)  # it waits
        publishing.publish("orders", cloudevent("news"))
        published = time.monotonic()
        assert _data(poll.result(60)) == ["news"]
        assert time.monotonic() - published < 10
    waiting.close()
    publishing.close()


def test_an_answer_ends_at_eight_mebibytes_and_says_that_there_is_more(wire: Wire) -> None:
    """What did not fit comes with the next calls, in order."""
    for number in range(12):
        wire.publish("orders", cloudevent([number, "x" * 850_000]))
    wire.subscribe("billing", "orders")
    got: list[int] = []
    answers = 0
    more = True
    while more:
        answer = wire.ask("get_events", {"subscriber": wire.name("billing"), "lease": wire.token()})
        assert len(answer.content) <= 8 * 1024 * 1024 + 1024
        body = answer.json()
        got += [number for number, _ in _data(body)]
        more = body["more"]
        answers += 1
    assert got == list(range(12))
    assert answers == 2


@pytest.mark.parametrize("filling", ["x", "\u00e9", "random"])
def test_an_event_of_900_000_bytes_goes_through(wire: Wire, filling: str) -> None:
    """Whether it compresses or not."""
    count = 899_700
    if filling == "x":
        data = "x" * count
    elif filling == "random":
        data = random.Random(7).randbytes(count // 2).hex()
    else:
        data = "\u00e9" * (count // 6)  # six bytes each, as the test sends them
    wire.publish("orders", cloudevent(data))
    wire.subscribe("billing", "orders")
    assert _data(wire.events("billing")) == [data]
