"""What became of an event: every state there is, reached by real calls, on both stores."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from e2e.wire import Wire, cloudevent, store_ops


def explain(wire: Wire, event: str, topic: str = "orders", subscriber: str = "billing") -> dict[str, Any]:
    """The explanation of an event, less the names that it was asked by."""
    said = wire.get("register", subscriber=wire.name(subscriber), topic=wire.name(topic), event=event)
    assert (said.pop("subscriber"), said.pop("topic")) == (wire.name(subscriber), wire.name(topic))
    return said


def state(wire: Wire, receipt: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What is said of an event beside its state, which is checked to be about it, by its sequence and by its id."""
    said = explain(wire, receipt["sequence"], **more)
    by_id = explain(wire, receipt["id"], **more)
    assert by_id.pop("searched_batches") == 200
    assert by_id == said
    assert said.pop("event") == {"sequence": receipt["sequence"], "id": receipt["id"]}
    return said


def test_not_read_leased_and_settled(wire: Wire) -> None:
    """As an event that nothing happens to."""
    wire.subscribe("billing", "orders")
    (receipt,) = wire.publish("orders", cloudevent(1))
    assert state(wire, receipt) == {"state": "not_read"}
    got = wire.events("billing", lease=wire.token())
    leased = {"state": "leased", "lease": got["lease"], "until": got["until"], "attempt": 1}
    assert state(wire, receipt) == leased
    wire.events("billing", ack=[{"lease": got["lease"]}], max_events=0)
    assert state(wire, receipt) == {"state": "settled"}


def test_due_again_and_leased_once_more(wire: Wire) -> None:
    """With the attempt that it waits for, and when."""
    wire.subscribe("billing", "orders")
    (receipt,) = wire.publish("orders", cloudevent(1))
    got = wire.events("billing", lease=wire.token())
    wire.events("billing", nack=[{"lease": got["lease"], "delay_s": 600}], max_events=0)
    due = state(wire, receipt)
    assert (due.pop("state"), due.pop("attempt")) == ("due", 2)
    assert receipt["recordedtime"] < due.pop("at")
    assert due == {}
    wire.ok("subscribe", {"subscriber": wire.name("billing"), "topic": wire.name("orders"), "seek": "earliest"})
    assert state(wire, receipt) == {"state": "not_read"}


def test_dead_letters(wire: Wire) -> None:
    """It died under the last of its attempts, and is in the dead-letter topic by then."""
    wire.subscribe("billing", "orders", max_attempts=1)
    receipts = wire.publish("orders", cloudevent(1), cloudevent(2))
    got = wire.events("billing", lease=wire.token())
    poison = [[wire.name("orders"), receipts[0]["sequence"]]]
    wire.events(
        "billing", nack=[{"lease": got["lease"], "events": poison}], ack=[{"lease": got["lease"], "events": []}]
    )
    dead_lettered = {"state": "dead_lettered", "dead_letter_topic": f"{wire.name('billing')}.dead"}
    assert state(wire, receipts[0]) == dead_lettered
    assert state(wire, receipts[1])["state"] == "leased"
    wire.events("billing", ack=[{"lease": got["lease"]}], max_events=0)
    assert state(wire, receipts[1]) == {"state": "settled"}


def test_dead_before_it_is_a_dead_letter(wire: Wire) -> None:
    """The lease has expired, and nobody has called since: the next call makes a dead letter of it."""
    wire.subscribe("billing", "orders", max_attempts=1, ack_deadline_s=1)
    (receipt,) = wire.publish("orders", cloudevent(1))
    wire.events("billing", lease=wire.token())
    while explain(wire, receipt["sequence"])["state"] == "leased":
        pass
    reason = "not settled before the ack deadline"
    dead_letter_topic = f"{wire.name('billing')}.dead"
    assert state(wire, receipt) == {"state": "dead", "reason": reason, "dead_letter_topic": dead_letter_topic}
    wire.events("billing")
    assert state(wire, receipt) == {"state": "dead_lettered", "dead_letter_topic": dead_letter_topic}


def test_filtered_with_the_clause(wire: Wire) -> None:
    """By today's filters, with the path of what refused it."""
    filters = [{"exact": {"type": "paid"}}, {"any": [{"prefix": {"subject": "eu"}}, {"exact": {"region": "eu"}}]}]
    wire.subscribe("billing", "orders", filters=filters)
    receipts = wire.publish(
        "orders", cloudevent(type="sent"), cloudevent(type="paid", subject="us"), cloudevent(type="paid", region="eu")
    )
    got = wire.events("billing", lease=wire.token())
    assert [event["id"] for event in got["events"]] == [receipts[2]["id"]]
    assert state(wire, receipts[0]) == {"state": "filtered", "clause": "filters[0].exact.type"}
    assert state(wire, receipts[1]) == {"state": "filtered", "clause": "filters[1].any"}
    assert state(wire, receipts[2])["state"] == "leased"


