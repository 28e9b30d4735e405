"""Events in a consumer's hands: settled, given back, kept, or come again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from e2e.wire import Wire, cloudevent
from pubsubclient import Publisher, Service, Subscriber


def _leased(wire: Wire, count: int = 3, **more: Any) -> dict[str, Any]:
    """Events 0, 1, … leased to the subscriber "billing"."""
    wire.publish("orders", *(cloudevent(number) for number in range(count)))
    wire.subscribe("billing", "orders", **more)
    answer = wire.events("billing", lease=wire.token())
    assert _data(answer) == list(range(count))
    return answer


def _data(answer: dict[str, Any]) -> list[Any]:
    return [event["data"] for event in answer["events"]]


def _settlement(answer: dict[str, Any], places: Sequence[int] | None = None, **more: Any) -> list[dict[str, Any]]:
    """The settlement of all of a lease, or of its events at some places."""
    if places is not None:
        events = [answer["events"][place] for place in places]
        more["events"] = [[event["topic"], event["sequence"]] for event in events]
    return [{"lease": answer["lease"], **more}]


def _unsettled(wire: Wire) -> int:
    unsettled: int = wire.get("register", subscriber=wire.name("billing"))["unsettled"]
    return unsettled


def test_acknowledged_events_do_not_come_again(wire: Wire) -> None:
    """Some by name, the rest with the whole lease."""
    leased = _leased(wire)
    assert "unknown" not in wire.events("billing", max_events=0, ack=_settlement(leased, [1]))
    assert _unsettled(wire) == 2
    assert "unknown" not in wire.events("billing", ack=_settlement(leased))
    assert _unsettled(wire) == 0
    assert wire.events("billing", wait_s=0.3)["events"] == []


def test_an_ack_said_twice_is_no_news(wire: Wire) -> None:
    """A token that its client settled is never in unknown."""
    leased = _leased(wire)
    for _ in range(2):
        assert "unknown" not in wire.events("billing", max_events=0, ack=_settlement(leased))


def test_released_events_come_again_after_their_delay(wire: Wire) -> None:
    """As the same attempt, each after the delay of its own release, at a whole second; what is not delayed at once."""
    leased = _leased(wire, 4)
    before = wire.store_time
    release = [
        *_settlement(leased, [0], delay_s=5.5),  # longer than the next requests take on a busy machine
        *_settlement(leased, [1, 2], delay_s=600),
        *_settlement(leased, [3]),
    ]
    assert "unknown" not in wire.events("billing", max_events=0, release=release)
    due_s = []
    for event in leased["events"][:3]:
        query = {"subscriber": wire.name("billing"), "topic": event["topic"], "event": event["sequence"]}
        found = wire.get("register", **query)
        assert (found["state"], found["attempt"]) == ("due", 1)
        due_s.append(datetime.fromisoformat(found["at"].replace("Z", "+00:00")).timestamp())
    again = wire.events("billing", lease=wire.token())
    assert (_data(again), again["events"][0]["attempt"]) == ([3], 1)
    assert due_s[0] == int(due_s[0]) >= before / 1_000_000 + 5.5
    assert due_s[1] == due_s[2] >= before / 1_000_000 + 600
    later = wire.events("billing", lease=wire.token(), wait_s=20)
    assert (_data(later), later["events"][0]["attempt"]) == ([0], 1)
    assert wire.store_time / 1_000_000 >= due_s[0]


def test_nacked_events_come_again_as_the_next_attempt(wire: Wire) -> None:
    """Before anything new."""
    leased = _leased(wire)
    wire.publish("orders", cloudevent("new"))
    again = wire.events("billing", ack=_settlement(leased, [0]), nack=_settlement(leased, [2, 1], delay_s=0))
    assert [(event["data"], event["attempt"]) for event in again["events"]] == [(1, 2), (2, 2)]
    assert _data(wire.events("billing", ack=_settlement(again))) == ["new"]


def test_a_nack_may_name_a_delay(wire: Wire) -> None:
    """The events stay away so long; a long poll ends when they are due."""
    leased = _leased(wire, 1)
    at_once = wire.events("billing", nack=_settlement(leased, delay_s=1.5))
    nacked_at = wire.store_time
    assert at_once["events"] == []
    again = wire.events("billing", wait_s=20)
    assert [(event["data"], event["attempt"]) for event in again["events"]] == [(0, 2)]
    # X-Store-Time may be behind the store by a second, and a delay ends on a whole one
    assert 500_000 <= wire.store_time - nacked_at < 15_000_000


def test_released_events_come_again_without_a_new_attempt(wire: Wire) -> None:
    """It is nobody's fault."""
    leased = _leased(wire)
    again = wire.events("billing", release=_settlement(leased))
    assert [(event["data"], event["attempt"]) for event in again["events"]] == [(0, 1), (1, 1), (2, 1)]


