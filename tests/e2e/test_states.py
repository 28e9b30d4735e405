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


def test_a_page_of_states_is_the_states_of_its_names(wire: Wire) -> None:
    """In one request, for the same reads: topics and subscribers, page by page."""
    names = [wire.name(f"n{number}") for number in range(3)]
    for number in range(3):
        wire.publish(f"n{number}", cloudevent())
        wire.subscribe(f"n{number}", f"n{number}")
    for kind in ("topic", "subscriber"):
        page = wire.ask_get(f"register?{kind}=", [], state=1, page_size=2, page_token=wire.name("n"))
        found = page.json()
        expected = [state(wire, kind, f"n{number}") for number in range(3)]
        assert [_timeless(each) for each in found[f"{kind}s"]] == [_timeless(each) for each in expected[:2]]
        assert (found["next_page_token"], store_ops(page)) == (names[1], (6, 0, 0))
        rest = wire.ask_get(f"register?{kind}=", [], state=1, page_size=1, page_token=names[1]).json()
        assert [_timeless(each) for each in rest[f"{kind}s"]] == [_timeless(expected[2])]


def _timeless(state: dict[str, Any]) -> dict[str, Any]:
    """A state without ages, which differ with each read."""
    state = {name: value for name, value in state.items() if name != "oldest_unsettled_age_s"}
    if "subscriptions" in state:
        state["subscriptions"] = [{**each, "oldest_age_s": 0} for each in state["subscriptions"]]
    return state


def test_a_page_of_states_ends_early_when_it_is_dear(wire: Wire) -> None:
    """And goes on with the next; there is always a state in it."""
    for number in range(4):
        wire.ok("register", {"topic": wire.name(f"n{number}"), "partitions": 100})
    seen: list[str] = []
    token = wire.name("n")
    for _ in range(2):
        answer = wire.ask_get("register?topic=", [], state=1, page_size=4, page_token=token)
        seen += [each["topic"] for each in answer.json()["topics"]]
        token = answer.json().get("next_page_token", "")
        assert store_ops(answer)[0] < 800
    assert seen[:4] == [wire.name(f"n{number}") for number in range(4)]


def test_what_has_no_page_of_states(wire: Wire) -> None:
    """Publishers, which have no state, and a name, which has its own."""
    for query in ("publisher=&state=1", "topic=t&state=1", "topic=&state=2"):
        assert wire.ask_get(f"register?{query}", []).json()["code"] == "invalid_request"
