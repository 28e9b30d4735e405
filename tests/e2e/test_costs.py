"""What calls cost, by the header that every answer has."""

from __future__ import annotations

from typing import Any

from e2e.wire import Wire, cloudevent, store_ops


def test_an_idle_poll_costs_two_reads_and_no_write(wire: Wire) -> None:
    """The subscriber, and the next batch of its one log; again within five minutes as much."""
    wire.subscribe("billing", "orders")
    wire.publish("orders", cloudevent())
    got = wire.events("billing", lease=wire.token())
    wire.events("billing", ack=[{"lease": got["lease"]}])
    for _ in range(2):
        answer = wire.ask("get_events", {"subscriber": wire.name("billing"), "lease": wire.token()})
        assert answer.json()["events"] == []
        assert store_ops(answer) == (2, 0, 0)


def test_an_idle_poll_of_three_topics_costs_four_reads(wire: Wire) -> None:
    """One for the subscriber and one a log."""
    topics = ("orders", "stock", "bills")
    wire.subscribe("billing", *topics)
    for topic in topics:
        wire.publish(topic, cloudevent())
    got = wire.events("billing", lease=wire.token())
    wire.events("billing", ack=[{"lease": got["lease"]}])
    answer = wire.ask("get_events", {"subscriber": wire.name("billing"), "lease": wire.token()})
    assert store_ops(answer) == (4, 0, 0)


def test_settings_cost_an_idle_poll_nothing(wire: Wire) -> None:
    """Filters, order, dead letters that have been, and events that are delayed: two reads, as without."""
    filters = [{"not": {"exact": {"type": "noise"}}}]
    wire.subscribe("billing", "orders", filters=filters, ordered=True, max_attempts=1)
    wire.publish("orders", cloudevent(type="noise"), cloudevent(1))
    wire.publish("orders", cloudevent(2), delay_s=600)
    got = wire.events("billing", lease=wire.token())
    wire.events("billing", nack=[{"lease": got["lease"]}])
    assert wire.get("register", subscriber=f"{wire.name('billing')}")["delayed"] == 1
    for _ in range(2):
        answer = wire.ask("get_events", {"subscriber": wire.name("billing"), "lease": wire.token()})
        assert answer.json()["events"] == []
        assert store_ops(answer) == (2, 0, 0)


def test_an_idle_poll_through_a_pattern_costs_three_reads(wire: Wire) -> None:
    """The registry's next record is one more; it tells of topics that come later."""
    wire.publish("orders.eu", cloudevent())
    wire.subscribe("billing")
    wire.ok("subscribe", {"subscriber": wire.name("billing"), "topic": f"{wire.name('orders')}.*"})
    lease = None
    for topic in ("orders.eu", "other"):
        wire.publish(topic, cloudevent())
        got = wire.events("billing", **({"ack": [{"lease": lease}]} if lease else {}))
        while got["more"] or got["events"]:
            lease = got["lease"]
            got = wire.events("billing", **({"ack": [{"lease": lease}]} if lease else {}))
    answer = wire.ask("get_events", {"subscriber": wire.name("billing"), "lease": wire.token()})
    assert answer.json()["events"] == []
    assert store_ops(answer) == (3, 0, 0)


def test_a_poll_of_a_topic_that_does_not_exist_costs_two_reads(wire: Wire) -> None:
    """Its document is read in place of its log."""
    wire.subscribe("billing", "orders")
    answer = wire.ask("get_events", {"subscriber": wire.name("billing")})
    assert store_ops(answer) == (2, 0, 0)


def test_a_warm_publish_costs_one_write_and_no_read(wire: Wire) -> None:
    """However many events it has, as long as they fit one batch."""
    wire.publish("orders", cloudevent())
    for count in (1, 100):
        body = {"topic": wire.name("orders"), "publisher": wire.name("shop"), "since": wire.store_time}
        answer = wire.ask("publish", {**body, "events": [cloudevent(number) for number in range(count)]})
        assert answer.status_code == 200
        assert store_ops(answer) == (0, 1, 0)


def test_a_delivery_and_the_ack_of_the_one_before_cost_one_write(wire: Wire) -> None:
    """The ack travels with the next call."""
    wire.subscribe("billing", "orders")
    wire.publish("orders", cloudevent(1))
    got = wire.events("billing", lease=wire.token())
    wire.publish("orders", cloudevent(2))
    body = {"subscriber": wire.name("billing"), "lease": wire.token(), "ack": [{"lease": got["lease"]}]}
    answer = wire.ask("get_events", body)
    assert [event["data"] for event in answer.json()["events"]] == [2]
    assert store_ops(answer)[1:] == (1, 0)


def test_a_refused_request_costs_nothing(wire: Wire) -> None:
    """It is refused before the store is asked."""
    answer = wire.ask("publish", {"topic": "a..b", "publisher": "shop", "events": [cloudevent()]})
    assert answer.status_code == 400
    assert store_ops(answer) == (0, 0, 0)
    assert "X-Store-Time" not in answer.headers


def drain(wire: Wire) -> None:
    """Get and settle all that there is."""
    settled: dict[str, Any] = {}
    while (got := wire.events("billing", lease=wire.token(), **settled))["events"]:
        settled = {"ack": [{"lease": got["lease"]}]}


def ops_of_a_wait(wire: Wire, wait_s: int, expected: tuple[int, int, int]) -> tuple[int, int, int]:
    """What a wait was billed for in which nothing came: as expected, or else in the last of three waits.

    Where the machine stalls for a second just then, a wait over Firestore polls, as it should.
    """
    for _ in range(3):
        answer = wire.ask("get_events", {"subscriber": wire.name("billing"), "wait_s": wait_s, "lease": wire.token()})
        assert answer.json()["events"] == []
        if (ops := store_ops(answer)) == expected:
            break
    return ops


def test_a_wait_in_which_nothing_comes_costs_an_idle_poll_and_what_waiting_costs(
    wire: Wire, store: tuple[str, str | None]
) -> None:
    """Firestore bills one more read for each log; however long the wait is."""
    listens = store[0] == "firestore"
    wire.subscribe("billing", "orders")
    wire.publish("orders", cloudevent())
    drain(wire)
    for wait_s in (2, 4) if listens else (1,):
        expected = (2 + listens, 0, 0)
        assert ops_of_a_wait(wire, wait_s, expected) == expected


def test_a_wait_under_a_pattern_costs_two_reads_a_topic_and_three(wire: Wire, store: tuple[str, str | None]) -> None:
    """For 1, 20, 100 topics 5, 43, 203 reads. Where waiting is not billed, half of it."""
    listens = store[0] == "firestore"
    wire.subscribe("billing")
    wire.ok("subscribe", {"subscriber": wire.name("billing"), "topic": f"{wire.name('orders')}.*"})
    topics = 0
    for count, listening in ((1, 5), (20, 43), (100, 203)):
        for topic in range(topics, count):
            wire.publish(f"orders.{topic}", cloudevent())
        topics = count
        drain(wire)
        expected = (listening if listens else count + 2, 0, 0)
        assert ops_of_a_wait(wire, 2 if listens else 1, expected) == expected