def test_releasing_a_token_that_was_not_seen_ends_it(wire: Wire) -> None:
    """A fetch that was given up makes no lease when it arrives after all."""
    wire.publish("orders", cloudevent(1))
    wire.subscribe("billing", "orders")
    wire.events("billing", max_events=0)
    token = wire.token()
    assert "unknown" not in wire.events("billing", max_events=0, release=[{"lease": token}])
    late = wire.events("billing", lease=token)
    assert (late["events"], late["over"], late["lease"]) == ([], True, token)
    assert _data(wire.events("billing")) == [1]


def test_an_extended_lease_lasts_longer(wire: Wire) -> None:
    """It is still there when another one, not extended, is over."""
    wire.publish("orders", cloudevent("kept"), cloudevent("left"))
    wire.subscribe("billing", "orders", ack_deadline_s=6)  # longer than the next requests take on a busy machine
    kept = wire.events("billing", lease=wire.token(), max_events=1)
    left = wire.events("billing", lease=wire.token())
    assert (_data(kept), _data(left)) == (["kept"], ["left"])
    assert "unknown" not in wire.events("billing", max_events=0, extend=_settlement(kept, seconds=60))
    assert _data(wire.events("billing", wait_s=20)) == ["left"]
    assert "unknown" not in wire.events("billing", max_events=0, ack=_settlement(kept))


def test_extending_never_shortens(wire: Wire) -> None:
    """What was promised holds."""
    leased = _leased(wire, 1, ack_deadline_s=60)
    assert "unknown" not in wire.events("billing", max_events=0, extend=_settlement(leased, seconds=1))
    assert wire.events("billing", wait_s=1.5)["events"] == []


def test_a_lease_that_is_over_gives_its_events_back(wire: Wire) -> None:
    """As the next attempt each time, by a long poll as soon as it is over."""
    _leased(wire, 2, ack_deadline_s=1, backoff_s=0)
    for attempt in (2, 3):
        again = wire.events("billing", wait_s=20, lease=wire.token())
        assert [(event["data"], event["attempt"]) for event in again["events"]] == [(0, attempt), (1, attempt)]


def test_a_late_ack_counts_for_what_has_not_come_again(wire: Wire) -> None:
    """Nothing else does that late: it comes back in unknown."""
    leased = _leased(wire, 2, ack_deadline_s=1)
    wire.subscribe("billing", "orders", ack_deadline_s=60)
    again = wire.events("billing", wait_s=20, max_events=1)
    assert _data(again) == [0]
    late = wire.events("billing", max_events=0, extend=_settlement(leased), nack=_settlement(leased))
    assert late["unknown"] == [
        {"lease": leased["lease"], "settlement": "nack"},
        {"lease": leased["lease"], "settlement": "extend"},
    ]
    acked = wire.events("billing", ack=_settlement(leased))
    assert acked["unknown"] == [{"lease": leased["lease"], "settlement": "ack"}]
    assert acked["events"] == []
    assert _unsettled(wire) == 1


@pytest.mark.parametrize("verb", ["ack", "nack", "extend"])
def test_a_lease_that_never_was_is_unknown(wire: Wire, verb: str) -> None:
    """No error: the rest of the request is done."""
    wire.publish("orders", cloudevent(1))
    wire.subscribe("billing", "orders")
    wire.events("billing", max_events=0)
    token = wire.token()
    answer = wire.events("billing", **{verb: [{"lease": token}]})
    assert answer["unknown"] == [{"lease": token, "settlement": verb}]
    assert _data(answer) == [1]


def test_events_that_a_lease_never_held_are_unknown(wire: Wire) -> None:
    """The others named with them are settled."""
    leased = _leased(wire)
    [settlement] = _settlement(leased, [0])
    settlement["events"].append([wire.name("orders"), "0000-00000000000000000099"])
    answer = wire.events("billing", max_events=0, ack=[settlement])
    assert answer["unknown"] == [{"lease": leased["lease"], "settlement": "ack"}]
    assert _unsettled(wire) == 2


