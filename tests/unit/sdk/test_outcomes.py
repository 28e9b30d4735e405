"""The public pieces for a worker of one's own: `Subscriber.fetch`, `Outcomes`, `Subscriber(register=False)`."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pubsubclient import Events, InvalidArgument, Service, Subscriber, Unavailable
from unit.sdk.clocks import Moved
from unit.sdk.hands import ref
from unit.sdk.programs import run_program
from unit.sdk.scripted import BREAK_OFF, Reply, ScriptedService, event, lease, problem


def fetched(server: ScriptedService, subscriber: Subscriber, *numbers: int, **members: Any) -> Events:
    server.script("get_events", lease(*map(event, numbers), **members))
    return subscriber.fetch()


def token(server: ScriptedService, call: int = 0) -> str:
    found: str = server.calls("get_events")[call]["lease"]
    return found


def test_nothing_is_sent_before_the_first_call_that_needs_the_service(
    server: ScriptedService, service: Service
) -> None:
    subscriber = Subscriber("billing", service=service, register=False)
    assert server.asked == []
    subscriber.fetch()
    subscriber.fetch()
    assert [asked.function for asked in server.asked] == ["register", "get_events", "get_events"]


def test_a_subscriber_is_made_while_nothing_answers() -> None:
    """At import, for instance; the first call says what is wrong."""
    service = Service("http://127.0.0.1:9", deadline_s=0.2)
    subscriber = Subscriber("billing", service=service, register=False)
    with pytest.raises(Unavailable):
        subscriber.fetch()


def test_fetch_acknowledges_nothing(server: ScriptedService, subscriber: Subscriber) -> None:
    events = fetched(server, subscriber, 1, 2)
    assert [each.data["n"] for each in events] == [1, 2]
    subscriber.fetch(10)
    subscriber.get_events()
    subscriber.close()
    assert all("ack" not in call for call in server.calls("get_events"))


def test_outcomes_travel_with_a_fetch_one_entry_for_equal_ones(server: ScriptedService, subscriber: Subscriber) -> None:
    events = fetched(server, subscriber, *range(1, 8))
    outcomes = subscriber.outcomes(within=600)
    outcomes.ack(events[:2])
    outcomes.nack(events[2:4], 5, reason="no stock")
    outcomes.nack(events[4], dead=True)
    outcomes.release(events[5])
    outcomes.extend(events[6], 60)
    assert outcomes.pending == 6
    subscriber.fetch(settle=outcomes)
    asked = server.calls("get_events")[1]
    name = token(server)
    assert asked["ack"] == [{"lease": name, "events": [ref(1), ref(2)]}]
    assert asked["nack"] == [
        {"lease": name, "events": [ref(3), ref(4)], "delay_s": 5, "reason": "no stock"},
        {"lease": name, "events": [ref(5)], "dead": True},
    ]
    assert asked["release"] == [{"lease": name, "events": [ref(6)]}]
    assert asked["extend"] == [{"lease": name, "seconds": 60}]
    assert outcomes.pending == 0


def test_without_a_fetch_they_are_sent_in_time(server: ScriptedService, subscriber: Subscriber) -> None:
    events = fetched(server, subscriber, 1)
    sent = threading.Event()
    server.script("get_events", lambda body: sent.set() or Reply())  # type: ignore[func-returns-value]
    outcomes = subscriber.outcomes(within=0.01)
    outcomes.ack(events[0])
    assert sent.wait(20)
    outcomes.close()
    assert server.calls("get_events")[1] == {
        "subscriber": "billing",
        "max_events": 0,
        "ack": [{"lease": token(server)}],
    }


def test_the_first_outcome_of_an_event_counts(server: ScriptedService, subscriber: Subscriber) -> None:
    events = fetched(server, subscriber, 1, 2)
    outcomes = subscriber.outcomes(within=600)
    outcomes.nack(events[0])
    outcomes.ack(events)
    events[1].ack()
    outcomes.flush()
    assert server.calls("get_events")[2] == {
        "subscriber": "billing", "max_events": 0, "nack": [{"lease": token(server), "events": [ref(1)]}],
    }  # fmt: skip


def test_what_failed_together_is_the_nack_of_a_lease_once_the_others_are_settled(
    server: ScriptedService, subscriber: Subscriber
) -> None:
    """Named events count as failed one by one, and the service makes no smaller leases of them."""
    events = fetched(server, subscriber, 1, 2, 3)
    outcomes = subscriber.outcomes(within=600)
    outcomes.nack(events[:2], reason="one of these", together=True)
    outcomes.flush()
    assert len(server.calls("get_events")) == 1
    assert outcomes.pending == 2
    outcomes.release(events[2])
    outcomes.flush()
    first, second = server.calls("get_events")[1:]
    name = token(server)
    assert first["release"] == [{"lease": name, "events": [ref(3)]}]
    assert "nack" not in first
    assert second["nack"] == [{"lease": name, "reason": "one of these"}]
    assert outcomes.pending == 0


def test_at_the_close_what_failed_together_goes_by_name(server: ScriptedService, subscriber: Subscriber) -> None:
    events = fetched(server, subscriber, 1, 2)
    outcomes = subscriber.outcomes(within=600)
    outcomes.nack(events[:1], together=True)
    outcomes.close()
    assert server.calls("get_events")[1]["nack"] == [{"lease": token(server), "events": [ref(1)]}]


def test_an_extension_that_does_not_count_tells_the_event(server: ScriptedService, subscriber: Subscriber) -> None:
    events = fetched(server, subscriber, 1)
    outcomes = subscriber.outcomes(within=600)
    server.script("get_events", Reply({"unknown": [{"lease": token(server), "settlement": "extend"}]}))
    outcomes.extend(events[0])
    assert not events[0].lost
    outcomes.flush()
    assert events[0].lost


def test_a_request_that_waits_carries_no_extension(server: ScriptedService, subscriber: Subscriber) -> None:
    """Its response comes late, and until then nobody knows whether the extension counts."""
    events = fetched(server, subscriber, 1)
    outcomes = subscriber.outcomes(within=600)
    outcomes.extend(events[0])
    subscriber.fetch(wait=5, settle=outcomes)
    outcomes.flush()
    waited, flushed = server.calls("get_events")[1:]
    assert "extend" not in waited
    assert flushed["extend"] == [{"lease": token(server), "seconds": 30}]


def test_outcomes_of_a_failed_request_are_sent_again(server: ScriptedService) -> None:
    subscriber = Subscriber("billing", service=Service(server.url, deadline_s=10, clock=Moved()))
    events = fetched(server, subscriber, 1, 2)
    outcomes = subscriber.outcomes(within=600)
    outcomes.ack(events[0])
    outcomes.nack(events[1])
    server.script("get_events", *[BREAK_OFF] * 50)
    with pytest.raises(Unavailable):
        outcomes.flush()
    assert outcomes.pending == 2
    server.as_usual("get_events")
    outcomes.flush(20)
    last = server.calls("get_events")[-1]
    assert last["ack"] == [{"lease": token(server), "events": [ref(1)]}]
    assert last["nack"] == [{"lease": token(server), "events": [ref(2)]}]


def test_a_refusal_is_raised(server: ScriptedService, subscriber: Subscriber) -> None:
    events = fetched(server, subscriber, 1)
    outcomes = subscriber.outcomes(within=600)
    outcomes.ack(events)
    server.script("get_events", problem(403, "forbidden"))
    with pytest.raises(Exception, match="forbidden"):
        outcomes.flush()


def test_of_an_ordered_topic_nothing_behind_a_failure_is_settled(
    server: ScriptedService, subscriber: Subscriber
) -> None:
    """The service takes it back, so an ack would not count."""
    events = fetched(server, subscriber, 1, 2, 3, ordered=["orders"])
    outcomes = subscriber.outcomes(within=600)
    outcomes.ack(events[0])
    outcomes.nack(events[1])
    outcomes.ack(events[2])
    outcomes.flush()
    asked = server.calls("get_events")[1]
    assert asked["ack"] == [{"lease": token(server), "events": [ref(1)]}]
    assert asked["nack"] == [{"lease": token(server), "events": [ref(2)]}]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda s, e: s.fetch(0), "max_events"),
        (lambda s, e: s.fetch(wait=21), "wait"),
        (lambda s, e: s.outcomes(within=-1), "within"),
        (lambda s, e: s.outcomes().nack(e, delay=-1), "delay"),
        (lambda s, e: s.outcomes().nack(e, reason=1), "reason"),
        (lambda s, e: s.outcomes().extend(e[0], 601), "seconds"),
        (lambda s, e: s.outcomes().flush(-1), "timeout"),
        (lambda s, e: Subscriber("x", service=s._transport.service, register="no"), "register"),
        (
            lambda s, e: s.fetch(settle=Subscriber("other", service=s._transport.service).outcomes()),
            "outcomes of subscriber 'other'",
        ),
    ],
)
def test_arguments_are_checked_and_nothing_is_recorded(
    server: ScriptedService, subscriber: Subscriber, call: Any, says: str
) -> None:
    events = fetched(server, subscriber, 1)
    with pytest.raises(InvalidArgument, match=says):
        call(subscriber, events)
    assert len(server.calls("get_events")) == 1


def test_the_end_of_the_program_sends_what_is_recorded(server: ScriptedService) -> None:
    server.script("get_events", lease(event(1)))
    code = (
        "from pubsubclient import Subscriber; subscriber = Subscriber('billing'); "
        "outcomes = subscriber.outcomes(within=600); outcomes.ack(subscriber.fetch())"
    )
    ran = run_program(code, server.url)
    assert ran.returncode == 0, ran.stderr
    assert server.calls("get_events")[1]["ack"] == [{"lease": token(server)}]
