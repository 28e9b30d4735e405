"""Redrive in the service: dead letters are published again where they came from, for their subscriber alone."""

from __future__ import annotations

import json
from typing import Any

from e2e.wire import Wire, cloudevent, store_ops


def redrive(wire: Wire, topic: str = "t", subscriber: str = "s", token: str | None = None, **more: Any) -> Any:
    body = {"subscriber": wire.name(subscriber), "topic": wire.name(topic), "redrive": more}
    return wire.ask("subscribe", {**body, "token": token} if token else body)


def redriven(wire: Wire, topic: str = "t", **more: Any) -> dict[str, Any]:
    answer = redrive(wire, topic, **more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def fail(wire: Wire, *topics: str, reason: str = "broken", subscriber: str = "s") -> None:
    """Let everything that a subscriber gets become dead letters."""
    while (got := wire.events(subscriber))["events"]:
        wire.events(subscriber, nack=[{"lease": got["lease"], "dead": True, "reason": reason}], max_events=0)


def data(wire: Wire, subscriber: str = "s") -> list[Any]:
    """The data of the events that a subscriber gets now; they are acknowledged."""
    found = []
    while (got := wire.events(subscriber))["events"]:
        found += [event["data"] for event in got["events"]]
        wire.events(subscriber, ack=[{"lease": got["lease"]}], max_events=0)
    return found


def test_dead_letters_come_back_to_their_subscriber_alone(wire: Wire) -> None:
    """Each with its payload as it was sent, what it was called, and what it was redriven of."""
    wire.subscribe("s", "t")
    wire.subscribe("other", "t")
    event = (
        '{"specversion":"1.0","id":"1","source":"/a","type":"x","ownreason":"mine","reason":"own","data":[1.0,1e15]}'
    )
    wire.ok("publish", f'{{"topic":"{wire.name("t")}","publisher":"p","events":[{event}]}}'.encode())
    fail(wire)
    assert data(wire, "other") == [[1.0, 1e15]]
    assert redriven(wire) == {"redriven": 1, "passed": 0, "more": False}
    answer = wire.ask("get_events", {"subscriber": wire.name("s")})
    [back] = answer.json()["events"]
    assert '"data":[1.0,1e15]' in answer.text
    assert (back["redriveof"], back["redrivefor"], back["reason"], back["ownreason"]) == (
        "1",
        wire.name("s"),
        "own",
        "mine",
    )
    assert data(wire, "other") == []
    assert redriven(wire) == {"redriven": 0, "passed": 0, "more": False}


def test_what_a_redrive_costs(wire: Wire) -> None:
    """Once its own subscriber is there: two writes, and one for each original topic."""
    wire.subscribe("s", "a", "b")
    for topic in ("a", "b"):
        wire.publish(topic, cloudevent(1), cloudevent(2))
        fail(wire)
        redriven(wire, topic)
        data(wire)
    for topic in ("a", "b"):
        wire.publish(topic, *(cloudevent(number) for number in range(20)))
    fail(wire)
    answer = wire.ask("subscribe", {"subscriber": wire.name("s"), "topic": ">", "redrive": {}})
    assert answer.json()["redriven"] == 40
    reads, writes, _ = store_ops(answer)
    assert writes == 2 + 2
    assert reads <= 4 + 2 * 2


def test_what_was_not_asked_for_stays(wire: Wire) -> None:
    """By topic, by reason, by the id of one letter; a step that passes letters over finds the others."""
    wire.subscribe("s", "a", "b")
    for number in range(4):
        wire.publish("a" if number % 2 else "b", cloudevent(number))
    fail(wire, reason="odd")
    assert redriven(wire, "nowhere") == {"redriven": 0, "passed": 4, "more": False}
    assert redriven(wire, "a", filters=[{"exact": {"reason": "even"}}]) == {
        "redriven": 0,
        "passed": 2 + 2,
        "more": False,
    }
    letters = wire.get("get_events", topic=wire.name("s.dead"), start="earliest")["events"]
    [letter] = [letter for letter in letters if letter["data"] == 3]
    assert redriven(wire, "a", filters=[{"exact": {"id": letter["id"]}}]) == {"redriven": 1, "passed": 3, "more": False}
    assert data(wire) == [3]
    assert redriven(wire, "a", filters=[{"exact": {"reason": "odd"}}])["redriven"] == 1
    wire.ok("register", {"subscriber": wire.name("s")})
    assert wire.ok("subscribe", {"subscriber": wire.name("s"), "topic": ">", "redrive": {}})["redriven"] == 2
    assert sorted(data(wire)) == [0, 1, 2]


def test_a_redrive_of_many_takes_steps(wire: Wire) -> None:
    """Each looks at so many; what one passed over does not hold up the next, and comes with the next redrive."""
    wire.subscribe("s", "a", "b")
    wire.publish("a", *(cloudevent(number) for number in range(10)))
    wire.publish("b", *(cloudevent(number) for number in range(10)))
    fail(wire)
    steps, token = [], None
    while True:
        step = redriven(wire, "b", max_events=3, token=token)
        steps.append((step["redriven"], step["passed"]))
        token = step.get("token")
        if not step["more"]:
            break
    assert tuple(map(sum, zip(*steps, strict=True))) == (10, 10)
    assert sorted(data(wire)) == [*range(10)]
    assert wire.get("register", subscriber=wire.name("s.redrive"))["leases"] == []
    assert redriven(wire, "a")["redriven"] == 10


def test_a_step_that_is_repeated_stores_nothing_twice(wire: Wire) -> None:
    """Nor does it lose what the first try looked at."""
    wire.subscribe("s", "a", "b")
    wire.publish("a", *(cloudevent(number) for number in range(6)))
    wire.publish("b", *(cloudevent(number) for number in range(6)))
    fail(wire)
    first = redriven(wire, "b", max_events=4)
    again = redriven(wire, "b", max_events=4, token=first["token"])
    repeated = redriven(wire, "b", max_events=4, token=first["token"])
    done = first["redriven"] + again["redriven"] + repeated["redriven"]
    while repeated["more"]:
        repeated = redriven(wire, "b", max_events=4, token=repeated["token"])
        done += repeated["redriven"]
    assert done == 6
    assert sorted(data(wire)) == [*range(6)]


def test_what_an_interrupted_redrive_held_is_taken_over(wire: Wire) -> None:
    """At once: its leases are released by the next redrive, which then finds everything."""
    wire.subscribe("s", "t")
    wire.publish("t", *(cloudevent(number) for number in range(3)))
    fail(wire)
    redriven(wire, "nowhere")
    held = wire.ok("get_events", {"subscriber": wire.name("s.redrive")})
    assert len(held["events"]) == 3
    assert redriven(wire)["redriven"] == 3


def test_events_that_fail_at_once_do_not_keep_a_redrive_going(wire: Wire) -> None:
    """A redrive is of the dead letters that were there when it began."""
    wire.subscribe("s", "t")
    wire.publish("t", cloudevent(1))
    fail(wire)
    step = redriven(wire)
    fail(wire)
    assert step["more"] is False
    assert redriven(wire)["redriven"] == 1


def test_another_dead_letter_topic(wire: Wire) -> None:
    """The one that the subscription names, which others may share."""
    for subscriber in ("s", "other"):
        wire.subscribe(subscriber, "t", dead_letter_topic=wire.name("graves"))
    wire.publish("t", cloudevent(1))
    fail(wire)
    fail(wire, subscriber="other")
    assert redriven(wire)["redriven"] == 1
    assert (data(wire), data(wire, "other")) == ([1], [])


def test_letters_that_somebody_wrote(wire: Wire) -> None:
    """What the owner of a dead-letter topic published to it by hand is passed over unless it is like a dead letter."""
    wire.subscribe("s", "t")
    wire.publish("t", cloudevent(1))
    fail(wire)
    source = f"/subscribers/{wire.name('s')}"
    wire.publish(
        "s.dead",
        cloudevent(2, source=source, originaltopic="a/b", originalid="1"),
        cloudevent(3, source=source),
        cloudevent(4, source=source, originaltopic=wire.name("t"), originalid="x"),
    )
    assert redriven(wire) == {"redriven": 2, "passed": 2, "more": False}
    assert data(wire) == [1, 4]


def test_what_is_refused(wire: Wire) -> None:
    """A subscriber that is not there, a request to change something too, a number out of range, an unknown field."""
    assert redrive(wire).json()["code"] == "unknown_subscriber"
    wire.subscribe("s", "t")
    for more in ({"max_events": 0}, {"max_events": 1001}):
        assert redrive(wire, **more).json()["code"] == "invalid_request"
    assert redrive(wire, filters=[{"sql": "1"}]).json()["code"] == "unknown_dialect"
    assert redrive(wire, all=True).json()["code"] == "unknown_field"
    body = {"subscriber": wire.name("s"), "topic": wire.name("t"), "redrive": {}, "ordered": True, "create": False}
    answer = wire.ask("subscribe", json.dumps(body).encode())
    assert answer.json()["code"] == "invalid_request"
    assert "create, ordered" in answer.json()["detail"] or "ordered, create" in answer.json()["detail"]
