"""What GET /register says of topics and subscribers, and what it costs."""

from __future__ import annotations

from typing import Any

from e2e.wire import Wire, cloudevent, store_ops


def state(wire: Wire, kind: str, name: str) -> dict[str, Any]:
    return wire.get("register", **{kind: wire.name(name)})


def test_a_topic_says_where_its_logs_begin_and_end(wire: Wire) -> None:
    """In one read and two a partition; what was published last is the newest."""
    wire.ok("register", {"topic": wire.name("wide"), "partitions": 4})
    receipts = [wire.publish("wide", cloudevent(), cloudevent(), publisher=f"p{n}") for n in range(8)]
    answer = wire.ask_get("register", [("topic", wire.name("wide"))])
    assert store_ops(answer) == (9, 0, 0)
    found = answer.json()
    assert (found["partitions"], found["dead_letter"], found["events"], len(found["logs"])) == (4, False, 16, 4)
    assert sum(int(log["next"].partition("-")[2]) for log in found["logs"]) == 16
    assert max(log["newest"] for log in found["logs"] if "newest" in log) == receipts[-1][-1]["recordedtime"]
    assert [log["first"] for log in found["logs"]] == [f"{partition:04d}-{0:020d}" for partition in range(4)]


def test_a_topic_of_very_many_partitions_shows_its_settings_alone(wire: Wire) -> None:
    """More reads than one call is worth."""
    wire.ok("register", {"topic": wire.name("wide"), "partitions": 101})
    answer = wire.ask_get("register", [("topic", wire.name("wide"))])
    assert answer.json().keys() == {"topic", "partitions", "retention_s", "dead_letter"}
    assert store_ops(answer) == (1, 0, 0)


def test_a_dead_letter_topic_says_that_it_is_one(wire: Wire) -> None:
    """Whoever looks for dead letters finds them by that."""
    wire.subscribe("s", "t")
    wire.publish("t", cloudevent())
    wire.events("s", nack=[{"lease": wire.events("s")["lease"], "dead": True}])
    assert state(wire, "topic", "s.dead")["dead_letter"] is True


def test_a_lease_says_which_topics_it_holds(wire: Wire) -> None:
    """And each subscription how many of its events are unsettled, and how old the oldest is."""
    wire.subscribe("s", "a", "b")
    first = wire.publish("a", cloudevent(), cloudevent())
    wire.publish("b", cloudevent())
    lease = wire.events("s")["lease"]
    wire.publish("b", cloudevent())
    found = state(wire, "subscriber", "s")
    [held] = found["leases"]
    assert (held["lease"], held["topics"]) == (lease, {wire.name("a"): 2, wire.name("b"): 1})
    a, b = found["subscriptions"]
    assert (a["backlog"], a["unsettled"], b["backlog"], b["unsettled"]) == (0, 2, 1, 1)
    assert a["oldest_age_s"] == found["oldest_unsettled_age_s"] >= b["oldest_age_s"] > 0
    assert found["changed_at"] > first[0]["recordedtime"]
    assert found["next_due_at"] is None


def test_when_the_next_event_is_due(wire: Wire) -> None:
    """The first of what failed and of what was delayed."""
    wire.subscribe("s", "t")
    wire.publish("t", cloudevent())
    wire.publish("t", cloudevent(), delay_s=500)
    got = wire.events("s", nack=[])
    delayed = state(wire, "subscriber", "s")["next_due_at"]
    wire.events("s", nack=[{"lease": got["lease"], "delay_s": 100}], max_events=0)
    found = state(wire, "subscriber", "s")
    assert (found["due"], found["delayed"]) == (1, 1)
    assert delayed > found["next_due_at"] > got["until"]


def test_a_pattern_has_the_sums_of_its_topics_and_what_was_not_met(wire: Wire) -> None:
    """A consumer that is gone has a backlog in topics made since, too; the subscriber counts each event once."""
    wire.publish("x.old", cloudevent(), cloudevent())
    wire.subscribe("s")
    pattern = f"{wire.unique}-x.*"
    wire.ok("subscribe", {"subscriber": wire.name("s"), "topic": pattern})
    wire.events("s", max_events=1)
    wire.publish("x.new", cloudevent(), cloudevent(), cloudevent())
    before = wire.ask_get("register", [("subscriber", wire.name("s"))])
    assert store_ops(before)[1:] == (0, 0)
    found = before.json()
    by_topic = {each["topic"]: each for each in found["subscriptions"]}
    whole = by_topic[pattern]
    assert (whole["backlog"], whole["unsettled"], whole["unmet"], found["backlog"]) == (4, 1, 3, 4)
    assert whole["oldest_age_s"] == found["oldest_unsettled_age_s"]
    assert by_topic[wire.name("x.new")]["backlog"] == 3
    wire.events("s")
    met = {each["topic"]: each for each in state(wire, "subscriber", "s")["subscriptions"]}[pattern]
    assert (met["backlog"], met["unsettled"]) == (0, 5)
    assert "unmet" not in met