def test_of_several_settlements_of_an_event_the_first_counts(wire: Wire) -> None:
    """In the order ack, nack, release, extend."""
    leased = _leased(wire)
    again = wire.events(
        "billing",
        release=_settlement(leased),
        nack=_settlement(leased, [1], delay_s=0),
        ack=_settlement(leased, [0]),
    )
    assert [(event["data"], event["attempt"]) for event in again["events"]] == [(1, 2)]
    rest = wire.events("billing")
    assert [(event["data"], event["attempt"]) for event in rest["events"]] == [(2, 1)]


def test_the_same_token_gets_the_same_lease_less_what_is_settled(wire: Wire) -> None:
    """So a fetch may be tried again; what is new meanwhile does not join it."""
    leased = _leased(wire)
    wire.publish("orders", cloudevent("new"))
    again = wire.events("billing", lease=leased["lease"])
    assert again["events"] == leased["events"]
    assert again["until"] == leased["until"]
    wire.events("billing", max_events=0, ack=_settlement(leased, [0, 2]))
    assert _data(wire.events("billing", lease=leased["lease"])) == [1]


def test_a_token_whose_lease_has_ended_is_over(wire: Wire) -> None:
    """It makes no other one; a new token does."""
    leased = _leased(wire)
    wire.publish("orders", cloudevent("new"))
    answer = wire.events("billing", lease=leased["lease"], ack=_settlement(leased))
    assert (answer["events"], answer["over"], answer["lease"]) == ([], True, leased["lease"])
    assert _data(wire.events("billing", lease=wire.token())) == ["new"]


def test_unsubscribing_forgets_what_is_leased_and_due(wire: Wire) -> None:
    """Events of other topics stay; subscribing anew begins anew."""
    wire.publish("stock", cloudevent("stock"))
    leased = _leased(wire)
    wire.ok("subscribe", {"subscriber": wire.name("billing"), "topic": wire.name("stock")})
    wire.events("billing", max_events=0, nack=_settlement(leased, [0]))
    names = {"subscriber": wire.name("billing"), "topic": wire.name("orders")}
    for _ in range(2):
        assert wire.ask("subscribe", names, method="DELETE").status_code == 204
    wire.publish("orders", cloudevent("missed"))
    answer = wire.events("billing")
    assert _data(answer) == ["stock"]
    assert wire.events("billing", ack=_settlement(answer))["events"] == []
    assert _unsettled(wire) == 0
    wire.subscribe("billing", "orders")
    assert _data(wire.events("billing")) == [0, 1, 2, "missed"]


@pytest.mark.http
def test_the_clients_settlements_do_what_they_say(wire: Wire) -> None:
    """Ack, nack with a delay, extend, and the implicit ack of the next call."""
    service = Service(wire.url)
    topic = wire.name("orders")
    publisher = Publisher(wire.name("shop"), service=service)
    for number in range(4):
        publisher.publish(topic, number)
    with Subscriber(wire.name("billing"), service=service) as subscriber:
        subscriber.subscribe(topic)
        acked, nacked, extended, _ = subscriber.get_events()
        assert acked.ack()
        assert not acked.nack()
        assert nacked.nack(delay=0)
        assert extended.extend(60)
        assert _unsettled(wire) == 3
        again = subscriber.get_events(wait=20)
        assert [(event.data, event.attempt) for event in again] == [(1, 2)]
        assert _unsettled(wire) == 1
    assert _unsettled(wire) == 0


@pytest.mark.parametrize("verbs", [("ack",), ("ack", "nack", "extend", "release")])
def test_settlements_are_bounded(wire: Wire, verbs: Sequence[str]) -> None:
    """What is over is refused as a whole; what is just within is carried out."""
    leased = _leased(wire)
    most = {verb: [{"lease": f"1-{verb}{n}"} for n in range(10_000 // len(verbs))] for verb in verbs}
    most["ack"][-1:] = _settlement(leased)
    request = {"subscriber": wire.name("billing"), "max_events": 0}
    over = wire.ask("get_events", {**request, **most, "ack": [*most["ack"], {"lease": "1-x"}]})
    assert (over.status_code, over.json()["code"]) == (400, "too_many_settlements")
    assert "at most 10000 settlements are expected; got 10001" in over.json()["detail"]
    assert _unsettled(wire) == 3
    wire.ok("get_events", {**request, **most})
    assert _unsettled(wire) == 0
