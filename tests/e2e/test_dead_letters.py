"""Events that fail: backoff, the last attempt, the dead-letter topic, and what does not suffer beside them."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.serving import Serving
from e2e.wire import Wire, cloudevent, store_ops


def _named(answer: dict[str, Any], *places: int) -> list[list[str]]:
    return [[answer["events"][place]["topic"], answer["events"][place]["sequence"]] for place in places]


def _fail(wire: Wire, answer: dict[str, Any], **more: Any) -> dict[str, Any]:
    return wire.events("billing", max_events=0, nack=[{"lease": answer["lease"], "delay_s": 0, **more}])


def _letters(wire: Wire, topic: str = "billing.dead") -> list[dict[str, Any]]:
    wire.subscribe("undertaker", topic)
    answer = wire.events("undertaker")
    wire.events("undertaker", max_events=0, ack=[{"lease": answer["lease"]}] if answer["lease"] else [])
    letters: list[dict[str, Any]] = answer["events"]
    return letters


@pytest.mark.parametrize("max_attempts", [1, 3])
def test_an_event_is_a_dead_letter_after_exactly_its_attempts(wire: Wire, max_attempts: int) -> None:
    """No earlier, no later, and only once; the letter says what it was and why."""
    (receipt,) = wire.publish("orders", cloudevent({"n": 1}, id="e1", subject="x", colour="red"))
    wire.subscribe("billing", "orders", max_attempts=max_attempts)
    for attempt in range(1, max_attempts + 1):
        answer = wire.events("billing")
        assert [event["attempt"] for event in answer["events"]] == [attempt]
        _fail(wire, answer, reason="out of\nstock")
    assert wire.events("billing")["events"] == []
    (letter,) = _letters(wire)
    place, _, life = letter["id"].rpartition("/")
    assert place == f"{wire.name('orders')}/0/{int(receipt['sequence'][5:])}/1"
    assert 0 < int(life) < wire.store_time
    assert {name: letter[name] for name in ("source", "type", "subject", "colour", "data")} == {
        "source": f"/subscribers/{wire.name('billing')}",
        "type": "event",
        "subject": "x",
        "colour": "red",
        "data": {"n": 1},
    }
    assert (letter["originalid"], letter["originalsource"]) == ("e1", "/publishers/shop")
    assert (letter["originaltopic"], letter["reason"], letter["attempts"]) == (
        wire.name("orders"),
        "out of stock",
        max_attempts,
    )
    assert _letters(wire) == []
    assert wire.get("register", subscriber=wire.name("billing"))["unsettled"] == 0


def test_a_nack_may_condemn_at_once(wire: Wire) -> None:
    """With `dead`, whatever the attempt; into the topic that the subscription names."""
    wire.publish("orders", cloudevent(1), cloudevent(2))
    wire.subscribe("billing", "orders", dead_letter_topic=wire.name("graves"))
    answer = wire.events("billing")
    wire.events(
        "billing", nack=[{"lease": answer["lease"], "events": _named(answer, 0), "dead": True, "reason": "nonsense"}]
    )
    (letter,) = _letters(wire, "graves")
    assert (letter["data"], letter["attempts"], letter["reason"]) == (1, 1, "nonsense")
    assert wire.get("register", subscriber=wire.name("billing"))["unsettled"] == 1


def test_one_poison_event_takes_no_neighbour_with_it(wire: Wire) -> None:
    """Of a hundred whose lease fails each time that the one is in it, the others are settled."""
    wire.publish("orders", *(cloudevent(number) for number in range(100)))
    wire.subscribe("billing", "orders", max_attempts=4)
    settled: list[int] = []
    for _ in range(200):
        answer = wire.events("billing")
        data = [event["data"] for event in answer["events"]]
        if not data:
            break
        if 42 in data:
            _fail(wire, answer)
        else:
            settled += data
            wire.events("billing", max_events=0, ack=[{"lease": answer["lease"]}])
    assert sorted(settled) == [number for number in range(100) if number != 42]
    assert [letter["data"] for letter in _letters(wire)] == [42]


def test_an_event_that_fails_in_a_dead_letter_topic_is_dropped_there(wire: Wire, shared: Serving) -> None:
    """It would go round for ever. That is logged, counted and explained."""
    wire.publish("orders", cloudevent(1))
    wire.subscribe("billing", "orders", max_attempts=1)
    _fail(wire, wire.events("billing"))
    wire.subscribe("undertaker", "billing.dead", max_attempts=1)
    answer = wire.events("undertaker")
    assert [event["data"] for event in answer["events"]] == [1]
    wire.events("undertaker", max_events=0, nack=[{"lease": answer["lease"], "delay_s": 0}])
    assert wire.events("undertaker")["events"] == []
    state = wire.get("register", subscriber=wire.name("undertaker"))
    assert (state["unsettled"], state["dead"], state["subscriptions"][0]["dropped"]) == (0, 0, 1)
    names = wire.get("register", topic="", page_size=1000)["names"]
    assert wire.name("undertaker.dead") not in names
    sequence = answer["events"][0]["sequence"]
    query = {"subscriber": wire.name("undertaker"), "topic": wire.name("billing.dead"), "event": sequence}
    assert wire.get("register", **query)["state"] == "dropped"
    said = f"dropped 1 events of the dead-letter topic {wire.name('billing.dead')} that failed {wire.name('undertaker')} for"
    assert shared.log.read_text().count(said) == 1


@pytest.mark.parametrize("pattern", [False, True])
def test_a_topic_that_takes_the_events_of_publishers_is_refused_for_dead_letters(wire: Wire, *, pattern: bool) -> None:
    """When subscribing, whether it was published to or registered; what was subscribed to stays as it was."""
    wire.publish("refunds", cloudevent(1))
    wire.ok("register", {"topic": wire.name("empty")})
    wire.subscribe("billing", "orders")
    for topic in ("refunds", "empty"):
        subscription = {"subscriber": wire.name("billing"), "topic": wire.name("orders.*" if pattern else "orders")}
        body = {**subscription, "dead_letter_topic": wire.name(topic), "max_attempts": 3}
        assert wire.refused("subscribe", body) == (409, "ordinary_topic")
    (subscription,) = wire.get("register", subscriber=wire.name("billing"))["subscriptions"]
    assert (subscription["dead_letter_topic"], subscription["max_attempts"]) == (wire.name("billing.dead"), 5)


def test_the_default_is_refused_too_where_it_takes_events_of_publishers_already(wire: Wire) -> None:
    """It was made before there was such a subscriber; another one has to be named."""
    wire.publish("billing.dead", cloudevent(1))
    wire.ok("register", {"subscriber": wire.name("billing")})
    body = {"subscriber": wire.name("billing"), "topic": wire.name("orders")}
    assert wire.refused("subscribe", body) == (409, "ordinary_topic")
    wire.subscribe("billing", "orders", dead_letter_topic=wire.name("graves"))


def test_a_topic_made_meanwhile_stays_what_it_is_and_the_letters_stay_with_the_subscriber(
    wire: Wire, shared: Serving
) -> None:
    """Until another topic is named: then they go there, each once. Patterns, its own too, follow the one made meanwhile."""
    wire.publish("orders", cloudevent(1), cloudevent(2))
    wire.subscribe("billing", "orders", dead_letter_topic=wire.name("late.graves"), max_attempts=1)
    wire.ok("subscribe", {"subscriber": wire.name("billing"), "topic": wire.name("late.*")})
    (receipt, _) = wire.publish("late.graves", cloudevent(3), cloudevent(4))
    _fail(wire, wire.events("billing", max_events=2))
    for _ in range(3):
        wire.publish("orders", cloudevent(5))
        answer = wire.events("billing")
        assert 5 in [event["data"] for event in answer["events"]]
        wire.events("billing", max_events=0, ack=[{"lease": answer["lease"]}])
    state = wire.get("register", subscriber=wire.name("billing"))
    assert (state["dead"], state["unsettled"]) == (2, 0)
    assert shared.log.read_text().count(f"2 dead letters of {wire.name('billing')} cannot be published") == 1
    wire.subscribe("reader", "late.graves")
    assert [event["data"] for event in wire.events("reader")["events"]] == [3, 4]
    query = {"subscriber": wire.name("billing"), "topic": wire.name("late.graves"), "event": receipt["sequence"]}
    assert wire.get("register", **query)["state"] == "settled"
    wire.subscribe("billing", "orders", dead_letter_topic=wire.name("graves"))
    wire.events("billing", max_events=0)
    assert [letter["data"] for letter in _letters(wire, "graves")] == [1, 2]
    assert wire.get("register", subscriber=wire.name("billing"))["dead"] == 0
    assert _letters(wire, "graves") == []


def test_what_stays_holds_up_no_letter_that_has_a_topic(wire: Wire) -> None:
    """However much of it there is."""
    wire.subscribe("billing", "orders", dead_letter_topic=wire.name("late"), max_attempts=1)
    wire.subscribe("billing", "refunds", max_attempts=1)
    wire.publish("late", cloudevent())
    wire.publish("orders", *(cloudevent(number) for number in range(150)))
    wire.publish("refunds", cloudevent("refund"))
    answer = wire.events("billing")
    assert len(answer["events"]) == 151
    _fail(wire, answer)
    assert [letter["data"] for letter in _letters(wire)] == ["refund"]
    assert wire.get("register", subscriber=wire.name("billing"))["dead"] == 150


def test_subscribers_share_a_dead_letter_topic(wire: Wire) -> None:
    """Named before there was a letter, and after."""
    wire.publish("orders", cloudevent(1))
    for subscriber in ("billing", "shipping", "audit"):
        wire.subscribe(subscriber, "orders", dead_letter_topic=wire.name("graves"), max_attempts=1)
        answer = wire.events(subscriber)
        wire.events(subscriber, max_events=0, nack=[{"lease": answer["lease"], "delay_s": 0}])
    sources = [letter["source"] for letter in _letters(wire, "graves")]
    assert sources == [f"/subscribers/{wire.name(name)}" for name in ("billing", "shipping", "audit")]


def test_large_letters_are_published_however_many_fail_together(wire: Wire) -> None:
    """As much at once as a request may have: their batches have to be read again."""
    for number in range(3):
        wire.publish("orders", *(cloudevent(f"{number}" * 800_000) for _ in range(4)))
    wire.subscribe("billing", "orders", max_attempts=1)
    found = 0
    while events := (answer := wire.events("billing"))["events"]:
        found += len(events)
        _fail(wire, answer)
    assert found == 12
    letters = 0
    while some := _letters(wire):
        letters += len(some)
    assert letters == 12


def test_without_a_delay_a_failed_event_stays_away_for_its_backoff(wire: Wire) -> None:
    """A second, then two."""
    wire.publish("orders", cloudevent(1))
    wire.subscribe("billing", "orders", backoff_s=1)
    for attempt, at_least_s in ((1, 1), (2, 2)):
        answer = wire.events("billing", wait_s=20)
        assert [event["attempt"] for event in answer["events"]] == [attempt]
        assert wire.events("billing", nack=[{"lease": answer["lease"]}])["events"] == []
        nacked_at = wire.store_time
        again = wire.events("billing", wait_s=20)
        assert [event["attempt"] for event in again["events"]] == [attempt + 1]
        assert wire.store_time - nacked_at >= (at_least_s - 1) * 1_000_000  # X-Store-Time may be behind by a second
        wire.events("billing", max_events=0, release=[{"lease": again["lease"]}])


def test_an_idle_call_costs_what_it_did_after_deaths(wire: Wire) -> None:
    """Two reads, no write."""
    wire.publish("orders", cloudevent(1))
    wire.subscribe("billing", "orders", max_attempts=1)
    _fail(wire, wire.events("billing"))
    wire.events("billing")
    answer = wire.ask("get_events", {"subscriber": wire.name("billing")})
    assert store_ops(answer) == (2, 0, 0)


def test_many_that_die_at_once_hold_up_nothing(wire: Wire) -> None:
    """2,500 events die in one call; what is published then comes with the next, and every letter is there."""
    wire.subscribe("billing", "orders", max_attempts=1)
    for part in range(5):
        wire.publish("orders", *(cloudevent(part * 500 + n) for n in range(500)))
    answer = wire.events("billing", max_events=5_000)
    assert len(answer["events"]) == 2_500
    _fail(wire, answer)
    wire.publish("orders", cloudevent("new"))
    got: list[Any] = []
    more = True
    while more or not got:
        answer = wire.events("billing", wait_s=1)
        got += [event["data"] for event in answer["events"]]
        more = answer["more"]
    assert got == ["new"]
    while wire.get("register", subscriber=wire.name("billing"))["dead"]:
        wire.events("billing", wait_s=1)
    assert sorted(letter["data"] for letter in _all_letters(wire)) == list(range(2_500))


def _all_letters(wire: Wire) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while letters := _letters(wire):
        found += letters
    return found
