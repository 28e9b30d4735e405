"""Filters and delays, over the wire."""

from __future__ import annotations

from typing import Any

from e2e.wire import Wire, cloudevent, store_ops


def _data(answer: dict[str, Any]) -> list[Any]:
    return [event["data"] for event in answer["events"]]


def test_a_subscription_gets_what_its_filters_let_through(wire: Wire) -> None:
    """In order, with the sequences that the events have in their topic; settled like any other."""
    receipts = wire.publish(
        "orders", *(cloudevent(n, type="paid" if n % 3 == 0 else "sent", colour="red") for n in range(10))
    )
    wire.subscribe("billing", "orders", filters=[{"exact": {"type": "paid"}}, {"not": {"prefix": {"colour": "bl"}}}])
    answer = wire.events("billing", max_events=2)
    assert _data(answer) == [0, 3]
    assert [event["sequence"] for event in answer["events"]] == [receipts[0]["sequence"], receipts[3]["sequence"]]
    rest = wire.events("billing", ack=[{"lease": answer["lease"]}])
    assert _data(rest) == [6, 9]
    again = wire.events("billing", nack=[{"lease": rest["lease"], "delay_s": 0}])
    assert [(event["data"], event["attempt"]) for event in again["events"]] == [(6, 2), (9, 2)]
    named = [[wire.name("orders"), again["events"][1]["sequence"]]]
    wire.events("billing", max_events=0, ack=[{"lease": again["lease"], "events": named}])
    assert wire.get("register", subscriber=wire.name("billing"))["unsettled"] == 1


def test_a_filter_judges_an_event_once(wire: Wire) -> None:
    """Changed filters are for what is read from then on."""
    wire.publish("orders", cloudevent(1, type="paid"), cloudevent(2, type="sent"))
    wire.subscribe("billing", "orders", filters=[{"exact": {"type": "paid"}}])
    answer = wire.events("billing")
    assert _data(answer) == [1]
    wire.subscribe("billing", "orders", filters=[{"exact": {"type": "sent"}}])
    again = wire.events("billing", nack=[{"lease": answer["lease"], "delay_s": 0}])
    assert _data(again) == [1]
    wire.publish("orders", cloudevent(3, type="sent"))
    assert _data(wire.events("billing", ack=[{"lease": again["lease"]}])) == [3]


def test_a_filter_that_matches_nothing_makes_progress(wire: Wire) -> None:
    """Its position moves on, so the next call does not read it all again."""
    for number in range(8):
        wire.publish("orders", cloudevent(number))
    wire.subscribe("billing", "orders", filters=[{"exact": {"type": "never"}}])
    assert wire.events("billing")["events"] == []
    answer = wire.ask("get_events", {"subscriber": wire.name("billing")})
    assert store_ops(answer) == (2, 0, 0)
    assert wire.get("register", subscriber=wire.name("billing"))["subscriptions"][0]["backlog"] == 0


def test_a_delayed_event_comes_when_it_is_due_and_holds_nothing_up(wire: Wire) -> None:
    """What was published after it comes first; a long poll ends when it is due; a fetch costs what it did."""
    wire.publish("orders", cloudevent("later"), delay_s=8)  # longer than what follows takes on a busy machine
    published_at = wire.store_time
    wire.publish("orders", cloudevent("now"))
    wire.subscribe("billing", "orders")
    answer = wire.events("billing")
    assert _data(answer) == ["now"]
    assert wire.events("billing", ack=[{"lease": answer["lease"]}])["events"] == []
    idle = wire.ask("get_events", {"subscriber": wire.name("billing")})
    assert (idle.json()["events"], store_ops(idle)) == ([], (2, 0, 0))
    due = wire.events("billing", wait_s=20)
    assert [(event["data"], event["attempt"]) for event in due["events"]] == [("later", 1)]
    assert wire.store_time - published_at >= 7_000_000  # X-Store-Time may be behind by a second
    assert wire.events("billing", ack=[{"lease": due["lease"]}])["events"] == []


def test_a_delay_is_for_every_subscriber(wire: Wire) -> None:
    """Whoever comes late gets it at once."""
    wire.publish("orders", cloudevent("later"), delay_s=1)
    wire.subscribe("billing", "orders")
    assert _data(wire.events("billing", wait_s=20)) == ["later"]
    wire.subscribe("audit", "orders")
    assert _data(wire.events("audit")) == ["later"]


def test_events_redriven_for_one_subscriber_are_skipped_by_the_others(wire: Wire) -> None:
    """They have had them."""
    wire.publish("orders", cloudevent(1), cloudevent(2, redrivefor=wire.name("billing")), cloudevent(3))
    for name, expected in (("billing", [1, 2, 3]), ("audit", [1, 3])):
        wire.subscribe(name, "orders")
        assert _data(wire.events(name)) == expected


def test_names_of_attributes_may_be_long(wire: Wire) -> None:
    """In an event, in a filter, in what refuses it, and in a dead letter."""
    name = "com0example" * 23
    wire.subscribe("billing", "orders", filters=[{"exact": {name: "yes"}}], max_attempts=1)
    wire.subscribe("letters", "billing.dead")
    _, other = wire.publish("orders", cloudevent(1, **{name: "yes"}), cloudevent(2, **{name: "no"}))
    got = wire.events("billing")
    assert [(event["data"], event[name]) for event in got["events"]] == [(1, "yes")]
    said = wire.get("register", subscriber=wire.name("billing"), topic=wire.name("orders"), event=other["sequence"])
    assert said["clause"].startswith("filters[0].exact.com0example")
    wire.events("billing", nack=[{"lease": got["lease"]}])
    [letter] = wire.events("letters", wait_s=10)["events"]
    assert (letter["data"], letter[name]) == (1, "yes")