def test_redriven_for_another_subscriber(wire: Wire) -> None:
    """Which is a filter, too."""
    wire.subscribe("billing", "orders")
    (receipt,) = wire.publish("orders", cloudevent(redrivefor="another"))
    assert wire.events("billing")["events"] == []
    assert state(wire, receipt) == {"state": "filtered", "clause": "redrivefor"}


def test_delayed(wire: Wire) -> None:
    """Once it was read; until a whole second."""
    wire.subscribe("billing", "orders")
    (receipt,) = wire.publish("orders", cloudevent(), delay_s=600)
    assert wire.events("billing")["events"] == []
    delayed = state(wire, receipt)
    assert delayed.pop("state") == "delayed"
    assert receipt["recordedtime"] < delayed.pop("until")
    assert delayed == {}


def test_before_the_start(wire: Wire) -> None:
    """Of a new subscription, and of one that was sought to a later place."""
    receipts = wire.publish("orders", cloudevent()) + wire.publish("orders", cloudevent())
    wire.subscribe("billing", "orders", start="latest")
    assert [state(wire, receipt) for receipt in receipts] == [{"state": "before_start"}] * 2
    seek = {"subscriber": wire.name("billing"), "topic": wire.name("orders"), "seek": [receipts[1]["sequence"]]}
    wire.ok("subscribe", seek)
    assert [state(wire, receipt)["state"] for receipt in receipts] == ["before_start", "not_read"]


def test_unknown_events(wire: Wire) -> None:
    """No such sequence, partition or id; a sequence that is to come is none yet."""
    wire.subscribe("billing", "orders")
    wire.publish("orders", cloudevent())
    for sequence in ("0000-00000000000000000001", "0001-00000000000000000000", "9999-99999999999999999999"):
        assert explain(wire, sequence) == {"event": {"sequence": sequence}, "state": "unknown_event"}
    assert explain(wire, "x") == {"event": {"id": "x"}, "state": "unknown_event", "searched_batches": 200}


def test_through_a_pattern(wire: Wire) -> None:
    """The topic is not met before the first call; then its own state counts, under the settings of the pattern."""
    (receipt,) = wire.publish("orders", cloudevent())
    wire.subscribe("billing")
    wire.ok("subscribe", {"subscriber": wire.name("billing"), "topic": "*", "filters": [{"exact": {"type": "paid"}}]})
    assert state(wire, receipt) == {"state": "not_read"}
    while wire.events("billing")["more"]:
        pass
    assert state(wire, receipt) == {"state": "filtered", "clause": "filters[0].exact.type"}


@pytest.mark.parametrize("batches", [1, 300])
def test_it_costs_at_most_thirty_reads(wire: Wire, batches: int) -> None:
    """By sequence, however long the log is; the answer of a settled event costs the most."""
    wire.subscribe("billing", "orders", max_attempts=1)
    for number in range(batches):
        wire.publish("orders", cloudevent(number))
    got = wire.events("billing", lease=wire.token())
    wire.events(
        "billing", nack=[{"lease": got["lease"], "events": [[wire.name("orders"), got["events"][0]["sequence"]]]}]
    )
    wire.events("billing", ack=[{"lease": got["lease"]}], max_events=0)
    for index in {0, batches // 2, batches - 1}:
        event = f"0000-{index:020d}"
        query = f"subscriber={wire.name('billing')}&topic={wire.name('orders')}&event={quote(event)}"
        answer = wire.ask(f"register?{query}", b"", method="GET")
        assert answer.status_code == 200
        reads, writes, deletes = store_ops(answer)
        assert reads <= 30
        assert (writes, deletes) == (0, 0)


def test_what_is_not_there_is_refused(wire: Wire) -> None:
    """The subscriber, the topic, the subscription; and what is asked must be whole."""
    wire.publish("orders", cloudevent())
    wire.subscribe("billing")

    def refused(query: str) -> tuple[int, str]:
        return wire.refused(f"register?{query}", b"", method="GET")

    s, t = wire.name("billing"), wire.name("orders")
    assert refused(f"subscriber={wire.name('x')}&topic={t}&event=e") == (404, "unknown_subscriber")
    assert refused(f"subscriber={s}&topic={wire.name('x')}&event=e") == (404, "unknown_topic")
    assert refused(f"subscriber={s}&topic={t}&event=0000-{0:020d}") == (404, "unknown_subscription")
    assert refused(f"subscriber={s}&event=e") == (400, "invalid_request")
    assert refused(f"subscriber={s}&topic={t}&publisher=p&event=e") == (400, "invalid_request")
    assert refused(f"subscriber={s}&topic={t}&event=") == (400, "invalid_request")
