"""Peeking: events of topics without a subscriber. Nothing is written, and the cursor alone says where to go on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from e2e.wire import Wire, cloudevent, store_ops


def peek(wire: Wire, *topics: str, **query: str | int) -> requests.Response:
    """Ask for events of topics of this test."""
    return wire.ask_get("get_events", [("topic", wire.name(topic)) for topic in topics], **query)


def peeked(wire: Wire, *topics: str, **query: str | int) -> dict[str, Any]:
    answer = peek(wire, *topics, **query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def numbers(answer: dict[str, Any]) -> list[int]:
    return [event["data"] for event in answer["events"]]


def test_a_peek_returns_what_a_subscriber_would_get(wire: Wire) -> None:
    """The same members but for the attempt, in the same order over topics and partitions; to the end, and no further."""
    wire.ok("register", {"topic": wire.name("wide"), "partitions": 4})
    for number in range(12):
        wire.publish(("wide", "narrow")[number % 2], cloudevent(number), publisher=f"p{number % 5}")
    wire.subscribe("s", "wide", "narrow")
    expected = wire.events("s")["events"]
    seen, cursor = [], None
    while True:
        begin = {"start": "earliest", "max_events": 5} if cursor is None else {"cursor": cursor, "max_events": 5}
        answer = peeked(wire, *(() if cursor else ("wide", "narrow")), **begin)
        seen += answer["events"]
        cursor = answer["cursor"]
        if not answer["more"]:
            break
    assert [{**event, "attempt": 1} for event in seen] == expected
    assert peeked(wire, cursor=cursor)["events"] == []


def test_a_peek_writes_nothing_and_makes_no_name(wire: Wire) -> None:
    """Not even for a topic that does not exist; which is met as soon as it does."""
    answer = peek(wire, "nowhere")
    assert (answer.status_code, answer.json()["events"], store_ops(answer)[1:]) == (200, [], (0, 0))
    topic = wire.ask_get("register", [("topic", wire.name("nowhere"))])
    assert topic.status_code == 404
    wire.publish("nowhere", cloudevent(1))
    met = peek(wire, cursor=answer.json()["cursor"])
    assert numbers(met.json()) == [1]
    assert store_ops(met)[1:] == (0, 0)


def test_what_peeks_cost(wire: Wire) -> None:
    """To begin, three reads a log; idle or with one new event, one a log; never a write."""
    topics = ("a", "b", "c")
    for topic in topics:
        wire.publish(topic, cloudevent())
    begun = peek(wire, *topics)
    assert store_ops(begun) == (9, 0, 0)
    cursor = begun.json()["cursor"]
    assert len(cursor) < 400
    for _ in range(2):
        idle = peek(wire, cursor=cursor)
        assert (idle.json()["events"], store_ops(idle)) == ([], (3, 0, 0))
        cursor = idle.json()["cursor"]
    wire.publish("b", cloudevent(7))
    one = peek(wire, cursor=cursor)
    assert (numbers(one.json()), store_ops(one)) == ([7], (3, 0, 0))


def test_a_pattern_is_peeked_at_as_its_topics_come(wire: Wire) -> None:
    """Present topics from the start that was asked for, later ones from their first event."""
    pattern = f"{wire.unique}-x.*"
    wire.publish("x.old", cloudevent(1))
    begun = wire.ask_get("get_events", [("topic", pattern)])
    assert begun.json()["events"] == []
    wire.publish("x.new", cloudevent(2))
    wire.publish("x.old", cloudevent(3))
    wire.publish("other", cloudevent(4))
    answer = begun.json()
    seen: list[int] = []
    for _ in range(5):
        answer = peeked(wire, cursor=answer["cursor"])
        seen += numbers(answer)
    assert seen == [2, 3]
    idle = peek(wire, cursor=answer["cursor"])
    assert store_ops(idle) == (3, 0, 0)


def test_the_newest_events_of_several_topics(wire: Wire) -> None:
    """In commit-time order over topics and partitions, whatever batches they are in."""
    wire.ok("register", {"topic": wire.name("wide"), "partitions": 3})
    for number in range(0, 40, 4):
        wire.publish("wide", cloudevent(number), cloudevent(number + 1), publisher=f"p{number}")
        wire.publish("narrow", cloudevent(number + 2), cloudevent(number + 3))
    for last in (1, 2, 3, 7, 39, 40, 41, 1000):
        assert numbers(peeked(wire, "wide", "narrow", last=last)) == [*range(40)][-last:]
    short = peeked(wire, "wide", "narrow", last=10, max_events=4)
    assert (numbers(short), short["more"]) == ([30, 31, 32, 33], True)
    assert numbers(peeked(wire, cursor=short["cursor"])) == [34, 35, 36, 37, 38, 39]
    assert peeked(wire, "empty", last=3)["events"] == []


def test_filters_stay_with_the_cursor(wire: Wire) -> None:
    """Only what passes them is returned, from the first response to the last."""
    wire.publish("t", cloudevent(1, type="noise"), cloudevent(2, type="order"))
    answer = peeked(wire, "t", start="earliest", filters='[{"exact":{"type":"order"}}]')
    assert numbers(answer) == [2]
    wire.publish("t", cloudevent(3, type="noise"), cloudevent(4, type="order"))
    assert numbers(peeked(wire, cursor=answer["cursor"])) == [4]


def test_delayed_events_come_at_once_and_say_when_they_are_due(wire: Wire) -> None:
    """Which a subscriber waits for; the others of their batch say nothing."""
    wire.publish("t", cloudevent(1), delay_s=600)
    wire.publish("t", cloudevent(2))
    wire.publish("t", cloudevent(3, duetime="mine"), delay_s=600)
    first, second, third = peeked(wire, "t", start="earliest")["events"]
    assert (first["data"], first["duetime"] > first["recordedtime"]) == (1, True)
    assert (second["data"], "duetime" in second) == (2, False)
    assert (third["data"], third["duetime"]) == (3, "mine")


def test_a_peek_sees_what_was_redriven_for_a_subscriber(wire: Wire) -> None:
    """A subscriber sees only what was redriven for itself."""
    wire.publish("t", cloudevent(1, redrivefor="somebody"))
    assert numbers(peeked(wire, "t", last=1)) == [1]


@pytest.mark.http
def test_a_waiting_peek_ends_with_the_event(wire: Wire) -> None:
    """Long before its time is over."""
    cursor = peeked(wire, "t")["cursor"]
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(peeked, wire, cursor=cursor, wait_s=20)
        other = Wire(wire.url)
        other.unique = wire.unique
        other.publish("t", cloudevent(5))
        other.close()
        assert numbers(waiting.result(timeout=15)) == [5]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "invalid_request"),
        ("topic=a&cursor=b", "invalid_request"),
        ("cursor=b&last=3", "invalid_request"),
        ("topic=a&start=latest&last=3", "invalid_request"),
        ("topic=a.*&last=3", "invalid_request"),
        ("topic=a&last=0", "invalid_request"),
        ("topic=a&last=1001", "invalid_request"),
        ("topic=a&max_events=0", "invalid_request"),
        ("topic=a&max_events=5001", "invalid_request"),
        ("topic=a&wait_s=21", "invalid_request"),
        ("topic=a&wait_s=-1", "invalid_request"),
        ("topic=a&wait_s=nan", "invalid_request"),
        ("topic=a&start=soon", "invalid_request"),
        ("topic=a&filters=%7B", "invalid_filter"),
        ("topic=a&filters=%5B%7B%7D%5D", "invalid_filter"),
        ("topic=a%2Fb", "invalid_name"),
        ("topic=a.%3E.b", "invalid_name"),
        ("topic=a&subscriber=s", "unknown_field"),
        ("cursor=", "invalid_cursor"),
        ("cursor=eJw", "invalid_cursor"),
        ("cursor=%C3%A4", "invalid_cursor"),
        ("&".join(f"topic=t{n}" for n in range(101)), "too_many_logs"),
    ],
)
def test_what_is_refused(wire: Wire, query: str, code: str) -> None:
    """With one sentence, and nothing read."""
    answer = wire.ask_get(f"get_events?{query}", [])
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert store_ops(answer) == (0, 0, 0)


def test_a_peek_reads_at_most_a_hundred_logs(wire: Wire) -> None:
    """However they come: named, met later, or found through a pattern."""
    for topic in ("y.a", "y.b"):
        wire.ok("register", {"topic": wire.name(topic), "partitions": 60})
    assert peek(wire, "y.a").status_code == 200
    assert peek(wire, "y.a", "y.b").json()["code"] == "too_many_logs"
    assert wire.ask_get("get_events", [("topic", f"{wire.unique}-y.*")]).json()["code"] == "too_many_logs"
    cursor = peeked(wire, "late", "later")["cursor"]
    for topic in ("late", "later"):
        wire.ok("register", {"topic": wire.name(topic), "partitions": 60})
    assert peek(wire, cursor=cursor).json()["code"] == "too_many_logs"


def test_what_became_of_each_event_for_a_subscriber(wire: Wire) -> None:
    """By one read more, whatever the number of events: every state but those that a log does not show."""
    wire.publish("t", cloudevent(0))
    wire.subscribe("s", "t", start="latest", filters=[{"not": {"exact": {"type": "noise"}}}])
    for number, kind in enumerate(("ack", "dead", "noise", "nack", "lease", "unread"), 1):
        wire.publish("t", cloudevent(number, type=kind))
    for verb in ("ack", "dead", "nack", "lease"):
        lease = wire.events("s", max_events=1)["lease"]
        settlement = {
            "ack": {"ack": [{"lease": lease}]},
            "dead": {"nack": [{"lease": lease, "dead": True}]},
            "nack": {"nack": [{"lease": lease, "delay_s": 600}]},
        }.get(verb, {})
        wire.events("s", max_events=0, **settlement)
    begin = [("topic", wire.name("t")), ("topic", wire.name("s.dead"))]
    answer = wire.ask_get("get_events", begin, start="earliest", of=wire.name("s"))
    states = answer.json()["states"]
    assert states.keys() == {wire.name("t")}  # not of topics that the subscriber does not follow
    assert [state for _, state in sorted(states[wire.name("t")].items())] == [
        "before_start",
        "settled",
        "dead_lettered",
        "filtered",
        "due",
        "leased",
        "not_read",
    ]
    cursor = answer.json()["cursor"]
    idle = peek(wire, cursor=cursor, of=wire.name("s"))
    assert (idle.json()["states"], store_ops(idle)) == ({}, (3, 0, 0))


def test_states_need_a_subscriber_of_the_callers(wire: Wire) -> None:
    """One that is there."""
    answer = peek(wire, "t", of=wire.name("nobody"))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_subscriber")
    assert peek(wire, "t", of="a/b").json()["code"] == "invalid_name"
