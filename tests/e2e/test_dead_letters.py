"""Events that fail: backoff, the last attempt, the dead-letter topic, and what does not suffer beside them."""

from __future__ import annotations

from typing import Any

import pytest

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
    place = f"{wire.name('orders')}/0/{int(receipt['sequence'][5:])}/1"
    assert {name: letter[name] for name in ("id", "source", "type", "subject", "colour", "data")} == {
        "id": place,
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


def test_an_event_that_fails_in_a_dead_letter_topic_is_settled_there(wire: Wire) -> None:
    """It would go round for ever."""
    wire.publish("orders", cloudevent(1))
    wire.subscribe("billing", "orders", max_attempts=1)
    _fail(wire, wire.events("billing"))
    wire.subscribe("undertaker", "billing.dead", max_attempts=1)
    answer = wire.events("undertaker")
    assert [event["data"] for event in answer["events"]] == [1]
    wire.events("undertaker", max_events=0, nack=[{"lease": answer["lease"], "delay_s": 0}])
    assert wire.events("undertaker")["events"] == []
    assert wire.get("register", subscriber=wire.name("undertaker"))["unsettled"] == 0
    names = wire.get("register", topic="", page_size=1000)["names"]
    assert wire.name("undertaker.dead") not in names


def test_without_a_delay_a_failed_event_stays_away_for_its_backoff(wire: Wire) -> None:
    """A second, then two."""
    wire.publish("orders", cloudevent(1))
    wire.subscribe("billing", "orders", backoff_s=1)
    for attempt, at_least_s in ((1, 1), (2, 2)):
        answer = wire.events("billing", wait_s=20)
        assert [event["attempt"] for event in answer["events"]] == [attempt]
        wire.events("billing", max_events=0, nack=[{"lease": answer["lease"]}])
        nacked_at = wire.store_time
        assert wire.events("billing")["events"] == []
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
