"""What a Subscriber asks to be subscribed to."""

from __future__ import annotations

import re

import pytest

from pubsubclient import Conflict, Subscriber, Topic
from unit.sdk.scripted import BREAK_OFF, NOW_US, Reply, ScriptedService, problem

TOKEN = re.compile(r"(\d+)-[0-9a-f]{16}")


def token_us(token: str) -> int:
    found = TOKEN.fullmatch(token)
    assert found, token
    return int(found[1])


def test_a_subscriber_registers_when_it_is_made(server: ScriptedService, subscriber: Subscriber) -> None:
    """So that a program fails at its start, if it does."""
    [asked] = server.asked
    assert (asked.method, asked.function, asked.body) == ("POST", "register", {"subscriber": "billing"})


def test_it_subscribes_to_a_topic(server: ScriptedService, subscriber: Subscriber) -> None:
    """What is not given is not sent: it stays as it is."""
    subscriber.subscribe(Topic("orders"))
    subscriber.subscribe("orders", start="latest", ack_deadline=60)
    first, second = server.calls("subscribe")
    tokens = [first.pop("token"), second.pop("token")]
    assert first == {"subscriber": "billing", "topic": "orders"}
    assert second == {"subscriber": "billing", "topic": "orders", "start": "latest", "ack_deadline_s": 60}
    assert NOW_US <= token_us(tokens[0]) < token_us(tokens[1]) < NOW_US + 1_000_000


def test_it_leaves_a_topic(server: ScriptedService, subscriber: Subscriber) -> None:
    """The answer has no body."""
    server.script("subscribe", Reply(status=204))
    subscriber.unsubscribe("orders")
    asked = server.asked[-1]
    body = asked.body
    assert TOKEN.fullmatch(body.pop("token"))
    assert (asked.method, asked.function, body) == ("DELETE", "subscribe", {"subscriber": "billing", "topic": "orders"})


def test_a_change_that_is_tried_again_keeps_its_token(server: ScriptedService, subscriber: Subscriber) -> None:
    """So that it is made once."""
    server.script("subscribe", BREAK_OFF, problem(503, "contended"))
    subscriber.subscribe("orders")
    assert len({body["token"] for body in server.calls("subscribe")}) == 1
    assert len(server.calls("subscribe")) == 3


def test_a_process_behind_in_time_learns_it_and_changes_its_subscription(
    server: ScriptedService, subscriber: Subscriber
) -> None:
    """The refusal told the store's time."""
    older = problem(409, "older_token")
    older.headers["X-Store-Time"] = str(NOW_US + 5_000_000)
    server.script("subscribe", older)
    subscriber.subscribe("orders")
    first, second = (token_us(body["token"]) for body in server.calls("subscribe"))
    assert first < NOW_US + 1_000_000
    assert second >= NOW_US + 5_000_000


def test_consumers_that_subscribe_together_may_overtake_each_other_again_and_again(
    server: ScriptedService, subscriber: Subscriber
) -> None:
    """Each refusal tells the time of a change by another process of the same name."""
    server.script("subscribe", *[problem(409, "older_token")] * 4)
    subscriber.subscribe("orders")
    assert len({body["token"] for body in server.calls("subscribe")}) == 5


def test_a_change_may_be_overtaken_more_than_once(server: ScriptedService, subscriber: Subscriber) -> None:
    """By consumers of the same name that start together; but not for ever."""
    server.script("subscribe", *[problem(409, "older_token")] * 19)
    subscriber.subscribe("orders")
    assert len({body["token"] for body in server.calls("subscribe")}) == 20
    server.script("subscribe", *[problem(409, "older_token")] * 21)
    with pytest.raises(Conflict):
        subscriber.subscribe("orders")
    assert len(server.calls("subscribe")) == 40


def test_a_change_that_may_have_been_made_is_not_made_after_a_later_one(
    server: ScriptedService, subscriber: Subscriber
) -> None:
    """The later one is to stand."""
    server.script("subscribe", BREAK_OFF, problem(409, "older_token"))
    with pytest.raises(Conflict):
        subscriber.subscribe("orders")
    assert len(server.calls("subscribe")) == 2
