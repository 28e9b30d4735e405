"""Names that are removed, and registered again: what is late from the life before does nothing to the next one."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.serving import Serving
from e2e.wire import Wire, cloudevent, store_ops
from pubsubclient import Conflict, Event, NotFound, Publisher, ServiceError, Subscriber


def _remove(wire: Wire, name: str, kind: str = "subscriber", **more: Any) -> None:
    body = {kind: wire.name(name), "token": wire.token(), **more}
    assert wire.ok("register", body, method="DELETE") == {}


def _names(wire: Wire, kind: str) -> list[str]:
    query = {kind: "", "page_size": 1_000, "page_token": f"{wire.unique}-"}
    names: list[str] = wire.get("register", **query)["names"]
    return [name.removeprefix(f"{wire.unique}-") for name in names if name.startswith(wire.unique)]


def _data(answer: dict[str, Any]) -> list[Any]:
    return [event["data"] for event in answer["events"]]


def test_a_removed_subscriber_is_gone(wire: Wire) -> None:
    """For every call; its topic and its publisher are not."""
    wire.publish("orders", cloudevent(1))
    wire.subscribe("billing", "orders")
    _remove(wire, "billing")
    assert (_names(wire, "subscriber"), _names(wire, "publisher")) == ([], ["shop"])
    assert wire.refused("get_events", {"subscriber": wire.name("billing")}) == (404, "unknown_subscriber")
    assert wire.refused("subscribe", {"subscriber": wire.name("billing"), "topic": wire.name("orders")}) == (
        404,
        "unknown_subscriber",
    )
    _remove(wire, "billing")  # a try whose answer was lost is sent again
    wire.subscribe("other", "orders")
    assert _data(wire.events("other")) == [1]


def test_a_removal_costs_little(wire: Wire) -> None:
    """A read and a delete; with something unsettled two reads more, in case it is dead by now."""
    wire.publish("orders", cloudevent(1))
    wire.subscribe("billing", "orders")
    answer = wire.ask("register", {"subscriber": wire.name("billing"), "token": wire.token()}, method="DELETE")
    assert store_ops(answer) == (1, 0, 1)
    wire.subscribe("billing", "orders")
    assert _data(wire.events("billing")) == [1]
    answer = wire.ask("register", {"subscriber": wire.name("billing"), "token": wire.token()}, method="DELETE")
    assert store_ops(answer) == (3, 0, 1)
    answer = wire.ask("register", {"publisher": wire.name("shop"), "token": wire.token()}, method="DELETE")
    assert store_ops(answer) == (1, 0, 1)


def test_a_later_life_begins_anew(wire: Wire) -> None:
    """It subscribes to nothing, and gets from the beginning what it subscribes to."""
    wire.publish("orders", cloudevent(1), cloudevent(2))
    wire.subscribe("billing", "orders", max_attempts=2)
    wire.events("billing", max_events=1)
    _remove(wire, "billing")
    assert wire.ok("register", {"subscriber": wire.name("billing")})["subscriptions"] == []
    wire.subscribe("billing", "orders")
    (subscription,) = wire.get("register", subscriber=wire.name("billing"))["subscriptions"]
    assert (subscription["max_attempts"], subscription["backlog"]) == (5, 2)
    again = wire.events("billing")
    assert (_data(again), again["events"][0]["attempt"]) == ([1, 2], 1)


def test_late_requests_of_an_earlier_life_do_nothing(wire: Wire) -> None:
    """A fetch makes no lease, a change changes nothing, a removal removes nothing, an ack does not count."""
    wire.publish("orders", cloudevent(1))
    wire.subscribe("billing", "orders")
    unused, held = wire.token(), wire.token()
    assert _data(wire.events("billing", lease=held)) == [1]
    _remove(wire, "billing")
    wire.subscribe("billing", "orders")
    for late in (unused, held):
        answer = wire.events("billing", lease=late)
        assert (answer["events"], answer["over"]) == ([], True)
    change = {"subscriber": wire.name("billing"), "topic": wire.name("orders"), "token": unused}
    assert wire.refused("subscribe", {**change, "seek": "latest"}) == (409, "older_token")
    assert wire.refused("subscribe", change, method="DELETE") == (409, "older_token")
    removal = {"subscriber": wire.name("billing"), "token": unused}
    assert wire.refused("register", removal, method="DELETE") == (409, "older_token")
    answer = wire.events("billing", max_events=0, ack=[{"lease": held}])
    assert answer["unknown"] == [{"lease": held, "settlement": "ack"}]
    assert _data(wire.events("billing", lease=wire.token())) == [1]


def test_poison_of_two_lives_has_two_dead_letters(wire: Wire) -> None:
    """Each life counts its deaths from 1; and each has the state of its own letters only."""
    (receipt,) = wire.publish("orders", cloudevent("poison"))
    query = {"subscriber": wire.name("billing"), "topic": wire.name("orders"), "event": receipt["sequence"]}
    for life in range(2):
        wire.subscribe("billing", "orders", max_attempts=1)
        answer = wire.events("billing")
        assert _data(answer) == ["poison"]
        wire.events("billing", max_events=0, nack=[{"lease": answer["lease"]}])
        assert wire.get("register", **query)["state"] == "dead_lettered"
        if not life:
            _remove(wire, "billing")
            wire.subscribe("billing", "orders", start="earliest")
            assert wire.get("register", **query)["state"] == "not_read"
            settled = wire.events("billing")
            wire.events("billing", max_events=0, ack=[{"lease": settled["lease"]}])
            assert wire.get("register", **query)["state"] == "settled"
            _remove(wire, "billing")
    letters = wire.get("get_events", topic=wire.name("billing.dead"), start="earliest")["events"]
    places = [letter["id"].rpartition("/")[0] for letter in letters]
    assert places == [f"{wire.name('orders')}/0/0/1"] * 2
    assert len({letter["id"] for letter in letters}) == 2


def test_what_is_dead_becomes_a_dead_letter_first(wire: Wire) -> None:
    """While no topic takes its dead letters, a subscriber stays; with `force` they go with it."""
    wire.publish("orders", cloudevent("poison"))
    wire.subscribe("billing", "orders", max_attempts=1, dead_letter_topic=wire.name("graves"))
    wire.publish("graves", cloudevent("ordinary"))  # from now on it takes no dead letters
    answer = wire.events("billing")
    wire.events("billing", max_events=0, nack=[{"lease": answer["lease"]}])
    assert wire.get("register", subscriber=wire.name("billing"))["dead"] == 1
    removal = {"subscriber": wire.name("billing"), "token": wire.token()}
    refused = wire.ask("register", removal, method="DELETE")
    assert (refused.status_code, refused.json()["code"]) == (503, "dead_letters_left")
    assert "1 dead letters" in refused.json()["detail"]
    assert refused.headers["Retry-After"] == "1"
    assert wire.get("register", subscriber=wire.name("billing"))["dead"] == 1
    _remove(wire, "billing", force=True)
    assert _names(wire, "subscriber") == []


def test_a_removed_publisher_publishes_again_as_a_new_one(wire: Wire) -> None:
    """Its events stay, and are recognised: an identity of an event is the name's, not the life's."""
    event = cloudevent(1)
    first = wire.publish("orders", event)
    _remove(wire, "shop", "publisher")
    assert _names(wire, "publisher") == []
    assert wire.publish("orders", event) == first
    assert _names(wire, "publisher") == ["shop"]


def test_the_client_deletes_a_subscriber(wire: Wire, shared: Serving, caplog: pytest.LogCaptureFixture) -> None:
    """What it holds is nobody's any more, and its end says nothing of it; the name can be used again."""
    publisher = Publisher(wire.name("shop"), service=shared.url)
    publisher.publish([Event(wire.name("orders"), number) for number in range(5)])
    subscriber = Subscriber(wire.name("billing"), service=shared.url)
    subscriber.subscribe(wire.name("orders"))
    for event in subscriber.events(max_events=2):
        assert event.data == 0
        subscriber.delete()
    subscriber.close()
    assert caplog.records == []
    with pytest.raises(NotFound):
        subscriber.get_events()
    subscriber.delete()
    other = Subscriber(wire.name("billing"), service=shared.url)
    other.subscribe(wire.name("orders"))
    assert [event.data for event in other.get_events()] == [0, 1, 2, 3, 4]
    other.close()
    for _ in range(2):
        publisher.delete()
    assert _names(wire, "publisher") == []


def test_the_client_is_told_at_once_of_dead_letters_that_are_left(wire: Wire, shared: Serving) -> None:
    """It may try again later, or drop them."""
    subscriber = Subscriber(wire.name("billing"), service=shared.url)
    graves = wire.name("graves")
    subscriber.subscribe(wire.name("orders"), max_attempts=1, dead_letter_topic=graves)
    wire.publish("orders", cloudevent("poison"))
    wire.publish("graves", cloudevent("ordinary"))
    subscriber.get_events().nack()
    with pytest.raises(ServiceError) as raised:
        subscriber.delete()
    error = raised.value
    assert (error.status, error.code, error.retryable) == (503, "dead_letters_left", True)
    assert not isinstance(error, Conflict)
    subscriber.delete(force=True)
    assert _names(wire, "subscriber") == []
