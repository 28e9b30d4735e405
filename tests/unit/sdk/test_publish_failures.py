"""What publish says of what it could not store."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from pubsubclient import (
    Conflict,
    Event,
    InvalidArgument,
    Publisher,
    PublishError,
    PublishRefused,
    PublishUnavailable,
    PublishUnknown,
    Service,
    ServiceError,
    TooLarge,
    Unavailable,
)
from unit.sdk.clocks import Moved
from unit.sdk.scripted import BREAK_OFF, Reply, ScriptedService, problem


def test_one_event_that_is_too_large_alone_is_refused(server: ScriptedService, publisher: Publisher) -> None:
    """What was stored before it has receipts; it and what follows can be had from the error."""

    def not_three(body: Any) -> Reply:
        if any(event["id"] == "3" for event in body["events"]):
            return problem(413, "too_large", "events[0]: too large.")
        return Reply({"events": [server.receipt(event) for event in body["events"]]})

    server.script("publish", *[not_three] * 10)
    events = [Event("orders", id=f"{n}") for n in range(6)]
    with pytest.raises(PublishRefused) as raised:
        publisher.publish(events)
    error = raised.value
    assert isinstance(error.reason, TooLarge)
    assert [receipt and receipt.id for receipt in error.receipts] == ["0", "1", "2", None, None, None]
    assert error.events == events[3:]
    assert "3 of 6 events were not stored: publish: events[0]: too large. (413 too_large)" in str(error)


def test_a_publish_that_fails_half_way_says_what_is_stored(server: ScriptedService, publisher: Publisher) -> None:
    """Per event, in the order of the call."""
    events = [Event(topic, id=f"{n}") for n, topic in enumerate(["a", "b", "c", "a", "b"])]

    def stored(body: Any) -> Reply:
        return Reply({"events": [server.receipt(event) for event in body["events"]]})

    server.script("publish", stored, problem(403, "not_yours", "P is another's.", owner="x"))
    with pytest.raises(PublishRefused) as raised:
        publisher.publish(events)
    error = raised.value
    assert [receipt and receipt.id for receipt in error.receipts] == ["0", None, None, "3", None]
    assert error.events == [events[1], events[2], events[4]]
    assert isinstance(error.reason, ServiceError)
    assert (error.reason.status, error.reason.code, error.reason.extra) == (403, "not_yours", {"owner": "x"})
    assert error.__cause__ is error.reason
    assert len(server.calls("publish")) == 2


def test_a_conflict_is_not_tried_again(server: ScriptedService, publisher: Publisher) -> None:
    """Nor is anything else that the service has judged."""
    server.script("publish", problem(422, "differs", event="7"))
    with pytest.raises(PublishRefused) as raised:
        publisher.publish(Event("orders", id="7"))
    assert isinstance(raised.value.reason, Conflict)
    assert raised.value.reason.extra == {"event": "7"}
    assert len(server.calls("publish")) == 1


def test_a_try_without_an_answer_is_repeated_to_the_letter(server: ScriptedService, publisher: Publisher) -> None:
    """The same ids and the same since, so that the service stores the events once."""
    server.script("publish", BREAK_OFF, problem(503, "unavailable"), BREAK_OFF)
    receipt = publisher.publish(Event("orders", id="7"))
    assert receipt.id == "7"
    bodies = [asked.raw for asked in server.asked if asked.function == "publish"]
    assert len(bodies) == 4
    assert len(set(bodies)) == 1


def test_an_unknown_outcome_is_said_to_be_unknown(server: ScriptedService) -> None:
    """When the time is up."""
    publisher = Publisher("shop", service=Service(server.url, deadline_s=10, clock=Moved()))
    server.script("publish", *[BREAK_OFF] * 100)
    events = [Event("orders"), Event("orders")]
    with pytest.raises(PublishUnknown) as raised:
        publisher.publish(events)
    assert isinstance(raised.value.reason, Unavailable)
    assert raised.value.events == events
    assert raised.value.receipts == [None, None]
    assert "2 of 2 events may or may not be stored" in str(raised.value)


def test_the_same_event_published_again_keeps_its_since(server: ScriptedService) -> None:
    """The smallest of a request's events, so that all of them are recognised."""
    publisher = Publisher("shop", service=Service(server.url, deadline_s=10, clock=Moved()))
    server.script("publish", *[BREAK_OFF] * 100)
    event = Event("orders", id="7")
    with pytest.raises(PublishUnknown):
        publisher.publish(event)
    [first] = {body["since"] for body in server.calls("publish")}
    server.as_usual("publish")
    server.store_time_us = 1_700_000_100_000_000
    publisher.publish("other")
    publisher.publish(Event("orders", id="8"), event)
    publisher.publish(Event("orders", id="9"))
    other, both, new = (body["since"] for body in server.calls("publish")[-3:])
    assert other < 1_700_000_100_000_000
    assert both == first
    assert new >= 1_700_000_100_000_000


