"""Ordered subscriptions: nothing newer while something older is unsettled."""

from __future__ import annotations

from typing import Any

from e2e.wire import Wire, cloudevent


def _data(answer: dict[str, Any]) -> list[Any]:
    return [event["data"] for event in answer["events"]]


def _named(wire: Wire, answer: dict[str, Any], place: int) -> list[list[str]]:
    return [[wire.name("orders"), answer["events"][place]["sequence"]]]


def _ordered(wire: Wire, count: int = 4, **more: Any) -> None:
    wire.publish("orders", *(cloudevent(number) for number in range(count)))
    wire.subscribe("billing", "orders", ordered=True, **more)


def test_one_lease_at_a_time_and_other_topics_go_on(wire: Wire) -> None:
    """A second consumer waits, and is told why; of another topic it gets what is new."""
    _ordered(wire)
    wire.subscribe("billing", "news")
    first = wire.events("billing", max_events=2)
    assert _data(first) == [0, 1]
    second = wire.events("billing")
    assert (second["events"], second["blocked"]) == ([], "ordered")
    wire.publish("news", cloudevent("n"))
    assert _data(wire.events("billing")) == ["n"]
    assert _data(wire.events("billing", ack=[{"lease": first["lease"]}])) == [2, 3]


def test_a_nack_by_name_gives_the_newer_ones_back(wire: Wire) -> None:
    """They have not failed; their later ack comes back in unknown; the older one goes first."""
    _ordered(wire)
    answer = wire.events("billing")
    nack = {"lease": answer["lease"], "events": _named(wire, answer, 1), "delay_s": 0}
    wire.events("billing", max_events=0, nack=[nack])
    late = wire.events("billing", max_events=0, ack=[{"lease": answer["lease"], "events": _named(wire, answer, 2)}])
    assert late["unknown"] == [{"lease": answer["lease"], "settlement": "ack"}]
    blocked = wire.events("billing")
    assert (blocked["events"], blocked["blocked"]) == ([], "ordered")  # event 0 is still in the lease
    again = wire.events("billing", ack=[{"lease": answer["lease"], "events": _named(wire, answer, 0)}])
    assert [(event["data"], event["attempt"]) for event in again["events"]] == [(1, 2)]
    rest = wire.events("billing", ack=[{"lease": again["lease"]}])
    assert [(event["data"], event["attempt"]) for event in rest["events"]] == [(2, 1), (3, 1)]


def test_while_the_oldest_stays_away_nothing_newer_comes(wire: Wire) -> None:
    """Neither what was given back nor what is new."""
    _ordered(wire, 3)
    answer = wire.events("billing")
    nack = {"lease": answer["lease"], "events": _named(wire, answer, 0), "delay_s": 1}
    held = wire.events("billing", nack=[nack])
    assert (held["events"], held["blocked"]) == ([], "ordered")
    wire.publish("orders", cloudevent(3))
    again = wire.events("billing", wait_s=20)
    assert [(event["data"], event["attempt"]) for event in again["events"]] == [(0, 2)]
    rest = wire.events("billing", ack=[{"lease": again["lease"]}])
    assert _data(rest) == [1, 2]
    assert _data(wire.events("billing", ack=[{"lease": rest["lease"]}])) == [3]


def test_a_lease_that_fails_whole_comes_again_whole(wire: Wire) -> None:
    """Every event raised, in order, before anything new."""
    _ordered(wire)
    answer = wire.events("billing", max_events=3)
    again = wire.events("billing", nack=[{"lease": answer["lease"], "delay_s": 0}])
    assert [(event["data"], event["attempt"]) for event in again["events"]] == [(0, 2), (1, 2), (2, 2)]


def test_a_dead_event_lets_the_newer_ones_pass(wire: Wire) -> None:
    """It counts as settled."""
    _ordered(wire, 2, max_attempts=1)
    answer = wire.events("billing", max_events=1)
    assert _data(wire.events("billing", nack=[{"lease": answer["lease"], "delay_s": 0}])) == [1]


def test_order_holds_over_partitions(wire: Wire) -> None:
    """By commit time, through failures of single events."""
    wire.ok("register", {"topic": wire.name("orders"), "partitions": 8})
    for number in range(12):
        wire.publish("orders", cloudevent(number), publisher=f"p{number % 5}")
    wire.subscribe("billing", "orders", ordered=True)
    seen: list[Any] = []
    settled: dict[str, Any] = {}
    while True:
        answer = wire.events("billing", max_events=5, **settled)
        if not answer["events"]:
            break
        data, lease = _data(answer), answer["lease"]
        failing = next((i for i, d in enumerate(data) if d in {3, 7} and answer["events"][i]["attempt"] == 1), None)
        if failing is None:
            seen += data
            settled = {"ack": [{"lease": lease}]}
        else:
            seen += data[:failing]
            event = answer["events"][failing]
            nack = {"lease": lease, "events": [[event["topic"], event["sequence"]]], "delay_s": 0}
            wire.events("billing", max_events=0, nack=[nack])
            settled = {"ack": [{"lease": lease}]}
    assert seen == list(range(12))