def test_an_event_is_published_again_long_after(server: ScriptedService) -> None:
    """With the time of its first try, which survives pickling; if that is too long ago, nobody knows what is stored."""
    publisher = Publisher("shop", service=Service(server.url, deadline_s=10, clock=Moved()))
    server.script("publish", *[BREAK_OFF] * 100)
    event = Event("orders", id="7")
    with pytest.raises(PublishUnknown):
        publisher.publish(event, far=True)
    first = server.calls("publish")[0]
    assert first["far"] is True
    server.as_usual("publish")
    server.store_time_us = 1_700_100_000_000_000
    publisher.publish("other")
    publisher.publish(pickle.loads(pickle.dumps(event)), far=True)
    *_, other, again = server.calls("publish")
    assert again == first
    assert "far" not in other
    server.script("publish", problem(409, "too_far"))
    with pytest.raises(PublishUnknown) as raised:
        publisher.publish(event, far=True)
    assert isinstance(raised.value.reason, Conflict)
    with pytest.raises(InvalidArgument):
        publisher.publish(event, far=1)  # type: ignore[call-overload]


def test_a_refusal_after_a_try_without_an_answer_is_an_unknown_outcome(
    server: ScriptedService, publisher: Publisher
) -> None:
    """The first try may have been stored before the service changed its mind."""
    server.script("publish", BREAK_OFF, problem(403, "forbidden"))
    with pytest.raises(PublishUnknown):
        publisher.publish(Event("orders"))


def test_an_event_once_tried_is_never_said_to_be_surely_not_stored(
    server: ScriptedService, publisher: Publisher
) -> None:
    """Because of the tries before."""
    event = Event("orders")
    server.script("publish", BREAK_OFF, problem(403, "forbidden"), problem(403, "forbidden"))
    for _ in range(2):
        with pytest.raises(PublishUnknown):
            publisher.publish(event)


def test_an_event_that_never_left_is_surely_not_stored(server: ScriptedService) -> None:
    """No connection was made."""
    publisher = Publisher("shop", service=Service(server.url, deadline_s=10, clock=Moved()))
    server.close()
    with pytest.raises(Unavailable) as raised:
        publisher.publish(Event("orders"))
    error = raised.value
    assert isinstance(error, PublishUnavailable)
    assert isinstance(error.reason, Unavailable)
    assert (error.retryable, error.uncertain, error.reason.uncertain) == (True, False, False)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.function, again.tries) == (str(error), "publish", error.tries)


def test_a_receiver_of_webhooks_can_tell_its_own_fault_from_the_services(
    server: ScriptedService, publisher: Publisher
) -> None:
    """By one attribute, whatever went wrong."""
    for failure, retryable in ((problem(403, "forbidden"), False), (problem(422, "payload_differs"), False)):
        server.script("publish", failure)
        with pytest.raises(PublishError) as raised:
            publisher.publish("orders", 1)
        assert raised.value.retryable is retryable
    with pytest.raises(InvalidArgument) as invalid:
        publisher.publish("no topic", 1)
    assert not invalid.value.retryable


def test_an_event_that_was_refused_before_is_still_surely_not_stored(
    server: ScriptedService, publisher: Publisher
) -> None:
    """However often."""
    event = Event("orders")
    for _ in range(2):
        server.script("publish", problem(403, "forbidden"))
        with pytest.raises(PublishRefused):
            publisher.publish(event)


@pytest.mark.parametrize(
    "body", [{}, {"events": []}, {"events": [{"id": "7"}]}, {"events": 7}, [], b"<html>", b"\xff", b"[" * 100_000]
)
def test_a_success_without_receipts_is_an_unknown_outcome(
    server: ScriptedService, publisher: Publisher, body: Any
) -> None:
    """Something on the way has answered; it is not tried again."""
    server.script("publish", Reply(body))
    with pytest.raises(PublishUnknown) as raised:
        publisher.publish(Event("orders"))
    assert isinstance(raised.value.reason, ServiceError)
    assert raised.value.reason.code == "bad_answer"
    assert len(server.calls("publish")) == 1


def test_a_publish_error_survives_pickling(server: ScriptedService, publisher: Publisher) -> None:
    """As it crosses processes in pools of workers."""
    server.script("publish", BREAK_OFF, problem(403, "forbidden"))
    with pytest.raises(PublishUnknown) as raised:
        publisher.publish(Event("orders", id="7"))
    again = pickle.loads(pickle.dumps(raised.value))
    assert [event.id for event in again.events] == ["7"]
    assert again.reason.uncertain
    assert str(again) == str(raised.value)
